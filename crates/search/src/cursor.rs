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

/// A place in an answer: hits outside the best, where sellers do not make way for one another,
/// come after all of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) tier: u16,
    pub(crate) key: SortKey,
}

/// Outside the best: see [`Place`].
pub(crate) const OUTSIDE: u16 = u16::MAX;

/// What the pages of one answer share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The day by which the first page counted ages.
    pub(crate) today: i64,
    /// The hits have some of the words, not all.
    pub(crate) is_partial: bool,
    /// The newcomer of the first page, which is not shown again.
    pub(crate) explored: Option<ListingId>,
}

/// Continues an answer on its next page. Opaque: its text may be sent out and read back.
///
/// It holds a place in the order and not a position, so it stays good when listings come and go,
/// even the one that it was made from. It is no permission: what it could be forged to say is only
/// "continue elsewhere", so a checksum is enough to refuse cursors that we did not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    place: Place,
    kept: Kept,
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
const VERSION: u64 = 2;

impl Cursor {
    /// Marks a place in the answer to `query`.
    pub(crate) fn new(place: Place, kept: Kept, query: &Query, words: &QueryWords) -> Self {
        Self { place, kept, check: checksum(place, kept, query, words) }
    }

    /// The place, if it was marked in an answer to this query.
    pub(crate) fn read(&self, query: &Query, words: &QueryWords) -> Option<(Place, Kept)> {
        let check = checksum(self.place, self.kept, query, words);
        (self.check == check).then_some((self.place, self.kept))
    }
}

/// FNV-1a, 64 bits: the same in every build and on every machine, which the hashers of the
/// standard library do not promise.
pub(crate) struct Checksum(pub(crate) u64);

impl Checksum {
    pub(crate) const START: u64 = 0xcbf2_9ce4_8422_2325;

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn number(&mut self, number: i64) {
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

/// Over the place and everything of the query that shapes the answer. The limit may change.
fn checksum(place: Place, kept: Kept, query: &Query, words: &QueryWords) -> u64 {
    let mut sum = Checksum(Checksum::START ^ VERSION);
    for word in &words.whole {
        sum.text(Some(word));
    }
    sum.text(None);
    sum.text(words.beginning.as_deref());
    sum.text(query.provider.as_ref().map(|provider| provider.as_str()));
    sum.bytes(&[query.service_type.map_or(0xFF, |kind| kind as u8), query.sort as u8]);
    sum.bytes(&[query.acceptance.map_or(0xFF, |policy| policy as u8), query.matching as u8]);
    sum.bytes(&[u8::from(query.spread), query.currency.map_or(0xFF, |currency| currency as u8)]);
    sum.optional(query.min_price.map(|price| price.nano()));
    sum.optional(query.max_price.map(|price| price.nano()));
    sum.optional(query.min_reputation.map(|reputation| i64::from(reputation.milli())));
    sum.optional(query.max_reputation.map(|reputation| i64::from(reputation.milli())));
    sum.optional(query.max_delivery.map(|seconds| i64::from(seconds.0)));
    sum.number(place.tier.into());
    sum.number(place.key.primary);
    sum.number(place.key.age);
    sum.bytes(place.key.id.uuid().as_bytes());
    sum.number(kept.today);
    sum.bytes(&[u8::from(kept.is_partial)]);
    sum.bytes(&kept.explored.map(|id| id.uuid().into_bytes()).unwrap_or_default());
    sum.0
}

/// Hexadecimal digits of the fields, in the order in which they are written.
const TIER: usize = 4;
const NUMBER: usize = 16;
const FLAG: usize = 1;
const ID: usize = 32;
const DIGITS: usize = TIER + 4 * NUMBER + FLAG + 2 * ID;

/// Lower-case hexadecimal digits: safe in a URL without escapes.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { tier, key: SortKey { primary, age, id } } = self.place;
        let Kept { today, is_partial, explored } = self.kept;
        write!(f, "{tier:04x}{primary:016x}{age:016x}{:032x}", id.uuid().as_u128())?;
        let explored = explored.map_or(0, |id| id.uuid().as_u128());
        write!(f, "{today:016x}{}{explored:032x}{:016x}", u8::from(is_partial), self.check)
    }
}

/// Takes fields off the front of a text of digits.
struct Fields<'a>(&'a str);

