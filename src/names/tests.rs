use super::*;

#[track_caller]
fn check(input: &str, expect: Result<&str, NameProblem>) {
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
    check("[SERVER]", Err(NameProblem::Beginning('[')));
    check("&", Err(NameProblem::Beginning('&')));
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
        (NameProblem::Beginning('['), "not begin with \"[\""),
        (NameProblem::Sign('〕'), "no \"〕\" in it"),
        (NameProblem::NoLetter, "letters, digits or emoji"),
        (NameProblem::MixedScripts, "several alphabets"),
        (NameProblem::Address, "not an address"),
        (NameProblem::Reserved, "kept for the server"),
    ];
    for (problem, part) in all {
        let sentence = problem.to_string();
        assert!(sentence.contains(part) && sentence.ends_with('.'), "{sentence}");
    }
}

#[test]
fn real_names_are_allowed() {
    for name in [
        "Müller",
        "Mu\u{308}ller",
        "O'Brien",
        "O’Brien",
        "D’Arcy",
        "Jean-Luc",
        "Jean‐Luc",
        "Gal·la",
        "Þór",
        "Straßer",
        "İstanbul",
        "Işıl",
        "ılgaz",
        "Bjørn",
        "Łukasz",
        "Đorđe",
        "Nguyễn",
        "Zoë",
        "Ｔａｒｏ",
        "ʻIolani",
        "Gǃkung",
        "李雷",
        "韩梅梅",
        "王小明2",
        "ひらがな",
        "カタカナ",
        "ノア",
        "太郎taro",
        "ゆき・子",
        "ジョージ",
        "한국",
        "김철수",
        "Ольга",
        "Иван",
        "Наталія",
        "Сергей2",
        "Ђорђе",
        "Өмір",
        "Γιώργος",
        "Θεοδώρα",
        "Έλενα",
        "Արամ",
        "გიორგი",
        "محمد",
        "فاطمة",
        "علی‌رضا",
        "پژمان",
        "שלמה",
        "ג׳ק",
        "צה״ל",
        "नमस्ते",
        "रामः",
        "क्षितिज",
        "প্রিয়া",
        "தமிழ்",
        "కృష్ణ",
        "ಕನ್ನಡ",
        "മലയാളം",
        "ശ്രീ",
        "ශ්‍රී",
        "ਗੁਰਪ੍ਰੀਤ",
        "ગુજરાતી",
        "สมชาย",
        "ບຸນມີ",
        "သန်းအောင်",
        "မောင်မောင်",
        "សុខា",
        "ស្រី",
        "བཀྲ་ཤིས",
        "አበበ",
        "ᐸᐅᓗᓯ",
        "ᏣᎳᎩ",
        "ꓡꓲꓢꓴ",
        "ꓮꓡꓲꓽ",
        "ⵜⴰⵏⵉⵔⵜ",
        "𞤀𞤣𞤤𞤢𞤥",
        "ᠮᠣᠩᠭᠣᠯ",
        "ߒߞߏ",
        "bo[away]",
        "ann_",
        "_ann",
        "ann.b",
        "~ann",
        "x|y",
        "ann-2",
        "007",
        "A€",
        "anna^",
        "ann!",
        "(ann)",
        "ann👩‍🚀",
        "👨‍👩‍👧‍👦bo",
        "🇩🇪ann",
        "1️⃣st",
        "👍🏽👍🏿",
        "❤️ann",
        "ann❤",
        "👩🏽‍🚀👩🏽‍🚀",
        "ann🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        "🏳️‍🌈ann",
        "server5",
        "adminton",
        "Сервер",
    ] {
        check(name, Ok(name));
    }
}

