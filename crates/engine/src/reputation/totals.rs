//! What trade came to since the beginning, counted from the feed: every server counts the same.

use marketplace_money::Amount;
use marketplace_ports::SealedEvent;
use serde_json::Value;

/// Sums that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Orders of which the seller was paid at least a part.
    pub completed: u64,
    /// Orders of which the buyer got everything back.
    pub refunded: u64,
    /// Orders that nobody paid for.
    pub expired: u64,
    /// What sellers were paid.
    pub volume: Amount,
    /// What was collected as fees on it.
    pub fees: Amount,
    /// Disputes that were opened.
    pub disputes: u64,
    /// Disputes that are over.
    pub disputes_closed: u64,
    /// Times that a dispute went to the operators.
    pub escalated: u64,
}

impl Totals {
    /// Takes in the next event of the feed.
    pub(super) fn hear(&mut self, event: &SealedEvent) {
        match event.name.as_str() {
            "order.closed" => self.close(&event.data),
            "dispute.opened" => self.disputes += 1,
            "dispute.closed" => self.disputes_closed += 1,
            "dispute.escalated" => self.escalated += 1,
            _ => {}
        }
    }

    fn close(&mut self, data: &str) {
        let data: Value = serde_json::from_str(data).unwrap_or_default();
        let amount = |name: &str| data.get(name)?.as_str()?.parse::<Amount>().ok();
        let Some(paid) = amount("seller_received") else {
            self.expired += 1;
            return;
        };
        if paid.is_zero() {
            self.refunded += 1;
            return;
        }
        self.completed += 1;
        let more = |sum: Amount, part: Amount| sum.checked_add(part).unwrap_or(Amount::MAX);
        self.volume = more(self.volume, paid);
        self.fees = more(self.fees, amount("fee_collected").unwrap_or_default());
    }

    /// For a snapshot.
    pub(super) fn text(&self) -> String {
        let Self { completed, refunded, expired, .. } = self;
        let Self { disputes, disputes_closed, escalated, .. } = self;
        let (volume, fees) = (self.volume.nano(), self.fees.nano());
        format!(
            "{completed} {refunded} {expired} {volume} {fees} {disputes} {disputes_closed} \
             {escalated}"
        )
    }

    /// From a snapshot.
    pub(super) fn read<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut number = || words.next()?.parse::<u64>().ok();
        let (completed, refunded, expired) = (number()?, number()?, number()?);
        let nano = |number: u64| i64::try_from(number).ok().map(Amount::from_nano);
        let (volume, fees) = (nano(number()?)?, nano(number()?)?);
        let (disputes, disputes_closed, escalated) = (number()?, number()?, number()?);
        Some(Self {
            completed,
            refunded,
            expired,
            volume,
            fees,
            disputes,
            disputes_closed,
            escalated,
        })
    }
}

#[cfg(test)]
mod tests {
    use marketplace_money::{EventId, OrderId, Timestamp};
    use marketplace_ports::Subject;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn events_and_what_they_add() {
        let mut totals = Totals::default();
        let mut check = |name: &str, data: &str, expect: &str| {
            totals.hear(&SealedEvent {
                position: 1,
                id: EventId::new(Uuid::nil()),
                subject: Subject::Order(OrderId::new(Uuid::nil())),
                name: name.to_owned(),
                audience: Vec::new(),
                at: Timestamp::from_micros(0),
                data: data.to_owned(),
            });
            assert_eq!(totals.text(), expect, "{name} {data}");
            assert_eq!(Totals::read(&mut expect.split(' ')), Some(totals));
        };
        let closed = |seller: &str| {
            format!("{{\"seller_received\":\"{seller}\",\"fee_collected\":\"0.125\"}}")
        };
        check("order.funded", &closed("5"), "0 0 0 0 0 0 0 0");
        check("order.closed", &closed("5"), "1 0 0 5000000000 125000000 0 0 0");
        check("order.closed", &closed("0"), "1 1 0 5000000000 125000000 0 0 0");
        check("order.closed", "{\"phase\":\"UNPAID\"}", "1 1 1 5000000000 125000000 0 0 0");
        check("order.closed", &closed("0.5"), "2 1 1 5500000000 250000000 0 0 0");
        check("dispute.opened", "{}", "2 1 1 5500000000 250000000 1 0 0");
        check("dispute.escalated", "{}", "2 1 1 5500000000 250000000 1 0 1");
        check("dispute.closed", "{}", "2 1 1 5500000000 250000000 1 1 1");
        assert_eq!(Totals::read(&mut "1 2 3".split(' ')), None);
    }
}
