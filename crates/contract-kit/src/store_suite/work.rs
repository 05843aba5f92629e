//! Timers and outbox: set, moved, taken away, and given to one worker at a time.

use std::sync::Arc;

use marketplace_money::{Seconds, Timestamp};
use marketplace_ports::{
    ChangeSet, DeadEffect, Effect, EffectChange, EffectKind, Notice, Subject, Timer, TimerChange,
};

use super::World;
use super::fixtures::did;

fn timer(subject: Subject, kind: &'static str, due: Timestamp) -> Timer {
    Timer { subject, kind, sequence: 1, due }
}

fn with_timers(timers: impl IntoIterator<Item = TimerChange>) -> ChangeSet {
    ChangeSet { timers: timers.into_iter().collect(), ..ChangeSet::default() }
}

fn with_effects(effects: impl IntoIterator<Item = EffectChange>) -> ChangeSet {
    ChangeSet { effects: effects.into_iter().collect(), ..ChangeSet::default() }
}

async fn set_timers(world: &mut World, timers: &[Timer]) {
    world.write(with_timers(timers.iter().cloned().map(TimerChange::Set))).await;
}

async fn lease_timers(world: &mut World, seconds: u32, limit: u32) -> Vec<Timer> {
    let lease = world.lease(seconds);
    world.store().lease_timers(lease, limit).await.expect("lease_timers")
}

async fn lease_effects(world: &mut World, seconds: u32, limit: u32) -> Vec<Effect> {
    let lease = world.lease(seconds);
    world.store().lease_effects(lease, limit).await.expect("lease_effects")
}

async fn next_due(world: &World) -> Option<Timestamp> {
    world.store().dues().await.expect("dues").next()
}

/// Subjects of all kinds; not a microsecond early, and exactly then.
pub(crate) async fn a_timer_is_given_when_it_is_due(mut world: World) {
    let now = world.now().await;
    let kinds = ["payment", "expiry", "review", "redelivery"];
    let subjects = [
        Subject::Order(world.order_id()),
        Subject::Listing(world.listing_id()),
        Subject::Withdrawal(world.withdrawal_id()),
        Subject::Deposit(world.deposit_id()),
    ];
    let timers: Vec<Timer> = subjects
        .iter()
        .zip(kinds)
        .zip(0_i64..)
        .map(|((subject, kind), index)| Timer {
            sequence: u64::from(u32::MAX) + 7,
            ..timer(*subject, kind, now.plus_micros(10 - index))
        })
        .collect();
    set_timers(&mut world, &timers).await;
    world.clock().advance_micros(6);
    assert_eq!(lease_timers(&mut world, 30, 10).await, []);
    assert_eq!(next_due(&world).await, Some(now.plus_micros(7)));
    world.clock().advance_micros(1);
    assert_eq!(lease_timers(&mut world, 30, 10).await, [timers[3].clone()]);
    assert_eq!(next_due(&world).await, Some(now.plus_micros(8)));
    world.clock().advance_micros(10);
    let oldest_first = [timers[2].clone(), timers[1].clone(), timers[0].clone()];
    assert_eq!(lease_timers(&mut world, 30, 10).await, oldest_first);
}

/// Not to another worker and not to the same one, before the lease ends; after that to anybody.
pub(crate) async fn a_leased_timer_is_not_given_again_before_its_lease_ends(mut world: World) {
    let now = world.now().await;
    let set = timer(Subject::Order(world.order_id()), "expiry", now);
    set_timers(&mut world, std::slice::from_ref(&set)).await;
    let lease = world.lease(30);
    let store = world.store();
    assert_eq!(store.lease_timers(lease, 10).await, Ok(vec![set.clone()]));
    assert_eq!(store.lease_timers(lease, 10).await, Ok(vec![]));
    assert_eq!(next_due(&world).await, None);
    world.clock().advance_micros(Seconds(30).micros() - 1);
    assert_eq!(lease_timers(&mut world, 30, 10).await, []);
    assert_eq!(next_due(&world).await, None);
    world.clock().advance_micros(2);
    assert_eq!(next_due(&world).await, Some(set.due));
    assert_eq!(lease_timers(&mut world, 30, 10).await, [set]);
    assert_eq!(lease_timers(&mut world, 30, 10).await, []);
}

