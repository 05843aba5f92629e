//! Measures commits of whole lifecycles (a purchase from a balance, then its completion) through
//! the port, and where the writer's time goes.
//!
//! `cargo run --release -p marketplace-store-sqlite --example store_speed -- [orders=0] [seconds=5]
//! [batches=1,16,128,256] [path=FILE] [audit=yes]`: fills the store with `orders` completed orders
//! first. A file that is named is kept, and goes on where it was.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use marketplace_escrow::{
    Actor, Command, Context, DeliveryInput, Order, OrderEvent, OrderTerms, apply, decide, posting,
};
use marketplace_fees::FeeSchedule;
use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_listings::{AcceptancePolicy, Listing, Offer, ServiceType, Terms};
use marketplace_money::{
    Amount, CommandId, Did, EntryId, EventId, Gaps, ListingId, OrderId, Reputation, Timestamp,
};
use marketplace_ports::{
    Batch, Change, ChangeSet, CommitOutcome, Event, Key, Store, Subject, Timer, TimerChange, View,
};
use marketplace_store_sqlite::SqliteStore;
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error>>;

const BUYERS: usize = 1_000;
const SELLERS: usize = 100;

fn argument(name: &str, default: &str) -> String {
    let prefix = format!("{name}=");
    let found = std::env::args().find_map(|text| text.strip_prefix(&prefix).map(str::to_owned));
    found.unwrap_or_else(|| default.to_owned())
}

/// Names as long as real ones.
fn names(role: &str, count: usize) -> Outcome<Vec<Did>> {
    let name = |number| format!("did:key:z6Mk{role}{number:0>43}").parse().map_err(Box::from);
    (0..count).map(name).collect()
}

/// The same figures in every run.
struct Figures(u64);

impl Figures {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.0 >> 16
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next()).unwrap_or(0) % limit
    }
}

struct Market {
    store: SqliteStore,
    figures: Figures,
    buyers: Vec<Did>,
    listings: Vec<Arc<Listing>>,
    open: Vec<OrderId>,
    load: Duration,
    decide: Duration,
    commit: Duration,
    slowest: Vec<Duration>,
}

