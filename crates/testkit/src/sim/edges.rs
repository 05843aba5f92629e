//! The TEG and the web behind the gate.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use marketplace_contract_kit::{FakeFetcher, FakeTeg};
use marketplace_money::{Amount, Did, Reputation, Seconds};
use marketplace_ports::{
    FetchError, Fetcher, HistoryCursor, HistoryPage, Teg, TegBalance, TegError, TegTransactionId,
    TegTransfer, TransferFee, TransferOrder,
};
use uuid::Uuid;

use super::attempts::Cause;
use super::gate::{Fate, Gate, Port};
use super::ids::CAUSE;
use super::lock;

/// A request whose answer was lost before it arrived: it is still on its way.
#[derive(Clone, Debug)]
pub(crate) enum Late {
    Transfer(TransferOrder),
    Pull(TransferOrder),
}

impl Late {
    pub(crate) const fn key(&self) -> Uuid {
        match self {
            Self::Transfer(order) | Self::Pull(order) => order.key,
        }
    }
}

/// What is under way to the TEG, and what it has said for good.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    /// Requests that their senders gave up and that will still arrive.
    pub(crate) late: Vec<Late>,
    refused: BTreeSet<Uuid>,
    /// Which request each pull was for.
    pub(crate) pulled_for: BTreeMap<Uuid, Cause>,
}

/// Shared by all lives.
pub(crate) type Wire = Arc<Mutex<Mail>>;

/// The TEG as one life of one replica sees it.
#[derive(Clone, Debug)]
pub(crate) struct SimTeg {
    pub(crate) inner: FakeTeg,
    pub(crate) gate: Gate,
    pub(crate) wire: Wire,
    pub(crate) life: u32,
    /// Whether this TEG lets us pull.
    pub(crate) pulls: bool,
}

fn lost(call: &str) -> TegError {
    TegError::Unknown { reason: format!("simulated: the answer to {call} was lost") }
}

fn unavailable(call: &str) -> TegError {
    let reason = format!("simulated: no answer to {call}");
    // Sometimes a TEG says when to come back: here always when it says anything at all.
    TegError::Unavailable { reason, retry_after: Some(Seconds(3)) }
}

/// Answers of a TEG that did not even look.
fn turned_away(call: &str, fate: Fate) -> TegError {
    let (why, wait) = match fate {
        Fate::Throttled => ("429", Some(Seconds(40))),
        _ => ("401", None),
    };
    TegError::Unavailable { reason: format!("simulated: {why} to {call}"), retry_after: wait }
}

impl SimTeg {
    async fn fate(&self, call: &'static str) -> Fate {
        self.gate.pass(self.life, Port::Teg, call).await
    }

    async fn read<T>(
        &self,
        call: &'static str,
        work: impl Future<Output = Result<T, TegError>> + Send,
    ) -> Result<T, TegError> {
        let fate = self.fate(call).await;
        match fate {
            Fate::Pass | Fate::Duplicate => work.await,
            Fate::DieAfter => pending().await,
            Fate::Throttled | Fate::Expired => Err(turned_away(call, fate)),
            _ => Err(unavailable(call)),
        }
    }

    /// A refusal is final (see the port): a key that moved tokens is not refused any more, a
    /// refused one is refused for ever, and nothing of it is still on its way.
    async fn may_refuse(&self, key: Option<Uuid>) -> bool {
        let Some(key) = key else { return true };
        let moved = !matches!(self.inner.find(key).await, Ok(None));
        if !moved {
            let mut mail = lock(&self.wire);
            mail.late.retain(|late| late.key() != key);
            mail.refused.insert(key);
        }
        !moved
    }

    fn was_refused(&self, late: Option<&Late>) -> bool {
        late.is_some_and(|late| lock(&self.wire).refused.contains(&late.key()))
    }

