//! What the node does for any agent, not only for its owner: the verbs behind the server. The
//! caller of these makes sure that the agent itself asked.

use marketplace_money::{Amount, Did, Timestamp};
use marketplace_ports::{TegError, TegTransactionId, TegTransfer};
use uuid::Uuid;

use crate::book::{Request, Verb};
use crate::transfer::{Instruction, MESSAGE_BYTES};
use crate::{EmbeddedTeg, LoggedDispute, Signaled, Stake, StatementLine};
use crate::{dispute, reputation, stake, statement};

/// A transfer that an agent, or the owner on behalf of one, asks for.
#[derive(Clone, Debug)]
pub struct Sending {
    /// Idempotency key of whoever asks.
    pub key: Uuid,
    /// Who pays.
    pub sender: Did,
    /// Who gets `amount`.
    pub receiver: Did,
    /// Above zero.
    pub amount: Amount,
    /// At most 256 characters.
    pub memo: String,
    /// What the sender pays on top; without it, the node's own fee.
    pub fee: Option<Amount>,
    /// Whether it is the receiver who asks, by the sender's command, and whose key it is.
    pub pulled: bool,
}

impl EmbeddedTeg {
    /// Moves tokens between two agents. As [`marketplace_ports::Teg::transfer`] otherwise.
    ///
    /// # Errors
    /// As [`marketplace_ports::Teg::transfer`].
    pub async fn send_as(&self, sending: Sending) -> Result<TegTransfer, TegError> {
        let Sending { key, sender, receiver, amount, memo, fee, pulled } = sending;
        let verb = if pulled { Verb::Pull } else { Verb::Transfer };
        let longest_memo = MESSAGE_BYTES;
        self.send(Instruction { verb, key, sender, receiver, amount, memo, longest_memo, fee })
            .await
    }

    /// A piece of an agent's statement, newest first, and how many lines it has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn statement(
        &self,
        agent: &Did,
        offset: u32,
        limit: u32,
    ) -> Result<(Vec<StatementLine>, u64), TegError> {
        let agent = agent.clone();
        self.writer.call(move |conn, _| statement::statement(conn, &agent, offset, limit)).await
    }

    /// Locks tokens of an agent.
    ///
    /// # Errors
    /// As [`marketplace_ports::Teg::stake`].
    pub async fn stake_as(
        &self,
        agent: &Did,
        key: Uuid,
        amount: Amount,
    ) -> Result<Stake, TegError> {
        let agent = agent.clone();
        self.writer
            .call(move |conn, settings| {
                let request = Request { caller: &agent, key };
                let made = stake::stake(conn, settings, request, amount)?;
                Ok(stake::one(conn, made)?)
            })
            .await
    }

    /// Gives one stake of an agent back, or all of them, and says which are over by now.
    ///
    /// # Errors
    /// When the agent has no such stake.
    pub async fn unstake_as(
        &self,
        agent: &Did,
        key: Uuid,
        one: Option<Uuid>,
    ) -> Result<Vec<Stake>, TegError> {
        let agent = agent.clone();
        self.writer
            .call(move |conn, settings| {
                let request = Request { caller: &agent, key };
                stake::unstake(conn, settings, request, one)?;
                stake::stakes_of(conn, &agent)
            })
            .await
    }

    /// All stakes of an agent, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stakes_of(&self, agent: &Did) -> Result<Vec<Stake>, TegError> {
        let agent = agent.clone();
        self.writer.call(move |conn, _| stake::stakes_of(conn, &agent)).await
    }

    /// An agent's raw score; unknown agents have none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn raw_reputation(&self, agent: &Did) -> Result<Option<i64>, TegError> {
        let agent = agent.clone();
        self.writer.call(move |conn, _| reputation::raw_of(conn, &agent)).await
    }

    /// Rates the receiver of a transfer that `agent` sent.
    ///
    /// # Errors
    /// As [`marketplace_ports::Teg::signal`].
    pub async fn signal_as(
        &self,
        agent: &Did,
        transfer: &TegTransactionId,
        positive: bool,
    ) -> Result<Signaled, TegError> {
        let (agent, transfer) = (agent.clone(), transfer.clone());
        self.writer.call(move |conn, _| reputation::signal(conn, &agent, &transfer, positive)).await
    }

    /// Logs what `claimant` holds against `defendant`; `body` is kept as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_dispute(
        &self,
        claimant: &Did,
        defendant: &Did,
        body: &str,
    ) -> Result<Uuid, TegError> {
        let dispute = LoggedDispute {
            id: Uuid::new_v4(),
            claimant: claimant.clone(),
            defendant: defendant.clone(),
            body: body.to_owned(),
            at: Timestamp::from_micros(0),
        };
        let id = dispute.id;
        self.writer.call(move |conn, settings| dispute::log(conn, settings, &dispute)).await?;
        Ok(id)
    }

    /// A dispute by its name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn dispute(&self, id: Uuid) -> Result<Option<LoggedDispute>, TegError> {
        self.writer.call(move |conn, _| dispute::find(conn, id)).await
    }

    /// The disputes of a party.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn disputes_of(
        &self,
        agent: &Did,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<LoggedDispute>, TegError> {
        let agent = agent.clone();
        self.writer.call(move |conn, _| dispute::of_party(conn, &agent, limit, offset)).await
    }
}
