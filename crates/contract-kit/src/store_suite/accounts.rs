//! What an agent sees of its money.

use marketplace_escrow::{Actor, Command};
use marketplace_ledger::{Account, EntryKind};
use marketplace_money::{Amount, Seconds};
use marketplace_ports::{
    Agent, ChangeSet, Page, PayoutPolicy, StatementLine, WalletSums, Withdrawal, WithdrawalState,
};

use super::World;
use super::fixtures::{TEXT, agent, agent_account, did, insert, nano, update, with_agent};
use super::flow::{act, purchase, total};

async fn statement(
    world: &World,
    name: &str,
    cursor: Option<u64>,
    limit: u32,
) -> Page<StatementLine> {
    world.store().statement(&did(name), cursor, limit).await.expect("statement")
}

/// Newest first, each line with the balance that it left, the other accounts and the reason.
pub(crate) async fn a_statement_explains_the_balance(mut world: World) {
    let (a, b, c) = (agent_account(&did("a")), agent_account(&did("b")), agent_account(&did("c")));
    let before = world.now().await;
    let entries = [
        world.entry(EntryKind::Deposit, [(Account::Teg, -100), (a.clone(), 100)]),
        world.entry(EntryKind::Transfer, [(b.clone(), 30), (a.clone(), -30)]),
        world.entry(EntryKind::EscrowSplit, [(a.clone(), -20), (b.clone(), 15), (c.clone(), 5)]),
        world.entry(EntryKind::Transfer, [(b.clone(), -45), (c.clone(), 45)]),
        world.entry(EntryKind::Transfer, [(c.clone(), -50), (a.clone(), 50)]),
    ];
    // One batch of two sets, then one of one set: the balance runs through all of them.
    let set = |entries: &[marketplace_ledger::Entry]| ChangeSet {
        entries: entries.to_vec(),
        ..ChangeSet::default()
    };
    world.commit(vec![set(&entries[..2]), set(&entries[2..4])]).await;
    world.advance(5);
    world.write(set(&entries[4..])).await;
    let after = world.now().await;

    let page = statement(&world, "a", None, 100).await;
    assert_eq!(page.next, None);
    let found: Vec<_> =
        page.items.iter().map(|line| (line.entry, line.kind, line.delta, line.balance)).collect();
    let expect = [(4, 50, 100), (2, -20, 50), (1, -30, 70), (0, 100, 100)].map(
        |(index, delta, balance): (usize, i64, i64)| {
            (entries[index].id, entries[index].kind(), nano(delta), nano(balance))
        },
    );
    assert_eq!(found, expect);
    let mut others: Vec<Vec<Account>> = page.items.iter().map(|line| line.others.clone()).collect();
    others.iter_mut().for_each(|accounts| accounts.sort());
    assert_eq!(others, [vec![c.clone()], vec![b.clone(), c], vec![b], vec![Account::Teg]]);
    for pair in page.items.windows(2) {
        assert!(pair[0].position > pair[1].position, "{pair:?}");
        assert!(pair[0].at >= pair[1].at, "{pair:?}");
    }
    assert!(page.items.iter().all(|line| line.reason == TEXT));
    assert!(page.items.iter().all(|line| line.at >= before && line.at <= after));
    assert_eq!(page.items[0].at, after);
}

/// Page by page it is the same statement, also when entries come in between.
pub(crate) async fn a_statement_comes_in_pages(mut world: World) {
    for amount in 1..=7 {
        world.fund(&did("a"), amount).await;
        world.fund(&did("b"), amount).await;
    }
    for limit in [1, 3, 7, 100] {
        let whole = statement(&world, "a", None, 100).await.items;
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = statement(&world, "a", cursor, limit).await;
            found.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
            assert!(found.len() < whole.len(), "the pages never end");
            world.fund(&did("a"), 1).await;
        }
        assert_eq!(found, whole, "by {limit}");
    }
}

async fn wallet(world: &World, name: &str) -> WalletSums {
    world.store().wallet(&did(name)).await.expect("wallet")
}

