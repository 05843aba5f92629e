//! A market with a population of honest and malicious agents, under the real rules of orders,
//! disputes and reputation, and beside it the same population under naive ones: what does cheating
//! cost, and whom?
//!
//! Only the pure crates run, no engine and no store: a market of months takes seconds. All chance
//! comes from the seed.
//!
//! The population: sellers of different quality; buyers, of whom half are *lazy* (they look at
//! nothing, and pay by silence); *exit scammers*, who sell well for weeks and then deliver rubbish,
//! and come back under a new name as soon as their score is below zero; *rings*, which buy from
//! each other to look good and then do the same, some of them with *bridges* (honest purchases from
//! trusted sellers); *serial disputers*, who claim their money back for good work; *bad-mouthers*,
//! who buy small things from the best sellers to hurt them; and jurors who vote for whoever is one
//! of theirs. Each malicious agent comes with 300 AVT, and takes what is left along to its next
//! name. Nobody sells to a buyer below zero, and a lazy buyer buys only of sellers with a score: the
//! marketplace shows both.

mod arena;
mod court;
mod deal;
mod figures;
mod people;
mod table;

use marketplace_money::Amount;

pub use arena::run;
pub use figures::Figures;
pub use table::{share, table};

/// Which rules a market has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Ours, as they are in the crates.
    Ours,
    /// ±1 for each settled transaction, as the buyer says and +1 for a silent one; no limit to
    /// what waits on a seller; a plain majority of three jurors, drawn by head.
    Naive,
}

/// What a market begins with.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// All chance follows from it.
    pub seed: u64,
    /// How many agents there are at the beginning.
    pub agents: u32,
    /// How long it lasts.
    pub days: u32,
    /// How many of a hundred agents are malicious.
    pub malicious: u32,
    /// How much of a hundred of the jurors' stake votes together.
    pub colluding: u32,
    /// How many of a hundred buyers are lazy.
    pub lazy: u32,
    /// What may wait on a seller that nobody knows; nothing: there is no limit.
    pub exposure_base: Option<Amount>,
    /// Whose rules.
    pub rules: Rules,
}

impl Options {
    /// A market of 400 agents for 90 days, of whom 20 % are malicious.
    pub const DEFAULT: Self = Self {
        seed: 1,
        agents: 400,
        days: 90,
        malicious: 20,
        colluding: 20,
        lazy: 50,
        exposure_base: Some(marketplace_reputation::EXPOSURE_BASE),
        rules: Rules::Ours,
    };
}
