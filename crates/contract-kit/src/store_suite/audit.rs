//! The audit: silent when all is well, and right about what is not.

use marketplace_escrow::{Actor, Command, State};
use marketplace_ledger::{Account, EntryKind};
use marketplace_money::{Amount, OrderId, Seconds};
use marketplace_ports::{
    ChangeSet, Effect, EffectChange, EffectKind, Subject, Timer, TimerChange, Withdrawal,
    WithdrawalState,
};

use super::World;
use super::fixtures::{did, insert, nano, order, states, with_order};
use super::flow::{delivery, purchase, total, try_act};

/// The same figures in every run: which command comes next is no matter of chance.
struct Figures(u64);

impl Figures {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit
    }
}

fn commands() -> Vec<(Actor, Command)> {
    let half = nano(total() / 3);
    vec![
        (Actor::Seller, Command::Start),
        (Actor::Seller, delivery()),
        (Actor::Seller, delivery()),
        (Actor::Buyer, Command::RequestChanges { note: "more".into() }),
        (Actor::Buyer, Command::OfferSplit { seller: half }),
        (Actor::Seller, Command::AcceptSplit { expected: None }),
        (Actor::Seller, Command::Decline),
        (Actor::Buyer, Command::Cancel),
        (Actor::Buyer, Command::Accept),
        (Actor::Buyer, Command::ClaimNonDelivery),
        (Actor::Timer, Command::LapseReview),
        (Actor::Timer, Command::LapseRedelivery),
        (Actor::Timer, Command::Expire),
    ]
}

/// A purchase, or whatever the rules let somebody do to one of the latest orders.
async fn step(world: &mut World, figures: &mut Figures, orders: &mut Vec<OrderId>) -> ChangeSet {
    let names = ["a", "b", "c", "d"];
    let commands = commands();
    if orders.len() >= 4 && figures.below(4) > 0 {
        for _ in 0..20 {
            let latest = orders.len() - 1 - figures.below(orders.len().min(8));
            let (actor, command) = &commands[figures.below(commands.len())];
            if let Some(set) = try_act(world, orders[latest], *actor, command).await {
                return set;
            }
        }
    }
    let (buyer, distance) = (figures.below(4), 1 + figures.below(3));
    let seller = did(names[(buyer + distance) % 4]);
    let (id, set) = purchase(world, &did(names[buyer]), &seller).await;
    orders.push(id);
    set
}

/// Orders of four agents through all their ways, in batches in which some sets are in each
/// other's way: after each batch everything agrees.
pub(crate) async fn the_audit_is_clean_after_much_activity(mut world: World) {
    let mut figures = Figures(7);
    let mut orders = Vec::new();
    let mut outcomes = Vec::new();
    for name in ["a", "b", "c"] {
        world.fund(&did(name), 20 * total()).await;
    }
    let kinds = ["agent", "fees:transaction", "order", "teg"];
    for round in 0..100_u32 {
        let mut sets = Vec::new();
        for _ in 0..4 {
            sets.push(step(&mut world, &mut figures, &mut orders).await);
        }
        outcomes.extend(world.commit(sets).await);
        world.advance(if figures.below(10) == 0 { 90_000 } else { 60 });
        if round % 10 == 0 {
            let audit = world.audit().await;
            assert_eq!(audit.breaches(), [""; 0], "round {round}");
            let names: Vec<&str> = audit.totals.iter().map(|(name, _)| name.as_str()).collect();
            assert!(names.iter().all(|name| kinds.contains(name)), "{names:?}");
        }
    }
    let audit = world.audit().await;
    assert_eq!(audit.breaches(), [""; 0]);
    let total_of = |name: &str| audit.totals.iter().find(|(n, _)| n == name).map(|(_, sum)| *sum);
    assert_eq!(total_of("teg"), Some(nano(-60 * total())));
    let (agents, fees) = (total_of("agent"), total_of("fees:transaction"));
    assert!(fees.is_some_and(Amount::is_positive), "no order was ever completed");
    let mut balances = 0;
    for name in ["a", "b", "c", "d"] {
        balances += world.balance(&did(name)).await.nano();
    }
    assert_eq!(agents, Some(nano(balances)));
    assert_eq!(
        fees,
        Some(world.sum(&Account::Fees(marketplace_ledger::FeeKind::Transaction)).await)
    );
    let conflicts = outcomes
        .iter()
        .filter(|outcome| **outcome == marketplace_ports::CommitOutcome::Conflict)
        .count();
    let written = outcomes.len() - conflicts;
    assert!(conflicts > 20 && written > 200, "{written} sets and {conflicts} conflicts");
}

