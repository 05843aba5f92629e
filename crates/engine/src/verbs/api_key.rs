//! API keys: made known, and revoked.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_money::{CommandId, Did};
use marketplace_ports::{ApiKey, ChangeSet, Key, MotionAction, Subject};

use super::act_alone::Alone;
use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Binds a secret, known by its hash, to an agent.
#[derive(Clone, Debug)]
pub(crate) struct KeepApiKey {
    pub(crate) sha256: [u8; 32],
    pub(crate) agent: Did,
    pub(crate) label: String,
    /// The operator that binds it; nobody, where the agent made it itself.
    pub(crate) by: Option<Alone>,
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
        let clean = desk.checkpoint();
        if let Some(alone) = &self.by {
            alone.write(desk, MotionAction::BindApiKey { agent: key.agent.clone(), sha256 })?;
        }
        tell(desk, "api_key.made", &key);
        let key = desk.write_api_key(0, key);
        undo_trial(desk, self.by.as_ref(), clean);
        Ok(key)
    }
}

/// Ends a key.
#[derive(Clone, Debug)]
pub(crate) struct RevokeApiKey {
    pub(crate) sha256: [u8; 32],
    pub(crate) by: Revoker,
}

/// Who ends a key.
#[derive(Clone, Debug)]
pub(crate) enum Revoker {
    /// Whose key it must be.
    Holder(Did),
    /// Anybody's key.
    Operator(Alone),
}

impl Verb for RevokeApiKey {
    type Reply = Arc<ApiKey>;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::ApiKey(self.sha256));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let known = desk.api_key(&self.sha256);
        let (holder, operator) = match &self.by {
            Revoker::Holder(holder) => (Some(holder), None),
            Revoker::Operator(alone) => (None, Some(alone)),
        };
        let may = |key: &Arc<ApiKey>| holder.is_none_or(|did| *did == key.agent);
        let known = known.filter(may).ok_or(Refusal::NotFound)?;
        if known.revoked_at.is_some() {
            return Ok(known);
        }
        let key = ApiKey { revoked_at: Some(desk.now()), ..known.as_ref().clone() };
        let clean = desk.checkpoint();
        if let Some(alone) = operator {
            let (agent, sha256) = (key.agent.clone(), key.sha256);
            alone.write(desk, MotionAction::RevokeApiKey { agent, sha256 })?;
        }
        tell(desk, "api_key.revoked", &key);
        let key = desk.write_api_key(known.version, key);
        undo_trial(desk, operator, clean);
        Ok(key)
    }
}

/// An operator that only wanted to know leaves no trace.
fn undo_trial(desk: &mut Desk<'_>, by: Option<&Alone>, clean: ChangeSet) {
    if by.is_some_and(|alone| alone.act.try_only) {
        desk.roll_back(clean);
    }
}

/// Its holder hears of it: a key that somebody else made for it must not go unseen.
fn tell(desk: &mut Desk<'_>, name: &'static str, key: &ApiKey) {
    let subject = Subject::Command(CommandId::new(desk.fresh()));
    let label = serde_json::Value::from(key.label.as_str());
    desk.emit(subject, name, vec![key.agent.clone()], format!("{{\"label\":{label}}}"));
}
