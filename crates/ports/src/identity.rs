//! Who is calling: proofs of a DID, and our own short-lived access tokens.

use async_trait::async_trait;
use marketplace_money::{Did, Seconds, Timestamp};

use crate::{Registry, RegistryError};

/// A verified did-jwt: the caller holds the key of `did`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Who signed.
    pub did: Did,
    /// Unique for the signer; the caller of this port makes sure it is used once for commands.
    pub nonce: String,
    /// After this instant the proof is worthless, and its nonce may be forgotten.
    pub expires_at: Timestamp,
}

/// What a body-bound proof is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundTo<'a> {
    /// Such as `POST`.
    pub method: &'a str,
    /// The request's, without query, beginning with our public origin.
    pub url: &'a str,
    /// Of every byte of the body; of nothing, where there is none.
    pub body_sha256: [u8; 32],
}

/// A bearer token of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// Compact JWT.
    pub token: String,
    /// Life from now.
    pub expires_in: Seconds,
}

/// Why a token proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not a token that we understand.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// The signature does not belong to the key of the DID, or to us.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// Made for somebody else: `aud` names neither our DID nor our public URL.
    #[error("the token was made for another audience, aud must be {expected}")]
    WrongAudience {
        /// What we answer to.
        expected: String,
    },
    /// Made for another request than the one that it came with.
    #[error("the token was made for another request: {0} differs")]
    OtherRequest(&'static str),
    /// Too old.
    #[error("the token has expired, mint a new one")]
    Expired,
    /// `iat` is in the future beyond the clock skew, or `exp` more than an hour after it.
    #[error("the token's times are out of bounds: {0}")]
    BadTimes(&'static str),
    /// Nobody knows the key of this DID.
    #[error("the key of {0} is not known here: use a did:key, or register it")]
    UnknownKey(Did),
    /// The registry says that the token, which it should have issued, is not good.
    #[error("the registry does not accept this token, get a new one there")]
    NotIssued,
    /// The registry could not be asked.
    #[error("identity cannot be checked now: {0}")]
    Unavailable(String),
}

/// Verifies callers. Pure in time: `now` is passed in.
#[async_trait]
pub trait Identity: Send + Sync {
    /// Verifies a did-jwt: EdDSA over `{iss, aud, iat, exp, nonce}`, life at most one hour.
    async fn verify_proof(&self, token: &str, now: Timestamp) -> Result<Proof, IdentityError>;

    /// Whether this text claims to be a proof that is bound to one request (`did-auth+jwt`).
    fn is_bound_proof(&self, token: &str) -> bool;

    /// Verifies a proof that is bound to one request: `{iss, sub, aud, iat, exp, jti, htm, htu,
    /// bsh}`, at most 120 s old, signed with Ed25519 or P-256.
    async fn verify_bound_proof(
        &self,
        token: &str,
        request: &BoundTo<'_>,
        now: Timestamp,
    ) -> Result<Proof, IdentityError>;

    /// Issues an access token for an agent that has proved itself.
    fn issue_access_token(&self, did: &Did, now: Timestamp) -> AccessToken;

    /// Verifies an access token of ours.
    fn verify_access_token(&self, token: &str, now: Timestamp) -> Result<Did, IdentityError>;

    /// Whether this text claims to be an access token of ours (says nothing about its validity).
    fn is_access_token(&self, token: &str) -> bool;

    /// Whether this text may be a token that the registry issued to an agent: a JWT that no agent
    /// signed itself, where the registry issues any (says nothing about its validity).
    fn is_agent_token(&self, token: &str) -> bool;

    /// Has the registry verify a token that it issued. Its answer is remembered for seconds.
    async fn verify_agent_token(&self, token: &str) -> Result<Did, IdentityError>;
}

/// A signature of ours, and the key that it belongs to: keys change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Ed25519.
    pub public_key: [u8; 32],
    /// Over the message.
    pub signature: [u8; 64],
}

/// Signs as ourselves.
pub trait Signer: Send + Sync {
    /// Who we are.
    fn did(&self) -> &Did;

    /// Ed25519 by our present key.
    fn sign(&self, message: &[u8]) -> Signed;
}

/// A key of ours as others may know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedKey {
    /// Ed25519.
    pub public_key: [u8; 32],
    /// For a key that signs no more: how long its signatures are to be believed.
    pub until: Option<Timestamp>,
}

/// What a change of our key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Signed until now.
    pub old: [u8; 32],
    /// Signs from now.
    pub new: [u8; 32],
    /// Until when the old one is published.
    pub until: Timestamp,
}

/// Why our key was not changed: the old one goes on signing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// It comes from a secret of the deployment.
    #[error("the key comes from AGENT_KEY: change that")]
    NotOurs,
    /// The registry was not told.
    #[error("the registry was not told of the new key: {0}")]
    Registry(RegistryError),
    /// It could not be made or kept.
    #[error("a new key cannot be kept: {0}")]
    NotKept(String),
}

/// Our keys: the one that signs, and those that did until a while ago.
#[async_trait]
pub trait OurKeys: Signer {
    /// What others verify our signatures with: the key that signs first.
    fn published(&self, now: Timestamp) -> Vec<PublishedKey>;

    /// Whether the key is ours to change.
    ///
    /// # Errors
    /// When it comes from a secret of the deployment.
    fn may_rotate(&self) -> Result<(), RotationError>;

    /// Changes the key. The old one signs the change, and stays published for a while.
    async fn rotate(
        &self,
        registry: &dyn Registry,
        endpoint: &str,
        now: Timestamp,
    ) -> Result<Rotation, RotationError>;
}
