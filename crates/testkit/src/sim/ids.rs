//! Names that the seed determines.

use std::sync::{Mutex, PoisonError};

use marketplace_engine::Ids;
use marketplace_money::Timestamp;
use uuid::Uuid;

use super::rng::Rng;

/// Makes version 7 UUIDs from a seeded stream.
#[derive(Debug)]
pub(crate) struct SeededIds(Mutex<Rng>);

impl SeededIds {
    pub(crate) const fn new(rng: Rng) -> Self {
        Self(Mutex::new(rng))
    }
}

impl Ids for SeededIds {
    fn fresh(&self, now: Timestamp) -> Uuid {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut random = [0; 10];
        let numbers = [rng.next().to_be_bytes(), rng.next().to_be_bytes()].concat();
        random.iter_mut().zip(numbers).for_each(|(byte, from)| *byte = from);
        let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
