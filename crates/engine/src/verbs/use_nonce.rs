//! A proof of identity is used once.

use std::collections::HashSet;

use marketplace_money::Timestamp;
use marketplace_ports::{Key, Nonce};

use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Uses up a nonce. Its own commit, before the command that it stands for: a refused command must
/// not leave a proof that somebody else could send again.
#[derive(Clone, Debug)]
pub(crate) struct UseNonce {
    /// Signer and nonce.
    pub nonce: Nonce,
    /// After that the proof is worthless anyway.
    pub until: Timestamp,
}

impl Verb for UseNonce {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Nonce(self.nonce.clone()));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        if desk.is_used(&self.nonce) {
            return Err(Refusal::NonceUsed);
        }
        desk.use_nonce(self.nonce.clone(), self.until);
        Ok(())
    }
}
