//! Who stands at the door, of all bindings (DESIGN section 6).

use async_trait::async_trait;
use marketplace_money::{Did, Timestamp};
use marketplace_ports::{BoundTo, Nonce};
use marketplace_wire::{Caller, Doorkeeper, Guest, Knock, Problem, Via, codes};
use sha2::{Digest, Sha256};

use crate::app::{App, AuthMode};

impl App {
    pub(crate) fn caller(&self, did: Did, via: Via) -> Caller {
        let is_operator = self.marketplace.config().operators.includes(&did);
        Caller { did, is_operator, via }
    }

    /// Operators are never too many: they are needed when others are.
    async fn admit(&self, caller: &Caller) -> Result<(), Problem> {
        if caller.is_operator { Ok(()) } else { self.limits.admit_agent(&caller.did).await }
    }

    /// The holder of the API key. Only its hash is known here, and looked up: no comparison tells
    /// by its time how much of a guess was right.
    async fn by_api_key(&self, secret: &[u8]) -> Result<Caller, Problem> {
        let sha256 = Sha256::digest(secret).into();
        let known = self.marketplace.api_key(&sha256).await.map_err(|error| {
            tracing::warn!(%error, "an API key cannot be looked up");
            Problem::from(&error)
        })?;
        match known {
            Some(key) if key.revoked_at.is_none() => {
                Ok(self.caller(key.agent.clone(), Via::ApiKey))
            }
            Some(_) => {
                let detail = "This API key was revoked, make a new one";
                Err(Problem::new(&codes::API_KEY_REVOKED, detail))
            }
            None => {
                let detail = "This API key is not known here: make one with POST \
                              /api/v1/api-keys, or have the operator import it";
                Err(Problem::new(&codes::API_KEY_UNKNOWN, detail))
            }
        }
    }

    async fn by_token(
        &self,
        token: &str,
        knock: &Knock<'_>,
        now: Timestamp,
    ) -> Result<Guest, Problem> {
        let told = |error| Problem::from(&error);
        let guest = |did, via| Guest { caller: self.caller(did, via), proof: None, until: None };
        let identity = self.identity.as_ref();
        if identity.is_access_token(token) {
            let did = identity.verify_access_token(token, now).map_err(told)?;
            return Ok(Guest { until: expiry(token), ..guest(did, Via::AccessToken) });
        }
        if let Some(did) = believed(self.settings.auth_mode, token) {
            return Ok(guest(did, Via::Open));
        }
        if identity.is_agent_token(token) {
            let did = identity.verify_agent_token(token).await.map_err(told)?;
            return Ok(Guest { until: expiry(token), ..guest(did, Via::Registry) });
        }
        let proof = if identity.is_bound_proof(token) {
            let url = format!("{}{}", self.settings.public_url, knock.path);
            let body_sha256 = Sha256::digest(knock.body).into();
            let bound = BoundTo { method: knock.method, url: &url, body_sha256 };
            identity.verify_bound_proof(token, &bound, now).await.map_err(told)?
        } else {
            identity.verify_proof(token, now).await.map_err(told)?
        };
        let nonce = Nonce { signer: proof.did.clone(), value: proof.nonce };
        let proven = Some((nonce, proof.expires_at));
        Ok(Guest { proof: proven, ..guest(proof.did, Via::Proof) })
    }
}

#[async_trait]
impl Doorkeeper for App {
    async fn who(&self, knock: &Knock<'_>) -> Result<Option<Guest>, Problem> {
        let malformed = |detail| Problem::new(&codes::TOKEN_MALFORMED, detail);
        let value = match knock.authorization.as_slice() {
            [] => {
                let Some(secret) = knock.api_key else { return Ok(None) };
                let caller = self.by_api_key(secret).await?;
                self.admit(&caller).await?;
                return Ok(Some(Guest { caller, proof: None, until: None }));
            }
            [value] => value,
            _ => return Err(malformed("There must be one Authorization header")),
        };
        let token = std::str::from_utf8(value)
            .ok()
            .and_then(bearer)
            .ok_or_else(|| malformed("The Authorization header must be `Bearer` and a token"))?;
        let guest = self.by_token(token, knock, (self.clock)()).await?;
        // What a frozen agent was given before is worth nothing.
        if guest.caller.via == Via::AccessToken && self.marketplace.is_frozen(&guest.caller.did) {
            return Err(marketplace_wire::frozen());
        }
        self.admit(&guest.caller).await?;
        Ok(Some(guest))
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// `AUTH_MODE=open` takes a bare DID for the truth.
fn believed(mode: AuthMode, token: &str) -> Option<Did> {
    match mode {
        AuthMode::Open => token.parse().ok(),
        AuthMode::Required => None,
    }
}

/// When a token that was verified ends; what is no JWT does not say.
fn expiry(token: &str) -> Option<Timestamp> {
    use base64::Engine as _;
    let claims = token.split('.').nth(1)?;
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    Some(Timestamp::from_micros(claims.get("exp")?.as_i64()?.saturating_mul(1_000_000)))
}