impl Market {
    async fn open(path: &str) -> Outcome<Self> {
        let clock = || {
            let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_micros());
            Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
        };
        let store = SqliteStore::open(path, Arc::new(clock))?;
        let mut market = Self {
            store,
            figures: Figures(7),
            buyers: names("Buyer", BUYERS)?,
            listings: Vec::new(),
            open: Vec::new(),
            load: Duration::ZERO,
            decide: Duration::ZERO,
            commit: Duration::ZERO,
            slowest: Vec::new(),
        };
        market.found().await?;
        Ok(market)
    }

    /// A listing for each seller, tokens for each buyer.
    async fn found(&mut self) -> Outcome<()> {
        let now = self.store.now().await?;
        let mut set = ChangeSet::default();
        for seller in names("Seller", SELLERS)? {
            let offer = Offer {
                service_type: ServiceType::Analysis,
                name: "Analysis of one data set".to_owned(),
                description: "Reads the data, writes a report.".to_owned(),
                price: Amount::from_avt(5),
                metadata: "{}".to_owned(),
                terms: Terms::default(),
            };
            let listing = Arc::new(Listing::create(self.listing_id(), seller, offer, now)?);
            self.listings.push(Arc::clone(&listing));
            set.listings.push(Change { read: 0, row: listing });
        }
        for buyer in self.buyers.clone() {
            let (from, to) = (Account::Teg, Account::Agent(buyer));
            let amount = Amount::from_avt(100_000);
            let draft = EntryDraft::transfer(EntryKind::Deposit, from, to, amount)?;
            set.entries.push(draft.named(EntryId::new(self.id())));
        }
        let sets = vec![(CommandId::new(self.id()), set)];
        self.write(sets).await
    }

    fn id(&mut self) -> Uuid {
        let (high, low) = (self.figures.next(), self.figures.next());
        let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_millis());
        Uuid::from_u128(micros << 80 | 7 << 76 | u128::from(high & 0xfff) << 64 | u128::from(low))
    }

    fn listing_id(&mut self) -> ListingId {
        ListingId::new(self.id())
    }

    async fn view(&mut self, keys: &HashSet<Key>) -> Outcome<View> {
        let begun = Instant::now();
        let view = self.store.load(keys).await?;
        self.load += begun.elapsed();
        Ok(view)
    }

    async fn write(&mut self, sets: Vec<(CommandId, ChangeSet)>) -> Outcome<()> {
        let snapshot = self.view(&HashSet::new()).await?.snapshot;
        let batch = Batch { id: self.id(), snapshot, sets };
        let begun = Instant::now();
        let outcomes = self.store.commit(batch).await?;
        self.commit += begun.elapsed();
        if outcomes.contains(&CommitOutcome::Conflict) {
            return Err("a conflict where there is nobody else".into());
        }
        Ok(())
    }

    /// Half purchases, half completions of orders that are open; as the engine does it.
    async fn round(&mut self, size: usize, window: usize) -> Outcome<()> {
        let begun = Instant::now();
        let mut keys = HashSet::new();
        let mut purchases = Vec::new();
        let mut completions = Vec::new();
        for index in 0..size {
            let buy = self.open.len() <= window || (index + self.slowest.len()).is_multiple_of(2);
            if buy {
                let buyer = self.buyers[self.figures.below(BUYERS)].clone();
                let listing = Arc::clone(&self.listings[self.figures.below(SELLERS)]);
                keys.insert(Key::Listing(listing.id));
                keys.insert(Key::Balance(Account::Agent(buyer.clone())));
                purchases.push((buyer, listing));
            } else {
                let at = self.figures.below(self.open.len());
                let id = self.open.swap_remove(at);
                keys.insert(Key::Order(id));
                completions.push(id);
            }
        }
        let view = self.view(&keys).await?;
        let decided = Instant::now();
        let mut sets = Vec::with_capacity(size);
        let mut placed = Vec::with_capacity(purchases.len());
        for (buyer, listing) in purchases {
            let order = self.place(buyer, &listing, view.now)?;
            placed.push(order.id);
            let events = [OrderEvent::Funded { at: view.now }];
            let set = self.change(None, &order, &events)?;
            sets.push((CommandId::new(self.id()), set));
        }
        let delivery = Command::Deliver(DeliveryInput::Nothing { note: None });
        for id in completions {
            let order = view.orders.get(&id).ok_or("an order is gone")?;
            let context = Context { now: view.now, gaps: &view.gaps };
            let events = decide(order, Actor::Seller, &delivery, &context)?;
            let set = self.change(Some(order), order, &events)?;
            sets.push((CommandId::new(self.id()), set));
        }
        self.decide += decided.elapsed();
        let batch = Batch { id: self.id(), snapshot: view.snapshot, sets };
        let committed = Instant::now();
        let outcomes = self.store.commit(batch).await?;
        self.commit += committed.elapsed();
        if outcomes.contains(&CommitOutcome::Conflict) {
            return Err("a conflict where there is nobody else".into());
        }
        self.open.extend(placed);
        self.slowest.push(begun.elapsed());
        Ok(())
    }

    fn place(&mut self, buyer: Did, listing: &Listing, now: Timestamp) -> Outcome<Order> {
        let terms = &listing.offer.terms;
        let policy = Some(AcceptancePolicy::AutoOnDelivery);
        let price =
            FeeSchedule::ORIGINAL.price(listing.base_price(), terms.pricing, Reputation::UNKNOWN);
        let terms = OrderTerms::from_listing(terms, policy, Default::default());
        let id = OrderId::new(self.id());
        Ok(Order::place(id, buyer, listing, terms, price.ok_or("out of range")?, now))
    }

    /// The rows, money, facts and clock of what was decided.
    fn change(
        &mut self,
        before: Option<&Order>,
        stage: &Order,
        events: &[OrderEvent],
    ) -> Outcome<ChangeSet> {
        let mut set = ChangeSet::default();
        let subject = Subject::Order(stage.id);
        let mut order = stage.clone();
        for event in events {
            if let Some(draft) = posting(&order, event)? {
                set.entries.push(draft.named(EntryId::new(self.id())));
            }
            order = apply(&order, std::slice::from_ref(event));
            set.events.push(Event {
                id: EventId::new(self.id()),
                subject,
                name: event.name(),
                audience: vec![order.buyer.clone(), order.seller.clone()],
                at: order.created_at,
                data: format!(
                    "{{\"status\":\"{}\",\"phase\":\"{}\",\"total\":\"{}\",\"price\":\"{}\"}}",
                    order.status(),
                    order.phase(),
                    order.price.total,
                    order.price.price,
                ),
            });
        }
        order.version = before.map_or(1, |before| before.version + 1);
        match (before.and_then(Order::timer), order.timer()) {
            (_, Some(timer)) => set.timers.push(TimerChange::Set(Timer {
                subject,
                kind: timer.kind.name(),
                sequence: order.version,
                due: timer.deadline.effective(&Gaps::none()),
            })),
            (Some(old), None) => {
                set.timers.push(TimerChange::Clear { subject, kind: old.kind.name() });
            }
            (None, None) => {}
        }
        let read = before.map_or(0, |before| before.version);
        set.orders.push(Change { read, row: Arc::new(order) });
        Ok(set)
    }

    async fn measure(&mut self, size: usize, window: usize, time: Duration) -> Outcome<()> {
        (self.load, self.decide, self.commit) = Default::default();
        self.slowest.clear();
        let threads = ["store-writer", "store-keeper", "store_speed"];
        let before = threads.map(processor);
        let begun = Instant::now();
        let mut commands = 0;
        while begun.elapsed() < time {
            self.round(size, window).await?;
            commands += size;
        }
        let wall = begun.elapsed();
        self.slowest.sort();
        let percentile = |part: usize| self.slowest[(self.slowest.len() - 1) * part / 100];
        let each = |time: Duration| tenths(time.as_nanos() / commands.max(1) as u128, 100);
        let used = |index: usize| each(processor(threads[index]).saturating_sub(before[index]));
        let millis = |time: Duration| tenths(time.as_micros(), 100);
        println!(
            "batch {size:>3}: {:>6} commands/s, each {} µs (load {}, decide {}, commit {}); \
             processor: writer {}, keeper {}, caller {} µs; batches p50 {}, p99 {}, slowest {} ms",
            commands as u128 * 1_000_000 / wall.as_micros().max(1),
            each(wall),
            each(self.load),
            each(self.decide),
            each(self.commit),
            used(0),
            used(1),
            used(2),
            millis(percentile(50)),
            millis(percentile(99)),
            millis(percentile(100)),
        );
        Ok(())
    }
}

