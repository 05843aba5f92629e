//! Deliveries: what a seller hands in, and what is shown of it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use marketplace_engine::{DeliveryContent, DeliveryRequest, Refusal};
use marketplace_escrow::{Announced, ChecksOutcome, Content, Delivery, DeliveryInput as Handed};
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::refusal::invalid;
use crate::{Rfc3339, Text};

/// The work: one of `inline`, `inline_base64` or `uri`, or none of them under `auto_on_delivery`.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryInput {
    /// SHA-256 of the bytes in hexadecimal; required with `uri`.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The bytes as text, at most 256 KiB in UTF-8.
    #[serde(default)]
    pub inline: Option<String>,
    /// The bytes in base64, at most 256 KiB of them.
    #[serde(default)]
    pub inline_base64: Option<String>,
    /// An http or https URL; the bytes are fetched once and must match `sha256`.
    #[serde(default)]
    pub uri: Option<String>,
    /// How many bytes there are; only checked.
    #[serde(default)]
    pub size: Option<u64>,
    /// As the seller says, such as `text/csv`.
    #[serde(default)]
    pub media_type: Option<String>,
    /// For the buyer; inert text.
    #[serde(default)]
    pub note: Option<String>,
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// 64 hexadecimal digits in either case.
#[must_use]
pub fn sha256_from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

impl DeliveryInput {
    /// What the use case takes.
    ///
    /// # Errors
    /// When the fields contradict each other or cannot be read.
    pub fn request(self) -> Result<DeliveryRequest, Refusal> {
        let sha256 = self.sha256.map(|text| {
            let read = sha256_from_hex(&text);
            read.ok_or_else(|| invalid("delivery.sha256", "must be 64 hexadecimal digits"))
        });
        let sha256 = sha256.transpose()?;
        let content = match (self.inline, self.inline_base64, self.uri) {
            (None, None, None) => DeliveryContent::None,
            (Some(text), None, None) => DeliveryContent::Inline(text.into_bytes()),
            (None, Some(text), None) => DeliveryContent::Inline(from_base64(&text)?),
            (None, None, Some(uri)) => DeliveryContent::Uri(uri),
            _ => {
                let problem = "must have at most one of inline, inline_base64 and uri";
                return Err(invalid("delivery", problem));
            }
        };
        match (&content, self.size) {
            (DeliveryContent::Inline(bytes), Some(size)) if bytes.len() as u64 != size => {
                let problem = format!("is {size}, but {} bytes came", bytes.len());
                return Err(invalid("delivery.size", problem));
            }
            (DeliveryContent::Uri(_), Some(size)) if size > Handed::LARGEST_FETCHED => {
                return Err(invalid("delivery.size", "must be at most 10 MiB"));
            }
            _ => {}
        }
        if matches!(content, DeliveryContent::None) && (sha256.is_some() || self.size.is_some()) {
            let problem = "must have inline, inline_base64 or uri where it has sha256 or size";
            return Err(invalid("delivery", problem));
        }
        let (media_type, note) = (self.media_type, self.note);
        Ok(DeliveryRequest { content, sha256, media_type, note })
    }
}

fn from_base64(text: &str) -> Result<Vec<u8>, Refusal> {
    STANDARD.decode(text).map_err(|_| {
        invalid("delivery.inline_base64", "must be base64 of the standard alphabet, padded")
    })
}

/// A delivery. Media type, note and uri are the seller's words: inert text, hostile URL.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryBody {
    /// `inline` or `fetched`: we have the bytes; `none`: delivered outside; `announced`: not
    /// fetched yet, so nothing is delivered.
    #[schema(example = "inline")]
    pub content: &'static str,
    /// SHA-256 of the bytes in hexadecimal; absent without content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// In bytes; absent while announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Where the bytes were, or are said to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub uri: Option<Text<Arc<str>>>,
    /// As the seller says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub media_type: Option<Text<Arc<str>>>,
    /// As the seller says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub note: Option<Text<Arc<str>>>,
    /// Whether the executable checks passed; only under `verified`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks_passed: Option<bool>,
    /// Over checks, delivery and results, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks_hash: Option<String>,
    /// The checks that did not pass, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks_failed: Vec<FailedCheckBody>,
    /// When it was handed over or announced.
    pub at: Rfc3339,
}

