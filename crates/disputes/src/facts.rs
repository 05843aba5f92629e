//! What tier 1 may see of an order: facts of our log and of checks that were run again, no opinion.

use marketplace_escrow::{Order, State as OrderState, Work};
use marketplace_listings::AcceptancePolicy;
use marketplace_money::{Deadline, Gap, Gaps, OrderId, Seconds, Timestamp};

use crate::digest::{Canonical, hex};

/// What was delivered, and what became of looking at it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryFacts {
    /// When the first delivery counted; a later round does not make it late.
    pub first_at: Timestamp,
    /// What the last delivery was recorded as.
    pub recorded: [u8; 32],
    /// What its bytes hash to now, if there are any to look at.
    pub hashed_again: Option<[u8; 32]>,
    /// Whether the order's checks pass now; nothing without checks, and nothing when a run had no
    /// answer.
    pub checks: Option<bool>,
}

/// The facts of a case. The shell reads them from the log and the order; [`OrderFacts::of`] gives
/// those that the order itself knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFacts {
    /// Who was to say that a delivery is good.
    pub acceptance: AcceptancePolicy,
    /// When the money was there.
    pub funded_at: Timestamp,
    /// The listed time from funding to delivery.
    pub promised: Seconds,
    /// When the delivery was due, with credit for our downtime and for earlier disputes.
    pub due: Timestamp,
    /// When the dispute was opened.
    pub disputed_at: Timestamp,
    /// Nothing when nothing was delivered.
    pub delivery: Option<DeliveryFacts>,
    /// The listing promised that nobody else gets the same.
    pub exclusive: bool,
    /// An order of somebody else to which the same seller delivered the same bytes before the rules
    /// were asked; looked for only where the order is exclusive.
    pub also_delivered_to: Option<OrderId>,
}

impl OrderFacts {
    /// The facts that a disputed order knows by itself. The shell adds what was looked at again,
    /// and corrects `due` where a delivered order was in dispute before. Nothing for an order that is not in dispute.
    #[must_use]
    pub fn of(order: &Order, gaps: &Gaps) -> Option<Self> {
        let OrderState::Funded(funded) = &order.state else { return None };
        let Work::Disputed(disputed) = &funded.work else { return None };
        // The clocks stopped when the dispute began: later downtime is no further credit.
        let before = gaps
            .as_slice()
            .iter()
            .map(|gap| Gap { from: gap.from, until: gap.until.min(disputed.since) });
        let gaps = Gaps::new(before.collect());
        let latest = funded.at.plus(Order::LIFE).minus(Order::SHORTEST_REVIEW);
        let original =
            Deadline { from: funded.at, due: funded.at.plus(order.terms.delivery).min(latest) };
        let due = match &disputed.before {
            Work::AwaitingStart { delivery } | Work::InProgress { delivery } => *delivery,
            _ => original,
        };
        let delivery = disputed.before.delivery().map(|delivery| DeliveryFacts {
            first_at: funded.first_delivered.unwrap_or(delivery.at),
            recorded: delivery.sha256,
            hashed_again: None,
            checks: None,
        });
        Some(Self {
            acceptance: order.terms.acceptance,
            funded_at: funded.at,
            promised: order.terms.delivery,
            due: due.effective(&gaps),
            disputed_at: disputed.since,
            delivery,
            exclusive: order.terms.exclusive,
            also_delivered_to: None,
        })
    }

    /// Each fact by name, in one order: what is hashed, and what a ruling quotes.
    #[must_use]
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let time = |at: Timestamp| at.micros().to_string();
        let optional = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
        let mut lines = vec![
            ("acceptance", self.acceptance.to_string()),
            ("funded_at", time(self.funded_at)),
            ("promised_seconds", self.promised.0.to_string()),
            ("due", time(self.due)),
            ("disputed_at", time(self.disputed_at)),
            ("delivered", self.delivery.is_some().to_string()),
        ];
        if let Some(delivery) = &self.delivery {
            lines.extend([
                ("first_delivered_at", time(delivery.first_at)),
                ("recorded_sha256", hex(&delivery.recorded)),
                ("sha256_now", optional(delivery.hashed_again.map(|hash| hex(&hash)))),
                ("checks_now", optional(delivery.checks.map(|passed| passed.to_string()))),
            ]);
        }
        lines.extend([
            ("exclusive", self.exclusive.to_string()),
            ("also_delivered_to", optional(self.also_delivered_to.map(|id| id.to_string()))),
        ]);
        lines
    }

    /// Names the facts.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let hash = Canonical::of("marketplace-facts 1");
        let hash =
            self.lines().iter().fold(hash, |hash, (name, value)| hash.text(name).text(value));
        hash.finish()
    }
}
