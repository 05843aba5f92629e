//! What a run found, and its hash.

use std::fmt::Write as _;

use crate::budget::Stop;
use crate::checks::CheckKind;
use crate::digest::Digest;

/// Longest [`CheckResult::detail`], in characters.
pub const MAX_DETAIL_CHARS: usize = 300;

/// How one check went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// The kind of the check.
    pub kind: CheckKind,
    /// Whether the delivery passed it. A check without an answer has not passed.
    pub passed: bool,
    /// What was found, in one line of at most [`MAX_DETAIL_CHARS`] characters. May quote some
    /// characters of the delivery or the terms: inert text, never markup.
    pub detail: String,
}

/// How a delivery did against all checks of a listing. A value: the same texts give the same
/// report, unless time was up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// One result for each check, in the order of the terms.
    pub results: Vec<CheckResult>,
    /// Why the run ended early, if it did.
    pub stopped: Option<Stop>,
    /// Which checks they were: [`crate::Checks::hash`].
    pub checks_hash: Digest,
    /// SHA-256 of the delivery.
    pub delivery_hash: Digest,
}

impl Report {
    /// Whether every check has an answer and the answer is yes.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.stopped.is_none()
            && !self.results.is_empty()
            && self.results.iter().all(|result| result.passed)
    }

    /// SHA-256 of [`Report::canonical_text`].
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest::of(self.canonical_text().as_bytes())
    }

    /// The text that is hashed. Lines end with a line feed; no line can be forged, because details
    /// hold no control characters:
    ///
    /// ```text
    /// marketplace-acceptance 1
    /// checks 9f86d0…
    /// delivery 2c26b4…
    /// stopped time_is_up            (or too_much_work; no such line after a whole run)
    /// size passed 1204 bytes
    /// json_schema failed /rows/3: …
    /// ```
    #[must_use]
    pub fn canonical_text(&self) -> String {
        let mut text = format!(
            "marketplace-acceptance 1\nchecks {}\ndelivery {}\n",
            self.checks_hash, self.delivery_hash
        );
        match self.stopped {
            Some(Stop::TimeIsUp) => text.push_str("stopped time_is_up\n"),
            Some(Stop::TooMuchWork) => text.push_str("stopped too_much_work\n"),
            None => {}
        }
        for result in &self.results {
            let answer = if result.passed { "passed" } else { "failed" };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {answer} {}", result.kind, result.detail);
        }
        text
    }
}
