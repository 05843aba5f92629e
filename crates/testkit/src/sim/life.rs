//! Which end an order may come to: the rules of DESIGN section 4 once more, told from the end, and
//! without a line of the order machine.

use std::collections::{BTreeMap, BTreeSet};

use marketplace_disputes::OrderEffect;
use marketplace_escrow::{Actor, Closed, Command, ExpiryPolicy, Order, Phase, State};
use marketplace_fees::Shares;
use marketplace_listings::AcceptancePolicy;
use marketplace_money::{Amount, Did, OrderId, Seconds, Timestamp};

use super::ops::Op;
use super::shadow::Shadow;

const HOUR: Seconds = Seconds(3_600);
const DAY: Seconds = Seconds(24 * 3_600);
const MOST_CREDIT: Seconds = DAY;

type Gaps<'a> = &'a [(Timestamp, Timestamp)];

/// What was ever asked of each order, by whom.
#[derive(Debug, Default)]
pub(crate) struct Lives(BTreeMap<OrderId, BTreeSet<(Did, &'static str)>>);

impl Lives {
    /// Notes that a command is sent. It may act from now on.
    pub(crate) fn sent(&mut self, agent: &Did, op: &Op) {
        let (id, name) = match op {
            Op::Change(id, Command::AcceptSplit { .. }) => (id, "accept-split"),
            Op::Change(id, _) | Op::Deliver(id, _) | Op::Complete(id, _) => (id, op.name()),
            _ => return,
        };
        self.0.entry(*id).or_default().insert((agent.clone(), name));
    }

    fn asked(&self, order: &Order, agent: &Did, names: &[&str]) -> bool {
        let sent = self.0.get(&order.id);
        sent.is_some_and(|sent| sent.iter().any(|(by, name)| by == agent && names.contains(name)))
    }

    /// One line for each order.
    pub(crate) fn orders(&self, shadow: &Shadow) -> Vec<String> {
        let line = |order: &std::sync::Arc<Order>| {
            let story: Vec<&str> = shadow
                .stories
                .get(&order.id)
                .into_iter()
                .flatten()
                .map(|(name, _)| name.trim_start_matches("order."))
                .collect();
            let policy = order.terms.acceptance;
            let (status, phase, total) = (order.status(), order.phase(), order.price.total);
            format!("{} {policy} {total} {status} {phase}: {}", order.id, story.join(", "))
        };
        shadow.orders.values().map(line).collect()
    }

    /// Why a closed order should not have closed this way; nothing when it should.
    pub(crate) fn check(&self, order: &Order, shadow: &Shadow, gaps: Gaps<'_>) -> Option<String> {
        let State::Closed(closed) = &order.state else { return None };
        let before = shadow.before_close.get(&order.id)?;
        let story = shadow.stories.get(&order.id).map_or(&[][..], Vec::as_slice);
        let past = Past { order, before, closed, story, gaps };
        let allowed = match before.phase() {
            Phase::Disputed => by_verdict(order, closed, shadow),
            // Its clocks were moved by the dispute: what it came to is still known.
            _ if past.last("order.resumed").is_some() => resumed(&past),
            _ => self.allowed(&past),
        };
        let expected = match allowed {
            Ok(expected) => expected,
            Err(why) => {
                let (id, phase, at) = (order.id, closed.phase, closed.at);
                let (end, was) = (past.timer_end(), before.phase());
                return Some(format!(
                    "order {id} is {phase} at {at}: {why}; it was {was} until {end:?}, {story:?}, \
                     downtime {gaps:?}"
                ));
            }
        };
        if closed.shares != expected {
            let (id, phase, shares) = (order.id, closed.phase, closed.shares);
            return Some(format!("order {id} is {phase} with {shares:?}, not {expected:?}"));
        }
        let fee = half_even(i128::from(order.price.price.nano()) * 250, 10_000);
        if i128::from(order.price.fee.nano()) != fee {
            let (price, found) = (order.price.price, order.price.fee);
            return Some(format!("order {}: the fee on {price} is {found}", order.id));
        }
        None
    }

    /// Whether the order may have ended like this, and who must have got what.
    fn allowed(&self, past: &Past<'_>) -> Result<Option<Shares>, String> {
        let Past { order, before, closed, .. } = past;
        let by = |agent: &Did, names: &[&str]| self.asked(order, agent, names);
        let (buyer, seller) = (&order.buyer, &order.seller);
        let ends = past.timer_end();
        let in_time = ends.is_none_or(|end| closed.at < end);
        match closed.phase {
            Phase::Accepted => {
                let accepted = by(buyer, &["accept", "complete"]);
                let delivered = by(seller, &["deliver", "complete"]) && in_time;
                let passed = closed.delivery.as_ref().and_then(|delivery| delivery.checks.as_ref());
                let passed = passed.is_some_and(|checks| checks.passed);
                let allowed = accepted
                    || match order.terms.acceptance {
                        AcceptancePolicy::BuyerConfirms => false,
                        AcceptancePolicy::Verified => delivered && passed,
                        AcceptancePolicy::AutoOnDelivery => delivered,
                    };
                ensure(allowed, "the buyer did not accept")?;
                Ok(Some(release(order)))
            }
            Phase::AutoReleased => {
                let late = past.over(ends);
                ensure(late, "its time was not over")?;
                let delivered = before.phase() == Phase::Delivered;
                let release_anyway = order.terms.expiry == ExpiryPolicy::Release;
                let working = matches!(before.phase(), Phase::AwaitingStart | Phase::InProgress);
                ensure(delivered || (working && release_anyway), "nothing was delivered")?;
                Ok(Some(release(order)))
            }
            Phase::NonDelivery => {
                let claimed = by(buyer, &["claim-non-delivery"]) && past.over(past.delivery_due());
                let working = matches!(before.phase(), Phase::AwaitingStart | Phase::InProgress);
                let gated = order.terms.expiry == ExpiryPolicy::DeliveryGated;
                let lapsed = past.over(ends)
                    && (before.phase() == Phase::ChangesRequested || (working && gated));
                ensure((claimed && working) || lapsed, "there was time left")?;
                Ok(Some(refund(order)))
            }
            Phase::Declined => {
                ensure(by(seller, &["decline"]), "the seller did not decline")?;
                Ok(Some(refund(order)))
            }
            Phase::Cancelled => {
                ensure(by(buyer, &["cancel"]) && in_time, "the buyer did not cancel in time")?;
                match before.phase() {
                    Phase::AwaitingFunds => Ok(None),
                    Phase::AwaitingStart => Ok(Some(refund(order))),
                    phase => Err(format!("it was {phase} before")),
                }
            }
            Phase::Unpaid => {
                ensure(before.phase() == Phase::AwaitingFunds, "it was paid")?;
                ensure(past.over(ends), "there was time left to pay")?;
                Ok(None)
            }
            Phase::Settled => {
                let State::Funded(funded) = &before.state else {
                    return Err("it was not funded".to_owned());
                };
                let offer = funded.offer.as_ref().ok_or("nobody had offered")?;
                let other = if offer.by == Actor::Buyer { seller } else { buyer };
                ensure(by(other, &["accept-split"]) && in_time, "nobody agreed in time")?;
                Ok(Some(split(order, offer.seller)))
            }
            phase => Err(format!("nothing here leads to {phase}")),
        }
    }
}

/// What the dispute that ended with the order says of it.
fn by_verdict(order: &Order, closed: &Closed, shadow: &Shadow) -> Result<Option<Shares>, String> {
    let ended = shadow.dockets.values().filter(|docket| docket.dispute.order == order.id);
    let mut verdict = ended.filter_map(|docket| match &docket.dispute.state {
        marketplace_disputes::State::Closed(end) if end.at == closed.at => Some(end.verdict),
        _ => None,
    });
    let verdict = verdict.next_back().ok_or("no dispute ended with it")?;
    let (phase, shares) = match verdict.order {
        OrderEffect::Rule { seller } => (Phase::Ruled, split(order, seller)),
        OrderEffect::Settle { seller } => (Phase::Settled, split(order, seller)),
        OrderEffect::Accept => (Phase::Accepted, release(order)),
        OrderEffect::Decline => (Phase::Declined, refund(order)),
        OrderEffect::Abort if closed.delivery.is_none() => (Phase::Aborted, refund(order)),
        OrderEffect::Abort => {
            let half = Amount::from_nano(order.price.price.nano() / 2);
            (Phase::Aborted, split(order, half))
        }
        OrderEffect::Resume => return Err("the dispute gave it back".to_owned()),
    };
    ensure(closed.phase == phase, "the verdict says something else")?;
    Ok(Some(shares))
}

/// The end of an order that was in a dispute before.
fn resumed(past: &Past<'_>) -> Result<Option<Shares>, String> {
    let order = past.order;
    match (past.closed.phase, &past.before.state) {
        (Phase::Accepted | Phase::AutoReleased, _) => Ok(Some(release(order))),
        (Phase::NonDelivery | Phase::Declined | Phase::Cancelled, _) => Ok(Some(refund(order))),
        (Phase::Settled, State::Funded(funded)) => {
            let offer = funded.offer.as_ref().ok_or("nobody had offered")?;
            Ok(Some(split(order, offer.seller)))
        }
        (phase, _) => Err(format!("nothing here leads to {phase}")),
    }
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

fn release(order: &Order) -> Shares {
    Shares { seller: order.price.price, buyer: Amount::ZERO, fee: order.price.fee }
}

fn refund(order: &Order) -> Shares {
    Shares { seller: Amount::ZERO, buyer: order.price.total, fee: Amount::ZERO }
}

fn split(order: &Order, seller: Amount) -> Shares {
    let [part, price, fee, total] =
        [seller, order.price.price, order.price.fee, order.price.total].map(|a| a.nano());
    let fee = i128::from(fee) * i128::from(part) / i128::from(price);
    let fee = i64::try_from(fee).unwrap_or(i64::MAX);
    let [buyer, fee] = [total - part - fee, fee].map(Amount::from_nano);
    Shares { seller, buyer, fee }
}

fn half_even(numerator: i128, denominator: i128) -> i128 {
    let (whole, rest) = (numerator / denominator, numerator % denominator);
    let up = rest * 2 > denominator || (rest * 2 == denominator && whole % 2 == 1);
    whole + i128::from(up)
}

/// The instant at which a clock that stands still in downtime has run for `length`.
fn run_clock(from: Timestamp, length: i64, gaps: Gaps<'_>) -> Timestamp {
    let due = from.plus_micros(length);
    let (mut at, mut left) = (from, length);
    for (begin, end) in gaps {
        if *end <= at {
            continue;
        }
        let running = begin.since(at).max(0);
        if running >= left {
            break;
        }
        left -= running;
        at = *end;
    }
    at.plus_micros(left).min(due.plus(MOST_CREDIT))
}

/// A closed order and how it came there.
struct Past<'a> {
    order: &'a Order,
    before: &'a Order,
    closed: &'a Closed,
    story: &'a [(&'static str, Timestamp)],
    gaps: Gaps<'a>,
}

