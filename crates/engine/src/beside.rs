//! What a command writes beside its own work, in the same commit: a proof of identity is used up,
//! and what an agent protocol keeps of its task is written down.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use marketplace_money::Timestamp;
use marketplace_ports::{Key, Nonce};

use crate::desk::Desk;
use crate::marketplace::Marketplace;
use crate::refusal::Refusal;

/// Writes a note to the desk of a command that has decided well.
pub type Jot = Arc<dyn Fn(&mut Desk<'_>) + Send + Sync>;

/// See [`Marketplace::beside`].
#[derive(Clone, Default)]
pub struct Beside {
    /// A proof that authorises one command, and until when its nonce must be remembered. Used
    /// before, it refuses the command; a refused command does not use it up.
    pub proof: Option<(Nonce, Timestamp)>,
    /// What the note looks at.
    pub keys: Vec<Key>,
    /// The note.
    pub jot: Option<Jot>,
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Beside");
        shown.field("proof", &self.proof).field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Beside {
    pub(crate) fn add_keys(&self, keys: &mut HashSet<Key>) {
        keys.extend(self.proof.iter().map(|(nonce, _)| Key::Nonce(nonce.clone())));
        keys.extend(self.keys.iter().cloned());
    }

    /// Whether the proof is still good.
    pub(crate) fn check(&self, desk: &Desk<'_>) -> Result<(), Refusal> {
        let used = self.proof.as_ref().is_some_and(|(nonce, _)| desk.is_used(nonce));
        if used { Err(Refusal::NonceUsed) } else { Ok(()) }
    }

    pub(crate) fn write(&self, desk: &mut Desk<'_>) {
        if let Some((nonce, until)) = &self.proof {
            desk.use_nonce(nonce.clone(), *until);
        }
        if let Some(jot) = &self.jot {
            jot(desk);
        }
    }
}

impl Marketplace {
    /// A handle whose commands write this beside their own work, all in one commit. For one
    /// command: a second one would find the proof used.
    #[must_use]
    pub fn beside(&self, beside: Beside) -> Self {
        Self { inner: self.inner.clone(), beside: Some(Arc::new(beside)) }
    }

    /// A handle that writes nothing beside: for the steps that a command takes on its way.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self { inner: self.inner.clone(), beside: None }
    }
}
