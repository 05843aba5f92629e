//! The compact form of a JWS: three parts of base64url with dots between.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_ports::IdentityError;

/// A token taken apart; nothing in it is verified.
pub(crate) struct Compact<'a> {
    pub(crate) header: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    /// What the signature is over.
    pub(crate) signed: &'a str,
}

impl<'a> Compact<'a> {
    pub(crate) fn parse(token: &'a str) -> Result<Self, IdentityError> {
        let malformed = IdentityError::Malformed("it must be three parts with dots between");
        let Some((signed, signature)) = token.rsplit_once('.') else { return Err(malformed) };
        let Some((header, payload)) = signed.split_once('.') else { return Err(malformed) };
        if payload.contains('.') {
            return Err(malformed);
        }
        Ok(Self {
            header: decode(header)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
            signed,
        })
    }
}

/// Without padding, and with no spare bits set: one text for each value.
fn decode(part: &str) -> Result<Vec<u8>, IdentityError> {
    let malformed = "its parts must be base64url without padding";
    URL_SAFE_NO_PAD.decode(part).map_err(|_| IdentityError::Malformed(malformed))
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
