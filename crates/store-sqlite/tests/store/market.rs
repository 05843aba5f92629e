//! A store in a temporary folder, and the commits that its tests make.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use marketplace_contract_kit::ManualClock;
use marketplace_escrow::{ExpiryPolicy, Order, OrderEvent, OrderTerms, apply, posting};
use marketplace_fees::FeeSchedule;
use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_listings::{AcceptancePolicy, Pricing};
use marketplace_money::{
    Amount, CommandId, Did, EntryId, EventId, Gaps, ListingId, OrderId, Reputation, Seconds,
};
use marketplace_ports::{
    Batch, Change, ChangeSet, CommitOutcome, Event, ExposureChange, Store, StoreError, Subject,
    Timer, TimerChange,
};
use marketplace_store_sqlite::{OpenError, SqliteStore};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) struct Market {
    // Dropped before its folder.
    pub(crate) store: Option<SqliteStore>,
    pub(crate) clock: ManualClock,
    pub(crate) folder: TempDir,
    last_id: u128,
}

pub(crate) fn did(name: &str) -> Did {
    format!("did:key:{name}").parse().unwrap()
}

impl Market {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut market =
            Self { store: None, clock: ManualClock::default(), folder, last_id: 1 << 100 };
        market.store = Some(market.open().unwrap());
        market
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("data").join("marketplace.db")
    }

    pub(crate) fn open(&self) -> Result<SqliteStore, OpenError> {
        self.open_at(self.path())
    }

    pub(crate) fn open_at(&self, path: PathBuf) -> Result<SqliteStore, OpenError> {
        let clock = self.clock.clone();
        SqliteStore::open(path, Arc::new(move || clock.now()))
    }

    pub(crate) fn store(&self) -> &SqliteStore {
        self.store.as_ref().unwrap()
    }

    pub(crate) fn close(&mut self) {
        self.store = None;
    }

    pub(crate) fn reopen(&mut self) {
        self.close();
        self.store = Some(self.open().unwrap());
    }

    /// Another connection to the file, as an operator's shell has it.
    pub(crate) fn shell(&self) -> SqliteConnection {
        let mut shell = SqliteConnection::establish(self.path().to_str().unwrap()).unwrap();
        shell.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
        shell
    }

    pub(crate) fn run(&self, sql: &str) -> QueryResult<()> {
        self.shell().batch_execute(sql)
    }

    pub(crate) fn count(&self, from: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        let query = diesel::sql_query(format!("SELECT COUNT(*) AS count FROM {from}"));
        query.get_result::<Count>(&mut self.shell()).unwrap().count
    }

    pub(crate) fn id(&mut self) -> Uuid {
        self.last_id += 1;
        Uuid::from_u128(self.last_id)
    }

    pub(crate) async fn try_commit(
        &mut self,
        sets: Vec<ChangeSet>,
    ) -> Result<Vec<CommitOutcome>, StoreError> {
        let snapshot = self.store().load(&HashSet::new()).await?.snapshot;
        let id = self.id();
        let sets = sets.into_iter().map(|set| (CommandId::new(self.id()), set)).collect();
        self.store().commit(Batch { id, snapshot, sets }).await
    }

    pub(crate) async fn write(&mut self, set: ChangeSet) {
        assert_eq!(self.try_commit(vec![set]).await, Ok(vec![CommitOutcome::Committed]));
    }

    pub(crate) fn deposit(&mut self, to: &Did, avt: i64) -> ChangeSet {
        let (from, to) = (Account::Teg, Account::Agent(to.clone()));
        let amount = Amount::from_avt(avt);
        let draft = EntryDraft::transfer(EntryKind::Deposit, from, to, amount).unwrap();
        ChangeSet { entries: vec![draft.named(EntryId::new(self.id()))], ..ChangeSet::default() }
    }

    /// A purchase from the buyer's balance, under executable checks.
    pub(crate) fn purchase(
        &mut self,
        buyer: &Did,
        seller: &Did,
        checks: &str,
    ) -> (OrderId, ChangeSet) {
        let now = self.clock.now();
        let price =
            FeeSchedule::ORIGINAL.price(Amount::from_avt(5), Pricing::Fixed, Reputation::UNKNOWN);
        let terms = OrderTerms {
            delivery: Seconds(3_600),
            revisions: 1,
            acceptance: AcceptancePolicy::Verified,
            checks: checks.into(),
            expiry: ExpiryPolicy::DeliveryGated,
            exclusive: false,
        };
        let placed = Order {
            id: OrderId::new(self.id()),
            version: 0,
            buyer: buyer.clone(),
            seller: seller.clone(),
            listing: ListingId::new(self.id()),
            listing_version: 1,
            service: "a service".into(),
            terms,
            price: price.unwrap(),
            created_at: now,
            state: marketplace_escrow::State::AwaitingFunds {
                payment: marketplace_money::Deadline::after(now, Order::PAYMENT_DUE),
            },
        };
        (placed.id, self.change(&placed, &[OrderEvent::Funded { at: now }]))
    }

    /// Closes an order in favour of its seller.
    pub(crate) async fn accept(&mut self, id: OrderId) -> ChangeSet {
        let order = self.store().order(id).await.unwrap().unwrap();
        let shares = order.price.split(order.price.price);
        let at = self.clock.now();
        let phase = marketplace_escrow::Phase::Accepted;
        self.change(&order, &[OrderEvent::Closed { phase, shares, at }])
    }

    fn change(&mut self, before: &Order, events: &[OrderEvent]) -> ChangeSet {
        let mut set = ChangeSet::default();
        let after = apply(before, events);
        let subject = Subject::Order(before.id);
        for event in events {
            let draft = posting(before, event).unwrap();
            set.entries.extend(draft.map(|draft| draft.named(EntryId::new(self.id()))));
            set.events.push(Event {
                id: EventId::new(self.id()),
                subject,
                name: event.name(),
                audience: vec![before.buyer.clone(), before.seller.clone()],
                at: self.clock.now(),
                data: "{}".to_owned(),
            });
        }
        set.timers.push(match after.timer() {
            Some(timer) => TimerChange::Set(Timer {
                subject,
                kind: timer.kind.name(),
                sequence: after.version,
                due: timer.deadline.effective(&Gaps::none()),
            }),
            None => TimerChange::Clear { subject, kind: "expiry" },
        });
        let delta = after.escrow().checked_sub(before.escrow()).unwrap();
        if !delta.is_zero() {
            let seller = after.seller.clone();
            set.exposures.push(ExposureChange { seller, delta, limit: None });
        }
        set.orders.push(Change { read: before.version, row: Arc::new(after) });
        set
    }

    /// A buyer with tokens, an open order and a completed one.
    pub(crate) async fn fill(&mut self) -> [OrderId; 2] {
        let (buyer, seller) = (did("buyer"), did("seller"));
        let deposit = self.deposit(&buyer, 100);
        self.write(deposit).await;
        let (first, set) = self.purchase(&buyer, &seller, "");
        self.write(set).await;
        let (second, set) = self.purchase(&buyer, &seller, "");
        self.write(set).await;
        let set = self.accept(second).await;
        self.write(set).await;
        [first, second]
    }

    pub(crate) async fn breaches(&self) -> Vec<String> {
        self.store().audit().await.unwrap().breaches()
    }
}