/// A worker gets no more than it asks for, the oldest, and the rest is left to others.
pub(crate) async fn timers_are_given_oldest_first_up_to_the_limit(mut world: World) {
    let now = world.now().await;
    let mut timers = Vec::new();
    for micros in [5, 3, 9, 1, 7] {
        let subject = Subject::Order(world.order_id());
        timers.push(timer(subject, "expiry", now.plus_micros(micros)));
    }
    set_timers(&mut world, &timers).await;
    world.advance(1);
    timers.sort_by_key(|timer| timer.due);
    assert_eq!(lease_timers(&mut world, 30, 2).await, timers[..2]);
    assert_eq!(next_due(&world).await, Some(timers[2].due));
    assert_eq!(lease_timers(&mut world, 30, 2).await, timers[2..4]);
    assert_eq!(lease_timers(&mut world, 30, 2).await, timers[4..]);
    assert_eq!(lease_timers(&mut world, 30, 2).await, []);
}

/// One timer for each subject and kind: set again, it is another, and nobody holds it.
pub(crate) async fn a_timer_set_again_is_moved(mut world: World) {
    let now = world.now().await;
    let (subject, other) = (Subject::Order(world.order_id()), Subject::Order(world.order_id()));
    let first = timer(subject, "review", now);
    let beside = [timer(subject, "expiry", now.plus(Seconds(50))), timer(other, "review", now)];
    set_timers(&mut world, &beside).await;
    set_timers(&mut world, std::slice::from_ref(&first)).await;
    let later = Timer { sequence: 2, due: now.plus(Seconds(10)), ..first.clone() };
    set_timers(&mut world, std::slice::from_ref(&later)).await;
    assert_eq!(lease_timers(&mut world, 300, 10).await, [beside[1].clone()]);
    world.advance(10);
    assert_eq!(lease_timers(&mut world, 300, 10).await, std::slice::from_ref(&later));
    let sooner = Timer { sequence: 3, due: now.plus(Seconds(5)), ..later };
    set_timers(&mut world, std::slice::from_ref(&sooner)).await;
    assert_eq!(lease_timers(&mut world, 300, 10).await, [sooner]);
    world.advance(60);
    assert_eq!(lease_timers(&mut world, 300, 10).await, [beside[0].clone()]);
}

/// Leased or not, a cleared timer never comes again; clearing what is not there is no error.
pub(crate) async fn a_cleared_timer_is_gone(mut world: World) {
    let now = world.now().await;
    let (subject, other) = (Subject::Order(world.order_id()), Subject::Order(world.order_id()));
    let timers =
        [timer(subject, "review", now), timer(subject, "expiry", now), timer(other, "review", now)];
    let clear = |subject, kind| TimerChange::Clear { subject, kind };
    world.write(with_timers([clear(subject, "review")])).await;
    set_timers(&mut world, &timers).await;
    world.write(with_timers([clear(subject, "review")])).await;
    assert_eq!(lease_timers(&mut world, 30, 10).await.len(), 2);
    world.write(with_timers([clear(subject, "expiry")])).await;
    world.advance(31);
    assert_eq!(lease_timers(&mut world, 30, 10).await, [timers[2].clone()]);
}

/// In a batch the last word on a timer counts, within a set and between sets.
pub(crate) async fn the_last_word_on_a_timer_counts(mut world: World) {
    let now = world.now().await;
    let subjects = [(); 3].map(|()| Subject::Order(world.order_id()));
    let set = |index: usize, sequence| {
        TimerChange::Set(Timer { sequence, ..timer(subjects[index], "review", now) })
    };
    let clear = |index: usize| TimerChange::Clear { subject: subjects[index], kind: "review" };
    let sets = vec![
        with_timers([set(0, 1), clear(0), set(1, 1)]),
        with_timers([set(2, 1), clear(2), set(2, 2)]),
        with_timers([clear(1)]),
    ];
    world.commit(sets).await;
    let left = Timer { sequence: 2, ..timer(subjects[2], "review", now) };
    assert_eq!(lease_timers(&mut world, 30, 10).await, [left]);
}

