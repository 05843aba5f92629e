//! What crosses the edge to the TEG: transfers by their name, open withdrawals, and what is owed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use marketplace_ledger::{Account, EntryKind};
use marketplace_money::Amount;
use marketplace_ports::{
    ChangeSet, Key, LiabilitySink, Subject, TegPosition, TegRecord, TegRecordState,
    TegTransactionId, Withdrawal, WithdrawalState,
};

use super::World;
use super::fixtures::{TEXT, agent_account, did, insert, nano, teg_record, update};
use super::flow::{purchase, total};
use crate::faults::lock;

/// In every state, inserted and updated, with every field there and not there.
pub(crate) async fn transfers_at_the_teg_come_back_as_they_were(mut world: World) {
    let at = world.now().await.plus_micros(7);
    let order = Subject::Order(world.order_id());
    let entry = world.entry_id();
    let states = [
        TegRecordState::Pending,
        TegRecordState::Failed,
        TegRecordState::Unmatched,
        TegRecordState::Booked(entry),
    ];
    let mut number = 0;
    for (first, second) in states.iter().flat_map(|a| states.iter().map(move |b| (*a, *b))) {
        number += 1;
        let row = TegRecord {
            id: TegTransactionId(format!("{TEXT}{number}")),
            version: 1,
            state: first,
            payer: None,
            amount: nano(1_000_000_001),
            dust: 0,
            memo: TEXT.into(),
            at,
            used_for: None,
        };
        let next = TegRecord {
            version: 2,
            state: second,
            payer: Some(did("payer")),
            dust: 999_999_999,
            used_for: Some(order),
            ..row.clone()
        };
        for change in [insert(row), update(1, next)] {
            let row = Arc::clone(&change.row);
            let teg_records = vec![change];
            world.write(ChangeSet { teg_records, ..ChangeSet::default() }).await;
            let view = world.load([Key::TegTransaction(row.id.clone())]).await;
            assert_eq!(view.teg_records[&row.id], row);
        }
    }
}

/// A transfer pays for one thing: of two that want it, the second one is a conflict.
pub(crate) async fn a_transfer_is_used_once(mut world: World) {
    let entry = world.entry_id();
    let row = teg_record("t", entry);
    world.write(ChangeSet { teg_records: vec![insert(row.clone())], ..ChangeSet::default() }).await;
    let used = |world: &mut World| {
        let used_for = Some(Subject::Order(world.order_id()));
        let teg_records = vec![update(1, TegRecord { version: 2, used_for, ..row.clone() })];
        ChangeSet { teg_records, ..ChangeSet::default() }
    };
    let (first, second) = (used(&mut world), used(&mut world));
    world.write(first.clone()).await;
    world.conflict(second).await;
    let view = world.load([Key::TegTransaction(row.id.clone())]).await;
    assert_eq!(view.teg_records[&row.id], first.teg_records[0].row);
}

async fn flying(world: &mut World, name: &str, amount: i64, sent: bool) -> Withdrawal {
    let now = world.now().await;
    let agent = did(name);
    let row = Withdrawal {
        id: world.withdrawal_id(),
        version: 1,
        agent: agent.clone(),
        amount: nano(amount - 1),
        fee: nano(1),
        at: now,
        sent_at: sent.then_some(now),
        state: WithdrawalState::InFlight,
    };
    let moves = [(agent_account(&agent), -amount), (Account::Withdrawal(row.id), amount)];
    let entries = vec![world.entry(EntryKind::Withdrawal, moves)];
    let withdrawals = vec![insert(row.clone())];
    world.write(ChangeSet { entries, withdrawals, ..ChangeSet::default() }).await;
    row
}

async fn end(world: &mut World, row: &Withdrawal) {
    let held = row.held().nano();
    let moves = [(Account::Withdrawal(row.id), -held), (Account::Teg, held)];
    let entries = vec![world.entry(EntryKind::WithdrawalSettled, moves)];
    let state = WithdrawalState::Settled(TegTransactionId("s".into()));
    let withdrawals = vec![update(1, Withdrawal { version: 2, state, ..row.clone() })];
    world.write(ChangeSet { entries, withdrawals, ..ChangeSet::default() }).await;
}

