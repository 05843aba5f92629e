//! Telling agents what happened: beside all other work, so that a stranger's endpoint that takes
//! its time holds up no timer and no transfer.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use marketplace_escrow::Order;
use marketplace_money::{OrderId, Seconds};
use marketplace_ports::{Effect, EffectKind, Key, Notification, NotifyError};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::Worker;
use crate::dispute_events;
use crate::marketplace::Marketplace;
use crate::notices::message;
use crate::refusal::Error;
use crate::trace;
use crate::verbs::{FinishEffect, RetryEffect};

/// Tries of a message, over most of an hour; then it is a dead letter.
const ATTEMPTS: u32 = 16;
/// A stranger does not say when we may speak again later than this.
const LONGEST_PAUSE: Seconds = Seconds::from_hours(1);
/// Messages under way at once.
const AT_ONCE: usize = 64;
/// What has not begun by then is left to the end of its lease.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Messages under way. Dropped with the worker: what was not said comes back with its lease.
pub(super) struct Notices {
    under_way: Mutex<JoinSet<()>>,
    room: Arc<Semaphore>,
}

impl Default for Notices {
    fn default() -> Self {
        Self { under_way: Mutex::default(), room: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Worker {
    /// Begins to tell what these effects say. Their orders are read together; where that fails, the
    /// messages come back with the end of their lease.
    pub(super) async fn start_notices(&self, effects: Vec<Effect>) {
        let keys: HashSet<Key> = effects.iter().filter_map(order_of).map(Key::Order).collect();
        if effects.is_empty() {
            return;
        }
        let orders = match self.marketplace.store().load(&keys).await {
            Ok(view) => view.orders,
            Err(error) => {
                tracing::warn!(%error, "messages wait: their orders were not read");
                return;
            }
        };
        let mut under_way = self.notices.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        while under_way.try_join_next().is_some() {}
        for effect in effects {
            let (market, room) = (self.marketplace.clone(), self.notices.room.clone());
            let known = order_of(&effect).and_then(|order| orders.get(&order).cloned());
            under_way.spawn(async move {
                let place = tokio::time::timeout(LONGEST_WAIT, room.acquire_owned()).await;
                let Ok(Ok(_place)) = place else { return };
                let span = trace::effect(&effect);
                if let Err(error) = tell(&market, effect, known).instrument(span).await {
                    tracing::warn!(%error, "what became of a message was not written down");
                }
            });
        }
    }

    /// Waits until the messages that are under way have arrived or failed.
    pub async fn finish_notices(&mut self) {
        let under_way = self.notices.under_way.get_mut();
        let under_way = under_way.unwrap_or_else(PoisonError::into_inner);
        while under_way.join_next().await.is_some() {}
    }
}

/// The order that a message is about.
const fn order_of(effect: &Effect) -> Option<OrderId> {
    match &effect.kind {
        EffectKind::Notify { order, .. } => Some(*order),
        _ => None,
    }
}

/// What is to be said, and to whom; nothing about what there is not.
async fn notification(
    market: &Marketplace,
    effect: &Effect,
    known: Option<Arc<Order>>,
) -> Result<Option<Notification>, Error> {
    let id = effect.id;
    Ok(match &effect.kind {
        EffectKind::Notify { order, agent, notice } => known.map(|known| Notification {
            id,
            agent: agent.clone(),
            order: *order,
            notice: *notice,
            body: message(id, *notice, &known, market.did()),
        }),
        EffectKind::NotifyDispute { dispute, agent, notice } => {
            let known = market.store().docket(*dispute).await?;
            known.map(|known| Notification {
                id,
                agent: agent.clone(),
                order: known.dispute.order,
                notice: *notice,
                body: dispute_events::message(id, *notice, &known.dispute, market.did()),
            })
        }
        _ => None,
    })
}

async fn tell(
    market: &Marketplace,
    effect: Effect,
    known: Option<Arc<Order>>,
) -> Result<(), Error> {
    let Some(notification) = notification(market, &effect, known).await? else {
        return market.execute(FinishEffect { id: effect.id }, None).await.map(|_| ());
    };
    let told = market.inner.edges.notifier.notify(&notification).await;
    let Notification { order, notice, .. } = notification;
    let (error, after, give_up) = match told {
        Ok(()) | Err(NotifyError::NoEndpoint) => {
            return market.execute(FinishEffect { id: effect.id }, None).await.map(|_| ());
        }
        Err(NotifyError::Refused(reason)) => (reason, None, true),
        Err(NotifyError::Unavailable { reason, retry_after }) => {
            let after = retry_after.map(|after| after.min(LONGEST_PAUSE));
            (reason, after, effect.attempts + 1 >= ATTEMPTS)
        }
    };
    if give_up {
        tracing::warn!(id = %effect.id, %order, %notice, error, "a message is given up");
    }
    market.execute(RetryEffect { effect, error, after, give_up }, None).await.map(|_| ())
}
