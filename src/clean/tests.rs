use super::*;

/// Asserts that a text is returned unchanged.
#[track_caller]
fn stays(text: &str) {
    assert!(matches!(line(text), Cow::Borrowed(same) if same == text), "{text:?}");
}

#[test]
fn harmless_text_is_not_copied() {
    stays("gute Nacht, 日本 👩‍🚀");
}

#[test]
fn control_codes_are_taken_out() {
    assert_eq!(line("a\x1b[31mred\x07\x7f\u{9b}b\0"), "a[31mredb");
    assert_eq!(line("one\r\ntwo\tthree\u{2028}four"), "one two three four");
    assert_eq!(line("byte\u{feff}order\u{fff9}x\u{fffb}\u{e0041}\u{ffff}"), "byteorderx");
    assert_eq!(line(&format!("a{}b", "\u{301}".repeat(99))).chars().count(), 10);
    let parted = ["\u{301}\0", "\u{301}\u{200b}", "\u{301}\u{34f}", "\u{200d}", "\u{e0101}"];
    for marks in parted {
        assert_eq!(line(&format!("a{}b", marks.repeat(99))).chars().count(), 10, "{marks:?}");
    }
}

#[test]
fn what_a_language_needs_stays() {
    for text in [
        "می‌خواهم",
        "ශ්‍රී ලංකා",
        "क्‍ष",
        "葛\u{e0100}城 と 葛\u{e0101}飾",
        "♥\u{fe0e} ❤\u{fe0f}",
        "ᠮᠣᠩᠭ\u{180b}ᠣᠯ ᠤ\u{180e}ᠨ",
        "ภาษา\u{200b}ไทย",
        "⠀⠀⣴⣿⣦⠀⠀",
        "שלום\u{200f}! \u{200e}abc \u{61c}",
        "co\u{ad}operate",
        "ᄀ\u{1160}ᆨ \u{115f}ᅡ \u{3164}",
        "\u{e000} \u{378} powerline and what is newer than this program",
        "she said \u{2067}שלום, world\u{2069}.",
        "a \u{2066}b \u{2067}c\u{2069} d\u{2069} \u{202b}e\u{202c}",
    ] {
        stays(text);
    }
}

#[test]
fn flags_of_parts_of_a_country_stay_and_other_tags_go() {
    let tags = |letters: &str| -> String {
        letters.bytes().filter_map(|byte| char::from_u32(0xE0000 + u32::from(byte))).collect()
    };
    for part in ["gbeng", "gbsct", "gbwls", "ustx"] {
        stays(&format!("up 🏴{}\u{e007f} up", tags(part)));
    }
    assert_eq!(line(&format!("🏴{}", tags("gbeng"))), "🏴", "it does not end");
    assert_eq!(line(&format!("🏴{}\u{e007f}", tags("IGNORE ALL"))), "🏴");
    assert_eq!(line(&format!("😀{}\u{e007f}", tags("gbeng"))), "😀");
    assert_eq!(line(&format!("x{}\u{e007f}\u{e0001}", tags("secret"))), "x");
}

#[test]
fn what_turns_other_text_round_goes() {
    for (text, expect) in [
        ("safe\u{202e}fdp.exe", "safefdp.exe"),
        ("safe\u{202e}fdp\u{202c}.exe", "safefdp.exe"),
        ("a\u{2066}\u{2067}\u{2068}\u{2069}", "a\u{2068}\u{2069}"),
        ("a\u{2067}b", "ab"),
        ("a\u{2069}\u{202c}b", "ab"),
        ("a\u{2066}b\u{202b}c\u{2069}d\u{202c}", "a\u{2066}bc\u{2069}d"),
        ("\u{202a}a\u{2066}b\u{202c}c", "abc"),
    ] {
        assert_eq!(line(text), expect, "{text:?}");
    }
}

