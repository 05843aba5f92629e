//! Names and texts on the wire.

use std::fmt::Display;

use serde::{Serialize, Serializer};

/// Writes whatever can be displayed as a JSON string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<T>(pub T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Whether a JSON text spells U+0000 as an escape. A raw NUL is malformed JSON anyway; an escaped
/// one would poison the commit of everybody in the batch, because PostgreSQL stores no such text.
#[must_use]
pub fn holds_escaped_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let escape = &rest[at + 1..];
        if escape.starts_with(b"u0000") {
            return true;
        }
        // Two bytes at a time: the second backslash of `\\` begins no escape.
        rest = escape.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_nul_however_it_is_hidden() {
        let check = |json: &str, expect: bool| {
            assert_eq!(holds_escaped_nul(json.as_bytes()), expect, "{json}");
        };
        check("", false);
        check(r#"{"a":"b"}"#, false);
        check(r#"{"a":"\u0000"}"#, true);
        check(r#"{"a":"x\n\u0000"}"#, true);
        check(r#"{"a":"\\u0000"}"#, false);
        check(r#"{"a":"\\\u0000"}"#, true);
        check(r#"{"a\u0000":1}"#, true);
        check(r#"{"a":"\u0001"}"#, false);
        check("\\", false);
    }
}
