//! Traits to the outside, the change set that a commit takes, and their errors.

mod identity;
mod registry;
mod teg;

pub use identity::{AccessToken, Identity, IdentityError, Proof};
pub use registry::{AgentRecord, Registration, Registry, RegistryError};
pub use teg::{
    HistoryCursor, HistoryPage, Teg, TegBalance, TegError, TegTransactionId, TegTransfer,
    TransferFee, TransferOrder,
};
