//! Agents that trade by short lines: `a buys 10 from b`.

use marketplace_money::{Amount, Did, Seconds, Timestamp};
use marketplace_reputation::{Book, Outcome, Settlement};

pub(crate) const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

pub(crate) fn did(name: &str) -> Did {
    format!("did:{name}").parse().expect("a name of the tests is a DID")
}

pub(crate) fn day(day: u32) -> Timestamp {
    START.plus(Seconds(86_400 * day))
}

/// Names that begin with `staked` have a juror's stake.
pub(crate) fn stake(name: &str) -> Amount {
    if name.starts_with("staked") { Amount::from_avt(250) } else { Amount::ZERO }
}

pub(crate) fn settlement(
    buyer: &str,
    seller: &str,
    value: Amount,
    outcome: Outcome,
    at: Timestamp,
) -> Settlement {
    Settlement {
        buyer: did(buyer),
        seller: did(seller),
        buyer_stake: stake(buyer),
        seller_stake: stake(seller),
        value,
        fee: Amount::from_nano(value.nano() / 40),
        outcome,
        at,
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Market {
    pub(crate) book: Book,
    pub(crate) history: Vec<Settlement>,
    pub(crate) fees: i64,
    today: u32,
}

impl Market {
    pub(crate) fn trade(&mut self, buyer: &str, value: i64, seller: &str, outcome: Outcome) -> i64 {
        let value = Amount::from_avt(value);
        let settlement = settlement(buyer, seller, value, outcome, day(self.today));
        self.fees += settlement.fee.nano();
        let recorded = self.book.record(&settlement);
        self.history.push(settlement);
        recorded.weight_about_seller
    }

    pub(crate) fn buys(&mut self, buyer: &str, value: i64, seller: &str) -> i64 {
        self.trade(buyer, value, seller, Outcome::Accepted)
    }

    pub(crate) fn pass(&mut self, days: u32) {
        self.today += days;
    }

    /// In thousandths of a point.
    pub(crate) fn score(&self, name: &str) -> i32 {
        self.book.standing(&did(name)).score(day(self.today)).milli()
    }
}
