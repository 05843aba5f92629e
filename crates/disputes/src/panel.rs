//! A panel at work: seats, sealed votes, open votes, the median.

use marketplace_money::{Did, DisputeId, Timestamp};

use crate::digest::Canonical;
use crate::{Finding, SeedSource};

/// How far a panel has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The pool is frozen.
    Called,
    /// The votes come in under seal.
    Committing,
    /// The votes are opened.
    Revealing,
    /// It found this.
    Found(Finding),
    /// Too few votes came in: none was opened.
    TooFewCommitted,
    /// Too few votes were opened.
    TooFewRevealed,
}

/// A vote, opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// What the juror finds.
    pub ballot: Finding,
    /// What kept the sealed vote from being guessed.
    pub salt: [u8; 32],
}

/// A juror's place on a panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Who.
    pub juror: Did,
    /// The sealed vote.
    pub commitment: Option<[u8; 32]>,
    /// The opened vote.
    pub vote: Option<Vote>,
}

/// How the seats were filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// What the seed was made of.
    pub source: SeedSource,
    /// When.
    pub at: Timestamp,
}

/// A panel, from its call on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panel {
    /// Odd.
    pub size: usize,
    /// Names the frozen pool.
    pub pool: [u8; 32],
    /// When the pool was frozen.
    pub called_at: Timestamp,
    /// Nothing until it is drawn.
    pub draw: Option<Draw>,
    /// Empty until it is drawn.
    pub seats: Vec<Seat>,
    /// How far it has come.
    pub stage: Stage,
}

impl Panel {
    /// A juror's seat.
    #[must_use]
    pub fn seat(&self, juror: &Did) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.juror == *juror)
    }

    /// More than half of the seats.
    #[must_use]
    pub const fn quorum(&self) -> usize {
        self.size / 2 + 1
    }

    /// Sealed votes.
    #[must_use]
    pub fn committed(&self) -> usize {
        self.seats.iter().filter(|seat| seat.commitment.is_some()).count()
    }

    /// Open votes.
    #[must_use]
    pub fn revealed(&self) -> usize {
        self.seats.iter().filter(|seat| seat.vote.is_some()).count()
    }

    /// Whether votes were, or could have been, seen.
    #[must_use]
    pub const fn was_opened(&self) -> bool {
        matches!(self.stage, Stage::Revealing | Stage::Found(_) | Stage::TooFewRevealed)
    }

    /// The median of the open votes; of an even number the one that gives less, because who claims
    /// must convince.
    #[must_use]
    pub fn median(&self) -> Option<Finding> {
        let votes = self.seats.iter().filter_map(|seat| seat.vote);
        let mut ballots: Vec<Finding> = votes.map(|vote| vote.ballot).collect();
        ballots.sort_unstable();
        ballots.get(ballots.len().checked_sub(1)? / 2).copied()
    }
}

/// The seal of a vote: binds the juror to this ballot in this panel, and tells nobody which it is.
#[must_use]
pub fn commitment(
    dispute: DisputeId,
    round: usize,
    attempt: usize,
    juror: &Did,
    vote: &Vote,
) -> [u8; 32] {
    Canonical::of("marketplace-vote 1")
        .text(&dispute.to_string())
        .count(round as u64)
        .count(attempt as u64)
        .text(juror.as_str())
        .text(vote.ballot.name())
        .hash(&vote.salt)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        let check = |votes: &[&str], expect: Option<&str>| {
            let seats = votes.iter().map(|vote| Seat {
                juror: "did:a".parse().unwrap(),
                commitment: None,
                vote: vote.parse().ok().map(|ballot| Vote { ballot, salt: [0; 32] }),
            });
            let panel = Panel {
                size: votes.len(),
                pool: [0; 32],
                called_at: Timestamp::default(),
                draw: None,
                seats: seats.collect(),
                stage: Stage::Revealing,
            };
            assert_eq!(panel.median().map(Finding::name), expect, "{votes:?}");
        };
        check(&[], None);
        check(&["-", "-"], None);
        check(&["full"], Some("full"));
        check(&["full", "rejected"], Some("rejected"));
        check(&["half", "full", "rejected"], Some("half"));
        check(&["unproven", "rejected", "quarter", "-"], Some("unproven"));
        check(&["quarter", "full", "rejected", "half"], Some("quarter"));
    }
}
