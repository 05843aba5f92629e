//! Several servers and workers over one store.

use std::time::Duration;

use marketplace_contract_kit::TegFault;
use marketplace_engine::search::Query;
use marketplace_engine::{
    DeliveryContent, DeliveryRequest, EdgeStop, FeedReader, ListingChange, Marketplace, Pace,
    PurchaseRequest, Scope, Worker,
};
use marketplace_escrow::{OrderStatus, Phase};
use marketplace_money::Seconds;
use marketplace_ports::{Lease, OrderFilter, Store, Subject};
use tokio::time::Instant;

use crate::common::{Market, avt, did, fresh, offer};

fn found(market: &Marketplace) -> usize {
    market.search(&Query::default()).unwrap().total
}

/// Waits until it is so; fails after a second.
async fn within_a_second(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(1);
    while !what() {
        assert!(Instant::now() < deadline, "a second was not enough");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A second server that follows the feed.
async fn following(market: &Market) -> Marketplace {
    let replica = market.replica().await;
    let follower = replica.clone();
    tokio::spawn(async move { follower.follow(std::future::pending()).await });
    replica
}

fn selling() -> OrderFilter {
    OrderFilter { agent: did("seller"), as_seller: true, status: None, cursor: None, limit: 10 }
}

#[tokio::test(start_paused = true)]
async fn a_listing_of_one_server_is_found_at_the_other() {
    let market = Market::open().await;
    let other = following(&market).await;
    let listing = market.list(offer("5")).await;
    assert_eq!(found(&market.marketplace), 1, "at its own server at once");
    within_a_second(|| found(&other) == 1).await;
    let seller = did("seller");
    market
        .marketplace
        .change_listing(&seller, listing.id, ListingChange::Pause, None)
        .await
        .unwrap();
    within_a_second(|| found(&other) == 0).await;
    other.change_listing(&seller, listing.id, ListingChange::Resume, None).await.unwrap();
    assert_eq!(found(&other), 1);
}

#[tokio::test(start_paused = true)]
async fn a_seller_hears_at_one_server_of_a_purchase_at_the_other() {
    let market = Market::open().await;
    let other = following(&market).await;
    let listing = market.list(offer("5")).await;
    let started = Instant::now();
    let poll = tokio::spawn(async move {
        other.orders_or_wait(&selling(), Duration::from_secs(30)).await.unwrap()
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!poll.is_finished());
    let order = market.buy(&listing).await.order.id;
    let page = poll.await.unwrap();
    assert_eq!(page.items.iter().map(|view| view.order.id).collect::<Vec<_>>(), [order]);
    assert!(started.elapsed() < Duration::from_secs(3));
}

async fn worker(market: &Marketplace) -> Worker {
    Worker::new(market.clone(), Pace::default()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn two_workers_fire_each_timer_once() {
    let market = Market::open().await;
    let replica = market.replica().await;
    let listing = market.list(offer("5")).await;
    let mut orders = Vec::new();
    for _ in 0..30 {
        orders.push(market.buy(&listing).await.order.id);
    }
    market.clock.advance(Seconds::from_hours(25));
    let (mut one, mut two) = (worker(&market.marketplace).await, worker(&replica).await);
    let (first, second) = tokio::join!(one.tick(), two.tick());
    assert_eq!(first.unwrap().timers + second.unwrap().timers, 30);
    for order in orders {
        let view = replica.order(order).await.unwrap().unwrap();
        assert_eq!(view.order.status(), OrderStatus::Refunded);
        let events = market.store.events_after(0, 10_000).await.unwrap();
        let own = events.iter().filter(|event| event.subject == Subject::Order(order));
        let names: Vec<&str> = own.map(|event| event.name.as_str()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }
    market.check().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_worker_held_comes_back_after_its_lease() {
    let market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let order = market.buy(&listing).await.order.id;
    market.clock.advance(Seconds::from_hours(25));
    let dead = Lease { owner: uuid::Uuid::from_u128(1), duration: Seconds(30) };
    assert_eq!(market.store.lease_timers(dead, 10).await.unwrap().len(), 1);
    assert!(market.store.lease_job("mirror", dead).await.unwrap());
    let mut other = worker(&market.marketplace).await;
    assert_eq!(other.tick().await.unwrap().timers, 0);
    market.clock.advance(Seconds(31));
    assert_eq!(other.tick().await.unwrap().timers, 1);
    assert_eq!(other.tick().await.unwrap().timers, 0);
    assert_eq!(
        market.marketplace.order(order).await.unwrap().unwrap().order.status(),
        OrderStatus::Refunded
    );
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_gives_back_what_it_held() {
    let market = Market::open().await;
    let listing = market.list(offer("5")).await;
    market.buy(&listing).await;
    let first = worker(&market.marketplace).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(first.run(async move { drop(stopped.await) }));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let next = Lease { owner: uuid::Uuid::from_u128(1), duration: Seconds(30) };
    assert!(!market.store.lease_job("mirror", next).await.unwrap());
    stop.send(()).unwrap();
    running.await.unwrap();
    assert!(market.store.lease_job("mirror", next).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_teg_that_says_nothing_holds_up_nothing_else() {
    let market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let delivered = market.buy(&listing).await.order.id;
    let order = market.buy(&listing).await.order.id;
    let buyer = did("buyer");
    market.marketplace.deposit(&buyer, avt("20"), None).await.unwrap();
    market.marketplace.withdraw(&buyer, avt("10"), None).await.unwrap();
    market.teg.plan_faults(|point| match point.call {
        "history" | "balance" | "reputation" | "transfer" => TegFault::HangBefore,
        _ => TegFault::None,
    });
    let calls = || (market.teg.calls("history"), market.teg.calls("transfer"));
    let (looks, transfers) = calls();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = worker(&market.marketplace).await.run(async move { drop(stopped.await) });
    let running = tokio::spawn(running);
    let begun = Instant::now();
    while calls().0 == looks || calls().1 == transfers {
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody asks the TEG");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // A delivery is fetched, though a transfer that was taken before has no answer.
    market.fetcher.insert("https://example.org/work", b"work".to_vec());
    let work = DeliveryRequest {
        content: DeliveryContent::Uri("https://example.org/work".to_owned()),
        sha256: Some(<[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(b"work"))),
        ..DeliveryRequest::default()
    };
    market.marketplace.deliver(&did("seller"), delivered, work, None).await.unwrap();
    let due = Instant::now();
    while market.marketplace.order(delivered).await.unwrap().unwrap().order.phase()
        != Phase::Delivered
    {
        assert!(due.elapsed() < Duration::from_secs(10), "the delivery waits for the TEG");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    market.clock.advance(Seconds::from_hours(25));
    let due = Instant::now();
    while market.marketplace.order(order).await.unwrap().unwrap().order.status()
        != OrderStatus::Refunded
    {
        assert!(due.elapsed() < Duration::from_secs(10), "the deadline waits for the TEG");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.send(()).unwrap();
    running.await.unwrap();
}

/// A worker is no server: with all servers down, nobody can do a duty, and no clock ends.
#[tokio::test(start_paused = true)]
async fn no_timer_fires_while_all_servers_are_silent() {
    let market = Market::open().await;
    let server = uuid::Uuid::from_u128(7);
    let listing = market.list(offer("5")).await;
    let order = market.buy(&listing).await.order.id;
    market.store.heartbeat(server).await.unwrap();
    let mut worker = worker(&market.marketplace).await;
    market.clock.advance(Seconds::from_hours(25));
    assert_eq!(worker.tick().await.unwrap().timers, 0);
    // The first sign of life makes a gap of it: the order has its time again.
    market.store.heartbeat(server).await.unwrap();
    worker.tick().await.unwrap();
    let view = market.marketplace.order(order).await.unwrap().unwrap();
    assert_eq!(view.order.status(), OrderStatus::EscrowFunded);
}

async fn reader(market: &Marketplace, scope: Scope, after: Option<u64>) -> FeedReader {
    market.read_feed(&did("viewer"), scope, after).await.unwrap().expect("a seat")
}

/// Reads until `count` events are there; each has a position after the one before.
async fn read(reader: &mut FeedReader, count: usize) -> Vec<u64> {
    let mut positions = Vec::new();
    while positions.len() < count {
        let more = tokio::time::timeout(Duration::from_secs(60), reader.next()).await;
        let events = more.expect("events come").unwrap().expect("no end");
        assert!(!events.is_empty());
        positions.extend(events.iter().map(|event| event.position));
    }
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    assert_eq!(positions.len(), count);
    positions
}

#[tokio::test(start_paused = true)]
async fn a_reader_goes_on_at_any_server_without_holes_and_doubles() {
    let market = Market::open().await;
    let other = following(&market).await;
    let follower = market.marketplace.clone();
    tokio::spawn(async move { follower.follow(std::future::pending()).await });
    let listing = market.list(offer("0.01")).await;
    // Half of them before anybody reads, half of them while it does, at both servers.
    let buy = async |market: &Marketplace, count: usize| {
        for _ in 0..count {
            let request = PurchaseRequest::of(listing.id);
            fresh(market.purchase(&did("buyer"), request, None).await.unwrap());
            tokio::task::yield_now().await;
        }
    };
    buy(&market.marketplace, 150).await;
    buy(&other, 150).await;
    let own = |position: u64| Scope::Agent(did(if position == 0 { "buyer" } else { "seller" }));
    let mut live = reader(&market.marketplace, own(0), Some(0)).await;
    let (seen, ()) = tokio::join!(read(&mut live, 900), async {
        buy(&other, 75).await;
        buy(&market.marketplace, 75).await;
    });
    let all: Vec<u64> = market
        .store
        .events_for(&did("buyer"), 0, 10_000)
        .await
        .unwrap()
        .iter()
        .map(|event| event.position)
        .collect();
    assert_eq!(seen, all[..900]);
    // From any position, at the other server.
    for after in [0, 1, 399, 450, 898] {
        let mut resumed = reader(&other, own(0), Some(seen[after])).await;
        assert_eq!(read(&mut resumed, 899 - after).await, seen[after + 1..]);
    }
    // Without a position: only what comes.
    let mut later = reader(&other, own(1), None).await;
    let order = market.buy(&listing).await.order.id;
    let mut first = later.next().await.unwrap().expect("no end");
    assert_eq!(first.remove(0).subject, Subject::Order(order));
    // One order, found among its buyer's.
    let scope = Scope::Order { order, party: did("buyer") };
    let mut of_order = reader(&other, scope, Some(0)).await;
    let events = of_order.next().await.unwrap().expect("no end");
    assert!(events.iter().all(|event| event.subject == Subject::Order(order)));
    other.end_streams();
    assert!(of_order.next().await.unwrap().is_none());
}

/// Servers that leave the work to workers are told of the TEG's silence by them, and of its end by
/// whoever is answered first.
#[tokio::test(start_paused = true)]
async fn what_one_sees_of_the_tegs_silence_all_say() {
    let mut market = Market::open().await;
    let server = market.replica().await;
    let later = async || tokio::time::advance(Duration::from_secs(5)).await;
    let stops = async |market: &Market, server: &Marketplace| {
        (market.marketplace.edge_stop().await.unwrap(), server.edge_stop().await.unwrap())
    };
    let silent = || (Some(EdgeStop::Unreachable), Some(EdgeStop::Unreachable));
    market.marketplace.deposit(&did("buyer"), avt("20"), None).await.unwrap();
    for recovers_here in [true, false] {
        market.teg.plan_faults(|_| TegFault::UnavailableBefore);
        for _ in 0..6 {
            market.settle().await;
        }
        assert_eq!(stops(&market, &server).await, silent());
        assert_eq!(server.house().await.stop, Some(Some(EdgeStop::Unreachable)));
        market.teg.clear_faults();
        later().await;
        if recovers_here {
            market.settle().await;
        } else {
            server.reserves().await.unwrap();
        }
        assert_eq!(stops(&market, &server).await, (None, None));
    }
    // A pull is a call as any other.
    market.teg.plan_faults(|_| TegFault::UnavailableBefore);
    for _ in 0..5 {
        server.deposit(&did("buyer"), avt("1"), None).await.unwrap_err();
    }
    assert_eq!(stops(&market, &server).await, silent());
    // Who said so is gone, and nobody else calls.
    market.clock.advance(Seconds(299));
    assert_eq!(stops(&market, &server).await, silent());
    market.clock.advance(Seconds(1));
    assert_eq!(stops(&market, &server).await, (None, None));
}

/// While it lasts it is said again, and each call is not another write.
#[tokio::test(start_paused = true)]
async fn a_silence_that_lasts_does_not_end_by_itself() {
    let mut market = Market::open().await;
    let server = market.replica().await;
    market.teg.plan_faults(|_| TegFault::UnavailableBefore);
    for _ in 0..20 {
        market.settle().await;
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    assert_eq!(server.edge_stop().await.unwrap(), Some(EdgeStop::Unreachable));
}
