//! The store's clock, our downtime, and the small things that servers share.

use marketplace_money::{Gap, Seconds};

use super::World;

/// It shows what the machine's clock shows, but never an earlier time than before.
pub(crate) async fn the_clock_never_goes_back(mut world: World) {
    let start = world.now().await;
    assert_eq!(start, world.clock().now());
    world.advance(10);
    assert_eq!(world.now().await, start.plus(Seconds(10)));
    world.clock().set(start.minus(Seconds(3_600)));
    let now = world.now().await;
    assert!(now >= start.plus(Seconds(10)), "{now} is before what was shown");
    let view = world.load([]).await;
    assert!(view.now >= now, "{} is before {now}", view.now);
    let (read, _) = world.store().clock().await.expect("clock");
    assert!(read >= view.now, "{read} is before {}", view.now);
    world.fund(&super::fixtures::did("a"), 1).await;
    let lines = world.store().statement(&super::fixtures::did("a"), None, 1).await;
    let at = lines.expect("statement").items[0].at;
    assert!(at >= now, "booked at {at}, before {now}");
    world.clock().set(start.plus(Seconds(7_200)));
    assert_eq!(world.now().await, start.plus(Seconds(7_200)));
    assert_eq!(world.load([]).await.now, start.plus(Seconds(7_200)));
}

async fn beat(world: &World, servers: &[uuid::Uuid], after: i64, server: usize) {
    world.clock().advance_micros(after);
    world.store().heartbeat(servers[server]).await.expect("heartbeat");
}

/// Half a minute in which no server gave a sign of life, to the microsecond.
pub(crate) async fn a_silence_of_all_servers_is_a_gap(mut world: World) {
    const SECOND: i64 = 1_000_000;
    let servers = [world.id(), world.id()];
    let start = world.now().await;
    let at = |seconds: i64| start.plus_micros(seconds * SECOND);
    assert_eq!(world.store().last_heartbeat().await, Ok(None));
    // The time before the first server ever came is nobody's downtime.
    beat(&world, &servers, 100 * SECOND, 0).await;
    world.advance(1);
    assert_eq!(world.store().last_heartbeat().await, Ok(Some(at(100))));
    world.clock().advance_micros(-SECOND);
    for _ in 0..3 {
        beat(&world, &servers, 30 * SECOND - 1, 0).await;
    }
    world.clock().advance_micros(3);
    assert_eq!(world.load([]).await.gaps.as_slice(), []);
    // 190.000000 now, last heard at 189.999997.
    beat(&world, &servers, 10 * SECOND, 0).await;
    beat(&world, &servers, 30 * SECOND, 1).await;
    let first = Gap { from: at(200), until: at(230) };
    assert_eq!(world.load([]).await.gaps.as_slice(), [first]);
    // One server alone is silent: the other one speaks for both.
    beat(&world, &servers, 20 * SECOND, 1).await;
    beat(&world, &servers, 20 * SECOND, 1).await;
    beat(&world, &servers, 1, 0).await;
    assert_eq!(world.load([]).await.gaps.as_slice(), [first]);
    beat(&world, &servers, 1_000 * SECOND - 1, 0).await;
    let second = Gap { from: at(270).plus_micros(1), until: at(1_270) };
    assert_eq!(world.load([]).await.gaps.as_slice(), [first, second]);
    let (now, gaps) = world.store().clock().await.expect("clock");
    assert_eq!((now, gaps.as_slice()), (at(1_270), &[first, second][..]));
}

/// The first one given under a name is everybody's.
pub(crate) async fn the_first_secret_wins(world: World) {
    let store = world.store();
    assert_eq!(store.secret("token", [1; 32]).await, Ok([1; 32]));
    assert_eq!(store.secret("token", [2; 32]).await, Ok([1; 32]));
    assert_eq!(store.secret("quote", [3; 32]).await, Ok([3; 32]));
    assert_eq!(store.secret("token", [4; 32]).await, Ok([1; 32]));
}

/// The last one written under a name is found.
pub(crate) async fn the_last_note_wins(world: World) {
    let store = world.store();
    for text in ["first", super::fixtures::TEXT, ""] {
        store.set_note("cursor", text).await.expect("set_note");
        store.set_note("other", "untouched").await.expect("set_note");
        assert_eq!(store.note("cursor").await, Ok(Some(text.to_owned())));
        assert_eq!(store.note("other").await, Ok(Some("untouched".to_owned())));
    }
}
