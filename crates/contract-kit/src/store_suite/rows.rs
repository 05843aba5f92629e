//! Rows come back as they were written.

use std::sync::Arc;

use marketplace_escrow::{ExpiryPolicy, State};
use marketplace_ledger::{Account, EntryKind};
use marketplace_listings::{AcceptancePolicy, Listing, ListingStatus, Pricing, ServiceType, Terms};
use marketplace_money::{Reputation, Seconds};
use marketplace_ports::{
    Agent, Blob, ChangeSet, Deposit, DepositState, Dues, IdempotencyKey, IdempotencyRecord, Key,
    Nonce, PayoutPolicy, TegTransactionId, Withdrawal, WithdrawalState,
};

use super::World;
use super::fixtures::{
    TEXT, agent, agent_account, did, insert, listing, nano, order, states, teg_record, update,
    with_agent, with_listing, with_order,
};

/// Asking for what is not there gives an empty view, not an error and not a default.
pub(crate) async fn what_is_not_there_is_not_in_the_view(mut world: World) {
    let agent = did("nobody");
    let idempotency =
        IdempotencyKey { caller: agent.clone(), route: "POST /x".into(), key: "k".into() };
    let nonce = Nonce { signer: agent.clone(), value: "n".into() };
    let keys = [
        Key::Order(world.order_id()),
        Key::Listing(world.listing_id()),
        Key::Agent(agent.clone()),
        Key::Withdrawal(world.withdrawal_id()),
        Key::Deposit(world.deposit_id()),
        Key::Balance(Account::Agent(agent)),
        Key::Balance(Account::Insurance),
        Key::Idempotency(idempotency),
        Key::Nonce(nonce),
        Key::TegTransaction(TegTransactionId("t".into())),
        Key::ListingCount,
    ];
    let view = world.load(keys).await;
    let rows = view.orders.len()
        + view.listings.len()
        + view.agents.len()
        + view.withdrawals.len()
        + view.deposits.len()
        + view.idempotency.len()
        + view.nonces.len()
        + view.teg_records.len();
    assert_eq!(rows, 0, "{view:?}");
    assert!(view.balances.values().all(|balance| balance.is_zero()), "{view:?}");
    assert_eq!(view.listing_count, 0);
    assert_eq!(view.gaps.as_slice(), []);
}

/// Queries answer with nothing too.
pub(crate) async fn what_is_not_there_is_not_found(mut world: World) {
    let store = world.store();
    let (order, listing, agent) = (world.order_id(), world.listing_id(), did("nobody"));
    assert_eq!(store.order(order).await, Ok(None));
    assert_eq!(store.blob(order, [1; 32]).await, Ok(None));
    assert_eq!(store.listing(listing).await, Ok(None));
    assert_eq!(store.agent(&agent).await, Ok(None));
    assert_eq!(store.wallet(&agent).await, Ok(marketplace_ports::WalletSums::default()));
    let statement = store.statement(&agent, None, 10).await.expect("statement");
    assert_eq!((statement.items, statement.next), (vec![], None));
    let orders = store.all_orders(None, None, 10).await.expect("all_orders");
    assert_eq!((orders.items, orders.next), (vec![], None));
    assert_eq!(store.events_after(0, 10).await, Ok(vec![]));
    assert_eq!(store.note("unwritten").await, Ok(None));
    assert_eq!(store.dues().await, Ok(Dues::default()));
    let audit = world.audit().await;
    assert_eq!((audit.breaches(), audit.orders, audit.postings), (vec![], 0, 0));
}

/// Every state, with and without each part that may be missing, in load and in query.
pub(crate) async fn orders_in_every_state_come_back_as_they_were(mut world: World) {
    let (buyer, seller) = (did("buyer"), did("seller"));
    let now = world.now().await;
    let mut orders = Vec::new();
    for (index, state) in states(now).into_iter().enumerate() {
        let mut order = order(world.order_id(), &buyer, &seller, now);
        order.state = state;
        order.terms.acceptance = AcceptancePolicy::NAMES[index % 3].0;
        order.terms.expiry = ExpiryPolicy::NAMES[index % 2].0;
        order.terms.checks = ["", "{}"][index % 2].into();
        orders.push(order);
    }
    let set =
        ChangeSet { orders: orders.iter().cloned().map(insert).collect(), ..ChangeSet::default() };
    world.write(set).await;
    let view = world.load(orders.iter().map(|order| Key::Order(order.id))).await;
    assert_eq!(view.orders.len(), orders.len());
    for order in &orders {
        assert_eq!(view.orders[&order.id].as_ref(), order);
        let found = world.store().order(order.id).await.expect("order").expect("is there");
        assert_eq!(found.as_ref(), order);
    }
}

