//! What buyers say, told to the TEG on the payouts of their sellers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "each test file needs another part of it")]
mod common;

use common::{Market, avt, did, offer};
use marketplace_contract_kit::{FaultPoint, TegFault};
use marketplace_engine::{DeliveryContent, DeliveryRequest, Transfer};
use marketplace_escrow::{Command, Phase};
use marketplace_listings::Listing;
use marketplace_money::{OrderId, Seconds};
use marketplace_ports::{EffectKind, PayoutPolicy, Store as _, Teg as _};

/// An order that was delivered, and accepted if the buyer says so.
async fn order(market: &Market, listing: &Listing, accepted: bool) -> OrderId {
    let order = market.buy(listing).await.order.id;
    let content = DeliveryContent::Inline(b"work".to_vec());
    let work = DeliveryRequest { content, ..DeliveryRequest::default() };
    market.marketplace.deliver(&did("seller"), order, work, None).await.unwrap();
    if accepted {
        let buyer = did("buyer");
        market.marketplace.change_order(&buyer, order, Command::Accept, None).await.unwrap();
    }
    order
}

async fn pays_out(market: &Market, policy: PayoutPolicy) {
    market.marketplace.set_payout(&did("seller"), policy, None).await.unwrap();
}

async fn settle(market: &mut Market) {
    for _ in 0..3 {
        market.settle().await;
    }
}

/// What the seller has here, what the TEG heard of it, and how much work is left.
async fn check(market: &Market, expect: (&str, i32, u64)) {
    let raw = market.teg.reputation(&did("seller")).await.unwrap();
    let raw = raw.map_or(0, |raw| raw.milli() / 1_000);
    let left = market.marketplace.audit().await.unwrap().open_effects;
    let available = market.available("seller").await;
    assert_eq!((available.as_str(), raw, left), expect);
    market.check().await;
}

/// Of a buyer who spoke, never of a silent one, and on no withdrawal that the agent asked for.
#[tokio::test]
async fn the_teg_hears_what_buyers_say() {
    let mut market = Market::open().await;
    let listing = market.list(offer("5")).await;
    order(&market, &listing, true).await;
    market.marketplace.withdraw(&did("seller"), avt("5"), None).await.unwrap();
    settle(&mut market).await;
    check(&market, ("0", 0, 0)).await;
    pays_out(&market, PayoutPolicy::Immediate).await;
    // Money that no order brought says nothing, whatever its agent withdrew before.
    let (buyer, seller) = (did("buyer"), did("seller"));
    market.marketplace.deposit(&buyer, avt("3"), None).await.unwrap();
    let gift = Transfer { from: buyer, to: seller, amount: avt("3"), reason: "thanks".into() };
    market.marketplace.transfer(gift, None).await.unwrap();
    settle(&mut market).await;
    check(&market, ("0", 0, 0)).await;
    order(&market, &listing, true).await;
    settle(&mut market).await;
    check(&market, ("0", 1, 0)).await;
    // A transfer takes one signal, however many orders it nets.
    order(&market, &listing, true).await;
    order(&market, &listing, true).await;
    settle(&mut market).await;
    check(&market, ("0", 2, 0)).await;
    let silent = order(&market, &listing, false).await;
    market.clock.advance(Seconds::from_hours(25));
    settle(&mut market).await;
    let silent = market.marketplace.order(silent).await.unwrap().unwrap().order;
    assert_eq!(silent.phase(), Phase::AutoReleased);
    check(&market, ("0", 2, 0)).await;
    assert_eq!(market.teg.calls("signal"), 2);
}

/// The accepted order among others is found; what waits for a threshold speaks when it goes.
#[tokio::test]
async fn a_netted_payout_speaks_for_whoever_spoke() {
    let mut market = Market::open().await;
    let listing = market.list(offer("5")).await;
    pays_out(&market, PayoutPolicy::Threshold(avt("9"))).await;
    order(&market, &listing, true).await;
    settle(&mut market).await;
    check(&market, ("5", 0, 0)).await;
    order(&market, &listing, false).await;
    market.clock.advance(Seconds::from_hours(25));
    settle(&mut market).await;
    check(&market, ("0", 1, 0)).await;
}

/// However the TEG answers, it counts the signal once; what it refuses for good waits for an operator.
#[tokio::test]
async fn a_signal_arrives_once_whatever_fails() {
    let faults = [
        (TegFault::UnavailableBefore, 1, 3),
        (TegFault::LostBefore, 1, 3),
        (TegFault::LostAfter, 1, 2),
        (TegFault::Duplicate, 1, 1),
        (TegFault::Refuse, 0, 1),
    ];
    for (fault, raw, calls) in faults {
        let mut market = Market::open().await;
        let listing = market.list(offer("5")).await;
        pays_out(&market, PayoutPolicy::Immediate).await;
        let order = order(&market, &listing, true).await;
        let mut seen = 0;
        market.teg.plan_faults(move |point: &FaultPoint| {
            seen += u32::from(point.call == "signal");
            if point.call == "signal" && seen <= 2 { fault } else { TegFault::None }
        });
        for _ in 0..10 {
            market.settle().await;
        }
        assert_eq!(market.teg.calls("signal"), calls, "{fault:?}");
        let dead = market.store.dead_effects(10).await.unwrap();
        let about: Vec<_> = dead.iter().map(|dead| &dead.effect.kind).collect();
        let given_up = matches!(about[..], [EffectKind::Signal { order: of, .. }] if *of == order);
        assert_eq!(given_up, raw == 0, "{fault:?}: {about:?}");
        check(&market, ("0", raw, u64::from(given_up))).await;
    }
}

/// While the payout is on its way its signal waits, and that is no try; what never left is not rated.
#[tokio::test]
async fn a_signal_waits_for_its_payout() {
    let mut market = Market::open().await;
    let listing = market.list(offer("5")).await;
    pays_out(&market, PayoutPolicy::Immediate).await;
    order(&market, &listing, true).await;
    market.teg.plan_faults(|point: &FaultPoint| match point.call {
        "transfer" => TegFault::UnavailableBefore,
        _ => TegFault::None,
    });
    for _ in 0..5 {
        market.settle().await;
    }
    check(&market, ("0", 0, 2)).await;
    assert_eq!(market.teg.calls("signal"), 0);
    let mut failed = false;
    market.teg.plan_faults(move |point: &FaultPoint| {
        let first = point.call == "signal" && !std::mem::replace(&mut failed, true);
        if first { TegFault::UnavailableBefore } else { TegFault::None }
    });
    for _ in 0..10 {
        market.settle().await;
    }
    check(&market, ("0", 1, 0)).await;
    order(&market, &listing, true).await;
    market.teg.plan_faults(|point: &FaultPoint| match point.call {
        "transfer" => TegFault::Refuse,
        _ => TegFault::None,
    });
    market.settle().await;
    pays_out(&market, PayoutPolicy::Manual).await;
    settle(&mut market).await;
    check(&market, ("5", 1, 0)).await;
}
