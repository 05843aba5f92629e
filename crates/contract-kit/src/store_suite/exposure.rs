//! What waits on a seller: a sum of its own row under a limit.

use marketplace_ledger::Account;
use marketplace_money::{Amount, Did};
use marketplace_ports::{ChangeSet, CommitOutcome, ExposureChange, Key};

use super::World;
use super::fixtures::{agent, did, insert, nano, update, with_agent};

use CommitOutcome::{Committed, Conflict};

fn exposed(seller: &Did, delta: i64, limit: Option<i64>) -> ChangeSet {
    let change =
        ExposureChange { seller: seller.clone(), delta: nano(delta), limit: limit.map(nano) };
    ChangeSet { exposures: vec![change], ..ChangeSet::default() }
}

async fn open(world: &World, seller: &Did) -> Amount {
    let view = world.load([Key::Balance(Account::Agent(seller.clone()))]).await;
    view.exposures.get(seller).copied().unwrap_or_default()
}

/// Up to the limit, in one batch and over batches; each seller by itself, and the limit is the
/// change's: what stands may be above it.
pub(crate) async fn what_waits_on_a_seller_is_limited(mut world: World) {
    let (a, b) = (did("a"), did("b"));
    let sets = vec![
        exposed(&a, 4, Some(10)),
        exposed(&a, 6, Some(10)),
        exposed(&a, 1, Some(10)),
        exposed(&b, 1, Some(10)),
        exposed(&a, 1, None),
    ];
    assert_eq!(world.commit(sets).await, [Committed, Committed, Conflict, Committed, Committed]);
    world.conflict(exposed(&a, 1, Some(11))).await;
    world.write(exposed(&a, -5, None)).await;
    world.write(exposed(&a, 4, Some(10))).await;
    world.conflict(exposed(&a, 1, Some(10))).await;
    // One that ends makes room for one that begins, in the same set too.
    let mut swap = exposed(&a, -3, None);
    swap.exposures.extend(exposed(&a, 3, Some(10)).exposures);
    world.write(swap).await;
    assert_eq!((open(&world, &a).await, open(&world, &b).await), (nano(10), nano(1)));
}

/// Whatever the limit says and whoever wrote in between; and the seller's balance and row move by
/// themselves.
pub(crate) async fn an_end_of_an_order_never_conflicts(mut world: World) {
    let seller = did("seller");
    world.write(exposed(&seller, 9, None)).await;
    let key = Key::Balance(Account::Agent(seller.clone()));
    let snapshot = world.load([key]).await.snapshot;
    world.fund(&seller, 5).await;
    world.write(with_agent(insert(agent(&seller)))).await;
    world.write(exposed(&seller, 1, Some(10))).await;
    let batch = world.batch_on(snapshot, vec![exposed(&seller, -9, Some(0))]);
    assert_eq!(world.store().commit(batch).await, Ok(vec![Committed]));
    assert_eq!((open(&world, &seller).await, world.balance(&seller).await), (nano(1), nano(5)));
    let row = marketplace_ports::Agent { version: 2, ..agent(&seller) };
    world.write(with_agent(update(1, row))).await;
    assert_eq!(open(&world, &seller).await, nano(1));
}

/// A refused set leaves nothing of them, and they last.
pub(crate) async fn exposures_stand_or_fall_with_their_set(mut world: World) {
    let seller = did("seller");
    let mut refused = exposed(&seller, 2, None);
    refused.reads.push((Key::Agent(did("never")), 1));
    let sets = vec![refused, exposed(&seller, 3, Some(3))];
    assert_eq!(world.commit(sets).await, [Conflict, Committed]);
    world.reopen().await;
    assert_eq!(open(&world, &seller).await, nano(3));
    assert_eq!(world.store().exposure(&seller).await, Ok(nano(3)));
    assert_eq!(world.store().exposure(&did("nobody")).await, Ok(nano(0)));
    world.conflict(exposed(&seller, 1, Some(3))).await;
}
