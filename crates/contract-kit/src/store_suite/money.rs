//! Balances follow from the entries, and none ends below zero.

use marketplace_ledger::{Account, Entry, EntryKind, FeeKind};
use marketplace_money::{Did, DisputeId};
use marketplace_ports::{ChangeSet, CommitOutcome, Key};

use super::World;
use super::fixtures::{agent, agent_account, did, insert, nano, with_agent};

use CommitOutcome::{Committed, Conflict};

fn with_entries(entries: Vec<Entry>) -> ChangeSet {
    ChangeSet { entries, ..ChangeSet::default() }
}

fn transfer(world: &mut World, from: &Did, to: &Did, amount: i64) -> ChangeSet {
    let moves = [(agent_account(from), -amount), (agent_account(to), amount)];
    with_entries(vec![world.entry(EntryKind::Transfer, moves)])
}

fn deposit(world: &mut World, to: &Account, amount: i64) -> ChangeSet {
    let moves = [(Account::Teg, -amount), (to.clone(), amount)];
    with_entries(vec![world.entry(EntryKind::Deposit, moves)])
}

/// Entries of one set, of one batch and of several batches add up; zero is a balance like others.
pub(crate) async fn balances_follow_the_entries(mut world: World) {
    let (a, b) = (did("a"), did("b"));
    world.fund(&a, 100).await;
    let sets = vec![
        transfer(&mut world, &a, &b, 10),
        transfer(&mut world, &a, &b, 20),
        transfer(&mut world, &b, &a, 5),
    ];
    assert_eq!(world.commit(sets).await, [Committed; 3]);
    assert_eq!((world.balance(&a).await, world.balance(&b).await), (nano(75), nano(25)));
    let mut both = transfer(&mut world, &a, &b, 70);
    both.entries.extend(transfer(&mut world, &b, &a, 95).entries);
    world.write(both).await;
    assert_eq!((world.balance(&a).await, world.balance(&b).await), (nano(100), nano(0)));
    assert_eq!(world.sum(&agent_account(&a)).await, nano(100));
    assert_eq!(world.sum(&agent_account(&b)).await, nano(0));
    assert_eq!(world.sum(&Account::Teg).await, nano(-100));
    assert_eq!(world.audit().await.breaches(), [""; 0]);
}

/// To the last nano, and not one more.
pub(crate) async fn an_overspend_is_a_conflict(mut world: World) {
    let (a, b) = (did("a"), did("b"));
    let set = transfer(&mut world, &a, &b, 1);
    world.conflict(set).await;
    world.fund(&a, 10).await;
    let set = transfer(&mut world, &a, &b, 11);
    world.conflict(set).await;
    assert_eq!((world.balance(&a).await, world.balance(&b).await), (nano(10), nano(0)));
    let sets = vec![
        transfer(&mut world, &a, &b, 6),
        transfer(&mut world, &a, &b, 5),
        transfer(&mut world, &a, &b, 4),
    ];
    assert_eq!(world.commit(sets).await, [Committed, Conflict, Committed]);
    assert_eq!((world.balance(&a).await, world.balance(&b).await), (nano(0), nano(10)));
    let set = transfer(&mut world, &a, &b, 1);
    world.conflict(set).await;
    assert_eq!(world.audit().await.breaches(), [""; 0]);
}

/// A later set may spend what an earlier one brings; when the earlier one falls, so does it.
pub(crate) async fn a_batch_may_spend_what_it_credits(mut world: World) {
    let (a, b, c) = (did("a"), did("b"), did("c"));
    let sets = vec![
        deposit(&mut world, &agent_account(&a), 10),
        transfer(&mut world, &a, &b, 10),
        transfer(&mut world, &b, &c, 10),
    ];
    assert_eq!(world.commit(sets).await, [Committed; 3]);
    assert_eq!(world.balance(&c).await, nano(10));
    let mut refused = deposit(&mut world, &agent_account(&a), 10);
    refused.reads.push((Key::Agent(did("never")), 1));
    let sets = vec![
        refused,
        transfer(&mut world, &a, &b, 10),
        transfer(&mut world, &b, &a, 1),
        transfer(&mut world, &c, &b, 3),
    ];
    assert_eq!(world.commit(sets).await, [Conflict, Conflict, Conflict, Committed]);
    assert_eq!(world.balance(&a).await, nano(0));
    assert_eq!((world.balance(&b).await, world.balance(&c).await), (nano(3), nano(7)));
    // In one set only the sum counts, in whatever order its entries stand.
    let mut early = transfer(&mut world, &a, &b, 5);
    early.entries.extend(deposit(&mut world, &agent_account(&a), 5).entries);
    world.write(early).await;
    assert_eq!((world.balance(&a).await, world.balance(&b).await), (nano(0), nano(8)));
}

/// Who is paid need not look at the balance: a credit decided on an old view is written.
pub(crate) async fn a_credit_never_conflicts(mut world: World) {
    let a = did("a");
    let account = agent_account(&a);
    let old = world.load([Key::Balance(account.clone())]).await.snapshot;
    for _ in 0..3 {
        world.fund(&a, 10).await;
    }
    let set = deposit(&mut world, &account, 5);
    let batch = world.batch_on(old, vec![set]);
    assert_eq!(world.store().commit(batch).await, Ok(vec![Committed]));
    // Nor is a debit that fits: the balance itself is the guard, not its version.
    let set = transfer(&mut world, &a, &did("b"), 35);
    let batch = world.batch_on(old, vec![set]);
    assert_eq!(world.store().commit(batch).await, Ok(vec![Committed]));
    assert_eq!(world.balance(&a).await, nano(0));
}

