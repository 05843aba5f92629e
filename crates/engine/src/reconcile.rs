//! Reconciliation: what the TEG holds for us against our books, to the last atto-AVT.
//!
//! At rest the two are equal. On the way between them are transfers that the history shows and no
//! entry books yet, and withdrawals that were sent and have no answer. What neither explains is
//! wrong: a shortfall beyond what is on its way at once, anything else when it lasts over two
//! looks. Then withdrawals stop, and start again when two looks find everything explained.

use marketplace_money::{Amount, Timestamp};
use marketplace_ports::{Key, TegBalance, TegPosition, TegRecordState, TegTransfer};
use serde_json::{Value, json};

use crate::marketplace::Marketplace;
use crate::opening::HISTORY_CURSOR;
use crate::refusal::Error;

/// Where the last result is kept for all servers.
const NOTE: &str = "reserves-reconciliation";
const ATTO_PER_NANO: i128 = 1_000_000_000;
/// Looks until our account at the TEG stands still for one.
const ATTEMPTS: usize = 3;
/// Looks in a row until a difference is a breach, and until a breach is over.
const LOOKS: u64 = 2;

/// What a look found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// When.
    pub at: Timestamp,
    /// What the TEG holds for us, stake included.
    pub held: Amount,
    /// The part of it that is staked.
    pub staked: Amount,
    /// What it should hold by our books.
    pub booked: Amount,
    /// Held by withdrawals that were sent and have no answer.
    pub unconfirmed: Amount,
    /// Held by withdrawals that were not sent yet.
    pub queued: Amount,
    /// What nothing explains, in atto-AVT: below zero where the TEG holds too little.
    pub difference: i128,
    /// Looks in a row that found a difference.
    pub wrong: u64,
    /// Looks in a row that found none.
    pub right: u64,
    /// Why withdrawals are stopped; names the transfers that fit nothing.
    pub breach: Option<String>,
}

impl Reconciliation {
    fn to_text(&self) -> String {
        json!({
            "at": self.at.micros(), "held": self.held.nano(), "staked": self.staked.nano(), "booked": self.booked.nano(),
            "unconfirmed": self.unconfirmed.nano(), "queued": self.queued.nano(),
            "difference": self.difference.to_string(), "wrong": self.wrong, "right": self.right,
            "breach": self.breach,
        })
        .to_string()
    }

    fn from_text(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let number = |name: &str| value.get(name).and_then(Value::as_i64);
        let amount = |name: &str| number(name).map(Amount::from_nano);
        let count = |name: &str| value.get(name).and_then(Value::as_u64);
        let words = |name: &str| value.get(name).and_then(Value::as_str);
        Some(Self {
            at: Timestamp::from_micros(number("at")?),
            held: amount("held")?,
            staked: amount("staked")?,
            booked: amount("booked")?,
            unconfirmed: amount("unconfirmed")?,
            queued: amount("queued")?,
            difference: words("difference")?.parse().ok()?,
            wrong: count("wrong")?,
            right: count("right")?,
            breach: words("breach").map(str::to_owned),
        })
    }

    /// What follows from a look, after the one before it.
    fn judged(mut self, before: &Self, position: &TegPosition) -> Self {
        let wrong = self.difference != 0 || !position.unmatched.is_empty();
        self.wrong = if wrong { before.wrong + 1 } else { 0 };
        self.right = if wrong { 0 } else { before.right + 1 };
        let lost = -self.difference > atto(self.unconfirmed);
        self.breach = if lost || self.wrong >= LOOKS || !position.unmatched.is_empty() {
            Some(self.alarm(position))
        } else {
            before.breach.clone().filter(|_| self.right < LOOKS)
        };
        self
    }

    fn alarm(&self, position: &TegPosition) -> String {
        let mut alarm = format!("nothing explains {} atto-AVT", self.difference);
        for record in &position.unmatched {
            let (id, amount, memo) = (&record.id.0, record.amount, &record.memo);
            alarm.push_str(&format!("; transfer {id} of {amount} AVT ({memo:?}) has no entry"));
        }
        alarm
    }
}

fn atto(amount: Amount) -> i128 {
    i128::from(amount.nano()) * ATTO_PER_NANO
}

/// Our account at the TEG at a moment in which it stood still.
struct Look {
    balance: TegBalance,
    position: TegPosition,
    /// What the history shows and no entry books, net, in atto-AVT.
    on_its_way: i128,
}

