//! The edges, with each call counted by how it ended.

use std::sync::Arc;

use async_trait::async_trait;
use marketplace_money::{Amount, Did, Reputation};
use marketplace_ports::{
    FetchError, Fetcher, HistoryCursor, HistoryPage, Notification, Notifier, NotifyError, Teg,
    TegBalance, TegError, TegTransactionId, TegTransfer, TransferFee, TransferOrder,
};
use uuid::Uuid;

use crate::marketplace::Edges;
use crate::measures::{Measures, Outcome};

/// An edge whose calls are counted.
struct Measured<E: ?Sized> {
    edge: Arc<E>,
    measures: Measures,
}

impl<E: ?Sized> Measured<E> {
    fn count<T, F: Outcome>(
        &self,
        edge: &'static str,
        verb: &'static str,
        result: Result<T, F>,
    ) -> Result<T, F> {
        let outcome = result.as_ref().err().map_or("ok", Outcome::outcome);
        self.measures.called(edge, verb, outcome);
        result
    }
}

/// The same edges, counted.
pub(crate) fn measured(edges: Edges, measures: &Measures) -> Edges {
    let measures = || measures.clone();
    Edges {
        teg: Arc::new(Measured { edge: edges.teg, measures: measures() }),
        fetcher: Arc::new(Measured { edge: edges.fetcher, measures: measures() }),
        notifier: Arc::new(Measured { edge: edges.notifier, measures: measures() }),
        ..edges
    }
}

#[async_trait]
impl Teg for Measured<dyn Teg> {
    async fn balance(&self) -> Result<TegBalance, TegError> {
        self.count("teg", "balance", self.edge.balance().await)
    }

    async fn balance_of(&self, agent: &Did) -> Result<Option<TegBalance>, TegError> {
        self.count("teg", "balance_of", self.edge.balance_of(agent).await)
    }

    async fn transfer(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        self.count("teg", "transfer", self.edge.transfer(order).await)
    }

    async fn pull(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        self.count("teg", "pull", self.edge.pull(order).await)
    }

    async fn find(&self, key: Uuid) -> Result<Option<TegTransfer>, TegError> {
        self.count("teg", "find", self.edge.find(key).await)
    }

    async fn history(&self, cursor: &HistoryCursor, limit: u32) -> Result<HistoryPage, TegError> {
        self.count("teg", "history", self.edge.history(cursor, limit).await)
    }

    async fn stake(&self, key: Uuid, amount: Amount) -> Result<TegBalance, TegError> {
        self.count("teg", "stake", self.edge.stake(key, amount).await)
    }

    async fn unstake(&self, key: Uuid) -> Result<TegBalance, TegError> {
        self.count("teg", "unstake", self.edge.unstake(key).await)
    }

    async fn reputation(&self, agent: &Did) -> Result<Option<Reputation>, TegError> {
        self.count("teg", "reputation", self.edge.reputation(agent).await)
    }

    async fn signal(&self, transfer: &TegTransactionId, positive: bool) -> Result<(), TegError> {
        self.count("teg", "signal", self.edge.signal(transfer, positive).await)
    }

    async fn transfer_fee(&self) -> Result<TransferFee, TegError> {
        self.count("teg", "transfer_fee", self.edge.transfer_fee().await)
    }

    fn faucet_open(&self) -> bool {
        self.edge.faucet_open()
    }

    async fn faucet(&self, agent: &Did) -> Result<TegBalance, TegError> {
        self.count("teg", "faucet", self.edge.faucet(agent).await)
    }
}

#[async_trait]
impl Fetcher for Measured<dyn Fetcher> {
    async fn fetch(&self, uri: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        self.count("web", "fetch", self.edge.fetch(uri, limit).await)
    }

    async fn check(&self, url: &str) -> Result<(), FetchError> {
        self.edge.check(url).await
    }
}

#[async_trait]
impl Notifier for Measured<dyn Notifier> {
    fn may_reach(&self, agent: &Did) -> bool {
        self.edge.may_reach(agent)
    }

    async fn notify(&self, notification: &Notification) -> Result<(), NotifyError> {
        self.count("agents", "notify", self.edge.notify(notification).await)
    }
}
