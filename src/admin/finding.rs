//! What somebody finds who looks at the whole installation.

use serde::{Deserialize, Serialize};

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub verdict: Verdict,
    /// What was looked at, in a word, as `store`.
    pub area: String,
    /// How it is, in a sentence.
    pub what: String,
    /// What to do about it, where there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// What is thought of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Ok,
    /// It can be meant so.
    Note,
    Problem,
}

impl Finding {
    /// All is well.
    pub fn ok(area: &str, what: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Ok, area: area.to_owned(), what: what.into(), advice: None }
    }

    /// It can be meant so; if not, this can be done.
    pub fn note(area: &str, what: impl Into<String>, advice: impl Into<String>) -> Finding {
        let advice = Some(advice.into());
        Finding { verdict: Verdict::Note, advice, ..Finding::ok(area, what) }
    }

    /// Something is wrong, and this mends it.
    pub fn problem(area: &str, what: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Problem, ..Finding::note(area, what, advice) }
    }
}
