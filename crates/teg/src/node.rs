//! The node: opens the books and answers the port as their owner.

use std::fmt;
use std::path::Path;

use async_trait::async_trait;
use marketplace_money::{Amount, Did, Reputation, Timestamp};
use marketplace_ports::{
    HistoryCursor, HistoryPage, Teg, TegBalance, TegError, TegTransactionId, TegTransfer,
    TransferFee, TransferOrder,
};
use uuid::Uuid;

use crate::book::{Request, Verb};
use crate::database::Place;
use crate::transfer::{Instruction, MEMO_BYTES};
use crate::writer::Writer;
use crate::{
    Audit, Clock, EmbeddedTegSettings, OpenError, audit, faucet, history, reputation, stake,
};

/// One raw point is one point of [`Reputation`].
const REPUTATION_SCALE: u32 = 1;

/// The embedded TEG. Dropping it waits for what is queued and closes the file.
pub struct EmbeddedTeg {
    owner: Did,
    transfer_fee: Amount,
    faucet_open: bool,
    clock: Clock,
    pub(crate) writer: Writer,
}

impl fmt::Debug for EmbeddedTeg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedTeg").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl EmbeddedTeg {
    /// Opens the file, making it and its folder if need be, and locks it until the node is
    /// dropped. Blocks for the time of a few disk writes.
    ///
    /// # Errors
    /// When another node has the file, it belongs to another owner, or it cannot be opened.
    pub fn open(path: &Path, settings: EmbeddedTegSettings) -> Result<Self, OpenError> {
        Self::start(Place::file(path)?, settings)
    }

    /// A node whose books are gone when it is dropped.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub fn open_in_memory(settings: EmbeddedTegSettings) -> Result<Self, OpenError> {
        Self::start(Place::Memory, settings)
    }

    fn start(place: Place, settings: EmbeddedTegSettings) -> Result<Self, OpenError> {
        if settings.genesis.is_negative() {
            return Err(OpenError::Negative("the TEG's genesis amount"));
        }
        if settings.transfer_fee.is_negative() {
            return Err(OpenError::Negative("the TEG's transfer fee"));
        }
        let mut connection = place.connect()?;
        place.migrate(&mut connection)?;
        let before = connection
            .immediate_transaction(|conn| {
                let before = faucet::owner(conn)?;
                if before.is_none() {
                    faucet::found(conn, &settings)?;
                }
                Ok(before)
            })
            .map_err(|error: diesel::result::Error| OpenError::Database {
                path: place.name().to_owned(),
                reason: error.to_string(),
            })?;
        if let Some(owner) = before.filter(|owner| owner != settings.owner.as_str()) {
            let (path, asked) = (place.name().to_owned(), settings.owner);
            return Err(OpenError::OtherOwner { path, owner, asked });
        }
        let (owner, transfer_fee) = (settings.owner.clone(), settings.transfer_fee);
        let (faucet_open, clock) = (settings.faucet_open, settings.clock.clone());
        let writer = Writer::start(place, connection, settings)?;
        Ok(Self { owner, transfer_fee, faucet_open, clock, writer })
    }

    /// Whose node this is.
    #[must_use]
    pub fn owner(&self) -> &Did {
        &self.owner
    }

    /// Moves tokens between two agents, for the command of `from`, whose key it is. The caller
    /// makes sure that `from` asked. As [`Teg::transfer`] otherwise.
    ///
    /// # Errors
    /// As [`Teg::transfer`].
    pub async fn transfer_between(
        &self,
        key: Uuid,
        from: &Did,
        to: &Did,
        amount: Amount,
        memo: &str,
    ) -> Result<TegTransfer, TegError> {
        self.send(Instruction {
            verb: Verb::Transfer,
            key,
            sender: from.clone(),
            receiver: to.clone(),
            amount,
            memo: memo.to_owned(),
            longest_memo: MEMO_BYTES,
            fee: None,
        })
        .await
    }

    /// Sets an agent's raw score; the agent is known from then on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_raw_reputation(&self, agent: &Did, raw: i64) -> Result<(), TegError> {
        let agent = agent.clone();
        self.writer.call(move |conn, _| reputation::set_raw(conn, &agent, raw)).await
    }

    /// All accounts, proved against all movements. Its cost grows with the history.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self) -> Result<Audit, TegError> {
        self.writer.call(|conn, _| audit::audit(conn)).await
    }

    /// The time on the node's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// How many commits there were since the node was opened; many requests share one.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    pub(crate) async fn send(&self, order: Instruction) -> Result<TegTransfer, TegError> {
        self.writer.call(move |conn, settings| crate::transfer::send(conn, settings, &order)).await
    }
}

