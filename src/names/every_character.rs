//! Tests names that contain each character of Unicode against the properties of that character.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{
    GeneralCategory, GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory,
};
use unicode_script::{Script, UnicodeScript};
use unicode_security::general_security_profile::IdentifierType;
use unicode_security::{GeneralSecurityProfile, skeleton};

use super::rules::RESERVED_NAMES;
use super::*;
use crate::confusables::{are_confusable, skeletons_of};

fn skeleton_of(text: &str) -> String {
    skeleton(text).collect()
}

/// Whether the standards say that a character is never allowed in a name.
fn is_unseen(c: char) -> bool {
    use GeneralCategory as G;
    let skeleton = skeleton_of(c.encode_utf8(&mut [0; 4]));
    matches!(
        c.general_category(),
        G::Control
            | G::Format
            | G::Surrogate
            | G::PrivateUse
            | G::Unassigned
            | G::SpaceSeparator
            | G::LineSeparator
            | G::ParagraphSeparator
            | G::EnclosingMark
    ) || skeleton.is_empty()
        || skeleton == " "
}

/// Whether the standards say that a character is allowed somewhere in a name.
fn belongs_to_names(c: char) -> bool {
    use GeneralCategoryGroup as G;
    matches!(c.general_category_group(), G::Letter | G::Mark | G::Number)
        || c.general_category() == GeneralCategory::CurrencySymbol
        || c.identifier_type() == Some(IdentifierType::Inclusion)
        || c.is_ascii_graphic()
        || c.is_emoji_char()
}

/// Names that contain a character at the beginning, in the middle, at the end, and on its own.
fn with(c: char) -> [String; 4] {
    [format!("{c}nn"), format!("a{c}n"), format!("an{c}"), format!("{c}{c}")]
}

#[test]
fn a_character_is_allowed_by_what_it_is() {
    let (mut allowed, mut refused) = (0, 0);
    for c in (char::MIN..=char::MAX).filter(|c| !c.is_whitespace()) {
        let is_allowed = with(c).map(|name| Name::new(&name).is_ok());
        let any = is_allowed.contains(&true);
        if any {
            assert!(!is_unseen(c) && belongs_to_names(c), "{:04X}", u32::from(c));
            allowed += 1;
        } else {
            refused += 1;
        }
        // Letters that the standard recommends are valid in names. A mark is valid on a letter
        // only.
        let is_letter = c.general_category_group() == GeneralCategoryGroup::Letter;
        if is_letter && c.identifier_type() == Some(IdentifierType::Recommended) {
            let is_of_protocol = skeleton_of(&c.to_string()).contains(':');
            assert!(any || is_of_protocol, "{:04X}", u32::from(c));
            if c.script() == Script::Latin {
                assert_eq!(is_allowed, [true; 4], "{:04X}", u32::from(c));
            }
        }
    }
    assert!(allowed > 100_000 && refused > 900_000, "{allowed} {refused}");
}

#[test]
fn white_space_is_around_a_name_only() {
    for c in (char::MIN..=char::MAX).filter(|c| c.is_whitespace()) {
        assert_eq!(Name::new(&format!("a{c}n")).err(), Some(NameProblem::WhiteSpace), "{c:?}");
        assert_eq!(Name::new(&format!("{c}ann{c}")).ok().as_ref().map(Name::as_str), Some("ann"));
    }
}

/// All characters that are allowed in some place, as the tests above verify one by one. Of the many
/// ideographs and syllables that have no lookalikes, only one in a hundred is included.
fn allowed() -> impl Iterator<Item = char> {
    let all = (char::MIN..=char::MAX).filter(|c| !c.is_whitespace());
    all.filter(|&c| !is_unseen(c) && belongs_to_names(c)).filter(|&c| {
        let looks_like_itself = || {
            let text = c.to_string();
            text.nfkc().eq([c]) && skeleton_of(&text) == text
        };
        c.general_category() != GeneralCategory::OtherLetter
            || u32::from(c) % 100 == 0
            || !looks_like_itself()
    })
}

#[test]
fn no_character_makes_a_line_of_the_protocol() {
    const BEGINNINGS: [char; 8] = ['!', '&', '#', '@', '{', '[', '/', '*'];
    for c in allowed() {
        // A letter of another script can look like such a character among letters of its own
        // script.
        for name in with(c)[..3].iter().filter_map(|name| Name::new(name).ok()) {
            let form: String = name.as_str().nfkc().collect();
            for form in [name.as_str(), &form, &skeleton_of(name.as_str()), &skeleton_of(&form)] {
                let is_line = form.contains(':') || form.starts_with(BEGINNINGS);
                assert!(!is_line, "{:04X} {name}", u32::from(c));
            }
        }
    }
}

#[test]
fn no_character_makes_another_name_of_a_reserved_one() {
    let reserved: Vec<_> = RESERVED_NAMES.iter().flat_map(|name| skeletons_of(name)).collect();
    for c in allowed() {
        let around = [format!("{c}SERVER"), format!("SERVER{c}"), format!("Ser{c}ver")];
        for name in around.iter().filter_map(|name| Name::new(name).ok()) {
            // Only a different word is a different name.
            let is_letter = c.general_category_group() == GeneralCategoryGroup::Letter;
            assert!(is_letter || c.is_numeric(), "{name}");
            assert!(
                skeletons_of(name.as_str()).iter().all(|skeleton| !reserved.contains(skeleton)),
                "{name}"
            );
        }
        for name in [format!("{c}evan"), format!("evan{c}"), format!("ev{c}an")] {
            assert!(Name::new(&name).is_err() || !are_confusable(&name, "evan"), "{name}");
        }
    }
}