/// Free, in escrow as a buyer, locked, and on its way out: each token in one place.
pub(crate) async fn a_wallet_shows_each_token_in_one_place(mut world: World) {
    let (a, b) = (did("a"), did("b"));
    world.fund(&a, 10 * total()).await;
    let free = |parts: i64| nano(parts * total());
    let (first, set) = purchase(&mut world, &a, &b).await;
    world.write(set).await;
    let (second, set) = purchase(&mut world, &a, &b).await;
    world.write(set).await;
    let expect = WalletSums { available: free(8), in_escrow: free(2), ..WalletSums::default() };
    assert_eq!(wallet(&world, "a").await, expect);
    // What waits for a seller is not the seller's.
    assert_eq!(wallet(&world, "b").await, WalletSums::default());
    let set = act(&mut world, first, Actor::Buyer, &Command::Accept).await;
    world.write(set).await;
    let set = act(&mut world, second, Actor::Seller, &Command::Start).await;
    world.write(set).await;
    let expect = WalletSums { in_escrow: free(1), ..expect };
    assert_eq!(wallet(&world, "a").await, expect);

    let moves = [(agent_account(&a), -5), (Account::Collateral(a.clone()), 5)];
    let entries = vec![world.entry(EntryKind::Collateral, moves)];
    world.write(ChangeSet { entries, ..ChangeSet::default() }).await;
    let row = withdrawal(&mut world, "a", 3, 4).await;
    let less = nano(8 * total() - 12);
    let expect =
        WalletSums { available: less, in_escrow: free(1), in_bonds: nano(5), in_flight: nano(7) };
    assert_eq!(wallet(&world, "a").await, expect);

    let moves = [(Account::Withdrawal(row.id), -7), (agent_account(&a), 7)];
    let entries = vec![world.entry(EntryKind::WithdrawalReturned, moves)];
    let state = WithdrawalState::Returned { reason: "no".into() };
    let withdrawals = vec![update(1, Withdrawal { version: 2, state, ..row })];
    world.write(ChangeSet { entries, withdrawals, ..ChangeSet::default() }).await;
    let less = nano(8 * total() - 5);
    assert_eq!(
        wallet(&world, "a").await,
        WalletSums { available: less, in_flight: nano(0), ..expect }
    );
    assert_eq!(world.audit().await.breaches(), [""; 0]);
}

async fn withdrawal(world: &mut World, name: &str, amount: i64, fee: i64) -> Withdrawal {
    let row = Withdrawal {
        id: world.withdrawal_id(),
        version: 1,
        agent: did(name),
        amount: nano(amount),
        fee: nano(fee),
        at: world.now().await,
        sent_at: None,
        state: WithdrawalState::InFlight,
    };
    let moves =
        [(agent_account(&did(name)), -amount - fee), (Account::Withdrawal(row.id), amount + fee)];
    let entries = vec![world.entry(EntryKind::Withdrawal, moves)];
    let withdrawals = vec![insert(row.clone())];
    world.write(ChangeSet { entries, withdrawals, ..ChangeSet::default() }).await;
    row
}

