//! Snapshots of all standings: a server that starts reads the last one and the feed behind it.
//!
//! Derived: without a snapshot, or with a damaged one, the feed is read from its beginning. Where
//! history is put away, the snapshot is what is left of it. It is text in notes of the store, in
//! parts that fit; two sets of parts take turns, and the head, written last, says which counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use marketplace_money::{Amount, Did};
use marketplace_ports::StoreError;
use marketplace_reputation::{Decaying, Edge, Standing};
use sha2::{Digest, Sha256};

use super::standings::Known;
use super::totals::Totals;
use crate::events::hex;
use crate::marketplace::Marketplace;

const HEAD: &str = "standings";
/// Characters of a part.
const PART: usize = 1 << 20;
/// Grows when the rules of the score change: then standings are counted anew.
const RULES: u32 = 3;
/// Below so many settlements there is nothing to save: the feed is read in no time.
const LEAST: u64 = 2_000;

/// Which snapshot counts.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    turn: u32,
    parts: usize,
    position: u64,
    settled: u64,
    sha256: String,
}

impl Head {
    fn text(&self) -> String {
        let Self { turn, parts, position, settled, sha256 } = self;
        format!("{RULES} {turn} {parts} {position} {settled} {sha256}")
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        if words.next()?.parse() != Ok(RULES) {
            return None;
        }
        Some(Self {
            turn: words.next()?.parse().ok()?,
            parts: words.next()?.parse().ok()?,
            position: words.next()?.parse().ok()?,
            settled: words.next()?.parse().ok()?,
            sha256: words.next()?.to_owned(),
        })
    }
}

fn part_name(turn: u32, part: usize) -> String {
    format!("{HEAD}:{turn}:{part}")
}

/// One line for each agent, stake and edge; agents are named by their line.
fn text_of(known: &Known) -> String {
    let mut text = String::new();
    let mut places: BTreeMap<&Did, usize> = BTreeMap::new();
    let sum = |sum: Decaying| sum.stored();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(text, "t {}", known.totals.text());
    for (place, (did, s)) in known.book.agents().enumerate() {
        places.insert(did, place);
        let _ = writeln!(
            text,
            "a {did} {} {} {} {} {} {}",
            s.raw_up,
            s.raw_down,
            sum(s.positive),
            sum(s.negative),
            sum(s.volume),
            s.trusted_fees.nano()
        );
    }
    for (did, stake) in &known.stakes {
        let _ = writeln!(text, "s {did} {}", stake.nano());
    }
    for (about, by, e) in known.book.edges() {
        let (Some(about), Some(by)) = (places.get(about), places.get(by)) else { continue };
        let (positive, negative, volume) = (sum(e.positive), sum(e.negative), sum(e.volume));
        let _ = writeln!(text, "e {about} {by} {positive} {negative} {volume}");
    }
    text
}

fn known_of(text: &str, head: &Head) -> Option<Known> {
    let mut known = Known { position: head.position, settled: head.settled, ..Known::default() };
    let mut names: Vec<Did> = Vec::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let sum = |words: &mut std::str::Split<'_, char>| -> Option<Decaying> {
            Some(Decaying::from_stored(words.next()?.parse().ok()?))
        };
        match kind {
            "t" => known.totals = Totals::read(&mut words)?,
            "a" => {
                let did: Did = words.next()?.parse().ok()?;
                let (raw_up, raw_down) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
                let (positive, negative, volume) =
                    (sum(&mut words)?, sum(&mut words)?, sum(&mut words)?);
                let trusted_fees = Amount::from_nano(words.next()?.parse().ok()?);
                let standing =
                    Standing { raw_up, raw_down, positive, negative, volume, trusted_fees };
                known.book.restore_agent(did.clone(), standing);
                names.push(did);
            }
            "s" => {
                let did: Did = words.next()?.parse().ok()?;
                known.stakes.insert(did, Amount::from_nano(words.next()?.parse().ok()?));
            }
            "e" => {
                let about: usize = words.next()?.parse().ok()?;
                let by: usize = words.next()?.parse().ok()?;
                let (positive, negative, volume) =
                    (sum(&mut words)?, sum(&mut words)?, sum(&mut words)?);
                let edge = Edge { positive, negative, volume };
                known.book.restore_edge(names.get(about)?.clone(), names.get(by)?.clone(), edge);
            }
            _ => return None,
        }
    }
    Some(known)
}

impl Marketplace {
    async fn snapshot_head(&self) -> Result<Option<Head>, StoreError> {
        Ok(self.store().note(HEAD).await?.and_then(|text| Head::read(&text)))
    }

