//! Characters that set the direction of a text (Unicode Standard Annex 9).

const PDF: char = '\u{202C}';
const PDI: char = '\u{2069}';

/// Whether `c` begins or ends a part of a text with a direction of its own.
pub fn is_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether `c` is an invisible letter of one direction, which does nothing that others do not do.
pub fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// Where those stand that may stay: isolates and embeddings that end within the text, which change
/// nothing outside of what they enclose. Overrides never may: one reads something else than there is.
pub fn balanced(text: &str) -> Vec<usize> {
    // Where each begins that has not ended, and with what it ends.
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut kept = Vec::new();
    for (at, c) in text.char_indices().filter(|&(_, c)| is_control(c)) {
        match c {
            '\u{2066}'..='\u{2068}' => open.push((at, PDI)),
            '\u{202A}' | '\u{202B}' => open.push((at, PDF)),
            // An isolate ends with all that is open in it, an embedding only as the innermost.
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