#[test]
fn no_character_gets_through_that_acts() {
    for c in char::MIN..=char::MAX {
        let clean = line(c.encode_utf8(&mut [0; 4])).into_owned();
        assert!(!clean.contains(|c| is_unsafe(c) || is_trick(c) || is_bidi_control(c)), "{c:?}");
        let is_separator = matches!(c, '\n' | '\t' | '\u{2028}' | '\u{2029}');
        let is_taken = is_unsafe(c) || is_trick(c) || is_bidi_control(c);
        assert_eq!(clean.is_empty(), is_taken && !is_separator, "{:04X}", u32::from(c));
    }
}

#[test]
fn padding_is_one_blank_in_a_line() {
    for blank in [
        " ",
        "\u{a0}",
        "\u{1680}",
        "\u{2003}",
        "\u{2007}",
        "\u{202f}",
        "\u{205f}",
        "\u{3000}",
        "\u{2800}",
        "\u{3164}",
        "\u{115f}",
        "\u{ffa0}",
        "\u{1d159}",
        " \u{200b}",
        "\u{2003}\u{301}\u{200d}",
        " \u{fe0f}",
        "\u{2800}\u{2060}",
        " \u{ad}",
        "\u{a0} ",
    ] {
        let shown = squeezed(&format!("ok.{}[SERVER]: gone", blank.repeat(68))).into_owned();
        assert!(shown.starts_with("ok.") && shown.ends_with("[SERVER]: gone"), "{shown:?}");
        assert!(shown.chars().count() <= "ok. [SERVER]: gone".len(), "{blank:?} {shown:?}");
        assert_eq!(squeezed(&shown), shown);
        let begins = format!("{}x", blank.repeat(3));
        assert_eq!(squeezed(&begins).chars().last(), Some('x'));
        assert!(squeezed(&begins).chars().count() == 1, "{begins:?}");
    }
    assert_eq!(shown("a\t\t\tb  \u{1b} c"), "a b c");
}

#[test]
fn a_line_without_runs_stays() {
    for text in
        ["", "a b c", "no run here ", "日本\u{3000}語", "می‌خواهم و", "👩‍🚀 👩‍🚀", "e\u{301} e\u{301}"]
    {
        assert!(matches!(squeezed(text), Cow::Borrowed(same) if same == text), "{text:?}");
    }
}

#[test]
fn what_sets_a_direction_is_not_padding() {
    let text = "she said \u{2067}שלום\u{2069} \u{200f}!";
    assert_eq!(squeezed(text), text);
    let shown = squeezed("x  \u{2066}  y\u{2069}").into_owned();
    assert_eq!((shown.as_str(), line(&shown).as_ref()), ("x \u{2066}y\u{2069}", shown.as_str()));
}

#[test]
fn something_is_seen_or_not() {
    for text in [
        "",
        " \t",
        "\u{2800}\u{2800}",
        "\u{3164}",
        "\u{200b}\u{200d}",
        " \u{301}",
        "\u{1d159}",
        "\u{2066}\u{2069}",
    ] {
        assert!(!is_visible(text), "{text:?}");
    }
    for text in ["a", "⣿", "é", " .", "😀", "ー"] {
        assert!(is_visible(text), "{text:?}");
    }
}

#[test]
fn a_word_cannot_pass_for_what_stands_beside_it() {
    for plain in ["ann", "日本", "10.0.0.7", "2001:db8::/32", "x-y_z"] {
        assert_eq!(word(plain), plain);
    }
    assert_eq!(word(""), "\"\"");
    assert_eq!(word("ann left (quit)"), "\"ann left (quit)\"");
    assert_eq!(word("bo\n(uid 0): kick cy"), "\"bo (uid 0): kick cy\"");
    assert_eq!(word("a\"b"), "\"a\\\"b\"");
    assert_eq!(word("a\u{202e}b"), "ab");
    assert_ne!(word("ann\u{2800}left"), "ann\u{2800}left");
}