#[async_trait]
impl Teg for EmbeddedTeg {
    async fn balance(&self) -> Result<TegBalance, TegError> {
        self.writer.call(|conn, settings| stake::balance_of(conn, &settings.owner)).await
    }

    async fn balance_of(&self, agent: &Did) -> Result<Option<TegBalance>, TegError> {
        let agent = agent.clone();
        self.writer.call(move |conn, _| stake::balance_of(conn, &agent).map(Some)).await
    }

    async fn transfer(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        let TransferOrder { key, counterparty, amount, memo } = order.clone();
        let sender = self.owner.clone();
        let verb = Verb::Transfer;
        let receiver = counterparty;
        let (longest_memo, fee) = (MEMO_BYTES, None);
        self.send(Instruction { verb, key, sender, receiver, amount, memo, longest_memo, fee })
            .await
    }

    async fn pull(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        let TransferOrder { key, counterparty, amount, memo } = order.clone();
        let receiver = self.owner.clone();
        let verb = Verb::Pull;
        let sender = counterparty;
        let (longest_memo, fee) = (MEMO_BYTES, None);
        self.send(Instruction { verb, key, sender, receiver, amount, memo, longest_memo, fee })
            .await
    }

    async fn find(&self, key: Uuid) -> Result<Option<TegTransfer>, TegError> {
        self.writer.call(move |conn, settings| history::find(conn, &settings.owner, key)).await
    }

    async fn history(&self, cursor: &HistoryCursor, limit: u32) -> Result<HistoryPage, TegError> {
        let cursor = cursor.clone();
        self.writer
            .call(move |conn, settings| history::page(conn, &settings.owner, &cursor, limit))
            .await
    }

    async fn stake(&self, key: Uuid, amount: Amount) -> Result<TegBalance, TegError> {
        self.writer
            .call(move |conn, settings| {
                let request = Request { caller: &settings.owner, key };
                stake::stake(conn, settings, request, amount)?;
                stake::balance_of(conn, &settings.owner)
            })
            .await
    }

    async fn unstake(&self, key: Uuid) -> Result<TegBalance, TegError> {
        self.writer
            .call(move |conn, settings| {
                let request = Request { caller: &settings.owner, key };
                stake::unstake(conn, settings, request, None)?;
                stake::balance_of(conn, &settings.owner)
            })
            .await
    }

    async fn reputation(&self, agent: &Did) -> Result<Option<Reputation>, TegError> {
        let agent = agent.clone();
        let raw = self.writer.call(move |conn, _| reputation::raw_of(conn, &agent)).await?;
        Ok(raw.map(|raw| Reputation::from_raw(raw, REPUTATION_SCALE)))
    }

    async fn signal(&self, transfer: &TegTransactionId, positive: bool) -> Result<(), TegError> {
        let transfer = transfer.clone();
        self.writer
            .call(move |conn, settings| {
                reputation::signal(conn, &settings.owner, &transfer, positive).map(drop)
            })
            .await
    }

    async fn transfer_fee(&self) -> Result<TransferFee, TegError> {
        Ok(TransferFee::flat(self.transfer_fee))
    }

    fn faucet_open(&self) -> bool {
        self.faucet_open
    }

    async fn faucet(&self, agent: &Did) -> Result<TegBalance, TegError> {
        let agent = agent.clone();
        self.writer.call(move |conn, settings| faucet::give(conn, settings, &agent)).await
    }
}