/// Each figure counts what its name says.
pub(crate) async fn the_audit_finds_what_is_wrong(mut world: World) {
    let now = world.now().await;
    let (buyer, seller) = (did("buyer"), did("seller"));
    world.fund(&buyer, 100).await;
    let funded = states(now).into_iter().find(|state| matches!(state, State::Funded(_)));
    let mut unpaid = order(world.order_id(), &buyer, &seller, now);
    unpaid.state = funded.expect("a funded state");
    let mut overpaid = order(world.order_id(), &buyer, &seller, now);
    overpaid.state = states(now).pop().expect("a closed state");
    let waiting = order(world.order_id(), &buyer, &seller, now);
    let moves = [(Account::Agent(buyer.clone()), -5), (Account::Order(overpaid.id), 5)];
    let entries = vec![world.entry(EntryKind::EscrowFunded, moves)];
    let orders = [unpaid, overpaid, waiting].map(insert).into();
    world.write(ChangeSet { orders, entries, ..ChangeSet::default() }).await;
    let flying = Withdrawal {
        id: world.withdrawal_id(),
        version: 1,
        agent: buyer,
        amount: nano(3),
        fee: nano(1),
        at: now,
        sent_at: None,
        state: WithdrawalState::InFlight,
    };
    let withdrawals = vec![insert(flying)];
    world.write(ChangeSet { withdrawals, ..ChangeSet::default() }).await;
    let audit = world.audit().await;
    assert_eq!((audit.unbalanced_entries, audit.wrong_balances, audit.broken_hashes), (0, 0, 0));
    assert_eq!((audit.wrong_escrows, audit.wrong_withdrawals), (2, 1));
    // The escrow of the first order, which nobody counted.
    assert_eq!(audit.wrong_exposures, 1);
    assert_eq!(audit.orders_without_timer, 2);
    assert_eq!((audit.orders, audit.postings), (3, 4));
    assert_eq!(audit.breaches().len(), 4, "{:?}", audit.breaches());
}

/// A minute of grace for timers; open work is counted until it is done.
pub(crate) async fn the_audit_counts_late_and_open_work(mut world: World) {
    let now = world.now().await;
    let id = world.order_id();
    let waiting = order(id, &did("buyer"), &did("seller"), now);
    let due = now.plus(Seconds(10));
    let timer = Timer { subject: Subject::Order(id), kind: "payment", sequence: 1, due };
    let kind = EffectKind::ResolveDeposit(world.deposit_id());
    let effect = Effect { id: world.id(), kind, due, attempts: 0 };
    let set = ChangeSet {
        timers: vec![TimerChange::Set(timer)],
        effects: vec![EffectChange::Add(effect.clone())],
        ..with_order(insert(waiting))
    };
    world.write(set).await;
    for (seconds, late) in [(10, 0), (59, 0), (2, 1)] {
        world.advance(seconds);
        let audit = world.audit().await;
        assert_eq!((audit.late_timers, audit.open_effects), (late, 1));
        assert_eq!(audit.breaches(), [""; 0]);
    }
    let effects = vec![EffectChange::Done(effect.id)];
    let timers = vec![TimerChange::Clear { subject: Subject::Order(id), kind: "payment" }];
    world.write(ChangeSet { effects, timers, ..ChangeSet::default() }).await;
    let audit = world.audit().await;
    assert_eq!((audit.late_timers, audit.open_effects, audit.orders_without_timer), (0, 0, 1));
}
