//! Push notifications: a hook for each configuration, told by the marketplace's own dispatcher.

use async_trait::async_trait;
use marketplace_engine::{Error, Hook, HookKind, Marketplace, Scribe, Written};
use marketplace_money::{Did, OrderId, Timestamp};
use marketplace_ports::{Nonce, SealedEvent, Subject, TaskKey};

use crate::dialect::Dialect;
use crate::dialects;
use crate::error::{A2aError, PUSH_NOT_SUPPORTED};
use crate::kept::{Kept, TaskEvent};
use crate::order_task::order_of;
use crate::service::{A2a, Call, fits};
use crate::standing::{Standing, named_push};
use crate::types::{PushConfig, PushRequest, StreamResponse, TaskState};
use crate::whole::{Us, Whole};

/// Configurations of one task.
pub(crate) const MOST_PUSHES: usize = 16;
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

impl Pushes {
    fn us(&self) -> Us<'_> {
        Us { did: self.marketplace.did(), url: &self.public_url }
    }

    async fn updates(
        &self,
        key: &TaskKey,
        event: &SealedEvent,
    ) -> Result<Vec<StreamResponse>, Error> {
        let Some(order) = order_of(event) else {
            let told = serde_json::from_str::<TaskEvent>(&event.data);
            return Ok(told.map(|told| vec![told.update]).unwrap_or_default());
        };
        Whole::news(&self.marketplace, (order, &key.owner), event, self.us()).await
    }

    /// The task as it is now, for the dialects before 1.0: they are told whole tasks.
    async fn whole(&self, key: &TaskKey, event: &SealedEvent) -> Result<Option<String>, Error> {
        let (task, order) = match (order_of(event), event.subject) {
            (Some(order), _) => (order.uuid(), Some(order)),
            (None, Subject::Command(command)) => (command.uuid(), None),
            _ => return Ok(None),
        };
        let named = TaskKey { task, owner: key.owner.clone() };
        let Some(row) = self.marketplace.task(&named).await? else { return Ok(None) };
        let kept = Kept::read(&row.body);
        let dialect = kept.dialect;
        if dialect == Dialect::V1 {
            return Ok(None);
        }
        let standing = match order {
            None => Standing::own(&row, kept),
            Some(order) => self.of_order(&key.owner, order, kept).await?,
        };
        let Some(standing) = standing else { return Ok(None) };
        let task = dialects::task(dialect, standing, None);
        let task = task.map_err(|_| Error::Fault("a task cannot be told".to_owned()))?;
        Ok(Some(task.to_string()))
    }

    async fn of_order(
        &self,
        owner: &Did,
        order: OrderId,
        kept: Kept,
    ) -> Result<Option<Standing>, Error> {
        let view = self.marketplace.order(order).await?;
        let view = view.filter(|view| view.order.role_of(owner).is_some());
        let Some(view) = view else { return Ok(None) };
        let whole = Whole::of(&self.marketplace, view, Some(kept)).await?;
        Ok(Some(whole.standing(owner, self.us())))
    }
}

#[async_trait]
impl Scribe for Pushes {
    async fn write(&self, key: &TaskKey, _: &Hook, event: &SealedEvent) -> Result<Written, Error> {
        let updates = self.updates(key, event).await?;
        let is_over = |update: &StreamResponse| update.state().is_some_and(TaskState::is_terminal);
        let is_last = updates.iter().any(is_over);
        if let Some(whole) = self.whole(key, event).await? {
            return Ok(Written { bodies: vec![whole], is_last });
        }
        let bodies = updates.iter().map(serde_json::to_string).collect::<Result<_, _>>();
        Ok(Written { bodies: bodies.map_err(|error| Error::Fault(error.to_string()))?, is_last })
    }
}

impl A2a {
    /// Before anything is done: a place that is never called is an error of who names it.
    pub(crate) async fn check_push(&self, push: &PushConfig) -> Result<(), A2aError> {
        if !self.settings.pushes {
            return Err(A2aError::new(PUSH_NOT_SUPPORTED, ""));
        }
        fits(&push.id, "id")?;
        let is_url = push.url.starts_with("https://") || push.url.starts_with("http://");
        if !is_url || push.url.len() > 2_048 || push.url.chars().any(char::is_control) {
            return Err(A2aError::invalid("url", "must be an http or https URL"));
        }
        self.marketplace.check_endpoint(&push.url).await.map_err(Error::from)?;
        Ok(())
    }

    /// Calls whom a configuration names of everything after a position. `proof` is used up in the
    /// commit that keeps the configuration.
    pub(crate) async fn set_push(
        &self,
        key: &TaskKey,
        push: PushConfig,
        position: u64,
        proof: Option<(Nonce, Timestamp)>,
    ) -> Result<PushConfig, A2aError> {
        let push = named_push(push, key.task);
        let new = push.clone();
        let change = move |kept: &mut Kept| {
            kept.set_push(new.clone());
            kept.pushes.len() <= MOST_PUSHES
        };
        self.amend(key, proof, change).await?;
        self.hook_push(key, &push, position).await?;
        Ok(push)
    }

    /// `CreateTaskPushNotificationConfig`.
    pub(crate) async fn create_push(
        &self,
        call: Call<'_>,
        push: PushConfig,
    ) -> Result<PushConfig, A2aError> {
        self.check_push(&push).await?;
        let standing = self.standing(call.did()?, &push.task_id).await?;
        let position = self.marketplace.feed_head().await?;
        self.set_push(&standing.key, push, position, call.proof()).await
    }

    /// `GetTaskPushNotificationConfig`.
    pub(crate) async fn get_push(
        &self,
        call: Call<'_>,
        request: &PushRequest,
    ) -> Result<PushConfig, A2aError> {
        let pushes = self.list_pushes(call, request).await?;
        A2aError::expect_name("id", &request.id)?;
        let found = pushes.into_iter().find(|push| push.id == request.id);
        found.ok_or_else(|| A2aError::no_task(&format!("{}/{}", request.task_id, request.id)))
    }

    /// `ListTaskPushNotificationConfigs`.
    pub(crate) async fn list_pushes(
        &self,
        call: Call<'_>,
        request: &PushRequest,
    ) -> Result<Vec<PushConfig>, A2aError> {
        if !self.settings.pushes {
            return Err(A2aError::new(PUSH_NOT_SUPPORTED, ""));
        }
        Ok(self.standing(call.did()?, &request.task_id).await?.pushes)
    }

    /// `DeleteTaskPushNotificationConfig`: doing it again changes nothing.
    pub(crate) async fn delete_push(
        &self,
        call: Call<'_>,
        request: &PushRequest,
    ) -> Result<(), A2aError> {
        if !self.settings.pushes {
            return Err(A2aError::new(PUSH_NOT_SUPPORTED, ""));
        }
        let standing = self.standing(call.did()?, &request.task_id).await?;
        A2aError::expect_name("id", &request.id)?;
        if standing.pushes.iter().any(|push| push.id == request.id) {
            let id = request.id.clone();
            let change = move |kept: &mut Kept| {
                kept.pushes.retain(|push| push.id != id);
                true
            };
            self.amend(&standing.key, call.proof(), change).await?;
        }
        // Behind the commit that uses the proof up; what was cut off between them is done now.
        self.unhook_push(&standing.key, &request.id).await
    }

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
