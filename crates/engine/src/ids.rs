//! Where ids come from: injected, so that the simulator owns chance.

use marketplace_money::{CommandId, Timestamp};
use uuid::Uuid;

/// Makes ids that are unique over all servers.
pub trait Ids: Send + Sync {
    /// A fresh UUID, ordered by time as far as possible.
    fn fresh(&self, now: Timestamp) -> Uuid;
}

/// Version 7 UUIDs: ordered by the time that is passed in, random below.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn fresh(&self, now: Timestamp) -> Uuid {
        let micros = u64::try_from(now.micros()).unwrap_or(0);
        let nanos = u32::try_from(micros % 1_000_000).unwrap_or(0) * 1_000;
        let context = uuid::NoContext;
        Uuid::new_v7(uuid::Timestamp::from_unix(context, micros / 1_000_000, nanos))
    }
}

/// The id of a command: its last byte is free for what the command makes, so that one id, made
/// before the first attempt, names everything in all attempts.
#[must_use]
pub(crate) fn command_id(ids: &dyn Ids, now: Timestamp) -> CommandId {
    CommandId::new(derived(ids.fresh(now), 0))
}

/// The `index`-th id that belongs to a command.
#[must_use]
pub(crate) fn derived(command: Uuid, index: u8) -> Uuid {
    let mut bytes = command.into_bytes();
    bytes[15] = index;
    Uuid::from_bytes(bytes)
}
