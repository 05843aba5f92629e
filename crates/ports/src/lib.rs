//! Traits to the outside, the change set that a commit takes, and their errors.

mod admission;
mod api_key;
mod change;
mod courier;
mod dispute_store;
mod docket;
mod fetch;
mod identity;
mod limit;
mod motion;
mod notifier;
mod registry;
mod rows;
mod store;
mod task;
mod teg;
mod teg_record;

pub use admission::{Current, RowWrite, Writes, admit};
pub use api_key::ApiKey;
pub use change::{
    Batch, Change, ChangeSet, CommitOutcome, CountChange, ExposureChange, Key, Snapshot,
};
pub use courier::{Courier, Letter, PostError};
pub use dispute_store::DisputeStore;
pub use docket::{DisputeFilter, Docket, Exhibit, Juror};
pub use fetch::{FetchError, Fetcher};
pub use identity::{
    AccessToken, BoundTo, Identity, IdentityError, OurKeys, Proof, PublishedKey, Rotation,
    RotationError, Signed, Signer,
};
pub use limit::{Limiter, LimiterFigures, Quota, Taken};
pub use motion::{
    HouseRule, HouseRules, Motion, MotionAction, MotionApproval, MotionState, Resolution,
};
pub use notifier::{Notice, Notification, Notifier, NotifyError, Silence, UnknownNotice};
pub use registry::{AgentRecord, AgentTokens, Registration, Registry, RegistryError};
pub use rows::{
    Agent, Blob, Deposit, DepositState, Effect, EffectChange, EffectKind, Event, IdempotencyKey,
    IdempotencyRecord, Nonce, OrderReviews, PayoutPolicy, SealedEvent, Subject, Timer, TimerChange,
    Withdrawal, WithdrawalState,
};
pub use store::{
    Audit, DeadEffect, Dues, Lease, OrderFilter, Page, StatementLine, Store, StoreError, View,
    WalletSums,
};
pub use task::{Task, TaskKey};
pub use teg::{
    HistoryCursor, HistoryPage, Teg, TegBalance, TegError, TegTransactionId, TegTransfer,
    TransferFee, TransferOrder,
};
pub use teg_record::{
    LiabilitiesAt, Liability, LiabilitySink, TegPosition, TegRecord, TegRecordState,
};
