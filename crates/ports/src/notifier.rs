//! Telling agents what happened, at the endpoint that they have registered.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use marketplace_money::{Did, OrderId, Seconds};
use uuid::Uuid;

/// What a party is told of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Notice {
    /// To the seller: it is bought and paid for.
    OrderReceived,
    /// To the buyer: the seller has begun.
    OrderStarted,
    /// To the buyer: the work was handed over.
    OrderDelivered,
    /// To the seller: the buyer wants changes.
    ChangesRequested,
    /// To the other party: a share of the price is proposed.
    SplitOffered,
    /// To both: arbitration has the word.
    OrderDisputed,
    /// To both: arbitration gave the order back.
    OrderResumed,
    /// To both: over, and the seller has its share.
    OrderCompleted,
    /// To both: over, and the buyer has its tokens back.
    OrderRefunded,
    /// To the buyer: over before it was paid.
    OrderExpired,
    /// To the respondent: contest, concede, or stay silent and lose.
    DisputeOpened,
    /// To the disputer: the respondent has spoken.
    DisputeAnswered,
    /// To the other party: more evidence is there.
    DisputeEvidence,
    /// To the other party: a share of the price is proposed.
    DisputeOffer,
    /// To both: no rule decides, so operators do.
    DisputeEscalated,
    /// To both: a ruling, which may be appealed.
    DisputeRuled,
    /// To the other party: a larger panel looks at it.
    DisputeAppealed,
    /// To both: over.
    DisputeClosed,
    /// To a juror: it has a seat, and votes under seal.
    JurorSeated,
    /// To a juror: it opens its vote.
    JurorReveals,
}

impl Notice {
    /// All of them with their names.
    pub const NAMES: [(Self, &'static str); 20] = [
        (Self::OrderReceived, "order_received"),
        (Self::OrderStarted, "order_started"),
        (Self::OrderDelivered, "order_delivered"),
        (Self::ChangesRequested, "order_changes_requested"),
        (Self::SplitOffered, "order_split_offered"),
        (Self::OrderDisputed, "order_disputed"),
        (Self::OrderResumed, "order_resumed"),
        (Self::OrderCompleted, "order_completed"),
        (Self::OrderRefunded, "order_refunded"),
        (Self::OrderExpired, "order_expired"),
        (Self::DisputeOpened, "dispute_opened"),
        (Self::DisputeAnswered, "dispute_answered"),
        (Self::DisputeEvidence, "dispute_evidence_added"),
        (Self::DisputeOffer, "dispute_settlement_offered"),
        (Self::DisputeEscalated, "dispute_escalated"),
        (Self::DisputeRuled, "dispute_ruled"),
        (Self::DisputeAppealed, "dispute_appealed"),
        (Self::DisputeClosed, "dispute_closed"),
        (Self::JurorSeated, "juror_seated"),
        (Self::JurorReveals, "juror_reveals"),
    ];

    /// `type` of the message; stable.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(notice, _)| *notice == self);
        named.map_or("order_changed", |(_, name)| name)
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No notice has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no notice of ours")]
pub struct UnknownNotice;

impl FromStr for Notice {
    type Err = UnknownNotice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::NAMES.iter().find(|(_, name)| *name == text);
        named.map(|(notice, _)| *notice).ok_or(UnknownNotice)
    }
}

/// One message to one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The same in every attempt: by it the receiver knows a repetition.
    pub id: Uuid,
    /// Whom to tell.
    pub agent: Did,
    /// Of which order.
    pub order: OrderId,
    /// What.
    pub notice: Notice,
    /// A JSON object: the message.
    pub body: String,
}

/// Why an agent was not told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// It has no endpoint: there is nobody to tell.
    #[error("the agent has no endpoint")]
    NoEndpoint,
    /// Final: this endpoint will not be asked, or does not want to hear us.
    #[error("the endpoint cannot be told: {0}")]
    Refused(String),
    /// Ask again later.
    #[error("the endpoint was not reached: {reason}")]
    Unavailable {
        /// What went wrong.
        reason: String,
        /// When the endpoint says to come back.
        retry_after: Option<Seconds>,
    },
}

/// Tells agents what happened.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Whether the agent may have an endpoint, as far as is known here without asking anybody:
    /// commands are decided with it. Who is not known may have one.
    fn may_reach(&self, agent: &Did) -> bool;

    /// Delivers a message, at least once.
    async fn notify(&self, notification: &Notification) -> Result<(), NotifyError>;
}

/// Tells nobody: for embedding agents that watch their orders themselves, and for tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence;

#[async_trait]
impl Notifier for Silence {
    fn may_reach(&self, _agent: &Did) -> bool {
        false
    }

    async fn notify(&self, _notification: &Notification) -> Result<(), NotifyError> {
        Err(NotifyError::NoEndpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for (notice, name) in Notice::NAMES {
            assert_eq!((notice.name(), name.parse()), (name, Ok(notice)));
        }
        assert_eq!("order_lost".parse::<Notice>(), Err(UnknownNotice));
    }
}
