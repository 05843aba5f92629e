//! Agents, their withdrawals and their deposits as rows.

use diesel::prelude::*;
use marketplace_money::{Amount, Reputation, Timestamp};
use marketplace_ports::{
    Agent, Deposit, DepositState, PayoutPolicy, TegTransactionId, Withdrawal, WithdrawalState,
};

use crate::text::{Reader, id_text};
use crate::{RowError, count, from_count};

/// What is remembered of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = crate::tables::agents, treat_none_as_null = true)]
#[diesel(treat_none_as_default_value = false)]
pub struct AgentRow {
    /// A DID.
    pub did: String,
    /// From 1.
    pub version: i64,
    /// `manual`, `immediate` or `threshold`.
    pub payout: String,
    /// With `threshold`, in nano-AVT.
    pub payout_threshold: Option<i64>,
    /// Orders that wait for its transfer.
    pub unfunded_orders: i64,
    /// Active or paused.
    pub listings: i64,
    /// In thousandths of a point.
    pub reputation_milli: i64,
    /// In nano-AVT.
    pub backing: i64,
}

impl AgentRow {
    /// The row of an agent.
    #[must_use]
    pub fn new(agent: &Agent) -> Self {
        let (payout, payout_threshold) = match agent.payout {
            PayoutPolicy::Manual => ("manual", None),
            PayoutPolicy::Immediate => ("immediate", None),
            PayoutPolicy::Threshold(amount) => ("threshold", Some(amount.nano())),
        };
        Self {
            did: agent.did.as_str().to_owned(),
            version: count(agent.version),
            payout: payout.to_owned(),
            payout_threshold,
            unfunded_orders: i64::from(agent.unfunded_orders),
            listings: i64::from(agent.listings),
            reputation_milli: i64::from(agent.reputation.milli()),
            backing: agent.backing.nano(),
        }
    }

    /// The agent of the row.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn agent(&self) -> Result<Agent, RowError> {
        let reader = Reader { table: "agents", id: &self.did };
        let payout = match (self.payout.as_str(), self.payout_threshold) {
            ("manual", None) => PayoutPolicy::Manual,
            ("immediate", None) => PayoutPolicy::Immediate,
            ("threshold", Some(nano)) => PayoutPolicy::Threshold(Amount::from_nano(nano)),
            (other, _) => return Err(reader.error(format_args!("no payout policy {other:?}"))),
        };
        Ok(Agent {
            did: reader.text(&self.did)?,
            version: from_count(self.version),
            payout,
            unfunded_orders: reader.small(self.unfunded_orders)?,
            listings: reader.small(self.listings)?,
            reputation: Reputation::from_milli(self.reputation_milli),
            backing: Amount::from_nano(self.backing),
        })
    }
}

/// The least balance at which a policy wants to be paid out, in nano-AVT; never for `manual`.
#[must_use]
pub fn payout_at(policy: PayoutPolicy) -> Option<i64> {
    match policy {
        PayoutPolicy::Manual => None,
        PayoutPolicy::Immediate => Some(1),
        PayoutPolicy::Threshold(least) => Some(least.nano().max(1)),
    }
}

/// An intent to send tokens to the TEG.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = crate::tables::withdrawals, treat_none_as_null = true)]
#[diesel(treat_none_as_default_value = false)]
pub struct WithdrawalRow {
    /// A UUID.
    pub id: String,
    /// From 1.
    pub version: i64,
    /// A DID.
    pub agent: String,
    /// In nano-AVT.
    pub amount: i64,
    /// In nano-AVT.
    pub fee: i64,
    /// What its account holds now, in nano-AVT.
    pub held: i64,
    /// In microseconds.
    pub at: i64,
    /// In microseconds.
    pub sent_at: Option<i64>,
    /// `in_flight`, `waiting`, `settled` or `returned`.
    pub state: String,
    /// The TEG's transfer when settled, its words when returned, the reason when waiting.
    pub detail: Option<String>,
}

