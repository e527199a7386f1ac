//! The findings of `chatctl doctor`.

use serde::{Deserialize, Serialize};

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub verdict: Verdict,
    /// What was checked, in a word, as `store`.
    pub area: String,
    /// The result, in a sentence.
    pub what: String,
    /// What to do about it, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Ok,
    /// It may be intended.
    Note,
    Problem,
}

impl Finding {
    /// Nothing is wrong.
    pub fn ok(area: &str, what: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Ok, area: area.to_owned(), what: what.into(), advice: None }
    }

    /// It may be intended; if not, the advice helps.
    pub fn note(area: &str, what: impl Into<String>, advice: impl Into<String>) -> Finding {
        let advice = Some(advice.into());
        Finding { verdict: Verdict::Note, advice, ..Finding::ok(area, what) }
    }

    /// Something is wrong, and the advice helps.
    pub fn problem(area: &str, what: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Problem, ..Finding::note(area, what, advice) }
    }
}
