//! The one way in which this crate hashes: every value goes in with its length or in a fixed
//! number of bytes, after a name of what is hashed, so that no two meanings share an input.

use sha2::{Digest, Sha256};

/// A SHA-256 in the making.
pub(crate) struct Canonical(Sha256);

impl Canonical {
    /// Of something with this name.
    pub(crate) fn of(name: &str) -> Self {
        Self(Sha256::new()).text(name)
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text);
        self
    }

    pub(crate) fn number(mut self, value: i64) -> Self {
        self.0.update(value.to_be_bytes());
        self
    }

    pub(crate) fn count(mut self, value: u64) -> Self {
        self.0.update(value.to_be_bytes());
        self
    }

    pub(crate) fn hash(mut self, hash: &[u8; 32]) -> Self {
        self.0.update(hash);
        self
    }

    pub(crate) fn optional(self, hash: Option<&[u8; 32]>) -> Self {
        match hash {
            Some(hash) => self.count(1).hash(hash),
            None => self.count(0),
        }
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// The hash of a link of a chain: over the hash before it, then over what the link adds.
pub(crate) fn chained(previous: &[u8; 32], content: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(content);
    hash.finalize().into()
}

/// As hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
