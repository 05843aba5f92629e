//! Rows come back as they were written.

use marketplace_escrow::ExpiryPolicy;
use marketplace_ledger::Account;
use marketplace_listings::AcceptancePolicy;
use marketplace_ports::{ChangeSet, IdempotencyKey, Key, Nonce, TegTransactionId};

use super::World;
use super::fixtures::{did, insert, order, states};

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
        + view.teg_transactions.len();
    assert_eq!(rows, 0, "{view:?}");
    assert!(view.balances.values().all(|balance| balance.is_zero()), "{view:?}");
    assert_eq!(view.listing_count, 0);
    assert_eq!(view.gaps.as_slice(), []);
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
