//! Motions of the operators, as readers see them.

use std::sync::Arc;

use diesel::prelude::*;
use marketplace_ports::Motion;
use marketplace_store_rows::{MotionRow, id_text, tables};
use uuid::Uuid;

use crate::failure::Failure;

/// The motion of this id.
pub(crate) fn by_id(
    connection: &mut SqliteConnection,
    id: Uuid,
) -> Result<Option<Arc<Motion>>, Failure> {
    let found: Option<MotionRow> = tables::motions::table
        .find(id_text(id))
        .select(MotionRow::as_select())
        .first(connection)
        .optional()?;
    Ok(found.map(MotionRow::motion).transpose()?.map(Arc::new))
}

/// Motions below an id, greatest first.
pub(crate) fn before(
    connection: &mut SqliteConnection,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Arc<Motion>>, Failure> {
    use tables::motions::dsl;
    let mut query = dsl::motions
        .order(dsl::id.desc())
        .limit(limit.into())
        .select(MotionRow::as_select())
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(dsl::id.lt(id_text(before)));
    }
    let rows: Vec<MotionRow> = query.load(connection)?;
    rows.into_iter().map(|row| Ok(Arc::new(row.motion()?))).collect()
}