    /// What the last snapshot says, where it is whole.
    pub(super) async fn restored_standings(&self) -> Result<Option<Known>, StoreError> {
        let mut head = self.snapshot_head().await?;
        while let Some(one) = head {
            let mut text = String::new();
            for part in 0..one.parts {
                let part = self.store().note(&part_name(one.turn, part)).await?;
                text.push_str(&part.unwrap_or_default());
            }
            let is_whole = hex(&Sha256::digest(text.as_bytes())) == one.sha256;
            if let Some(known) = known_of(&text, &one).filter(|_| is_whole) {
                tracing::info!(position = one.position, "standings are read from a snapshot");
                return Ok(Some(known));
            }
            // Two newer ones may have been written while it was read.
            head = self.snapshot_head().await?.filter(|newer| *newer != one);
            if head.is_none() {
                tracing::warn!("the snapshot of the standings is damaged, the feed is read");
            }
        }
        Ok(None)
    }

    /// Writes a snapshot, when there is news. `history` is put away: then it is all that is left of
    /// stakes and totals, too.
    pub(crate) async fn keep_standings(&self, history: bool) -> Result<(), StoreError> {
        let before = self.snapshot_head().await?;
        let (position, settled) =
            self.inner.standings.with(|known| (known.position, known.settled));
        let (old, old_settled) =
            before.as_ref().map_or((0, 0), |head| (head.position, head.settled));
        let is_news =
            if history { position > old } else { settled >= LEAST && settled != old_settled };
        if !self.inner.standings.is_complete() || !is_news {
            return Ok(());
        }
        let (text, position, settled) =
            self.inner.standings.with(|known| (text_of(known), known.position, known.settled));
        let turn = before.map_or(0, |head| 1 - head.turn.min(1));
        let parts = parts(&text);
        for (place, part) in parts.iter().enumerate() {
            self.store().set_note(&part_name(turn, place), part).await?;
        }
        let sha256 = hex(&Sha256::digest(text.as_bytes()));
        let head = Head { turn, parts: parts.len(), position, settled, sha256 };
        self.store().set_note(HEAD, &head.text()).await
    }
}

/// A DID is ASCII, and so is the rest: any place is the end of a character.
fn parts(text: &str) -> Vec<&str> {
    let mut rest = text;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let mut end = PART.min(rest.len());
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use marketplace_money::Timestamp;
    use marketplace_reputation::{Outcome, Settlement};

    use super::*;

    #[test]
    fn a_snapshot_says_what_was_known() {
        let mut known = Known { position: 77, settled: 30, ..Known::default() };
        known.stakes.insert("did:key:a".parse().unwrap(), Amount::from_avt(250));
        known.totals = Totals { completed: 30, volume: Amount::from_avt(7), ..Totals::default() };
        for round in 0..30_i64 {
            let name = |at: i64| -> Did {
                format!("did:key:{}", ["a", "b", "c", "d"][usize::try_from(at % 4).unwrap()])
                    .parse()
                    .unwrap()
            };
            let (buyer, seller) = (name(round), name(round / 4 + 1 + round));
            known.book.record(&Settlement {
                buyer_stake: known.stake(&buyer),
                seller_stake: known.stake(&seller),
                buyer,
                seller,
                value: Amount::from_avt(round + 1),
                fee: Amount::from_nano(7),
                outcome: [Outcome::Accepted, Outcome::AutoReleased, Outcome::NotDelivered]
                    [usize::try_from(round % 3).unwrap()],
                at: Timestamp::from_micros(1_800_000_000_000_000 + round * 86_400_000_000),
            });
        }
        let head = Head { turn: 1, parts: 1, position: 77, settled: 30, sha256: "ab".to_owned() };
        assert_eq!(Head::read(&head.text()).as_ref(), Some(&head));
        let text = text_of(&known);
        let back = known_of(&text, &head).unwrap();
        assert!(back.book.agents().eq(known.book.agents()));
        assert!(back.book.edges().eq(known.book.edges()));
        assert_eq!(back.totals, known.totals);
        assert_eq!((back.stakes, back.position, back.settled), (known.stakes, 77, 30));
        assert_eq!(known_of(&text.replace("e 0", "e 99"), &head).map(|_| ()), None);
        assert_eq!(Head::read("0 1 1 77 30 ab"), None);
        let long = "é".repeat(PART);
        assert_eq!(parts(&long).concat(), long);
    }
}
