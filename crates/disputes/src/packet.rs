//! What somebody needs who has a verdict and does not believe it: [`crate::verify`] repeats it.

use std::fmt;

use marketplace_ledger::EntryDraft;
use marketplace_money::{Gaps, Timestamp};

use crate::{Board, Dispute, DisputeEvent, OrderFacts, Pool};

/// The events of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The commit's time.
    pub at: Timestamp,
    /// In order.
    pub events: Vec<DisputeEvent>,
}

/// A batch of the marketplace's chain of hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Its place in the chain.
    pub position: u64,
    /// The hash of the batch before it.
    pub previous: [u8; 32],
    /// Its own: SHA-256 over `previous` and the content.
    pub hash: [u8; 32],
    /// What the batch adds, as it was hashed; nothing where others' business is in it. Then the
    /// hash is to be compared with a copy that somebody kept.
    pub content: Option<Vec<u8>>,
}

/// Everything about a closed dispute.
#[derive(Clone, Debug)]
pub struct Packet {
    /// As it was opened, in version 1.
    pub opened: Dispute,
    /// All commits after the opening, in order.
    pub log: Vec<LogEntry>,
    /// What the rules saw; nothing where they were never asked.
    pub facts: Option<OrderFacts>,
    /// Of each call of a panel, in order; also one that was too small.
    pub pools: Vec<Pool>,
    /// Our downtime.
    pub gaps: Gaps,
    /// The operators as they were when they decided; of today where they were not asked.
    pub operators: Board,
    /// Names the rules that tier 1 asked; those of today where it was not asked.
    pub rule_set: [u8; 32],
    /// What it came to.
    pub closed: Dispute,
    /// The money, in order, from the opening on: bonds, what became of them, and what became of the
    /// order's escrow.
    pub postings: Vec<EntryDraft>,
    /// At least the batches that panels were drawn by; ordered by position.
    pub chain: Vec<ChainLink>,
    /// Of the opening and of each commit of the log, in order, the batch in the chain that holds it.
    /// The last ones are missing while they are not sealed.
    pub positions: Vec<u64>,
}

/// Why a packet is not what happened under our rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PacketFault {
    /// It was decided by other rules than these.
    OtherRules,
    /// The packet does not bring what this commit needs.
    Incomplete {
        /// Which commit of the log, from 0.
        entry: usize,
    },
    /// These events could not happen.
    NotAllowed {
        /// Which commit of the log, from 0.
        entry: usize,
        /// What the rules say.
        why: String,
    },
    /// Other events would have happened.
    OtherEvents {
        /// Which commit of the log, from 0.
        entry: usize,
    },
    /// The log does not lead to what the packet says.
    OtherEnd,
    /// The money is not what the events move.
    OtherPostings,
    /// A batch does not have the hash that it claims, or does not follow the one before it.
    BrokenChain {
        /// Which batch.
        position: u64,
    },
    /// A commit is said to be in a batch that is not in the chain, or that comes before the batch of
    /// an earlier commit.
    OtherBatch {
        /// Which batch.
        position: u64,
    },
    /// A panel was drawn by a batch that is not in the chain, or does not hold the call.
    UnknownSeed {
        /// Which batch.
        position: u64,
    },
    /// A batch has another hash than the one that is known of it, or is not in the packet.
    OtherChain {
        /// Which batch.
        position: u64,
    },
}

impl fmt::Display for PacketFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherRules => f.write_str("it was decided by another version of the rules"),
            Self::Incomplete { entry } => write!(f, "it lacks what commit {entry} was decided on"),
            Self::NotAllowed { entry, why } => write!(f, "commit {entry} is not allowed: {why}"),
            Self::OtherEvents { entry } => write!(f, "commit {entry} should have been another"),
            Self::OtherEnd => f.write_str("the log does not lead to this end"),
            Self::OtherPostings => f.write_str("the postings are not what the log moves"),
            Self::BrokenChain { position } => {
                write!(f, "batch {position} does not have the hash that it claims")
            }
            Self::UnknownSeed { position } => {
                write!(
                    f,
                    "a panel was drawn by batch {position}, which is not the one in the chain that \
                     holds its call"
                )
            }
            Self::OtherBatch { position } => {
                write!(f, "a commit is said to be in batch {position}, where it cannot be")
            }
            Self::OtherChain { position } => {
                write!(f, "batch {position} is not the one that you know")
            }
        }
    }
}

impl std::error::Error for PacketFault {}

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Commits that were decided again.
    pub commits: usize,
    /// Panels that were drawn again.
    pub panels: usize,
    /// Votes that were opened again.
    pub votes: usize,
    /// Entries that were posted again.
    pub entries: usize,
    /// Batches whose content gave their hash.
    pub batches: usize,
    /// Commits, with the opening, whose batch is in the chain.
    pub placed: usize,
    /// Rulings of tier 1 that were taken as they stand, because their rules are older than these.
    pub taken: usize,
}
