//! What the database refuses leaves nothing behind, and what is over is forgotten.

use std::collections::HashSet;
use std::sync::Arc;

use crate::market::{Market, did};
use marketplace_money::{OrderId, Seconds, WithdrawalId};
use marketplace_ports::{
    Blob, ChangeSet, CommitOutcome, Effect, EffectChange, EffectKind, IdempotencyKey,
    IdempotencyRecord, Key, Nonce, Store, StoreError,
};

/// Everything that a table may have more of.
fn counts(market: &Market) -> Vec<(&'static str, i64)> {
    [
        "orders",
        "checks",
        "listings",
        "agents",
        "withdrawals",
        "deposits",
        "postings",
        "balances",
        "sums",
        "events",
        "timers",
        "outbox",
        "idempotency",
        "nonces",
        "teg_records",
        "blobs",
        "counters",
        "batches",
    ]
    .into_iter()
    .map(|table| (table, market.count(table)))
    .collect()
}

#[tokio::test]
async fn a_refused_batch_leaves_nothing() {
    let mut market = Market::new();
    market.fill().await;
    let kind = EffectKind::SendWithdrawal(WithdrawalId::new(market.id()));
    let effect = Effect { id: market.id(), kind, due: market.clock.now(), attempts: 0 };
    let effects = vec![EffectChange::Add(effect.clone())];
    market.write(ChangeSet { effects: effects.clone(), ..ChangeSet::default() }).await;
    let before = (counts(&market), market.store().audit().await.unwrap());
    for round in 0..3 {
        // The outbox has this work: the last statement of the batch fails.
        let (id, mut poisoned) = market.purchase(&did("buyer"), &did("seller"), "{}");
        poisoned.effects = effects.clone();
        poisoned.blobs.push(Blob { order: id, sha256: [1; 32], bytes: Arc::from([1]) });
        let deposit = market.deposit(&did("new"), 1);
        let refused = market.try_commit(vec![deposit.clone(), poisoned]).await;
        assert!(matches!(refused, Err(StoreError::Rejected(_))), "{refused:?}");
        assert_eq!((counts(&market), market.store().audit().await.unwrap()), before, "{round}");
        let keys = HashSet::from([Key::Order(id)]);
        let view = market.store().load(&keys).await.unwrap();
        assert!(view.orders.is_empty());
    }
    // The neighbour goes by itself, and everything is where it should be.
    let deposit = market.deposit(&did("new"), 1);
    market.write(deposit).await;
    let (_, set) = market.purchase(&did("buyer"), &did("seller"), "");
    market.write(set).await;
    assert_eq!(market.breaches().await, [""; 0]);
    let positions: Vec<_> = market.store().events_after(0, 100).await.unwrap();
    assert_eq!(positions.last().unwrap().position, 4);
}

#[tokio::test]
async fn a_text_with_a_zero_is_refused() {
    let mut market = Market::new();
    let (buyer, seller) = (did("buyer"), did("seller"));
    let deposit = market.deposit(&buyer, 100);
    market.write(deposit).await;
    let before = counts(&market);
    let (_, set) = market.purchase(&buyer, &seller, "");
    let mut bad = set.clone();
    bad.events[0].data = "{\"a\":\"\0\"}".to_owned();
    let refused = market.try_commit(vec![bad]).await;
    assert!(matches!(refused, Err(StoreError::Rejected(_))), "{refused:?}");
    assert_eq!(counts(&market), before);
    market.write(set).await;
}

fn answer(market: &Market, key: &str, life: Seconds) -> ChangeSet {
    let caller = did("caller");
    let expires_at = market.clock.now().plus(life);
    let key = IdempotencyKey { caller: caller.clone(), route: "r".into(), key: key.into() };
    let record = IdempotencyRecord { body_sha256: [7; 32], reply: "yes".into(), expires_at };
    let nonce = Nonce { signer: caller, value: key.key.clone() };
    ChangeSet {
        idempotency: Some((key, record)),
        nonce: Some((nonce, expires_at)),
        ..ChangeSet::default()
    }
}

/// Old answers and nonces go, a few with each commit; until then and for their whole life they
/// are known. What is forgotten may come again.
#[tokio::test]
async fn what_is_over_is_forgotten() {
    let mut market = Market::new();
    for number in 0..400 {
        let set = answer(&market, &format!("old {number}"), Seconds(60));
        market.write(set).await;
    }
    let set = answer(&market, "young", Seconds(600));
    market.write(set).await;
    market.clock.advance(Seconds(59));
    let again = answer(&market, "old 0", Seconds(600));
    let conflict = Ok(vec![CommitOutcome::Conflict]);
    assert_eq!(market.try_commit(vec![again.clone()]).await, conflict);
    assert_eq!((market.count("idempotency"), market.count("nonces")), (401, 401));
    market.clock.advance(Seconds(1));
    for commits in 1..=8 {
        let deposit = market.deposit(&did("a"), 1);
        market.write(deposit).await;
        let left = (401 - 64 * commits).max(1);
        assert_eq!((market.count("idempotency"), market.count("nonces")), (left, left));
        if commits == 3 {
            market.reopen();
        }
    }
    let young = answer(&market, "young", Seconds(600));
    assert_eq!(market.try_commit(vec![young]).await, conflict);
    market.write(again).await;
    let key = |key: &str| {
        Key::Idempotency(IdempotencyKey {
            caller: did("caller"),
            route: "r".into(),
            key: key.into(),
        })
    };
    let keys = ["old 0", "old 1", "young"].map(key);
    let view = market.store().load(&keys.into()).await.unwrap();
    assert_eq!(view.idempotency.len(), 2);
}

#[tokio::test]
async fn large_bytes_come_back() {
    let mut market = Market::new();
    let order = OrderId::new(market.id());
    let bytes: Arc<[u8]> = (0..10 * 1_024 * 1_024_u32).map(|n| n.to_le_bytes()[1]).collect();
    let blobs = vec![Blob { order, sha256: [9; 32], bytes: bytes.clone() }];
    market.write(ChangeSet { blobs, ..ChangeSet::default() }).await;
    assert_eq!(market.store().blob(order, [9; 32]).await, Ok(Some(bytes)));
}
