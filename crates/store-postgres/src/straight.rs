//! Commits without a look before: what a view showed is kept, and a commit that rests on nothing
//! else is written at once, in one statement that fails if anything of it has moved. So the view
//! may come from memory as well as from the database.
//!
//! Then, and for everything that is not plain trade, the commit looks and locks first (`lock`).

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use marketplace_ledger::Account;
use marketplace_money::{Amount, OrderId};
use marketplace_ports::{
    Batch, ChangeSet, CommitOutcome, Current, Key, Snapshot, StoreError, View, Writes, admit,
};
use marketplace_store_rows::{account_text, count, id_text, outcomes_text};

use crate::commit::PATIENCE;
use crate::draft::Draft;
use crate::failure::{Failure, Meaning};
use crate::lock::{BEGIN, Standing, StandingBalance};
use crate::memory::Memory;
use crate::rows::MOVE_LISTING_COUNT;
use crate::session::{Session, Writers};

/// Views that are remembered: more than there are commits on their way.
const MOST: usize = 32;
/// A commit that comes later looks again.
const FRESH: Duration = Duration::from_secs(2);
/// After a commit that failed so, this many look first; twice as many after the next one.
const CAREFUL: u32 = 4;
const MOST_CAREFUL: u32 = 256;

/// What a view showed of what a commit has to know.
pub(crate) struct Glance {
    at: i64,
    /// Until when we were down, the last time.
    last_gap: i64,
    current: Current,
    /// Accounts that have a row.
    accounts: HashSet<String>,
    seen: Instant,
}

impl Glance {
    fn of(view: &View, sellers: Vec<(Account, Amount)>) -> Self {
        let mut current = Current::from_view(view);
        current.balances.extend(sellers);
        Self {
            at: view.now.micros(),
            last_gap: view.gaps.as_slice().last().map_or(0, |gap| gap.until.micros()),
            accounts: current.balances.keys().map(account_text).collect(),
            current,
            seen: Instant::now(),
        }
    }

    fn has_balance(&self, account: &Account) -> bool {
        self.accounts.contains(&account_text(account))
    }

    /// Whether it saw everything that a set rests on. A set that writes more than orders, money and
    /// what follows from them is for those who look first: so is everything new here, unless its
    /// statement fails by itself when its row is not as it was seen.
    fn covers(&self, set: &ChangeSet, new: &HashSet<OrderId>) -> bool {
        let ChangeSet {
            reads,
            orders,
            listings,
            agents,
            withdrawals,
            deposits,
            api_keys,
            listing_count,
            entries: _,
            teg_records,
            motions,
            tasks,
            disputes,
            jurors,
            reviews,
            exposures,
            events: _,
            timers: _,
            effects: _,
            idempotency: _,
            nonce: _,
            blobs: _,
            exhibits,
        } = set;
        listings.is_empty()
            && agents.is_empty()
            && withdrawals.is_empty()
            && deposits.is_empty()
            && api_keys.is_empty()
            && teg_records.is_empty()
            && motions.is_empty()
            && tasks.is_empty()
            && disputes.is_empty()
            && jurors.is_empty()
            && reviews.is_empty()
            && exhibits.is_empty()
            && listing_count.is_none()
            && reads.iter().all(|(key, version)| matches!(key, Key::Listing(_)) && *version > 0)
            && orders.iter().all(|change| {
                new.contains(&change.row.id)
                    || self.current.versions.contains_key(&Key::Order(change.row.id))
            })
            && set.balance_deltas().iter().all(|(account, _)| self.has_balance(account))
            && exposures
                .iter()
                .all(|change| self.has_balance(&Account::Agent(change.seller.clone())))
    }
}

/// What the last views showed, and whether it is worth trying.
#[derive(Default)]
pub(crate) struct Glances {
    pub(crate) memory: Memory,
    kept: Mutex<VecDeque<(Snapshot, Glance)>>,
    /// Commits that look first, from now on.
    careful: AtomicU32,
    /// How many after the next failure.
    next: AtomicU32,
}

impl std::fmt::Debug for Glances {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Glances").field("careful", &self.careful).finish_non_exhaustive()
    }
}

impl Glances {
    /// Remembers what a view showed.
    pub(crate) fn keep(&self, view: &View, sellers: Vec<(Account, Amount)>) {
        let glance = Glance::of(view, sellers);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back((view.snapshot, glance));
    }

