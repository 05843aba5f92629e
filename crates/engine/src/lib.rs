//! The use cases: every change is command → decide → commit → effects, and no other code writes.
//!
//! [`Marketplace`] is the handle for servers and for agents that embed the marketplace as a
//! library; [`Worker`] does what nobody asks for at the moment: timers, outbox, payouts.

mod beside;
mod catalog;
mod config;
mod dealing;
mod delivery;
mod desk;
mod dispute_events;
mod disputes;
mod edge;
mod escrow_limit;
mod events;
mod executor;
mod feed;
mod follow;
mod funding;
mod history;
mod hooks;
mod house;
mod ids;
mod in_force;
mod job;
mod line;
mod marketplace;
mod measured;
mod measures;
mod motions;
mod notices;
mod opening;
mod overview;
mod packet;
mod payment;
mod pool;
mod prepaid;
mod publish;
mod published;
mod queries;
mod reader;
mod rebuild;
mod reconcile;
mod refusal;
mod rehearsal;
mod reputation;
mod reviews;
mod suggestions;
mod tasks;
mod trace;
mod upkeep;
mod verbs;
mod withdrawals;
mod worker;

pub use beside::{Beside, Jot};
pub use catalog::{Found, FoundPage};
pub use config::{Config, OperatorSet};
pub use delivery::{DeliveryContent, DeliveryRequest};
pub use desk::Desk;
pub use dispute_events::disputed_order;
pub use disputes::{DisputeRequest, DisputeView, EvidenceRequest, JurorView};
pub use edge::EdgeStop;
pub use escrow_limit::{EscrowCover, EscrowLimit, EscrowPolicy};
pub use hooks::{
    Attempt, Dispatcher, Hook, HookKind, HookStatus, MOST_WEBHOOKS, Replay, Scribe, Written,
};
pub use house::{House, Lag};
pub use ids::{Ids, RandomIds};
pub use in_force::{Ruled, Tariff};
pub use job::{Done, Idempotency, Render, Verb};
pub use marketplace::{Edges, Marketplace, PurchaseRequest};
pub use marketplace_acceptance::{CheckResult, Report as CheckReport};
pub use marketplace_ports::Silence;
pub use marketplace_search as search;
pub use measures::{Measures, SpanLoss};
pub use motions::Proposal;
pub use overview::{Day, Overview, SETTLE_BOUNDS, SETTLE_CLASSES};
pub use published::{Inclusion, Proof, Statement};
pub use queries::{Reserves, Wallet};
pub use reader::{FeedReader, Scope};
pub use reconcile::Reconciliation;
pub use refusal::{Error, Refusal};
pub use reputation::{AgentStanding, ScoreSource, SellerTerms, Totals};
pub use suggestions::{Match, Need, Reason, Suggested};
pub use verbs::{
    Amend, AmendHook, Balance, HookWrite, ListingChange, MoveCollateral, OperatorAct, OrderView,
    Payment, ReviewsView, SignedBy, TASK_CHANGED, TaskWrite, Transfer,
};
pub use withdrawals::WithdrawalQuote;
pub use worker::{Pace, Worked, Worker};
