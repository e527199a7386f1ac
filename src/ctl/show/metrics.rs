//! Metrics as JSON, parsed from OpenMetrics text.

use serde_json::{Map, Number, Value, json};

/// One object for each sample, with its name, type, help, unit, labels and value.
pub fn samples(text: &str) -> Vec<Value> {
    let (mut samples, mut family) = (Vec::new(), Family::default());
    for line in text.lines() {
        match line.strip_prefix("# ") {
            Some(comment) => family.describe(comment),
            None => samples.extend(sample(line, &family)),
        }
    }
    samples
}

/// The metadata of the samples that follow.
#[derive(Default)]
struct Family {
    name: String,
    kind: String,
    help: String,
    unit: Option<String>,
}

impl Family {
    /// Reads a comment: `HELP chatroom_people People in the room.`
    fn describe(&mut self, comment: &str) {
        let mut words = comment.splitn(3, ' ');
        let (keyword, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let said = words.next().unwrap_or_default();
        if name != self.name {
            *self = Family { name: name.to_owned(), ..Family::default() };
        }
        match keyword {
            "HELP" => self.help = unescape(said.trim_end_matches('.')),
            "TYPE" => said.clone_into(&mut self.kind),
            "UNIT" => self.unit = Some(said.to_owned()),
            _ => {}
        }
    }
}

/// Parses a line such as `chatroom_refusals_total{reason="muted"} 3`.
fn sample(line: &str, family: &Family) -> Option<Value> {
    let name_end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(name_end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Map::new(), rest),
    };
    let value = value(rest.split_whitespace().next()?);
    let Family { kind, help, unit, .. } = family;
    Some(json!({
        "name": name, "type": kind, "help": help, "unit": unit, "labels": labels, "value": value
    }))
}

/// The labels up to the closing brace, and the rest of the line.
fn labels(mut text: &str) -> Option<(Map<String, Value>, &str)> {
    let mut labels = Map::new();
    loop {
        text = text.trim_start_matches(',');
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, rest) = text.split_once("=\"")?;
        let mut is_escaped = false;
        let end = rest.find(|c| {
            let is_end = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        })?;
        labels.insert(name.to_owned(), unescape(&rest[..end]).into());
        text = &rest[end + 1..];
    }
}

/// The value as a JSON number. Values that JSON cannot express (NaN, infinities) are null.
fn value(text: &str) -> Value {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    let number = whole.parse::<u64>().map(Number::from).ok();
    let number = number.or_else(|| whole.parse::<i64>().map(Number::from).ok());
    number.or_else(|| text.parse().ok().and_then(Number::from_f64)).map_or(Value::Null, Value::from)
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => out.push('\n'),
                other => out.extend(other),
            },
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_taken_apart() {
        let text = "# HELP a People \\\"here\\\".\n# TYPE a gauge\na 3\n\
                    # HELP b_seconds Time.\n# TYPE b_seconds histogram\n# UNIT b_seconds seconds\n\
                    b_seconds_sum 0.5\nb_seconds_bucket{le=\"+Inf\",x=\"a\\\"},\\\\\"} 12\n\
                    # HELP c C.\n# TYPE c gauge\nc NaN\nd\n# EOF\n";
        let samples = samples(text);
        assert_eq!(samples.len(), 4);
        assert_eq!(
            samples[0],
            json!({ "name": "a", "type": "gauge", "help": "People \"here\"", "unit": null,
                    "labels": {}, "value": 3 })
        );
        assert_eq!((&samples[1]["value"], &samples[1]["unit"]), (&json!(0.5), &json!("seconds")));
        assert_eq!(samples[2]["labels"], json!({ "le": "+Inf", "x": "a\"},\\" }));
        assert_eq!((&samples[2]["value"], &samples[3]["value"]), (&json!(12), &Value::Null));
    }
}
