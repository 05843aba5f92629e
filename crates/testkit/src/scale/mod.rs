//! A PostgreSQL database with any number of orders, loaded by COPY: rows as the store itself would
//! have written them, so that its audit finds nothing.

mod copy;
mod market;
mod rows;

pub use market::{Size, load};
