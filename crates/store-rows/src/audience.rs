//! The audience of an event as JSON text: a list of names.

use marketplace_money::Did;

use crate::RowError;
use crate::text::Reader;

pub(crate) fn to_text(audience: &[Did]) -> String {
    // A DID has no character that JSON escapes: no need of a serializer for each event.
    let mut text = String::with_capacity(2 + audience.len() * 64);
    text.push('[');
    for (index, did) in audience.iter().enumerate() {
        text.push_str(if index == 0 { "\"" } else { ",\"" });
        text.push_str(did.as_str());
        text.push('"');
    }
    text.push(']');
    text
}

pub(crate) fn from_text(reader: Reader<'_>, text: &str) -> Result<Vec<Did>, RowError> {
    let names: Vec<&str> = reader.json(text)?;
    names.into_iter().map(|name| reader.text(name)).collect()
}

/// The names in the text of an audience.
///
/// # Errors
/// When it is not what we write.
pub fn audience_from_text(text: &str) -> Result<Vec<Did>, RowError> {
    from_text(Reader { table: "events", id: "audience" }, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_hand_is_json() {
        for names in [&[][..], &["did:a"], &["did:b:%40", "did:a", "did:key:z-._@"]] {
            let audience: Vec<Did> = names.iter().map(|name| name.parse().unwrap()).collect();
            let text = to_text(&audience);
            assert_eq!(text, serde_json::to_string(names).unwrap());
            let reader = Reader { table: "events", id: "1" };
            assert_eq!(from_text(reader, &text), Ok(audience));
        }
        let reader = Reader { table: "events", id: "1" };
        for text in ["", "{}", "[1]", "[\"bob\"]"] {
            assert!(from_text(reader, text).is_err(), "{text}");
        }
    }
}
