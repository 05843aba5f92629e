//! The routes that deployed clients of the original stack call.
//!
//! In `AUTH_MODE=open` they behave as the original did: callers are believed, a purchase is
//! `auto_on_delivery`, and an order's status is anybody's to see. In every other mode they keep the
//! rules of all our routes.

pub(crate) mod complete;
pub(crate) mod list;
pub(crate) mod purchase;
pub(crate) mod show;

use marketplace_wire::Caller;

use crate::app::AuthMode;
use crate::failure::Failure;
use crate::identity;
use crate::incoming::Received;
use crate::shell::Inner;

fn is_open(shell: &Inner) -> bool {
    shell.app.settings.auth_mode == AuthMode::Open
}

/// For whom the request is made: who proved itself, and in the open mode whom the body names. A
/// name that is not the caller's is refused.
fn speaker(
    shell: &Inner,
    received: &Received,
    field: &str,
    named: Option<&str>,
) -> Result<Caller, Failure> {
    match (named, received.known()) {
        (Some(named), _) => received.speaker(shell, field, named),
        (None, Some(known)) => Ok(known.clone()),
        (None, None) => Err(identity::missing()),
    }
}
