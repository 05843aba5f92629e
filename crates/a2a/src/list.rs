//! `ListTasks`: all tasks of an agent, those that changed last first.
//!
//! No store keeps an agent's orders by their last change: an index that moves with every step of
//! every order would cost the trade more than lists are worth. So everything that may be shown is
//! looked at, page by page, and only the page that is asked for is held. The total is a true count
//! therefore.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::DateTime;
use marketplace_engine::OrderView;
use marketplace_escrow::OrderStatus;
use marketplace_money::{Did, DisputeId, OrderId, Timestamp};
use marketplace_ports::{DisputeFilter, OrderFilter, Task as Row, TaskKey};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::A2aError;
use crate::kept::Kept;
use crate::order_task;
use crate::service::{A2a, Call, shorten};
use crate::standing::Standing;
use crate::types::{ListRequest, Task, TaskState};
use crate::whole::{Whole, delivered};

/// Rows read at once.
const PAGE: u32 = 200;

/// Which tasks a list shows.
struct Filter {
    context: String,
    state: Option<TaskState>,
    size: usize,
    since: Option<Timestamp>,
    after: Option<Place>,
}

/// A task's place: what changed last comes first.
type Place = (Reverse<Timestamp>, Reverse<Uuid>);

/// A task that is on the page.
enum Found {
    Own(Arc<Row>),
    Order(OrderView),
}

/// The page, as far as everything was looked at.
struct Page {
    filter: Filter,
    /// That the filter takes.
    total: usize,
    /// Of them those behind the pages before.
    left: usize,
    found: BTreeMap<Place, Found>,
}

/// The dispute that goes on about an order, and when it changed last.
type Open = HashMap<OrderId, (DisputeId, Timestamp)>;

/// Orders that belong to a conversation because somebody said so.
#[derive(Default)]
struct Spoken(HashSet<Uuid>);

/// What a row says of a task, as far as a filter asks.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Brief {
    context_id: String,
    own: Option<BriefOwn>,
}

#[derive(Deserialize)]
struct BriefOwn {
    status: BriefStatus,
}

#[derive(Deserialize)]
struct BriefStatus {
    state: TaskState,
}

impl Filter {
    fn read(request: &ListRequest) -> Result<Self, A2aError> {
        let state = match &request.status {
            None => None,
            Some(Value::String(name)) if name == "TASK_STATE_UNSPECIFIED" => None,
            Some(named) => Some(
                serde_json::from_value(named.clone())
                    .map_err(|error| A2aError::invalid("status", error))?,
            ),
        };
        let size = request.page_size.unwrap_or(50);
        let size = usize::try_from(size).ok().filter(|size| (1..=100).contains(size));
        let size = size.ok_or_else(|| A2aError::invalid("pageSize", "must be 1 to 100"))?;
        if request.history_length.is_some_and(|length| length < 0) {
            return Err(A2aError::invalid("historyLength", "must not be below 0"));
        }
        let text = &request.status_timestamp_after;
        let since = match text.is_empty() {
            true => None,
            false => {
                let read = DateTime::parse_from_rfc3339(text);
                let read = read.map_err(|_| {
                    A2aError::invalid("statusTimestampAfter", "must be an RFC 3339 time")
                })?;
                Some(Timestamp::from_micros(read.timestamp_micros()))
            }
        };
        let after = match request.page_token.is_empty() {
            true => None,
            false => Some(read_token(&request.page_token).ok_or_else(|| {
                A2aError::invalid("pageToken", "must be nextPageToken of the page before")
            })?),
        };
        Ok(Self { context: request.context_id.clone(), state, size, since, after })
    }

    fn takes(&self, state: TaskState, changed_at: Timestamp) -> bool {
        self.state.is_none_or(|wanted| wanted == state)
            && self.since.is_none_or(|since| changed_at >= since)
    }

    /// The statuses of orders that may be in the state that is wanted; `None` is any.
    const fn statuses(&self) -> &'static [Option<OrderStatus>] {
        use OrderStatus::{Completed, EscrowFunded, Expired, Pending, Refunded};
        match self.state {
            None => &[None],
            Some(TaskState::InputRequired) => &[Some(Pending), Some(EscrowFunded)],
            Some(TaskState::Completed) => &[Some(Completed)],
            Some(TaskState::Canceled | TaskState::Rejected | TaskState::Failed) => {
                &[Some(Refunded), Some(Expired)]
            }
            Some(_) => &[],
        }
    }
}

