//! Words that can be mistaken for each other because they look the same ([Unicode Technical
//! Standard 39](https://www.unicode.org/reports/tr39/)).

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_script::{Script, ScriptExtension, UnicodeScript};
use unicode_security::mixed_script::AugmentedScriptSet;
use unicode_security::skeleton as uts39_skeleton;

/// The scripts that have letters which look like letters of another script in this list.
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

/// Letters that are drawn as small capitals, with the letters that they look like. Neither the
/// standard nor case conversion maps one to the other.
const SMALL_CAPITALS: &[(char, char)] = &[
    ('ᴀ', 'a'),
    ('ʙ', 'b'),
    ('ᴄ', 'c'),
    ('ᴅ', 'd'),
    ('ᴇ', 'e'),
    ('ꜰ', 'f'),
    ('ɢ', 'g'),
    ('ʜ', 'h'),
    ('ɪ', 'i'),
    ('ᴊ', 'j'),
    ('ᴋ', 'k'),
    ('ĸ', 'k'),
    ('ʟ', 'l'),
    ('ᴍ', 'm'),
    ('ɴ', 'n'),
    ('ᴏ', 'o'),
    ('ᴘ', 'p'),
    ('ꞯ', 'q'),
    ('ʀ', 'r'),
    ('ꜱ', 's'),
    ('ᴛ', 't'),
    ('ᴜ', 'u'),
    ('ᴠ', 'v'),
    ('ᴡ', 'w'),
    ('ʏ', 'y'),
    ('ᴢ', 'z'),
];

/// The maximum number of times that a skeleton is computed again: a capital can look like a
/// different small letter.
const MAX_ROUNDS: usize = 4;

/// The form of a name in which it is unique: `Ann`, `ANN` and `ａｎｎ` (full width) are equal.
pub fn fold(name: &str) -> String {
    // Most names are ASCII, and the other steps do not change them. A restart folds the names of
    // all users.
    if name.is_ascii() {
        return name.trim().to_ascii_lowercase();
    }
    let folded: String = name.trim().nfkc().collect::<String>().to_lowercase().nfkc().collect();
    // A stand-alone accent is a space with a mark on it.
    folded.trim().to_owned()
}

/// The skeleton of `name` in small letters, even if it is written in capitals that look like other
/// letters.
///
/// This is the skeleton of the standard, applied to the folded name. The standard treats capitals
/// and small letters separately; here, where one of the two looks like another letter (`I` and `l`,
/// `O` and `0`), both do.
pub fn skeleton_of(name: &str) -> String {
    match name.is_ascii() {
        true => name.trim().bytes().map(|byte| LOOKS[usize::from(byte)].as_str()).collect(),
        false => skeleton_of_any(&fold(name)),
    }
}

/// All skeletons of `name`: in small letters (see [`skeleton_of`]), as written, and in capitals.
/// The small letters of two alphabets can be distinct while their capitals are not: `ТОМ` in
/// Cyrillic.
pub fn skeletons_of(name: &str) -> Vec<String> {
    if name.is_ascii() {
        return vec![skeleton_of(name)];
    }
    // Most scripts have no capitals.
    let mut forms = vec![fold(name)];
    let written: String = name.trim().nfkc().collect();
    for form in [written.to_uppercase(), written] {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    let mut skeletons: Vec<String> = Vec::with_capacity(forms.len());
    for skeleton in forms.iter().map(|form| skeleton_of_any(form)) {
        if !skeletons.contains(&skeleton) {
            skeletons.push(skeleton);
        }
    }
    skeletons
}

/// Whether one name can be mistaken for the other: they share a skeleton.
pub fn are_confusable(one: &str, other: &str) -> bool {
    let skeletons_of_other = skeletons_of(other);
    skeletons_of(one).iter().any(|skeleton| skeletons_of_other.contains(skeleton))
}

/// The skeleton of each ASCII character. None of them combines with a neighbour.
static LOOKS: LazyLock<[String; 128]> = LazyLock::new(|| {
    std::array::from_fn(|code| {
        let mut text = [0; 4];
        let character = char::from(code as u8);
        // A space on its own would be trimmed.
        if character.is_whitespace() {
            character.into()
        } else {
            skeleton_of_any(&fold(character.encode_utf8(&mut text)))
        }
    })
});

fn skeleton_of_any(text: &str) -> String {
    let mut skeleton = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        let plain: String = skeleton.chars().map(plain).collect();
        let next = fold(&uts39_skeleton(&plain).collect::<String>());
        if next == skeleton {
            break;
        }
        skeleton = next;
    }
    // In the standard, theta and similar letters are an O with a stroke. A character that looks
    // like a colon is only allowed in names as a letter or a mark of its script.
    skeleton.replace("o\u{335}", "o").replace('i', "l").replace(':', "")
}

