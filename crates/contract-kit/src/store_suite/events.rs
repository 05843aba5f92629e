//! The event log: every fact once, in the order of the commits, at positions without holes.

use marketplace_money::CommandId;
use marketplace_ports::{ChangeSet, CommitOutcome, Event, Key, SealedEvent, Subject};

use super::World;
use super::fixtures::{TEXT, did};

async fn event(world: &mut World, name: &'static str) -> Event {
    Event {
        id: world.event_id(),
        subject: Subject::Order(world.order_id()),
        name,
        audience: vec![did("buyer"), did("seller")],
        at: world.now().await,
        data: "{}".into(),
    }
}

fn with_events(events: Vec<Event>) -> ChangeSet {
    ChangeSet { events, ..ChangeSet::default() }
}

async fn events_after(world: &mut World, position: u64, limit: u32) -> Vec<SealedEvent> {
    world.settle().await;
    world.store().events_after(position, limit).await.expect("events_after")
}

fn sealed(events: &[Event], first: u64) -> Vec<SealedEvent> {
    let positions = first..;
    let seal = |(event, position): (&Event, u64)| SealedEvent {
        position,
        id: event.id,
        subject: event.subject,
        name: event.name.to_owned(),
        audience: event.audience.clone(),
        at: event.at,
        data: event.data.clone(),
    };
    events.iter().zip(positions).map(seal).collect()
}

/// About subjects of every kind, for nobody or for many, in whatever words.
pub(crate) async fn events_come_back_as_they_were(mut world: World) {
    let subjects = [
        Subject::Order(world.order_id()),
        Subject::Listing(world.listing_id()),
        Subject::Withdrawal(world.withdrawal_id()),
        Subject::Deposit(world.deposit_id()),
        Subject::Command(CommandId::new(world.id())),
    ];
    let mut events = Vec::new();
    for (index, subject) in subjects.into_iter().enumerate() {
        let mut event = event(&mut world, "order.funded").await;
        event.subject = subject;
        // Not sorted: the order of the audience is kept as well.
        event.audience =
            ["z", "a", "m", "b"][..index.min(4)].iter().map(|name| did(name)).collect();
        event.at = event.at.plus_micros(-5);
        event.data = format!("{{\"text\":{TEXT:?}}}");
        events.push(event);
    }
    world.write(with_events(events.clone())).await;
    assert_eq!(events_after(&mut world, 0, 100).await, sealed(&events, 1));
}

/// In the order of commits, of sets in a batch and of events in a set; refused sets take no place.
pub(crate) async fn positions_have_no_holes(mut world: World) {
    let mut written = Vec::new();
    for round in 0..5 {
        let mut sets = Vec::new();
        for index in 0..4 {
            let events = vec![
                event(&mut world, "order.funded").await,
                event(&mut world, "order.started").await,
            ];
            let mut set = with_events(events.clone());
            if (round + index) % 3 == 0 {
                set.reads.push((Key::Agent(did("never")), 1));
            } else {
                written.extend(events);
            }
            sets.push(set);
        }
        let outcomes = world.commit(sets).await;
        assert!(outcomes.contains(&CommitOutcome::Conflict));
        assert_eq!(events_after(&mut world, 0, 100).await, sealed(&written, 1));
    }
    for after in 0..written.len() {
        let position = u64::try_from(after).unwrap_or_default();
        let expect = sealed(&written[after..], position + 1);
        assert_eq!(events_after(&mut world, position, 100).await, expect);
        assert_eq!(events_after(&mut world, position, 3).await, expect[..3.min(expect.len())]);
    }
    let end = u64::try_from(written.len()).unwrap_or_default();
    assert_eq!(events_after(&mut world, end, 100).await, []);
    assert_eq!(events_after(&mut world, end + 1_000, 100).await, []);
}

/// An agent's events in their order, from any position, page by page; nobody else's.
pub(crate) async fn an_agent_gets_its_events_and_no_others(mut world: World) {
    let names = ["a", "b", "c", "ab", "did:key:a"];
    let mut written = Vec::new();
    for round in 0_usize..40 {
        let mut events = Vec::new();
        for index in 0..1 + round % 3 {
            let mut event = event(&mut world, "order.funded").await;
            let number = round + index;
            let (first, second) = (names[number % 5], names[(number * 3 + 1) % 5]);
            event.audience = [first, second].iter().map(|name| did(name)).collect();
            event.audience.dedup();
            event.audience.truncate(number % 4);
            events.push(event);
        }
        written.extend(events.clone());
        world.write(with_events(events)).await;
    }
    world.settle().await;
    let all = sealed(&written, 1);
    for name in names {
        let agent = did(name);
        for after in [0, 1, 7, 30, 1_000] {
            let is_own =
                |event: &&SealedEvent| event.position > after && event.audience.contains(&agent);
            let own: Vec<SealedEvent> = all.iter().filter(is_own).cloned().collect();
            for limit in [1, 3, 1_000] {
                let mut pages = Vec::new();
                let mut position = after;
                loop {
                    let page = world.store().events_for(&agent, position, limit).await;
                    let page = page.expect("events_for");
                    let count = u32::try_from(page.len()).unwrap_or(u32::MAX);
                    assert!(count <= limit);
                    assert!(page.iter().all(|event| event.position > position));
                    position = page.last().map_or(position, |event| event.position);
                    pages.extend(page);
                    if count < limit {
                        break;
                    }
                }
                assert_eq!(pages, own, "{name} after {after}");
            }
        }
    }
    assert_eq!(world.store().events_for(&did("stranger"), 0, 10).await, Ok(vec![]));
}

/// Where the feed ends now: nothing before the first event.
pub(crate) async fn the_head_is_the_last_position(mut world: World) {
    world.settle().await;
    assert_eq!(world.store().feed_head().await, Ok(0));
    for count in [1, 3] {
        let mut events = Vec::new();
        for _ in 0..count {
            events.push(event(&mut world, "order.funded").await);
        }
        world.write(with_events(events)).await;
        world.settle().await;
        let last = world.store().events_after(0, 100).await.expect("events_after").pop();
        let last = last.expect("an event").position;
        assert_eq!(world.store().feed_head().await, Ok(last));
    }
}

/// At once when there are some, else when they come.
pub(crate) async fn who_waits_for_events_is_woken(mut world: World) {
    const LONG: std::time::Duration = std::time::Duration::from_secs(20);
    for round in 0..3 {
        let store = world.store();
        let waiting = tokio::spawn(async move { store.await_events(round).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "woken for nothing");
        let set = with_events(vec![event(&mut world, "order.funded").await]);
        world.write(set).await;
        tokio::time::timeout(LONG, waiting).await.expect("nobody wakes it").expect("no panic");
        world.settle().await;
        assert_eq!(world.store().feed_head().await, Ok(round + 1));
    }
    let there = world.store();
    tokio::time::timeout(LONG, there.await_events(1)).await.expect("they are there");
}
