//! Decentralised identifiers, treated as opaque names.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of an agent: `did:key:…`, `did:agentvault:…`, or any other method. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Did(Arc<str>);

/// Why a text is not a DID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DidError;

impl fmt::Display for DidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not a DID, write it like \"did:key:z6Mk…\" with at most 255 characters")
    }
}

impl std::error::Error for DidError {}

impl Did {
    /// Longest DID accepted, in bytes: what the TEG stores.
    pub const MAX_LEN: usize = 255;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The method: `key` in `did:key:z6Mk…`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or_default()
    }
}

impl FromStr for Did {
    type Err = DidError;

    fn from_str(text: &str) -> Result<Self, DidError> {
        let mut parts = text.split(':');
        let scheme = parts.next() == Some("did");
        let method = parts.next().unwrap_or_default();
        let method_ok = !method.is_empty()
            && method.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        // A bare `did:buyer` has no further part: the original's own tests use such names.
        let rest_ok = parts.all(|part| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@%-".contains(&b))
        });
        if scheme && method_ok && rest_ok && text.len() <= Self::MAX_LEN {
            Ok(Self(text.into()))
        } else {
            Err(DidError)
        }
    }
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Did {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for text in
            ["did:buyer", "did:key:z6Mkabc", "did:theprotocol:example.org:1-2", "did:a:b%3A"]
        {
            assert!(text.parse::<Did>().is_ok(), "{text}");
        }
        let long = format!("did:key:{}", "a".repeat(250));
        for text in ["", "did:", "did::x", "buyer", "did:Key:x", "did:a:", "did:a:b\0", &long] {
            assert_eq!(text.parse::<Did>(), Err(DidError), "{text}");
        }
    }
}
