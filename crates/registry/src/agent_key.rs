//! An agent's own key, for clients: the admin CLI, agents in Rust, and tests.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey};
use marketplace_money::{Did, Seconds, Timestamp};
use marketplace_ports::{AgentRecord, Registration};
use sha2::{Digest, Sha256};

use crate::bound::LONGEST_BOUND_LIFE;
use crate::did_jwt::{self, ProofClaims};
use crate::{encode_did_key, jws};

const NONCE_BYTES: usize = 16;

/// The system's source of randomness does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness, without it no key can be made")]
pub struct NoRandomness;

/// A secret key and the DID that it speaks for. Never printed.
#[derive(Clone)]
pub struct AgentKey {
    did: Did,
    signing: SigningKey,
}

impl AgentKey {
    /// A new agent, named by its key.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate() -> Result<Self, NoRandomness> {
        random_key().map(|secret| Self::from_secret(&secret))
    }

    /// The agent whose `did:key` belongs to this secret.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let signing = SigningKey::from_bytes(secret);
        Self { did: encode_did_key(&signing.verifying_key().to_bytes()), signing }
    }

    /// The same key, speaking for a DID that is bound to it in a registry.
    #[must_use]
    pub fn named(self, did: Did) -> Self {
        Self { did, ..self }
    }

    /// Whom it speaks for.
    #[must_use]
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// A proof that is good for one request: `did-auth+jwt`. `body` is every byte of it.
    #[must_use]
    pub fn mint_bound(
        &self,
        audience: &str,
        now: Timestamp,
        jti: &str,
        (method, url, body): (&str, &str, &[u8]),
    ) -> String {
        let issued = now.micros().div_euclid(Seconds(1).micros());
        let life = i64::from(LONGEST_BOUND_LIFE.0);
        let payload = serde_json::json!({
            "iss": self.did.as_str(), "sub": self.did.as_str(), "aud": audience,
            "iat": issued, "exp": issued.saturating_add(life), "jti": jti,
            "htm": method, "htu": url, "bsh": jws::encode(Sha256::digest(body)),
        });
        let fragment = self.did.as_str().rsplit(':').next().unwrap_or_default();
        let kid = format!("{}#{fragment}", self.did);
        let header = serde_json::json!({ "alg": "EdDSA", "typ": "did-auth+jwt", "kid": kid });
        let signed =
            format!("{}.{}", jws::encode(header.to_string()), jws::encode(payload.to_string()));
        let signature = self.signing.sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", jws::encode(signature))
    }

    /// What everybody may know.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    /// What nobody else may know; for a key file.
    #[must_use]
    pub fn secret(&self) -> [u8; 32] {
        self.signing.to_bytes()
    }

    /// Ed25519 over the bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }

    /// A did-jwt for `audience`, the DID or public URL of a marketplace.
    #[must_use]
    pub fn mint(
        &self,
        audience: &str,
        issued_at: Timestamp,
        lifetime: Seconds,
        nonce: &str,
    ) -> String {
        let claims = ProofClaims { issuer: &self.did, audience, issued_at, lifetime, nonce };
        did_jwt::mint(&self.signing, &claims)
    }

    /// Claims the DID for this key. `previous` is the key that it was bound to before, when that
    /// is another one.
    #[must_use]
    pub fn claim(
        &self,
        endpoint: Option<String>,
        serial: u64,
        previous: Option<&Self>,
    ) -> Registration {
        let record = AgentRecord { did: self.did.clone(), public_key: self.public_key(), endpoint };
        let message = Registration::message(&record, serial);
        Registration {
            signature: self.sign(&message),
            previous_signature: previous.map(|key| key.sign(&message)),
            record,
            serial,
        }
    }
}

/// Whether a key made this signature over a message; keys that bind nobody made none.
#[must_use]
pub fn verify_signature(public_key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let key = crate::did_key::usable(public_key);
    let signature = ed25519_dalek::Signature::from_slice(signature).ok();
    key.zip(signature)
        .is_some_and(|(key, signature)| key.verify_strict(message, &signature).is_ok())
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentKey").field("did", &self.did).finish_non_exhaustive()
    }
}

/// A nonce for a did-jwt that nobody has used.
///
/// # Errors
/// When there is no randomness.
pub fn fresh_nonce() -> Result<String, NoRandomness> {
    random::<NONCE_BYTES>().map(jws::encode)
}

/// 32 random bytes: a secret key, or the key of access tokens.
///
/// # Errors
/// When there is no randomness.
pub fn random_key() -> Result<[u8; 32], NoRandomness> {
    random()
}

fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// The 32 bytes of a secret, written in base64url without padding.
#[must_use]
pub fn secret_from_text(text: &str) -> Option<[u8; 32]> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
    bytes.try_into().ok()
}
