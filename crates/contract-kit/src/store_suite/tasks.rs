//! Tasks of agent protocols: each owner's own, newest change first, forgotten when their time is over.

use std::sync::Arc;

use marketplace_money::{Did, Seconds, Timestamp};
use marketplace_ports::{Change, ChangeSet, Key, Task, TaskKey};
use uuid::Uuid;

use super::World;
use super::fixtures::did;

fn task(task: Uuid, owner: &Did, version: u64, changed_at: Timestamp, body: &str) -> Task {
    let key = TaskKey { task, owner: owner.clone() };
    let expires_at = changed_at.plus(Seconds::from_hours(1));
    Task { key, version, changed_at, expires_at, body: body.into() }
}

fn writing(read: u64, row: Task) -> ChangeSet {
    ChangeSet { tasks: vec![Change { read, row: Arc::new(row) }], ..ChangeSet::default() }
}

/// The same task of two owners is two rows; each comes back as it was written last.
pub(crate) async fn tasks_come_back_as_they_were(mut world: World) {
    let (a, b, now, id) = (did("a"), did("b"), world.now().await, world.id());
    let first = task(id, &a, 1, now, r#"{"é":"\"%_"}"#);
    world.write(writing(0, first.clone())).await;
    let other = task(id, &b, 1, now, "{}");
    world.write(writing(0, other.clone())).await;
    world.conflict(writing(0, first)).await;
    let second = task(id, &a, 2, now.plus(Seconds(5)), "[]");
    world.write(writing(1, second.clone())).await;
    let keys = [second.key.clone(), other.key.clone()];
    let view = world.load(keys.clone().map(Key::Task)).await;
    assert_eq!((&*view.tasks[&keys[0]], &*view.tasks[&keys[1]]), (&second, &other));
    let found = world.store().task(&keys[0]).await.expect("task").expect("it is there");
    assert_eq!(*found, second);
    let nobody = TaskKey { task: world.id(), owner: a };
    assert_eq!(world.store().task(&nobody).await.expect("task"), None);
}

/// Newest change first, up to the limit, and nobody else's.
pub(crate) async fn tasks_are_listed_by_their_last_change(mut world: World) {
    let (a, now) = (did("a"), world.now().await);
    let ids = [world.id(), world.id(), world.id()];
    for (seconds, id) in [3, 1, 3].into_iter().zip(ids) {
        world.write(writing(0, task(id, &a, 1, now.plus(Seconds(seconds)), "{}"))).await;
    }
    let id = world.id();
    world.write(writing(0, task(id, &did("b"), 1, now.plus(Seconds(9)), "{}"))).await;
    let all = world.store().tasks(&a, None, 9).await.expect("tasks");
    let names = |tasks: &[Arc<Task>]| tasks.iter().map(|task| task.key.task).collect::<Vec<_>>();
    // Those of one time are in the order of their keys.
    let mut same = [ids[0], ids[2]];
    same.sort_unstable();
    assert_eq!(names(&all), [same[0], same[1], ids[1]]);
    for begin in 0..=3_usize {
        let after = begin.checked_sub(1).map(|at| &*all[at]);
        let page = world.store().tasks(&a, after, 2).await.expect("tasks");
        assert_eq!(page, all[begin..(begin + 2).min(3)], "from {begin} on");
    }
}

/// A task whose time is over goes, sooner or later; another one stays.
pub(crate) async fn tasks_are_forgotten_in_their_time(mut world: World) {
    let (a, now) = (did("a"), world.now().await);
    let (old, new) = (world.id(), world.id());
    world.write(writing(0, task(old, &a, 1, now, "{}"))).await;
    world.advance(3_601);
    while world.store().forget(1).await.expect("forget") > 0 {}
    let now = world.now().await;
    world.write(writing(0, task(new, &a, 1, now, "{}"))).await;
    let tasks = world.store().tasks(&a, None, 9).await.expect("tasks");
    assert_eq!(tasks.iter().map(|task| task.key.task).collect::<Vec<_>>(), [new]);
}

/// What is kept for ever is no sweep's, and is found by its owner and in the order of its keys.
pub(crate) async fn what_is_kept_for_ever_is_found(mut world: World) {
    let (a, b, now) = (did("a"), did("b"), world.now().await);
    let mut keys = Vec::new();
    for owner in [&a, &b, &a] {
        let kept = Task { expires_at: Task::FOR_EVER, ..task(world.id(), owner, 1, now, "{}") };
        keys.push(kept.key.clone());
        world.write(writing(0, kept)).await;
    }
    let id = world.id();
    world.write(writing(0, task(id, &a, 1, now, "{}"))).await;
    keys.sort_by_key(ToString::to_string);
    world.advance(3_601);
    while world.store().forget(1).await.expect("forget") > 0 {}
    let found = async |owner: Option<Did>, after: Option<TaskKey>, limit| {
        let found = world.store().lasting_tasks(owner.as_ref(), after.as_ref(), limit).await;
        found.expect("lasting tasks").iter().map(|task| task.key.clone()).collect::<Vec<_>>()
    };
    assert_eq!(found(None, None, 9).await, keys);
    assert_eq!(found(None, Some(keys[0].clone()), 1).await, keys[1..2]);
    let of_a: Vec<TaskKey> = keys.iter().filter(|key| key.owner == a).cloned().collect();
    assert_eq!(found(Some(a), None, 9).await, of_a);
}
