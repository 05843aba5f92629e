//! SQL with its binds, prepared once for each connection.
//!
//! Diesel's own `sql_query` is prepared anew at every call. This one is cached by its text, so the
//! text must be one of a few: what changes from call to call is a bind, and many values are one
//! bind, an array.

use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::prelude::QueryResult;
use diesel::query_builder::{AstPass, Query as DieselQuery, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Text};

#[derive(Debug)]
enum Bind {
    Text(String),
    Number(i64),
    Numbers(Vec<i64>),
    Bytes(Vec<u8>),
}

/// A statement whose rows have the columns `ST`.
#[derive(Debug)]
pub(crate) struct Query<ST> {
    sql: &'static str,
    binds: Vec<Bind>,
    columns: PhantomData<fn() -> ST>,
}

/// A statement with a `?` for each bind that follows.
pub(crate) const fn query<ST>(sql: &'static str) -> Query<ST> {
    Query { sql, binds: Vec::new(), columns: PhantomData }
}

impl<ST> Query<ST> {
    fn bind(mut self, bind: Bind) -> Self {
        self.binds.push(bind);
        self
    }

    pub(crate) fn text(self, value: impl Into<String>) -> Self {
        self.bind(Bind::Text(value.into()))
    }

    pub(crate) fn number(self, value: impl Into<i64>) -> Self {
        self.bind(Bind::Number(value.into()))
    }

    pub(crate) fn numbers(self, values: Vec<i64>) -> Self {
        self.bind(Bind::Numbers(values))
    }

    pub(crate) fn bytes(self, value: &[u8]) -> Self {
        self.bind(Bind::Bytes(value.to_vec()))
    }
}

impl<ST> QueryFragment<Pg> for Query<ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut pieces = self.sql.split('?');
        out.push_sql(pieces.next().unwrap_or_default());
        for (piece, bind) in pieces.zip(&self.binds) {
            match bind {
                Bind::Text(value) => out.push_bind_param::<Text, _>(value)?,
                Bind::Number(value) => out.push_bind_param::<BigInt, _>(value)?,
                Bind::Bytes(value) => out.push_bind_param::<Binary, _>(value)?,
                Bind::Numbers(values) => out.push_bind_param::<Array<BigInt>, _>(values)?,
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

impl<ST> QueryId for Query<ST> {
    type QueryId = ();
    // The text is built anew each time and compared: cheaper than a type for each statement.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> DieselQuery for Query<ST> {
    type SqlType = ST;
}
