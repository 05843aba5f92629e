//! Measures commits through the port on a database of its own: purchases from balances, or whole
//! lifecycles (a purchase, then its completion).
//!
//! `cargo run --release -p marketplace-store-postgres --example postgres_speed -- url=postgres://…
//! [seconds=5] [batches=1,16,128] [clients=1,2,4] [what=purchases|lifecycles]`: the database is
//! migrated and filled further by every run.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use marketplace_escrow::{
    Actor, Command, Context, DeliveryInput, Order, OrderEvent, OrderTerms, apply, decide, posting,
};
use marketplace_fees::FeeSchedule;
use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_listings::{AcceptancePolicy, Listing, Offer, ServiceType, Terms};
use marketplace_money::{
    Amount, CommandId, Did, EntryId, EventId, Gaps, ListingId, OrderId, Reputation, Seconds,
    Timestamp,
};
use marketplace_ports::{
    Batch, Change, ChangeSet, CommitOutcome, Event, IdempotencyKey, IdempotencyRecord, Key,
    Snapshot, Store, Subject, Timer, TimerChange,
};
use marketplace_store_postgres::{Options, PostgresStore};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const BUYERS: usize = 1_000;
const SELLERS: usize = 100;

fn argument(name: &str, default: &str) -> String {
    let prefix = format!("{name}=");
    let found = std::env::args().find_map(|text| text.strip_prefix(&prefix).map(str::to_owned));
    found.unwrap_or_else(|| default.to_owned())
}

/// Names as long as real ones.
fn name(role: &str, number: usize) -> Outcome<Did> {
    Ok(format!("did:key:z6Mk{role}{number:0>43}").parse()?)
}

/// Who buys and sells, known to all clients.
struct Market {
    buyers: Vec<Did>,
    listings: Vec<Arc<Listing>>,
}

impl Market {
    /// A listing for each seller, tokens for each buyer.
    async fn found(store: &PostgresStore) -> Outcome<Self> {
        let now = store.now().await?;
        let mut market = Self { buyers: Vec::new(), listings: Vec::new() };
        let mut set = ChangeSet::default();
        for number in 0..SELLERS {
            let offer = Offer {
                service_type: ServiceType::Analysis,
                name: "Analysis of one data set".to_owned(),
                description: "Reads the data, writes a report.".to_owned(),
                price: Amount::from_avt(5),
                metadata: "{}".to_owned(),
                terms: Terms::default(),
            };
            let id = ListingId::new(Uuid::now_v7());
            let listing = Arc::new(Listing::create(id, name("Seller", number)?, offer, now)?);
            market.listings.push(Arc::clone(&listing));
            set.listings.push(Change { read: 0, row: listing });
        }
        for number in 0..BUYERS {
            let buyer = name("Buyer", number)?;
            let (from, to) = (Account::Teg, Account::Agent(buyer.clone()));
            let amount = Amount::from_avt(1_000_000);
            let draft = EntryDraft::transfer(EntryKind::Deposit, from, to, amount)?;
            set.entries.push(draft.named(EntryId::new(Uuid::now_v7())));
            market.buyers.push(buyer);
        }
        commit(store, Snapshot::default(), vec![(CommandId::new(Uuid::now_v7()), set)]).await?;
        Ok(market)
    }
}

async fn commit(
    store: &PostgresStore,
    snapshot: Snapshot,
    sets: Vec<(CommandId, ChangeSet)>,
) -> Outcome<()> {
    let batch = Batch { id: Uuid::now_v7(), snapshot, sets };
    let outcomes = store.commit(batch).await?;
    if outcomes.contains(&CommitOutcome::Conflict) {
        return Err("a conflict where there is nobody else".into());
    }
    Ok(())
}

/// One writer.
struct Client {
    store: Arc<PostgresStore>,
    market: Arc<Market>,
    figures: u64,
    open: Vec<OrderId>,
    load: Duration,
    commit: Duration,
    rounds: Vec<Duration>,
}

impl Client {
    /// The same figures in every run.
    fn below(&mut self, limit: usize) -> usize {
        self.figures = self.figures.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.figures >> 32).unwrap_or(0) % limit
    }

    /// Purchases, or as many completions of open orders as purchases; as the engine does it.
    async fn round(&mut self, size: usize, lifecycles: bool) -> Outcome<()> {
        let begun = Instant::now();
        let mut keys = HashSet::new();
        let (mut purchases, mut completions) = (Vec::new(), Vec::new());
        for index in 0..size {
            let turn = (index + self.rounds.len()).is_multiple_of(2);
            if !lifecycles || self.open.is_empty() || turn {
                let buyer = self.below(BUYERS);
                let listing = self.below(SELLERS);
                let buyer = self.market.buyers[buyer].clone();
                let listing = Arc::clone(&self.market.listings[listing]);
                keys.insert(Key::Listing(listing.id));
                keys.insert(Key::Balance(Account::Agent(buyer.clone())));
                let key = answer_key(&buyer);
                keys.insert(Key::Idempotency(key.clone()));
                purchases.push((buyer, listing, key));
            } else {
                let at = self.below(self.open.len());
                let id = self.open.swap_remove(at);
                keys.insert(Key::Order(id));
                completions.push(id);
            }
        }
        let view = self.store.load(&keys).await?;
        self.load += begun.elapsed();
        let mut sets = Vec::with_capacity(size);
        for (buyer, listing, key) in purchases {
            let order = place(buyer, &listing, view.now)?;
            if lifecycles {
                self.open.push(order.id);
            }
            let mut set = change(None, &order, &[OrderEvent::Funded { at: view.now }])?;
            set.reads.push((Key::Listing(listing.id), listing.version));
            let expires_at = view.now.plus(Seconds::from_hours(168));
            let reply = format!("{{\"order_id\":\"{}\",\"status\":\"success\"}}", order.id);
            set.idempotency =
                Some((key, IdempotencyRecord { body_sha256: [7; 32], reply, expires_at }));
            sets.push((CommandId::new(Uuid::now_v7()), set));
        }
        let delivery = Command::Deliver(DeliveryInput::Nothing { note: None });
        for id in completions {
            let order = view.orders.get(&id).ok_or("an order is gone")?;
            let context = Context { now: view.now, gaps: &view.gaps };
            let events = decide(order, Actor::Seller, &delivery, &context)?;
            sets.push((CommandId::new(Uuid::now_v7()), change(Some(order), order, &events)?));
        }
        let committed = Instant::now();
        commit(&self.store, view.snapshot, sets).await?;
        self.commit += committed.elapsed();
        self.rounds.push(begun.elapsed());
        Ok(())
    }
}

