//! Tasks of agent protocols as rows.

use diesel::prelude::*;
use marketplace_money::Timestamp;
use marketplace_ports::{Task, TaskKey};
use uuid::Uuid;

use crate::text::Reader;
use crate::{RowError, count, from_count};

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = crate::tables::tasks)]
pub struct TaskRow {
    /// The task and its owner.
    pub key: String,
    /// From 1.
    pub version: i64,
    /// A DID.
    pub owner: String,
    /// In microseconds.
    pub changed_at: i64,
    /// In microseconds.
    pub expires_at: i64,
    /// JSON.
    pub body: String,
}

/// The key of a task as it is stored.
#[must_use]
pub fn task_text(key: &TaskKey) -> String {
    key.to_string()
}

impl TaskRow {
    /// When a task expires that is kept for ever.
    pub const FOR_EVER: i64 = Task::FOR_EVER.micros();

    /// The row of a task.
    #[must_use]
    pub fn new(task: &Task) -> Self {
        Self {
            key: task_text(&task.key),
            version: count(task.version),
            owner: task.key.owner.as_str().to_owned(),
            changed_at: task.changed_at.micros(),
            expires_at: task.expires_at.micros(),
            body: task.body.as_ref().to_owned(),
        }
    }

    /// The task of the row.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn task(self) -> Result<Task, RowError> {
        let reader = Reader { table: "tasks", id: &self.key };
        let id = self.key.split('/').next().and_then(|id| Uuid::try_parse(id).ok());
        let task = id.ok_or_else(|| reader.error("not a task"))?;
        Ok(Task {
            key: TaskKey { task, owner: reader.text(&self.owner)? },
            version: from_count(self.version),
            changed_at: Timestamp::from_micros(self.changed_at),
            expires_at: Timestamp::from_micros(self.expires_at),
            body: self.body.as_str().into(),
        })
    }
}

/// The query for tasks that are kept for ever, standing wishes of agents: of one owner or of all, by
/// key, after one of them. For the connection of either SQL store.
#[macro_export]
macro_rules! lasting_tasks {
    ($owner:expr, $after:expr, $limit:expr) => {{
        use $crate::tables::tasks::dsl;
        let limit: u32 = $limit;
        let mut query = dsl::tasks
            .filter(dsl::expires_at.eq($crate::TaskRow::FOR_EVER))
            .order(dsl::key)
            .limit(limit.into())
            .select($crate::TaskRow::as_select())
            .into_boxed();
        if let Some(owner) = $owner {
            query = query.filter(dsl::owner.eq(owner.as_str()));
        }
        if let Some(after) = $after {
            query = query.filter(dsl::key.gt($crate::task_text(after)));
        }
        query
    }};
}

/// The query for the tasks of an agent, those that changed last first, behind one of them. For the
/// connection of either SQL store.
#[macro_export]
macro_rules! owned_tasks {
    ($owner:expr, $after:expr, $limit:expr) => {{
        use $crate::tables::tasks::dsl;
        let limit: u32 = $limit;
        let mut query = dsl::tasks
            .filter(dsl::owner.eq($owner.as_str()))
            .order((dsl::changed_at.desc(), dsl::key))
            .limit(limit.into())
            .select($crate::TaskRow::as_select())
            .into_boxed();
        if let Some(after) = $after {
            use diesel::BoolExpressionMethods as _;
            let (at, key) = (after.changed_at.micros(), $crate::task_text(&after.key));
            // The first bound is what an index goes by.
            query = query
                .filter(dsl::changed_at.le(at))
                .filter(dsl::changed_at.lt(at).or(dsl::key.gt(key)));
        }
        query
    }};
}
