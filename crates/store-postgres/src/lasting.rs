//! What is kept for ever beside tasks: standing wishes of agents.

use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use marketplace_money::Did;
use marketplace_ports::{Task, TaskKey};
use marketplace_store_rows::{TaskRow, lasting_tasks};

use crate::failure::Failure;

/// By key, after one of them.
pub(crate) async fn tasks(
    connection: &mut AsyncPgConnection,
    owner: Option<&Did>,
    after: Option<&TaskKey>,
    limit: u32,
) -> Result<Vec<Arc<Task>>, Failure> {
    let rows: Vec<TaskRow> = lasting_tasks!(owner, after, limit).load(connection).await?;
    rows.into_iter().map(|row| Ok(Arc::new(row.task()?))).collect()
}