impl WithdrawalRow {
    /// The row of a withdrawal.
    #[must_use]
    pub fn new(withdrawal: &Withdrawal) -> Self {
        let (state, detail) = match &withdrawal.state {
            WithdrawalState::InFlight => ("in_flight", None),
            WithdrawalState::Waiting { reason } => ("waiting", Some(reason.clone())),
            WithdrawalState::Settled(id) => ("settled", Some(id.0.clone())),
            WithdrawalState::Returned { reason } => ("returned", Some(reason.clone())),
        };
        Self {
            id: id_text(withdrawal.id.uuid()),
            version: count(withdrawal.version),
            agent: withdrawal.agent.as_str().to_owned(),
            amount: withdrawal.amount.nano(),
            fee: withdrawal.fee.nano(),
            held: withdrawal.held().nano(),
            at: withdrawal.at.micros(),
            sent_at: withdrawal.sent_at.map(Timestamp::micros),
            state: state.to_owned(),
            detail,
        }
    }

    /// The withdrawal of the row.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn withdrawal(self) -> Result<Withdrawal, RowError> {
        let reader = Reader { table: "withdrawals", id: &self.id };
        let state = match (self.state.as_str(), self.detail) {
            ("in_flight", None) => WithdrawalState::InFlight,
            ("waiting", Some(reason)) => WithdrawalState::Waiting { reason },
            ("settled", Some(id)) => WithdrawalState::Settled(TegTransactionId(id)),
            ("returned", Some(reason)) => WithdrawalState::Returned { reason },
            (other, _) => return Err(reader.error(format_args!("no state {other:?}"))),
        };
        Ok(Withdrawal {
            id: reader.text(&self.id)?,
            version: from_count(self.version),
            agent: reader.text(&self.agent)?,
            amount: Amount::from_nano(self.amount),
            fee: Amount::from_nano(self.fee),
            at: Timestamp::from_micros(self.at),
            sent_at: self.sent_at.map(Timestamp::from_micros),
            state,
        })
    }
}

/// An intent to pull tokens from the TEG.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = crate::tables::deposits, treat_none_as_null = true)]
#[diesel(treat_none_as_default_value = false)]
pub struct DepositRow {
    /// A UUID.
    pub id: String,
    /// From 1.
    pub version: i64,
    /// A DID.
    pub agent: String,
    /// In nano-AVT.
    pub amount: i64,
    /// In microseconds.
    pub at: i64,
    /// `asked`, `credited`, `refused` or `unseen`.
    pub state: String,
    /// The TEG's transfer when credited, its words when refused.
    pub detail: Option<String>,
}

impl DepositRow {
    /// The row of a deposit.
    #[must_use]
    pub fn new(deposit: &Deposit) -> Self {
        let (state, detail) = match &deposit.state {
            DepositState::Asked => ("asked", None),
            DepositState::Credited(id) => ("credited", Some(id.0.clone())),
            DepositState::Refused { reason } => ("refused", Some(reason.clone())),
            DepositState::Unseen => ("unseen", None),
        };
        Self {
            id: id_text(deposit.id.uuid()),
            version: count(deposit.version),
            agent: deposit.agent.as_str().to_owned(),
            amount: deposit.amount.nano(),
            at: deposit.at.micros(),
            state: state.to_owned(),
            detail,
        }
    }

    /// The deposit of the row.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn deposit(self) -> Result<Deposit, RowError> {
        let reader = Reader { table: "deposits", id: &self.id };
        let state = match (self.state.as_str(), self.detail) {
            ("asked", None) => DepositState::Asked,
            ("credited", Some(id)) => DepositState::Credited(TegTransactionId(id)),
            ("refused", Some(reason)) => DepositState::Refused { reason },
            ("unseen", None) => DepositState::Unseen,
            (other, _) => return Err(reader.error(format_args!("no state {other:?}"))),
        };
        Ok(Deposit {
            id: reader.text(&self.id)?,
            version: from_count(self.version),
            agent: reader.text(&self.agent)?,
            amount: Amount::from_nano(self.amount),
            at: Timestamp::from_micros(self.at),
            state,
        })
    }
}
