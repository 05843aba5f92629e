//! Who may bind a DID to a key, who may change that, and what a file keeps.

use std::path::Path;

use marketplace_money::Did;
use marketplace_ports::{Registration, Registry, RegistryError};
use marketplace_registry::{AgentKey, EmbeddedRegistry, OpenError};

const ENDPOINT: &str = "https://seller.example/a2a";

fn us() -> Did {
    "did:agentvault:marketplace".parse().unwrap()
}

fn name() -> Did {
    "did:agentvault:seller".parse().unwrap()
}

fn key(number: u8) -> AgentKey {
    AgentKey::from_secret(&[number; 32])
}

fn named(number: u8) -> AgentKey {
    key(number).named(name())
}

fn at(endpoint: &str) -> Option<String> {
    Some(endpoint.to_owned())
}

/// `ok`, or what the registry said.
async fn told(registry: &EmbeddedRegistry, claim: &Registration) -> &'static str {
    match registry.register(claim).await {
        Ok(()) => "ok",
        Err(RegistryError::Refused(reason)) => reason,
        Err(error) => panic!("{error}"),
    }
}

const OLD: &str = "serial must be above that of the claim before";
const NOT_ALLOWED: &str = "the key bound before must sign the claim too";
const FORGED: &str = "the signature is not of the claimed key";

#[tokio::test]
async fn a_binding_is_changed_only_by_the_key_before() {
    let registry = EmbeddedRegistry::open_in_memory(us()).unwrap();
    assert_eq!(registry.resolve(&name()).await.unwrap(), None);
    let check = async |claim: Registration, expect: &str, bound: (u8, Option<&str>)| {
        assert_eq!(told(&registry, &claim).await, expect, "{claim:?}");
        let record = registry.resolve(&name()).await.unwrap().unwrap();
        assert_eq!(record.did, name());
        let now = (record.public_key, record.endpoint.as_deref());
        assert_eq!(now, (key(bound.0).public_key(), bound.1), "{claim:?}");
    };
    let first = named(1).claim(at(ENDPOINT), 10, None);
    check(first.clone(), "ok", (1, Some(ENDPOINT))).await;
    check(first.clone(), "ok", (1, Some(ENDPOINT))).await;
    check(named(2).claim(None, 11, None), NOT_ALLOWED, (1, Some(ENDPOINT))).await;
    check(named(2).claim(None, 11, Some(&key(2))), NOT_ALLOWED, (1, Some(ENDPOINT))).await;
    check(named(1).claim(at("http://b.example"), 10, None), OLD, (1, Some(ENDPOINT))).await;
    check(named(1).claim(at("http://b.example"), 11, None), "ok", (1, Some("http://b.example")))
        .await;
    // Seen once, the first claim cannot be sent again to move the endpoint back.
    check(first, OLD, (1, Some("http://b.example"))).await;
    check(named(2).claim(None, 12, Some(&key(1))), "ok", (2, None)).await;
    check(named(1).claim(None, 13, None), NOT_ALLOWED, (2, None)).await;
    check(named(1).claim(None, 13, Some(&key(2))), "ok", (1, None)).await;
}

#[tokio::test]
async fn claims_that_prove_nothing() {
    let registry = EmbeddedRegistry::open_in_memory(us()).unwrap();
    let good = named(1).claim(at(ENDPOINT), 10, None);
    let check = async |claim: Registration, expect: &str| {
        assert_eq!(told(&registry, &claim).await, expect, "{claim:?}");
        assert_eq!(registry.resolve(&name()).await.unwrap(), None);
    };
    let changed = |change: &dyn Fn(&mut Registration)| {
        let mut claim = good.clone();
        change(&mut claim);
        claim
    };
    check(changed(&|claim| claim.serial = 11), FORGED).await;
    check(changed(&|claim| claim.record.endpoint = None), FORGED).await;
    check(changed(&|claim| claim.record.did = "did:x".parse().unwrap()), FORGED).await;
    check(changed(&|claim| claim.record.public_key = key(2).public_key()), FORGED).await;
    check(changed(&|claim| claim.signature[0] ^= 1), FORGED).await;
    check(
        changed(&|claim| claim.record.public_key = [0; 32]),
        "the key is not a valid Ed25519 key",
    )
    .await;
    let too_high = named(1).claim(None, 1 << 63, None);
    check(too_high, "serial must be below 2^63").await;
    check(key(1).named(us()).claim(None, 1, None), "this DID is the marketplace's own").await;

    let bad = "endpoint must be an http(s) URL in ASCII, at most 2048 bytes";
    let long = format!("https://{}", "x".repeat(2_041));
    for endpoint in ["", "x", "ftp://x", "https://a b", "https://é", "http://a\0", &long] {
        check(named(1).claim(at(endpoint), 1, None), bad).await;
    }
}

#[tokio::test]
async fn a_did_key_is_its_own_key() {
    let registry = EmbeddedRegistry::open_in_memory(us()).unwrap();
    let agent = key(1);
    let record = registry.resolve(agent.did()).await.unwrap().unwrap();
    assert_eq!((record.public_key, record.endpoint), (agent.public_key(), None));

    let thief = key(2).named(agent.did().clone());
    for claim in [thief.claim(at(ENDPOINT), 1, None), thief.claim(None, 1, Some(&agent))] {
        assert_eq!(told(&registry, &claim).await, "a did:key is bound to its own key only");
    }
    assert_eq!(told(&registry, &agent.claim(at(ENDPOINT), 1, None)).await, "ok");
    let record = registry.resolve(agent.did()).await.unwrap().unwrap();
    assert_eq!(record.public_key, agent.public_key());
    assert_eq!(record.endpoint.as_deref(), Some(ENDPOINT));

    let no_key: Did = "did:key:zabc".parse().unwrap();
    assert_eq!(registry.resolve(&no_key).await.unwrap(), None);
    let claim = key(1).named(no_key).claim(None, 1, None);
    assert_eq!(told(&registry, &claim).await, "a did:key is bound to its own key only");
}

#[tokio::test]
async fn a_file_remembers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/registry.db");
    let open = |path: &Path| EmbeddedRegistry::open(path, us());
    let registry = open(&path).unwrap();
    registry.register(&named(1).claim(at(ENDPOINT), 10, None)).await.unwrap();
    drop(registry);
    let registry = open(&path).unwrap();
    let record = registry.resolve(&name()).await.unwrap().unwrap();
    assert_eq!(record.public_key, key(1).public_key());
    assert_eq!(record.endpoint.as_deref(), Some(ENDPOINT));
    assert_eq!(told(&registry, &named(1).claim(None, 9, None)).await, OLD);

    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, "no database, but long enough to look like one".repeat(99)).unwrap();
    let refused = open(&garbage).unwrap_err();
    assert!(matches!(refused, OpenError::Database { .. }), "{refused}");
    let refused = open(&garbage.join("x.db")).unwrap_err();
    assert!(matches!(refused, OpenError::Io { .. }), "{refused}");
}
