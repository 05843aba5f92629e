//! Servers that start together agree on a text: the one that was written first stands.

use std::collections::HashSet;

use marketplace_ports::Key;

use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Proposes a text. The idempotency key that it is executed with is what makes it stand: to all
/// who come later, the first text is repeated.
#[derive(Clone, Debug)]
pub(crate) struct Agree {
    pub(crate) text: String,
}

impl Verb for Agree {
    type Reply = String;

    fn keys(&self, _keys: &mut HashSet<Key>) {}

    fn decide(&self, _desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        Ok(self.text.clone())
    }
}
