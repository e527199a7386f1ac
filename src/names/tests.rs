use super::*;

#[track_caller]
pub(super) fn check(input: &str, expect: Result<&str, NameProblem>) {
    let name = Name::new(input);
    assert_eq!(name.as_ref().map(Name::as_str).map_err(|problem| *problem), expect);
}

#[test]
fn names_are_words_of_2_to_32_characters() {
    check("ann", Ok("ann"));
    check("  bo\r", Ok("bo"));
    check("日本", Ok("日本"));
    check("a", Err(NameProblem::TooShort));
    check("", Err(NameProblem::TooShort));
    check("é", Err(NameProblem::TooShort));
    check("e\u{301}", Err(NameProblem::TooShort));
    check(&"x".repeat(32), Ok(&"x".repeat(32)));
    check(&"x".repeat(33), Err(NameProblem::TooLong));
    check(&format!("ab{}", "\u{301}".repeat(4096)), Err(NameProblem::Unprintable));
}

#[test]
fn what_could_deceive_is_refused() {
    check("ann bo", Err(NameProblem::WhiteSpace));
    check("an\u{a0}n", Err(NameProblem::WhiteSpace));
    check("an\x1bn", Err(NameProblem::Unprintable));
    check("an\u{202e}n", Err(NameProblem::Unprintable));
    check("an\u{200b}n", Err(NameProblem::Unprintable));
    check("an\u{200d}n", Err(NameProblem::Unprintable));
    check("an\u{fffd}n", Err(NameProblem::Unprintable));
    check("ann:", Err(NameProblem::Colon));
    check("[SERVER]", Err(NameProblem::InitialState('[')));
    check("&", Err(NameProblem::InitialState('&')));
    check("Server", Err(NameProblem::Reserved));
    check("ＳＥＲＶＥＲ", Err(NameProblem::Reserved));
    check("ѕегver", Err(NameProblem::MixedScripts));
    check("10.0.0.1", Err(NameProblem::Address));
    check("１０.0.0.7", Err(NameProblem::Address));
    check("10.0.0.0/8", Err(NameProblem::Address));
    check("5erver", Ok("5erver"));
    check("5YSTEM", Ok("5YSTEM"));
    check("0perator", Err(NameProblem::Reserved));
}

#[test]
fn equal_without_regard_to_case_and_width() {
    let ann = Name::new("Ann").unwrap();
    assert_eq!(ann, Name::new("aNN").unwrap());
    assert_eq!(ann, Name::new("Ａｎｎ").unwrap());
    assert_ne!(ann, Name::new("anna").unwrap());
    assert_eq!(Name::new("ÉVA").unwrap(), Name::new("e\u{301}va").unwrap());
    assert_eq!((format!("{ann}"), format!("{ann:?}")), ("Ann".to_owned(), "\"Ann\"".to_owned()));
}

#[test]
fn what_is_wrong_is_said_in_a_sentence_of_its_own() {
    let all = [
        (NameProblem::TooShort, "at least 2"),
        (NameProblem::TooLong, "at most 32"),
        (NameProblem::WhiteSpace, "one word"),
        (NameProblem::Unprintable, "can be seen"),
        (NameProblem::Colon, "no colon"),
        (NameProblem::InitialState('['), "not begin with \"[\""),
        (NameProblem::Sign('〕'), "no \"〕\" in it"),
        (NameProblem::NoLetter, "letters, digits or emoji"),
        (NameProblem::MixedScripts, "several alphabets"),
        (NameProblem::Address, "like an address"),
        (NameProblem::Reserved, "kept for the server"),
    ];
    for (problem, part) in all {
        let sentence = problem.to_string();
        assert!(sentence.contains(part) && sentence.ends_with('.'), "{sentence}");
    }
}
