//! Characters that set the direction of text (Unicode Standard Annex 9).

const PDF: char = '\u{202C}';
const PDI: char = '\u{2069}';

/// Whether `c` begins or ends a part of a text that has its own direction.
pub fn is_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether `c` is a direction mark: an invisible character that affects the direction of text as a
/// letter does.
pub fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// The positions of the controls that can stay: isolates and embeddings that end within the text,
/// which do not affect the text outside of them. Overrides are always removed, because they make a
/// text read differently from what it contains.
pub fn balanced(text: &str) -> Vec<usize> {
    // The position of each open control, and the character that closes it.
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut kept = Vec::new();
    for (at, c) in text.char_indices().filter(|&(_, c)| is_control(c)) {
        match c {
            '\u{2066}'..='\u{2068}' => open.push((at, PDI)),
            '\u{202A}' | '\u{202B}' => open.push((at, PDF)),
            // The end of an isolate also closes everything open inside it; the end of an embedding
            // closes only the innermost one.
            PDI => {
                if let Some(place) = open.iter().rposition(|&(_, end)| end == PDI) {
                    kept.extend([open[place].0, at]);
                    open.truncate(place);
                }
            }
            PDF => {
                if let Some((begin, _)) = open.pop_if(|(_, end)| *end == PDF) {
                    kept.extend([begin, at]);
                }
            }
            _ => {}
        }
    }
    kept.sort_unstable();
    kept
}
