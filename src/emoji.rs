//! Emoji of several characters (Unicode Technical Standard 51), some of which are refused or
//! removed outside of emoji.

use unicode_properties::emoji::is_regional_indicator;
use unicode_properties::{EmojiStatus, UnicodeEmoji};

use crate::characters::{EMOJI_SELECTOR, TEXT_SELECTOR, ZERO_WIDTH_JOINER, is_emoji};

/// The first character of the flags of regions within a country.
pub const BLACK_FLAG: char = '\u{1F3F4}';
const KEYCAP: char = '\u{20E3}';
/// The character that ends the tags of a flag.
const CANCEL: char = '\u{E007F}';
/// The regions whose flags are supported everywhere. An unsupported flag is drawn as a black one,
/// so flags of other regions could not be told apart.
const KNOWN: &[&str] = &["gbeng", "gbsct", "gbwls"];

/// The length in bytes of the emoji at the beginning of `text`, if there is one: a flag, a keycap,
/// or a sequence of joined emoji, each optionally with a skin tone and a variation selector.
pub fn sequence(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let behind = &text[first.len_utf8()..];
    if matches!(first, '0'..='9' | '#' | '*') {
        let rest = behind.strip_prefix(EMOJI_SELECTOR).unwrap_or(behind);
        return Some(text.len() - rest.strip_prefix(KEYCAP)?.len());
    }
    if is_regional_indicator(first) {
        return Some(text.len() - behind.strip_prefix(is_regional_indicator)?.len());
    }
    let mut end = element(text)?;
    while let Some(joined) = text[end..].strip_prefix(ZERO_WIDTH_JOINER).and_then(element) {
        end += ZERO_WIDTH_JOINER.len_utf8() + joined;
    }
    Some(end)
}

/// The length in bytes of a single emoji that can be joined with others.
fn element(text: &str) -> Option<usize> {
    let first = text.chars().next().filter(|&c| is_emoji(c) && !is_regional_indicator(c))?;
    let behind = &text[first.len_utf8()..];
    if first == BLACK_FLAG
        && let Some(tags) = tags(behind)
    {
        let known = KNOWN.iter().any(|known| known.chars().eq(letters(&behind[..tags])));
        return known.then_some(first.len_utf8() + tags);
    }
    let takes_colour = matches!(
        first.emoji_status(),
        EmojiStatus::EmojiModifierBase | EmojiStatus::EmojiPresentationAndModifierBase
    );
    let rest = match behind.chars().next() {
        Some(EMOJI_SELECTOR | TEXT_SELECTOR) => &behind[EMOJI_SELECTOR.len_utf8()..],
        Some(colour @ '\u{1F3FB}'..='\u{1F3FF}') if takes_colour => &behind[colour.len_utf8()..],
        _ => behind,
    };
    Some(text.len() - rest.len())
}

/// The length in bytes of the flag tags at the beginning of `text`, if there are any: those of a
/// known region, and the end tag.
pub fn tags(text: &str) -> Option<usize> {
    let end = text.find(CANCEL)?;
    let count =
        letters(&text[..end]).filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit()).count();
    let is_subdivision = (3..=7).contains(&count) && end == count * CANCEL.len_utf8();
    is_subdivision.then_some(end + CANCEL.len_utf8())
}

/// The letters that tags represent.
fn letters(tags: &str) -> impl Iterator<Item = char> {
    let letter = |tag: char| u32::from(tag).checked_sub(0xE0000).and_then(char::from_u32);
    tags.chars().filter(|&c| c != CANCEL).filter_map(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub const ENGLAND: &str = "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";

    #[test]
    fn emoji_of_several_characters_are_recognised() {
        for emoji in ["😀", "👩‍🚀", "👨‍👩‍👧‍👦", "👍🏽", "❤️", "❤️‍🔥", "🏳️‍🌈", "🇩🇪", "1️⃣", "#⃣", "👩🏽‍❤️‍💋‍👩🏿", ENGLAND]
        {
            assert_eq!(sequence(emoji), Some(emoji.len()), "{emoji}");
            assert_eq!(sequence(&format!("{emoji}bo")), Some(emoji.len()), "{emoji}");
        }
    }

    #[test]
    fn what_only_resembles_one_is_none() {
        for text in ["", "a", "1", "#", "\u{200d}", "\u{fe0f}", "🇩", "🇩x", "é", "\u{e0067}"]
        {
            assert_eq!(sequence(text), None, "{text:?}");
        }
        // Characters after an emoji that do not belong to it are not included.
        for rest in ["\u{200d}", "\u{200d}a", "\u{fe0f}\u{fe0f}", "\u{e0067}\u{e007f}"] {
            let text = format!("😀{rest}");
            assert!(sequence(&text).is_some_and(|end| end < text.len()), "{text:?}");
        }
        // This flag would be drawn as the same black flag as any other.
        assert_eq!(sequence("🏴\u{e0078}\u{e0078}\u{e0031}\u{e007f}"), None);
    }

    #[test]
    fn tags_are_those_of_a_part_of_a_country() {
        let tags_of = |letters: &str| -> String {
            letters.bytes().filter_map(|byte| char::from_u32(0xE0000 + u32::from(byte))).collect()
        };
        for (letters, is_one) in [
            ("gbeng", true),
            ("ustx", true),
            ("de", false),
            ("GBENG", false),
            ("ignorepasswords", false),
        ] {
            let text = tags_of(letters) + "\u{e007f} x";
            assert_eq!(tags(&text), is_one.then_some(text.len() - 2), "{letters}");
        }
        assert_eq!(tags(&tags_of("gbeng")), None, "it does not end");
        assert_eq!(tags("x\u{e007f}"), None);
    }
}
