//! The order aggregate: a buyer's payment held until the work is delivered and accepted.
//!
//! The state machine is data ([`TRANSITIONS`]): [`decide`] looks up the row for a command, checks
//! its guard and returns events; [`evolve`] applies an event; [`posting`] says what money an event
//! moves; [`Order::timer`] says what the order waits for. None of them knows a clock.

mod actions;
mod command;
mod decide;
mod delivery;
mod diagram;
mod evolve;
mod handover;
mod machine;
mod order;
mod refusal;
mod table;

pub use actions::{AvailableAction, available_actions};
pub use command::Command;
pub use decide::{Context, aborted, decide};
pub use delivery::{Announced, ChecksOutcome, Content, Delivery, DeliveryInput, FailedCheck};
pub use diagram::diagram;
pub use evolve::{apply, award, evolve, posting};
pub use machine::{Actor, OrderStatus, Phase, Verb};
pub use order::{
    Closed, Disputed, ExpiryPolicy, Funded, Order, OrderEvent, OrderTerms, OrderTimer, SplitOffer,
    State, TimerKind, Work,
};
pub use refusal::OrderRefusal;
pub use table::{Money, TRANSITIONS, Target, Transition};
