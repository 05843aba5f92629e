//! Diesel tables and the mapping between rows and domain types.
//!
//! Domain crates derive no serde and know no database: what a column or a JSON text looks like is
//! said here, once for all SQL stores. Column types are portable: texts, 64-bit integers (amounts
//! in nano-AVT, times in microseconds since 1970) and bytes. The SQL itself is in the adapters.

mod answers;
mod audience;
mod error;
mod jobs;
mod journal;
mod listing;
mod order;
mod order_state;
mod party;
pub mod tables;
mod text;

pub use answers::{IdempotencyRow, NonceRow};
pub use error::RowError;
pub use jobs::{EffectRow, TimerRow};
pub use journal::{EventRow, PostingRow, postings_of};
pub use listing::ListingRow;
pub use order::{OrderChange, OrderRow};
pub use party::{AgentRow, DepositRow, WithdrawalRow, payout_at};
pub use text::{account_text, bytes32, count, from_count, id_text, subject_text};
