//! Rows as they come over the wire, for the statements of commits and of views.

use marketplace_store_rows::{
    AgentRow, ApiKeyRow, DepositRow, IdempotencyRow, JurorRow, ListingRow, MotionRow, OrderRow,
    ReviewsRow, TaskRow, TegRecordRow, WithdrawalRow,
};
use tokio_postgres::Row;

use crate::failure::Failure;
use marketplace_ports::StoreError;

/// A column by its place; another type than ours is somebody else's table.
pub(crate) fn column<'a, T>(row: &'a Row, index: usize) -> Result<T, Failure>
where
    T: tokio_postgres::types::FromSql<'a>,
{
    row.try_get(index).map_err(|error| Failure::Store(StoreError::Corrupt(error.to_string())))
}

/// A row of a table: its columns by their names in a SELECT, and the value made of them.
pub(crate) trait Found: Sized {
    /// The columns in the order in which [`Found::read`] reads them.
    const COLUMNS: &'static str;

    fn read(row: &Row) -> Result<Self, Failure>;
}

macro_rules! found {
    ($name:ident { $($column:ident),+ $(,)? }) => {
        impl Found for $name {
            const COLUMNS: &'static str = found!(@join $($column),+);

            fn read(row: &Row) -> Result<Self, Failure> {
                let mut places = 0..;
                let mut next = || places.next().unwrap_or_default();
                Ok(Self { $($column: found!(@get row, next(), $column),)+ })
            }
        }
    };
    (@join $first:ident $(, $column:ident)*) => {
        concat!(stringify!($first) $(, ", ", stringify!($column))*)
    };
    // Names of states are constants in the code and texts in the table.
    (@get $row:ident, $place:expr, status) => { column::<String>($row, $place)?.into() };
    (@get $row:ident, $place:expr, phase) => { column::<String>($row, $place)?.into() };
    (@get $row:ident, $place:expr, $column:ident) => { column($row, $place)? };
}

found!(OrderRow {
    id,
    version,
    buyer,
    seller,
    listing,
    status,
    phase,
    price,
    fee,
    total,
    escrow,
    created_at,
    service,
    terms,
    checks,
    state,
});
found!(ListingRow { id, version, provider, status, price, created_at, data });
found!(AgentRow {
    did,
    version,
    payout,
    payout_threshold,
    unfunded_orders,
    listings,
    reputation_milli,
    backing,
});
found!(WithdrawalRow { id, version, agent, amount, fee, held, at, sent_at, state, detail });
found!(DepositRow { id, version, agent, amount, at, state, detail });
found!(ApiKeyRow { sha256, version, agent, label, at, revoked_at });
found!(TaskRow { key, version, owner, changed_at, expires_at, body });
found!(TegRecordRow { id, version, state, entry, payer, amount, dust, memo, at, used_for });
found!(MotionRow { id, version, body });
found!(JurorRow { did, version, since, leaving, opted_out, benches, service_types });
found!(ReviewsRow {
    order_id,
    version,
    buyer,
    seller,
    closed_at,
    buyer_stars,
    buyer_text,
    buyer_at,
    seller_stars,
    seller_text,
    seller_at,
});
found!(IdempotencyRow { caller, route, key, body_sha256, reply, expires_at });