fn read_token(text: &str) -> Option<Place> {
    let (at, id) = text.split_once('.')?;
    let at = Timestamp::from_micros(at.parse().ok()?);
    Some((Reverse(at), Reverse(Uuid::try_parse(id).ok()?)))
}

impl Page {
    fn offer(&mut self, changed_at: Timestamp, id: Uuid, found: impl FnOnce() -> Found) {
        let place = (Reverse(changed_at), Reverse(id));
        self.total += 1;
        if self.filter.after.is_some_and(|after| place <= after) {
            return;
        }
        self.left += 1;
        let is_full = self.found.len() >= self.filter.size;
        if is_full && self.found.last_key_value().is_some_and(|(last, _)| place > *last) {
            return;
        }
        self.found.insert(place, found());
        if self.found.len() > self.filter.size {
            self.found.pop_last();
        }
    }

    fn offer_order(&mut self, open: &Open, view: OrderView) {
        let order = &view.order;
        let disputed = open.get(&order.id).map(|(_, at)| *at);
        let changed_at = disputed.map_or(order.changed_at(), |at| at.max(order.changed_at()));
        let state = order_task::state(order.status(), order.phase());
        if self.filter.takes(state, changed_at) {
            self.offer(changed_at, order.id.uuid(), || Found::Order(view));
        }
    }

    /// Where the next page begins; empty at the end.
    fn next(&self) -> String {
        match self.found.last_key_value() {
            Some(((at, id), _)) if self.left > self.found.len() => {
                format!("{}.{}", at.0.micros(), id.0.as_simple())
            }
            _ => String::new(),
        }
    }
}

impl A2a {
    /// `ListTasks`: the caller's, those that changed last first.
    pub(crate) async fn list(
        &self,
        call: Call<'_>,
        request: &ListRequest,
    ) -> Result<Value, A2aError> {
        let did = call.did()?;
        let filter = Filter::read(request)?;
        let mut page = Page { filter, total: 0, left: 0, found: BTreeMap::new() };
        let spoken = self.look_at_own(did, &mut page).await?;
        let open = self.open_disputes(did).await?;
        match page.filter.context.is_empty() {
            true => self.look_at_orders(did, &open, &mut page).await?,
            false => self.look_at_spoken(did, spoken, &open, &mut page).await?,
        }
        let (next, size, total) = (page.next(), page.filter.size, page.total);
        let tasks = self.shown_page(did, page, &open, request).await?;
        Ok(json!({
            "tasks": tasks, "nextPageToken": next, "pageSize": size, "totalSize": total,
        }))
    }

    /// Tasks that are no orders, and which orders belong to the conversation that is wanted.
    async fn look_at_own(&self, did: &Did, page: &mut Page) -> Result<Spoken, A2aError> {
        let context = page.filter.context.clone();
        // An order's own name is its conversation, unless another one was named.
        let by_name = Uuid::try_parse(&context).ok().filter(|id| id.to_string() == context);
        let mut spoken = Spoken(by_name.into_iter().collect());
        let mut last: Option<Arc<Row>> = None;
        loop {
            let rows = self.marketplace.tasks(did, last.as_deref(), PAGE).await?;
            for row in &rows {
                let brief: Brief = serde_json::from_str(&row.body).unwrap_or_default();
                let is_meant = context.is_empty() || brief.context_id == context;
                match brief.own {
                    Some(own)
                        if is_meant && page.filter.takes(own.status.state, row.changed_at) =>
                    {
                        page.offer(row.changed_at, row.key.task, || Found::Own(row.clone()));
                    }
                    Some(_) => {}
                    None if context.is_empty() => {}
                    None if is_meant => drop(spoken.0.insert(row.key.task)),
                    None if brief.context_id.is_empty() => {}
                    None => drop(spoken.0.remove(&row.key.task)),
                }
            }
            if rows.len() < PAGE as usize {
                return Ok(spoken);
            }
            last = rows.last().cloned();
        }
    }

