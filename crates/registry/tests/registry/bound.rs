//! Proofs that are bound to a request, of every kind of key and every place where a key is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_contract_kit::FakeFetcher;
use marketplace_money::{Did, Timestamp};
use marketplace_ports::{BoundTo, Fetcher, Identity as _, IdentityError};
use marketplace_registry::{AgentKey, EmbeddedRegistry, FetchSettings, HttpFetcher, LocalIdentity};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const SECONDS: i64 = 1_700_000_000;
const NOW: Timestamp = Timestamp::from_micros(SECONDS * 1_000_000);
const US: &str = "did:agentvault:marketplace";
const URL: &str = "https://market.example/a2a";
const BODY: &[u8] = b"{}";

/// A key of either kind.
enum Key {
    Ed25519(Box<AgentKey>),
    P256(Box<EcdsaKeyPair>),
}

impl Key {
    fn ed25519(number: u8) -> Self {
        Self::Ed25519(Box::new(AgentKey::from_secret(&[number; 32])))
    }

    fn p256() -> Self {
        let (form, dice) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(form, &dice).unwrap();
        Self::P256(Box::new(EcdsaKeyPair::from_pkcs8(form, document.as_ref(), &dice).unwrap()))
    }

    const fn alg(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
        }
    }

    fn sign(&self, text: &str) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(text.as_bytes()).to_vec(),
            Self::P256(key) => {
                let signed = key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
                signed.as_ref().to_vec()
            }
        }
    }

    fn multibase(&self) -> String {
        let bytes = match self {
            Self::Ed25519(key) => [&[0xed, 0x01][..], &key.public_key()].concat(),
            Self::P256(key) => {
                let point = key.public_key().as_ref();
                [&[0x80, 0x24, 2 + (point[64] & 1)][..], &point[1..33]].concat()
            }
        };
        format!("z{}", bs58::encode(bytes).into_string())
    }

    fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Ed25519(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&key.public_key()) })
            }
            Self::P256(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = (text(&point[1..33]), text(&point[33..]));
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
            }
        }
    }

    fn did(&self) -> Did {
        format!("did:key:{}", self.multibase()).parse().unwrap()
    }

    /// A proof for a POST of [`BODY`] at [`URL`] under this key's name of a DID.
    fn proof(&self, did: &Did, fragment: &str) -> String {
        let header =
            json!({ "alg": self.alg(), "typ": "did-auth+jwt", "kid": format!("{did}#{fragment}") });
        let claims = json!({
            "iss": did.as_str(), "sub": did.as_str(), "aud": US, "iat": SECONDS,
            "exp": SECONDS + 120, "jti": "jti-00000001", "htm": "POST", "htu": URL,
            "bsh": URL_SAFE_NO_PAD.encode(Sha256::digest(BODY)),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(&signed));
        format!("{signed}.{signature}")
    }
}

fn identity() -> LocalIdentity {
    let registry = EmbeddedRegistry::open_in_memory(US.parse().unwrap()).unwrap();
    LocalIdentity::new(US.parse().unwrap(), None, &[7; 32], Arc::new(registry))
}

async fn verify(identity: &LocalIdentity, token: &str, body: &[u8]) -> Result<Did, IdentityError> {
    assert!(identity.is_bound_proof(token), "{token}");
    let to = BoundTo { method: "POST", url: URL, body_sha256: Sha256::digest(body).into() };
    identity.verify_bound_proof(token, &to, NOW).await.map(|proof| proof.did)
}

#[tokio::test]
async fn a_did_key_of_either_kind_proves_its_holder() {
    let identity = identity();
    // Both signs of y come up.
    let keys = (0..16).map(|_| Key::p256()).chain([Key::ed25519(1)]);
    for key in keys {
        let did = key.did();
        let good = key.proof(&did, &key.multibase());
        assert_eq!(verify(&identity, &good, BODY).await, Ok(did.clone()));
        let other = IdentityError::OtherRequest("bsh");
        assert_eq!(verify(&identity, &good, b"{ }").await, Err(other), "another body");
        // Another key's signature, of either kind, and one for other claims.
        for stranger in [Key::p256(), Key::ed25519(2)] {
            let forged = stranger.proof(&did, &key.multibase());
            let given = verify(&identity, &forged, BODY).await;
            assert_eq!(given, Err(IdentityError::BadSignature), "{}", stranger.alg());
        }
        let parts: Vec<&str> = good.split('.').collect();
        let mut signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        for at in [0, 31, 32, 63] {
            signature[at] ^= 1;
            let wrong = URL_SAFE_NO_PAD.encode(&signature);
            let wrong = format!("{}.{}.{wrong}", parts[0], parts[1]);
            let given = verify(&identity, &wrong, BODY).await;
            assert_eq!(given, Err(IdentityError::BadSignature), "byte {at}");
            signature[at] ^= 1;
        }
        let zero = URL_SAFE_NO_PAD.encode([0; 64]);
        let zero = format!("{}.{}.{zero}", parts[0], parts[1]);
        assert_eq!(verify(&identity, &zero, BODY).await, Err(IdentityError::BadSignature));
    }
}

