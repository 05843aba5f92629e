//! A PostgreSQL database with any number of orders, loaded by COPY: rows as the store itself would
//! have written them, so that its audit finds nothing.

mod catalogue;
mod copy;
mod market;
mod rows;

pub use catalogue::{Catalogue, Question};
pub use market::{Size, load};
