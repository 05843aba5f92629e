//! What the readers of a stream are told of its events.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use marketplace_ports::{SealedEvent, Subject};
use marketplace_wire::EventBody;

use crate::shell::Shell;

/// Events whose words are remembered: readers hear of one within milliseconds of each other.
const REMEMBERED: usize = 64;
/// Between two hints to one reader.
const REST: Duration = Duration::from_secs(1);

/// The words of the newest events, written once for all who hear them.
#[derive(Debug, Default)]
pub(crate) struct Frames(Mutex<VecDeque<(u64, Bytes)>>);

impl Frames {
    fn of(&self, event: &SealedEvent) -> Bytes {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, words)) = known.iter().rev().find(|(at, _)| *at == event.position) {
            return words.clone();
        }
        let data = crate::answer::text(&EventBody::new(event));
        let words = frame(event.position, &event.name, &data);
        known.push_back((event.position, words.clone()));
        if known.len() > REMEMBERED {
            known.pop_front();
        }
        words
    }
}

/// Neither name nor data has a line break in it: names are ours, and JSON escapes them.
fn frame(position: u64, name: &str, data: &str) -> Bytes {
    format!("id: {position}\nevent: {name}\ndata: {data}\n\n").into()
}

/// How events are told.
pub(crate) enum Teller {
    /// Each of them, whole.
    Events(Shell),
    /// Only that the market moved, and not too often: for those who may not see what happened.
    Hints,
}

impl Teller {
    pub(crate) fn events(shell: &Shell) -> Self {
        Self::Events(shell.clone())
    }

    /// The words for events that come next, in order.
    pub(super) fn tell(&self, page: &[Arc<SealedEvent>]) -> Vec<Bytes> {
        match self {
            Self::Events(shell) => page.iter().map(|event| shell.frames.of(event)).collect(),
            Self::Hints => {
                let last = page.iter().rev().find(|event| moves_the_market(event));
                last.map(|event| frame(event.position, "market.changed", "{}"))
                    .into_iter()
                    .collect()
            }
        }
    }

    /// How long nothing more is said.
    pub(super) const fn rest(&self) -> Option<Duration> {
        match self {
            Self::Events(_) => None,
            Self::Hints => Some(REST),
        }
    }
}

const fn moves_the_market(event: &SealedEvent) -> bool {
    matches!(event.subject, Subject::Listing(_) | Subject::Order(_) | Subject::Dispute(_))
}
