//! The wallet.

use std::sync::Arc;

use marketplace_engine::{Balance, EdgeStop, Refusal, Wallet, WithdrawalQuote};
use marketplace_ledger::{Account, EntryKind};
use marketplace_money::{Amount, Did, EntryId, WithdrawalId};
use marketplace_ports::{
    Page, PayoutPolicy, StatementLine, TegBalance, TegTransactionId, Withdrawal, WithdrawalState,
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
    /// `open`, or `queued`: withdrawals and payouts wait until the edge works again.
    #[schema(example = "open")]
    pub withdrawals: &'static str,
    /// Why they wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawals_note: Option<String>,
    /// Whether there is play money for the asking, at `POST /api/v1/wallet/faucet`.
    pub faucet_open: bool,
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
    /// `in_flight`, `waiting` (for the operator), `settled` or `returned`.
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

/// What a withdrawal would cost.
#[derive(Debug, Serialize, ToSchema)]
pub struct WithdrawalQuoteBody {
    /// What arrives.
    pub amount: Money,
    /// What the TEG takes for it.
    pub fee: Money,
    /// What leaves the balance.
    pub total: Money,
    /// The balance now.
    pub available: Money,
}

impl From<&WithdrawalQuote> for WithdrawalQuoteBody {
    fn from(quote: &WithdrawalQuote) -> Self {
        Self {
            amount: Money(quote.amount),
            fee: Money(quote.fee),
            total: Money(quote.total),
            available: Money(quote.available),
        }
    }
}

/// What to withdraw.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawInput {
    /// Above 0.
    pub amount: NumberText,
    /// Only tell what it would cost.
    #[serde(default)]
    pub dry_run: bool,
}

/// Which tokens to take in: an amount, where the TEG lets us pull, or a transfer that was made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DepositInput {
    /// Above 0.
    #[serde(default)]
    pub amount: Option<NumberText>,
    /// The TEG's name of your transfer to us.
    #[serde(default)]
    pub transaction_id: Option<String>,
}

/// How tokens come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DepositWay {
    /// We pull so much.
    Pull(Amount),
    /// The agent has transferred it.
    Claim(TegTransactionId),
}

impl DepositInput {
    /// What the use case takes.
    ///
    /// # Errors
    /// When neither or both are there, or the amount is none.
    pub fn deposit(&self) -> Result<DepositWay, Refusal> {
        match (&self.amount, &self.transaction_id) {
            (Some(amount), None) => Ok(DepositWay::Pull(amount.amount("amount")?)),
            (None, Some(id)) => Ok(DepositWay::Claim(TegTransactionId(id.clone()))),
            _ => {
                let problem = "must be there, or transaction_id, but not both".to_owned();
                Err(Refusal::InvalidInput { field: "amount", problem })
            }
        }
    }
}

/// A withdrawal that has not ended, as operators see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenWithdrawalBody {
    /// The withdrawal.
    #[serde(flatten)]
    pub withdrawal: WithdrawalBody,
    /// Whose.
    pub agent: String,
    /// When its transfer may first have reached the TEG; null while it was not sent.
    #[schema(required)]
    pub sent_at: Option<Rfc3339>,
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Withdrawals that have not ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenWithdrawalsPage {
    /// By id.
    pub results: Vec<OpenWithdrawalBody>,
    /// Results in this answer.
    pub count: usize,
    /// Why none goes out now: `teg_unreachable` or `reserves_breach`.
    #[schema(required)]
    pub stopped: Option<&'static str>,
    /// What the alarm says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
}

impl OpenWithdrawalsPage {
    /// A page.
    #[must_use]
    pub fn new(open: &[Arc<Withdrawal>], stop: Option<&EdgeStop>) -> Self {
        let body = |withdrawal: &Arc<Withdrawal>| OpenWithdrawalBody {
            withdrawal: WithdrawalBody::from(withdrawal.as_ref()),
            agent: withdrawal.agent.to_string(),
            sent_at: withdrawal.sent_at.map(Rfc3339),
            reason: match &withdrawal.state {
                WithdrawalState::Waiting { reason } => Some(reason.clone()),
                _ => None,
            },
        };
        let alarm = match stop {
            Some(EdgeStop::Breach(alarm)) => Some(alarm.clone()),
            Some(EdgeStop::Unreachable) | None => None,
        };
        let results: Vec<_> = open.iter().map(body).collect();
        Self { count: results.len(), results, stopped: stop.map(EdgeStop::code), alarm }
    }
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
    pub fn new(did: &Did, wallet: &Wallet, stop: Option<&EdgeStop>) -> Self {
        let sums = &wallet.sums;
        Self {
            did: Text(did.clone()),
            available: Money(sums.available),
            in_escrow: Money(sums.in_escrow),
            in_bonds: Money(sums.in_bonds),
            in_flight: Money(sums.in_flight),
            teg_balance: wallet.teg.map(|teg| Money(teg.available)),
            withdrawals: if stop.is_some() { "queued" } else { "open" },
            withdrawals_note: stop.map(ToString::to_string),
            faucet_open: wallet.faucet_open,
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
