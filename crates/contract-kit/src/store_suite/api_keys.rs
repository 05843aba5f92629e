//! API keys: found by their hash and by their agent, revoked under their version.

use marketplace_money::Seconds;
use marketplace_ports::{ApiKey, ChangeSet, Key};

use super::World;
use super::fixtures::{TEXT, did, insert, update};

async fn key(world: &World, number: u8, agent: &str) -> ApiKey {
    let at = world.now().await.plus_micros(3);
    let label = format!("{TEXT}{number}");
    ApiKey { sha256: [number; 32], version: 1, agent: did(agent), label, at, revoked_at: None }
}

async fn of(world: &World, agent: &str, limit: u32) -> Vec<ApiKey> {
    let keys = world.store().api_keys(&did(agent), limit).await.expect("api_keys");
    let mut keys: Vec<_> = keys.iter().map(|key| key.as_ref().clone()).collect();
    keys.sort_by_key(|key| key.sha256);
    keys
}

/// Each is its agent's only, and stays what it was.
pub(crate) async fn api_keys_come_back_as_they_were(mut world: World) {
    let mut keys = Vec::new();
    for (number, agent) in [(1, "a"), (2, "a"), (3, "b")] {
        keys.push(key(&world, number, agent).await);
    }
    let api_keys = keys.iter().cloned().map(insert).collect();
    world.write(ChangeSet { api_keys, ..ChangeSet::default() }).await;
    world.reopen().await;
    for key in &keys {
        let found = world.store().api_key(&key.sha256).await.expect("api_key");
        assert_eq!(found.as_deref(), Some(key));
        let view = world.load([Key::ApiKey(key.sha256)]).await;
        assert_eq!(view.api_keys[&key.sha256].as_ref(), key);
    }
    assert_eq!(world.store().api_key(&[9; 32]).await, Ok(None));
    assert_eq!(
        (of(&world, "a", 10).await, of(&world, "b", 10).await),
        (keys[..2].to_vec(), keys[2..].to_vec())
    );
    assert_eq!((of(&world, "a", 1).await.len(), of(&world, "c", 10).await.len()), (1, 0));
}

/// A key is revoked once, by whoever saw it as it was; and a hash is one key for ever.
pub(crate) async fn a_revoked_api_key_stays_revoked(mut world: World) {
    let key = key(&world, 1, "a").await;
    let set = |change| ChangeSet { api_keys: vec![change], ..ChangeSet::default() };
    world.write(set(insert(key.clone()))).await;
    let revoked_at = Some(key.at.plus(Seconds(5)));
    let revoked = ApiKey { version: 2, revoked_at, ..key.clone() };
    world.write(set(update(1, revoked.clone()))).await;
    world.conflict(set(update(1, ApiKey { version: 2, ..key.clone() }))).await;
    world.conflict(set(insert(ApiKey { agent: did("b"), ..key.clone() }))).await;
    let found = world.store().api_key(&key.sha256).await.expect("api_key");
    assert_eq!(found.as_deref(), Some(&revoked));
    assert_eq!(of(&world, "a", 10).await, [revoked]);
}
