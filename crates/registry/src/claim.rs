//! A claim of a DID as JSON, for the wire between a marketplace and a registry of ours.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_ports::{AgentRecord, Registration};
use serde::{Deserialize, Serialize};

/// The text of a claim. Bytes are base64url without padding.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimText {
    did: String,
    public_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    serial: u64,
    signature: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_signature: Option<String>,
}

impl ClaimText {
    pub(crate) fn new(claim: &Registration) -> Self {
        let record = &claim.record;
        Self {
            did: record.did.to_string(),
            public_key: URL_SAFE_NO_PAD.encode(record.public_key),
            endpoint: record.endpoint.clone(),
            serial: claim.serial,
            signature: URL_SAFE_NO_PAD.encode(claim.signature),
            previous_signature: claim.previous_signature.map(|bytes| URL_SAFE_NO_PAD.encode(bytes)),
        }
    }

    /// The claim, or the name of the field that cannot be read.
    pub(crate) fn registration(self) -> Result<Registration, &'static str> {
        let record = AgentRecord {
            did: self.did.parse().map_err(|_| "did")?,
            public_key: bytes(&self.public_key).ok_or("public_key")?,
            endpoint: self.endpoint,
        };
        let previous_signature = match self.previous_signature {
            Some(text) => Some(bytes(&text).ok_or("previous_signature")?),
            None => None,
        };
        let signature = bytes(&self.signature).ok_or("signature")?;
        Ok(Registration { record, serial: self.serial, signature, previous_signature })
    }
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}