fn answer_key(caller: &Did) -> IdempotencyKey {
    let (route, key) = ("POST /api/v1/orders/create".to_owned(), Uuid::new_v4().to_string());
    IdempotencyKey { caller: caller.clone(), route, key }
}

fn place(buyer: Did, listing: &Listing, now: Timestamp) -> Outcome<Order> {
    let terms = &listing.offer.terms;
    let policy = Some(AcceptancePolicy::AutoOnDelivery);
    let price =
        FeeSchedule::ORIGINAL.price(listing.base_price(), terms.pricing, Reputation::UNKNOWN);
    let terms = OrderTerms::from_listing(terms, policy, Default::default());
    let id = OrderId::new(Uuid::now_v7());
    Ok(Order::place(id, buyer, listing, terms, price.ok_or("out of range")?, now))
}

/// The rows, money, facts and clock of what was decided.
fn change(before: Option<&Order>, stage: &Order, events: &[OrderEvent]) -> Outcome<ChangeSet> {
    let mut set = ChangeSet::default();
    let subject = Subject::Order(stage.id);
    let mut order = stage.clone();
    for event in events {
        if let Some(draft) = posting(&order, event)? {
            set.entries.push(draft.named(EntryId::new(Uuid::now_v7())));
        }
        order = apply(&order, std::slice::from_ref(event));
        set.events.push(Event {
            id: EventId::new(Uuid::now_v7()),
            subject,
            name: event.name(),
            audience: vec![order.buyer.clone(), order.seller.clone()],
            at: order.created_at,
            data: format!(
                "{{\"status\":\"{}\",\"phase\":\"{}\",\"total\":\"{}\"}}",
                order.status(),
                order.phase(),
                order.price.total
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

async fn measure(
    store: &Arc<PostgresStore>,
    market: &Arc<Market>,
    size: usize,
    clients: usize,
    lifecycles: bool,
    time: Duration,
) -> Outcome<()> {
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..clients {
        let mut client = Client {
            store: Arc::clone(store),
            market: Arc::clone(market),
            figures: 7 + number as u64 + u64::from(begun.elapsed().subsec_nanos()),
            open: Vec::new(),
            load: Duration::ZERO,
            commit: Duration::ZERO,
            rounds: Vec::new(),
        };
        tasks.spawn(async move {
            while begun.elapsed() < time {
                client.round(size, lifecycles).await?;
            }
            Outcome::Ok(client)
        });
    }
    let (mut load, mut commit, mut rounds) = (Duration::ZERO, Duration::ZERO, Vec::new());
    while let Some(client) = tasks.join_next().await {
        let client = client??;
        load += client.load;
        commit += client.commit;
        rounds.extend(client.rounds);
    }
    let wall = begun.elapsed();
    rounds.sort();
    let micros = |time: Duration| time.as_micros() / (rounds.len().max(1)) as u128;
    let percentile = |part: usize| rounds[(rounds.len() - 1) * part / 100].as_micros();
    println!(
        "{clients} clients, batches of {size:>3}: {:>6} commands/s; each batch: load {} µs, commit \
         {} µs, p50 {} µs, p99 {} µs",
        (rounds.len() * size) as u128 * 1_000_000 / wall.as_micros().max(1),
        micros(load),
        micros(commit),
        percentile(50),
        percentile(99),
    );
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let url = argument("url", "postgres://127.0.0.1/postgres");
    let lifecycles = argument("what", "purchases") == "lifecycles";
    let time = Duration::from_secs(argument("seconds", "5").parse()?);
    let options = Options { writers: 8, ..Options::default() };
    let store = Arc::new(PostgresStore::open(&url, options).await?);
    let market = Arc::new(Market::found(&store).await?);
    let numbers = |text: String| -> Outcome<Vec<usize>> {
        text.split(',').map(|number| number.parse().map_err(Into::into)).collect()
    };
    for clients in numbers(argument("clients", "1,2"))? {
        for size in numbers(argument("batches", "1,16,128"))? {
            measure(&store, &market, size, clients, lifecycles, time).await?;
        }
    }
    let settled = Instant::now();
    store.settle().await?;
    println!("all sealed {} ms after the last commit", settled.elapsed().as_millis());
    Ok(())
}
