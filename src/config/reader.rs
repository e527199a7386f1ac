//! Reads a TOML document section by section, and collects all problems.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;

/// A document whose sections are taken one after the other. Any remaining section is a problem.
pub(super) struct Document<'t> {
    text: &'t str,
    root: DeTable<'t>,
    sections: Vec<&'static str>,
    problems: Vec<Problem>,
}

/// The message for an error that the parser found in `part` of the text.
fn syntax(message: &str, part: Option<&str>) -> String {
    match part {
        // This happens when a section is pasted below a complete file.
        Some(key) if message == "duplicate key" => {
            format!("`{}` appears a second time: keep one, with the lines of both", key.trim())
        }
        _ => format!("this is not valid TOML: {}", message.replace('\n', ", ")),
    }
}

/// A table of a document, whose options are taken one after the other.
pub(super) struct Section<'d, 't> {
    name: &'static str,
    text: &'t str,
    table: DeTable<'t>,
    known: Vec<&'static str>,
    /// The positions of the values that were taken.
    lines: Vec<(&'static str, usize)>,
    problems: &'d mut Vec<Problem>,
}

impl<'t> Document<'t> {
    pub(super) fn parse(text: &'t str) -> Document<'t> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let problems = errors
            .iter()
            .map(|error| {
                let span = error.span().unwrap_or_default();
                Problem {
                    line: line_of(text, span.clone()),
                    message: syntax(error.message(), text.get(span)),
                }
            })
            .collect();
        Document { text, root: root.into_inner(), sections: Vec::new(), problems }
    }

    /// Lets `read` take the options of a section, if it exists.
    pub(super) fn section(&mut self, name: &'static str, read: impl FnOnce(&mut Section<'_, 't>)) {
        self.sections.push(name);
        let table = match self.root.remove(name) {
            None => DeTable::new(),
            Some(value) => match value.get_ref() {
                DeValue::Table(table) => table.clone(),
                _ => {
                    let message = format!("`{name}` is a section: write [{name}] on its own line");
                    self.problems.push(Problem { line: line_of(self.text, value.span()), message });
                    return;
                }
            },
        };
        let mut section = Section {
            name,
            text: self.text,
            table,
            known: Vec::new(),
            lines: Vec::new(),
            problems: &mut self.problems,
        };
        read(&mut section);
        section.finish();
    }

    /// Returns all problems, including unknown sections and options.
    pub(super) fn finish(mut self) -> Result<(), Vec<Problem>> {
        for (key, value) in &self.root {
            let (kind, shown) = match value.get_ref() {
                DeValue::Table(_) => ("section", format!("[{}]", key.get_ref())),
                _ => ("option outside a section:", format!("`{}`", key.get_ref())),
            };
            let hint = hint(key.get_ref(), &self.sections);
            let message = format!("unknown {kind} {shown}; {hint}");
            self.problems.push(Problem { line: line_of(self.text, key.span()), message });
        }
        self.problems.sort_by_key(|problem| problem.line);
        if self.problems.is_empty() { Ok(()) } else { Err(self.problems) }
    }
}

impl Section<'_, '_> {
    /// Reads an option into `place`, if it exists and is valid.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
        place: &mut T,
    ) {
        self.known.push(key);
        let Some(value) = self.table.remove(key) else { return };
        self.lines.push((key, line_of(self.text, value.span())));
        match read(value.get_ref()) {
            Ok(value) => *place = value,
            Err(expected) => {
                let written = self.text.get(value.span()).unwrap_or_default();
                let message = format!("`{key}` in [{}] cannot be {written}: {expected}", self.name);
                self.problems.push(Problem { line: line_of(self.text, value.span()), message });
            }
        }
    }

    /// Reports that an option that was taken is not compatible with others.
    pub(super) fn complain(&mut self, key: &str, expected: &str) {
        let line = self.lines.iter().find(|(taken, _)| *taken == key).map_or(1, |(_, line)| *line);
        let message = format!("`{key}` in [{}]: {expected}", self.name);
        self.problems.push(Problem { line, message });
    }

    fn finish(self) {
        for key in self.table.keys() {
            let hint = hint(key.get_ref(), &self.known);
            let message = format!("unknown option `{}` in [{}]; {hint}", key.get_ref(), self.name);
            self.problems.push(Problem { line: line_of(self.text, Spanned::span(key)), message });
        }
    }
}

/// Suggests the known word that an unknown one was probably meant to be.
fn hint(word: &str, known: &[&str]) -> String {
    match known.iter().find(|known| is_near(word, known)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected one of {}", known.join(", ")),
    }
}

/// Whether one word can be a typing error for the other: they differ only in hyphens and case, or
/// in a single position.
fn is_near(word: &str, known: &str) -> bool {
    let word = word.to_lowercase().replace('-', "_");
    let start = word.bytes().zip(known.bytes()).take_while(|(a, b)| a == b).count();
    let tail = |text: &str| text.as_bytes()[start..].to_vec();
    let (mut left, mut right) = (tail(&word), tail(known));
    while !left.is_empty() && left.last() == right.last() {
        left.pop();
        right.pop();
    }
    let swapped = left.len() == 2 && right.len() == 2 && left[0] == right[1] && left[1] == right[0];
    swapped || (left.len() <= 1 && right.len() <= 1)
}

fn line_of(text: &str, span: Range<usize>) -> usize {
    let before = text.as_bytes().get(..span.start).unwrap_or(text.as_bytes());
    before.iter().filter(|&&byte| byte == b'\n').count() + 1
}