/// An update leaves nothing of the state before: each state replaces the one before it.
pub(crate) async fn an_order_goes_through_every_state(mut world: World) {
    let now = world.now().await;
    let mut order = order(world.order_id(), &did("buyer"), &did("seller"), now);
    world.write(with_order(insert(order.clone()))).await;
    let mut states = states(now);
    states.reverse();
    for state in states {
        let read = order.version;
        order.version += 1;
        order.state = state;
        world.write(with_order(update(read, order.clone()))).await;
        let view = world.load([Key::Order(order.id)]).await;
        assert_eq!(view.orders[&order.id].as_ref(), &order);
        let found = world.store().order(order.id).await.expect("order").expect("is there");
        assert_eq!(found.as_ref(), &order);
    }
}

/// Every status, type and term; every text kept to the letter.
pub(crate) async fn listings_come_back_as_they_were(mut world: World) {
    let now = world.now().await;
    let full = listing(world.listing_id(), &did("provider"), now);
    let mut bare = Listing { id: world.listing_id(), price_raised_at: None, ..full.clone() };
    bare.offer.description = String::new();
    bare.offer.metadata = String::new();
    bare.offer.terms = Terms::default();
    let mut rows = vec![full.clone(), bare];
    for (status, _) in ListingStatus::NAMES {
        rows.push(Listing { id: world.listing_id(), status, ..full.clone() });
    }
    for (service_type, _) in ServiceType::NAMES {
        let mut row = Listing { id: world.listing_id(), ..full.clone() };
        row.offer.service_type = service_type;
        row.offer.terms.pricing = Pricing::Fixed;
        rows.push(row);
    }
    for row in &rows {
        world.write(with_listing(insert(row.clone()))).await;
    }
    let changed = Listing { version: 2, status: ListingStatus::Paused, ..rows[0].clone() };
    world.write(with_listing(update(1, changed.clone()))).await;
    rows[0] = changed;
    let view = world.load(rows.iter().map(|row| Key::Listing(row.id))).await;
    for row in &rows {
        assert_eq!(view.listings[&row.id].as_ref(), row);
        let found = world.store().listing(row.id).await.expect("listing").expect("is there");
        assert_eq!(found.as_ref(), row);
    }
}

/// Every payout policy, counters and a negative reputation; updated too.
pub(crate) async fn agents_come_back_as_they_were(mut world: World) {
    let full = agent(&did("full"));
    let mut rows = vec![
        full.clone(),
        Agent { did: did("manual"), payout: PayoutPolicy::Manual, ..full.clone() },
        Agent {
            did: did("immediate"),
            payout: PayoutPolicy::Immediate,
            unfunded_orders: 0,
            listings: 0,
            reputation: Reputation::UNKNOWN,
            ..full.clone()
        },
        Agent { did: format!("did:key:{}", "z".repeat(247)).parse().expect("a DID"), ..full },
    ];
    for row in &rows {
        world.write(with_agent(insert(row.clone()))).await;
    }
    rows[0].version = 2;
    rows[0].listings = 5;
    world.write(with_agent(update(1, rows[0].clone()))).await;
    let view = world.load(rows.iter().map(|row| Key::Agent(row.did.clone()))).await;
    for row in &rows {
        assert_eq!(view.agents[&row.did].as_ref(), row);
        let found = world.store().agent(&row.did).await.expect("agent").expect("is there");
        assert_eq!(found.as_ref(), row);
    }
}

