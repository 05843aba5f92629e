//! Access tokens of ours: HS256, 15 minutes, verified on every request.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use marketplace_money::{Did, Seconds, Timestamp};
use marketplace_ports::{AccessToken, IdentityError};
use serde::Deserialize;
use sha2::Sha256;

use crate::did_jwt::CLOCK_SKEW;

/// How long an access token lives.
pub const ACCESS_TOKEN_LIFE: Seconds = Seconds(15 * 60);

/// `{"alg":"HS256","typ":"at+jwt"}` and the dot. Ours have exactly this header: it is compared,
/// never parsed, so no token chooses how it is verified.
const HEAD: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.";
/// Two DIDs of 255 bytes fit.
const LONGEST: usize = 1_024;
const MAC_BYTES: usize = 32;

#[derive(Deserialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    iat: i64,
    exp: i64,
}

/// Issues and verifies the access tokens of one marketplace.
#[derive(Clone)]
pub struct AccessTokens {
    issuer: Did,
    /// Keyed once: a verification only continues from here.
    mac: Hmac<Sha256>,
}

impl AccessTokens {
    /// For a marketplace and its key, which all its replicas share.
    #[must_use]
    pub fn new(issuer: Did, key: &[u8; 32]) -> Self {
        let mac = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
        Self { issuer, mac }
    }

