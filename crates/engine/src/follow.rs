//! One reader for each server follows the store's feed: what other servers committed wakes those
//! who wait here, and their listings are found here.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use marketplace_ports::{Key, SealedEvent, StoreError, Subject};

use crate::dealing::Dealing;
use crate::marketplace::Marketplace;
use crate::verbs::REPUTATION_CHANGED;

/// Events that are read at once.
const PAGE: u32 = 500;
/// A wake-up may be lost: this often the follower looks by itself.
const LOOK: Duration = Duration::from_millis(500);
/// After a store that does not answer.
const PAUSE: Duration = Duration::from_millis(250);

impl Marketplace {
    /// Follows the feed of the store until `stop` resolves. Each server runs one, or who waits at
    /// it hears only of its own commits.
    pub async fn follow(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        tokio::select! {
            biased;
            () = &mut stop => {}
            () = self.follow_for_ever() => {}
            () = self.follow_reputations() => {}
        }
    }

    async fn follow_for_ever(&self) {
        let feed = &self.inner.publisher.feed;
        // A server that starts has read the catalog after this place, which may be the beginning.
        let mut begun = self.inner.publisher.is_marked.load(Ordering::Acquire);
        loop {
            if !self.store().is_shared() {
                // Our own commits tell us everything; only streams need positions.
                while !feed.is_read() {
                    feed.wanted.notified().await;
                }
            }
            if let Err(error) = self.follow_while_wanted(&mut begun).await {
                tracing::warn!(%error, "the feed cannot be followed now");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn follow_while_wanted(&self, begun: &mut bool) -> Result<(), StoreError> {
        let (store, publisher) = (self.store(), &self.inner.publisher);
        if !*begun {
            publisher.feed.begin(store.feed_head().await?);
            *begun = true;
            // Who looked before we began would wait for what nobody tells any more.
            publisher.wake_everybody();
        }
        while store.is_shared() || publisher.feed.is_read() {
            let head = publisher.feed.head();
            let events = store.events_after(head, PAGE).await?;
            if events.is_empty() {
                let _ = tokio::time::timeout(LOOK, store.await_events(head)).await;
                continue;
            }
            if store.is_shared() {
                self.follow_catalog(&events).await?;
                if events.iter().any(|event| event.name.starts_with("operator.")) {
                    self.refresh_in_force().await?;
                }
                let ended = events.iter().filter_map(Dealing::of_event);
                ended.for_each(|dealing| publisher.learn(&dealing));
            }
            publisher.hear(events.into_iter().map(Arc::new).collect());
        }
        // Nobody reads: the next reader begins anew.
        *begun = false;
        Ok(())
    }

    /// Listings and standing that changed, as they are now: never older than their events.
    async fn follow_catalog(&self, events: &[SealedEvent]) -> Result<(), StoreError> {
        let mut keys: HashSet<Key> = HashSet::new();
        for event in events {
            match event.subject {
                Subject::Listing(id) => {
                    keys.insert(Key::Listing(id));
                    keys.extend(event.audience.iter().cloned().map(Key::Agent));
                }
                _ if event.name == REPUTATION_CHANGED => {
                    keys.extend(event.audience.iter().cloned().map(Key::Agent));
                }
                _ => {}
            }
        }
        if keys.is_empty() {
            return Ok(());
        }
        let view = self.store().load(&keys).await?;
        let catalog = &self.inner.publisher.catalog;
        for agent in view.agents.values() {
            catalog.set_reputation(&agent.did, agent.reputation);
        }
        for listing in view.listings.into_values() {
            self.inner.publisher.put(listing);
        }
        Ok(())
    }

    /// Before the catalog is read: what changes from here on, the follower tells.
    pub(crate) async fn mark_feed(&self) -> Result<(), StoreError> {
        let publisher = &self.inner.publisher;
        if self.store().is_shared() && !publisher.is_marked.load(Ordering::Acquire) {
            publisher.feed.begin(self.store().feed_head().await?);
            publisher.is_marked.store(true, Ordering::Release);
        }
        Ok(())
    }
}
