//! The edges, with each call counted by how it ended.

use std::sync::Arc;

use async_trait::async_trait;
use marketplace_money::{Amount, Did, Reputation};
use marketplace_ports::{
    FetchError, Fetcher, HistoryCursor, HistoryPage, Notification, Notifier, NotifyError, Teg,
    TegBalance, TegError, TegTransactionId, TegTransfer, TransferFee, TransferOrder,
};
use uuid::Uuid;

use crate::edge::EdgeWatch;
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

/// The TEG, whose silence is watched too: each call counts, whoever makes it.
struct WatchedTeg {
    teg: Measured<dyn Teg>,
    watch: Arc<EdgeWatch>,
}

impl WatchedTeg {
    async fn count<T>(
        &self,
        verb: &'static str,
        result: Result<T, TegError>,
    ) -> Result<T, TegError> {
        self.watch.saw(self.teg.count("teg", verb, result)).await
    }

    /// Of a call that may succeed without the TEG: only its failure says anything.
    async fn failed<T>(
        &self,
        verb: &'static str,
        result: Result<T, TegError>,
    ) -> Result<T, TegError> {
        match self.teg.count("teg", verb, result) {
            Ok(done) => Ok(done),
            Err(error) => self.watch.saw(Err(error)).await,
        }
    }
}

/// The same edges, counted, and the TEG watched.
pub(crate) fn measured(edges: Edges, measures: &Measures, watch: &Arc<EdgeWatch>) -> Edges {
    let measures = || measures.clone();
    let teg = Measured { edge: edges.teg, measures: measures() };
    Edges {
        teg: Arc::new(WatchedTeg { teg, watch: watch.clone() }),
        fetcher: Arc::new(Measured { edge: edges.fetcher, measures: measures() }),
        notifier: Arc::new(Measured { edge: edges.notifier, measures: measures() }),
        ..edges
    }
}

#[async_trait]
impl Teg for WatchedTeg {
    async fn balance(&self) -> Result<TegBalance, TegError> {
        self.count("balance", self.teg.edge.balance().await).await
    }

    async fn balance_of(&self, agent: &Did) -> Result<Option<TegBalance>, TegError> {
        self.failed("balance_of", self.teg.edge.balance_of(agent).await).await
    }

    async fn transfer(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        self.count("transfer", self.teg.edge.transfer(order).await).await
    }

    async fn pull(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        self.count("pull", self.teg.edge.pull(order).await).await
    }

    async fn find(&self, key: Uuid) -> Result<Option<TegTransfer>, TegError> {
        self.count("find", self.teg.edge.find(key).await).await
    }

    async fn history(&self, cursor: &HistoryCursor, limit: u32) -> Result<HistoryPage, TegError> {
        self.count("history", self.teg.edge.history(cursor, limit).await).await
    }

    async fn stake(&self, key: Uuid, amount: Amount) -> Result<TegBalance, TegError> {
        self.count("stake", self.teg.edge.stake(key, amount).await).await
    }

    async fn unstake(&self, key: Uuid) -> Result<TegBalance, TegError> {
        self.count("unstake", self.teg.edge.unstake(key).await).await
    }

    async fn reputation(&self, agent: &Did) -> Result<Option<Reputation>, TegError> {
        // Tokens are another service's: they may well move while nobody tells of standings.
        self.teg.count("teg", "reputation", self.teg.edge.reputation(agent).await)
    }

    async fn signal(&self, transfer: &TegTransactionId, positive: bool) -> Result<(), TegError> {
        self.count("signal", self.teg.edge.signal(transfer, positive).await).await
    }

    async fn transfer_fee(&self) -> Result<TransferFee, TegError> {
        self.failed("transfer_fee", self.teg.edge.transfer_fee().await).await
    }

    fn faucet_open(&self) -> bool {
        self.teg.edge.faucet_open()
    }

    async fn faucet(&self, agent: &Did) -> Result<TegBalance, TegError> {
        self.count("faucet", self.teg.edge.faucet(agent).await).await
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