    /// What the view showed on which a batch was decided, if the batch may be written on it.
    fn of(&self, batch: &Batch) -> Option<Glance> {
        let glance = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let at = kept.iter().position(|(snapshot, _)| *snapshot == batch.snapshot)?;
            kept.remove(at)?.1
        };
        let less = |careful: u32| careful.checked_sub(1);
        if self.careful.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return None;
        }
        let is_fresh = glance.seen.elapsed() < FRESH;
        let orders = batch.sets.iter().flat_map(|(_, set)| &set.orders);
        let new = orders.filter(|change| change.read == 0).map(|change| change.row.id).collect();
        (is_fresh && batch.sets.iter().all(|(_, set)| glance.covers(set, &new))).then_some(glance)
    }

    fn worked(&self) {
        self.next.store(0, Ordering::Relaxed);
    }

    fn failed(&self) {
        let many = self.next.load(Ordering::Relaxed).clamp(CAREFUL, MOST_CAREFUL);
        self.careful.store(many, Ordering::Relaxed);
        self.next.store(many.saturating_mul(2), Ordering::Relaxed);
    }
}

/// Writes a batch on what its view showed; nothing when it has to look first.
pub(crate) async fn commit(
    writers: &Writers,
    glances: &Glances,
    batch: &Batch,
) -> Result<Option<Vec<CommitOutcome>>, StoreError> {
    let Some(glance) = glances.of(batch) else { return Ok(None) };
    let Glance { at, last_gap, current, accounts, .. } = glance;
    let outcomes = admit(current, &batch.sets);
    if outcomes.iter().any(|outcome| *outcome != CommitOutcome::Committed) {
        return Ok(None);
    }
    // That a balance has a row is all that is known of it for certain.
    let exists = StandingBalance { amount: 0, payout_at: None, exposure: 0 };
    let balances: HashMap<String, _> = accounts.into_iter().map(|name| (name, exists)).collect();
    let standing = Standing { current: Current::default(), balances, number: None, at };
    let writes = Writes::merge(batch.sets.clone(), &outcomes);
    let mut draft = Draft::new(id_text(batch.id), outcomes_text(&outcomes), writes, &standing)?;
    draft.whole.rely_on(relied(batch), last_gap);
    let mut session = writers.get().await?;
    let written = tokio::time::timeout(PATIENCE, write(&mut session, &draft)).await;
    match written {
        Ok(Ok(())) => {
            glances.worked();
            Ok(Some(outcomes))
        }
        Ok(Err(failure)) if failure.is_lost() => Err(StoreError::Unknown(failure.to_string())),
        Err(_) => Err(StoreError::Unknown("the database did not answer in time".to_owned())),
        Ok(Err(failure)) => {
            // Nothing was written. Whoever looks first finds out what is in the way.
            tracing::debug!(%failure, "a commit looks again");
            if matches!(failure.meaning(), Meaning::Refused | Meaning::Taken | Meaning::Again) {
                glances.failed();
            }
            if let Err(failure) = session.rollback().await {
                tracing::debug!(%failure, "a connection is not used again");
            }
            Ok(None)
        }
    }
}

/// Listings that the sets rely on.
fn relied(batch: &Batch) -> BTreeMap<String, i64> {
    let reads = batch.sets.iter().flat_map(|(_, set)| &set.reads);
    let listings = reads.filter_map(|(key, version)| match key {
        Key::Listing(id) => Some((id_text(id.uuid()), count(*version))),
        _ => None,
    });
    listings.collect()
}

async fn write(session: &mut Session, draft: &Draft) -> Result<(), Failure> {
    let others = draft.statements();
    let texts = others.iter().map(|(text, _)| *text);
    session.prepare([draft.whole.text(), MOVE_LISTING_COUNT].into_iter().chain(texts)).await?;
    let is_alone = others.is_empty();
    let mut pipeline = if is_alone { session.alone() } else { session.begin(BEGIN) };
    pipeline.change(draft.whole.text(), draft.whole.params())?;
    for (text, rows) in &others {
        pipeline.change(text, rows.params())?;
    }
    if !is_alone {
        pipeline.simple("COMMIT");
    }
    pipeline.run().await?;
    session.ended();
    Ok(())
}