    /// A call that may move tokens.
    async fn write<T, W>(
        &self,
        call: &'static str,
        late: Option<Late>,
        work: impl Fn() -> W + Send + Sync,
    ) -> Result<T, TegError>
    where
        W: Future<Output = Result<T, TegError>> + Send,
        T: Send,
    {
        let fate = self.fate(call).await;
        let fate = match fate {
            Fate::Unavailable | Fate::Throttled | Fate::Expired => fate,
            _ if self.was_refused(late.as_ref()) => Fate::Refuse,
            _ => fate,
        };
        match fate {
            Fate::Pass => work().await,
            Fate::Refuse => {
                if !self.may_refuse(late.as_ref().map(Late::key)).await {
                    return work().await;
                }
                let reason = format!("simulated: no {call}");
                Err(TegError::Refused { code: "simulated_refusal", reason })
            }
            Fate::Unavailable => Err(unavailable(call)),
            Fate::Throttled | Fate::Expired => Err(turned_away(call, fate)),
            Fate::LostBefore => Err(lost(call)),
            Fate::LostLate => {
                lock(&self.wire).late.extend(late);
                Err(lost(call))
            }
            Fate::LostAfter => {
                work().await?;
                Err(lost(call))
            }
            Fate::Duplicate => {
                let first = work().await;
                let _ = work().await;
                first
            }
            Fate::DieAfter => {
                let _ = work().await;
                pending().await
            }
        }
    }
}

#[async_trait]
impl Teg for SimTeg {
    async fn balance(&self) -> Result<TegBalance, TegError> {
        self.read("balance", self.inner.balance()).await
    }

    async fn balance_of(&self, agent: &Did) -> Result<Option<TegBalance>, TegError> {
        self.read("balance_of", self.inner.balance_of(agent)).await
    }

    async fn transfer(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        let late = Some(Late::Transfer(order.clone()));
        self.write("transfer", late, || self.inner.transfer(order)).await
    }

    async fn pull(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        if !self.pulls {
            return Err(TegError::Unsupported { verb: "pull" });
        }
        if let Ok(cause) = CAUSE.try_with(|cause| *cause) {
            lock(&self.wire).pulled_for.insert(order.key, cause);
        }
        let late = Some(Late::Pull(order.clone()));
        self.write("pull", late, || self.inner.pull(order)).await
    }

    async fn find(&self, key: Uuid) -> Result<Option<TegTransfer>, TegError> {
        self.read("find", self.inner.find(key)).await
    }

    async fn history(&self, cursor: &HistoryCursor, limit: u32) -> Result<HistoryPage, TegError> {
        self.read("history", self.inner.history(cursor, limit)).await
    }

    async fn stake(&self, key: Uuid, amount: Amount) -> Result<TegBalance, TegError> {
        self.write("stake", None, || self.inner.stake(key, amount)).await
    }

    async fn unstake(&self, key: Uuid) -> Result<TegBalance, TegError> {
        self.write("unstake", None, || self.inner.unstake(key)).await
    }

    async fn reputation(&self, agent: &Did) -> Result<Option<Reputation>, TegError> {
        self.read("reputation", self.inner.reputation(agent)).await
    }

    async fn signal(&self, transfer: &TegTransactionId, positive: bool) -> Result<(), TegError> {
        self.write("signal", None, || self.inner.signal(transfer, positive)).await
    }

    async fn transfer_fee(&self) -> Result<TransferFee, TegError> {
        self.read("transfer_fee", self.inner.transfer_fee()).await
    }

    async fn faucet(&self, agent: &Did) -> Result<TegBalance, TegError> {
        self.write("faucet", None, || self.inner.faucet(agent)).await
    }
}

/// The web as one life of one replica sees it.
#[derive(Clone, Debug)]
pub(crate) struct SimWeb {
    pub(crate) inner: FakeFetcher,
    pub(crate) gate: Gate,
    pub(crate) life: u32,
}

#[async_trait]
impl Fetcher for SimWeb {
    async fn fetch(&self, uri: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        match self.gate.pass(self.life, Port::Web, "fetch").await {
            Fate::Pass | Fate::Duplicate => self.inner.fetch(uri, limit).await,
            Fate::Refuse => Err(FetchError::Refused("simulated: not allowed".to_owned())),
            Fate::DieAfter => pending().await,
            _ => Err(FetchError::Unavailable("simulated: no answer".to_owned())),
        }
    }

    async fn check(&self, url: &str) -> Result<(), FetchError> {
        self.inner.check(url).await
    }
}
