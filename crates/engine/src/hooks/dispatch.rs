//! Tells hooks: one process at a time holds the job, each hook beside the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use marketplace_money::{Did, Seconds, Timestamp};
use marketplace_ports::{Courier, Lease, Letter, PostError, SealedEvent, Task, TaskKey};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Attempt, Hook, HookKind, HookStatus, PAGE, Scribe, Written};
use crate::marketplace::Marketplace;
use crate::reader::{FeedReader, Scope};
use crate::refusal::{Error, Refusal};
use crate::verbs::HookWrite;

const JOB: &str = "hooks";
const LEASE: Seconds = Seconds(30);
/// Between looks whether the job is ours, or still is.
const RENEWAL: Seconds = Seconds(10);
/// Between looks at what owners changed.
const LOOK: Duration = Duration::from_millis(500);
/// Hooks that are told at once.
const AT_ONCE: usize = 64;
/// Events read at once.
const EVENTS: u32 = 100;
/// A place that moved so far over what was not wanted is written down.
const FAR: u64 = 1_000;
/// A retry of a place that changed under us.
const SOON: Duration = Duration::from_millis(50);

struct Known {
    hook: Hook,
    version: u64,
    /// Counts what may have to be told; behind `told` nothing has.
    news: u64,
    told: u64,
    busy: bool,
}

/// Tells hooks what they want to hear, at least once and in order.
pub struct Dispatcher {
    marketplace: Marketplace,
    courier: Arc<dyn Courier>,
    scribe: Arc<dyn Scribe>,
    id: Uuid,
    held_at: Option<Timestamp>,
    known: HashMap<TaskKey, Known>,
    under_way: JoinSet<(TaskKey, u64)>,
    reader: Option<FeedReader>,
}

