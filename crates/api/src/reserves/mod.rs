//! What we owe, published and proved.

pub(crate) mod proof;
pub(crate) mod show;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_engine::Statement;
use marketplace_wire::{StatementBody, hex};
use serde_json::json;

use crate::answer::text;
use crate::shell::Shell;

/// A statement with our signature, as a compact JWS, and the key that made it. Signed when it is
/// asked for: the signature of the same bytes by the same key is the same on every server.
fn signed(shell: &Shell, statement: &Statement) -> (String, [u8; 32]) {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let key = shell.app.keys.sign(b"").public_key;
    let header = json!({ "alg": "EdDSA", "typ": "reserves+jws", "jwk": {
        "kty": "OKP", "crv": "Ed25519", "x": encode(&key),
    } });
    let body = text(&StatementBody::new(shell.did(), statement));
    let head = format!("{}.{}", encode(text(&header).as_bytes()), encode(body.as_bytes()));
    let signed = shell.app.keys.sign(head.as_bytes());
    // A key that changed in between names itself by its signature: the header must agree.
    tracing::debug!(key = hex(&signed.public_key), "a statement is signed");
    (format!("{head}.{}", encode(&signed.signature)), signed.public_key)
}
