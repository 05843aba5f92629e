//! The dispute aggregate: a claim against an order, decided by rules, by jurors, by operators last.
//!
//! The machine is data ([`TRANSITIONS`]), and so is what becomes of the bonds ([`BONDS`],
//! [`APPEALS`]): [`decide`] looks up the row for a command, checks its guard and returns events;
//! [`evolve`] applies an event; [`posting`] says what money an event moves;
//! [`Dispute::next_timer`] says what the dispute waits for. None of them knows a clock.
//!
//! # Who knows what, and when
//!
//! A party that sees how it will end must not be able to save its bond. So a claim can be taken
//! back only until votes are opened or something is ruled; giving in later costs what losing costs
//! ([`Dispute::has_shown_its_hand`]). And who took a claim back after a panel was drawn cannot try
//! another panel ([`Dispute::allows_another`]).
//!
//! # What the design leaves open, and how it is read here
//!
//! - A concession after votes were opened or something was ruled costs what losing costs.
//! - A side disputes an order a second time only after it withdrew before any draw.
//! - A seller's dispute that is rejected or unproven gives the order back; a buyer's that is
//!   rejected counts as acceptance, delivered or not; one that is unproven only where something was
//!   delivered.
//! - Votes within one quarter of what was found are coherent.
//! - Tier 3 is final.
//! - An objective claim needs no D, but pays f.
//! - The seed of a draw is the hash of the commit that holds the call of its panel.

mod actions;
mod closing;
mod command;
mod decide;
mod digest;
mod dispute;
mod evolve;
mod facts;
mod machine;
mod money_table;
mod names;
mod opening;
mod packet;
mod panel;
mod payout;
mod pool;
mod print;
mod refusal;
mod rules;
mod ruling;
mod scale;
mod table;
mod terms;
mod verify;
mod voting;

pub use actions::{AvailableAction, available_actions};
pub use command::{Caller, Command, DisputeEvent, EvidenceInput};
pub use decide::{Context, decide};
pub use dispute::{Appeal, Closed, Dispute, DisputeTimer, Evidence, Offer, Response, Round, State};
pub use evolve::{apply, award, evolve, posting};
pub use facts::{DeliveryFacts, OrderFacts};
pub use machine::{Actor, Escalation, Phase, Side, TimerKind, Verb};
pub use money_table::{
    APPEALS, AppealOutcome, BONDS, Line, Payee, Pot, Take, appeal_lines, bond_lines,
};
pub use opening::{Opened, Opening};
pub use packet::{ChainLink, LogEntry, Packet, PacketFault, Verified};
pub use panel::{Draw, Panel, Seat, Stage, Vote, commitment};
pub use payout::{Payment, Service, appeal_outcome, payments, services};
pub use pool::{Candidate, Entrant, Pool, SeedSource};
pub use print::{diagram, money_table};
pub use refusal::DisputeRefusal;
pub use rules::{
    Case, LATE_DISCOUNTS, RULES, RULES_VERSION, Rule, RuleName, SAME_RULES, apply_rules,
    rule_set_hash,
};
pub use ruling::{
    Approval, Basis, Board, BondOutcome, OperatorSignature, Operators, OrderEffect, Ruling,
    SignatureCheck, Verdict, abort_digest, ruling_digest,
};
pub use scale::{Category, Claim, Finding, Remedy};
pub use table::{Money, TRANSITIONS, Transition};
pub use terms::{JurorTerms, Policy, Stakes, Windows};
pub use verify::{Known, verify, verify_with};
