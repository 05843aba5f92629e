//! What became of the sets of a batch, as text: a letter for each.

use marketplace_ports::CommitOutcome;

/// `w` for written, `c` for conflict.
#[must_use]
pub fn outcomes_text(outcomes: &[CommitOutcome]) -> String {
    let letter = |outcome: &CommitOutcome| match outcome {
        CommitOutcome::Committed => 'w',
        CommitOutcome::Conflict => 'c',
    };
    outcomes.iter().map(letter).collect()
}

/// The outcomes of the text.
#[must_use]
pub fn outcomes_from_text(text: &str) -> Vec<CommitOutcome> {
    let outcome = |letter| match letter {
        'w' => CommitOutcome::Committed,
        _ => CommitOutcome::Conflict,
    };
    text.chars().map(outcome).collect()
}
