//! What this process read and wrote lately. Others write too, so it may be outdated: whatever is
//! decided on it stands only if its commit stands, which looks at the rows themselves.

use std::collections::HashSet;
use std::mem::size_of;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use marketplace_escrow::Order;
use marketplace_ledger::Account;
use marketplace_listings::Listing;
use marketplace_money::{Amount, Did, Gaps, ListingId, OrderId, Timestamp};
use marketplace_ports::{Batch, ChangeSet, CommitOutcome, Key, Snapshot, View};
use marketplace_store_rows::Recent;

use crate::clock::StoreClock;

const MEBIBYTE: usize = 1 << 20;
/// What an entry of a map costs beside its content.
const ENTRY: usize = 96;
/// After this long the database's clock and our downtime are read again.
const FRESH: Duration = Duration::from_secs(1);

/// Rows as they were seen last, bounded in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    kept: Mutex<Kept>,
    snapshots: AtomicU64,
}

#[derive(Debug)]
struct Kept {
    orders: Recent<OrderId, Arc<Order>>,
    listings: Recent<ListingId, Arc<Listing>>,
    /// Of accounts that have a row.
    balances: Recent<Account, Amount>,
    /// What waits on agents that have one.
    exposures: Recent<Did, Amount>,
    heard: Option<Heard>,
}

/// What the database said of the time.
#[derive(Clone, Debug)]
struct Heard {
    at: Instant,
    now: Timestamp,
    gaps: Gaps,
}

impl Default for Memory {
    fn default() -> Self {
        let kept = Kept {
            orders: Recent::new(12 * MEBIBYTE, |_, order| {
                ENTRY + size_of::<Order>() + 512 + order.terms.checks.len()
            }),
            listings: Recent::new(8 * MEBIBYTE, |_, listing| {
                let offer = &listing.offer;
                let words = offer.name.len() + offer.description.len() + offer.metadata.len();
                ENTRY + size_of::<Listing>() + words + offer.terms.checks.len()
            }),
            balances: Recent::new(4 * MEBIBYTE, |_, _| ENTRY + 160),
            exposures: Recent::new(2 * MEBIBYTE, |_, _| ENTRY + 80),
            heard: None,
        };
        Self { kept: Mutex::new(kept), snapshots: AtomicU64::new(1) }
    }
}

impl Memory {
    fn with<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        work(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A name for a view.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.snapshots.fetch_add(1, Ordering::Relaxed))
    }

    /// A view was loaded; `sellers` are the balances of those who are paid when its orders end well.
    pub(crate) fn read(&self, view: &View, sellers: &[(Account, Amount)], begun: Instant) {
        self.with(|kept| {
            kept.heard = Some(Heard { at: begun, now: view.now, gaps: view.gaps.clone() });
            view.orders.values().for_each(|order| kept.see_order(order));
            view.listings.values().for_each(|listing| kept.see_listing(listing));
            let sellers = sellers.iter().map(|(account, amount)| (account, amount));
            for (account, amount) in view.balances.iter().chain(sellers) {
                kept.balances.put(account.clone(), *amount);
            }
            for (did, open) in &view.exposures {
                kept.exposures.put(did.clone(), *open);
            }
        });
    }

    /// A view of these keys, if all of it is remembered. Answers and nonces are taken for new: the
    /// commit finds those that are not.
    pub(crate) fn recall(
        &self,
        keys: &HashSet<Key>,
        clock: &StoreClock,
    ) -> Option<(View, Vec<(Account, Amount)>)> {
        let mut view = View { snapshot: self.snapshot(), ..View::default() };
        let mut sellers = Vec::new();
        let heard = self.with(|kept| {
            for key in keys {
                match key {
                    Key::Idempotency(_) | Key::Nonce(_) => {}
                    Key::Order(id) => {
                        let order = kept.orders.get(id)?.clone();
                        let seller = Account::Agent(order.seller.clone());
                        let balance = *kept.balances.get(&seller)?;
                        sellers.push((seller, balance));
                        view.orders.insert(*id, order);
                    }
                    Key::Listing(id) => {
                        view.listings.insert(*id, kept.listings.get(id)?.clone());
                    }
                    Key::Balance(account) => {
                        view.balances.insert(account.clone(), *kept.balances.get(account)?);
                        if let Account::Agent(did) = account {
                            view.exposures.insert(did.clone(), *kept.exposures.get(did)?);
                        }
                    }
                    _ => return None,
                }
            }
            kept.heard.clone().filter(|heard| heard.at.elapsed() < FRESH)
        })?;
        let passed = i64::try_from(heard.at.elapsed().as_micros()).unwrap_or(0);
        view.now = clock.tell(heard.now.micros().saturating_add(passed), None);
        view.gaps = heard.gaps;
        Some((view, sellers))
    }

    /// A batch is on its way: those who pay in it have less for others already.
    pub(crate) fn writing(&self, batch: &Batch) {
        self.with(|kept| {
            for (account, delta) in batch.sets.iter().flat_map(|(_, set)| set.balance_deltas()) {
                let known = kept.balances.get(&account).copied();
                match known.zip(delta).and_then(|(known, delta)| known.checked_add(delta)) {
                    Some(sum) => kept.balances.put(account, sum),
                    None => kept.balances.forget(&account),
                }
            }
            for change in batch.sets.iter().flat_map(|(_, set)| &set.exposures) {
                let known = kept.exposures.get(&change.seller).copied();
                match known.and_then(|known| known.checked_add(change.delta)) {
                    Some(open) => kept.exposures.put(change.seller.clone(), open),
                    None => kept.exposures.forget(&change.seller),
                }
            }
        });
    }

    /// A batch was written.
    pub(crate) fn wrote(&self, batch: &Batch) {
        self.with(|kept| {
            for (_, set) in &batch.sets {
                set.orders.iter().for_each(|change| kept.see_order(&change.row));
                set.listings.iter().for_each(|change| kept.see_listing(&change.row));
            }
        });
    }

    /// Nobody knows what became of a batch, or not all of it was written: what it touched is read
    /// again.
    pub(crate) fn forget(&self, batch: &Batch, outcomes: Option<&[CommitOutcome]>) {
        if outcomes.is_some_and(|all| all.iter().all(|one| *one == CommitOutcome::Committed)) {
            return self.wrote(batch);
        }
        self.with(|kept| {
            for key in batch.sets.iter().flat_map(|(_, set): &(_, ChangeSet)| set.keys()) {
                match key {
                    Key::Order(id) => kept.orders.forget(&id),
                    Key::Listing(id) => kept.listings.forget(&id),
                    Key::Balance(account) => {
                        kept.balances.forget(&account);
                        if let Account::Agent(did) = &account {
                            kept.exposures.forget(did);
                        }
                    }
                    _ => {}
                }
            }
        });
    }
}

impl Kept {
    fn see_order(&mut self, order: &Arc<Order>) {
        if self.orders.get(&order.id).is_none_or(|known| known.version < order.version) {
            self.orders.put(order.id, order.clone());
        }
    }

    fn see_listing(&mut self, listing: &Arc<Listing>) {
        if self.listings.get(&listing.id).is_none_or(|known| known.version < listing.version) {
            self.listings.put(listing.id, listing.clone());
        }
    }
}
