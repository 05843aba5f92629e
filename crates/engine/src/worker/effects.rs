//! The outbox: at least once, idempotently.

use std::collections::HashSet;
use std::future::ready;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use marketplace_escrow::{Announced, Command, DeliveryInput, OrderRefusal, Phase, State};
use marketplace_money::{DepositId, OrderId, Seconds};
use marketplace_ports::{DepositState, Effect, EffectKind, FetchError, Key, TegError};
use tracing::Instrument as _;
use uuid::Uuid;

use super::{BITE, LAST_ROUND, Worked, Worker};
use crate::delivery::{check, from_bytes};
use crate::refusal::{Error, Refusal};
use crate::trace;
use crate::verbs::{ChangeOrder, CreditDeposit, FinishEffect, RetryEffect};

/// What became of an effect.
enum Outcome {
    /// Strike it off.
    Done,
    /// Again later.
    Later { error: String, after: Option<Seconds> },
}

/// With so much under way nothing more is taken.
const MOST_UNDER_WAY: usize = 1_000;
/// A delivery that does not come is given up after so many tries.
const FETCH_ATTEMPTS: u32 = 5;
/// A pull that nobody saw for so many looks did not happen.
const RESOLVE_ATTEMPTS: u32 = 3;

impl Worker {
    /// Takes what is due and begins to tell what is to be told; says how much it was, and what else
    /// there is to do.
    async fn take_effects(&self) -> Result<(usize, Vec<Effect>), Error> {
        let effects = self.marketplace.store().lease_effects(self.lease(), BITE).await?;
        let count = effects.len();
        let is_notice = |effect: &Effect| {
            matches!(effect.kind, EffectKind::Notify { .. } | EffectKind::NotifyDispute { .. })
        };
        let (notices, effects): (Vec<_>, Vec<_>) = effects.into_iter().partition(is_notice);
        self.start_notices(notices).await;
        Ok((count, effects))
    }

    /// Takes what is due and works on it until it is done; says how much it was.
    pub(super) async fn work_outbox(&self) -> Result<usize, Error> {
        let (count, effects) = self.take_effects().await?;
        join_all(effects.into_iter().map(|effect| self.work_on(effect))).await;
        Ok(count)
    }

