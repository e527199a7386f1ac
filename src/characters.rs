//! Character properties that the standard library does not provide, and by which text is filtered.

use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};

/// Joins the emoji around it, and in several scripts the letters around it.
pub const ZERO_WIDTH_JOINER: char = '\u{200D}';
/// Keeps the letters around it from joining.
pub const ZERO_WIDTH_NON_JOINER: char = '\u{200C}';
/// Makes the character before it an emoji.
pub const EMOJI_SELECTOR: char = '\u{FE0F}';
/// Makes the character before it text.
pub const TEXT_SELECTOR: char = '\u{FE0E}';

/// Whether `c` is not drawn (the property Default_Ignorable_Code_Point, which also covers code
/// points reserved for such characters). A test compares this with Unicode's table.
pub fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether `c` is blank: white space, or a character that is drawn as such.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || (!c.is_ascii() && is_drawn_blank(c))
}

/// Whether `c` is blank but not white space. No property identifies these characters: the Hangul
/// fillers, the empty Braille pattern, the null notehead, the blanks of hieroglyphs and the Khitan
/// filler.
fn is_drawn_blank(c: char) -> bool {
    matches!(
        c,
        '\u{115F}'
            | '\u{1160}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{FFA0}'
            | '\u{13441}'
            | '\u{13442}'
            | '\u{16FE4}'
            | '\u{1D159}'
    )
}

/// Whether `c` takes no space, or only controls the layout of other characters.
pub fn is_invisible(c: char) -> bool {
    // Number signs and the like are format characters, but they are drawn.
    is_ignorable(c) || matches!(c, '\u{FFF9}'..='\u{FFFB}' | '\u{13430}'..='\u{1343F}')
}

/// Whether `c` stacks or joins the letters around it and is not drawn itself: the property
/// Indic_Syllabic_Category=Invisible_Stacker or Number_Joiner, and the consonant joiner of
/// Tifinagh.
pub fn is_stacker(c: char) -> bool {
    matches!(
        u32::from(c),
        0x1039
            | 0x17D2
            | 0x1A60
            | 0x1BAB
            | 0x2D7F
            | 0xAAF6
            | 0x10A3F
            | 0x1107F
            | 0x11133
            | 0x113D0
            | 0x1193E
            | 0x11A47
            | 0x11A99
            | 0x11D45
            | 0x11D97
            | 0x11F42
    )
}

/// Whether `c` is an emoji or can be drawn as one. Digits are excluded, although they can.
pub fn is_emoji(c: char) -> bool {
    !c.is_ascii() && c.is_emoji_char()
}

/// The kinds of characters that the rules for names distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Letter,
    Number,
    /// A mark on the character before it.
    Mark,
    /// A mark around the character before it.
    Enclosing,
    Space,
    Punctuation,
    Currency,
    Symbol,
    /// Control, format, private-use and unassigned characters.
    Other,
}

/// The kind of a character, derived from its general category.
pub fn kind(c: char) -> Kind {
    use GeneralCategory as G;
    match c.general_category() {
        G::UppercaseLetter
        | G::LowercaseLetter
        | G::TitlecaseLetter
        | G::ModifierLetter
        | G::OtherLetter => Kind::Letter,
        G::DecimalNumber | G::LetterNumber | G::OtherNumber => Kind::Number,
        G::NonspacingMark | G::SpacingMark => Kind::Mark,
        G::EnclosingMark => Kind::Enclosing,
        G::SpaceSeparator | G::LineSeparator | G::ParagraphSeparator => Kind::Space,
        G::ConnectorPunctuation
        | G::DashPunctuation
        | G::OpenPunctuation
        | G::ClosePunctuation
        | G::InitialPunctuation
        | G::FinalPunctuation
        | G::OtherPunctuation => Kind::Punctuation,
        G::CurrencySymbol => Kind::Currency,
        G::MathSymbol | G::ModifierSymbol | G::OtherSymbol => Kind::Symbol,
        G::Control | G::Format | G::Surrogate | G::PrivateUse | G::Unassigned => Kind::Other,
    }
}

/// Whether `c` is a letter or a number.
pub fn is_readable(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphanumeric(),
        false => matches!(kind(c), Kind::Letter | Kind::Number),
    }
}

#[cfg(test)]
mod tests {
    use unicode_security::skeleton;

    use super::*;

    #[test]
    fn ignorable_is_what_unicode_says() {
        for c in char::MIN..=char::MAX {
            // Skeletons do not contain ignorable characters.
            let is_left_out = skeleton(c.encode_utf8(&mut [0; 4])).next().is_none();
            assert_eq!(is_ignorable(c), is_left_out, "{:04X}", u32::from(c));
        }
    }

    #[test]
    fn the_tables_are_of_one_version() {
        assert_eq!(unicode_properties::UNICODE_VERSION, unicode_security::UNICODE_VERSION);
    }

    #[test]
    fn what_looks_like_a_space_is_blank() {
        for c in char::MIN..=char::MAX {
            let skeleton: String = skeleton(c.encode_utf8(&mut [0; 4])).collect();
            if skeleton == " " {
                assert!(is_blank(c), "{:04X}", u32::from(c));
            }
        }
        assert!(!is_blank('x') && !is_blank('é') && !is_blank('\u{2801}') && !is_blank('ㅏ'));
    }

    #[test]
    fn format_characters_are_invisible_or_drawn() {
        let drawn: Vec<char> = (char::MIN..=char::MAX)
            .filter(|c| c.general_category() == GeneralCategory::Format && !is_invisible(*c))
            .collect();
        // All characters with the property Prepended_Concatenation_Mark.
        let signs = "\u{600}\u{601}\u{602}\u{603}\u{604}\u{605}\u{6DD}\u{70F}\u{890}\u{891}\u{8E2}\u{110BD}\u{110CD}";
        assert_eq!(drawn.into_iter().collect::<String>(), signs);
    }
}