#[tokio::test]
async fn what_is_no_key_proves_nothing() {
    // No point of the curve has such an x; a point may not be written in full either.
    let key = Key::p256();
    let malformed = IdentityError::Malformed("iss is not a did:key of Ed25519 or P-256");
    for bytes in [[&[0x80, 0x24, 2][..], &[0xff; 32]].concat(), vec![0x80, 0x24, 4, 1, 2]] {
        let did = format!("did:key:z{}", bs58::encode(bytes).into_string());
        let did: Did = did.parse().unwrap();
        let given = verify(&identity(), &key.proof(&did, "a"), BODY).await;
        assert_eq!(given, Err(malformed.clone()), "{did}");
    }
}

/// What a host tells of its DID.
#[derive(Clone)]
enum Told {
    Document(Value),
    Words(String),
    Elsewhere(String),
}

type Shelf = Arc<Mutex<(Told, usize)>>;

async fn tell(State(shelf): State<Shelf>) -> Response {
    let mut shelf = shelf.lock().unwrap();
    shelf.1 += 1;
    match &shelf.0 {
        Told::Document(document) => document.to_string().into_response(),
        Told::Words(words) => words.clone().into_response(),
        Told::Elsewhere(url) => {
            (StatusCode::FOUND, [(header::LOCATION, url.clone())]).into_response()
        }
    }
}

/// A host on this machine.
struct Host {
    shelf: Shelf,
    address: SocketAddr,
}

