//! Names that the seed determines, and who asked for them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use marketplace_engine::Ids;
use marketplace_money::{CommandId, Timestamp};
use uuid::Uuid;

use super::attempts::Cause;
use super::lock;
use super::rng::Rng;

tokio::task_local! {
    /// What the present request serves. The engine makes a command's id in the task of the request
    /// that it belongs to, so every commit can be traced to what a client wanted.
    pub(crate) static CAUSE: Cause;
}

/// Makes version 7 UUIDs from a seeded stream.
#[derive(Debug)]
pub(crate) struct SeededIds(Mutex<Stream>);

#[derive(Debug)]
struct Stream {
    rng: Rng,
    causes: BTreeMap<[u8; 15], Cause>,
}

/// The engine uses the last byte for what a command makes.
fn stem(id: Uuid) -> [u8; 15] {
    let mut stem = [0; 15];
    stem.copy_from_slice(&id.as_bytes()[..15]);
    stem
}

impl SeededIds {
    pub(crate) const fn new(rng: Rng) -> Self {
        Self(Mutex::new(Stream { rng, causes: BTreeMap::new() }))
    }

    /// The request that a command was for, if it was for one.
    pub(crate) fn cause(&self, command: CommandId) -> Option<Cause> {
        lock(&self.0).causes.get(&stem(command.uuid())).copied()
    }
}

impl Ids for SeededIds {
    fn fresh(&self, now: Timestamp) -> Uuid {
        let mut stream = lock(&self.0);
        let mut random = [0; 10];
        let numbers = [stream.rng.next(), stream.rng.next()].map(u64::to_be_bytes).concat();
        random.iter_mut().zip(numbers).for_each(|(byte, from)| *byte = from);
        let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        if let Ok(cause) = CAUSE.try_with(|cause| *cause) {
            stream.causes.insert(stem(id), cause);
        }
        id
    }
}
