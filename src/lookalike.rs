//! Words that a person takes for the same because they look the same
//! ([Unicode Technical Standard 39](https://www.unicode.org/reports/tr39/)).

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_script::{Script, UnicodeScript};
use unicode_security::skeleton;

/// The scripts of which letters look like those of another one in this list.
const LOOK_ALIKE: &[Script] = &[
    Script::Latin,
    Script::Cyrillic,
    Script::Greek,
    Script::Armenian,
    Script::Coptic,
    Script::Cherokee,
    Script::Lisu,
    Script::Deseret,
    Script::Warang_Citi,
];

/// The form of a name in which it is unique: `Ann`, `ANN` and `ａｎｎ` (full width) are one.
pub fn fold(name: &str) -> String {
    // Most are, and then the rest changes nothing. A restart folds everybody's.
    if name.is_ascii() {
        return name.trim().to_ascii_lowercase();
    }
    let folded: String = name.trim().nfkc().collect::<String>().to_lowercase().nfkc().collect();
    // An accent that stands alone is a space with a mark on it.
    folded.trim().to_owned()
}

/// What `name` looks like: two names with the same look are not told apart, in capitals or not.
///
/// This is the skeleton of the standard, of the folded name. That knows capitals and small letters
/// as they are; where one of the two looks like another letter (`I` and `l`, `O` and `0`), both do.
pub fn look(name: &str) -> String {
    match name.is_ascii() {
        true => name.trim().bytes().map(|byte| LOOKS[usize::from(byte)].as_str()).collect(),
        false => look_of_any(name),
    }
}

/// What each character of ASCII looks like. None of them joins with another one.
static LOOKS: LazyLock<[String; 128]> = LazyLock::new(|| {
    std::array::from_fn(|code| {
        let mut text = [0; 4];
        let character = char::from(code as u8);
        // A space on its own would be trimmed.
        if character.is_whitespace() {
            character.into()
        } else {
            look_of_any(character.encode_utf8(&mut text))
        }
    })
});

fn look_of_any(name: &str) -> String {
    let skeleton: String = skeleton(&fold(name)).collect();
    fold(&skeleton).replace('i', "l")
}

/// Whether letters of several scripts stand in one word that look like each other's.
pub fn mixes_scripts(word: &str) -> bool {
    let mut scripts = word.chars().map(|c| c.script()).filter(|it| LOOK_ALIKE.contains(it));
    let first = scripts.next();
    scripts.any(|script| Some(script) != first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ascii_is_looked_up_and_the_same_comes_of_it() {
        for first in (0..128).map(char::from) {
            for second in (0..128).map(char::from) {
                let text = format!("x{first}{second}x");
                assert_eq!(look(&text), look_of_any(&text), "{text:?}");
                let folded = text.nfkc().collect::<String>().to_lowercase();
                assert_eq!(fold(&text), folded.nfkc().collect::<String>(), "{text:?}");
            }
        }
    }

    #[test]
    fn folding_twice_is_folding_once() {
        for name in ["\u{385}ľvv", "vv\u{385}", "ａｎｎ", "İstanbul", "ﬁne"] {
            assert_eq!(fold(&fold(name)), fold(name), "{name}");
        }
        assert!(!fold("\u{385}ľvv").starts_with(' '));
    }

    #[test]
    fn what_looks_the_same_is_the_same() {
        for (one, other) in [
            ("evan", "еvan"),
            ("paypal", "раураl"),
            ("linda", "Iinda"),
            ("bill", "BILL"),
            ("bo0", "BOO"),
            ("tom1", "toml"),
            ("modern", "modem"),
        ] {
            assert_eq!(look(one), look(other), "{one} {other}");
        }
        for (one, other) in [("ann", "anna"), ("日本", "本日"), ("élodie", "elodie")] {
            assert_ne!(look(one), look(other), "{one} {other}");
        }
    }

    #[test]
    fn scripts_are_mixed_where_that_can_deceive() {
        for word in ["evan", "евгений", "日本taro", "ツイat", "Ωμέγα", "bo-42", "عليali"]
        {
            assert!(!mixes_scripts(word), "{word}");
        }
        for word in ["еvan", "αlpha", "рaypal"] {
            assert!(mixes_scripts(word), "{word}");
        }
    }
}