/// Work of every kind comes as it was written, when it is due, and until it is done.
pub(crate) async fn an_effect_is_given_until_it_is_done(mut world: World) {
    let now = world.now().await;
    let order = world.order_id();
    let uri: Arc<str> = "https://example.org/🧑‍🚀?a=b".into();
    let kinds = [
        EffectKind::SendWithdrawal(world.withdrawal_id()),
        EffectKind::ResolveDeposit(world.deposit_id()),
        EffectKind::FetchDelivery { order, sha256: [0x7f; 32], uri },
        EffectKind::Signal { withdrawal: world.withdrawal_id(), order },
    ];
    let mut effects = Vec::new();
    for (kind, seconds) in kinds.into_iter().zip([0, 1, 2, 2]) {
        let due = now.plus(Seconds(seconds));
        effects.push(Effect { id: world.id(), kind, due, attempts: 0 });
    }
    world.write(with_effects(effects.iter().cloned().map(EffectChange::Add))).await;
    assert_eq!(world.audit().await.open_effects, 4);
    assert_eq!(lease_effects(&mut world, 30, 10).await, effects[..1]);
    assert_eq!(next_due(&world).await, Some(effects[1].due));
    world.advance(2);
    assert_eq!(lease_effects(&mut world, 30, 10).await, effects[1..]);
    assert_eq!(lease_effects(&mut world, 30, 10).await, []);
    assert_eq!(next_due(&world).await, None);
    let done = [effects[0].id, effects[2].id, effects[3].id, world.id()].map(EffectChange::Done);
    world.write(with_effects(done)).await;
    world.advance(31);
    assert_eq!(lease_effects(&mut world, 30, 10).await, effects[1..2]);
    assert_eq!(world.audit().await.open_effects, 1);
}

/// Work that failed comes again at the time that was said, with its attempts, to anybody.
pub(crate) async fn a_retried_effect_comes_again(mut world: World) {
    let now = world.now().await;
    let kind = EffectKind::SendWithdrawal(world.withdrawal_id());
    let effect = Effect { id: world.id(), kind, due: now, attempts: 0 };
    world.write(with_effects([EffectChange::Add(effect.clone())])).await;
    assert_eq!(lease_effects(&mut world, 300, 10).await, std::slice::from_ref(&effect));
    let due = now.plus(Seconds(10));
    let error = super::fixtures::TEXT.to_owned();
    let retry = EffectChange::Retry { id: effect.id, due, attempts: 4, error };
    world.write(with_effects([retry])).await;
    assert_eq!(lease_effects(&mut world, 300, 10).await, []);
    assert_eq!(next_due(&world).await, Some(due));
    world.advance(10);
    let again = Effect { due, attempts: 4, ..effect };
    assert_eq!(lease_effects(&mut world, 300, 10).await, std::slice::from_ref(&again));
    // Trying again what is done by now brings nothing back.
    world.write(with_effects([EffectChange::Done(again.id)])).await;
    let late = EffectChange::Retry { id: again.id, due, attempts: 5, error: String::new() };
    world.write(with_effects([late])).await;
    world.advance(301);
    assert_eq!(lease_effects(&mut world, 300, 10).await, []);
}

