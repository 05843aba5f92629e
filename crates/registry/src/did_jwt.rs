//! did-jwt: a caller proves its DID with a token that it signed itself.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use marketplace_money::{Did, Seconds, Timestamp};
use marketplace_ports::{IdentityError, Proof};
use serde::Deserialize;

use crate::jws::{self, Compact};

/// Longest token that is looked at, in bytes.
pub const LONGEST_TOKEN: usize = 4_096;
/// Longest life of a proof.
pub const LONGEST_LIFE: Seconds = Seconds(3_600);
/// How far two clocks may differ.
pub const CLOCK_SKEW: Seconds = Seconds(60);
const NONCE_CHARS: std::ops::RangeInclusive<usize> = 8..=128;
const ED25519_BYTES: usize = 64;

/// Whatever else a header may hold (`crit`, `jwk`, `jku`, `x5u`, …) tells a verifier to act in
/// ways that we do not: it is refused, not ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    iat: i64,
    exp: i64,
    nbf: Option<i64>,
    nonce: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn names(&self, ours: &[String]) -> bool {
        match self {
            Self::One(name) => ours.contains(name),
            Self::Many(names) => names.iter().any(|name| ours.contains(name)),
        }
    }
}

/// A token whose claims are in order and whose signature nobody has checked.
pub(crate) struct Unverified<'a> {
    did: Did,
    nonce: String,
    expires_at: Timestamp,
    signed: &'a str,
    signature: [u8; ED25519_BYTES],
}

impl<'a> Unverified<'a> {
    /// Reads a token. Refusals, in this order: malformed, wrong audience, bad times, expired. All
    /// come before the key is looked up: garbage must not make us ask a registry.
    pub(crate) fn read(
        token: &'a str,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<Self, IdentityError> {
        if token.len() > LONGEST_TOKEN {
            return Err(malformed("it is longer than 4096 bytes"));
        }
        let parts = Compact::parse(token)?;
        let header = read_header(&parts.header)?;
        let signature = parts.signature.as_slice().try_into();
        let signature = signature.map_err(|_| malformed("its signature must be 64 bytes"))?;
        let claims: Claims = object(&parts.payload)
            .ok_or(malformed("its claims must be iss, aud, iat, exp (whole seconds) and nonce"))?;
        let did = claims.iss.parse().map_err(|_| malformed("iss is not a DID"))?;
        check_kid(header.kid.as_deref(), &did)?;
        check_nonce(&claims.nonce)?;
        if !claims.aud.names(audiences) {
            return Err(IdentityError::WrongAudience { expected: audiences.join(" or ") });
        }
        let expires_at = check_times(&claims, now)?;
        Ok(Self { did, nonce: claims.nonce, expires_at, signed: parts.signed, signature })
    }

    /// Who is said to have signed.
    pub(crate) fn did(&self) -> &Did {
        &self.did
    }

    /// The proof, if this key signed it.
    pub(crate) fn verify(self, key: &VerifyingKey) -> Result<Proof, IdentityError> {
        let signature = Signature::from_bytes(&self.signature);
        key.verify_strict(self.signed.as_bytes(), &signature)
            .map_err(|_| IdentityError::BadSignature)?;
        Ok(Proof { did: self.did, nonce: self.nonce, expires_at: self.expires_at })
    }
}

/// Whether this is a JWT that no agent signed itself: one whose header does not say EdDSA. Such a
/// token can only be of a registry.
pub(crate) fn is_foreign_jwt(token: &str) -> bool {
    #[derive(Deserialize)]
    struct Algorithm {
        alg: String,
    }
    if token.len() > LONGEST_TOKEN {
        return false;
    }
    let Ok(parts) = Compact::parse(token) else { return false };
    let header: Option<Algorithm> = object(&parts.header);
    header.is_some_and(|header| header.alg != "EdDSA")
}

