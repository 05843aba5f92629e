//! Verifies callers here: did-jwt by the caller's key, access tokens by ours.

use std::sync::Arc;

use async_trait::async_trait;
use ed25519_dalek::VerifyingKey;
use marketplace_money::{Did, Timestamp};
use marketplace_ports::{
    AccessToken, BoundTo, Fetcher, Identity, IdentityError, Proof, Registry, RegistryError,
};

use crate::AccessTokens;
use crate::bound::{self, AgentVerifier, UnverifiedBound};
use crate::did_jwt::{self, Unverified};
use crate::did_key::{self, DidKeyError};
use crate::did_web::DidWeb;

/// The identity port over any registry.
pub struct LocalIdentity {
    audiences: Vec<String>,
    access_tokens: AccessTokens,
    registry: Arc<dyn Registry>,
    web: Option<DidWeb>,
}

impl LocalIdentity {
    /// Answers to `own_did` and, where there is one, `public_url` (with and without a slash at its
    /// end). `access_key` signs the access tokens; replicas share it.
    #[must_use]
    pub fn new(
        own_did: Did,
        public_url: Option<&str>,
        access_key: &[u8; 32],
        registry: Arc<dyn Registry>,
    ) -> Self {
        let mut audiences = vec![own_did.to_string()];
        if let Some(url) = public_url.map(|url| url.trim_end_matches('/')) {
            audiences.extend([url.to_owned(), format!("{url}/")]);
        }
        Self {
            audiences,
            access_tokens: AccessTokens::new(own_did, access_key),
            registry,
            web: None,
        }
    }

    /// Resolves did:web too, through a fetcher that guards us.
    #[must_use]
    pub fn with_web(self, fetcher: Arc<dyn Fetcher>) -> Self {
        Self { web: Some(DidWeb::new(fetcher)), ..self }
    }

    /// The key that a DID URL names.
    async fn bound_key(&self, did: &Did, kid: &str) -> Result<AgentVerifier, IdentityError> {
        match (did.method(), &self.web) {
            ("key", _) => {
                let name = did.as_str().strip_prefix("did:key:").unwrap_or_default();
                let key = did_key::from_multibase(name);
                key.ok_or(IdentityError::Malformed("iss is not a did:key of Ed25519 or P-256"))
            }
            ("web", Some(web)) => web.key(did, kid).await,
            _ => self.key_of(did).await.map(AgentVerifier::Ed25519),
        }
    }

    async fn key_of(&self, did: &Did) -> Result<VerifyingKey, IdentityError> {
        match did_key::verifying_key(did) {
            Ok(key) => return Ok(key),
            Err(DidKeyError::OtherMethod) => {}
            Err(_) => return Err(IdentityError::Malformed("iss is not a did:key of Ed25519")),
        }
        match self.registry.public_key(did).await {
            Ok(Some(key)) => {
                did_key::usable(&key).ok_or_else(|| IdentityError::UnknownKey(did.clone()))
            }
            Ok(None) | Err(RegistryError::Refused(_)) => {
                Err(IdentityError::UnknownKey(did.clone()))
            }
            Err(RegistryError::Unavailable(reason)) => Err(IdentityError::Unavailable(reason)),
        }
    }
}

impl std::fmt::Debug for LocalIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalIdentity").field("audiences", &self.audiences).finish_non_exhaustive()
    }
}

#[async_trait]
impl Identity for LocalIdentity {
    async fn verify_proof(&self, token: &str, now: Timestamp) -> Result<Proof, IdentityError> {
        let proof = Unverified::read(token, &self.audiences, now)?;
        let key = self.key_of(proof.did()).await?;
        proof.verify(&key)
    }

    fn is_bound_proof(&self, token: &str) -> bool {
        bound::is_bound(token)
    }

    async fn verify_bound_proof(
        &self,
        token: &str,
        request: &BoundTo<'_>,
        now: Timestamp,
    ) -> Result<Proof, IdentityError> {
        let proof = UnverifiedBound::read(token, &self.audiences, request, now)?;
        let key = self.bound_key(proof.did(), proof.kid()).await?;
        match (proof.verify(&key), &self.web) {
            (Err(IdentityError::BadSignature), Some(web)) if proof.did().method() == "web" => {
                proof.verify(&web.key_of_now(proof.did(), proof.kid()).await?)
            }
            (verified, _) => verified,
        }
    }

    fn issue_access_token(&self, did: &Did, now: Timestamp) -> AccessToken {
        self.access_tokens.issue(did, now)
    }

    fn verify_access_token(&self, token: &str, now: Timestamp) -> Result<Did, IdentityError> {
        self.access_tokens.verify(token, now)
    }

    fn is_access_token(&self, token: &str) -> bool {
        AccessTokens::is_ours(token)
    }

    fn is_agent_token(&self, token: &str) -> bool {
        self.registry.issues_tokens() && did_jwt::is_foreign_jwt(token)
    }

    async fn verify_agent_token(&self, token: &str) -> Result<Did, IdentityError> {
        match self.registry.verify_token(token).await {
            Ok(Some(did)) => Ok(did),
            Ok(None) | Err(RegistryError::Refused(_)) => Err(IdentityError::NotIssued),
            Err(RegistryError::Unavailable(reason)) => Err(IdentityError::Unavailable(reason)),
        }
    }
}
