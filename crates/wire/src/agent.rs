//! Agents: bindings of DIDs to keys, and access tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_engine::Refusal;
use marketplace_money::{Did, Seconds};
use marketplace_ports::{AccessToken, AgentRecord, Registration};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Text;

/// A claim of a DID, signed with the key that it binds.
///
/// What is signed: `marketplace-registration-v1` and a zero byte; the serial in 8 bytes, big end
/// first; the length of the DID in 8 bytes and the DID; the length of the key in 8 bytes and the
/// key; the endpoint.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrationInput {
    /// What is claimed.
    #[schema(example = "did:agentvault:csv-analyzer")]
    pub did: String,
    /// Ed25519, 32 bytes in base64url without padding.
    pub public_key: String,
    /// Where the agent can be reached; an http or https URL.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Above that of the claim before; the time of signing in microseconds will do.
    pub serial: u64,
    /// By the claimed key, 64 bytes in base64url without padding.
    pub signature: String,
    /// By the key bound before, where that is another one.
    #[serde(default)]
    pub previous_signature: Option<String>,
}

/// What is bound.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentBody {
    /// The name.
    #[schema(value_type = String)]
    pub did: Text<Did>,
    /// Ed25519, 32 bytes in base64url without padding.
    pub public_key: String,
    /// Where the agent can be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// An access token.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessTokenBody {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    pub token_type: &'static str,
    /// Seconds from now.
    #[schema(example = 900)]
    pub expires_in: u32,
}

impl From<AccessToken> for AccessTokenBody {
    fn from(token: AccessToken) -> Self {
        let Seconds(expires_in) = token.expires_in;
        Self { access_token: token.token, token_type: "bearer", expires_in }
    }
}

fn bytes<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], Refusal> {
    let read = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    let problem = || format!("must be {N} bytes in base64url without padding");
    read.ok_or_else(|| Refusal::InvalidInput { field, problem: problem() })
}

impl RegistrationInput {
    /// What the registry takes.
    ///
    /// # Errors
    /// When a field cannot be read.
    pub fn registration(self) -> Result<Registration, Refusal> {
        let did = self
            .did
            .parse()
            .map_err(|error| Refusal::InvalidInput { field: "did", problem: format!("{error}") });
        let record = AgentRecord {
            did: did.map_err(|refusal: Refusal| refusal)?,
            public_key: bytes("public_key", &self.public_key)?,
            endpoint: self.endpoint,
        };
        let previous = self.previous_signature.as_deref();
        Ok(Registration {
            record,
            serial: self.serial,
            signature: bytes("signature", &self.signature)?,
            previous_signature: previous
                .map(|text| bytes("previous_signature", text))
                .transpose()?,
        })
    }
}

impl From<AgentRecord> for AgentBody {
    fn from(record: AgentRecord) -> Self {
        Self {
            did: Text(record.did),
            public_key: URL_SAFE_NO_PAD.encode(record.public_key),
            endpoint: record.endpoint,
        }
    }
}
