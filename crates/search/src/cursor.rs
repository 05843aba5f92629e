//! Where a page ended: the place of its last hit, bound to the query that it was given for.

use std::fmt;
use std::str::FromStr;

use marketplace_money::ListingId;

use crate::query::{Query, QueryWords};

/// The place of a listing in a sorted answer; smaller comes first. No two listings share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SortKey {
    /// What the sort compares, turned so that smaller comes first.
    pub(crate) primary: i64,
    /// The time of listing, turned so that the newest comes first.
    pub(crate) age: i64,
    pub(crate) id: ListingId,
}

/// Continues an answer on its next page. Opaque: its text may be sent out and read back.
///
/// It holds a place in the order and not a position, so it stays good when listings come and go,
/// even the one that it was made from. It is no permission: what it could be forged to say is only
/// "continue elsewhere", so a checksum is enough to refuse cursors that we did not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    key: SortKey,
    check: u64,
}

/// Why a text is not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorError;

impl fmt::Display for CursorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not a cursor, use the text that came with the last page unchanged")
    }
}

impl std::error::Error for CursorError {}

/// Changed with the meaning of a key or of a score, so that cursors from before are refused.
const VERSION: u64 = 1;

impl Cursor {
    /// Marks the place `key` in the answer to `query`.
    pub(crate) fn new(key: SortKey, query: &Query, words: &QueryWords) -> Self {
        Self { key, check: checksum(key, query, words) }
    }

    /// The place, if it was marked in an answer to this query.
    pub(crate) fn place(&self, query: &Query, words: &QueryWords) -> Option<SortKey> {
        (self.check == checksum(self.key, query, words)).then_some(self.key)
    }
}

/// FNV-1a, 64 bits: the same in every build and on every machine, which the hashers of the
/// standard library do not promise.
struct Checksum(u64);

impl Checksum {
    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn number(&mut self, number: i64) {
        self.bytes(&number.to_le_bytes());
    }

    /// A field that may be missing.
    fn optional(&mut self, number: Option<i64>) {
        self.bytes(&[u8::from(number.is_some())]);
        self.number(number.unwrap_or(0));
    }

    /// A field that may be missing; its end is marked, so that fields cannot flow together.
    fn text(&mut self, text: Option<&str>) {
        self.bytes(&[u8::from(text.is_some())]);
        self.bytes(text.unwrap_or_default().as_bytes());
        self.bytes(&[0xFF]);
    }
}

/// Over the key and everything of the query that shapes the answer. The limit may change.
fn checksum(key: SortKey, query: &Query, words: &QueryWords) -> u64 {
    let mut sum = Checksum(0xcbf2_9ce4_8422_2325 ^ VERSION);
    for word in &words.whole {
        sum.text(Some(word));
    }
    sum.text(None);
    sum.text(words.beginning.as_deref());
    sum.text(query.provider.as_ref().map(|provider| provider.as_str()));
    sum.bytes(&[query.service_type.map_or(0xFF, |kind| kind as u8), query.sort as u8]);
    sum.optional(query.min_price.map(|price| price.nano()));
    sum.optional(query.max_price.map(|price| price.nano()));
    sum.optional(query.min_reputation.map(|reputation| i64::from(reputation.milli())));
    sum.number(key.primary);
    sum.number(key.age);
    sum.bytes(key.id.uuid().as_bytes());
    sum.0
}

const NUMBER: usize = 16;
const ID: usize = 32;

/// Lower-case hexadecimal digits: safe in a URL without escapes.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SortKey { primary, age, id } = self.key;
        write!(f, "{primary:016x}{age:016x}{:032x}{:016x}", id.uuid().as_u128(), self.check)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !digits || text.len() != 3 * NUMBER + ID {
            return Err(CursorError);
        }
        let number = |from: usize| {
            u64::from_str_radix(&text[from..from + NUMBER], 16).map_err(|_| CursorError)
        };
        let id = text[2 * NUMBER..2 * NUMBER + ID].parse().map_err(|_| CursorError)?;
        let key =
            SortKey { primary: number(0)?.cast_signed(), age: number(NUMBER)?.cast_signed(), id };
        Ok(Self { key, check: number(2 * NUMBER + ID)? })
    }
}

#[cfg(test)]
mod tests {
    use marketplace_money::{Amount, Reputation};

    use super::*;
    use crate::document::ServiceKind;
    use crate::query::Sort;

    fn key() -> SortKey {
        let id = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002".parse().unwrap();
        SortKey { primary: -2, age: i64::MIN, id }
    }

    #[test]
    fn survives_the_trip_as_text() {
        let cursor = Cursor::new(key(), &Query::default(), &QueryWords::default());
        let read: Cursor = cursor.to_string().parse().unwrap();
        assert_eq!(read, cursor);
        assert_eq!(read.place(&Query::default(), &QueryWords::default()), Some(key()));
    }

    #[test]
    fn other_texts_are_not_cursors() {
        let good = Cursor::new(key(), &Query::default(), &QueryWords::default()).to_string();
        let check = |text: &str| assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        check("");
        check("0");
        check(&good[1..]);
        check(&format!("{good}0"));
        check(&good.to_uppercase());
        check(&good.replacen(&good[..2], "é", 1));
        check(&format!("+{}", &good[1..]));
    }

    #[test]
    fn each_digit_counts() {
        let query = Query::default();
        let good = Cursor::new(key(), &query, &QueryWords::default()).to_string();
        for at in 0..good.len() {
            let other = if &good[at..=at] == "0" { "1" } else { "0" };
            let mut forged = good.clone();
            forged.replace_range(at..=at, other);
            let forged: Cursor = forged.parse().unwrap();
            assert_eq!(forged.place(&query, &QueryWords::default()), None, "digit {at}");
        }
    }

    #[test]
    fn each_part_of_the_query_counts() {
        let read = |text: &str| QueryWords::read(text).unwrap();
        let plain = Query::default();
        let cursor = Cursor::new(key(), &plain, &read("csv data"));
        let check = |query: Query, text: &str, expect: bool| {
            assert_eq!(cursor.place(&query, &read(text)).is_some(), expect, "{query:?} {text}");
        };
        check(Query { limit: 7, ..plain.clone() }, "CSV, data!", true);
        check(plain.clone(), "data csv", false);
        check(plain.clone(), "csv data csv", false);
        check(plain.clone(), "csv", false);
        let zero = Some(Amount::ZERO);
        check(Query { min_price: zero, ..plain.clone() }, "csv data", false);
        check(Query { max_price: zero, ..plain.clone() }, "csv data", false);
        let unknown = Some(Reputation::UNKNOWN);
        check(Query { min_reputation: unknown, ..plain.clone() }, "csv data", false);
        check(Query { provider: "did:seller".parse().ok(), ..plain.clone() }, "csv data", false);
        let kind = Some(ServiceKind::DataProcessing);
        check(Query { service_type: kind, ..plain.clone() }, "csv data", false);
        check(Query { sort: Sort::Newest, ..plain }, "csv data", false);
    }
}