/// A sum that does not fit into 64 bits is refused, not wrapped around.
pub(crate) async fn a_credit_beyond_64_bits_is_a_conflict(mut world: World) {
    let (a, b) = (did("a"), did("b"));
    world.fund(&a, i64::MAX - 1).await;
    let capital = |world: &mut World, amount: i64| {
        let moves = [(Account::Capital, -amount), (agent_account(&a), amount)];
        with_entries(vec![world.entry(EntryKind::Capital, moves)])
    };
    let sets = vec![capital(&mut world, 2), capital(&mut world, 1), capital(&mut world, 1)];
    assert_eq!(world.commit(sets).await, [Conflict, Committed, Conflict]);
    assert_eq!(world.balance(&a).await, nano(i64::MAX));
    let set = transfer(&mut world, &a, &b, i64::MAX);
    world.write(set).await;
    assert_eq!(world.balance(&b).await, nano(i64::MAX));
    assert_eq!(world.sum(&Account::Capital).await, nano(-1));
    assert_eq!(world.audit().await.breaches(), [""; 0]);
}

/// Over all orders, what went in and did not come out yet; after a restart too.
pub(crate) async fn what_open_orders_hold_is_summed_up(mut world: World) {
    let a = did("a");
    world.fund(&a, 1_000).await;
    assert_eq!(world.open_escrow().await, nano(0));
    let (first, second) = (Account::Order(world.order_id()), Account::Order(world.order_id()));
    let moved = |world: &mut World, order: &Account, amount: i64| {
        let moves = [(agent_account(&did("a")), -amount), (order.clone(), amount)];
        with_entries(vec![world.entry(EntryKind::EscrowFunded, moves)])
    };
    for (order, amount, expect) in [(&first, 10, 10), (&second, 7, 17), (&first, -10, 7)] {
        let set = moved(&mut world, order, amount);
        world.write(set).await;
        assert_eq!(world.open_escrow().await, nano(expect));
    }
    // What did not come to pass holds nothing.
    let set = moved(&mut world, &second, 5_000);
    world.conflict(set).await;
    let (more, less) = (moved(&mut world, &first, 3), moved(&mut world, &second, -2));
    assert_eq!(world.commit(vec![more, less]).await, [Committed; 2]);
    world.reopen().await;
    assert_eq!(world.open_escrow().await, nano(8));
    let set = moved(&mut world, &first, 1);
    world.write(set).await;
    assert_eq!(world.open_escrow().await, nano(9));
}

/// Guarded are the accounts that have a balance row; the journal sums up all of them.
pub(crate) async fn accounts_of_every_kind_are_kept(mut world: World) {
    let a = did("a");
    let accounts = [
        agent_account(&a),
        Account::Juror(a.clone()),
        Account::Collateral(a.clone()),
        Account::Insurance,
        Account::Order(world.order_id()),
        Account::Dispute(DisputeId::new(world.id())),
        Account::Withdrawal(world.withdrawal_id()),
        Account::Fees(FeeKind::Listing),
        Account::Fees(FeeKind::Transaction),
        Account::Fees(FeeKind::Dispute),
        Account::Capital,
        Account::TegFees,
        Account::Suspense,
    ];
    for (index, account) in accounts.iter().enumerate() {
        let amount = 10 + i64::try_from(index).unwrap_or_default();
        let set = deposit(&mut world, account, amount);
        world.write(set).await;
        assert_eq!(world.sum(account).await, nano(amount), "{account}");
        if account.has_balance_row() {
            let view = world.load([Key::Balance(account.clone())]).await;
            assert_eq!(view.balances.get(account), Some(&nano(amount)), "{account}");
            let moves = [(Account::Teg, amount + 1), (account.clone(), -amount - 1)];
            let entries = vec![world.entry(EntryKind::Withdrawal, moves)];
            world.conflict(with_entries(entries)).await;
            assert_eq!(world.sum(account).await, nano(amount), "{account}");
        }
    }
    assert_eq!(world.sum(&Account::Teg).await, nano(-(10..23).sum::<i64>()));
    let totals = world.audit().await.totals;
    for (name, expect) in [
        ("agent", 10),
        ("juror", 11),
        ("collateral", 12),
        ("insurance", 13),
        ("dispute", 15),
        ("fees:listing", 17),
        ("fees:transaction", 18),
        ("fees:dispute", 19),
        ("capital", 20),
        ("teg_fees", 21),
        ("suspense", 22),
    ] {
        let found = totals.iter().find(|(total, _)| total == name);
        assert_eq!(found.map(|(_, amount)| *amount), Some(nano(expect)), "{name} in {totals:?}");
    }
}

/// A set whose money does not fit leaves its rows unwritten, and the other way round.
pub(crate) async fn money_and_rows_stand_or_fall_together(mut world: World) {
    let (a, b) = (did("a"), did("b"));
    world.fund(&a, 5).await;
    let mut poor = transfer(&mut world, &a, &b, 6);
    poor.agents.push(insert(agent(&b)));
    world.conflict(poor).await;
    assert_eq!(world.store().agent(&b).await, Ok(None));
    world.write(with_agent(insert(agent(&b)))).await;
    let mut late = transfer(&mut world, &a, &b, 5);
    late.agents.push(insert(agent(&b)));
    world.conflict(late).await;
    assert_eq!((world.balance(&a).await, world.balance(&b).await), (nano(5), nano(0)));
}
