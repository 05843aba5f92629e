//! The newest events of the feed in this server's memory, and who reads them.
//!
//! Only what has a position is here: positions are given once and in order, so a reader that goes
//! on from the last one it saw misses nothing, at whichever server.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use marketplace_money::Did;
use marketplace_ports::SealedEvent;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Events in memory: the last second of a busy market. Who is further behind reads the store.
const KEPT: usize = 8_192;
/// Streams that one agent may hold at one server.
const STREAMS_OF_AN_AGENT: usize = 16;
/// Streams of all agents at one server.
const STREAMS: usize = 10_000;

#[derive(Default)]
struct Recent {
    /// Everything up to here was seen; nothing before the first look.
    head: u64,
    /// The last ones, without holes up to `head`.
    events: VecDeque<Arc<SealedEvent>>,
}

/// What memory knows of the events after a position.
pub(crate) enum Known {
    /// All of them, up to `head`.
    All { events: Vec<Arc<SealedEvent>>, head: u64 },
    /// Not all: the store has them, at least up to `head`.
    AskTheStore { head: u64 },
}

/// The newest events, and who reads them.
#[derive(Default)]
pub(crate) struct Feed {
    recent: RwLock<Recent>,
    /// Wakes those who read everything.
    pub(crate) moved: Arc<Notify>,
    readers: AtomicUsize,
    /// Wakes the follower of a store that needs one only while somebody reads.
    pub(crate) wanted: Notify,
    streams: Mutex<HashMap<Did, usize>>,
    /// Ends all streams.
    pub(crate) end: CancellationToken,
}

impl Feed {
    /// From now on events after `head` come.
    pub(crate) fn begin(&self, head: u64) {
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        *recent = Recent { head, events: VecDeque::new() };
    }

    pub(crate) fn head(&self) -> u64 {
        self.recent.read().unwrap_or_else(PoisonError::into_inner).head
    }

    /// The next ones, in order.
    pub(crate) fn push(&self, events: Vec<Arc<SealedEvent>>) {
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        recent.head = events.last().map_or(recent.head, |event| event.position);
        recent.events.extend(events);
        let surplus = recent.events.len().saturating_sub(KEPT);
        recent.events.drain(..surplus);
    }

    /// The events after a position that `wanted` wants.
    pub(crate) fn after(&self, position: u64, wanted: impl Fn(&SealedEvent) -> bool) -> Known {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let head = recent.head;
        if position < head {
            let first = recent.events.front().map_or(u64::MAX, |event| event.position);
            if first > position + 1 {
                return Known::AskTheStore { head };
            }
        }
        let begin = recent.events.partition_point(|event| event.position <= position);
        let later = recent.events.range(begin..).filter(|event| wanted(event));
        Known::All { events: later.cloned().collect(), head }
    }

    pub(crate) fn is_read(&self) -> bool {
        self.readers.load(Ordering::SeqCst) > 0
    }

    /// A place for one more stream of an agent, if there is one.
    pub(crate) fn seat(self: &Arc<Self>, agent: &Did) -> Option<Seat> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let own = streams.get(agent).copied().unwrap_or(0);
        if own >= STREAMS_OF_AN_AGENT || self.readers.load(Ordering::SeqCst) >= STREAMS {
            return None;
        }
        streams.insert(agent.clone(), own + 1);
        self.readers.fetch_add(1, Ordering::SeqCst);
        self.wanted.notify_one();
        Some(Seat { feed: self.clone(), agent: agent.clone() })
    }
}

/// A stream's place; free again when it is dropped.
pub(crate) struct Seat {
    feed: Arc<Feed>,
    agent: Did,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.feed.readers.fetch_sub(1, Ordering::SeqCst);
        let mut streams = self.feed.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = streams.get_mut(&self.agent) {
            *own -= 1;
            if *own == 0 {
                streams.remove(&self.agent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use marketplace_money::{CommandId, EventId, Timestamp};
    use marketplace_ports::Subject;
    use uuid::Uuid;

    use super::*;

    fn event(position: u64) -> Arc<SealedEvent> {
        Arc::new(SealedEvent {
            position,
            id: EventId::new(Uuid::from_u128(position.into())),
            subject: Subject::Command(CommandId::new(Uuid::nil())),
            name: "a".to_owned(),
            audience: Vec::new(),
            at: Timestamp::from_micros(0),
            data: "{}".to_owned(),
        })
    }

    fn shown(feed: &Feed, position: u64) -> Option<Vec<u64>> {
        match feed.after(position, |_| true) {
            Known::All { events, .. } => Some(events.iter().map(|event| event.position).collect()),
            Known::AskTheStore { .. } => None,
        }
    }

    #[test]
    fn memory_says_all_or_that_it_does_not_know() {
        let feed = Feed::default();
        feed.begin(10);
        assert_eq!(shown(&feed, 9), None);
        assert_eq!(shown(&feed, 10), Some(vec![]));
        assert_eq!(shown(&feed, 12), Some(vec![]), "the store was ahead of us");
        feed.push(vec![event(11), event(12)]);
        assert_eq!(shown(&feed, 9), None);
        assert_eq!(shown(&feed, 10), Some(vec![11, 12]));
        assert_eq!(shown(&feed, 11), Some(vec![12]));
        let last = 12 + u64::try_from(KEPT).unwrap();
        feed.push((13..=last).map(event).collect());
        assert_eq!(shown(&feed, 11), None);
        assert_eq!(shown(&feed, 12).map(|events| events.len()), Some(KEPT));
        assert_eq!(feed.head(), last);
    }

    #[test]
    fn an_agent_has_so_many_streams_and_gets_them_back() {
        let feed = Arc::new(Feed::default());
        let (a, b): (Did, Did) = ("did:key:a".parse().unwrap(), "did:key:b".parse().unwrap());
        let mut seats: Vec<Seat> =
            (0..STREAMS_OF_AN_AGENT).map(|_| feed.seat(&a).expect("a seat")).collect();
        assert!(feed.seat(&a).is_none());
        assert!(feed.seat(&b).is_some());
        seats.pop();
        assert!(feed.seat(&a).is_some());
        drop(seats);
        assert!(!feed.is_read());
    }
}
