//! The main job, its exits, and what must not happen, over the in-memory store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;
mod replicas;

use common::{Market, avt, did, fresh, key, offer};
use marketplace_engine::{
    DeliveryContent, DeliveryRequest, Done, Error, ListingChange, MoveCollateral, Payment,
    PurchaseRequest, Refusal, Transfer,
};
use marketplace_escrow::{Command, OrderRefusal, OrderStatus, Phase};
use marketplace_fees::Expectation;
use marketplace_listings::{AcceptancePolicy, OfferEdit};
use marketplace_money::{Amount, Seconds};
use marketplace_ports::{OrderFilter, PayoutPolicy, TransferOrder};

fn refused<R: std::fmt::Debug>(result: Result<R, Error>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn inline(bytes: &[u8]) -> DeliveryRequest {
    let content = DeliveryContent::Inline(bytes.to_vec());
    DeliveryRequest { content, ..DeliveryRequest::default() }
}

#[tokio::test]
async fn the_originals_scenario() {
    let mut market = Market::open().await;
    let listing = market.list(offer("5.0")).await;
    let request = PurchaseRequest {
        acceptance: Some(AcceptancePolicy::AutoOnDelivery),
        ..PurchaseRequest::of(listing.id)
    };
    let bought = market.marketplace.purchase(&did("buyer"), request, None).await.unwrap();
    let order = fresh(bought).order;
    assert_eq!(order.status(), OrderStatus::EscrowFunded);
    assert_eq!(order.price.total, avt("5.125"));
    let done = market
        .marketplace
        .complete(&did("seller"), order.id, DeliveryRequest::default(), None)
        .await
        .unwrap();
    assert_eq!(fresh(done).order.status(), OrderStatus::Completed);
    assert_eq!(market.available("seller").await, "5");
    assert_eq!(market.available("buyer").await, "0");
    market.settle().await;
    market.check().await;
    let totals = market.marketplace.audit().await.unwrap().totals;
    let of = |name: &str| totals.iter().find(|(n, _)| n == name).map(|(_, a)| a.to_string());
    assert_eq!(of("fees:listing").as_deref(), Some("0.1"));
    assert_eq!(of("fees:transaction").as_deref(), Some("0.125"));
}

#[tokio::test]
async fn the_provider_alone_does_not_get_the_money() {
    let mut market = Market::open().await;
    let order = market.buy(&*market.list(offer("5")).await).await.order;
    let seller = did("seller");
    let nothing = DeliveryRequest::default();
    let refusal = refused(market.marketplace.complete(&seller, order.id, nothing, None).await);
    assert_eq!(refusal, Refusal::Order(OrderRefusal::ContentRequired));
    let done = market.marketplace.complete(&seller, order.id, inline(b"work"), None).await;
    assert_eq!(fresh(done.unwrap()).order.phase(), Phase::Delivered);
    assert_eq!(market.available("seller").await, "0");
    let refusal =
        refused(market.marketplace.change_order(&seller, order.id, Command::Accept, None).await);
    assert_eq!(refusal.code(), "wrong_role");
    // Silence of the buyer ends the review: an hour after the end of the order's life at most.
    market.clock.advance(Seconds::from_hours(25));
    market.settle().await;
    let order = market.marketplace.order(order.id).await.unwrap().unwrap().order;
    assert_eq!(order.phase(), Phase::AutoReleased);
    assert_eq!(market.available("seller").await, "5");
    market.check().await;
}

#[tokio::test]
async fn nothing_delivered_is_refunded_with_the_fee() {
    let mut market = Market::open().await;
    let order = market.buy(&*market.list(offer("5")).await).await.order;
    market.clock.advance(Seconds::from_hours(24));
    market.settle().await;
    let order = market.marketplace.order(order.id).await.unwrap().unwrap().order;
    assert_eq!((order.status(), order.phase()), (OrderStatus::Refunded, Phase::NonDelivery));
    assert_eq!(market.available("buyer").await, "5.125");
    market.check().await;
}

#[tokio::test]
async fn a_purchase_that_cannot_be_paid_leaves_no_order() {
    let market = Market::open().await;
    let listing = market.list(offer("5000")).await;
    let request = PurchaseRequest::of(listing.id);
    let refusal = refused(market.marketplace.purchase(&did("buyer"), request, None).await);
    assert_eq!(refusal.to_string(), "Insufficient balance. Need 5125 AVT");
    assert_eq!(market.marketplace.audit().await.unwrap().orders, 0);
    assert_eq!(market.available("buyer").await, "0");
    let own = PurchaseRequest::of(listing.id);
    let refusal = refused(market.marketplace.purchase(&did("seller"), own, None).await);
    assert_eq!(refusal, Refusal::OwnListing);
    market.check().await;
}

#[tokio::test]
async fn an_idempotency_key_does_a_thing_once() {
    let market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let buyer = did("buyer");
    let attempt = |body| {
        let request = PurchaseRequest::of(listing.id);
        let key = key(&did("buyer"), "k1", body, |view: &marketplace_engine::OrderView| {
            view.order.id.to_string()
        });
        market.marketplace.purchase(&buyer, request, Some(key))
    };
    let first = fresh(attempt(1).await.unwrap()).order.id.to_string();
    match attempt(1).await.unwrap() {
        Done::Repeated(reply) => assert_eq!(reply, first),
        Done::Fresh(_) => panic!("done twice"),
    }
    assert_eq!(attempt(2).await.unwrap_err(), Error::KeyReused);
    assert_eq!(market.marketplace.audit().await.unwrap().orders, 1);
    // At the TEG, too, exactly one total and one listing fee left their accounts.
    let wallet = market.marketplace.wallet(&buyer).await.unwrap();
    assert_eq!(wallet.teg.unwrap().available, avt("994.875"));
    market.check().await;
}

#[tokio::test]
async fn a_refused_key_may_succeed_later() {
    let market = Market::open().await;
    let listing = market.list(offer("1000")).await;
    let buyer = did("buyer");
    let attempt = || {
        let render = |view: &marketplace_engine::OrderView| view.order.id.to_string();
        let request = PurchaseRequest::of(listing.id);
        market.marketplace.purchase(&buyer, request, Some(key(&buyer, "k", 1, render)))
    };
    assert_eq!(refused(attempt().await).code(), "insufficient_balance");
    market.teg.issue(&buyer, Amount::from_avt(25));
    assert_eq!(fresh(attempt().await.unwrap()).order.status(), OrderStatus::EscrowFunded);
    market.check().await;
}

#[tokio::test]
async fn prices_and_quotes() {
    let market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let (buyer, seller) = (did("buyer"), did("seller"));
    let quote = market.marketplace.quote(&buyer, listing.id).await.unwrap();
    let edit = OfferEdit { price: Some(avt("6")), ..OfferEdit::default() };
    let edit = ListingChange::Edit(edit);
    market.marketplace.change_listing(&seller, listing.id, edit, None).await.unwrap();
    let buy = |expects| {
        let request = PurchaseRequest { expects, ..PurchaseRequest::of(listing.id) };
        market.marketplace.purchase(&buyer, request, None)
    };
    for expects in
        [Expectation::Nothing, Expectation::Total(avt("5.125")), Expectation::Quote(quote)]
    {
        assert_eq!(refused(buy(expects).await).code(), "price_changed");
    }
    let bought = fresh(buy(Expectation::Total(avt("6.15"))).await.unwrap());
    assert_eq!(bought.order.price.price, avt("6"));
    market.check().await;
}

#[tokio::test]
async fn a_transfer_pays_an_order_that_waits_for_it() {
    let mut market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let (buyer, us) = (did("buyer"), did("marketplace"));
    let request = PurchaseRequest { payment: Payment::Transfer, ..PurchaseRequest::of(listing.id) };
    let placed = fresh(market.marketplace.purchase(&buyer, request.clone(), None).await.unwrap());
    assert_eq!(placed.order.status(), OrderStatus::Pending);
    let order = TransferOrder {
        key: uuid::Uuid::from_u128(1),
        counterparty: us,
        amount: avt("6"),
        memo: format!("order:{}", placed.order.id),
    };
    market.teg.transfer_from(&buyer, &order).unwrap();
    market.settle().await;
    let order = market.marketplace.order(placed.order.id).await.unwrap().unwrap().order;
    assert_eq!(order.phase(), Phase::AwaitingStart);
    assert_eq!(market.available("buyer").await, "0.875");
    let lapsed = fresh(market.marketplace.purchase(&buyer, request, None).await.unwrap());
    market.clock.advance(Seconds::from_hours(1));
    market.settle().await;
    let order = market.marketplace.order(lapsed.order.id).await.unwrap().unwrap().order;
    assert_eq!((order.status(), order.phase()), (OrderStatus::Expired, Phase::Unpaid));
    market.check().await;
}

#[tokio::test]
async fn at_most_twenty_orders_wait_for_a_transfer() {
    let market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let buyer = did("buyer");
    let request = PurchaseRequest { payment: Payment::Transfer, ..PurchaseRequest::of(listing.id) };
    let mut last = None;
    for _ in 0..20 {
        let bought = market.marketplace.purchase(&buyer, request.clone(), None).await.unwrap();
        last = Some(fresh(bought).order.id);
    }
    let more = market.marketplace.purchase(&buyer, request.clone(), None).await;
    assert_eq!(refused(more), Refusal::TooManyUnfunded { limit: 20 });
    let cancel = Command::Cancel;
    market.marketplace.change_order(&buyer, last.unwrap(), cancel, None).await.unwrap();
    market.marketplace.purchase(&buyer, request, None).await.unwrap();
}

#[tokio::test]
async fn money_goes_out_and_between_agents() {
    let mut market = Market::open().await;
    let (buyer, other) = (did("buyer"), did("other"));
    market.marketplace.deposit(&buyer, avt("100"), None).await.unwrap();
    let gift = Transfer {
        from: buyer.clone(),
        to: other.clone(),
        amount: avt("10.5"),
        reason: "Service payment".to_owned(),
    };
    market.marketplace.transfer(gift.clone(), None).await.unwrap();
    let too_much = Transfer { amount: avt("90"), ..gift.clone() };
    let refusal = refused(market.marketplace.transfer(too_much, None).await);
    assert_eq!(refusal.code(), "insufficient_balance");
    let own = Transfer { to: buyer.clone(), ..gift };
    assert_eq!(refused(market.marketplace.transfer(own, None).await), Refusal::SelfTransfer);
    market.teg.set_transfer_fee(avt("1"));
    market.marketplace.withdraw(&buyer, avt("50"), None).await.unwrap();
    let policy = PayoutPolicy::Threshold(avt("5"));
    market.marketplace.set_payout(&other, policy, None).await.unwrap();
    market.settle().await;
    market.settle().await;
    assert_eq!(market.available("buyer").await, "38.5");
    assert_eq!(market.available("other").await, "0");
    let wallet = market.marketplace.wallet(&other).await.unwrap();
    assert_eq!(wallet.teg.unwrap().available, avt("1009.5"));
    assert_eq!(wallet.sums.in_flight, Amount::ZERO);
    let lines = market.marketplace.statement(&buyer, None, 10).await.unwrap().items;
    let deltas: Vec<_> = lines.iter().map(|line| line.delta.to_string()).collect();
    assert_eq!(deltas, ["-51", "-10.5", "100"]);
    market.check().await;
}

#[tokio::test]
async fn a_bad_name_needs_collateral() {
    let market = Market::open().await;
    let seller = did("seller");
    market.teg.set_reputation(&seller, -5);
    let refusal = refused(market.marketplace.list_service(&seller, offer("5"), None).await);
    assert_eq!(refusal.to_string(), "Insufficient reputation");
    assert_eq!(market.available("seller").await, "0", "a refused listing costs nothing");
    market.marketplace.deposit(&seller, avt("101"), None).await.unwrap();
    let (lock, release) = (MoveCollateral::Lock, MoveCollateral::Release);
    market.marketplace.move_collateral(&seller, lock, avt("100"), None).await.unwrap();
    let listing = market.list(offer("5")).await;
    let taken = market.marketplace.move_collateral(&seller, release, avt("1"), None).await;
    assert_eq!(refused(taken), Refusal::CollateralNeeded);
    let delist = ListingChange::Delist;
    market.marketplace.change_listing(&seller, listing.id, delist, None).await.unwrap();
    market.marketplace.move_collateral(&seller, release, avt("100"), None).await.unwrap();
    assert_eq!(market.available("seller").await, "100.9");
    market.check().await;
}

#[tokio::test]
async fn the_marketplace_is_full_at_its_limit() {
    let market = Market::open_with(|config| config.max_listings = 2).await;
    let seller = did("seller");
    let first = market.list(offer("5")).await;
    market.list(offer("6")).await;
    let third = market.marketplace.list_service(&seller, offer("7"), None).await;
    assert_eq!(refused(third), Refusal::TooManyListings { limit: 2 });
    let delist = ListingChange::Delist;
    market.marketplace.change_listing(&seller, first.id, delist, None).await.unwrap();
    market.list(offer("7")).await;
    assert_eq!(market.marketplace.listing_count(), 2);
}

#[tokio::test]
async fn verified_work_is_paid_by_its_checks() {
    let market = Market::open().await;
    let mut verified = offer("5");
    verified.terms.acceptance = AcceptancePolicy::Verified;
    verified.terms.checks = r#"[{"kind":"size","min_bytes":3,"max_bytes":8}]"#.into();
    let listing = market.list(verified).await;
    let (good, bad) = (market.buy(&listing).await, market.buy(&listing).await);
    let seller = did("seller");
    let done = market.marketplace.deliver(&seller, good.order.id, inline(b"1,2,3"), None).await;
    assert_eq!(fresh(done.unwrap()).order.phase(), Phase::Accepted);
    let done = market.marketplace.deliver(&seller, bad.order.id, inline(b"far too long"), None);
    let order = fresh(done.await.unwrap()).order;
    assert_eq!(order.phase(), Phase::Delivered);
    let checks = order.delivery().and_then(|delivery| delivery.checks.as_ref()).unwrap();
    let failed: Vec<_> =
        checks.failed.iter().map(|check| (check.index, check.kind.as_ref())).collect();
    assert_eq!(failed, [(0, "size")]);
    assert!(checks.failed[0].reason.contains("12"), "{:?}", checks.failed);
    assert_eq!(market.available("seller").await, "5");
    let mut unreadable = offer("5");
    unreadable.terms.checks = "[{}]".into();
    let refusal = refused(market.marketplace.list_service(&seller, unreadable, None).await);
    assert_eq!(refusal.code(), "invalid");
    market.check().await;
}

#[tokio::test]
async fn bytes_behind_a_uri_count_when_they_match() {
    let mut market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let (seller, buyer) = (did("seller"), did("buyer"));
    let uri = "https://example.org/work".to_owned();
    let sha256 = <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(b"work"));
    market.fetcher.insert(uri.clone(), b"work".to_vec());
    let request = DeliveryRequest {
        content: DeliveryContent::Uri(uri),
        sha256: Some(sha256),
        ..DeliveryRequest::default()
    };
    let order = market.buy(&listing).await.order;
    let announced = market.marketplace.deliver(&seller, order.id, request, None).await.unwrap();
    assert_eq!(fresh(announced).order.phase(), Phase::AwaitingStart);
    market.settle().await;
    let order = market.marketplace.order(order.id).await.unwrap().unwrap().order;
    assert_eq!(order.phase(), Phase::Delivered);
    let delivery = order.delivery().unwrap();
    let bytes = market.marketplace.delivered_bytes(order.id, delivery).await.unwrap();
    assert_eq!(bytes.as_deref(), Some(b"work".as_slice()));
    market.marketplace.change_order(&buyer, order.id, Command::Accept, None).await.unwrap();
    market.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_seller_hears_of_an_order() {
    let market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let filter = OrderFilter {
        agent: did("seller"),
        as_seller: true,
        status: None,
        cursor: None,
        limit: 10,
    };
    let wait = std::time::Duration::from_secs(30);
    let (marketplace, asked) = (market.marketplace.clone(), filter.clone());
    let heard = tokio::spawn(async move { marketplace.orders_or_wait(&asked, wait).await });
    tokio::task::yield_now().await;
    let order = market.buy(&listing).await.order;
    assert_eq!(heard.await.unwrap().unwrap().items[0].order.id, order.id);
    let newer = market.marketplace.orders_newer_than(&filter, Some(order.id), wait).await.unwrap();
    assert!(newer.items.is_empty());
    let second = market.buy(&listing).await.order;
    let newer = market.marketplace.orders_newer_than(&filter, Some(order.id), wait).await.unwrap();
    assert_eq!(newer.items.len(), 1);
    assert_eq!(newer.items[0].order.id, second.id);
}