/// Withdrawals in flight and waiting, by id, page by page; those that ended are not told.
pub(crate) async fn open_withdrawals_are_told(mut world: World) {
    world.fund(&did("a"), 100).await;
    let mut rows = Vec::new();
    for amount in 2..8 {
        rows.push(flying(&mut world, "a", amount, amount % 2 == 0).await);
    }
    let state = WithdrawalState::Waiting { reason: TEXT.into() };
    rows[1] = Withdrawal { version: 2, state, ..rows[1].clone() };
    let withdrawals = vec![update(1, rows[1].clone())];
    world.write(ChangeSet { withdrawals, ..ChangeSet::default() }).await;
    end(&mut world, &rows.remove(3)).await;
    rows.sort_by_key(|row| row.id);
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = world.store().open_withdrawals(after, 2).await.expect("withdrawals");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        after = Some(last.id);
        found.extend(page.iter().map(|row| row.as_ref().clone()));
    }
    assert_eq!(found, rows);
}

/// Booked, dust, what is in flight, and what fits nothing.
pub(crate) async fn the_position_at_the_teg_adds_up(mut world: World) {
    let empty = world.store().teg_position().await;
    assert_eq!(empty, Ok(TegPosition::default()));
    world.fund(&did("a"), 100).await;
    let sent = flying(&mut world, "a", 20, true).await;
    flying(&mut world, "a", 30, true).await;
    flying(&mut world, "a", 5, false).await;
    end(&mut world, &sent).await;
    let entry = world.entry_id();
    let dusty = |name: &str, dust| TegRecord { dust, ..teg_record(name, entry) };
    let strange = TegRecord { state: TegRecordState::Unmatched, ..teg_record("u", entry) };
    let teg_records = [dusty("a", 999_999_999), dusty("b", 2), strange.clone()].map(insert).into();
    world.write(ChangeSet { teg_records, ..ChangeSet::default() }).await;
    let expect = TegPosition {
        booked: nano(80),
        dust: 1_000_000_001,
        unconfirmed: nano(30),
        queued: nano(5),
        unmatched: vec![Arc::new(strange.clone())],
    };
    assert_eq!(world.store().teg_position().await, Ok(expect.clone()));
    let explained = TegRecord { version: 2, state: TegRecordState::Booked(entry), ..strange };
    let teg_records = vec![update(1, explained)];
    world.write(ChangeSet { teg_records, ..ChangeSet::default() }).await;
    let expect = TegPosition { unmatched: vec![], ..expect };
    assert_eq!(world.store().teg_position().await, Ok(expect));
}

/// Balances, escrow, collateral and tokens in flight, each account once, and nothing else.
pub(crate) async fn liabilities_are_all_that_we_owe(mut world: World) {
    let (a, b) = (did("a"), did("b"));
    world.fund(&a, 3 * total()).await;
    let (order, set) = purchase(&mut world, &a, &b).await;
    let escrow = set.orders[0].row.as_ref().escrow();
    world.write(set).await;
    let moves = [(agent_account(&a), -7), (Account::Collateral(a.clone()), 7)];
    let lock_up = world.entry(EntryKind::Collateral, moves);
    let moves = [(agent_account(&a), -3), (Account::Insurance, 3)];
    let insure = world.entry(EntryKind::Transfer, moves);
    let spent = world.entry(EntryKind::Transfer, [(agent_account(&a), -9), (agent_account(&b), 9)]);
    let back = world.entry(EntryKind::Transfer, [(agent_account(&b), -9), (agent_account(&a), 9)]);
    let entries = vec![lock_up, insure, spent, back];
    world.write(ChangeSet { entries, ..ChangeSet::default() }).await;
    let flying = flying(&mut world, "a", 11, true).await;
    world.settle().await;
    let found: Arc<Mutex<BTreeMap<Account, Amount>>> = Arc::default();
    let sink: LiabilitySink = {
        let found = Arc::clone(&found);
        Arc::new(move |part| {
            for liability in part {
                let before = lock(&found).insert(liability.account, liability.amount);
                assert_eq!(before, None, "an account was told twice");
            }
        })
    };
    let told = world.store().liabilities(sink).await.expect("liabilities");
    assert_eq!((told.at, told.booked), (world.now().await, nano(3 * total())));
    let free = 3 * total() - escrow.nano() - 7 - 3 - 11;
    let expect = BTreeMap::from([
        (agent_account(&a), nano(free)),
        (Account::Order(order), escrow),
        (Account::Collateral(a), nano(7)),
        (Account::Withdrawal(flying.id), nano(11)),
    ]);
    assert_eq!(*lock(&found), expect);
}