impl Dispatcher {
    /// A dispatcher with an id of its own.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn new(
        marketplace: Marketplace,
        courier: Arc<dyn Courier>,
        scribe: Arc<dyn Scribe>,
    ) -> Result<Self, Error> {
        let id = marketplace.fresh_id().await?;
        Ok(Self {
            marketplace,
            courier,
            scribe,
            id,
            held_at: None,
            known: HashMap::new(),
            under_way: JoinSet::new(),
            reader: None,
        })
    }

    /// Tells until `stop` resolves. Errors are logged, and tried again. What is cut off is told
    /// again by whoever goes on.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "hooks were not looked after");
            }
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = self.wait() => {}
            }
        }
        if let Err(error) = self.marketplace.store().release_leases(self.id).await {
            tracing::warn!(%error, "hooks wait for the end of a lease");
        }
    }

    /// Looks at all hooks once and starts what is due.
    async fn round(&mut self) -> Result<(), Error> {
        let now = self.marketplace.now().await?;
        if self.held_at.is_none_or(|at| now >= at.plus(RENEWAL)) {
            let lease = Lease { owner: self.id, duration: LEASE };
            let held = self.marketplace.store().lease_job(JOB, lease).await?;
            self.held_at = held.then_some(now);
        }
        if self.held_at.is_none() {
            self.known.clear();
            self.reader = None;
            return Ok(());
        }
        self.look().await?;
        self.start(now);
        Ok(())
    }

    /// Until there is something to tell, or a look is due.
    async fn wait(&mut self) {
        let reader = async {
            match &mut self.reader {
                Some(reader) => reader.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(ended) = self.under_way.join_next(), if !self.under_way.is_empty() => {
                if let Ok((key, told)) = ended
                    && let Some(known) = self.known.get_mut(&key)
                {
                    (known.busy, known.told) = (false, known.told.max(told));
                }
            }
            events = reader => match events {
                Ok(Some(events)) => self.hear(&events),
                Ok(None) => self.reader = None,
                Err(error) => {
                    tracing::warn!(%error, "hooks do not hear of events");
                    tokio::time::sleep(LOOK).await;
                }
            },
            () = tokio::time::sleep(LOOK) => {}
        }
    }

    fn hear(&mut self, events: &[Arc<SealedEvent>]) {
        for (key, known) in &mut self.known {
            if events.iter().any(|event| is_for(event, &key.owner)) {
                known.news += 1;
            }
        }
    }

    /// What owners set up, changed and ended meanwhile.
    async fn look(&mut self) -> Result<(), Error> {
        let mut rows: Vec<Arc<Task>> = Vec::new();
        loop {
            let after = rows.last().map(|row| row.key.clone());
            let page = self.marketplace.store().lasting_tasks(None, after.as_ref(), PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            rows.extend(page);
            if is_last {
                break;
            }
        }
        let mut before = std::mem::take(&mut self.known);
        for row in rows {
            let Some(hook) = Hook::read(&row.body) else { continue };
            let known = match before.remove(&row.key) {
                Some(known) if known.version == row.version => known,
                // Whatever was changed: there may be something to tell.
                Some(known) => Known { hook, version: row.version, news: known.news + 1, ..known },
                None => Known { hook, version: row.version, news: 1, told: 0, busy: false },
            };
            self.known.insert(row.key.clone(), known);
        }
        match (&self.reader, self.known.is_empty()) {
            (None, false) => {
                let did = self.marketplace.did().clone();
                self.reader = self.marketplace.read_feed(&did, Scope::Everything, None).await?;
                // What came before is behind the reader.
                self.known.values_mut().for_each(|known| known.news += 1);
            }
            (Some(_), true) => self.reader = None,
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, now: Timestamp) {
        for (key, known) in &mut self.known {
            let is_due = known.hook.status == HookStatus::Active
                && known.hook.next_try <= now.micros()
                && (known.told < known.news || known.hook.has_wishes());
            if known.busy || !is_due || self.under_way.len() >= AT_ONCE {
                continue;
            }
            known.busy = true;
            let (key, news) = (key.clone(), known.news);
            let teller = Teller {
                marketplace: self.marketplace.clone(),
                courier: self.courier.clone(),
                scribe: self.scribe.clone(),
                key: key.clone(),
            };
            self.under_way.spawn(async move {
                match teller.tell().await {
                    Ok(()) => (key, news),
                    Err(error) => {
                        tracing::warn!(%error, hook = %key.task, "a hook was not told");
                        tokio::time::sleep(SOON).await;
                        (key, 0)
                    }
                }
            });
        }
    }
}

fn is_for(event: &SealedEvent, owner: &Did) -> bool {
    event.audience.contains(owner)
}

/// Tells one hook.
struct Teller {
    marketplace: Marketplace,
    courier: Arc<dyn Courier>,
    scribe: Arc<dyn Scribe>,
    key: TaskKey,
}

/// What became of the letters about an event.
enum Told {
    /// Taken; `true`: they were the last ones.
    Well(bool),
    /// Not, and the hook waits now.
    Badly,
}

impl Teller {
    /// Tells everything that there is, until nothing is left or a try fails.
    async fn tell(&self) -> Result<(), Error> {
        while let Some(hook) = self.marketplace.hook(&self.key).await? {
            let now = self.marketplace.now().await?.micros();
            if hook.status != HookStatus::Active || hook.next_try > now {
                return Ok(());
            }
            let goes_on = if hook.ping {
                self.ping(&hook).await?
            } else if let Some(replay) = hook.replays.first().cloned() {
                self.read(&hook, replay.after, Some(replay.to)).await?
            } else {
                self.read(&hook, hook.position, None).await?
            };
            if !goes_on {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next events from a place on; whether there is more to do.
    async fn read(&self, hook: &Hook, after: u64, to: Option<u64>) -> Result<bool, Error> {
        let store = self.marketplace.store();
        let events = store.events_for(&self.key.owner, after, EVENTS).await?;
        let is_end = events.len() < EVENTS as usize;
        let mut reached = after;
        for event in &events {
            if to.is_some_and(|to| event.position > to) {
                break;
            }
            reached = event.position;
            if hook.wants(event) {
                match self.tell_event(hook, event, to.is_some()).await? {
                    Told::Well(false) => {}
                    Told::Well(true) => {
                        self.marketplace.end_hook(self.key.clone()).await?;
                        return Ok(false);
                    }
                    Told::Badly => return Ok(false),
                }
            }
        }
        let Some(to) = to else {
            if reached > after && (!is_end || reached - hook.position >= FAR) {
                self.change(move |hook| hook.position = hook.position.max(reached)).await?;
            }
            return Ok(!is_end);
        };
        let is_over = is_end || events.last().is_some_and(|event| event.position >= to);
        self.change(move |hook| match hook.replays.first_mut() {
            Some(first) if !is_over => first.after = first.after.max(reached),
            Some(_) => drop(hook.replays.remove(0)),
            None => {}
        })
        .await?;
        Ok(true)
    }

    async fn tell_event(
        &self,
        hook: &Hook,
        event: &SealedEvent,
        is_replay: bool,
    ) -> Result<Told, Error> {
        let Written { bodies, is_last } = self.scribe.write(&self.key, hook, event).await?;
        for (number, body) in bodies.into_iter().enumerate() {
            let id = match number {
                0 => event.id.to_string(),
                number => format!("{}-{number}", event.id),
            };
            let told = (event.name.clone(), event.position);
            if !self.post(hook, id, told, body, is_replay).await? {
                return Ok(Told::Badly);
            }
        }
        let position = event.position;
        self.change(move |hook| match hook.replays.first_mut() {
            Some(first) if is_replay => first.after = first.after.max(position),
            _ if is_replay => {}
            _ => hook.position = hook.position.max(position),
        })
        .await?;
        Ok(Told::Well(is_last))
    }

    async fn ping(&self, hook: &Hook) -> Result<bool, Error> {
        let id = self.marketplace.fresh_id().await?.to_string();
        let body = serde_json::json!({ "event": "ping", "id": id, "webhook_id": self.key.task });
        self.change(|hook| hook.ping = false).await?;
        self.post(hook, id, ("ping".to_owned(), 0), body.to_string(), false).await
    }

    /// One try, written down; whether it was taken.
    async fn post(
        &self,
        hook: &Hook,
        id: String,
        (event, position): (String, u64),
        body: String,
        is_replay: bool,
    ) -> Result<bool, Error> {
        let at = self.marketplace.now().await?;
        let letter = Letter {
            id: id.clone(),
            at,
            url: hook.url.clone(),
            body,
            secret: hook.secret.clone(),
            headers: hook.headers.clone(),
        };
        let (status, error, after, is_final) = match self.courier.post(&letter).await {
            Ok(status) => (Some(status), None, None, false),
            Err(PostError::Refused(reason)) => (None, Some(reason), None, true),
            Err(PostError::Unavailable { reason, retry_after }) => {
                (None, Some(reason), retry_after, false)
            }
        };
        let taken = error.is_none();
        let at = at.micros();
        let attempt = Attempt { id, event, position, at, status, error, is_replay };
        let amend = move |known: Option<Hook>, _| {
            let mut hook = known.ok_or(Refusal::NotFound)?;
            let paused = hook.note(attempt.clone(), after, is_final);
            let is_webhook = hook.kind == HookKind::Webhook;
            let event = (paused && is_webhook).then_some("webhook.paused");
            Ok(HookWrite { hook, event, is_over: false })
        };
        self.marketplace.keep_hook(self.key.clone(), Arc::new(amend)).await?;
        Ok(taken)
    }

    async fn change(
        &self,
        change: impl Fn(&mut Hook) + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let changed = self.marketplace.change_hook(self.key.clone(), None, move |hook| {
            change(hook);
            Ok(())
        });
        changed.await.map(|_| ())
    }
}
