//! Following a task: first the task as it is, then what happens to it, in the order of the feed.

use std::collections::VecDeque;
use std::sync::Arc;

use marketplace_engine::FeedReader;
use marketplace_money::CommandId;
use marketplace_ports::{SealedEvent, Subject};

use crate::error::A2aError;
use crate::kept::TaskEvent;
use crate::order_task;
use crate::service::A2a;
use crate::standing::Standing;
use crate::types::{StreamResponse, TaskState};
use crate::whole::Whole;

/// When a stream ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// At the end of the task.
    End,
    /// There, and where somebody is waited for: who sent a message has its answer then.
    Interrupted,
}

/// One who follows a task.
pub(crate) struct Follower {
    standing: Standing,
    reader: Option<FeedReader>,
    until: Until,
    /// What comes before anything is read. With the place in the feed behind it, if it is an
    /// event's last word.
    waiting: VecDeque<Told>,
    over: bool,
}

/// What a follower is told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) position: Option<u64>,
    pub(crate) update: StreamResponse,
}

impl Follower {
    pub(crate) fn new(standing: Standing, reader: Option<FeedReader>, until: Until) -> Self {
        let update = StreamResponse::Task(Box::new(standing.task.clone()));
        let over = ends(until, standing.state()) || reader.is_none();
        let position = reader.as_ref().map(FeedReader::position);
        let waiting = VecDeque::from([Told { position, update }]);
        Self { standing, reader, until, waiting, over }
    }

    /// Everything that the reader reads is told: it knows where it was, and what it knows.
    pub(crate) fn tell_everything(&mut self) {
        self.standing.version = 0;
        self.standing.disputes.clear();
        if let Some(first) = self.waiting.front_mut() {
            first.position = None;
        }
    }

    /// When it ends.
    pub(crate) const fn until(&self) -> Until {
        self.until
    }

    /// How the task's maker speaks.
    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What comes next; nothing at the end.
    pub(crate) async fn next(&mut self, a2a: &A2a) -> Result<Option<Told>, A2aError> {
        loop {
            if let Some(told) = self.waiting.pop_front() {
                if told.update.state().is_some_and(|state| ends(self.until, state)) {
                    self.over = true;
                    self.waiting.clear();
                }
                return Ok(Some(told));
            }
            let Some(reader) = self.reader.as_mut().filter(|_| !self.over) else {
                return Ok(None);
            };
            let Some(events) = reader.next().await? else { return Ok(None) };
            for event in events {
                self.hear(a2a, &event).await?;
            }
        }
    }

    /// Whether an event of the order or of its dispute came before what we told first.
    fn knows(&self, event: &SealedEvent) -> bool {
        let version = order_task::version_after(event);
        match event.subject {
            Subject::Dispute(id) => {
                self.standing.disputes.iter().any(|(known, seen)| *known == id && version <= *seen)
            }
            _ => version <= self.standing.version,
        }
    }

    async fn hear(&mut self, a2a: &A2a, event: &Arc<SealedEvent>) -> Result<(), A2aError> {
        let updates = match (self.standing.order, event.subject) {
            (Some(order), _) if order_task::order_of(event) == Some(order) => {
                if self.knows(event) {
                    return Ok(());
                }
                let about = (order, &self.standing.key.owner);
                Whole::news(&a2a.marketplace, about, event, a2a.us()).await?
            }
            (None, Subject::Command(named)) if named == CommandId::new(self.standing.key.task) => {
                let Ok(told) = serde_json::from_str::<TaskEvent>(&event.data) else {
                    return Ok(());
                };
                if told.version <= self.standing.version {
                    return Ok(());
                }
                vec![told.update]
            }
            _ => return Ok(()),
        };
        let last = updates.len().saturating_sub(1);
        self.waiting.extend(
            updates.into_iter().enumerate().map(|(at, update)| Told {
                position: (at == last).then_some(event.position),
                update,
            }),
        );
        Ok(())
    }
}

/// Whether a stream ends in this state.
pub(crate) const fn ends(until: Until, state: TaskState) -> bool {
    let waits = state.is_interrupted() && matches!(until, Until::Interrupted);
    state.is_terminal() || waits
}
