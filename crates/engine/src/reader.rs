//! A reader of the feed: goes on from a position, and waits for what comes.

use std::sync::Arc;

use marketplace_money::{CommandId, Did, OrderId};
use marketplace_ports::{SealedEvent, Subject};
use tokio::sync::Notify;

use crate::dispute_events::disputed_order;
use crate::feed::{Feed, Known, Seat};
use crate::marketplace::Marketplace;
use crate::publish::Watch;
use crate::refusal::Error;

/// Events that are read at once from the store.
const PAGE: u32 = 200;

/// Which events a reader wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those that an agent may see.
    Agent(Did),
    /// Those of one order and of its disputes, found among the events of one of its parties, who see all of them. The
    /// party with the fewer events is the buyer.
    Order {
        /// Which.
        order: OrderId,
        /// Whose events to look through.
        party: Did,
    },
    /// Those of a task that is no order's, which its owner sees.
    Task {
        /// Which.
        task: CommandId,
        /// Whose.
        owner: Did,
    },
    /// All: for operators.
    Everything,
}

impl Scope {
    fn wants(&self, event: &SealedEvent) -> bool {
        match self {
            Self::Agent(did) => event.audience.contains(did),
            Self::Order { order, .. } => {
                event.subject == Subject::Order(*order) || disputed_order(event) == Some(*order)
            }
            Self::Task { task, .. } => event.subject == Subject::Command(*task),
            Self::Everything => true,
        }
    }

    fn party(&self) -> Option<&Did> {
        match self {
            Self::Agent(did) | Self::Order { party: did, .. } | Self::Task { owner: did, .. } => {
                Some(did)
            }
            Self::Everything => None,
        }
    }
}

/// Reads the feed from a position on. Any server goes on from any position.
pub struct FeedReader {
    marketplace: Marketplace,
    feed: Arc<Feed>,
    viewer: Did,
    /// Frozen when it began to read: then what let it in counts on.
    was_frozen: bool,
    scope: Scope,
    position: u64,
    notify: Arc<Notify>,
    // Held: dropping them ends the reading.
    _watch: Option<Watch>,
    _seat: Seat,
}

impl Marketplace {
    /// Reads the events of a scope after a position, or those to come. Nothing when this server
    /// holds as many streams of `viewer` as it may, or of all agents.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn read_feed(
        &self,
        viewer: &Did,
        scope: Scope,
        after: Option<u64>,
    ) -> Result<Option<FeedReader>, Error> {
        let publisher = &self.inner.publisher;
        let feed = publisher.feed.clone();
        let Some(seat) = feed.seat(viewer) else { return Ok(None) };
        let head = self.store().feed_head().await?;
        // A position that was never given would wait for ever.
        let position = after.map_or(head, |after| after.min(head));
        let watch = scope.party().map(|did| publisher.watch(did));
        let notify = watch.as_ref().map_or_else(|| feed.moved.clone(), |w| w.notify.clone());
        let marketplace = self.clone();
        Ok(Some(FeedReader {
            was_frozen: marketplace.is_frozen(viewer),
            viewer: viewer.clone(),
            marketplace,
            feed,
            scope,
            position,
            notify,
            _watch: watch,
            _seat: seat,
        }))
    }
}

impl Marketplace {
    /// Ends all streams of this server, those to come too: it stops, and their readers go on at
    /// another one.
    pub fn end_streams(&self) {
        self.inner.publisher.feed.end.cancel();
    }
}

impl FeedReader {
    /// Up to where it has read.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// The next events, at least one, in order; waits for them. Nothing when the server ends its
    /// streams, or the operators freeze the reader. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the store does not answer; it may be asked again.
    pub async fn next(&mut self) -> Result<Option<Vec<Arc<SealedEvent>>>, Error> {
        let end = self.feed.end.clone();
        let publisher = self.marketplace.inner.publisher.clone();
        loop {
            // Registered before looking, so that nothing falls between.
            let changed = publisher.in_force.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if !self.was_frozen && self.marketplace.is_frozen(&self.viewer) {
                return Ok(None);
            }
            tokio::select! {
                biased;
                () = end.cancelled() => return Ok(None),
                () = changed => {}
                events = self.some() => return events.map(Some),
            }
        }
    }

    async fn some(&mut self) -> Result<Vec<Arc<SealedEvent>>, Error> {
        loop {
            let notify = self.notify.clone();
            // Registered before looking, so that nothing falls between.
            let notified = notify.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            let (events, position, at_end) = self.look().await?;
            self.position = position;
            if !events.is_empty() {
                return Ok(events);
            }
            if at_end {
                notified.await;
            }
        }
    }

    /// What there is after our position, up to where it was looked, and whether that is the end.
    async fn look(&self) -> Result<(Vec<Arc<SealedEvent>>, u64, bool), Error> {
        match self.feed.after(self.position, |event| self.scope.wants(event)) {
            Known::All { events, head } => Ok((events, self.position.max(head), true)),
            Known::AskTheStore { head } => self.look_in_store(head).await,
        }
    }

    async fn look_in_store(&self, head: u64) -> Result<(Vec<Arc<SealedEvent>>, u64, bool), Error> {
        let store = self.marketplace.store();
        let page = match self.scope.party() {
            Some(did) => store.events_for(did, self.position, PAGE).await?,
            None => store.events_after(self.position, PAGE).await?,
        };
        let is_last = page.len() < PAGE as usize;
        let reached = page.last().map_or(self.position, |event| event.position);
        // Up to `head` all had their positions before we asked: there is nothing of ours between.
        let position = if is_last { reached.max(head) } else { reached };
        let wanted = page.into_iter().filter(|event| self.scope.wants(event));
        // Memory goes on from `head`, so there is more to look at.
        Ok((wanted.map(Arc::new).collect(), position, false))
    }
}