    async fn open_disputes(&self, did: &Did) -> Result<Open, A2aError> {
        let party = Some(did.clone());
        let mut filter = DisputeFilter { party, open_only: true, cursor: None, limit: PAGE };
        let mut open = Open::new();
        loop {
            let disputes = self.marketplace.disputes(&filter).await?;
            open.extend(disputes.items.iter().map(|view| {
                let dispute = view.dispute();
                (dispute.order, (dispute.id, view.docket.changed_at()))
            }));
            match disputes.next {
                Some(next) => filter.cursor = Some(next),
                None => return Ok(open),
            }
        }
    }

    async fn look_at_orders(
        &self,
        did: &Did,
        open: &Open,
        page: &mut Page,
    ) -> Result<(), A2aError> {
        for as_seller in [false, true] {
            for status in page.filter.statuses() {
                let (agent, status) = (did.clone(), *status);
                let mut filter =
                    OrderFilter { agent, as_seller, status, cursor: None, limit: PAGE };
                loop {
                    let orders = self.marketplace.orders(&filter).await?;
                    for view in orders.items {
                        page.offer_order(open, view);
                    }
                    match orders.next {
                        Some(next) => filter.cursor = Some(next),
                        None => break,
                    }
                }
            }
        }
        Ok(())
    }

    async fn look_at_spoken(
        &self,
        did: &Did,
        spoken: Spoken,
        open: &Open,
        page: &mut Page,
    ) -> Result<(), A2aError> {
        let ids: Vec<Uuid> = spoken.0.into_iter().collect();
        for ids in ids.chunks(PAGE as usize) {
            let names = ids.iter().copied().map(OrderId::new);
            let orders = self.marketplace.orders_named(names).await?;
            for view in orders.into_iter().filter(|view| view.order.role_of(did).is_some()) {
                page.offer_order(open, view);
            }
        }
        Ok(())
    }

    /// The tasks of the page, with what belongs to them read at once. Bytes of deliveries are read
    /// where they are wanted.
    async fn shown_page(
        &self,
        did: &Did,
        page: Page,
        open: &Open,
        request: &ListRequest,
    ) -> Result<Vec<Value>, A2aError> {
        let key = |order: &OrderView| TaskKey { task: order.order.id.uuid(), owner: did.clone() };
        let orders = page.found.values().filter_map(|found| match found {
            Found::Order(view) => Some(view),
            Found::Own(_) => None,
        });
        let notes = self.marketplace.tasks_named(orders.clone().map(key)).await?;
        let disputed = orders.filter_map(|view| open.get(&view.order.id)).map(|(id, _)| *id);
        let mut disputes = self.marketplace.disputes_named(disputed).await?;
        let mut tasks = Vec::with_capacity(page.found.len());
        for found in page.found.into_values() {
            let standing = match found {
                Found::Own(row) => Standing::own(&row, Kept::read(&row.body)),
                Found::Order(view) => {
                    let kept = notes.get(&key(&view)).map(|row| Kept::read(&row.body));
                    let bytes = match request.include_artifacts {
                        true => delivered(&self.marketplace, &view).await?,
                        false => None,
                    };
                    let is_its = |dispute: &mut _| about(dispute) == view.order.id;
                    let disputes = disputes.extract_if(.., is_its).collect();
                    Some(Whole { view, kept, bytes, disputes }.standing(did, self.us()))
                }
            };
            tasks.extend(standing.map(|standing| {
                shown_task(standing.task, request.history_length, request.include_artifacts)
            }));
        }
        Ok(tasks)
    }
}

fn about(dispute: &marketplace_engine::DisputeView) -> OrderId {
    dispute.dispute().order
}

fn shown_task(mut task: Task, length: Option<i64>, artifacts: bool) -> Value {
    // Checked before.
    let _ = shorten(&mut task, length);
    if !artifacts {
        task.artifacts.clear();
    }
    let mut shown = serde_json::to_value(task).unwrap_or_default();
    if let (true, Some(map)) = (artifacts, shown.as_object_mut()) {
        map.entry("artifacts").or_insert_with(|| json!([]));
    }
    shown
}
