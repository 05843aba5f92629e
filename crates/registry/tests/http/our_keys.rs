//! Our own keys: made once, kept, changed.

use std::path::PathBuf;
use std::sync::Arc;

use marketplace_contract_kit::{ManualClock, MemoryStore};
use marketplace_money::{Seconds, Timestamp};
use marketplace_ports::{Identity, OurKeys, Registry, RegistryError, RotationError, Signer, Store};
use marketplace_registry::{
    EmbeddedRegistry, KeySource, LocalIdentity, OwnKeyError, OwnKeys, RETIRED_KEY_LIFE,
};

use crate::common::{NOW, client, did, peer};

const US: &str = "did:agentvault:marketplace-v1";
const ENDPOINT: &str = "http://market.example/a2a/message";

async fn open(source: KeySource) -> Result<OwnKeys, OwnKeyError> {
    OwnKeys::open(did(US), source, NOW).await
}

fn directory() -> Arc<EmbeddedRegistry> {
    Arc::new(EmbeddedRegistry::open_in_memory(did(US)).unwrap())
}

fn store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(ManualClock::new(NOW)))
}

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inner").join("agent-key.json");
    (folder, path)
}

#[tokio::test]
async fn a_key_is_made_once() {
    let (_folder, path) = file();
    let first = open(KeySource::File(path.clone())).await.unwrap();
    let again = open(KeySource::File(path.clone())).await.unwrap();
    assert_eq!(first.current().secret(), again.current().secret());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let readable = open(KeySource::File(path.clone())).await;
        assert!(matches!(readable, Err(OwnKeyError::File { .. })));
    }
    let store = store();
    let first = open(KeySource::Shared(store.clone())).await.unwrap();
    let again = open(KeySource::Shared(store)).await.unwrap();
    assert_eq!(first.current().secret(), again.current().secret());
    let fixed = open(KeySource::Fixed([7; 32])).await.unwrap();
    assert_eq!(fixed.current().secret(), [7; 32]);
}

#[tokio::test]
async fn files_that_are_none_of_ours() {
    let (_folder, path) = file();
    open(KeySource::File(path.clone())).await.unwrap();
    let other = OwnKeys::open(did("did:agentvault:other"), KeySource::File(path.clone()), NOW);
    assert!(matches!(other.await, Err(OwnKeyError::File { .. })));
    std::fs::write(&path, "{}").unwrap();
    assert!(open(KeySource::File(path)).await.is_err());
}

async fn rotates(source: KeySource, again: KeySource) {
    let directory = directory();
    let keys = open(source).await.unwrap();
    keys.announce(directory.as_ref(), ENDPOINT, NOW).await.unwrap();
    let old = keys.current();
    let proof = keys.proof_for("did:a:seller", NOW, Seconds(60)).unwrap();
    let later = NOW.plus(Seconds(1));
    let rotation = keys.rotate(directory.as_ref(), ENDPOINT, later).await.unwrap();
    assert_eq!((rotation.old, rotation.until), (old.public_key(), later.plus(RETIRED_KEY_LIFE)));
    assert_eq!(rotation.new, keys.current().public_key());
    let bound = directory.resolve(&did(US)).await.unwrap().unwrap();
    assert_eq!((bound.public_key, bound.endpoint.as_deref()), (rotation.new, Some(ENDPOINT)));

    // What the old key signed can be verified until it is taken down.
    let published = |at: Timestamp| -> Vec<[u8; 32]> {
        keys.published(at).iter().map(|key| key.public_key).collect()
    };
    assert_eq!(published(later), [rotation.new, rotation.old]);
    assert_eq!(published(rotation.until), [rotation.new]);
    assert!(!proof.is_empty());
    assert_eq!(keys.sign(b"total").public_key, rotation.new);

    // Whoever starts now has the new key.
    let started = open(again).await.unwrap();
    assert_eq!(started.current().public_key(), rotation.new);
    assert_eq!(started.published(later).len(), 2);
}

