//! A marketplace over the in-memory store and a TEG that can be told to fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use marketplace_contract_kit::{FakeFetcher, FakeTeg, ManualClock, MemoryStore};
use marketplace_engine::{
    Config, Done, Edges, Idempotency, Ids, Marketplace, OrderView, Pace, PurchaseRequest,
    RandomIds, Worker,
};
use marketplace_listings::{Listing, Offer, ServiceType, Terms};
use marketplace_money::{Amount, Did, Timestamp};
use marketplace_ports::{IdempotencyKey, Teg as _};
use uuid::Uuid;

pub(crate) struct Market {
    pub(crate) clock: ManualClock,
    pub(crate) teg: FakeTeg,
    pub(crate) fetcher: FakeFetcher,
    pub(crate) store: MemoryStore,
    pub(crate) marketplace: Marketplace,
    pub(crate) worker: Worker,
}

pub(crate) struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn fresh(&self, _now: Timestamp) -> Uuid {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Uuid::from_u128(u128::from(number) << 64)
    }
}

pub(crate) fn avt(text: &str) -> Amount {
    text.parse().unwrap()
}

pub(crate) fn did(name: &str) -> Did {
    format!("did:test:{name}").parse().unwrap()
}

pub(crate) fn offer(price: &str) -> Offer {
    Offer {
        service_type: ServiceType::DataProcessing,
        name: "CSV Analyzer".to_owned(),
        description: "Analyze CSV files".to_owned(),
        price: avt(price),
        metadata: r#"{"tags":["csv","tables"]}"#.to_owned(),
        terms: Terms::default(),
    }
}

pub(crate) fn fresh<R>(done: Done<R>) -> R {
    match done {
        Done::Fresh(reply) => reply,
        Done::Repeated(reply) => panic!("repeated: {reply}"),
    }
}

pub(crate) fn key<R: 'static>(
    caller: &Did,
    key: &str,
    body: u8,
    render: fn(&R) -> String,
) -> Idempotency<R> {
    let key = IdempotencyKey {
        caller: caller.clone(),
        route: "POST /test".to_owned(),
        key: key.to_owned(),
    };
    Idempotency { key, body_sha256: [body; 32], render: Arc::new(render) }
}

impl Market {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(crate) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let clock = ManualClock::new(Timestamp::from_micros(1_800_000_000_000_000));
        let us = did("marketplace");
        let store = MemoryStore::new(clock.clone());
        let teg = FakeTeg::new(us.clone(), clock.clone());
        teg.issue(&us, Amount::from_avt(2_000));
        let fetcher = FakeFetcher::default();
        let edges = Edges {
            store: Arc::new(store.clone()),
            teg: Arc::new(teg.clone()),
            fetcher: Arc::new(fetcher.clone()),
            notifier: Arc::new(marketplace_ports::Silence),
            ids: Arc::new(CountingIds(AtomicU64::new(0))),
        };
        // Tests trade more with one seller than strangers may; a test of the limit sets it.
        let mut config = Config { exposure_base: None, ..Config::original(us) };
        change(&mut config);
        let marketplace = Marketplace::start(config, edges);
        marketplace.open().await.unwrap();
        let worker = Worker::new(marketplace.clone(), Pace::default()).await.unwrap();
        for name in ["buyer", "seller", "other"] {
            teg.faucet(&did(name)).await.unwrap();
        }
        Self { clock, teg, fetcher, store, marketplace, worker }
    }

    /// Another server over the same store and the same TEG.
    pub(crate) async fn replica(&self) -> Marketplace {
        self.replica_with(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn replica_with(&self, change: impl FnOnce(&mut Config)) -> Marketplace {
        let edges = Edges {
            store: Arc::new(self.store.clone()),
            teg: Arc::new(self.teg.clone()),
            fetcher: Arc::new(self.fetcher.clone()),
            notifier: Arc::new(marketplace_ports::Silence),
            ids: Arc::new(RandomIds),
        };
        let mut config = self.marketplace.config().clone();
        change(&mut config);
        let replica = Marketplace::start(config, edges);
        replica.open().await.unwrap();
        replica
    }

    pub(crate) async fn list(&self, offer: Offer) -> Arc<Listing> {
        fresh(self.marketplace.list_service(&did("seller"), offer, None).await.unwrap())
    }

    pub(crate) async fn buy(&self, listing: &Listing) -> OrderView {
        let request = PurchaseRequest::of(listing.id);
        fresh(self.marketplace.purchase(&did("buyer"), request, None).await.unwrap())
    }

    pub(crate) async fn available(&self, name: &str) -> String {
        self.marketplace.wallet(&did(name)).await.unwrap().sums.available.to_string()
    }

    /// Works until nothing is left to do now.
    pub(crate) async fn settle(&mut self) {
        self.clock.advance(marketplace_money::Seconds(60));
        while self.worker.tick().await.unwrap().any() {}
    }

    /// The books balance, and the TEG holds what they say.
    pub(crate) async fn check(&self) {
        assert_eq!(self.marketplace.audit().await.unwrap().breaches(), Vec::<String>::new());
        let reserves = self.marketplace.reserves().await.unwrap();
        assert_eq!(reserves.held, reserves.booked);
        assert_eq!(self.teg.breaches(), Vec::<String>::new());
    }
}
