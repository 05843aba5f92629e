//! API keys: made known, and revoked.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_money::{CommandId, Did};
use marketplace_ports::{ApiKey, Key, Subject};

use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Binds a secret, known by its hash, to an agent.
#[derive(Clone, Debug)]
pub(crate) struct KeepApiKey {
    pub(crate) sha256: [u8; 32],
    pub(crate) agent: Did,
    pub(crate) label: String,
}

impl Verb for KeepApiKey {
    type Reply = Arc<ApiKey>;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::ApiKey(self.sha256));
    }

    /// The same binding again is the same key; any other is refused, for a key speaks for one agent
    /// for ever, and a revoked one for nobody.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        if let Some(known) = desk.api_key(&self.sha256) {
            let same = known.agent == self.agent && known.revoked_at.is_none();
            return if same { Ok(known) } else { Err(Refusal::ApiKeyTaken) };
        }
        let (sha256, agent, label) = (self.sha256, self.agent.clone(), self.label.clone());
        let key = ApiKey { sha256, version: 0, agent, label, at: desk.now(), revoked_at: None };
        tell(desk, "api_key.made", &key);
        Ok(desk.write_api_key(0, key))
    }
}

/// Ends a key.
#[derive(Clone, Debug)]
pub(crate) struct RevokeApiKey {
    pub(crate) sha256: [u8; 32],
    /// Whose key it must be; nobody, for operators.
    pub(crate) holder: Option<Did>,
}

impl Verb for RevokeApiKey {
    type Reply = Arc<ApiKey>;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::ApiKey(self.sha256));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let known = desk.api_key(&self.sha256);
        let may = |key: &Arc<ApiKey>| self.holder.as_ref().is_none_or(|did| *did == key.agent);
        let known = known.filter(may).ok_or(Refusal::NotFound)?;
        if known.revoked_at.is_some() {
            return Ok(known);
        }
        let key = ApiKey { revoked_at: Some(desk.now()), ..known.as_ref().clone() };
        tell(desk, "api_key.revoked", &key);
        Ok(desk.write_api_key(known.version, key))
    }
}

/// Its holder hears of it: a key that somebody else made for it must not go unseen.
fn tell(desk: &mut Desk<'_>, name: &'static str, key: &ApiKey) {
    let subject = Subject::Command(CommandId::new(desk.fresh()));
    let label = serde_json::Value::from(key.label.as_str());
    desk.emit(subject, name, vec![key.agent.clone()], format!("{{\"label\":{label}}}"));
}
