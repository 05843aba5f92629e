//! Traits to the outside, the change set that a commit takes, and their errors.

mod admission;
mod change;
mod fetch;
mod identity;
mod registry;
mod rows;
mod store;
mod teg;

pub use admission::{Current, RowWrite, Writes, admit};
pub use change::{Batch, Change, ChangeSet, CommitOutcome, CountChange, Key, Snapshot};
pub use fetch::{FetchError, Fetcher};
pub use identity::{AccessToken, Identity, IdentityError, Proof};
pub use registry::{AgentRecord, AgentTokens, Registration, Registry, RegistryError};
pub use rows::{
    Agent, Blob, Deposit, DepositState, Effect, EffectChange, EffectKind, Event, IdempotencyKey,
    IdempotencyRecord, Nonce, PayoutPolicy, SealedEvent, Subject, Timer, TimerChange, Withdrawal,
    WithdrawalState,
};
pub use store::{
    Audit, Lease, OrderFilter, Page, StatementLine, Store, StoreError, View, WalletSums,
};
pub use teg::{
    HistoryCursor, HistoryPage, Teg, TegBalance, TegError, TegTransactionId, TegTransfer,
    TransferFee, TransferOrder,
};
