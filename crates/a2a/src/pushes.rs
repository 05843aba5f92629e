//! Push notifications: a hook for each configuration, told by the marketplace's own dispatcher.

use std::sync::Arc;

use async_trait::async_trait;
use marketplace_engine::{Error, Hook, HookKind, Marketplace, OrderView, Scribe, Written};
use marketplace_escrow::Content;
use marketplace_ports::{SealedEvent, Subject, TaskKey};

use crate::error::A2aError;
use crate::kept::{Kept, TaskEvent};
use crate::order_task::{self, Seen};
use crate::service::A2a;
use crate::types::{PushConfig, StreamResponse};

/// What clients of the protocol look for.
const TOKEN: &str = "X-A2A-Notification-Token";

/// Writes push notifications: what those who follow the task are told.
#[derive(Clone)]
pub struct Pushes {
    /// The engine.
    pub marketplace: Marketplace,
    /// How others reach us.
    pub public_url: String,
}

/// The bytes that an order's task shows.
pub(crate) async fn delivered(
    marketplace: &Marketplace,
    view: &OrderView,
) -> Result<Option<Arc<[u8]>>, Error> {
    match view.order.delivery() {
        Some(delivery) if delivery.content == Content::Inline => {
            marketplace.delivered_bytes(view.order.id, delivery).await
        }
        _ => Ok(None),
    }
}

impl Pushes {
    async fn updates(
        &self,
        key: &TaskKey,
        event: &SealedEvent,
    ) -> Result<Vec<StreamResponse>, Error> {
        let Subject::Order(order) = event.subject else {
            let told = serde_json::from_str::<TaskEvent>(&event.data);
            return Ok(told.map(|told| vec![told.update]).unwrap_or_default());
        };
        let view = self.marketplace.order(order).await?;
        let Some(view) = view.filter(|view| view.order.role_of(&key.owner).is_some()) else {
            return Ok(Vec::new());
        };
        let named = TaskKey { task: order.uuid(), owner: key.owner.clone() };
        let kept = self.marketplace.task(&named).await?.map(|row| Kept::read(&row.body));
        let bytes = delivered(&self.marketplace, &view).await?;
        let (receiver, exchange) = (self.marketplace.did(), self.public_url.as_str());
        let seen = Seen { viewer: &key.owner, receiver, exchange, kept: kept.as_ref() };
        Ok(order_task::updates(event, &view, seen, bytes.as_ref()))
    }
}

#[async_trait]
impl Scribe for Pushes {
    async fn write(&self, key: &TaskKey, _: &Hook, event: &SealedEvent) -> Result<Written, Error> {
        let updates = self.updates(key, event).await?;
        let is_over =
            |update: &StreamResponse| update.state().is_some_and(|state| state.is_terminal());
        let is_last = updates.iter().any(is_over);
        let bodies = updates.iter().map(serde_json::to_string).collect::<Result<_, _>>();
        Ok(Written { bodies: bodies.map_err(|error| Error::Fault(error.to_string()))?, is_last })
    }
}

impl A2a {
    /// Calls whom a configuration names of everything after a position. One of the same name goes.
    pub(crate) async fn hook_push(
        &self,
        key: &TaskKey,
        push: &PushConfig,
        position: u64,
    ) -> Result<(), A2aError> {
        self.unhook_push(key, &push.id).await?;
        let kind = HookKind::Push { task: key.task, name: push.id.clone() };
        let mut hook = Hook::new(kind, push.url.clone(), position, self.marketplace.now().await?);
        if !push.token.is_empty() {
            hook.headers.push((TOKEN.to_owned(), push.token.clone()));
        }
        if let Some(shown) = &push.authentication {
            let value = format!("{} {}", shown.scheme, shown.credentials);
            hook.headers.push(("Authorization".to_owned(), value.trim().to_owned()));
        }
        self.marketplace.add_hook(&key.owner, hook).await?;
        Ok(())
    }

    /// Calls it no more.
    pub(crate) async fn unhook_push(&self, key: &TaskKey, name: &str) -> Result<(), A2aError> {
        for (id, hook) in self.marketplace.hooks(&key.owner).await? {
            if matches!(&hook.kind, HookKind::Push { task, name: known }
                if *task == key.task && known == name)
            {
                let key = TaskKey { task: id, owner: key.owner.clone() };
                self.marketplace.end_hook(key).await?;
            }
        }
        Ok(())
    }
}
