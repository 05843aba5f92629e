//! From the facts of the feed to what they say of agents.
//!
//! Only two facts speak: an order that closed by its own machine, and a dispute that was decided.
//! How an order closes after a ruling says nothing more.

use marketplace_escrow::Phase;
use marketplace_money::{Amount, Did};
use marketplace_ports::SealedEvent;
use marketplace_reputation::{Outcome, Side};
use serde_json::Value;

/// What an event changes in the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A settlement of two agents.
    Settled { buyer: Did, seller: Did, value: Amount, fee: Amount, outcome: Outcome },
    /// An agent's stake is another.
    Staked { agent: Did, stake: Amount },
}

/// What an event says, if it says anything. What cannot be read says nothing: the log is ours, and
/// every server reads the same.
pub(crate) fn said(event: &SealedEvent) -> Option<Said> {
    let data = || -> Option<Value> { serde_json::from_str(&event.data).ok() };
    let amount = |data: &Value, field: &str| data.get(field)?.as_str()?.parse::<Amount>().ok();
    match event.name.as_str() {
        "order.closed" => {
            let data = data()?;
            let outcome = outcome(data.get("phase")?.as_str()?.parse().ok()?)?;
            let fee = amount(&data, "fee_collected").unwrap_or_default();
            between(event, amount(&data, "price")?, fee, outcome)
        }
        "dispute.closed" => {
            let data = data()?;
            let loser = match data.get("lost_by")?.as_str()? {
                "buyer" => Side::Buyer,
                "seller" => Side::Seller,
                _ => return None,
            };
            between(event, amount(&data, "price")?, Amount::ZERO, Outcome::Lost(loser))
        }
        "juror.stake_changed" => {
            let agent = event.audience.first()?.clone();
            Some(Said::Staked { agent, stake: amount(&data()?, "stake")? })
        }
        _ => None,
    }
}

/// The audience of both facts is the buyer and the seller, in this order.
fn between(event: &SealedEvent, value: Amount, fee: Amount, outcome: Outcome) -> Option<Said> {
    let [buyer, seller] = event.audience.get(..2)? else { return None };
    let (buyer, seller) = (buyer.clone(), seller.clone());
    Some(Said::Settled { buyer, seller, value, fee, outcome })
}

/// How an order ended, as far as that says something by itself.
const fn outcome(phase: Phase) -> Option<Outcome> {
    match phase {
        Phase::Accepted => Some(Outcome::Accepted),
        Phase::AutoReleased => Some(Outcome::AutoReleased),
        Phase::NonDelivery => Some(Outcome::NotDelivered),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use marketplace_money::{EventId, OrderId, Timestamp};
    use marketplace_ports::Subject;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_events_say() {
        let check = |name: &str, data: &str, expect: Option<&str>| {
            let event = SealedEvent {
                position: 1,
                id: EventId::new(Uuid::nil()),
                subject: Subject::Order(OrderId::new(Uuid::nil())),
                name: name.to_owned(),
                audience: vec!["did:key:b".parse().unwrap(), "did:key:s".parse().unwrap()],
                at: Timestamp::from_micros(0),
                data: data.to_owned(),
            };
            let text = said(&event).map(|said| match said {
                Said::Settled { buyer, seller, value, fee, outcome } => {
                    format!("{buyer} {seller} {value} {fee} {outcome:?}")
                }
                Said::Staked { agent, stake } => format!("{agent} {stake}"),
            });
            assert_eq!(text.as_deref(), expect, "{name} {data}");
        };
        let closed = |phase: &str| {
            format!("{{\"phase\":\"{phase}\",\"price\":\"5\",\"fee_collected\":\"0.125\"}}")
        };
        let accepted = "did:key:b did:key:s 5 0.125 Accepted";
        check("order.closed", &closed("ACCEPTED"), Some(accepted));
        let silent = "did:key:b did:key:s 5 0.125 AutoReleased";
        check("order.closed", &closed("AUTO_RELEASED"), Some(silent));
        let missing = "did:key:b did:key:s 5 0.125 NotDelivered";
        check("order.closed", &closed("NON_DELIVERY"), Some(missing));
        for phase in ["RULED", "SETTLED", "ABORTED", "DECLINED", "CANCELLED", "UNPAID"] {
            check("order.closed", &closed(phase), None);
        }
        check("order.closed", "{\"phase\":\"ACCEPTED\"}", None);
        check("order.placed", &closed("ACCEPTED"), None);
        let lost = "did:key:b did:key:s 7 0 Lost(Seller)";
        check("dispute.closed", "{\"lost_by\":\"seller\",\"price\":\"7\"}", Some(lost));
        check("dispute.closed", "{\"lost_by\":null,\"price\":\"7\"}", None);
        check("juror.stake_changed", "{\"stake\":\"250\"}", Some("did:key:b 250"));
    }
}
