//! `did-auth+jwt`: a proof that is good for one request only, whose bytes it names.

use ed25519_dalek::{Signature, VerifyingKey};
use marketplace_money::{Did, Seconds, Timestamp};
use marketplace_ports::{BoundTo, IdentityError, Proof};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::Deserialize;

use crate::did_jwt::{CLOCK_SKEW, LONGEST_TOKEN};
use crate::jws::{self, Compact};

/// Names the form in the header.
const TYPE: &str = "did-auth+jwt";
/// Longest life of a bound proof.
pub(crate) const LONGEST_BOUND_LIFE: Seconds = Seconds(120);
const JTI_CHARS: std::ops::RangeInclusive<usize> = 8..=128;
const SIGNATURE_BYTES: usize = 64;

/// Whatever else a header may hold tells a verifier to act in ways that we do not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: String,
    htm: String,
    htu: String,
    bsh: String,
}

/// A key of an agent, of either kind.
#[derive(Clone, Debug)]
pub(crate) enum AgentVerifier {
    Ed25519(VerifyingKey),
    /// The uncompressed point.
    P256(Box<[u8; 65]>),
}

impl AgentVerifier {
    const fn alg(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        match self {
            Self::Ed25519(key) => {
                key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
            }
            Self::P256(point) => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point[..]);
                key.verify(message, signature).is_ok()
            }
        }
    }
}

/// A bound proof whose claims are in order and whose signature nobody has checked.
pub(crate) struct UnverifiedBound<'a> {
    did: Did,
    alg: String,
    /// The DID URL of the key.
    kid: String,
    jti: String,
    expires_at: Timestamp,
    signed: &'a str,
    signature: [u8; SIGNATURE_BYTES],
}

/// Whether a token says that it is bound to a request.
pub(crate) fn is_bound(token: &str) -> bool {
    #[derive(Deserialize)]
    struct Type {
        typ: Option<String>,
    }
    if token.len() > LONGEST_TOKEN {
        return false;
    }
    let Ok(parts) = Compact::parse(token) else { return false };
    let header: Option<Type> = serde_json::from_slice(&parts.header).ok();
    header.and_then(|header| header.typ).is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE))
}

impl<'a> UnverifiedBound<'a> {
    /// Reads a token. Refusals, in this order: malformed, wrong audience, bad times, expired,
    /// another request. All come before a key is looked up.
    pub(crate) fn read(
        token: &'a str,
        audiences: &[String],
        request: &BoundTo<'_>,
        now: Timestamp,
    ) -> Result<Self, IdentityError> {
        if token.len() > LONGEST_TOKEN {
            return Err(malformed("it is longer than 4096 bytes"));
        }
        let parts = Compact::parse(token)?;
        let header: Header = serde_json::from_slice(&parts.header)
            .map_err(|_| malformed("its header must hold alg, typ and kid only"))?;
        if !header.typ.eq_ignore_ascii_case(TYPE) {
            return Err(malformed("typ must be did-auth+jwt"));
        }
        if !matches!(header.alg.as_str(), "EdDSA" | "ES256") {
            return Err(malformed("alg must be EdDSA or ES256"));
        }
        let signature = parts.signature.as_slice().try_into();
        let signature = signature.map_err(|_| malformed("its signature must be 64 bytes"))?;
        let claims: Claims = serde_json::from_slice(&parts.payload).map_err(|_| {
            malformed("its claims must be iss, sub, aud, iat, exp, jti, htm, htu and bsh")
        })?;
        let did: Did = claims.iss.parse().map_err(|_| malformed("iss is not a DID"))?;
        if claims.sub != claims.iss {
            return Err(malformed("sub must be iss"));
        }
        if header.kid.split('#').next() != Some(did.as_str()) {
            return Err(malformed("kid is not a key of iss"));
        }
        if !JTI_CHARS.contains(&claims.jti.chars().count())
            || claims.jti.chars().any(char::is_control)
        {
            return Err(malformed("jti must have 8 to 128 characters"));
        }
        if !audiences.contains(&claims.aud) {
            return Err(IdentityError::WrongAudience { expected: audiences.join(" or ") });
        }
        let expires_at = check_times(claims.iat, claims.exp, now)?;
        check_request(&claims, request)?;
        Ok(Self {
            did,
            alg: header.alg,
            kid: header.kid,
            jti: claims.jti,
            expires_at,
            signed: parts.signed,
            signature,
        })
    }

    pub(crate) fn did(&self) -> &Did {
        &self.did
    }

    /// The DID URL of the key that is said to have signed.
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The proof, if this key signed it.
    pub(crate) fn verify(&self, key: &AgentVerifier) -> Result<Proof, IdentityError> {
        if key.alg() != self.alg || !key.verify(self.signed.as_bytes(), &self.signature) {
            return Err(IdentityError::BadSignature);
        }
        // A jti is no nonce of the other form: they do not use up each other.
        let nonce = format!("jti:{}", self.jti);
        Ok(Proof { did: self.did.clone(), nonce, expires_at: self.expires_at })
    }
}

fn check_times(iat: i64, exp: i64, now: Timestamp) -> Result<Timestamp, IdentityError> {
    let now = now.micros().div_euclid(Seconds(1).micros());
    let (skew, life) = (i64::from(CLOCK_SKEW.0), i64::from(LONGEST_BOUND_LIFE.0));
    match exp.checked_sub(iat) {
        Some(age) if age < 1 => return Err(IdentityError::BadTimes("exp must be after iat")),
        Some(age) if age <= life => {}
        _ => return Err(IdentityError::BadTimes("exp is more than 120 s after iat")),
    }
    if iat > now.saturating_add(skew) {
        return Err(IdentityError::BadTimes("iat is in the future"));
    }
    let end = exp.saturating_add(skew);
    if now >= end {
        return Err(IdentityError::Expired);
    }
    Ok(Timestamp::from_micros(end.saturating_mul(Seconds(1).micros())))
}

fn check_request(claims: &Claims, request: &BoundTo<'_>) -> Result<(), IdentityError> {
    if !claims.htm.eq_ignore_ascii_case(request.method) {
        return Err(IdentityError::OtherRequest("htm"));
    }
    if normal(&claims.htu) != normal(request.url) {
        return Err(IdentityError::OtherRequest("htu"));
    }
    if claims.bsh != jws::encode(request.body_sha256) {
        return Err(IdentityError::OtherRequest("bsh"));
    }
    Ok(())
}

/// A URL without its query, with its host in lower case and without its scheme's own port; an empty
/// path is `/`, and a slash at the end does not count.
fn normal(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let scheme = scheme.to_ascii_lowercase();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut host = host.to_ascii_lowercase();
    for (name, port) in [("http", ":80"), ("https", ":443")] {
        if scheme == name && host.ends_with(port) {
            host.truncate(host.len() - port.len());
        }
    }
    format!("{scheme}://{host}/{}", path.trim_end_matches('/'))
}

const fn malformed(what: &'static str) -> IdentityError {
    IdentityError::Malformed(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_compared_in_their_normal_form() {
        let check = |one: &str, other: &str, same: bool| {
            assert_eq!(normal(one) == normal(other), same, "{one} {other}");
        };
        check("http://h:8020", "http://H:8020/", true);
        check("https://h:443/a2a/", "https://h/a2a?x=1", true);
        check("http://h/a2a", "http://h/a2a/b", false);
        check("http://h/a2a", "https://h/a2a", false);
        check("http://h:81/a", "http://h/a", false);
        check("http://h/A", "http://h/a", false);
    }
}
