//! Our own keys, and work of the outbox that was given up, as others see them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_money::Did;
use marketplace_ports::{DeadEffect, EffectKind, PublishedKey, Rotation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Rfc3339;

/// A JSON Web Key Set (RFC 7517) of Ed25519 keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeySetBody {
    /// The key that signs first, then those that did until a while ago.
    pub keys: Vec<KeyBody>,
}

/// A JSON Web Key.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyBody {
    /// Always `OKP`.
    pub kty: &'static str,
    /// Always `Ed25519`.
    pub crv: &'static str,
    /// Always `EdDSA`.
    pub alg: &'static str,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub purpose: &'static str,
    /// Our DID and the key.
    pub kid: String,
    /// The key, 32 bytes in base64url without padding.
    pub x: String,
    /// For a key that signs no more: until when its signatures are to be believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Rfc3339>,
}

impl KeySetBody {
    /// Of our keys.
    #[must_use]
    pub fn new(did: &Did, keys: &[PublishedKey]) -> Self {
        let body = |key: &PublishedKey| {
            let x = URL_SAFE_NO_PAD.encode(key.public_key);
            KeyBody {
                kty: "OKP",
                crv: "Ed25519",
                alg: "EdDSA",
                purpose: "sig",
                kid: format!("{did}#{x}"),
                x,
                until: key.until.map(Rfc3339),
            }
        };
        Self { keys: keys.iter().map(body).collect() }
    }
}

/// A change of our key.
#[derive(Debug, Serialize, ToSchema)]
pub struct RotationBody {
    /// Signed until now, or signs still where it was only tried; base64url.
    pub old: String,
    /// Signs from now; base64url. Absent where it was only tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// Until when the old one is published. Absent where it was only tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Rfc3339>,
}

impl RotationBody {
    /// Of a change that was only tried.
    #[must_use]
    pub fn tried(signs: [u8; 32]) -> Self {
        Self { old: URL_SAFE_NO_PAD.encode(signs), new: None, until: None }
    }
}

impl From<Rotation> for RotationBody {
    fn from(rotation: Rotation) -> Self {
        Self {
            old: URL_SAFE_NO_PAD.encode(rotation.old),
            new: Some(URL_SAFE_NO_PAD.encode(rotation.new)),
            until: Some(Rfc3339(rotation.until)),
        }
    }
}

/// Work of the outbox that was given up.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetterBody {
    /// Its name.
    #[schema(format = Uuid)]
    pub id: String,
    /// `notify`, or another kind of work.
    pub kind: &'static str,
    /// What it is about, such as an order's id.
    pub subject: String,
    /// Who should have been told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What, such as `order_received`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<&'static str>,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it failed the last time; third-party text.
    pub error: String,
}

/// Work of the outbox that was given up.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetterPage {
    /// In no order.
    pub results: Vec<DeadLetterBody>,
    /// Results in this answer.
    pub count: usize,
}

impl From<&DeadEffect> for DeadLetterBody {
    fn from(dead: &DeadEffect) -> Self {
        let effect = &dead.effect;
        let (kind, subject, agent, notice) = match &effect.kind {
            EffectKind::Notify { order, agent, notice } => {
                ("notify", order.to_string(), Some(agent.to_string()), Some(notice.name()))
            }
            EffectKind::NotifyDispute { dispute, agent, notice } => {
                ("notify", dispute.to_string(), Some(agent.to_string()), Some(notice.name()))
            }
            EffectKind::SendWithdrawal(id) => ("send_withdrawal", id.to_string(), None, None),
            EffectKind::ResolveDeposit(id) => ("resolve_deposit", id.to_string(), None, None),
            EffectKind::Signal { order, .. } => ("signal", order.to_string(), None, None),
            EffectKind::FetchDelivery { order, .. } => {
                ("fetch_delivery", order.to_string(), None, None)
            }
        };
        Self {
            id: effect.id.to_string(),
            kind,
            subject,
            agent,
            notice,
            attempts: effect.attempts,
            error: dead.error.clone(),
        }
    }
}

impl DeadLetterPage {
    /// Of these.
    #[must_use]
    pub fn new(dead: &[DeadEffect]) -> Self {
        Self { results: dead.iter().map(Into::into).collect(), count: dead.len() }
    }
}