impl Host {
    async fn start() -> Self {
        let shelf: Shelf = Arc::new(Mutex::new((Told::Words(String::new()), 0)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router =
            Router::new().route("/.well-known/did.json", get(tell)).with_state(shelf.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { shelf, address }
    }

    fn did(&self) -> Did {
        format!("did:web:127.0.0.1%3A{}", self.address.port()).parse().unwrap()
    }

    fn tells(&self, told: Told) {
        self.shelf.lock().unwrap().0 = told;
    }

    fn asked(&self) -> usize {
        self.shelf.lock().unwrap().1
    }
}

fn fetching(allow_private: bool) -> LocalIdentity {
    let settings = FetchSettings { allow_private, ..FetchSettings::default() };
    identity().with_web(Arc::new(HttpFetcher::new(settings).unwrap()))
}

/// A document with one key, as its JWK.
fn document(did: &Did, name: &str, key: &Key) -> Value {
    let id = format!("{did}#{name}");
    json!({
        "id": did.as_str(),
        "verificationMethod": [{ "id": id, "type": "JsonWebKey2020", "publicKeyJwk": key.jwk() }],
        "authentication": [id],
    })
}

#[tokio::test]
async fn a_did_web_is_proved_by_the_keys_of_its_document() {
    let host = Host::start().await;
    let did = host.did();
    for key in [Key::p256(), Key::ed25519(1)] {
        let good = key.proof(&did, "key-1");
        let as_text = json!({ "id": "#key-1", "publicKeyMultibase": key.multibase() });
        let beside = json!({ "id": did.as_str(), "authentication": [as_text] });
        for known in [document(&did, "key-1", &key), beside] {
            host.tells(Told::Document(known));
            assert_eq!(verify(&fetching(true), &good, BODY).await, Ok(did.clone()));
            // Known under another name only, or somebody else's.
            let unknown = Err(IdentityError::UnknownKey(did.clone()));
            let named = key.proof(&did, "key-2");
            assert_eq!(verify(&fetching(true), &named, BODY).await, unknown);
            let forged = Key::ed25519(9).proof(&did, "key-1");
            let given = verify(&fetching(true), &forged, BODY).await;
            assert_eq!(given, Err(IdentityError::BadSignature));
        }
    }
}

#[tokio::test]
async fn documents_that_prove_nothing() {
    let host = Host::start().await;
    let (did, key) = (host.did(), Key::p256());
    let good = key.proof(&did, "key-1");
    let known = document(&did, "key-1", &key);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut document = known.clone();
        change(&mut document);
        Told::Document(document)
    };
    let inside = Host::start().await;
    inside.tells(Told::Document(known.clone()));
    let elsewhere = |address: SocketAddr| format!("http://{address}/.well-known/did.json");
    let check = async |what: &str, told: Told| {
        host.tells(told);
        let given = verify(&fetching(true), &good, BODY).await;
        assert_eq!(given, Err(IdentityError::UnknownKey(did.clone())), "{what}");
    };
    check("nothing", Told::Words(String::new())).await;
    check("no JSON", Told::Words("<html>".to_owned())).await;
    check("another DID's", changed(&|all| all["id"] = "did:web:other.example".into())).await;
    check("no key to sign in with", changed(&|all| all["authentication"] = json!([]))).await;
    check(
        "a key of no kind that we know",
        changed(&|all| {
            all["verificationMethod"][0]["publicKeyJwk"]["crv"] = "secp256k1".into();
        }),
    )
    .await;
    check(
        "no point",
        changed(&|all| {
            all["verificationMethod"][0]["publicKeyJwk"]["x"] = "AA".into();
        }),
    )
    .await;
    check("too large", changed(&|all| all["more"] = "x".repeat(64 * 1024).into())).await;
    check("another host of our network", Told::Elsewhere(elsewhere(inside.address))).await;
    assert_eq!(inside.asked(), 0, "a redirect leads to no other host");

    // Where addresses of our own are none of a stranger's business, none is asked.
    host.tells(Told::Document(known.clone()));
    let asked = host.asked();
    let given = verify(&fetching(false), &good, BODY).await;
    assert_eq!(given, Err(IdentityError::UnknownKey(did.clone())));
    assert_eq!(host.asked(), asked);
    assert_eq!(verify(&fetching(true), &good, BODY).await, Ok(did.clone()));
    assert_eq!(verify(&identity(), &good, BODY).await, Err(IdentityError::UnknownKey(did.clone())));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_replaced_is_found_and_the_old_one_forgotten() {
    let did: Did = "did:web:agent.example".parse().unwrap();
    let fetcher = FakeFetcher::default();
    let identity = identity().with_web(Arc::new(fetcher.clone()) as Arc<dyn Fetcher>);
    let place = "https://agent.example/.well-known/did.json";
    let put = |document: &Value| fetcher.insert(place, document.to_string());
    let (old, new) = (Key::p256(), Key::ed25519(3));
    let (by_old, by_new) = (old.proof(&did, "key-1"), new.proof(&did, "key-2"));
    let again = new.proof(&did, "key-1");
    put(&document(&did, "key-1", &old));
    assert_eq!(verify(&identity, &by_old, BODY).await, Ok(did.clone()));

    // Another key under another name: asked for again, though not at once.
    put(&document(&did, "key-2", &new));
    let unknown = Err(IdentityError::UnknownKey(did.clone()));
    assert_eq!(verify(&identity, &by_new, BODY).await, unknown, "it was asked just now");
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(verify(&identity, &by_new, BODY).await, Ok(did.clone()));
    assert_eq!(verify(&identity, &by_old, BODY).await, unknown, "the old one is gone");

    // And one under the name of the old one.
    put(&document(&did, "key-1", &old));
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(verify(&identity, &by_old, BODY).await, Ok(did.clone()));
    put(&document(&did, "key-1", &new));
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(verify(&identity, &again, BODY).await, Ok(did.clone()));
    assert_eq!(verify(&identity, &by_old, BODY).await, Err(IdentityError::BadSignature));

    // Nobody asks: what is known is forgotten in its time.
    put(&json!({ "id": did.as_str() }));
    tokio::time::advance(Duration::from_secs(299)).await;
    assert_eq!(verify(&identity, &again, BODY).await, Ok(did.clone()), "still remembered");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(verify(&identity, &again, BODY).await, unknown);
}
