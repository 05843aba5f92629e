//! The order aggregate: a buyer's payment held until the work is delivered and accepted.
//!
//! The state machine is data ([`TRANSITIONS`]): [`decide`] looks up the row for a command, checks
//! its guard and returns events; [`evolve`] applies an event; [`posting`] says what money an event
//! moves; [`Order::timer`] says what the order waits for. None of them knows a clock.

mod actions;
mod decide;
mod delivery;
mod evolve;
mod machine;
mod order;
mod refusal;

pub use actions::{AvailableAction, available_actions};
pub use decide::{Command, Context, decide};
pub use delivery::{Announced, ChecksOutcome, Content, Delivery, DeliveryInput};
pub use evolve::{apply, evolve, posting};
pub use machine::{
    Actor, Money, OrderStatus, Phase, TRANSITIONS, Target, Transition, Verb, diagram,
};
pub use order::{
    Closed, Disputed, ExpiryPolicy, Funded, Order, OrderEvent, OrderTerms, OrderTimer, SplitOffer,
    State, TimerKind, Work,
};
pub use refusal::OrderRefusal;