#[test]
fn what_reads_as_a_line_of_the_protocol_is_refused() {
    use NameProblem::{Beginning, Colon, NoLetter, Reserved, Sign};
    for (name, problem) in [
        ("［SERVER］", Beginning('［')),
        ("〔SERVER〕", Sign('〔')),
        ("⟦SERVER⟧", Sign('⟦')),
        ("「SERVER」", Sign('「')),
        ("【SERVER】", Sign('【')),
        ("﹝x﹞", Sign('﹝')),
        ("«x»", Sign('«')),
        ("SERVER.", Reserved),
        (".SERVER.", Reserved),
        ("(SERVER)", Reserved),
        ("_server_", Reserved),
        ("s.e.r.v.e.r", Reserved),
        ("\"admin\"", Reserved),
        ("|admin|", Reserved),
        ("adm|n", Reserved),
        ("šerver", Reserved),
        ("server😀", Reserved),
        ("SERVER’", Reserved),
        ("ᏚᎬᎡᏙᎬᎡ", Reserved),
        ("sᴇʀᴠᴇʀ", Reserved),
        ("ⓢⓔⓡⓥⓔⓡ", Sign('ⓢ')),
        ("🅂🄴🅁🅅🄴🅁", Sign('🅂')),
        ("🆂🅴🆁🆅🅴🆁", Sign('🆂')),
        ("🇸🇪🇷🇻🇪🇷", Reserved),
        ("𝐀𝐝𝐦𝐢𝐧", Reserved),
        ("ˢᵉʳᵛᵉʳ", Reserved),
        ("！quit", Beginning('！')),
        ("ǃquit", Beginning('ǃ')),
        ("❗quit", Beginning('❗')),
        ("‼quit", Beginning('‼')),
        ("＆＆", Beginning('＆')),
        ("﹠x", Beginning('﹠')),
        ("＃lobby", Beginning('＃')),
        ("#️⃣lobby", Beginning('#')),
        ("＠ｘ", Beginning('＠')),
        ("﹫x", Beginning('﹫')),
        ("｛x", Beginning('｛')),
        ("／quit", Beginning('／')),
        ("⁄quit", Beginning('⁄')),
        ("∗evan", Beginning('∗')),
        ("＊evan", Beginning('＊')),
        ("٭evan", Beginning('٭')),
        ("⁎evan", Beginning('⁎')),
        ("*️⃣evan", Beginning('*')),
        ("✱evan", Sign('✱')),
        ("‐evan", Beginning('‐')),
        ("–evan", Beginning('–')),
        ("—evan", Sign('—')),
        ("evan꞉", Colon),
        ("evan：", Colon),
        ("evan∶", Colon),
        ("evan:", Colon),
        ("evan︓", Colon),
        ("evan﹕", Colon),
        ("evanː", Colon),
        ("evan˸", Colon),
        ("evan׃", Colon),
        ("evan։", Colon),
        ("evanः", Colon),
        ("evan⁚", Colon),
        ("ev᛬an", Colon),
        ("&&", Beginning('&')),
        ("..", NoLetter),
        ("__", NoLetter),
        ("€€", NoLetter),
        ("’’", NoLetter),
    ] {
        check(name, Err(problem));
    }
}

#[test]
fn what_is_not_seen_is_in_no_name() {
    for c in [
        '\u{13430}',
        '\u{16fe4}',
        '\u{1d159}',
        '\u{2d7f}',
        '\u{378}',
        '\u{e000}',
        '\u{ffff}',
        '\u{fdd0}',
        '\u{10ffff}',
        '\u{2800}',
        '\u{3164}',
        '\u{115f}',
        '\u{ffa0}',
        '\u{13441}',
        '\u{ad}',
        '\u{34f}',
        '\u{180e}',
        '\u{180b}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{2060}',
        '\u{2061}',
        '\u{fe0f}',
        '\u{fe0e}',
        '\u{e0100}',
        '\u{e0041}',
        '\u{e007f}',
        '\u{1d173}',
        '\u{1bca0}',
        '\u{17b4}',
        '\u{600}',
        '\u{20dd}',
        '\u{1039}',
        '\u{17d2}',
        '\u{fffc}',
        '\u{fff9}',
    ] {
        for name in [
            format!("ann{c}"),
            format!("{c}ann"),
            format!("an{c}n"),
            format!("日{c}本"),
            format!("{c}{c}"),
        ] {
            let problem = Name::new(&name).err();
            assert!(
                matches!(problem, Some(NameProblem::Unprintable | NameProblem::Sign(_))),
                "{name:?} {problem:?}"
            );
        }
    }
    // Where they are of no use in their own script, either.
    for name in [
        "မောင်\u{1039}",
        "ⵜⵏ\u{2d7f}",
        "علی\u{200c}",
        "ก\u{200c}ข",
        "नम\u{200d}न",
        "ab\u{fe0f}",
        "\u{301}ab",
        ".\u{301}ab",
        "अ\u{11002}",
    ] {
        check(
            name,
            Err(if name.contains('\u{11002}') {
                NameProblem::Colon
            } else {
                NameProblem::Unprintable
            }),
        );
    }
}
