//! A notifier that remembers what it was told to say.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use marketplace_money::Did;
use marketplace_ports::{Notification, Notifier, NotifyError};

use crate::faults::lock;

#[derive(Debug, Default)]
struct Ear {
    reachable: BTreeSet<Did>,
    heard: Vec<Notification>,
    fails: Option<NotifyError>,
}

/// Reaches whom a test put in. Clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub struct FakeNotifier(Arc<Mutex<Ear>>);

impl FakeNotifier {
    /// Gives an agent an endpoint.
    pub fn reach(&self, agent: &Did) {
        lock(&self.0).reachable.insert(agent.clone());
    }

    /// Answers every message so until it is set back.
    pub fn fail(&self, error: Option<NotifyError>) {
        lock(&self.0).fails = error;
    }

    /// Everything that arrived, in order.
    #[must_use]
    pub fn heard(&self) -> Vec<Notification> {
        lock(&self.0).heard.clone()
    }
}

#[async_trait]
impl Notifier for FakeNotifier {
    fn may_reach(&self, agent: &Did) -> bool {
        lock(&self.0).reachable.contains(agent)
    }

    async fn notify(&self, notification: &Notification) -> Result<(), NotifyError> {
        let mut ear = lock(&self.0);
        if let Some(error) = &ear.fails {
            return Err(error.clone());
        }
        ear.heard.push(notification.clone());
        Ok(())
    }
}