/// Replaces a framed letter, a letter of which flags are made, or a small capital by the plain
/// letter.
fn plain(c: char) -> char {
    let framed = match u32::from(c) {
        code @ 0x1F150..=0x1F169 => Some(code - 0x1F150),
        code @ 0x1F170..=0x1F189 => Some(code - 0x1F170),
        code @ 0x1F1E6..=0x1F1FF => Some(code - 0x1F1E6),
        _ => None,
    };
    match framed {
        Some(index) => (b'a'..=b'z').nth(index as usize).map_or(c, char::from),
        None if c.is_ascii() => c,
        None => {
            SMALL_CAPITALS.iter().find(|(small, _)| *small == c).map_or(c, |(_, letter)| *letter)
        }
    }
}

/// Whether a word mixes letters of scripts that are not written together, or that look like each
/// other.
///
/// The scripts that are written together are those of Japanese, Chinese and Korean, and Latin with
/// one other script in common use: the level that the standard calls moderately restrictive.
pub fn mixes_scripts(word: &str) -> bool {
    if word.is_ascii() {
        return false;
    }
    let mut scripts = word.chars().map(|c| c.script()).filter(|it| LOOK_ALIKE.contains(it));
    let first = scripts.next();
    scripts.any(|script| Some(script) != first) || !are_written_together(word)
}

fn are_written_together(word: &str) -> bool {
    let (mut all, mut others) = (AugmentedScriptSet::default(), AugmentedScriptSet::default());
    for c in word.chars() {
        let scripts = AugmentedScriptSet::for_char(c);
        all.intersect_with(scripts);
        if !scripts.base.contains_script(Script::Latin) {
            others.intersect_with(scripts);
        }
    }
    let is_common = |scripts: ScriptExtension| {
        !scripts.is_empty() && scripts.iter().all(Script::is_recommended)
    };
    !all.is_empty() || others.kore || others.hanb || others.jpan || is_common(others.base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ascii_is_looked_up_and_the_same_comes_of_it() {
        for first in (0..128).map(char::from) {
            for second in (0..128).map(char::from) {
                let text = format!("x{first}{second}x");
                let skeleton = skeleton_of(&text);
                assert_eq!(skeleton, skeleton_of_any(&fold(&text)), "{text:?}");
                assert_eq!(skeleton, skeleton_of_any(&text), "{text:?} as it is written");
                assert_eq!(skeleton, skeleton_of_any(&text.to_uppercase()), "{text:?} in capitals");
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
            assert_eq!(skeleton_of(one), skeleton_of(other), "{one} {other}");
        }
        for (one, other) in [("ann", "anna"), ("日本", "本日"), ("élodie", "elodie")] {
            assert_ne!(skeleton_of(one), skeleton_of(other), "{one} {other}");
        }
    }

    #[test]
    fn capitals_of_other_alphabets_look_the_same() {
        for (one, other) in [
            ("tom", "ТОМ"),
            ("Bob", "ВОВ"),
            ("kate", "КАТЕ"),
            ("tom", "ΤΟΜ"),
            ("bob", "ᏴᎾᏴ"),
            ("bob", "ᏼꮎᏼ"),
            ("server", "ᏚᎬᎡᏙᎬᎡ"),
            ("server", "sᴇʀᴠᴇʀ"),
            ("ТОМ", "TOM"),
            ("tom", "𝕋𝕆𝕄"),
            ("abba", "🅰🅱🅱🅰"),
            ("server", "🇸🇪🇷🇻🇪🇷"),
            ("strasse", "straße"),
            ("ann", "a\u{fe0f}nn"),
            ("राम", "रामः"),
        ] {
            assert!(are_confusable(one, other) && are_confusable(other, one), "{one} {other}");
        }
        // Each is confusable with the name in between, which does not make them confusable with
        // each other.
        assert!(
            are_confusable("ναν", "vav")
                && are_confusable("ΝΑΝ", "nan")
                && !are_confusable("vav", "nan")
        );
        for (one, other) in [
            ("ann", "Анна"),
            ("olga", "Ольга"),
            ("ivan", "Иван"),
            ("nina", "Нина"),
            ("tom", "Тома"),
            ("georgios", "Γιώργος"),
            ("ann", "änn"),
            ("müller", "muller"),
        ] {
            assert!(!are_confusable(one, other), "{one} {other}");
        }
    }

    #[test]
    fn scripts_are_mixed_where_that_can_deceive() {
        for word in [
            "evan",
            "евгений",
            "日本taro",
            "ツイat",
            "Ωμέγα",
            "bo-42",
            "عليali",
            "한국kim",
            "ひらがなカタカナ",
            "王小明",
            "नमस्ते123",
            "ноль0",
            "ノア",
            "ทดสอบtest",
            "é",
            "🙂я🙂",
        ] {
            assert!(!mixes_scripts(word), "{word}");
        }
        for word in ["еvan", "αlpha", "рaypal", "aᗷc", "ⵔa", "טа", "ไทยעב", "xᏴ"]
        {
            assert!(mixes_scripts(word), "{word}");
        }
    }
}