/// With one decimal: `unit` is a tenth of what is shown.
fn tenths(value: u128, unit: u128) -> String {
    let tenths = value / unit;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Processor time of a thread of this process so far, by its name.
fn processor(thread: &str) -> Duration {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |file| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        if read("comm").trim() == thread {
            let figures = read("schedstat");
            let first = figures.split_whitespace().next();
            nanoseconds += first.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Duration::from_nanos(nanoseconds)
}

/// Resident memory of this process, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) / 1_024
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let default = folder.path().join("speed.db").display().to_string();
    let orders: usize = argument("orders", "0").parse()?;
    let seconds: u64 = argument("seconds", "5").parse()?;
    let mut market = Market::open(&argument("path", &default)).await?;
    println!("empty store: {} MiB resident", resident());
    let begun = Instant::now();
    for _ in 0..orders * 2 / 1_024 {
        market.round(1_024, 512).await?;
    }
    if orders > 0 {
        let seconds = begun.elapsed().as_secs();
        println!("{orders} orders in {seconds} s, {} MiB resident", resident());
    }
    for size in argument("batches", "1,16,128,256").split(',') {
        let size: usize = size.parse()?;
        market.measure(size, size.max(64), Duration::from_secs(seconds)).await?;
    }
    println!("in the end: {} MiB resident", resident());
    if argument("audit", "yes") != "yes" {
        return Ok(());
    }
    let begun = Instant::now();
    let audit = market.store.audit().await?;
    println!(
        "audit of {} orders and {} postings: {} s, breaches: {:?}; {} MiB resident",
        audit.orders,
        audit.postings,
        tenths(begun.elapsed().as_millis(), 100),
        audit.breaches(),
        resident(),
    );
    Ok(())
}