/// In every state, inserted and updated.
pub(crate) async fn withdrawals_come_back_as_they_were(mut world: World) {
    let at = world.now().await.plus_micros(7);
    let states = [
        WithdrawalState::InFlight,
        WithdrawalState::Waiting { reason: TEXT.into() },
        WithdrawalState::Settled(TegTransactionId("teg-1".into())),
        WithdrawalState::Returned { reason: TEXT.into() },
    ];
    for first in &states {
        for second in &states {
            let row = Withdrawal {
                id: world.withdrawal_id(),
                version: 1,
                agent: did("agent"),
                amount: nano(1_000_000_001),
                fee: nano(2),
                at,
                sent_at: None,
                state: first.clone(),
            };
            let sent_at = Some(at.plus_micros(1));
            let next = Withdrawal { version: 2, sent_at, state: second.clone(), ..row.clone() };
            for change in [insert(row), update(1, next)] {
                let row = Arc::clone(&change.row);
                let withdrawals = vec![change];
                world.write(ChangeSet { withdrawals, ..ChangeSet::default() }).await;
                let view = world.load([Key::Withdrawal(row.id)]).await;
                assert_eq!(view.withdrawals[&row.id], row);
            }
        }
    }
}

/// In every state, inserted and updated.
pub(crate) async fn deposits_come_back_as_they_were(mut world: World) {
    let at = world.now().await.plus_micros(7);
    let states = [
        DepositState::Asked,
        DepositState::Credited(TegTransactionId("teg-1".into())),
        DepositState::Refused { reason: TEXT.into() },
        DepositState::Unseen,
    ];
    for first in &states {
        for second in &states {
            let row = Deposit {
                id: world.deposit_id(),
                version: 1,
                agent: did("agent"),
                amount: nano(1_000_000_001),
                at,
                state: first.clone(),
            };
            let next = Deposit { version: 2, state: second.clone(), ..row.clone() };
            for change in [insert(row), update(1, next)] {
                let row = Arc::clone(&change.row);
                let deposits = vec![change];
                world.write(ChangeSet { deposits, ..ChangeSet::default() }).await;
                let view = world.load([Key::Deposit(row.id)]).await;
                assert_eq!(view.deposits[&row.id], row);
            }
        }
    }
}

/// Idempotency records, nonces and booked transfers are found under their whole key only.
pub(crate) async fn what_is_taken_comes_back(mut world: World) {
    let agent = did("agent");
    let key = IdempotencyKey { caller: agent.clone(), route: TEXT.into(), key: TEXT.into() };
    let record = IdempotencyRecord {
        body_sha256: [0x5a; 32],
        reply: TEXT.repeat(100),
        expires_at: world.now().await.plus(Seconds::from_hours(7 * 24)),
    };
    let nonce = Nonce { signer: agent.clone(), value: TEXT.into() };
    let transaction = TegTransactionId("teg-1".into());
    let entry = world.entry(EntryKind::Deposit, [(Account::Teg, -5), (agent_account(&agent), 5)]);
    let set = ChangeSet {
        teg_records: vec![insert(teg_record("teg-1", entry.id))],
        entries: vec![entry.clone()],
        idempotency: Some((key.clone(), record.clone())),
        nonce: Some((nonce.clone(), record.expires_at)),
        ..ChangeSet::default()
    };
    world.write(set).await;
    let others = [
        Key::Idempotency(IdempotencyKey { caller: did("other"), ..key.clone() }),
        Key::Idempotency(IdempotencyKey { route: "POST /other".into(), ..key.clone() }),
        Key::Idempotency(IdempotencyKey { key: "other".into(), ..key.clone() }),
        Key::Nonce(Nonce { signer: did("other"), ..nonce.clone() }),
        Key::Nonce(Nonce { value: "other".into(), ..nonce.clone() }),
        Key::TegTransaction(TegTransactionId("teg-2".into())),
    ];
    let own = [
        Key::Idempotency(key.clone()),
        Key::Nonce(nonce.clone()),
        Key::TegTransaction(transaction.clone()),
    ];
    let view = world.load(own.into_iter().chain(others)).await;
    assert_eq!(view.idempotency.into_iter().collect::<Vec<_>>(), [(key, record)]);
    assert_eq!(view.nonces.into_iter().collect::<Vec<_>>(), [nonce]);
    let booked: Vec<_> = view.teg_records.into_values().collect();
    assert_eq!(booked, [Arc::new(teg_record("teg-1", entry.id))]);
}

