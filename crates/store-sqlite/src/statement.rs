//! Statements that SQLite compiles once and that take many rows at a time.
//!
//! Diesel keeps the compiled form of typed inserts and selects, but compiles each update, upsert
//! and multi-row insert anew, which costs more than running it. The types here give each statement
//! a name in diesel's cache. Rows go in groups of sixteen: that halves the cost of a row.
//!
//! A row under a unique key is asked for by `get_result`, not by `first`: SQLite compiles a
//! statement with a bound LIMIT anew for each value.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sqlite::{Sqlite, SqliteConnection};

/// A row of an insert with many rows.
pub(crate) trait Insert: 'static {
    /// `INSERT OR FAIL INTO table (columns) VALUES `: a refusal ends the transaction, so that SQLite
    /// need not keep a journal to take back half a statement.
    const INTO: &'static str;
    /// What to do on conflict; may be empty.
    const THEN: &'static str;

    /// The values, in the order of the columns.
    fn values<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()>;
}

struct Rows<'a, R, const N: usize>(&'a [R; N]);

impl<R: Insert, const N: usize> QueryId for Rows<'_, R, N> {
    type QueryId = Rows<'static, R, N>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R: Insert, const N: usize> QueryFragment<Sqlite> for Rows<'_, R, N> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(R::INTO);
        for (index, row) in self.0.iter().enumerate() {
            out.push_sql(if index == 0 { "(" } else { ", (" });
            row.values(out.reborrow())?;
            out.push_sql(")");
        }
        out.push_sql(R::THEN);
        Ok(())
    }
}

impl<R, const N: usize> RunQueryDsl<SqliteConnection> for Rows<'_, R, N> {}

/// Inserts all rows, in order.
pub(crate) fn insert_all<R: Insert>(
    connection: &mut SqliteConnection,
    rows: &[R],
) -> QueryResult<()> {
    let (sixteens, rest) = rows.as_chunks::<16>();
    for group in sixteens {
        Rows(group).execute(connection)?;
    }
    let (fours, rest) = rest.as_chunks::<4>();
    for group in fours {
        Rows(group).execute(connection)?;
    }
    for row in rest {
        Rows(std::array::from_ref(row)).execute(connection)?;
    }
    Ok(())
}

/// Makes a type insertable: its table, its columns with the fields and SQL types of their values,
/// and what to do on conflict.
macro_rules! insert {
    (
        $row:ty => $table:literal
        { $column:literal: $($field:ident).+ as $type:ty
          $(, $columns:literal: $($fields:ident).+ as $types:ty)* $(,)? }
        $then:literal
    ) => {
        impl $crate::statement::Insert for $row {
            const INTO: &'static str =
                concat!("INSERT OR FAIL INTO ", $table, " (", $column $(, ", ", $columns)*, ") VALUES ");
            const THEN: &'static str = $then;

            fn values<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::sqlite::Sqlite>,
            ) -> diesel::QueryResult<()> {
                out.push_bind_param::<$type, _>(&self.$($field).+)?;
                $(
                    out.push_sql(", ");
                    out.push_bind_param::<$types, _>(&self.$($fields).+)?;
                )*
                Ok(())
            }
        }
    };
}
pub(crate) use insert;

/// Makes a type a statement: pieces of SQL, each followed by the value that comes after it.
macro_rules! statement {
    (
        $(#[$doc:meta])*
        $name:ident { $($bind:ident: $rust:ty),* $(,)? } =
        $($sql:literal $($field:ident).+ as $type:ty),+ $(,)?
    ) => {
        $(#[$doc])*
        pub(crate) struct $name<'a> { $(pub(crate) $bind: $rust),* }

        impl diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite> for $name<'_> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::sqlite::Sqlite>,
            ) -> diesel::QueryResult<()> {
                $(
                    out.push_sql($sql);
                    out.push_bind_param::<$type, _>(&self.$($field).+)?;
                )+
                Ok(())
            }
        }

        impl diesel::RunQueryDsl<diesel::sqlite::SqliteConnection> for $name<'_> {}
    };
}
pub(crate) use statement;
