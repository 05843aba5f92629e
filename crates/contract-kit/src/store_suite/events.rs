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