/// Bytes of every size, kept for each order on its own; handing them in again harms nobody.
pub(crate) async fn blobs_come_back_as_they_were(mut world: World) {
    let (first, second) = (world.order_id(), world.order_id());
    let large: Arc<[u8]> = (0..256 * 1024_u32).map(|byte| byte.to_le_bytes()[0]).collect();
    let empty: Arc<[u8]> = Arc::from([]);
    let zeros: Arc<[u8]> = Arc::from([0; 3]);
    let blobs = [
        (first, [1; 32], large.clone()),
        (first, [2; 32], empty.clone()),
        (second, [3; 32], zeros.clone()),
    ];
    for _ in 0..2 {
        let blobs = blobs.iter().map(|(order, sha256, bytes)| Blob {
            order: *order,
            sha256: *sha256,
            bytes: bytes.clone(),
        });
        world.write(ChangeSet { blobs: blobs.collect(), ..ChangeSet::default() }).await;
    }
    let store = world.store();
    for (order, sha256, bytes) in blobs {
        assert_eq!(store.blob(order, sha256).await.expect("blob"), Some(bytes));
    }
    assert_eq!(store.blob(second, [1; 32]).await.expect("blob"), None);
    assert_eq!(store.blob(first, [3; 32]).await.expect("blob"), None);
}

/// Of one seller's orders, the first to which these bytes were delivered and that another bought.
pub(crate) async fn who_else_got_the_same_bytes_is_found(mut world: World) {
    let now = world.now().await;
    let deals = [("a", "seller", 1), ("b", "seller", 1), ("c", "seller", 1), ("b", "other", 2)];
    let mut orders = Vec::new();
    for (buyer, seller, byte) in deals {
        let sold = order(world.order_id(), &did(buyer), &did(seller), now);
        orders.push(sold.id);
        let blob = Blob { order: sold.id, sha256: [byte; 32], bytes: Arc::from([byte]) };
        world.write(ChangeSet { blobs: vec![blob], ..with_order(insert(sold)) }).await;
    }
    let check = async |world: &World, seller, buyer, byte, expect: Option<usize>| {
        let (seller, buyer) = (did(seller), did(buyer));
        let found = world.store().delivered_to_another(&seller, &buyer, [byte; 32]).await;
        assert_eq!(found, Ok(expect.map(|at| orders[at])), "{seller} {buyer} {byte}");
    };
    check(&world, "seller", "a", 1, Some(1)).await;
    check(&world, "seller", "b", 1, Some(0)).await;
    check(&world, "seller", "nobody", 1, Some(0)).await;
    check(&world, "seller", "a", 2, None).await;
    check(&world, "other", "b", 2, None).await;
    check(&world, "other", "a", 2, Some(3)).await;
    check(&world, "nobody", "a", 1, None).await;
}

/// Sets that change the same rows, one on the other, in one batch: the last state is what counts.
pub(crate) async fn a_row_changed_twice_in_a_batch_has_its_last_state(mut world: World) {
    let now = world.now().await;
    let first = order(world.order_id(), &did("buyer"), &did("seller"), now);
    let mut second = first.clone();
    second.version = 2;
    second.state = states(now).pop().expect("a closed state");
    let shop = listing(world.listing_id(), &did("seller"), now);
    let paused = Listing { version: 2, status: ListingStatus::Paused, ..shop.clone() };
    let one = agent(&did("buyer"));
    let two = Agent { version: 2, listings: 9, ..one.clone() };
    let sets = vec![
        with_order(insert(first)),
        with_listing(insert(shop)),
        with_agent(insert(one)),
        with_order(update(1, second.clone())),
        with_listing(update(1, paused.clone())),
        with_agent(update(1, two.clone())),
    ];
    let outcomes = world.commit(sets).await;
    assert_eq!(outcomes, [marketplace_ports::CommitOutcome::Committed; 6]);
    let keys = [Key::Order(second.id), Key::Listing(paused.id), Key::Agent(two.did.clone())];
    let view = world.load(keys).await;
    assert_eq!(view.orders[&second.id].as_ref(), &second);
    assert_eq!(view.listings[&paused.id].as_ref(), &paused);
    assert_eq!(view.agents[&two.did].as_ref(), &two);
    let page = world.store().all_orders(None, None, 10).await.expect("all_orders");
    assert_eq!(page.items.len(), 1);
    // The next change builds on the version of the last one.
    let third = marketplace_escrow::Order {
        version: 3,
        state: State::AwaitingFunds { payment: second.expires() },
        ..second
    };
    world.write(with_order(update(2, third))).await;
}
