//! What became of the sets of a batch, as text: a letter for each.

use marketplace_ports::CommitOutcome;

pub(crate) fn to_text(outcomes: &[CommitOutcome]) -> String {
    let letter = |outcome: &CommitOutcome| match outcome {
        CommitOutcome::Committed => 'w',
        CommitOutcome::Conflict => 'c',
    };
    outcomes.iter().map(letter).collect()
}

pub(crate) fn from_text(text: &str) -> Vec<CommitOutcome> {
    let outcome = |letter| match letter {
        'w' => CommitOutcome::Committed,
        _ => CommitOutcome::Conflict,
    };
    text.chars().map(outcome).collect()
}
