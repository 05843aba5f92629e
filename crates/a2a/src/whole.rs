//! An order with everything that its task shows: for tasks, streams and notifications alike.

use std::sync::Arc;

use marketplace_engine::{DisputeView, Error, Marketplace, OrderView};
use marketplace_escrow::Content;
use marketplace_money::{Did, OrderId};
use marketplace_ports::{SealedEvent, Subject, TaskKey};

use crate::kept::Kept;
use crate::order_task::{self, Seen};
use crate::standing::Standing;
use crate::types::StreamResponse;

/// Who we are, for those who look at a task.
#[derive(Clone, Copy)]
pub(crate) struct Us<'a> {
    /// Ourselves.
    pub did: &'a Did,
    /// How others reach us.
    pub url: &'a str,
}

/// An order with everything that its task shows.
pub(crate) struct Whole {
    /// The order.
    pub view: OrderView,
    /// What is kept of its task.
    pub kept: Option<Kept>,
    /// What was handed over last, where it is shown.
    pub bytes: Option<Arc<[u8]>>,
    /// Oldest first.
    pub disputes: Vec<DisputeView>,
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

/// The disputes of an order. Who opens one changes the order: one that nobody changed has none.
async fn disputes(marketplace: &Marketplace, view: &OrderView) -> Result<Vec<DisputeView>, Error> {
    if view.order.version > 1 {
        return marketplace.disputes_of(view.order.id).await;
    }
    Ok(Vec::new())
}

fn subject(dispute: &DisputeView) -> Subject {
    Subject::Dispute(dispute.dispute().id)
}

impl Whole {
    /// With what belongs to an order that was read.
    pub(crate) async fn of(
        marketplace: &Marketplace,
        view: OrderView,
        kept: Option<Kept>,
    ) -> Result<Self, Error> {
        let bytes = delivered(marketplace, &view).await?;
        let disputes = disputes(marketplace, &view).await?;
        Ok(Self { view, kept, bytes, disputes })
    }

    /// What one of an order's parties is told of an event; nothing for anybody else.
    pub(crate) async fn news(
        marketplace: &Marketplace,
        (order, owner): (OrderId, &Did),
        event: &SealedEvent,
        us: Us<'_>,
    ) -> Result<Vec<StreamResponse>, Error> {
        let view = marketplace.order(order).await?;
        let Some(view) = view.filter(|view| view.order.role_of(owner).is_some()) else {
            return Ok(Vec::new());
        };
        let key = TaskKey { task: order.uuid(), owner: owner.clone() };
        let kept = marketplace.task(&key).await?.map(|row| Kept::read(&row.body));
        let bytes = match event.name.ends_with("delivered") {
            true => delivered(marketplace, &view).await?,
            false => None,
        };
        let disputes = disputes(marketplace, &view).await?;
        let meant = disputes.iter().find(|known| event.subject == subject(known));
        let dispute = meant.or(disputes.last());
        let kept = kept.as_ref();
        let seen = Seen { viewer: owner, receiver: us.did, exchange: us.url, kept, dispute };
        Ok(order_task::updates(event, &view, seen, bytes.as_ref()))
    }

    /// The task of one of the order's parties.
    pub(crate) fn standing(self, owner: &Did, us: Us<'_>) -> Standing {
        let (kept, dispute) = (self.kept.as_ref(), self.disputes.last());
        let seen = Seen { viewer: owner, receiver: us.did, exchange: us.url, kept, dispute };
        let task = order_task::task(&self.view, seen, self.bytes.as_ref());
        let changed_at = order_task::changed_at(&self.view.order, dispute);
        let version_of = |view: &DisputeView| (view.dispute().id, view.dispute().version);
        let order = &self.view.order;
        let kept = self.kept.unwrap_or_default();
        Standing {
            key: TaskKey { task: order.id.uuid(), owner: owner.clone() },
            task,
            order: Some(order.id),
            dialect: kept.dialect,
            pushes: kept.pushes,
            version: order.version,
            disputes: self.disputes.iter().map(version_of).collect(),
            changed_at,
        }
    }
}
