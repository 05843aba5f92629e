//! The fakes of the smaller edges.

use marketplace_contract_kit::{FakeFetcher, FakeRegistry};
use marketplace_ports::{AgentRecord, FetchError, Fetcher, Registration, Registry, RegistryError};

#[tokio::test]
async fn the_web_gives_what_was_put_there() {
    let web = FakeFetcher::default();
    web.insert("https://a/1", *b"12345");
    let down = FetchError::Unavailable("planned".to_owned());
    web.fail("https://a/2", down.clone());
    assert_eq!(web.fetch("https://a/1", 5).await, Ok(b"12345".to_vec()));
    assert!(matches!(web.fetch("https://a/1", 4).await, Err(FetchError::Refused(_))));
    assert_eq!(web.fetch("https://a/2", 5).await, Err(down));
    assert!(matches!(web.fetch("https://a/3", 5).await, Err(FetchError::Refused(_))));
    web.clone().insert("https://a/2", *b"back");
    assert_eq!(web.fetch("https://a/2", 5).await, Ok(b"back".to_vec()));
}

#[tokio::test]
async fn the_directory_knows_whom_it_was_told() {
    let directory = FakeRegistry::default();
    let record = |key: u8| AgentRecord {
        did: "did:web:a".parse().unwrap(),
        public_key: [key; 32],
        endpoint: Some("https://a/a2a".to_owned()),
    };
    let claim = |key: u8, serial: u64, previous_signature: Option<[u8; 64]>| Registration {
        record: record(key),
        serial,
        signature: [0; 64],
        previous_signature,
    };
    assert_eq!(directory.resolve(&record(1).did).await, Ok(None));
    let check = async |claim: Registration, accepted: bool| {
        assert_eq!(directory.register(&claim).await.is_ok(), accepted, "{claim:?}");
    };
    check(claim(1, 5, None), true).await;
    check(claim(1, 5, None), false).await;
    check(claim(2, 6, None), false).await;
    check(claim(2, 6, Some([0; 64])), true).await;
    check(claim(1, 5, Some([0; 64])), false).await;
    assert_eq!(directory.resolve(&record(1).did).await, Ok(Some(record(2))));
    directory.insert(record(3));
    assert_eq!(directory.resolve(&record(1).did).await, Ok(Some(record(3))));
    directory.set_down(true);
    let down = directory.resolve(&record(1).did).await;
    assert!(matches!(down, Err(RegistryError::Unavailable(_))), "{down:?}");
    directory.set_down(false);
    assert!(directory.resolve(&record(1).did).await.is_ok());
}
