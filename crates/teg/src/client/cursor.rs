//! A place in a history that may still move at its young end.
//!
//! The TEG shows transactions newest first, by offset. A transaction may get its time before its
//! commit, and so appear behind one that was seen; another may be pending for days. So a place is
//! not a number: it is how many of the oldest are settled for good, the name of the last of them,
//! and which of the younger ones were seen.

use marketplace_money::Seconds;
use marketplace_ports::HistoryCursor;
use uuid::Uuid;

use super::line::Transaction;

/// Transactions this much older than the newest do not change their order any more.
pub(super) const UNREST: Seconds = Seconds(15);
const VERSION: &str = "1";
/// Gives short names to transactions; made once, by chance.
const NAMES: Uuid = Uuid::from_u128(0x3c0c_63b5_5c0f_4f0e_9f0b_6f1a_2d6b_7e11);

/// A place, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// So many of the oldest transactions are done with.
    pub(super) settled: u64,
    /// The name of the last of those; empty when there are none.
    pub(super) anchor: String,
    /// Short names of younger ones that are done with too.
    pub(super) seen: Vec<String>,
}

impl Place {
    /// Nothing for a text that no place has.
    pub(super) fn parse(cursor: &HistoryCursor) -> Option<Self> {
        if cursor.0.is_empty() {
            return Some(Self::default());
        }
        let mut parts = cursor.0.splitn(4, '|');
        let (version, settled) = (parts.next()?, parts.next()?);
        let (anchor, seen) = (parts.next()?, parts.next()?);
        let settled = settled.parse().ok()?;
        let right = version == VERSION && (settled == 0) == anchor.is_empty();
        let seen = seen.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        right.then(|| Self { settled, anchor: anchor.to_owned(), seen })
    }

    pub(super) fn cursor(&self) -> HistoryCursor {
        if *self == Self::default() {
            return HistoryCursor::default();
        }
        let Self { settled, anchor, seen } = self;
        HistoryCursor(format!("{VERSION}|{settled}|{anchor}|{}", seen.join(",")))
    }

    /// The place after `walked`, the transactions from the first unsettled one on, each with
    /// whether it is done with.
    pub(super) fn after(&self, walked: &[(&Transaction, bool)]) -> Self {
        let newest = walked.iter().map(|(line, _)| line.at()).max().unwrap_or_default();
        let old = |line: &Transaction| line.at() < newest.minus(UNREST);
        // A name with our separator in it cannot be an anchor.
        let plain = |line: &Transaction| !line.transaction_id.contains('|');
        let settles = |line: &Transaction, done: bool| done && old(line) && plain(line);
        let settling = walked.iter().take_while(|(line, done)| settles(line, *done)).count();
        let (gone, rest) = walked.split_at(settling);
        Self {
            settled: self.settled + gone.len() as u64,
            anchor: gone
                .last()
                .map_or_else(|| self.anchor.clone(), |(line, _)| line.transaction_id.clone()),
            seen: rest.iter().filter(|(_, done)| *done).map(|(line, _)| short(line)).collect(),
        }
    }

    pub(super) fn has_seen(&self, line: &Transaction) -> bool {
        self.seen.contains(&short(line))
    }
}

/// Sixteen characters of a transaction's name, whatever it looks like.
pub(super) fn short(line: &Transaction) -> String {
    let name = Uuid::new_v5(&NAMES, line.transaction_id.as_bytes()).simple().to_string();
    name.chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_and_read() {
        let check = |text: &str, expect: Option<(u64, &str, usize)>| {
            let place = Place::parse(&HistoryCursor(text.to_owned()));
            let shown = place.as_ref().map(|p| (p.settled, p.anchor.as_str(), p.seen.len()));
            assert_eq!(shown, expect, "{text}");
            if let Some(place) = place {
                assert_eq!(place.cursor().0, text);
            }
        };
        check("", Some((0, "", 0)));
        check("1|0||aa,bb", Some((0, "", 2)));
        check("1|7|t7|", Some((7, "t7", 0)));
        check("1|7|t7|aa", Some((7, "t7", 1)));
        for text in ["no cursor of ours", "1|7", "1|0|t7|", "1|7||", "2|7|t7|", "1|x|t|", "1|-1|t|"]
        {
            check(text, None);
        }
    }
}