fn read_header(json: &[u8]) -> Result<Header, IdentityError> {
    let header: Header =
        object(json).ok_or(malformed("its header must hold alg, typ and kid only"))?;
    if header.alg != "EdDSA" {
        return Err(malformed("alg must be EdDSA"));
    }
    if header.typ.as_ref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(malformed("typ must be JWT"));
    }
    Ok(header)
}

/// A key id may name the DID, or a key within it; never another's key.
fn check_kid(kid: Option<&str>, did: &Did) -> Result<(), IdentityError> {
    let Some(kid) = kid else { return Ok(()) };
    match kid.strip_prefix(did.as_str()) {
        Some(rest) if rest.is_empty() || rest.starts_with('#') => Ok(()),
        _ => Err(malformed("kid is not a key of iss")),
    }
}

fn check_nonce(nonce: &str) -> Result<(), IdentityError> {
    // It is kept in databases and written to logs.
    if nonce.chars().any(char::is_control) {
        return Err(malformed("nonce has control characters in it"));
    }
    if NONCE_CHARS.contains(&nonce.chars().count()) {
        Ok(())
    } else {
        Err(malformed("nonce must have 8 to 128 characters"))
    }
}

/// When the proof is worthless: as long as a skewed clock still takes it, its nonce must be
/// remembered.
fn check_times(claims: &Claims, now: Timestamp) -> Result<Timestamp, IdentityError> {
    let now = now.micros().div_euclid(Seconds(1).micros());
    let skew = i64::from(CLOCK_SKEW.0);
    match claims.exp.checked_sub(claims.iat) {
        Some(life) if life < 1 => return Err(IdentityError::BadTimes("exp must be after iat")),
        Some(life) if life <= i64::from(LONGEST_LIFE.0) => {}
        _ => return Err(IdentityError::BadTimes("exp is more than an hour after iat")),
    }
    if claims.iat > now.saturating_add(skew) {
        return Err(IdentityError::BadTimes("iat is in the future"));
    }
    if claims.nbf.is_some_and(|nbf| nbf > now.saturating_add(skew)) {
        return Err(IdentityError::BadTimes("nbf is in the future"));
    }
    let end = claims.exp.saturating_add(skew);
    if now >= end {
        return Err(IdentityError::Expired);
    }
    Ok(Timestamp::from_micros(end.saturating_mul(Seconds(1).micros())))
}

const fn malformed(what: &'static str) -> IdentityError {
    IdentityError::Malformed(what)
}

/// A JSON object; serde would also read these types from a JSON array.
fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    let is_object = json.first() == Some(&b'{');
    is_object.then(|| serde_json::from_slice(json).ok()).flatten()
}

/// What a did-jwt says.
#[derive(Clone, Copy, Debug)]
pub struct ProofClaims<'a> {
    /// Who proves itself.
    pub issuer: &'a Did,
    /// For whom: the DID or the public URL of the marketplace.
    pub audience: &'a str,
    /// From when.
    pub issued_at: Timestamp,
    /// How long, at most [`LONGEST_LIFE`].
    pub lifetime: Seconds,
    /// 8 to 128 characters, never used before.
    pub nonce: &'a str,
}

/// Signs a did-jwt. What the claims hold is written as it is: the verifier judges it.
#[must_use]
pub fn mint(key: &SigningKey, claims: &ProofClaims<'_>) -> String {
    let issued = claims.issued_at.micros().div_euclid(Seconds(1).micros());
    let payload = serde_json::json!({
        "iss": claims.issuer.as_str(),
        "aud": claims.audience,
        "iat": issued,
        "exp": issued.saturating_add(i64::from(claims.lifetime.0)),
        "nonce": claims.nonce,
    });
    let header = jws::encode(r#"{"alg":"EdDSA","typ":"JWT"}"#);
    let signed = format!("{header}.{}", jws::encode(payload.to_string()));
    let signature = key.sign(signed.as_bytes()).to_bytes();
    format!("{signed}.{}", jws::encode(signature))
}
