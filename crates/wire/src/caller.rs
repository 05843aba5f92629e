//! Who calls.

use marketplace_money::Did;

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whom the call is made for.
    pub did: Did,
    /// Whether the deployment names it as one of its operators.
    pub is_operator: bool,
    /// How it proved that.
    pub via: Via,
}

/// How a caller proved its DID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// By an access token of ours.
    AccessToken,
    /// By a did-jwt, signed with its own key.
    Proof,
    /// By a token that the registry issued and vouches for.
    Registry,
    /// By an API key.
    ApiKey,
    /// Not at all: `AUTH_MODE=open` believes what it is told.
    Open,
}
