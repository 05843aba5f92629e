//! What is kept for ever beside tasks: standing wishes of agents.

use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use marketplace_money::Did;
use marketplace_ports::{Task, TaskKey};
use marketplace_store_rows::{TaskRow, tables, task_text};

use crate::failure::Failure;

/// By key, after one of them.
pub(crate) async fn tasks(
    connection: &mut AsyncPgConnection,
    owner: Option<&Did>,
    after: Option<&TaskKey>,
    limit: u32,
) -> Result<Vec<Arc<Task>>, Failure> {
    use tables::tasks::dsl;
    let mut query = dsl::tasks
        .filter(dsl::expires_at.eq(Task::FOR_EVER.micros()))
        .order(dsl::key)
        .limit(limit.into())
        .select(TaskRow::as_select())
        .into_boxed();
    if let Some(owner) = owner {
        query = query.filter(dsl::owner.eq(owner.as_str()));
    }
    if let Some(after) = after {
        query = query.filter(dsl::key.gt(task_text(after)));
    }
    let rows: Vec<TaskRow> = query.load(connection).await?;
    rows.into_iter().map(|row| Ok(Arc::new(row.task()?))).collect()
}
