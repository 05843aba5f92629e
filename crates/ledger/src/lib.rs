//! The double-entry journal: an entry balances or it does not exist.
//!
//! Sign convention: an account's balance is what we owe its owner (or hold for its purpose). The
//! one account that may be negative is [`Account::Teg`]: minus what the TEG holds for us.

mod account;
mod entry;
mod sum_tree;

pub use account::{Account, AccountError, FeeKind};
pub use entry::{Entry, EntryDraft, EntryError, EntryKind, Posting};
pub use sum_tree::{Hash, Leaf, Node, Step, SumTree, TreeError, check_path};