/// A check of the listing's terms that a delivery did not pass.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailedCheckBody {
    /// Its place in the terms' `checks`, from 0.
    pub index: u8,
    /// What kind of check it is.
    #[schema(value_type = String, example = "json_schema")]
    pub kind: Text<Arc<str>>,
    /// What was found; may quote the delivery: inert text.
    #[schema(value_type = String, example = "/rows/3: expected a number")]
    pub reason: Text<Arc<str>>,
}

fn failed_checks(checks: &ChecksOutcome) -> impl Iterator<Item = FailedCheckBody> {
    checks.failed.iter().map(|check| FailedCheckBody {
        index: check.index,
        kind: Text(check.kind.clone()),
        reason: Text(check.reason.clone()),
    })
}

impl From<&Delivery> for DeliveryBody {
    fn from(delivery: &Delivery) -> Self {
        let (content, uri) = match &delivery.content {
            Content::Inline => ("inline", None),
            Content::Fetched { uri } => ("fetched", Some(Text(uri.clone()))),
            Content::None => ("none", None),
        };
        let has_bytes = content != "none";
        Self {
            content,
            sha256: has_bytes.then(|| hex(&delivery.sha256)),
            size: has_bytes.then_some(delivery.size),
            uri,
            media_type: delivery.media_type.clone().map(Text),
            note: delivery.note.clone().map(Text),
            checks_passed: delivery.checks.as_ref().map(|checks| checks.passed),
            checks_hash: delivery.checks.as_ref().map(|checks| hex(&checks.hash)),
            checks_failed: delivery.checks.iter().flat_map(failed_checks).collect(),
            at: Rfc3339(delivery.at),
        }
    }
}

impl From<&Announced> for DeliveryBody {
    fn from(announced: &Announced) -> Self {
        Self {
            content: "announced",
            sha256: Some(hex(&announced.sha256)),
            size: None,
            uri: Some(Text(announced.uri.clone())),
            media_type: announced.media_type.clone().map(Text),
            note: announced.note.clone().map(Text),
            checks_passed: None,
            checks_hash: None,
            checks_failed: Vec::new(),
            at: Rfc3339(announced.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_way_to_say_where_the_work_is() {
        let read = |json: &str| {
            let input: DeliveryInput =
                serde_json::from_str(json).map_err(|error| error.to_string())?;
            input.request().map(|request| request.content).map_err(|refusal| refusal.to_string())
        };
        let bytes = |text: &str| Ok(DeliveryContent::Inline(text.as_bytes().to_vec()));
        assert_eq!(read("{}"), Ok(DeliveryContent::None));
        assert_eq!(read(r#"{"note":"sent by mail"}"#), Ok(DeliveryContent::None));
        assert_eq!(read(r#"{"inline":"a,b"}"#), bytes("a,b"));
        assert_eq!(read(r#"{"inline_base64":"YSxi","size":3}"#), bytes("a,b"));
        let check = |json: &str, expect: &str| {
            let error = read(json).unwrap_err();
            assert!(error.contains(expect), "{json}: {error}");
        };
        check(r#"{"inline":"a","uri":"https://a"}"#, "at most one of");
        check(r#"{"inline_base64":"YSxi!"}"#, "delivery.inline_base64 must be base64");
        check(r#"{"inline":"a","size":2}"#, "delivery.size is 2, but 1 bytes came");
        check(r#"{"inline":"a","sha256":"00"}"#, "delivery.sha256 must be 64");
        check(r#"{"size":2}"#, "delivery must have inline");
        check(r#"{"url":"https://a"}"#, "unknown field `url`");
    }

    #[test]
    fn hashes_as_text() {
        let text = "00ff".repeat(16);
        assert_eq!(hex(&sha256_from_hex(&text).unwrap()), text);
        assert!(sha256_from_hex(&text.to_uppercase()).is_some());
        for text in ["", "0", &"+1".repeat(32), &"é".repeat(32)] {
            assert_eq!(sha256_from_hex(text), None, "{text}");
        }
    }
}
