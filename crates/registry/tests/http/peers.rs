//! The client against our own registry.

use marketplace_money::Seconds;
use marketplace_ports::{AgentTokens, Registry, RegistryError};
use serde_json::json;

use crate::common::{NOW, REGISTRY, client, did, key, peer, settings};

const SELLER: &str = "did:agentvault:seller";
const US: &str = "did:agentvault:marketplace-v1";

#[tokio::test]
async fn what_is_bound_is_resolved() {
    let peer = peer().await;
    let client = client(peer.address);
    let seller = key(1, SELLER);
    let endpoint = "http://seller.example/a2a".to_owned();
    let claim = seller.claim(Some(endpoint.clone()), 1, None);
    assert_eq!(client.public_key(&did("did:agentvault:nobody")).await, Ok(None));
    // The client may only speak of ourselves; the wire is the same for everybody.
    client.register_ourselves(&claim).await.unwrap();
    assert_eq!(client.knows_endpoint(&did(SELLER)), None);
    let found = client.resolve(&did(SELLER)).await.unwrap().unwrap();
    assert_eq!((found.public_key, found.endpoint), (seller.public_key(), Some(endpoint)));
    assert_eq!(client.knows_endpoint(&did(SELLER)), Some(true));
    let refused = client.register(&claim).await;
    assert!(matches!(refused, Err(RegistryError::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn a_key_is_its_own_name() {
    let peer = peer().await;
    let agent = marketplace_registry::AgentKey::from_secret(&[3; 32]);
    assert_eq!(client(peer.address).public_key(agent.did()).await, Ok(Some(agent.public_key())));
    let broken = did("did:key:z6Mk");
    assert_eq!(client(peer.address).public_key(&broken).await, Ok(None));
}

#[tokio::test]
async fn only_the_old_key_names_a_new_one() {
    let peer = peer().await;
    let client = crate::common::forgetful(peer.address);
    let (old, new, thief) = (key(1, SELLER), key(2, SELLER), key(9, SELLER));
    client.register_ourselves(&old.claim(None, 1, None)).await.unwrap();
    let stolen = client.register_ourselves(&thief.claim(None, 2, None)).await;
    assert!(stolen.is_err());
    let mut forged = thief.claim(None, 2, Some(&thief));
    assert!(client.register_ourselves(&forged).await.is_err());
    forged.signature = [0; 64];
    assert!(client.register_ourselves(&forged).await.is_err());
    assert_eq!(client.public_key(&did(SELLER)).await, Ok(Some(old.public_key())));
    client.register_ourselves(&new.claim(None, 2, Some(&old))).await.unwrap();
    assert_eq!(client.public_key(&did(SELLER)).await, Ok(Some(new.public_key())));
    // A claim that was seen cannot be sent again to undo a newer one.
    assert!(client.register_ourselves(&old.claim(None, 1, None)).await.is_err());
    let reserved = client.register_ourselves(&key(4, REGISTRY).claim(None, 1, None)).await;
    assert!(reserved.is_err(), "the registry's own name is its own");
}

#[tokio::test]
async fn accounts_and_proofs_log_in() {
    let peer = peer().await;
    let us = client(peer.address);
    let token = us.token().await.unwrap();
    assert_eq!(peer.server.holder(&token), Some(did(US)));
    assert_eq!(us.token().await.unwrap(), token, "a token is used until it ends");
    assert_eq!(us.verify_token(&token).await, Ok(Some(did(US))));
    let renewed = us.renew(&token).await.unwrap();
    assert_eq!(us.renew(&token).await.unwrap(), renewed, "who was refused together gets one");

    // An agent without an account proves its key.
    let seller = key(1, SELLER);
    us.register_ourselves(&seller.claim(None, 1, None)).await.unwrap();
    let mut own = settings(peer.address);
    own.credentials = Some(marketplace_registry::Credentials {
        client_id: SELLER.to_owned(),
        client_secret: seller.mint(REGISTRY, NOW, Seconds(60), "nonce-12345"),
    });
    let own = marketplace_registry::HttpRegistry::new(own).unwrap();
    let token = own.token().await.unwrap();
    assert_eq!(us.verify_token(&token).await, Ok(Some(did(SELLER))));
}

#[tokio::test]
async fn wrong_accounts_and_tokens() {
    let peer = peer().await;
    let mut settings = settings(peer.address);
    let wrong = [("client-1", "wrong"), ("nobody", "a secret & more"), (SELLER, "e30.e30.AA")];
    for (id, secret) in wrong {
        let (client_id, client_secret) = (id.to_owned(), secret.to_owned());
        settings.credentials = Some(marketplace_registry::Credentials { client_id, client_secret });
        let client = marketplace_registry::HttpRegistry::new(settings.clone()).unwrap();
        assert!(matches!(client.token().await, Err(RegistryError::Refused(_))), "{id}");
    }
    settings.credentials = None;
    let client = marketplace_registry::HttpRegistry::new(settings).unwrap();
    assert!(matches!(client.token().await, Err(RegistryError::Refused(_))));
    let (long, head) = ("x".repeat(5_000), "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9");
    let forged = format!("{head}.eyJzdWIiOiJkaWQ6YTpiIiwiZXhwIjo5OTk5OTk5OTk5fQ.AAAA");
    for token in ["", "x", "a.b.c", "é.é.é", "a b", &long, &forged] {
        assert_eq!(client.verify_token(token).await, Ok(None), "{token}");
    }
}

#[tokio::test]
async fn our_card_is_published_once_and_found_by_tag() {
    let peer = peer().await;
    let client = crate::common::forgetful(peer.address);
    let card = |url: &str| {
        json!({
            "humanReadableId": "agentvault/marketplace-v1", "name": "Market", "url": url,
            "did": US, "tags": ["marketplace", US],
        })
    };
    client.publish_card(&card("https://one.example/a2a")).await.unwrap();
    client.publish_card(&card("https://two.example/a2a")).await.unwrap();
    let endpoint = client.endpoint(&did(US)).await;
    assert_eq!(endpoint, Ok(Some("https://two.example/a2a".to_owned())));
    let nameless = client.publish_card(&json!({ "name": "Market" })).await;
    assert!(matches!(nameless, Err(RegistryError::Refused(_))));
}

#[tokio::test]
async fn a_reserved_name_is_bound_by_its_account_only() {
    let peer = crate::common::peer_named(US).await;
    let claim = key(1, US).claim(None, 1, None);
    let mut anybody = settings(peer.address);
    anybody.credentials = None;
    let anybody = marketplace_registry::HttpRegistry::new(anybody).unwrap();
    assert!(anybody.register_ourselves(&claim).await.is_err());
    client(peer.address).register_ourselves(&claim).await.unwrap();
    let key = client(peer.address).public_key(&did(US)).await.unwrap();
    assert_eq!(key, Some(claim.record.public_key));
}
