//! The hour's calls at the TEG, shared by all processes of one store: each takes a part of them at
//! a time, and says with the next what it made of it. The account's limit is one, however many
//! servers and workers there are.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use marketplace_money::{Seconds, Timestamp};
use marketplace_ports::{Lease, Store, StoreError};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::book::{Book, Kind};
use super::breaker::wait;
use super::budget::{HourlyLimits, Spent};

/// Where it is written who took what.
const NOTE: &str = "teg-calls";
/// Held by whoever changes the note, for a moment.
const RIGHT: &str = "teg-calls-note";
const MOMENT: Seconds = Seconds(10);
/// How often the right is asked for, and how long between.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);
/// A part that was taken may be used for so long; then what is left of it is for others.
pub(super) const USABLE: Seconds = Seconds(180);
/// Who was told that there is none does not ask the store again before this.
const REFUSED: Seconds = Seconds(10);

/// This process's part of one kind.
#[derive(Debug, Default)]
struct Held {
    part: Uuid,
    until: Option<Timestamp>,
    left: u32,
    made: u32,
    /// Until when there is none, and why.
    refused: Option<(Timestamp, Spent)>,
}

/// One process's share of what all may.
pub(super) struct Share {
    store: Arc<dyn Store>,
    limits: HourlyLimits,
    held: [Mutex<Held>; 2],
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Share {
    pub(super) fn new(store: Arc<dyn Store>, limits: HourlyLimits) -> Self {
        Self { store, limits, held: Default::default() }
    }

    /// Takes one call, at this time by our own clock, else says why it must wait.
    pub(super) async fn take(&self, kind: Kind, now: Timestamp) -> Result<(), Spent> {
        let mut held = self.held[kind as usize].lock().await;
        let is_usable = held.until.is_some_and(|until| now < until);
        if !is_usable || held.left == 0 {
            if let Some((until, spent)) = held.refused.as_ref().filter(|(until, _)| now < *until) {
                return Err(Spent { what: spent.what.clone(), wait: wait(*until, now) });
            }
            self.refill(&mut held, kind, now).await?;
        }
        held.left -= 1;
        held.made += 1;
        Ok(())
    }

    /// A call that was taken is not made.
    pub(super) async fn give_back(&self, kind: Kind) {
        let mut held = self.held[kind as usize].lock().await;
        // Of a part that is over it was told as made.
        if held.made > 0 {
            held.made -= 1;
            held.left += 1;
        }
    }

    async fn refill(&self, held: &mut Held, kind: Kind, now: Timestamp) -> Result<(), Spent> {
        let next = Uuid::new_v4();
        let granted = match self.exchange(held, kind, next).await {
            Ok(granted) => granted,
            Err(error) => {
                let what = format!("our budget at the TEG cannot be shared now: {error}");
                return Err(Spent { what, wait: Seconds(1) });
            }
        };
        // The old part is told, whatever came of the new one.
        *held = Held::default();
        match granted {
            Ok(left) => {
                *held = Held { part: next, until: Some(now.plus(USABLE)), left, ..Held::default() };
                Ok(())
            }
            Err(spent) => {
                held.refused = Some((now.plus(REFUSED.min(spent.wait)), spent.clone()));
                Err(spent)
            }
        }
    }

    /// Tells what was made of the old part and takes a new one, with nobody beside us.
    async fn exchange(
        &self,
        held: &Held,
        kind: Kind,
        next: Uuid,
    ) -> Result<Result<u32, Spent>, StoreError> {
        let lease = Lease { owner: next, duration: MOMENT };
        for _ in 0..TRIES {
            if !self.store.lease_job(RIGHT, lease).await? {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let done = self.write(held, kind, next).await;
            self.store.release_leases(next).await?;
            return done;
        }
        let spent = Spent { what: "others are at our budget at the TEG".into(), wait: Seconds(1) };
        Ok(Err(spent))
    }

    async fn write(
        &self,
        held: &Held,
        kind: Kind,
        next: Uuid,
    ) -> Result<Result<u32, Spent>, StoreError> {
        let now = self.store.now().await?;
        let mut book = Book::read(self.store.note(NOTE).await?.as_deref(), now);
        book.settle(held.part, held.made, now);
        let granted = book.grant(self.limits, kind, next, now);
        self.store.set_note(NOTE, &book.to_text()).await?;
        Ok(granted)
    }
}

#[cfg(test)]
mod tests {
    use marketplace_contract_kit::{ManualClock, MemoryStore};

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    struct Process {
        share: Share,
        clock: ManualClock,
    }

    impl Process {
        async fn take(&self, kind: Kind) -> bool {
            self.share.take(kind, self.clock.now()).await.is_ok()
        }

        /// How many it gets, at most.
        async fn takes(&self, kind: Kind, most: usize) -> usize {
            for taken in 0..most {
                if !self.take(kind).await {
                    return taken;
                }
            }
            most
        }
    }

    fn processes<const N: usize>(limits: HourlyLimits) -> (ManualClock, [Process; N]) {
        let clock = ManualClock::new(START);
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let process =
            |_| Process { share: Share::new(store.clone(), limits), clock: clock.clone() };
        (clock.clone(), std::array::from_fn(process))
    }

    #[tokio::test]
    async fn two_processes_make_no_more_calls_than_one_may() {
        let limits = HourlyLimits { requests: 100, transfers: 10 };
        let (clock, [a, b]) = processes(limits);
        let mut made = [0; 2];
        for kind in [Kind::Transfer, Kind::Read] {
            for process in [&a, &b, &a, &b] {
                made[kind as usize] += process.takes(kind, 7).await;
            }
            for process in [&a, &b] {
                made[kind as usize] += process.takes(kind, 1_000).await;
            }
        }
        assert_eq!(made, [90, 10], "all of them, and not one more");
        clock.advance(Seconds(3_600 + USABLE.0));
        assert_eq!(a.takes(Kind::Transfer, 5).await + b.takes(Kind::Transfer, 5).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_ask_at_once_do_not_take_the_same() {
        let (_, many) = processes::<6>(HourlyLimits { requests: 100, transfers: 0 });
        let each = many.iter().map(|process| process.takes(Kind::Read, 30));
        let taken: usize = futures::future::join_all(each).await.into_iter().sum();
        let mut rest = 0;
        for process in &many {
            rest += process.takes(Kind::Read, 100).await;
        }
        assert_eq!(taken + rest, 100);
    }

    #[tokio::test]
    async fn what_one_leaves_is_for_the_other() {
        let (clock, [idle, busy]) = processes(HourlyLimits { requests: 100, transfers: 0 });
        assert!(idle.take(Kind::Read).await);
        assert_eq!(busy.takes(Kind::Read, 1_000).await, 95, "a twentieth is the other's");
        clock.advance(USABLE);
        assert!(idle.take(Kind::Read).await, "it says that it made one call of five");
        assert_eq!(busy.takes(Kind::Read, 1_000).await, 3);
    }

    #[tokio::test]
    async fn beyond_half_of_the_hour_all_together_read_slowly() {
        let (clock, [a, b]) = processes(HourlyLimits { requests: 300, transfers: 20 });
        let both = async |kind| a.takes(kind, 1_000).await + b.takes(kind, 1_000).await;
        assert_eq!(both(Kind::Read).await, 150);
        assert_eq!(both(Kind::Transfer).await, 20, "they are not held up");
        let mut slowly = 0;
        for _ in 0..30 {
            clock.advance(Seconds(60));
            slowly += both(Kind::Read).await;
        }
        assert_eq!(slowly, 60, "two in a minute, a hundred-and-fiftieth");
    }
}