/// Who asked to be paid out, from the balance that it set, and nobody else.
pub(crate) async fn payouts_are_due_by_policy(mut world: World) {
    let policies = [
        ("manual", PayoutPolicy::Manual, 100, false),
        ("immediate", PayoutPolicy::Immediate, 1, true),
        ("empty", PayoutPolicy::Immediate, 0, false),
        ("below", PayoutPolicy::Threshold(nano(50)), 49, false),
        ("at", PayoutPolicy::Threshold(nano(50)), 50, true),
        ("above", PayoutPolicy::Threshold(nano(50)), 51, true),
        ("nothing", PayoutPolicy::Threshold(Amount::ZERO), 0, false),
    ];
    for (name, payout, balance, _) in policies {
        let row = Agent { payout, ..agent(&did(name)) };
        world.write(with_agent(insert(row))).await;
        if balance > 0 {
            world.fund(&did(name), balance).await;
        }
    }
    world.fund(&did("stranger"), 100).await;
    let mut due = world.store().payouts_due(100).await.expect("payouts_due");
    due.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let mut expect: Vec<_> = policies
        .into_iter()
        .filter(|(.., due)| *due)
        .map(|(name, policy, balance, _)| (did(name), policy, nano(balance)))
        .collect();
    expect.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    assert_eq!(due, expect);
    assert_eq!(world.store().payouts_due(2).await.expect("payouts_due").len(), 2);
    // Paid out, or thought better of: no longer due.
    withdrawal(&mut world, "at", 1, 0).await;
    let row = Agent { version: 2, payout: PayoutPolicy::Manual, ..agent(&did("above")) };
    world.write(with_agent(update(1, row))).await;
    let due = world.store().payouts_due(100).await.expect("payouts_due");
    assert_eq!(due, [(did("immediate"), PayoutPolicy::Immediate, nano(1))]);
}

/// Sums over all transfers between two agents since an instant, each way by itself, however much
/// else there is on their statements.
pub(crate) async fn who_sent_whom_how_much_is_summed_up(mut world: World) {
    let names: Vec<_> = ["a", "b", "c", "d"].iter().map(|name| did(name)).collect();
    for name in &names {
        world.fund(name, 1_000).await;
    }
    let send = async |world: &mut World, kind, from: &str, to: &str, amount: i64| {
        let moves = [(agent_account(&did(from)), -amount), (agent_account(&did(to)), amount)];
        let entries = vec![world.entry(kind, moves)];
        world.write(ChangeSet { entries, ..ChangeSet::default() }).await;
    };
    send(&mut world, EntryKind::Transfer, "d", "a", 50).await;
    world.advance(10);
    let since = world.now().await;
    for amount in [20, 5] {
        send(&mut world, EntryKind::Transfer, "a", "b", amount).await;
    }
    // Neither the other way round, nor for work, nor from or to us.
    send(&mut world, EntryKind::Transfer, "b", "a", 24).await;
    send(&mut world, EntryKind::EscrowSplit, "c", "a", 50).await;
    send(&mut world, EntryKind::Transfer, "c", "d", 30).await;
    let insured = world
        .entry(EntryKind::Transfer, [(agent_account(&did("b")), -40), (Account::Insurance, 40)]);
    let entries = vec![insured];
    world.write(ChangeSet { entries, ..ChangeSet::default() }).await;
    for _ in 0..12 {
        send(&mut world, EntryKind::Transfer, "c", "b", 1).await;
        world.fund(&did("b"), 1).await;
    }
    let check = async |world: &World, agents: &[&str], since, least, expect: &[(&str, &str)]| {
        let agents: Vec<_> = agents.iter().map(|name| did(name)).collect();
        let found = world.store().sent_since(&agents, since, nano(least)).await;
        let expect: Vec<_> = expect.iter().map(|(from, to)| (did(from), did(to))).collect();
        assert_eq!(found.expect("sent_since"), expect, "{agents:?} {least}");
    };
    check(&world, &["a"], since, 25, &[("a", "b")]).await;
    check(&world, &["b", "a"], since, 25, &[("a", "b")]).await;
    check(&world, &["b"], since, 24, &[("a", "b"), ("b", "a")]).await;
    check(&world, &["b"], since, 12, &[("a", "b"), ("b", "a"), ("c", "b")]).await;
    check(&world, &["b"], since, 13, &[("a", "b"), ("b", "a")]).await;
    check(&world, &["d"], since, 30, &[("c", "d")]).await;
    check(&world, &["d"], since, 31, &[]).await;
    check(&world, &["a", "c"], since, 26, &[("c", "d")]).await;
    check(&world, &["a"], since.minus(Seconds(60)), 50, &[("d", "a")]).await;
    check(&world, &["nobody"], since, 1, &[]).await;
    check(&world, &[], since, 1, &[]).await;
}