/// Work that was given up is nobody's, and shown with its last error until it is tried again.
pub(crate) async fn what_is_given_up_is_a_dead_letter(mut world: World) {
    let now = world.now().await;
    let mut effects = Vec::new();
    for notice in [Notice::OrderReceived, Notice::OrderRefunded, Notice::OrderStarted] {
        let kind = EffectKind::Notify { order: world.order_id(), agent: did("seller"), notice };
        effects.push(Effect { id: world.id(), kind, due: now, attempts: 0 });
    }
    world.write(with_effects(effects.iter().cloned().map(EffectChange::Add))).await;
    assert_eq!(lease_effects(&mut world, 30, 10).await.len(), 3);
    let give_up = |effect: &Effect, attempts: u32| EffectChange::Retry {
        id: effect.id,
        due: Effect::NEVER,
        attempts,
        error: format!("{}{attempts}", super::fixtures::TEXT),
    };
    let changes = [give_up(&effects[0], 16), give_up(&effects[1], 3)];
    world.write(with_effects(changes)).await;
    world.write(with_effects([EffectChange::Done(effects[2].id)])).await;
    world.advance(86_400 * 365);
    assert_eq!(lease_effects(&mut world, 30, 10).await, []);
    assert_eq!(next_due(&world).await, None);
    world.reopen().await;
    let dead = async |world: &World, limit| {
        let mut dead = world.store().dead_effects(limit).await.expect("dead_effects");
        dead.sort_by_key(|dead| dead.effect.attempts);
        dead
    };
    assert_eq!(dead(&world, 1).await.len(), 1);
    let shown = dead(&world, 10).await;
    let expect = |index: usize, attempts: u32| DeadEffect {
        effect: Effect { due: Effect::NEVER, attempts, ..effects[index].clone() },
        error: format!("{}{attempts}", super::fixtures::TEXT),
    };
    assert_eq!(shown, [expect(1, 3), expect(0, 16)]);
    // An operator tries again.
    let due = world.now().await;
    let again = EffectChange::Retry { id: effects[0].id, due, attempts: 0, error: String::new() };
    world.write(with_effects([again])).await;
    assert_eq!(dead(&world, 10).await, [expect(1, 3)]);
    let given = lease_effects(&mut world, 30, 10).await;
    assert_eq!(given, [Effect { due, attempts: 0, ..effects[0].clone() }]);
}

/// Work that was added and done in one batch was never there.
pub(crate) async fn an_effect_done_in_its_own_batch_never_shows(mut world: World) {
    let now = world.now().await;
    let mut effects = Vec::new();
    for seconds in [0, 0, 0, 5, 3, 4] {
        let kind = EffectKind::ResolveDeposit(world.deposit_id());
        let due = now.plus(Seconds(seconds));
        effects.push(Effect { id: world.id(), kind, due, attempts: 1 });
    }
    let sets = vec![
        with_effects(effects.iter().cloned().map(EffectChange::Add)),
        with_effects([effects[0].id, effects[1].id].map(EffectChange::Done)),
    ];
    world.commit(sets).await;
    world.advance(5);
    let left = [&effects[2], &effects[4], &effects[5]].map(Clone::clone);
    assert_eq!(lease_effects(&mut world, 30, 3).await, left);
    assert_eq!(lease_effects(&mut world, 30, 3).await, effects[3..4]);
}

/// Workers that ask at the same time share the work; nothing is given twice, nothing forgotten.
pub(crate) async fn workers_at_once_get_each_timer_once(mut world: World) {
    const TIMERS: usize = 40;
    let now = world.now().await;
    let mut timers = Vec::new();
    for _ in 0..TIMERS {
        timers.push(timer(Subject::Order(world.order_id()), "expiry", now));
    }
    set_timers(&mut world, &timers).await;
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (store, lease) = (world.store(), world.lease(30));
        workers.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let leased = store.lease_timers(lease, 3).await.expect("lease_timers");
                if leased.is_empty() {
                    return mine;
                }
                mine.extend(leased);
                assert!(mine.len() <= TIMERS, "one worker got more than there is");
                tokio::task::yield_now().await;
            }
        });
    }
    let mut given: Vec<Subject> =
        workers.join_all().await.into_iter().flatten().map(|timer| timer.subject).collect();
    given.sort();
    let mut expect: Vec<Subject> = timers.iter().map(|timer| timer.subject).collect();
    expect.sort();
    assert_eq!(given, expect);
}

/// The next due is the first of both tables that nobody holds.
pub(crate) async fn the_next_due_is_the_first_that_is_free(mut world: World) {
    let now = world.now().await;
    let in_seconds = |seconds| now.plus(Seconds(seconds));
    assert_eq!(next_due(&world).await, None);
    let timers =
        [5, 20].map(|due| timer(Subject::Order(world.order_id()), "expiry", in_seconds(due)));
    set_timers(&mut world, &timers).await;
    assert_eq!(next_due(&world).await, Some(in_seconds(5)));
    let kind = EffectKind::SendWithdrawal(world.withdrawal_id());
    let effect = Effect { id: world.id(), kind, due: in_seconds(3), attempts: 0 };
    world.write(with_effects([EffectChange::Add(effect.clone())])).await;
    assert_eq!(next_due(&world).await, Some(in_seconds(3)));
    world.advance(10);
    assert_eq!(lease_effects(&mut world, 100, 10).await.len(), 1);
    assert_eq!(next_due(&world).await, Some(in_seconds(5)));
    assert_eq!(lease_timers(&mut world, 7, 10).await.len(), 1);
    assert_eq!(next_due(&world).await, Some(in_seconds(20)));
    world.advance(8);
    assert_eq!(next_due(&world).await, Some(in_seconds(5)));
}