impl Past<'_> {
    fn last(&self, name: &str) -> Option<Timestamp> {
        self.story.iter().rev().find(|(found, _)| *found == name).map(|(_, at)| *at)
    }

    /// A purchase from the balance is funded when it is placed.
    fn funded(&self) -> Option<Timestamp> {
        self.last("order.funded").or_else(|| self.last("order.placed"))
    }

    fn over(&self, end: Option<Timestamp>) -> bool {
        end.is_some_and(|end| self.closed.at >= end)
    }

    fn expiry(&self, gaps: Gaps<'_>) -> Option<Timestamp> {
        Some(run_clock(self.funded()?, DAY.micros(), gaps))
    }

    fn delivery_due(&self) -> Option<Timestamp> {
        let most = DAY.micros() - HOUR.micros();
        let length = self.order.terms.delivery.micros().min(most);
        Some(run_clock(self.funded()?, length, self.gaps))
    }

    /// The end of the clock that ran before the order closed.
    fn timer_end(&self) -> Option<Timestamp> {
        match self.before.phase() {
            Phase::AwaitingFunds => {
                Some(run_clock(self.order.created_at, HOUR.micros(), self.gaps))
            }
            Phase::AwaitingStart | Phase::InProgress => self.expiry(self.gaps),
            Phase::Delivered => {
                let delivered = self.last("order.delivered")?;
                let known = self.gaps.iter().filter(|(_, end)| *end <= delivered).copied();
                let expiry = self.expiry(&known.collect::<Vec<_>>())?;
                let due = expiry.max(delivered.plus(HOUR));
                Some(run_clock(delivered, due.since(delivered), self.gaps))
            }
            Phase::ChangesRequested => {
                let asked = self.last("order.changes_requested")?;
                Some(run_clock(asked, self.order.terms.delivery.micros(), self.gaps))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_stands_still_in_downtime() {
        let at = |seconds: u32| Timestamp::default().plus(Seconds(seconds));
        let check = |gaps: &[(u32, u32)], expect: u32| {
            let gaps: Vec<_> = gaps.iter().map(|(a, b)| (at(*a), at(*b))).collect();
            let end = run_clock(at(100), Seconds(100).micros(), &gaps);
            assert_eq!(end, at(expect), "{gaps:?}");
        };
        check(&[], 200);
        check(&[(0, 50)], 200);
        check(&[(0, 150)], 250);
        check(&[(120, 150)], 230);
        check(&[(150, 190), (230, 240)], 250);
        check(&[(200, 300)], 200);
        check(&[(110, 200_000)], 200 + 86_400);
    }

    #[test]
    fn halves_go_to_the_even_side() {
        let check = |numerator, expect| assert_eq!(half_even(numerator, 10), expect);
        check(14, 1);
        check(15, 2);
        check(16, 2);
        check(25, 2);
        check(26, 3);
    }
}
