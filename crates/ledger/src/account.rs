//! The chart of accounts (DESIGN section 3).

use std::fmt;
use std::str::FromStr;

use marketplace_money::{Did, DisputeId, OrderId, WithdrawalId};

/// Which service a fee was paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FeeKind {
    /// For putting up a listing.
    Listing,
    /// The buyer's share on top of the price.
    Transaction,
    /// For opening a dispute.
    Dispute,
}

/// An account of the marketplace's ledger.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// What an agent may spend or withdraw.
    Agent(Did),
    /// The escrow of one order.
    Order(OrderId),
    /// Bonds and fee of one dispute while it is open.
    Dispute(DisputeId),
    /// A juror's locked stake.
    Juror(Did),
    /// What an agent of negative reputation locks so that it may list again.
    Collateral(Did),
    /// Tokens on their way to the TEG.
    Withdrawal(WithdrawalId),
    /// Revenue.
    Fees(FeeKind),
    /// Fed by forfeits; pays only for our own faults.
    Insurance,
    /// The operator's own tokens, stake included.
    Capital,
    /// What the TEG took for transfers of ours.
    TegFees,
    /// Tokens that arrived and belong to nobody we know.
    Suspense,
    /// The TEG's side: minus what it holds for us.
    Teg,
}

impl Account {
    /// Whether an entry may take this account below zero.
    #[must_use]
    pub const fn may_be_negative(&self) -> bool {
        matches!(self, Self::Teg)
    }

    /// Whether stores keep a row with this account's balance, because a rule reads it and no
    /// other row has it. Orders, disputes and withdrawals carry what they hold in their own row;
    /// revenue, capital and the TEG are sums over the journal, so that no purchase of one agent
    /// ever waits for a row of another.
    #[must_use]
    pub const fn has_balance_row(&self) -> bool {
        matches!(self, Self::Agent(_) | Self::Juror(_) | Self::Collateral(_) | Self::Insurance)
    }
}

/// Why a text is not an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountError;

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not an account, write it like \"agent:did:key:z6Mk…\"")
    }
}

impl std::error::Error for AccountError {}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(did) => write!(f, "agent:{did}"),
            Self::Order(id) => write!(f, "order:{id}"),
            Self::Dispute(id) => write!(f, "dispute:{id}"),
            Self::Juror(did) => write!(f, "juror:{did}"),
            Self::Collateral(did) => write!(f, "collateral:{did}"),
            Self::Withdrawal(id) => write!(f, "withdrawal:{id}"),
            Self::Fees(FeeKind::Listing) => f.write_str("fees:listing"),
            Self::Fees(FeeKind::Transaction) => f.write_str("fees:transaction"),
            Self::Fees(FeeKind::Dispute) => f.write_str("fees:dispute"),
            Self::Insurance => f.write_str("insurance"),
            Self::Capital => f.write_str("capital"),
            Self::TegFees => f.write_str("teg_fees"),
            Self::Suspense => f.write_str("suspense"),
            Self::Teg => f.write_str("teg"),
        }
    }
}

impl FromStr for Account {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        let did = |name: &str| name.parse::<Did>().map_err(|_| AccountError);
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        Ok(match (kind, name) {
            ("agent", name) => Self::Agent(did(name)?),
            ("order", name) => Self::Order(name.parse().map_err(|_| AccountError)?),
            ("dispute", name) => Self::Dispute(name.parse().map_err(|_| AccountError)?),
            ("juror", name) => Self::Juror(did(name)?),
            ("collateral", name) => Self::Collateral(did(name)?),
            ("withdrawal", name) => Self::Withdrawal(name.parse().map_err(|_| AccountError)?),
            ("fees", "listing") => Self::Fees(FeeKind::Listing),
            ("fees", "transaction") => Self::Fees(FeeKind::Transaction),
            ("fees", "dispute") => Self::Fees(FeeKind::Dispute),
            ("insurance", "") => Self::Insurance,
            ("capital", "") => Self::Capital,
            ("teg_fees", "") => Self::TegFees,
            ("suspense", "") => Self::Suspense,
            ("teg", "") => Self::Teg,
            _ => return Err(AccountError),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        let id = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002";
        let names = [
            "agent:did:key:z6Mk",
            &format!("order:{id}"),
            &format!("dispute:{id}"),
            "juror:did:a",
            "collateral:did:a",
            &format!("withdrawal:{id}"),
            "fees:listing",
            "fees:transaction",
            "fees:dispute",
            "insurance",
            "capital",
            "teg_fees",
            "suspense",
            "teg",
        ];
        for name in names {
            assert_eq!(name.parse::<Account>().unwrap().to_string(), name);
        }
        for name in ["", "agent", "agent:bob", "order:1", "fees:other", "capital:x"] {
            assert_eq!(name.parse::<Account>(), Err(AccountError), "{name}");
        }
    }
}