    /// A token for an agent that has proved itself.
    #[must_use]
    pub fn issue(&self, did: &Did, now: Timestamp) -> AccessToken {
        let issued = seconds(now);
        let expires = issued.saturating_add(i64::from(ACCESS_TOKEN_LIFE.0));
        let issuer = &self.issuer;
        // DIDs hold nothing that JSON escapes.
        let claims =
            format!(r#"{{"iss":"{issuer}","sub":"{did}","iat":{issued},"exp":{expires}}}"#);
        let mut token = HEAD.to_owned();
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let mac = self.mac.clone().chain_update(&token).finalize().into_bytes();
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(mac, &mut token);
        AccessToken { token, expires_in: ACCESS_TOKEN_LIFE }
    }

    /// Whom the token was issued to. Refusals, in this order: malformed, bad signature, bad times,
    /// expired.
    ///
    /// # Errors
    /// When it is not a living token of ours.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Did, IdentityError> {
        let malformed = IdentityError::Malformed("it is not an access token of this marketplace");
        if token.len() > LONGEST || !Self::is_ours(token) {
            return Err(malformed);
        }
        let Some((signed, mac)) = token.rsplit_once('.') else { return Err(malformed) };
        // Unsigned, the last dot is that of the head.
        let Some(payload) = signed.strip_prefix(HEAD) else { return Err(malformed) };
        self.check_mac(signed, mac)?;

        let mut buffer = [0; LONGEST];
        let Ok(length) = URL_SAFE_NO_PAD.decode_slice(payload, &mut buffer) else {
            return Err(malformed);
        };
        let Ok(claims) = serde_json::from_slice::<Claims<'_>>(&buffer[..length]) else {
            return Err(malformed);
        };
        // The same key in the hands of two marketplaces is an operator's mistake, not a way in.
        if claims.iss != self.issuer.as_str() {
            return Err(IdentityError::BadSignature);
        }
        let now = seconds(now);
        if claims.iat > now.saturating_add(i64::from(CLOCK_SKEW.0)) {
            return Err(IdentityError::BadTimes("iat is in the future"));
        }
        if now >= claims.exp {
            return Err(IdentityError::Expired);
        }
        claims.sub.parse().map_err(|_| malformed)
    }

    /// Whether the text claims to be an access token of a marketplace like ours.
    #[must_use]
    pub fn is_ours(token: &str) -> bool {
        token.starts_with(HEAD)
    }

    /// In constant time; a text with spare bits set is another text for the same bytes, and refused.
    fn check_mac(&self, signed: &str, mac: &str) -> Result<(), IdentityError> {
        let mut bytes = [0; MAC_BYTES + 4];
        let length = URL_SAFE_NO_PAD
            .decode_slice(mac, &mut bytes)
            .map_err(|_| IdentityError::Malformed("its signature is not base64url of 32 bytes"))?;
        self.mac
            .clone()
            .chain_update(signed)
            .verify_slice(&bytes[..length])
            .map_err(|_| IdentityError::BadSignature)
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokens").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

fn seconds(at: Timestamp) -> i64 {
    at.micros().div_euclid(Seconds(1).micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jws;
    use proptest::prelude::*;

    const KEY: [u8; 32] = [7; 32];
    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_999_999);

    fn tokens() -> AccessTokens {
        AccessTokens::new("did:marketplace".parse().unwrap(), &KEY)
    }

    fn buyer() -> Did {
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK".parse().unwrap()
    }

    /// Signs whatever it is given, with our key.
    fn signed(head: &str, claims: &str) -> String {
        let body = format!("{head}{}", jws::encode(claims));
        let mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap().chain_update(&body).finalize();
        format!("{body}.{}", jws::encode(mac.into_bytes()))
    }

    #[test]
    fn the_head_is_what_it_says() {
        assert_eq!(HEAD, format!("{}.", jws::encode(r#"{"alg":"HS256","typ":"at+jwt"}"#)));
    }

    #[test]
    fn lives_fifteen_minutes() {
        let AccessToken { token, expires_in } = tokens().issue(&buyer(), NOW);
        assert_eq!(expires_in, Seconds(900));
        assert!(AccessTokens::is_ours(&token));
        let check = |now: Timestamp, expect: Result<Did, IdentityError>| {
            assert_eq!(tokens().verify(&token, now), expect, "{now}");
        };
        check(NOW, Ok(buyer()));
        check(NOW.minus(Seconds(60)), Ok(buyer()));
        check(NOW.minus(Seconds(61)), Err(IdentityError::BadTimes("iat is in the future")));
        check(NOW.plus(Seconds(899)), Ok(buyer()));
        check(NOW.plus(Seconds(900)), Err(IdentityError::Expired));
        check(Timestamp::from_micros(i64::MAX), Err(IdentityError::Expired));
    }

    #[test]
    fn the_longest_names_fit() {
        let long: Did = format!("did:a:{}", "x".repeat(Did::MAX_LEN - 6)).parse().unwrap();
        let tokens = AccessTokens::new(long.clone(), &KEY);
        assert_eq!(tokens.verify(&tokens.issue(&long, NOW).token, NOW), Ok(long));
    }

    #[test]
    fn what_proves_nothing() {
        let malformed =
            || IdentityError::Malformed("it is not an access token of this marketplace");
        let check = |token: &str, expect: IdentityError| {
            assert_eq!(tokens().verify(token, NOW), Err(expect), "{token}");
        };
        let good = tokens().issue(&buyer(), NOW).token;
        let (body, mac) = good.rsplit_once('.').unwrap();
        for token in ["", ".", "..", "a.b.c", HEAD, &HEAD[..HEAD.len() - 1], mac, "é.é.é"] {
            check(token, malformed());
        }
        check(&format!("{good}{}", "A".repeat(1_024)), malformed());
        check(body, malformed());

        let bad_base64 = || IdentityError::Malformed("its signature is not base64url of 32 bytes");
        check(&format!("{good}="), bad_base64());
        check(&format!("{good}AAAAAAAAAA"), bad_base64());
        check(&format!("{body}.%"), bad_base64());
        check(&format!("{body}."), IdentityError::BadSignature);
        check(&good[..good.len() - 3], IdentityError::BadSignature);
        check(&format!("{body}.{}", jws::encode([0; 32])), IdentityError::BadSignature);
        let other = AccessTokens::new("did:marketplace".parse().unwrap(), &[8; 32]);
        check(&other.issue(&buyer(), NOW).token, IdentityError::BadSignature);
        let other = AccessTokens::new("did:other".parse().unwrap(), &KEY);
        check(&other.issue(&buyer(), NOW).token, IdentityError::BadSignature);

        let claims = r#"{"iss":"did:marketplace","sub":"did:a","iat":0,"exp":1}"#;
        check(&signed(HEAD, claims), IdentityError::Expired);
        for head in [r#"{"alg":"none"}"#, r#"{"alg":"HS256","typ":"JWT"}"#] {
            check(&signed(&format!("{}.", jws::encode(head)), claims), malformed());
        }
        for claims in ["", "{}", "[]", "null", r#"{"iss":"did:marketplace"}"#] {
            check(&signed(HEAD, claims), malformed());
        }
        let no_did = r#"{"iss":"did:marketplace","sub":"x","iat":0,"exp":9999999999}"#;
        check(&signed(HEAD, no_did), malformed());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}", tail in "[A-Za-z0-9_.=-]{0,80}") {
            prop_assert!(tokens().verify(&text, NOW).is_err());
            let ours = format!("{HEAD}{tail}");
            prop_assert!(tokens().verify(&ours, NOW).is_err());
        }

        #[test]
        fn no_changed_byte_is_accepted(at in 0_usize..400, byte in b' '..127) {
            let good = tokens().issue(&buyer(), NOW).token;
            let mut bytes = good.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let changed = String::from_utf8(bytes).unwrap();
            prop_assume!(changed != good);
            prop_assert!(tokens().verify(&changed, NOW).is_err(), "{}", changed);
        }
    }
}
