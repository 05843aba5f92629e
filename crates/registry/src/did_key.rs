//! `did:key` of Ed25519: the DID is the key.

use ed25519_dalek::VerifyingKey;
use marketplace_money::Did;

use crate::bound::AgentVerifier;
use crate::p256;

const PREFIX: &str = "did:key:z";
/// Multicodec of an Ed25519 public key, as a varint.
const ED25519: [u8; 2] = [0xed, 0x01];
const LENGTH: usize = ED25519.len() + 32;

/// Why a DID yields no Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DidKeyError {
    /// Another method: its key is not in its name.
    #[error("is not a did:key")]
    OtherMethod,
    /// Not `z` and base58btc, or not 34 bytes.
    #[error("is not a did:key in base58btc, write it like \"did:key:z6Mk…\"")]
    Encoding,
    /// A key of another kind, such as secp256k1 or X25519.
    #[error("is not a did:key of Ed25519, those begin with \"did:key:z6Mk\"")]
    OtherKind,
    /// Not a point that Ed25519 signatures can be checked with.
    #[error("is a did:key whose key is not a valid Ed25519 key")]
    InvalidKey,
}

/// The `did:key` of a public key.
#[must_use]
pub fn encode_did_key(public_key: &[u8; 32]) -> Did {
    let mut bytes = [0; LENGTH];
    bytes[..2].copy_from_slice(&ED25519);
    bytes[2..].copy_from_slice(public_key);
    let text = format!("{PREFIX}{}", bs58::encode(bytes).into_string());
    text.parse().expect("base58 uses letters and digits only, so this is a DID")
}

/// The public key in a `did:key`.
///
/// # Errors
/// When there is none that signatures can be checked with.
pub fn decode_did_key(did: &Did) -> Result<[u8; 32], DidKeyError> {
    verifying_key(did).map(|key| key.to_bytes())
}

/// As [`decode_did_key`], ready to check signatures.
pub(crate) fn verifying_key(did: &Did) -> Result<VerifyingKey, DidKeyError> {
    if did.method() != "key" {
        return Err(DidKeyError::OtherMethod);
    }
    let text = did.as_str().strip_prefix(PREFIX).ok_or(DidKeyError::Encoding)?;
    // A longer text is refused by the buffer, before any work in the square of its length.
    let mut bytes = [0; LENGTH];
    let length = bs58::decode(text).onto(&mut bytes).map_err(|error| match error {
        bs58::decode::Error::BufferTooSmall => DidKeyError::OtherKind,
        _ => DidKeyError::Encoding,
    })?;
    if bytes[..2] != ED25519 {
        return Err(DidKeyError::OtherKind);
    }
    let (true, Ok(key)) = (length == LENGTH, bytes[2..].try_into()) else {
        return Err(DidKeyError::Encoding);
    };
    usable(key).ok_or(DidKeyError::InvalidKey)
}

/// The key in the part of a `did:key` that names it: Ed25519, or P-256 in its compressed form.
pub(crate) fn from_multibase(text: &str) -> Option<AgentVerifier> {
    const P256: [u8; 2] = [0x80, 0x24];
    const P256_BYTES: usize = 33;
    let text = text.strip_prefix('z')?;
    let mut bytes = [0; P256.len() + P256_BYTES];
    let length = bs58::decode(text).onto(&mut bytes).ok()?;
    let (codec, key) = bytes[..length].split_first_chunk::<2>()?;
    match (*codec, key.len()) {
        (ED25519, 32) => usable(key.try_into().ok()?).map(AgentVerifier::Ed25519),
        (P256, P256_BYTES) => Some(AgentVerifier::P256(Box::new(p256::decompress(key)?))),
        _ => None,
    }
}

/// A key that binds its holder: on the curve, not of small order (anything would verify), and in
/// its one canonical form (or it would be a second name of the same agent).
pub(crate) fn usable(bytes: &[u8; 32]) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_bytes(bytes).ok()?;
    let canonical = key.to_edwards().compress().to_bytes() == *bytes;
    (canonical && !key.is_weak()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// From the specification of did:key, "Ed25519".
    const KNOWN: &str = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";

    fn multibase(prefix: [u8; 2], rest: &[u8]) -> String {
        let bytes: Vec<u8> = prefix.iter().chain(rest).copied().collect();
        format!("did:key:z{}", bs58::encode(bytes).into_string())
    }

    #[test]
    fn names_and_keys() {
        let check = |text: &str, expect: Result<(), DidKeyError>| {
            let did: Did = text.parse().unwrap();
            assert_eq!(decode_did_key(&did).map(drop), expect, "{text}");
        };
        let key = decode_did_key(&KNOWN.parse().unwrap()).unwrap();
        assert_eq!(encode_did_key(&key).as_str(), KNOWN);

        check(KNOWN, Ok(()));
        check("did:agentvault:seller", Err(DidKeyError::OtherMethod));
        check("did:key", Err(DidKeyError::Encoding));
        check("did:key:z", Err(DidKeyError::OtherKind));
        check(&KNOWN.replace(":z", ":m"), Err(DidKeyError::Encoding));
        check(&KNOWN.replace(":z", ":"), Err(DidKeyError::Encoding));
        check(&KNOWN.replace("aX", "0X"), Err(DidKeyError::Encoding));
        check(&format!("{KNOWN}:more"), Err(DidKeyError::Encoding));
        check(&KNOWN.replace(":z", ":z1"), Err(DidKeyError::OtherKind));
        check(&multibase(ED25519, &key[..31]), Err(DidKeyError::Encoding));
        check(&multibase(ED25519, &[&key[..], &[0]].concat()), Err(DidKeyError::OtherKind));
        check(&multibase([0xec, 0x01], &key), Err(DidKeyError::OtherKind));
        check(&multibase([0xe7, 0x01], &[2; 33]), Err(DidKeyError::OtherKind));
        check(&format!("did:key:z{}", "6".repeat(240)), Err(DidKeyError::OtherKind));
    }

    #[test]
    fn keys_that_bind_nobody() {
        let mut no_point = [0; 32];
        no_point[0] = 2;
        let identity = {
            let mut bytes = [0; 32];
            bytes[0] = 1;
            bytes
        };
        // y = p + 3, the same point as y = 3.
        let mut second_name = [0xff; 32];
        (second_name[0], second_name[31]) = (0xf0, 0x7f);
        assert!(VerifyingKey::from_bytes(&second_name).is_ok(), "a point, but not canonical");
        for key in [no_point, identity, [0; 32], second_name] {
            let did = encode_did_key(&key);
            assert_eq!(decode_did_key(&did), Err(DidKeyError::InvalidKey), "{key:?}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(secret in any::<[u8; 32]>()) {
            let key = ed25519_dalek::SigningKey::from_bytes(&secret).verifying_key().to_bytes();
            prop_assert_eq!(decode_did_key(&encode_did_key(&key)), Ok(key));
        }

        #[test]
        fn no_name_panics(text in "did:key:z[0-9A-Za-z]{0,60}", key in any::<[u8; 32]>()) {
            let _ = decode_did_key(&text.parse().unwrap());
            let did = encode_did_key(&key);
            prop_assert!(matches!(decode_did_key(&did), Ok(same) if same == key)
                || decode_did_key(&did) == Err(DidKeyError::InvalidKey));
        }
    }
}
