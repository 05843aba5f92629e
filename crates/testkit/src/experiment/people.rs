//! Who is in the market.

use marketplace_money::{Amount, Did};

use super::Options;
use crate::sim::Rng;

/// How an agent behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// So many of a thousand of its deliveries are good.
    Seller { good: u32 },
    /// Buys; a lazy one looks at nothing.
    Buyer { lazy: bool },
    /// Sells well until this day, then rubbish.
    ExitScammer { turns: u32 },
    /// Buys from its ring until this day, then sells rubbish.
    Ring { ring: u32, bridged: bool, turns: u32 },
    /// Buys, and claims its money back whatever it got.
    SerialDisputer,
    /// Buys small things from the best, and speaks ill of them.
    BadMouther,
    /// Only judges, for its friends.
    Colluder,
}

impl Kind {
    pub(super) const fn is_honest(self) -> bool {
        matches!(self, Self::Seller { .. } | Self::Buyer { .. })
    }

    /// Its place among those who take from honest agents.
    pub(super) const fn place(self) -> Option<usize> {
        match self {
            Self::ExitScammer { .. } => Some(0),
            Self::Ring { bridged: false, .. } => Some(1),
            Self::Ring { bridged: true, .. } => Some(2),
            Self::SerialDisputer => Some(3),
            Self::BadMouther => Some(4),
            Self::Seller { .. } | Self::Buyer { .. } | Self::Colluder => None,
        }
    }

    /// Whether it sells on this day.
    pub(super) const fn sells(self, day: u32) -> bool {
        match self {
            Self::Seller { .. } | Self::ExitScammer { .. } => true,
            Self::Ring { turns, .. } => day >= turns,
            _ => false,
        }
    }
}

/// An agent.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) did: Did,
    pub(super) kind: Kind,
    /// Locked as a juror.
    pub(super) stake: Amount,
    /// What it sells for.
    pub(super) price: Amount,
    /// What it came with, in nano-AVT. The malicious have no more: who earns nothing by cheating
    /// cannot go on for ever.
    pub(super) purse: i64,
    /// Under a new name, this one is gone.
    pub(super) gone: bool,
}

/// In AVT: most work is small.
const PRICES: [(u32, i64); 5] = [(30, 2), (30, 5), (25, 10), (10, 25), (5, 60)];
const RICH: i64 = Amount::from_avt(1_000_000).nano();
/// What a malicious agent brings with it.
const MALICIOUS_PURSE: i64 = Amount::from_avt(300).nano();
/// Of a ring.
const MEMBERS: u32 = 5;

pub(super) fn did(name: &str) -> Did {
    // A name of letters and digits is always one.
    format!("did:sim:{name}").parse().unwrap_or_else(|_| Did::clone(&anybody()))
}

fn anybody() -> Did {
    "did:sim:anybody".parse().expect("a constant that is a DID")
}

pub(super) fn price(rng: &mut Rng) -> Amount {
    Amount::from_avt(rng.weighted(&PRICES).unwrap_or(5))
}

fn malicious(at: u32, rng: &mut Rng) -> Kind {
    let turns = 15 + u32::try_from(rng.below(30)).unwrap_or(0);
    match at % 10 {
        0..=2 => Kind::ExitScammer { turns },
        3..=5 => Kind::Ring { ring: at / 10 / MEMBERS, bridged: false, turns: 20 },
        6 | 7 => Kind::Ring { ring: 1_000 + at / 10 / MEMBERS, bridged: true, turns: 20 },
        8 => Kind::SerialDisputer,
        _ => Kind::BadMouther,
    }
}

fn honest(at: u32, lazy: u32, rng: &mut Rng) -> Kind {
    match at % 5 {
        0 | 1 => Kind::Seller { good: *rng.pick(&[990, 970, 930]).unwrap_or(&990) },
        _ => Kind::Buyer { lazy: rng.chance(lazy * 10) },
    }
}

/// The population of the first day. One in five honest agents has a juror's stake; as many
/// colluders as hold the wanted part of all stake.
pub(super) fn population(options: &Options, rng: &mut Rng) -> Vec<Person> {
    let bad = options.agents * options.malicious / 100;
    let mut people = Vec::new();
    let mut stakes = 0;
    for at in 0..options.agents {
        let kind = if at < bad { malicious(at, rng) } else { honest(at - bad, options.lazy, rng) };
        let staked = kind.is_honest() && rng.chance(200);
        stakes += u32::from(staked);
        people.push(Person {
            did: did(&format!("p{at}")),
            kind,
            stake: if staked { Amount::from_avt(250) } else { Amount::ZERO },
            price: price(rng),
            purse: if kind.is_honest() { RICH } else { MALICIOUS_PURSE },
            gone: false,
        });
    }
    let colluders = stakes * options.colluding / (100 - options.colluding.min(90));
    for at in 0..colluders {
        people.push(Person {
            did: did(&format!("colluder{at}")),
            kind: Kind::Colluder,
            stake: Amount::from_avt(250),
            price: Amount::ZERO,
            purse: RICH,
            gone: false,
        });
    }
    people
}
