//! The TEG: where AVT lives. We settle there; our own ledger says who owns what of our holdings.

use async_trait::async_trait;
use marketplace_money::{Amount, Did, Reputation, Seconds, Timestamp};
use uuid::Uuid;

/// The TEG's name of one transfer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TegTransactionId(pub String);

/// What we, or another agent, hold at the TEG.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TegBalance {
    /// Free to transfer.
    pub available: Amount,
    /// Locked as stake.
    pub staked: Amount,
    /// Free beyond that, in atto-AVT below one nano-AVT.
    pub dust: u32,
}

/// A transfer that moves tokens from ourselves to an agent (`transfer`) or, by the agent's own
/// command, from the agent to ourselves (`pull`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferOrder {
    /// Idempotency key: the same key moves tokens once, however often it is sent.
    pub key: Uuid,
    /// The other side: the receiver of a transfer, the payer of a pull.
    pub counterparty: Did,
    /// Above zero, without the TEG's own fee.
    pub amount: Amount,
    /// At most 256 bytes.
    pub memo: String,
}

/// A completed transfer to or from us, as the TEG's history shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TegTransfer {
    /// The TEG's name of it.
    pub id: TegTransactionId,
    /// Who paid.
    pub sender: Did,
    /// Who got `amount`.
    pub receiver: Did,
    /// What the receiver got.
    pub amount: Amount,
    /// What the sender paid on top to the TEG; a part of a nano-AVT counts as a whole one.
    pub fee: Amount,
    /// What we hold beyond what these amounts say, in atto-AVT below one nano-AVT: the rest of
    /// what arrived, or what of the rounded fee was not taken.
    pub dust: u32,
    /// As the sender wrote it.
    pub memo: String,
    /// The key that we sent it with, where the TEG tells; nothing for another agent's transfer.
    pub key: Option<Uuid>,
    /// When it completed.
    pub at: Timestamp,
}

/// A place in our history; opaque, ordered as the TEG orders it. The default is its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryCursor(pub String);

/// Completed transfers to and from us, oldest first, and where to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// Oldest first.
    pub transfers: Vec<TegTransfer>,
    /// Transfers to us that have not completed. They come again, here or completed, until they
    /// are over: no place in the history passes them for good.
    pub pending: Vec<TegTransfer>,
    /// Transfers to us that are over and moved nothing.
    pub failed: Vec<TegTransfer>,
    /// Pass it to the next call. Unchanged when there was nothing new.
    pub next: HistoryCursor,
}

/// What the TEG takes from the sender of a transfer, on top of the amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferFee {
    /// Added to each transfer.
    pub flat: Amount,
    /// Added too: millionths of the amount, each begun nano-AVT counted as a whole one.
    pub millionths: u32,
    /// The fee is never below this.
    pub least: Amount,
    /// The fee is never above this.
    pub most: Option<Amount>,
}

impl TransferFee {
    /// The same for every transfer.
    #[must_use]
    pub const fn flat(flat: Amount) -> Self {
        Self { flat, millionths: 0, least: Amount::ZERO, most: None }
    }

    /// The fee of a transfer of `amount`, or nothing when it does not fit.
    #[must_use]
    pub fn on(&self, amount: Amount) -> Option<Amount> {
        let share = i128::from(amount.nano()).checked_mul(self.millionths.into())?;
        let share = share.div_euclid(1_000_000) + i128::from(share.rem_euclid(1_000_000) > 0);
        let fee = self.flat.checked_add(Amount::from_nano(i64::try_from(share).ok()?))?;
        let fee = fee.max(self.least);
        Some(self.most.map_or(fee, |most| fee.min(most)))
    }

    /// The largest transfer that `balance` pays for, its fee included; nothing when it pays for
    /// none.
    #[must_use]
    pub fn largest(&self, balance: Amount) -> Option<Amount> {
        let affordable = |nano: i64| {
            let amount = Amount::from_nano(nano);
            let whole = self.on(amount).and_then(|fee| amount.checked_add(fee));
            whole.is_some_and(|whole| whole <= balance)
        };
        // The whole grows with the amount, so the bound between the two halves is searched.
        let (mut low, mut high) = (0, balance.nano());
        while low < high {
            let middle = high - (high - low) / 2;
            if affordable(middle) { low = middle } else { high = middle - 1 }
        }
        (low > 0).then(|| Amount::from_nano(low))
    }
}

/// Why the TEG did not, or may not have, done what we asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TegError {
    /// Final: nothing moved and the same request will not succeed by itself.
    #[error("the TEG refused: {reason}")]
    Refused {
        /// Stable, lower case, such as `insufficient_balance`.
        code: &'static str,
        /// In the TEG's words.
        reason: String,
    },
    /// Nothing moved; ask again later.
    #[error("the TEG cannot answer now: {reason}")]
    Unavailable {
        /// What went wrong.
        reason: String,
        /// When the TEG says to come back.
        retry_after: Option<Seconds>,
    },
    /// It may have moved: look it up by its key, or send the same key again. Never a new key.
    #[error("the TEG's answer was lost: {reason}")]
    Unknown {
        /// What went wrong.
        reason: String,
    },
    /// This TEG has no such verb.
    #[error("this TEG does not offer {verb}")]
    Unsupported {
        /// The verb that was asked for.
        verb: &'static str,
    },
}

