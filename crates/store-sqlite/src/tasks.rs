//! Tasks of agent protocols, as readers see them, and how they are forgotten.

use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use marketplace_money::Did;
use marketplace_ports::{Task, TaskKey};
use marketplace_store_rows::{TaskRow, lasting_tasks, owned_tasks, tables, task_text};

use crate::failure::Failure;

/// What is kept of a task.
pub(crate) fn by_key(
    connection: &mut SqliteConnection,
    key: &TaskKey,
) -> Result<Option<Arc<Task>>, Failure> {
    let found: Option<TaskRow> = tables::tasks::table
        .find(task_text(key))
        .select(TaskRow::as_select())
        .first(connection)
        .optional()?;
    Ok(found.map(TaskRow::task).transpose()?.map(Arc::new))
}

/// The tasks of an agent, those that changed last first.
pub(crate) fn of_owner(
    connection: &mut SqliteConnection,
    owner: &Did,
    after: Option<&Task>,
    limit: u32,
) -> Result<Vec<Arc<Task>>, Failure> {
    let rows: Vec<TaskRow> = owned_tasks!(owner, after, limit).load(connection)?;
    rows.into_iter().map(|row| Ok(Arc::new(row.task()?))).collect()
}

/// What is kept for ever.
pub(crate) fn lasting(
    connection: &mut SqliteConnection,
    owner: Option<&Did>,
    after: Option<&TaskKey>,
    limit: u32,
) -> Result<Vec<Arc<Task>>, Failure> {
    let rows: Vec<TaskRow> = lasting_tasks!(owner, after, limit).load(connection)?;
    rows.into_iter().map(|row| Ok(Arc::new(row.task()?))).collect()
}

/// Forgets tasks whose time is over: twice as many as were written and a few more, so that the
/// table shrinks under any load.
pub(crate) fn forget(
    connection: &mut SqliteConnection,
    now: i64,
    written: usize,
) -> QueryResult<usize> {
    const A_FEW: usize = 16;
    let limit = i64::try_from(A_FEW + 2 * written).unwrap_or(i64::MAX);
    diesel::sql_query(
        "DELETE FROM tasks WHERE key IN
         (SELECT key FROM tasks WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
    )
    .bind::<BigInt, _>(now)
    .bind::<BigInt, _>(limit)
    .execute(connection)
}
