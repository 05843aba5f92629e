//! What is kept of an agent and of what one agent said of another; score and trust follow from it.

use marketplace_money::{Amount, Reputation, Timestamp};

use crate::Decaying;

/// How far an agent's word is trusted, in millionths: 0 to 1,000,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Trust(i64);

impl Trust {
    /// A stranger.
    pub const NONE: Self = Self(0);
    /// Our own log.
    pub const FULL: Self = Self(1_000_000);
    /// The stake from which on an agent is trusted in full: a juror's.
    pub const FULL_STAKE: Amount = Amount::from_avt(250);

    /// What a stake alone is worth.
    #[must_use]
    pub fn of_stake(stake: Amount) -> Self {
        let stake = i128::from(stake.nano().clamp(0, Self::FULL_STAKE.nano()));
        let parts = stake * i128::from(Self::FULL.0) / i128::from(Self::FULL_STAKE.nano());
        Self(i64::try_from(parts).unwrap_or(0))
    }

    /// What a score alone is worth: half, so that trust ends after some steps.
    #[must_use]
    pub fn of_score(score: Reputation) -> Self {
        Self(i64::from(score.milli().max(0)) * 5)
    }

    /// In millionths.
    #[must_use]
    pub const fn millionths(self) -> i64 {
        self.0
    }

    /// This part of an amount in nano-AVT, rounded down.
    #[must_use]
    pub fn of(self, nano: i64) -> i64 {
        let part = i128::from(nano) * i128::from(self.0) / i128::from(Self::FULL.0);
        i64::try_from(part).unwrap_or(i64::MAX)
    }
}

/// What is kept of an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The raw layer: words for it, ever.
    pub raw_up: u64,
    /// The raw layer: words against it, ever.
    pub raw_down: u64,
    /// What words for it weigh.
    pub positive: Decaying,
    /// What words against it weigh; counted double when read.
    pub negative: Decaying,
    /// What it settled, as far as the others are trusted.
    pub volume: Decaying,
    /// What trusted buyers paid in fees for its work, ever; each fee counts by the square of the
    /// buyer's trust.
    pub trusted_fees: Amount,
}

impl Standing {
    /// The net weight at which a score is half of the way: 500 AVT.
    pub const HALF_WAY: Amount = Amount::from_avt(500);

    /// +1 and −1 added up, as the original has it.
    #[must_use]
    pub fn raw(&self) -> i64 {
        let (up, down) = (i64::try_from(self.raw_up), i64::try_from(self.raw_down));
        up.unwrap_or(i64::MAX).saturating_sub(down.unwrap_or(i64::MAX))
    }

    /// The effective score: net / (|net| + 500 AVT) of 100 points, where net is what is for the
    /// agent less twice what is against it.
    #[must_use]
    pub fn score(&self, now: Timestamp) -> Reputation {
        let net = i128::from(self.positive.at(now)) - 2 * i128::from(self.negative.at(now));
        let scale = net.abs() + i128::from(Self::HALF_WAY.nano());
        Reputation::from_milli(i64::try_from(net * 100_000 / scale).unwrap_or(0))
    }

    /// How far its word is trusted: by its stake, or by what trusted others say of it.
    #[must_use]
    pub fn trust(&self, stake: Amount, now: Timestamp) -> Trust {
        Trust::of_stake(stake).max(Trust::of_score(self.score(now)))
    }
}

/// What one agent said of another, and settled with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// What its words for the other weigh.
    pub positive: Decaying,
    /// What its words against the other weigh.
    pub negative: Decaying,
    /// The part of the speaker's volume that is with this other.
    pub volume: Decaying,
}

/// The money behind a word about one agent: what the speaker has at stake, and what it settled with
/// trusted agents other than that one. In nano-AVT; the word weighs no more.
#[must_use]
pub fn credit(speaker: &Standing, stake: Amount, edge: &Edge, now: Timestamp) -> i64 {
    let with_others = speaker.volume.at(now).saturating_sub(edge.volume.at(now)).max(0);
    stake.nano().max(0).saturating_add(with_others)
}

/// The weight that said so much already leaves to more of it, in nano-AVT: the first 100 AVT from
/// one counterparty take half of the weight of the next word, and so on.
#[must_use]
pub fn damped(weight: i64, said: i64) -> i64 {
    const HALF: i128 = 100_000_000_000;
    let left = i128::from(weight) * HALF / (HALF + i128::from(said.max(0)));
    i64::try_from(left).unwrap_or(0)
}