/// Codes of [`TegError::Refused`] that every adapter uses for the same thing.
impl TegError {
    /// The payer holds less than the amount and the TEG's fee.
    pub const INSUFFICIENT_BALANCE: &str = "insufficient_balance";
    /// The key was used before, with other fields or for another verb.
    pub const IDEMPOTENCY_MISMATCH: &str = "idempotency_mismatch";
    /// Payer and receiver are the same agent.
    pub const SELF_TRANSFER: &str = "self_transfer";
    /// An amount that is not above zero.
    pub const INVALID_AMOUNT: &str = "invalid_amount";
    /// A memo beyond 256 bytes, or with U+0000 in it.
    pub const INVALID_MEMO: &str = "invalid_memo";
    /// A history cursor that this TEG never gave.
    pub const INVALID_CURSOR: &str = "invalid_cursor";
    /// This agent had its play money before.
    pub const FAUCET_USED: &str = "faucet_used";
    /// There is no play money here, or not for this agent.
    pub const FAUCET_CLOSED: &str = "faucet_closed";
    /// The TEG knows no transfer of this name.
    pub const UNKNOWN_TRANSFER: &str = "unknown_transfer";
    /// Only the sender of a transfer may rate its receiver.
    pub const NOT_THE_SENDER: &str = "not_the_sender";
    /// This transfer was rated before.
    pub const ALREADY_SIGNALED: &str = "already_signaled";
}

/// The settlement network at our edge. Every call is made as ourselves.
#[async_trait]
pub trait Teg: Send + Sync {
    /// What we hold.
    async fn balance(&self) -> Result<TegBalance, TegError>;

    /// What another agent holds, or nothing where the TEG does not tell us.
    async fn balance_of(&self, agent: &Did) -> Result<Option<TegBalance>, TegError>;

    /// Moves tokens from us to an agent. Idempotent by key; the same key with other fields is
    /// refused.
    async fn transfer(&self, order: &TransferOrder) -> Result<TegTransfer, TegError>;

    /// Moves tokens from an agent to us, for the agent's own command. Idempotent by key.
    async fn pull(&self, order: &TransferOrder) -> Result<TegTransfer, TegError>;

    /// Looks a transfer up by the key that it was sent with.
    async fn find(&self, key: Uuid) -> Result<Option<TegTransfer>, TegError>;

    /// Completed transfers to and from us after `cursor`, oldest first, at most `limit`.
    async fn history(&self, cursor: &HistoryCursor, limit: u32) -> Result<HistoryPage, TegError>;

    /// Locks some of our available tokens as stake. Idempotent by key.
    async fn stake(&self, key: Uuid, amount: Amount) -> Result<TegBalance, TegError>;

    /// Returns all of our stake to our available tokens. Idempotent by key.
    async fn unstake(&self, key: Uuid) -> Result<TegBalance, TegError>;

    /// An agent's standing; unknown agents have none.
    async fn reputation(&self, agent: &Did) -> Result<Option<Reputation>, TegError>;

    /// Rates (+1 or -1) the receiver of a transfer that we sent, once for each transfer.
    async fn signal(&self, transfer: &TegTransactionId, positive: bool) -> Result<(), TegError>;

    /// What a transfer costs its sender now.
    async fn transfer_fee(&self) -> Result<TransferFee, TegError>;

    /// Whether agents may ask [`Teg::faucet`], as far as we know without asking the TEG.
    fn faucet_open(&self) -> bool {
        true
    }

    /// Gives an agent play money, once for each agent, where the TEG has a faucet.
    async fn faucet(&self, agent: &Did) -> Result<TegBalance, TegError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_and_the_largest_transfer_under_it() {
        let avt = |text: &str| text.parse::<Amount>().unwrap();
        let check = |fee: TransferFee, amount: &str, expect: &str, balance: &str, most: &str| {
            assert_eq!(fee.on(avt(amount)), Some(avt(expect)), "{fee:?} on {amount}");
            let largest = fee.largest(avt(balance)).unwrap_or_default();
            assert_eq!(largest, avt(most), "{fee:?} from {balance}");
        };
        let none = TransferFee::default();
        check(none, "5", "0", "5", "5");
        check(none, "5", "0", "0", "0");
        check(TransferFee::flat(avt("1")), "5", "1", "5.125", "4.125");
        check(TransferFee::flat(avt("1")), "0.000000001", "1", "1", "0");
        let tenth = TransferFee { millionths: 1_000, ..none };
        check(tenth, "5", "0.005", "5.005", "5");
        check(tenth, "0.000000001", "0.000000001", "0.000000002", "0.000000001");
        let bounded = TransferFee { least: avt("0.001"), most: Some(avt("10")), ..tenth };
        check(bounded, "0.1", "0.001", "0.101", "0.1");
        check(bounded, "1000000", "10", "1000010", "1000000");
        check(bounded, "1", "0.001", "0.001", "0");
        assert_eq!(TransferFee { millionths: u32::MAX, ..none }.on(Amount::MAX), None);
        assert_eq!(none.largest(Amount::MAX), Some(Amount::MAX));
        assert_eq!(TransferFee::flat(avt("1")).largest(Amount::from_nano(-5)), None);
    }
}