    /// Does so until `stop` resolves. What takes its time holds up nothing that comes after it.
    pub(super) async fn work_outbox_until(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut under_way = FuturesUnordered::new();
        let mut ids = HashSet::new();
        let more = self.more_effects();
        tokio::pin!(more);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                effects = &mut more, if under_way.len() < MOST_UNDER_WAY => {
                    // What takes longer than a lease comes back, and is under way.
                    let fresh = effects.into_iter().filter(|effect| ids.insert(effect.id));
                    under_way.extend(fresh.map(|effect| self.work_on(effect)));
                    more.set(self.more_effects());
                }
                Some(done) = under_way.next() => drop(ids.remove(&done)),
            }
        }
        let last = under_way.for_each(|_| ready(()));
        let _ = tokio::time::timeout(LAST_ROUND, last).await;
    }

    /// What is due; when there is nothing, some time passes.
    async fn more_effects(&self) -> Vec<Effect> {
        match self.take_effects().await {
            Ok((effects @ 1.., rest)) => {
                let worked = Worked { effects, ..Worked::default() };
                self.marketplace.inner.publisher.figures.count(&worked);
                return rest;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the outbox was not read"),
        }
        let pause = self.pause(|dues| dues.effect).await;
        let rung = self.marketplace.inner.publisher.work.notified();
        let _ = tokio::time::timeout(pause, rung).await;
        Vec::new()
    }

    /// Says on what it worked.
    async fn work_on(&self, effect: Effect) -> Uuid {
        let (id, span) = (effect.id, trace::effect(&effect));
        if let Err(error) = self.work(effect).instrument(span).await {
            // Its lease ends, and it comes back.
            tracing::warn!(%error, "work of the outbox was not done");
        }
        id
    }

    async fn work(&self, effect: Effect) -> Result<(), Error> {
        let outcome = match &effect.kind {
            EffectKind::SendWithdrawal(id) => return self.send_withdrawal(*id, effect).await,
            EffectKind::Signal { withdrawal, order } => {
                return self.signal(*withdrawal, *order, effect).await;
            }
            EffectKind::ResolveDeposit(id) => self.resolve_deposit(*id, &effect).await?,
            EffectKind::FetchDelivery { order, sha256, uri } => {
                self.fetch_delivery(*order, *sha256, uri, &effect).await?
            }
            // Sent beside the others: a stranger's endpoint may take its time.
            EffectKind::Notify { .. } | EffectKind::NotifyDispute { .. } => return Ok(()),
        };
        let market = &self.marketplace;
        match outcome {
            Outcome::Done => market.execute(FinishEffect { id: effect.id }, None).await.map(|_| ()),
            Outcome::Later { error, after } => market
                .execute(RetryEffect { effect, error, after, give_up: false }, None)
                .await
                .map(|_| ()),
        }
    }

    async fn resolve_deposit(&self, id: DepositId, effect: &Effect) -> Result<Outcome, Error> {
        let market = &self.marketplace;
        let keys = [Key::Deposit(id)].into_iter().collect();
        let view = market.store().load(&keys).await?;
        let Some(deposit) = view.deposits.get(&id) else { return Ok(Outcome::Done) };
        if deposit.state != DepositState::Asked {
            return Ok(Outcome::Done);
        }
        match market.teg().find(id.uuid()).await {
            Ok(Some(transfer)) => {
                match market.execute(CreditDeposit { id, transfer }, None).await {
                    Ok(_) | Err(Error::Refused(Refusal::AlreadyDone)) => Ok(Outcome::Done),
                    Err(error) => Err(error),
                }
            }
            Ok(None) if effect.attempts + 1 < RESOLVE_ATTEMPTS => {
                let error = "nobody saw the tokens move".to_owned();
                Ok(Outcome::Later { error, after: Some(Seconds(30)) })
            }
            Ok(None) => {
                market.close_deposit(id, DepositState::Unseen).await;
                Ok(Outcome::Done)
            }
            Err(error) => Ok(later(&error)),
        }
    }

    async fn fetch_delivery(
        &self,
        order: OrderId,
        sha256: [u8; 32],
        uri: &Arc<str>,
        effect: &Effect,
    ) -> Result<Outcome, Error> {
        let market = &self.marketplace;
        let Some(known) = market.store().order(order).await? else { return Ok(Outcome::Done) };
        let State::Funded(funded) = &known.state else { return Ok(Outcome::Done) };
        let Some(announced) = funded.announced.clone() else { return Ok(Outcome::Done) };
        if announced.sha256 != sha256 || announced.uri != *uri {
            return Ok(Outcome::Done);
        }
        let fetcher = &market.inner.edges.fetcher;
        let bytes = match fetcher.fetch(uri, DeliveryInput::LARGEST_FETCHED).await {
            Ok(bytes) => bytes,
            Err(FetchError::Unavailable(error)) if effect.attempts + 1 < FETCH_ATTEMPTS => {
                return Ok(Outcome::Later { error, after: None });
            }
            Err(error) => {
                tracing::info!(%order, %error, "an announced delivery did not come");
                let fail = Command::FailDelivery { sha256, uri: uri.clone() };
                return self.end_delivery(&known.seller, order, fail, None).await;
            }
        };
        let announced_uri = uri.clone();
        let Announced { media_type, note, uri, .. } = announced;
        let (input, bytes) = from_bytes(bytes, Some(sha256), Some(uri), media_type, note);
        let input = check(&known, input, &bytes).await?;
        let matches =
            matches!(&input, DeliveryInput::Bytes { sha256: found, .. } if *found == sha256);
        let (command, bytes) = if matches {
            (Command::Deliver(input), Some(bytes))
        } else {
            (Command::FailDelivery { sha256, uri: announced_uri }, None)
        };
        self.end_delivery(&known.seller, order, command, bytes).await
    }

    async fn end_delivery(
        &self,
        seller: &marketplace_money::Did,
        order: OrderId,
        command: Command,
        bytes: Option<Arc<[u8]>>,
    ) -> Result<Outcome, Error> {
        let verb = ChangeOrder { caller: seller.clone(), order, command, bytes };
        match self.marketplace.execute(verb, None).await {
            Ok(_) => Ok(Outcome::Done),
            // Arbitration holds the order: the announcement waits with it.
            Err(Error::Refused(Refusal::Order(OrderRefusal::WrongPhase {
                phase: Phase::Disputed,
                ..
            }))) => {
                let error = "the order is disputed".to_owned();
                Ok(Outcome::Later { error, after: Some(Seconds(60)) })
            }
            // The order went another way while we fetched.
            Err(Error::Refused(_)) => Ok(Outcome::Done),
            Err(error) => Err(error),
        }
    }
}

fn later(error: &TegError) -> Outcome {
    let after = match error {
        TegError::Unavailable { retry_after, .. } => *retry_after,
        _ => None,
    };
    Outcome::Later { error: error.to_string(), after }
}