#[tokio::test]
async fn rotation_in_a_file_and_in_the_store() {
    let (_folder, path) = file();
    rotates(KeySource::File(path.clone()), KeySource::File(path)).await;
    let store = store();
    rotates(KeySource::Shared(store.clone()), KeySource::Shared(store)).await;
}

#[tokio::test]
async fn servers_follow_a_change() {
    let (store, directory) = (store(), directory());
    let one = open(KeySource::Shared(store.clone())).await.unwrap();
    let two = open(KeySource::Shared(store)).await.unwrap();
    one.rotate(directory.as_ref(), ENDPOINT, NOW).await.unwrap();
    assert_ne!(one.current().public_key(), two.current().public_key());
    two.refresh().await.unwrap();
    assert_eq!(one.current().public_key(), two.current().public_key());
    // The other one goes on from there.
    let rotation = two.rotate(directory.as_ref(), ENDPOINT, NOW.plus(Seconds(1))).await.unwrap();
    assert_eq!(rotation.old, one.current().public_key());
}

#[tokio::test]
async fn a_registry_that_says_no_changes_nothing() {
    let (_folder, path) = file();
    let keys = open(KeySource::File(path.clone())).await.unwrap();
    let before = keys.current().public_key();
    // Bound to a key that is not ours: the claim is refused.
    let taken = directory();
    let stranger = crate::common::key(9, US);
    taken.register_ourselves(&stranger.claim(None, 1, None)).await.unwrap();
    let refused = keys.rotate(taken.as_ref(), ENDPOINT, NOW).await;
    assert!(matches!(refused, Err(RotationError::Registry(RegistryError::Refused(_)))));
    assert_eq!(keys.current().public_key(), before);
    assert_eq!(open(KeySource::File(path)).await.unwrap().current().public_key(), before);
    // The key that was kept for next is used by the next attempt.
    keys.rotate(directory().as_ref(), ENDPOINT, NOW).await.unwrap();
    assert_ne!(keys.current().public_key(), before);
    let fixed = open(KeySource::Fixed([7; 32])).await.unwrap();
    let refused = fixed.rotate(directory().as_ref(), ENDPOINT, NOW).await;
    assert_eq!(refused, Err(RotationError::NotOurs));
}

#[tokio::test]
async fn a_registry_over_http_is_told_and_others_verify_us_by_it() {
    let peer = peer().await;
    let registry = Arc::new(crate::common::forgetful(peer.address));
    let keys = open(KeySource::Fixed([7; 32])).await.unwrap();
    keys.announce(registry.as_ref(), ENDPOINT, NOW).await.unwrap();
    keys.announce(registry.as_ref(), ENDPOINT, NOW).await.unwrap();
    let proof = keys.proof_for("did:a:seller", NOW, Seconds(60)).unwrap();
    let seller = LocalIdentity::new(did("did:a:seller"), None, &[1; 32], registry.clone());
    assert_eq!(seller.verify_proof(&proof, NOW).await.unwrap().did, did(US));

    let store = store();
    let shared = OwnKeys::open(did("did:a:market"), KeySource::Shared(store), NOW).await.unwrap();
    shared.announce(registry.as_ref(), ENDPOINT, NOW).await.unwrap();
    shared.rotate(registry.as_ref(), ENDPOINT, NOW.plus(Seconds(1))).await.unwrap();
    let proof = shared.proof_for("did:a:seller", NOW, Seconds(60)).unwrap();
    assert_eq!(seller.verify_proof(&proof, NOW).await.unwrap().did, did("did:a:market"));

    // A registry that has no way to be told.
    let (address, _) = crate::common::scripted(async |_| crate::common::reply(404, "{}")).await;
    let refused = shared.rotate(&client(address), ENDPOINT, NOW.plus(Seconds(2))).await;
    assert!(matches!(refused, Err(RotationError::Registry(RegistryError::Refused(_)))));
}
