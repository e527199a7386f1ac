//! The findings of `chatctl doctor`.

use serde::{Deserialize, Serialize};

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub verdict: Verdict,
    /// The area of the check in a word, such as `store`.
    pub area: String,
    /// The result, in a sentence.
    pub what: String,
    /// The recommended action, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Ok,
    /// The finding can be intentional.
    Note,
    Problem,
}

impl Finding {
    /// A finding without a problem.
    pub fn ok(area: &str, what: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Ok, area: area.to_owned(), what: what.into(), advice: None }
    }

    /// A finding that can be intentional; if it is not, the advice helps.
    pub fn note(area: &str, what: impl Into<String>, advice: impl Into<String>) -> Finding {
        let advice = Some(advice.into());
        Finding { verdict: Verdict::Note, advice, ..Finding::ok(area, what) }
    }

    /// A finding that is a problem, with advice.
    pub fn problem(area: &str, what: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Problem, ..Finding::note(area, what, advice) }
    }
}