impl Marketplace {
    /// Looks whether everything is explained, and remembers what was found for all servers.
    /// Nothing when our account did not stand still.
    ///
    /// # Errors
    /// When store or TEG do not answer.
    pub async fn reconcile(&self) -> Result<Option<Reconciliation>, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(look) = self.look_at_reserves().await? {
                return self.judge(look).await.map(Some);
            }
        }
        tracing::debug!("our account at the TEG does not stand still");
        Ok(None)
    }

    /// What the last look found; nothing before the first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn last_reconciliation(&self) -> Result<Option<Reconciliation>, Error> {
        let text = self.store().note(NOTE).await?;
        Ok(text.and_then(|text| Reconciliation::from_text(&text)))
    }

    async fn look_at_reserves(&self) -> Result<Option<Look>, Error> {
        let unavailable = |error| Error::unavailable(error, 5);
        self.read_history().await?;
        let before = self.store().teg_position().await?;
        let lines = self.lines_ahead().await?;
        let balance = self.teg().balance().await.map_err(unavailable)?;
        let on_its_way = self.on_its_way(&lines).await?;
        let position = self.store().teg_position().await?;
        let still = position == before && lines == self.lines_ahead().await?;
        Ok(still.then_some(Look { balance, position, on_its_way }))
    }

    /// What the history shows after the mirror's place.
    async fn lines_ahead(&self) -> Result<Vec<TegTransfer>, Error> {
        let cursor = self.store().note(HISTORY_CURSOR).await?.unwrap_or_default();
        self.history_from(&marketplace_ports::HistoryCursor(cursor)).await.map(|(lines, _)| lines)
    }

    async fn on_its_way(&self, lines: &[TegTransfer]) -> Result<i128, Error> {
        let keys = lines.iter().map(|line| Key::TegTransaction(line.id.clone())).collect();
        let view = self.store().load(&keys).await?;
        let unknown = |line: &&TegTransfer| {
            let record = view.teg_records.get(&line.id);
            let unbooked = [TegRecordState::Pending, TegRecordState::Failed];
            record.is_none_or(|record| unbooked.contains(&record.state))
        };
        Ok(lines.iter().filter(unknown).map(|line| self.moved(line)).sum())
    }

    /// What a transfer did to our account at the TEG, in atto-AVT.
    pub(crate) fn moved(&self, line: &TegTransfer) -> i128 {
        let dust = i128::from(line.dust);
        if line.receiver == *self.did() {
            return atto(line.amount) + dust;
        }
        dust - atto(line.amount) - atto(line.fee)
    }

    async fn judge(&self, look: Look) -> Result<Reconciliation, Error> {
        let Look { balance, position, on_its_way } = look;
        let held = balance.available.checked_add(balance.staked);
        let held = held.ok_or_else(|| Error::Fault("reserves are out of range".to_owned()))?;
        let should = atto(position.booked) + i128::from(position.dust) + on_its_way;
        let found = Reconciliation {
            at: self.now().await?,
            held,
            staked: balance.staked,
            booked: position.booked,
            unconfirmed: position.unconfirmed,
            queued: position.queued,
            difference: atto(held) + i128::from(balance.dust) - should,
            ..Reconciliation::default()
        };
        let before = self.last_reconciliation().await?.unwrap_or_default();
        let found = found.judged(&before, &position);
        match (&before.breach, &found.breach) {
            (None, Some(breach)) => tracing::error!(breach, "RESERVES: withdrawals are stopped"),
            (Some(_), None) => tracing::warn!("RESERVES: everything is explained again"),
            _ => {}
        }
        self.store().set_note(NOTE, &found.to_text()).await?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_a_breach_when_it_lasts_and_a_loss_at_once() {
        let mut before = Reconciliation::default();
        let mut look = |difference: i128, expect: bool| {
            let unconfirmed = Amount::from_nano(5);
            let found = Reconciliation { difference, unconfirmed, ..Reconciliation::default() };
            before = found.judged(&before, &TegPosition::default());
            assert_eq!(before.breach.is_some(), expect, "{before:?}");
            assert_eq!(Reconciliation::from_text(&before.to_text()), Some(before.clone()));
        };
        look(0, false);
        look(-5 * ATTO_PER_NANO, false);
        look(0, false);
        look(1, false);
        look(1, true);
        look(0, true);
        look(0, false);
        look(-5 * ATTO_PER_NANO - 1, true);
        look(0, true);
        look(1, true);
        look(0, true);
        look(0, false);
    }
}
