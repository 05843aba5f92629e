//! Diesel tables and the mapping between rows and domain types.
//!
//! Domain crates derive no serde and know no database: what a column or a JSON text looks like is
//! said here, once for all SQL stores. Column types are portable: texts, 64-bit integers (amounts
//! in nano-AVT, times in microseconds since 1970) and bytes. The SQL itself is in the adapters.

mod answers;
mod api_key;
mod audience;
mod docket;
mod docket_text;
mod error;
mod jobs;
mod journal;
mod listing;
mod motion;
mod moving;
mod order;
mod order_state;
mod outcomes;
mod packet_text;
mod party;
mod recent;
mod recount;
mod reviews;
mod seal;
pub mod tables;
mod task;
mod teg_record;
mod text;

pub use answers::{IdempotencyRow, NonceRow};
pub use api_key::{ApiKeyRow, api_key_text};
pub use audience::audience_from_text;
pub use docket::{DisputeLogRow, DisputeRow, JurorRow, drafts_of};
pub use error::RowError;
pub use jobs::{EffectRow, TimerRow};
pub use journal::{EventRow, PostingRow, postings_of};
pub use listing::{ListingRow, page_of_listings};
pub use motion::MotionRow;
pub use moving::{MovingRows, MovingStep};
pub use order::{OrderChange, OrderRow};
pub use outcomes::{outcomes_from_text, outcomes_text};
pub use packet_text::{packet_from, packet_text};
pub use party::{AgentRow, DepositRow, WithdrawalRow, payout_at};
pub use recent::Recent;
pub use recount::Recount;
pub use reviews::{ReviewsRow, page_of_reviews};
pub use seal::{ChainLink, EventsDigest, PostingsDigest};
pub use task::{TaskRow, task_text};
pub use teg_record::TegRecordRow;
pub use text::{
    account_text, agent_of, bytes32, count, from_count, id_of, id_text, party_key, subject_text,
};
