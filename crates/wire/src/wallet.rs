//! The wallet.

use marketplace_engine::{Balance, Refusal, Wallet};
use marketplace_ledger::{Account, EntryKind};
use marketplace_money::{Amount, Did, EntryId, WithdrawalId};
use marketplace_ports::{
    Page, PayoutPolicy, StatementLine, TegBalance, Withdrawal, WithdrawalState,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::EntryKindName;
use crate::{Money, NumberText, Rfc3339, Text};

/// What an agent has, here and at the TEG.
#[derive(Debug, Serialize, ToSchema)]
pub struct WalletBody {
    /// Whose.
    #[schema(value_type = String)]
    pub did: Text<Did>,
    /// To spend or withdraw.
    pub available: Money,
    /// In open orders that it bought.
    pub in_escrow: Money,
    /// In disputes, and locked as collateral.
    pub in_bonds: Money,
    /// On its way to the TEG.
    pub in_flight: Money,
    /// At the TEG, free to transfer; null where the TEG does not tell us.
    #[schema(required)]
    pub teg_balance: Option<Money>,
}

/// A balance after a command.
#[derive(Debug, Serialize, ToSchema)]
pub struct BalanceBody {
    /// To spend or withdraw.
    pub available: Money,
}

/// An agent's balance at the TEG after the faucet.
#[derive(Debug, Serialize, ToSchema)]
pub struct FaucetBody {
    /// Whose.
    #[schema(value_type = String)]
    pub did: Text<Did>,
    /// At the TEG, free to transfer.
    pub teg_balance: Money,
}

/// What a withdrawal costs its agent now, on top of the amount.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeeBody {
    /// To the TEG.
    pub fee: Money,
}

/// A withdrawal.
#[derive(Debug, Serialize, ToSchema)]
pub struct WithdrawalBody {
    /// Its name for ever.
    #[schema(value_type = String, format = Uuid)]
    pub withdrawal_id: Text<WithdrawalId>,
    /// `in_flight`, `settled` or `returned`.
    #[schema(example = "in_flight")]
    pub status: &'static str,
    /// What arrives.
    pub amount: Money,
    /// What the TEG takes on top.
    pub fee: Money,
    /// When it was asked for.
    pub at: Rfc3339,
}

/// A line of a statement.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryBody {
    /// Of the journal.
    #[schema(value_type = String, format = Uuid)]
    pub entry_id: Text<EntryId>,
    /// What for, such as `escrow_funded`.
    #[schema(value_type = EntryKindName)]
    pub kind: Text<EntryKind>,
    /// What it did to the balance.
    pub amount: Money,
    /// The balance after it.
    pub balance: Money,
    /// The other accounts that the entry moves.
    #[schema(value_type = Vec<String>)]
    pub others: Vec<Text<Account>>,
    /// In words; inert text.
    pub reason: String,
    /// When.
    pub at: Rfc3339,
}

/// A page of a statement.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatementPage {
    /// Newest first.
    pub results: Vec<EntryBody>,
    /// Results in this answer.
    pub count: usize,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// When the balance is paid out by itself.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayoutPolicyBody {
    /// `manual`: only when you ask; `immediate`; `threshold`: when the balance reaches it.
    #[schema(example = "threshold")]
    pub policy: String,
    /// With `threshold` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<NumberText>,
}

/// An amount to move.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmountInput {
    /// Above 0.
    pub amount: NumberText,
}

/// Tokens for another agent, inside the marketplace.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferInput {
    /// The receiver's DID.
    pub to: String,
    /// Above 0.
    pub amount: NumberText,
    /// For both statements; at most 256 characters.
    #[serde(default)]
    pub reason: Option<String>,
}

impl WalletBody {
    /// What `did` has.
    #[must_use]
    pub fn new(did: &Did, wallet: &Wallet) -> Self {
        let sums = &wallet.sums;
        Self {
            did: Text(did.clone()),
            available: Money(sums.available),
            in_escrow: Money(sums.in_escrow),
            in_bonds: Money(sums.in_bonds),
            in_flight: Money(sums.in_flight),
            teg_balance: wallet.teg.map(|teg| Money(teg.available)),
        }
    }
}

impl From<&Balance> for BalanceBody {
    fn from(balance: &Balance) -> Self {
        Self { available: Money(balance.available) }
    }
}

impl FaucetBody {
    /// After the faucet.
    #[must_use]
    pub fn new(did: &Did, balance: &TegBalance) -> Self {
        Self { did: Text(did.clone()), teg_balance: Money(balance.available) }
    }
}

impl From<&Withdrawal> for WithdrawalBody {
    fn from(withdrawal: &Withdrawal) -> Self {
        Self {
            withdrawal_id: Text(withdrawal.id),
            status: match withdrawal.state {
                WithdrawalState::InFlight => "in_flight",
                WithdrawalState::Waiting { .. } => "waiting",
                WithdrawalState::Settled(_) => "settled",
                WithdrawalState::Returned { .. } => "returned",
            },
            amount: Money(withdrawal.amount),
            fee: Money(withdrawal.fee),
            at: Rfc3339(withdrawal.at),
        }
    }
}

impl StatementPage {
    /// A page.
    #[must_use]
    pub fn new(page: Page<StatementLine>) -> Self {
        let body = |line: StatementLine| EntryBody {
            entry_id: Text(line.entry),
            kind: Text(line.kind),
            amount: Money(line.delta),
            balance: Money(line.balance),
            others: line.others.into_iter().map(Text).collect(),
            reason: line.reason,
            at: Rfc3339(line.at),
        };
        let results: Vec<EntryBody> = page.items.into_iter().map(body).collect();
        let next_cursor = page.next.map(|cursor| cursor.to_string());
        Self { count: results.len(), results, next_cursor }
    }
}

impl From<PayoutPolicy> for PayoutPolicyBody {
    fn from(policy: PayoutPolicy) -> Self {
        let (policy, threshold) = match policy {
            PayoutPolicy::Manual => ("manual", None),
            PayoutPolicy::Immediate => ("immediate", None),
            PayoutPolicy::Threshold(amount) => ("threshold", Some(NumberText::from(amount))),
        };
        Self { policy: policy.to_owned(), threshold }
    }
}

impl PayoutPolicyBody {
    /// What the use case takes.
    ///
    /// # Errors
    /// When no policy has this name, or a threshold is missing or too much.
    pub fn policy(&self) -> Result<PayoutPolicy, Refusal> {
        let invalid = |field, problem: &str| {
            Err(Refusal::InvalidInput { field, problem: problem.to_owned() })
        };
        match (self.policy.as_str(), &self.threshold) {
            ("manual", None) => Ok(PayoutPolicy::Manual),
            ("immediate", None) => Ok(PayoutPolicy::Immediate),
            ("threshold", Some(amount)) => Ok(PayoutPolicy::Threshold(amount.amount("threshold")?)),
            ("threshold", None) => invalid("threshold", "must be there"),
            ("manual" | "immediate", Some(_)) => {
                invalid("threshold", "belongs to the policy threshold only")
            }
            _ => invalid("policy", "must be manual, immediate or threshold"),
        }
    }
}

impl AmountInput {
    /// As an amount.
    ///
    /// # Errors
    /// When it is not one.
    pub fn amount(&self) -> Result<Amount, Refusal> {
        self.amount.amount("amount")
    }
}
