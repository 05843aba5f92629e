//! The registry: which agents exist, their keys and where they can be reached.

use async_trait::async_trait;
use marketplace_money::Did;

/// What the registry knows of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentRecord {
    /// Its name.
    pub did: Did,
    /// Its Ed25519 public key.
    pub public_key: [u8; 32],
    /// Its A2A endpoint, as the agent claims it: a hostile URL until checked.
    pub endpoint: Option<String>,
}

/// A claim of a DID, signed with the key that it binds (and, for a change, with the old key).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// What is claimed.
    pub record: AgentRecord,
    /// Above the serial of the binding that it replaces, so that an old claim, once seen, cannot
    /// be sent again to undo a newer one. The time of signing in microseconds will do.
    pub serial: u64,
    /// Ed25519 by the claimed key over [`Registration::message`].
    pub signature: [u8; 64],
    /// Ed25519 by the key bound before over the same message; required when that is another key.
    pub previous_signature: Option<[u8; 64]>,
}

impl Registration {
    /// The bytes that are signed.
    #[must_use]
    pub fn message(record: &AgentRecord, serial: u64) -> Vec<u8> {
        let mut bytes = b"marketplace-registration-v1\0".to_vec();
        bytes.extend_from_slice(&serial.to_be_bytes());
        for part in [record.did.as_str().as_bytes(), &record.public_key] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(record.endpoint.as_deref().unwrap_or_default().as_bytes());
        bytes
    }
}

/// Why the registry did not answer or accept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Final: the claim is not accepted.
    #[error("the registry refused: {0}")]
    Refused(&'static str),
    /// Ask again later.
    #[error("the registry cannot answer now: {0}")]
    Unavailable(String),
}

/// The directory of agents.
#[async_trait]
pub trait Registry: Send + Sync {
    /// What is known of an agent. A `did:key` is always known: it is its own key.
    async fn resolve(&self, did: &Did) -> Result<Option<AgentRecord>, RegistryError>;

    /// Binds a DID to a key and an endpoint, or changes the binding. Our own DID is reserved.
    async fn register(&self, registration: &Registration) -> Result<(), RegistryError>;

    /// Binds our own DID, by the same rules; for ourselves only.
    async fn register_ourselves(&self, registration: &Registration) -> Result<(), RegistryError>;

    /// The key that speaks for an agent, where anybody knows it.
    async fn public_key(&self, did: &Did) -> Result<Option<[u8; 32]>, RegistryError> {
        Ok(self.resolve(did).await?.map(|record| record.public_key))
    }

    /// Where an agent says that it can be reached: a hostile URL.
    async fn endpoint(&self, did: &Did) -> Result<Option<String>, RegistryError> {
        Ok(self.resolve(did).await?.and_then(|record| record.endpoint))
    }

    /// Whether an agent has an endpoint, as far as is known here without asking anybody. Must not
    /// wait: commands are decided with it.
    fn knows_endpoint(&self, did: &Did) -> Option<bool>;

    /// For whom a token speaks that this registry has issued; nobody, when it is not good.
    async fn verify_token(&self, token: &str) -> Result<Option<Did>, RegistryError>;

    /// Whether this registry issues tokens at all.
    fn issues_tokens(&self) -> bool;
}

/// Our own standing with the registry: the token by which the services around it know us.
#[async_trait]
pub trait AgentTokens: Send + Sync {
    /// A bearer token that is good for some time yet.
    async fn token(&self) -> Result<String, RegistryError>;

    /// A bearer token after `refused` was answered 401: another one than that. Callers that were
    /// refused together are given one new token.
    async fn renew(&self, refused: &str) -> Result<String, RegistryError>;
}
