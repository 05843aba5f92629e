//! Tasks of agent protocols: what is kept of them, and their place beside orders.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use marketplace_money::Did;
use marketplace_ports::{Key, Task, TaskKey};

use crate::beside::{Beside, Jot};
use crate::desk::Desk;
use crate::job::Done;
use crate::marketplace::Marketplace;
use crate::refusal::Error;
use crate::verbs::{Amend, KeepTask, keep_task};

impl Marketplace {
    /// What is kept of a task.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn task(&self, key: &TaskKey) -> Result<Option<Arc<Task>>, Error> {
        Ok(self.store().task(key).await?)
    }

    /// An agent's tasks that are kept, those that changed last first, behind one of them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tasks(
        &self,
        owner: &Did,
        after: Option<&Task>,
        limit: u32,
    ) -> Result<Vec<Arc<Task>>, Error> {
        Ok(self.store().tasks(owner, after, limit).await?)
    }

    /// Those of these tasks that are kept, read at once.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tasks_named(
        &self,
        keys: impl IntoIterator<Item = TaskKey>,
    ) -> Result<HashMap<TaskKey, Arc<Task>>, Error> {
        let keys: HashSet<Key> = keys.into_iter().map(Key::Task).collect();
        Ok(if keys.is_empty() { HashMap::new() } else { self.store().load(&keys).await?.tasks })
    }

    /// Changes what is kept of a task, in a commit of its own.
    ///
    /// # Errors
    /// What `amend` refuses.
    pub async fn keep_task(&self, key: TaskKey, amend: Amend) -> Result<Arc<Task>, Error> {
        match self.execute(KeepTask { key, amend }, None).await? {
            Done::Fresh(task) => Ok(task),
            Done::Repeated(_) => Err(Error::Fault("a task has no idempotency key".to_owned())),
        }
    }
}

impl Beside {
    /// Adds a note on a task whose name is known: that of an order that stands.
    #[must_use]
    pub fn with_task(mut self, key: TaskKey, amend: Amend) -> Self {
        self.keys.push(Key::Task(key.clone()));
        self.jot = Some(note(move |_| Some(key.clone()), amend));
        self
    }

    /// Adds a note on the task of the order that the command makes.
    #[must_use]
    pub fn with_new_order(mut self, owner: Did, amend: Amend) -> Self {
        let key = move |desk: &Desk<'_>| {
            let order = desk.written_order()?;
            Some(TaskKey { task: order.id.uuid(), owner: owner.clone() })
        };
        self.jot = Some(note(key, amend));
        self
    }
}

fn note(key: impl Fn(&Desk<'_>) -> Option<TaskKey> + Send + Sync + 'static, amend: Amend) -> Jot {
    Arc::new(move |desk| {
        // A note that cannot be made does not hold up the command that it is about.
        if let Some(key) = key(desk)
            && let Err(refusal) = keep_task(desk, &key, &amend)
        {
            tracing::debug!(%refusal, "nothing is noted of a task");
        }
    })
}