/// Of those who ask for a job one gets it, keeps it while it asks again, and loses it when it does
/// not. Jobs of other names are other jobs.
pub(crate) async fn a_job_has_one_holder(mut world: World) {
    let (mine, other) = (world.lease(30), world.lease(30));
    let store = world.store();
    assert_eq!(store.lease_job("mirror", mine).await, Ok(true));
    assert_eq!(store.lease_job("mirror", other).await, Ok(false));
    assert_eq!(store.lease_job("payouts", other).await, Ok(true));
    assert_eq!(store.lease_job("payouts", mine).await, Ok(false));
    world.advance(20);
    assert_eq!(store.lease_job("mirror", mine).await, Ok(true));
    world.advance(20);
    assert_eq!(store.lease_job("mirror", other).await, Ok(false));
    assert_eq!(store.lease_job("payouts", mine).await, Ok(true));
    world.advance(11);
    assert_eq!(store.lease_job("mirror", other).await, Ok(true));
    assert_eq!(store.lease_job("mirror", mine).await, Ok(false));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (store, lease) = (world.store(), world.lease(30));
        workers.spawn(async move { store.lease_job("race", lease).await.expect("lease_job") });
    }
    let got = workers.join_all().await;
    assert_eq!(got.into_iter().filter(|got| *got).count(), 1);
}

/// A worker that stops gives back what it holds, and only that.
pub(crate) async fn what_is_given_back_is_free_at_once(mut world: World) {
    let now = world.now().await;
    let timers = [(); 4].map(|()| timer(Subject::Order(world.order_id()), "expiry", now));
    set_timers(&mut world, &timers).await;
    let mut effects = Vec::new();
    for _ in 0..4 {
        let kind = EffectKind::SendWithdrawal(world.withdrawal_id());
        effects.push(Effect { id: world.id(), kind, due: now, attempts: 0 });
    }
    world.write(with_effects(effects.iter().cloned().map(EffectChange::Add))).await;
    let (mine, other) = (world.lease(300), world.lease(300));
    let store = world.store();
    let my_timers = store.lease_timers(mine, 2).await.expect("lease_timers");
    let my_effects = store.lease_effects(mine, 2).await.expect("lease_effects");
    assert_eq!(store.lease_timers(other, 10).await.map(|timers| timers.len()), Ok(2));
    assert_eq!(store.lease_effects(other, 10).await.map(|effects| effects.len()), Ok(2));
    assert_eq!(store.lease_job("mirror", mine).await, Ok(true));
    assert_eq!(store.lease_job("payouts", other).await, Ok(true));
    store.release_leases(mine.owner).await.expect("release_leases");
    let next = world.lease(300);
    assert_eq!(next_due(&world).await, Some(now));
    let by_subject = |timers: &mut Vec<Timer>| timers.sort_by_key(|timer| timer.subject);
    let mut given = store.lease_timers(next, 10).await.expect("lease_timers");
    let mut expect = my_timers;
    by_subject(&mut given);
    by_subject(&mut expect);
    assert_eq!(given, expect);
    let mut given = store.lease_effects(next, 10).await.expect("lease_effects");
    let mut expect = my_effects;
    given.sort_by_key(|effect| effect.id);
    expect.sort_by_key(|effect| effect.id);
    assert_eq!(given, expect);
    assert_eq!(store.lease_job("mirror", next).await, Ok(true));
    assert_eq!(store.lease_job("payouts", next).await, Ok(false));
    // There is nothing left to give back.
    store.release_leases(mine.owner).await.expect("release_leases");
    assert_eq!(store.lease_timers(other, 10).await, Ok(vec![]));
}
