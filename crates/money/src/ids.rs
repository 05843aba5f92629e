//! Typed ids: an order's id is never taken for a listing's.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdError;

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not an id, write it like \"0197f3a2-7c1e-7aaa-8b1b-0242ac120002\"")
    }
}

impl std::error::Error for IdError {}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// From a UUID that the caller made.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::parse_str(text).map(Self).map_err(|_| IdError)
            }
        }
    )*};
}

ids! {
    /// Names a listing for ever, through all its versions.
    ListingId,
    /// Names an order and its escrow account.
    OrderId,
    /// Names a dispute and the account that holds its bonds.
    DisputeId,
    /// Names a journal entry.
    EntryId,
    /// Names an event.
    EventId,
    /// Names a withdrawal: its intent, its account in flight, and its key at the TEG.
    WithdrawalId,
    /// Names a deposit intent, and its key at the TEG.
    DepositId,
    /// Names one attempt of a caller to change something; made before the first try, kept in all.
    CommandId,
}
