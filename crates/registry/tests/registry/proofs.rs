//! Which did-jwt proves its caller, and what each other one is told.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_money::{Did, Seconds, Timestamp};
use marketplace_ports::{
    AgentRecord, Identity, IdentityError, Proof, Registration, Registry, RegistryError,
};
use marketplace_registry::{AgentKey, EmbeddedRegistry, LocalIdentity, fresh_nonce, random_key};
use proptest::prelude::*;

const SECONDS: i64 = 1_700_000_000;
const NOW: Timestamp = Timestamp::from_micros(SECONDS * 1_000_000 + 999_999);
const US: &str = "did:agentvault:marketplace";
const URL: &str = "https://market.example";
const NONCE: &str = "nonce-01";
const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT"}"#;

fn agent() -> AgentKey {
    AgentKey::from_secret(&[1; 32])
}

fn identity() -> LocalIdentity {
    let registry = EmbeddedRegistry::open_in_memory(US.parse().unwrap()).unwrap();
    LocalIdentity::new(US.parse().unwrap(), Some(URL), &[7; 32], Arc::new(registry))
}

/// A token with this header and these claims, well signed.
fn token(header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(agent().sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Good claims, with one field replaced by another text, or left out.
fn claims(field: &str, value: Option<&str>) -> String {
    let iss = format!("\"{}\"", agent().did());
    let (iat, exp) = (SECONDS.to_string(), (SECONDS + 300).to_string());
    let aud = format!("\"{US}\"");
    let nonce = format!("\"{NONCE}\"");
    let good = [("iss", &iss), ("aud", &aud), ("iat", &iat), ("exp", &exp), ("nonce", &nonce)];
    let mut fields: Vec<String> = good
        .iter()
        .filter(|(name, _)| *name != field)
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    fields.extend(value.map(|value| format!("\"{field}\":{value}")));
    format!("{{{}}}", fields.join(","))
}

async fn verify(token: &str) -> Result<Proof, IdentityError> {
    identity().verify_proof(token, NOW).await
}

fn malformed(what: &'static str) -> IdentityError {
    IdentityError::Malformed(what)
}

const SHAPE: &str = "its claims must be iss, aud, iat, exp (whole seconds) and nonce";
const HEADER_SHAPE: &str = "its header must hold alg, typ and kid only";

#[tokio::test]
async fn a_good_token_proves_its_caller() {
    for audience in [US, URL, "https://market.example/"] {
        let minted = agent().mint(audience, NOW, Seconds(300), NONCE);
        let proof = verify(&minted).await.unwrap();
        assert_eq!(proof.did, *agent().did());
        assert_eq!(proof.nonce, NONCE);
        // As long as a skewed clock takes it, its nonce must be remembered.
        assert_eq!(proof.expires_at, Timestamp::from_micros((SECONDS + 360) * 1_000_000));
    }
    let fresh = AgentKey::generate().unwrap();
    let minted = fresh.mint(US, NOW, Seconds(3_600), &fresh_nonce().unwrap());
    assert_eq!(verify(&minted).await.unwrap().did, *fresh.did());
    assert_ne!(random_key().unwrap(), random_key().unwrap());
}

#[tokio::test]
async fn headers() {
    let did = agent().did().clone();
    let good = |header: String| token(&header, &claims("", None));
    let check = async |header: String, expect: Option<&'static str>| {
        let given = verify(&good(header.clone())).await.map(|proof| proof.did);
        assert_eq!(given, expect.map_or(Ok(did.clone()), |what| Err(malformed(what))), "{header}");
    };
    let kid = |kid: String| format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#);
    check(HEADER.to_owned(), None).await;
    check(r#"{"alg":"EdDSA"}"#.to_owned(), None).await;
    check(r#"{"alg":"EdDSA","typ":"jwt","kid":null}"#.to_owned(), None).await;
    check(kid(did.to_string()), None).await;
    check(kid(format!("{did}#key-1")), None).await;
    check(kid(format!("{did}x")), Some("kid is not a key of iss")).await;
    check(kid("did:key:other".to_owned()), Some("kid is not a key of iss")).await;
    check(kid(String::new()), Some("kid is not a key of iss")).await;
    for alg in ["none", "None", "HS256", "HS512", "RS256", "ES256K", "eddsa", "Ed25519", ""] {
        check(format!(r#"{{"alg":"{alg}"}}"#), Some("alg must be EdDSA")).await;
    }
    for typ in ["at+jwt", "JWE", ""] {
        check(format!(r#"{{"alg":"EdDSA","typ":"{typ}"}}"#), Some("typ must be JWT")).await;
    }
    for more in [
        r#""crit":["exp"]"#,
        r#""jwk":{}"#,
        r#""jku":"https://x""#,
        r#""x5u":"x""#,
        r#""x5c":[]"#,
        r#""b64":false"#,
        r#""alg":"EdDSA""#,
        r#""zip":"DEF""#,
    ] {
        check(format!(r#"{{"alg":"EdDSA",{more}}}"#), Some(HEADER_SHAPE)).await;
    }
    for text in [
        "",
        "null",
        "[]",
        r#"["EdDSA","JWT",null]"#,
        "{}",
        r#"{"alg":1}"#,
        r#"{"alg":null}"#,
        "{",
        " {}",
    ] {
        check(text.to_owned(), Some(HEADER_SHAPE)).await;
    }
}

#[tokio::test]
async fn shapes_of_claims() {
    let check = async |field: &str, value: Option<&str>, what: &'static str| {
        let given = verify(&token(HEADER, &claims(field, value))).await;
        assert_eq!(given, Err(malformed(what)), "{field} {value:?}");
    };
    for field in ["iss", "aud", "iat", "exp", "nonce"] {
        check(field, None, SHAPE).await;
        for value in ["null", "{}", "true", "1.5", "[1]", "\"a\",\"iss\":\"did:b\""] {
            check(field, Some(value), SHAPE).await;
        }
    }
    for time in ["\"1700000000\"", "1e9", "1700000000.0", "99999999999999999999", "-0.1"] {
        check("iat", Some(time), SHAPE).await;
        check("exp", Some(time), SHAPE).await;
    }
    for iss in ["\"\"", "\"buyer\"", "\"did:key:a b\"", "\"did:a\\u0000\""] {
        check("iss", Some(iss), "iss is not a DID").await;
    }
    let other_kind = "\"did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc\"";
    check("iss", Some(other_kind), "iss is not a did:key of Ed25519").await;
    for body in ["", "null", "[]", "{", "1"] {
        assert_eq!(verify(&token(HEADER, body)).await, Err(malformed(SHAPE)), "{body}");
    }
}

#[tokio::test]
async fn nonces() {
    let check = async |nonce: String, expect: Option<&'static str>| {
        let quoted = format!("\"{nonce}\"");
        let given = verify(&token(HEADER, &claims("nonce", Some(&quoted)))).await;
        assert_eq!(given.map(drop), expect.map_or(Ok(()), |what| Err(malformed(what))), "{nonce}");
    };
    const BOUNDS: Option<&str> = Some("nonce must have 8 to 128 characters");
    check("n".repeat(7), BOUNDS).await;
    check("n".repeat(8), None).await;
    check("n".repeat(128), None).await;
    check("n".repeat(129), BOUNDS).await;
    check("é".repeat(7), BOUNDS).await;
    check("é".repeat(128), None).await;
    check(String::new(), BOUNDS).await;
    for escape in ["\\u0000", "\\n", "\\u007f"] {
        check(format!("nonce-01{escape}"), Some("nonce has control characters in it")).await;
    }
}

#[tokio::test]
async fn audiences() {
    let wrong = || IdentityError::WrongAudience { expected: format!("{US} or {URL} or {URL}/") };
    let check = async |aud: &str, good: bool| {
        let given = verify(&token(HEADER, &claims("aud", Some(aud)))).await.map(drop);
        assert_eq!(given, if good { Ok(()) } else { Err(wrong()) }, "{aud}");
    };
    check(&format!("[\"did:other\",\"{US}\"]"), true).await;
    check(&format!("[\"{URL}\"]"), true).await;
    check("[]", false).await;
    check("\"\"", false).await;
    check("\"did:other\"", false).await;
    check("\"https://market.example.evil\"", false).await;
    check("\"HTTPS://market.example\"", false).await;
    check(&format!("\"{US} \""), false).await;

    // Without a public URL, only our DID.
    let registry = EmbeddedRegistry::open_in_memory(US.parse().unwrap()).unwrap();
    let alone = LocalIdentity::new(US.parse().unwrap(), None, &[7; 32], Arc::new(registry));
    let minted = agent().mint("", NOW, Seconds(300), NONCE);
    let expect = IdentityError::WrongAudience { expected: US.to_owned() };
    assert_eq!(alone.verify_proof(&minted, NOW).await, Err(expect));
}

#[tokio::test]
async fn times() {
    use IdentityError::{BadTimes, Expired};
    let check = async |iat: i64, exp: i64, more: &str, expect: Result<(), IdentityError>| {
        let iss = agent().did().clone();
        let claims = format!(
            r#"{{"iss":"{iss}","aud":"{US}","nonce":"{NONCE}","iat":{iat},"exp":{exp}{more}}}"#
        );
        let given = verify(&token(HEADER, &claims)).await.map(drop);
        assert_eq!(given, expect, "iat {iat} exp {exp} {more}");
    };
    let now = SECONDS;
    let (future, long) = ("iat is in the future", "exp is more than an hour after iat");
    check(now, now + 3_600, "", Ok(())).await;
    check(now, now + 3_601, "", Err(BadTimes(long))).await;
    check(now, now, "", Err(BadTimes("exp must be after iat"))).await;
    check(now, now - 1, "", Err(BadTimes("exp must be after iat"))).await;
    check(now + 60, now + 120, "", Ok(())).await;
    check(now + 61, now + 120, "", Err(BadTimes(future))).await;
    check(now - 300, now - 59, "", Ok(())).await;
    check(now - 300, now - 60, "", Err(Expired)).await;
    check(0, 1, "", Err(Expired)).await;
    check(-10, -5, "", Err(Expired)).await;
    check(i64::MIN, i64::MAX, "", Err(BadTimes(long))).await;
    check(i64::MAX - 1, i64::MAX, "", Err(BadTimes(future))).await;
    check(i64::MIN, i64::MIN + 1, "", Err(Expired)).await;
    check(now, now + 60, r#","nbf":null"#, Ok(())).await;
    check(now, now + 60, &format!(r#","nbf":{}"#, now + 60), Ok(())).await;
    check(now, now + 60, &format!(r#","nbf":{}"#, now + 61), Err(BadTimes("nbf is in the future")))
        .await;
    check(now, now + 60, r#","sub":"did:other","jti":[1]"#, Ok(())).await;
}

#[tokio::test]
async fn forgeries_and_wreckage() {
    let good = token(HEADER, &claims("", None));
    assert!(verify(&good).await.is_ok());
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let check = async |token: String, expect: IdentityError| {
        assert_eq!(verify(&token).await, Err(expect), "{token}");
    };
    let three = || malformed("it must be three parts with dots between");
    let base64 = || malformed("its parts must be base64url without padding");
    for text in [String::new(), "x".to_owned(), format!("{head}.{body}"), format!("{good}.x")] {
        check(text, three()).await;
    }
    check("..".to_owned(), malformed(HEADER_SHAPE)).await;
    check(format!("{good}="), base64()).await;
    check(format!("{head}.{body} .{signature}"), base64()).await;
    check(format!("{head}.{body}.{}/", &signature[1..]), base64()).await;
    check("é.é.é".to_owned(), base64()).await;
    check(format!("{good}{}", "A".repeat(4_096)), malformed("it is longer than 4096 bytes")).await;
    check(format!("{head}.{body}."), malformed("its signature must be 64 bytes")).await;
    check(format!("{head}.{body}.{signature}AAAA"), malformed("its signature must be 64 bytes"))
        .await;

    // Signed by another key, for other claims, or with a signature that fits everything.
    let stranger = AgentKey::from_secret(&[2; 32]);
    let forged = URL_SAFE_NO_PAD.encode(stranger.sign(format!("{head}.{body}").as_bytes()));
    check(format!("{head}.{body}.{forged}"), IdentityError::BadSignature).await;
    let other_body = URL_SAFE_NO_PAD.encode(claims("nonce", Some("\"another-nonce\"")));
    check(format!("{head}.{other_body}.{signature}"), IdentityError::BadSignature).await;
    let mut neutral = [0; 64];
    neutral[0] = 1;
    for zero in [[0; 64], neutral] {
        let zero = URL_SAFE_NO_PAD.encode(zero);
        check(format!("{head}.{body}.{zero}"), IdentityError::BadSignature).await;
    }
    let impostor = stranger.named(agent().did().clone());
    check(impostor.mint(US, NOW, Seconds(60), NONCE), IdentityError::BadSignature).await;
}

#[tokio::test]
async fn one_kind_of_token_is_never_taken_for_the_other() {
    let identity = identity();
    let access = identity.issue_access_token(agent().did(), NOW);
    let proof = agent().mint(US, NOW, Seconds(300), NONCE);
    assert!(identity.is_access_token(&access.token));
    assert!(!identity.is_access_token(&proof));
    assert_eq!(identity.verify_access_token(&access.token, NOW), Ok(agent().did().clone()));
    let given = identity.verify_proof(&access.token, NOW).await;
    assert_eq!(given, Err(malformed("alg must be EdDSA")));
    assert!(identity.verify_access_token(&proof, NOW).is_err());
}

/// A registry that is asked for every name that is not a key.
struct Scripted(Result<Option<AgentRecord>, RegistryError>);

#[async_trait]
impl Registry for Scripted {
    async fn resolve(&self, _: &Did) -> Result<Option<AgentRecord>, RegistryError> {
        self.0.clone()
    }

    async fn register(&self, _: &Registration) -> Result<(), RegistryError> {
        Err(RegistryError::Refused("read only"))
    }

    async fn register_ourselves(&self, _: &Registration) -> Result<(), RegistryError> {
        Err(RegistryError::Refused("read only"))
    }

    fn knows_endpoint(&self, _: &Did) -> Option<bool> {
        None
    }

    async fn verify_token(&self, _: &str) -> Result<Option<Did>, RegistryError> {
        self.0.clone().map(|record| record.map(|record| record.did))
    }

    fn issues_tokens(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn keys_come_from_the_registry_for_other_names() {
    let name: Did = "did:agentvault:seller".parse().unwrap();
    let seller = agent().named(name.clone());
    let minted = seller.mint(US, NOW, Seconds(60), NONCE);
    let record = |public_key| AgentRecord { did: name.clone(), public_key, endpoint: None };
    let check = async |answer, expect: Result<Did, IdentityError>| {
        let registry = Arc::new(Scripted(answer));
        let identity = LocalIdentity::new(US.parse().unwrap(), None, &[7; 32], registry);
        let given = identity.verify_proof(&minted, NOW).await.map(|proof| proof.did);
        assert_eq!(given, expect);
    };
    let unknown = || Err(IdentityError::UnknownKey(name.clone()));
    check(Ok(Some(record(seller.public_key()))), Ok(name.clone())).await;
    let stranger = AgentKey::from_secret(&[2; 32]).public_key();
    check(Ok(Some(record(stranger))), Err(IdentityError::BadSignature)).await;
    check(Ok(Some(record([0; 32]))), unknown()).await;
    check(Ok(None), unknown()).await;
    check(Err(RegistryError::Refused("no")), unknown()).await;
    let down = RegistryError::Unavailable("down".to_owned());
    check(Err(down), Err(IdentityError::Unavailable("down".to_owned()))).await;
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,120}", parts in "[A-Za-z0-9_=-]{0,40}\\.[A-Za-z0-9_-]{0,90}\\.[A-Za-z0-9_-]{0,90}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert!(runtime.block_on(verify(&text)).is_err());
        prop_assert!(runtime.block_on(verify(&parts)).is_err());
    }

    #[test]
    fn no_header_or_claims_panic(header in "\\{[\"algEdDSA:,{}\\[\\]0-9]{0,40}\\}", body in "\\{[\"isaudexpnonce:,{}\\[\\]0-9.e-]{0,80}\\}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert!(runtime.block_on(verify(&token(&header, &body))).is_err());
        prop_assert!(runtime.block_on(verify(&token(HEADER, &body))).is_err());
    }

    #[test]
    fn no_changed_byte_is_accepted(at in 0_usize..600, byte in b' '..127) {
        let good = token(HEADER, &claims("", None));
        let mut bytes = good.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assume!(changed != good);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert!(runtime.block_on(verify(&changed)).is_err(), "{}", changed);
    }
}