impl<'a> Fields<'a> {
    fn take(&mut self, digits: usize) -> Result<&'a str, CursorError> {
        let (field, rest) = self.0.split_at_checked(digits).ok_or(CursorError)?;
        self.0 = rest;
        Ok(field)
    }

    fn number(&mut self, digits: usize) -> Result<u64, CursorError> {
        u64::from_str_radix(self.take(digits)?, 16).map_err(|_| CursorError)
    }

    fn id(&mut self) -> Result<ListingId, CursorError> {
        self.take(ID)?.parse().map_err(|_| CursorError)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !digits || text.len() != DIGITS {
            return Err(CursorError);
        }
        let mut fields = Fields(text);
        let tier = u16::try_from(fields.number(TIER)?).map_err(|_| CursorError)?;
        let primary = fields.number(NUMBER)?.cast_signed();
        let age = fields.number(NUMBER)?.cast_signed();
        let place = Place { tier, key: SortKey { primary, age, id: fields.id()? } };
        let today = fields.number(NUMBER)?.cast_signed();
        let is_partial = match fields.number(FLAG)? {
            0 => false,
            1 => true,
            _ => return Err(CursorError),
        };
        let explored = Some(fields.id()?).filter(|id| !id.uuid().is_nil());
        let kept = Kept { today, is_partial, explored };
        Ok(Self { place, kept, check: fields.number(NUMBER)? })
    }
}

#[cfg(test)]
mod tests {
    use marketplace_money::{Amount, Currency, Reputation, Seconds};

    use super::*;
    use crate::document::{Acceptance, ServiceKind};
    use crate::query::{Matching, Sort};

    const SOME_ID: &str = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002";

    fn some_place() -> Place {
        let key = SortKey { primary: -2, age: i64::MIN, id: SOME_ID.parse().unwrap() };
        Place { tier: 7, key }
    }

    fn kept() -> Kept {
        Kept { today: 20_000, is_partial: true, explored: SOME_ID.parse().ok() }
    }

    fn cursor() -> Cursor {
        Cursor::new(some_place(), kept(), &Query::default(), &QueryWords::default())
    }

    #[test]
    fn survives_the_trip_as_text() {
        let read: Cursor = cursor().to_string().parse().unwrap();
        assert_eq!(read, cursor());
        let there = read.read(&Query::default(), &QueryWords::default());
        assert_eq!(there, Some((some_place(), kept())));
    }

    #[test]
    fn other_texts_are_not_cursors() {
        let good = cursor().to_string();
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
        let good = cursor().to_string();
        for at in 0..good.len() {
            let other = if &good[at..=at] == "0" { "1" } else { "0" };
            let mut forged = good.clone();
            forged.replace_range(at..=at, other);
            let forged: Cursor = forged.parse().unwrap();
            assert_eq!(forged.read(&query, &QueryWords::default()), None, "digit {at}");
        }
    }

    #[test]
    fn each_part_of_the_query_counts() {
        let read = |text: &str| QueryWords::read(text, Matching::All).unwrap();
        let plain = Query::default();
        let cursor = Cursor::new(some_place(), kept(), &plain, &read("csv data"));
        let check = |query: Query, text: &str, expect: bool| {
            assert_eq!(cursor.read(&query, &read(text)).is_some(), expect, "{query:?} {text}");
        };
        let now = marketplace_money::Timestamp::from_micros(7);
        check(Query { limit: 7, facets: true, now, ..plain.clone() }, "CSV, data!", true);
        check(plain.clone(), "data csv", false);
        check(plain.clone(), "csv data csv", false);
        check(plain.clone(), "csv", false);
        let zero = Some(Amount::ZERO);
        let unknown = Some(Reputation::UNKNOWN);
        let kind = Some(ServiceKind::DataProcessing);
        for other in [
            Query { min_price: zero, ..plain.clone() },
            Query { max_price: zero, ..plain.clone() },
            Query { min_reputation: unknown, ..plain.clone() },
            Query { max_reputation: unknown, ..plain.clone() },
            Query { provider: "did:seller".parse().ok(), ..plain.clone() },
            Query { service_type: kind, ..plain.clone() },
            Query { acceptance: Some(Acceptance::BuyerConfirms), ..plain.clone() },
            Query { max_delivery: Some(Seconds(0)), ..plain.clone() },
            Query { currency: Some(Currency::Avt), ..plain.clone() },
            Query { matching: Matching::Any, ..plain.clone() },
            Query { spread: false, ..plain.clone() },
            Query { sort: Sort::Newest, ..plain.clone() },
        ] {
            check(other, "csv data", false);
        }
    }
}
