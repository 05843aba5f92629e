//! What is only ever added: postings, events, and the batches that seal them with a hash.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use marketplace_disputes::ChainLink;
use marketplace_ledger::{Account, Entry, EntryKind};
use marketplace_money::{Amount, EntryId, Timestamp};
use marketplace_ports::{CommitOutcome, Event, SealedEvent, StoreError};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// One posting. Its position is its place in the journal, from 1.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) entry: EntryId,
    pub(crate) kind: EntryKind,
    pub(crate) reason: Arc<str>,
    pub(crate) account: Account,
    pub(crate) delta: Amount,
    /// The account's sum with this line, in nano-AVT.
    pub(crate) after: i128,
    pub(crate) at: Timestamp,
}

/// A committed batch.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) id: Uuid,
    pub(crate) outcomes: Vec<CommitOutcome>,
    pub(crate) at: Timestamp,
    pub(crate) lines: Range<usize>,
    pub(crate) events: Range<usize>,
    pub(crate) hash: [u8; 32],
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) lines: Vec<Line>,
    pub(crate) events: Vec<SealedEvent>,
    pub(crate) batches: Vec<Sealed>,
    by_account: BTreeMap<Account, Vec<usize>>,
    by_batch: HashMap<Uuid, usize>,
}

impl Journal {
    /// How many batches were written.
    pub(crate) fn length(&self) -> u64 {
        self.batches.len() as u64
    }

    pub(crate) fn batch(&self, id: Uuid) -> Option<&Sealed> {
        self.by_batch.get(&id).map(|index| &self.batches[*index])
    }

    /// Adds what a batch wrote and seals it.
    pub(crate) fn seal(
        &mut self,
        id: Uuid,
        outcomes: Vec<CommitOutcome>,
        entries: &[Entry],
        events: Vec<Event>,
        at: Timestamp,
    ) {
        let first = (self.lines.len(), self.events.len());
        for entry in entries {
            self.add_entry(entry, at);
        }
        for event in events {
            self.add_event(event);
        }
        let mut sealed = Sealed {
            id,
            outcomes,
            at,
            lines: first.0..self.lines.len(),
            events: first.1..self.events.len(),
            hash: [0; 32],
        };
        let before = self.batches.last().map_or([0; 32], |last| last.hash);
        sealed.hash = self.hash(&before, &sealed);
        self.by_batch.insert(id, self.batches.len());
        self.batches.push(sealed);
    }

    fn add_entry(&mut self, entry: &Entry, at: Timestamp) {
        let reason: Arc<str> = entry.reason().into();
        for posting in entry.postings() {
            let index = self.lines.len();
            let places = self.by_account.entry(posting.account.clone()).or_default();
            let before = places.last().map_or(0, |last| self.lines[*last].after);
            places.push(index);
            self.lines.push(Line {
                entry: entry.id,
                kind: entry.kind(),
                reason: Arc::clone(&reason),
                account: posting.account.clone(),
                delta: posting.delta,
                after: before + i128::from(posting.delta.nano()),
                at,
            });
        }
    }

    fn add_event(&mut self, event: Event) {
        self.events.push(SealedEvent {
            position: self.events.len() as u64 + 1,
            id: event.id,
            subject: event.subject,
            name: event.name.to_owned(),
            audience: event.audience,
            at: event.at,
            data: event.data,
        });
    }

    /// The hash that a batch must have when the one before it has `before`.
    pub(crate) fn hash(&self, before: &[u8; 32], batch: &Sealed) -> [u8; 32] {
        let mut text = Hashing(Sha256::new_with_prefix(before));
        // Hashing cannot fail.
        let _ = self.write_content(&mut text, batch);
        text.0.finalize().into()
    }

    /// What is hashed of a batch.
    fn write_content(&self, text: &mut impl fmt::Write, batch: &Sealed) -> fmt::Result {
        let lines = self.lines.get(batch.lines.clone()).unwrap_or_default();
        let events = self.events.get(batch.events.clone()).unwrap_or_default();
        // Debug quotes texts, so no two different batches read the same.
        write!(text, "{:?} {:?} {:?}", batch.id, batch.outcomes, batch.at)?;
        write!(text, "{lines:?} {events:?}")
    }

    /// A batch as a link of the chain. Its position counts from 1.
    pub(crate) fn link(&self, index: usize) -> ChainLink {
        let before = index.checked_sub(1).and_then(|before| self.batches.get(before));
        let previous = before.map_or([0; 32], |before| before.hash);
        let (mut content, mut hash) = (String::new(), [0; 32]);
        if let Some(batch) = self.batches.get(index) {
            hash = batch.hash;
            // Writing to a string cannot fail.
            let _ = self.write_content(&mut content, batch);
        }
        let content = Some(content.into_bytes());
        ChainLink { position: index as u64 + 1, previous, hash, content }
    }

    /// The postings of a batch.
    pub(crate) fn lines_of(&self, index: usize) -> &[Line] {
        let lines = self.batches.get(index).map(|batch| batch.lines.clone());
        lines.and_then(|lines| self.lines.get(lines)).unwrap_or_default()
    }

    /// The lines of an account, with their positions, newest first.
    pub(crate) fn of_account(
        &self,
        account: &Account,
    ) -> impl DoubleEndedIterator<Item = (u64, &Line)> {
        let places = self.by_account.get(account).map_or(&[][..], Vec::as_slice);
        places.iter().rev().map(|index| (*index as u64 + 1, &self.lines[*index]))
    }

    /// The other accounts of the entry that this line belongs to.
    pub(crate) fn others(&self, position: u64) -> Vec<Account> {
        let index = usize::try_from(position).map_or(0, |position| position - 1);
        let Some(line) = self.lines.get(index) else { return Vec::new() };
        let of_entry = |other: &&Line| other.entry == line.entry;
        let before = self.lines[..index].iter().rev().take_while(of_entry).count();
        let entry = self.lines[index - before..].iter().take_while(of_entry);
        entry.filter(|other| other.account != line.account).map(|o| o.account.clone()).collect()
    }

    /// The sum of an account.
    pub(crate) fn sum(&self, account: &Account) -> Result<Amount, StoreError> {
        amount(self.of_account(account).map(|(_, line)| i128::from(line.delta.nano())).sum())
    }

    /// The sum of all orders' accounts.
    pub(crate) fn open_escrow(&self) -> Result<Amount, StoreError> {
        let of_orders = self.lines.iter().filter(|line| matches!(line.account, Account::Order(_)));
        amount(of_orders.map(|line| i128::from(line.delta.nano())).sum())
    }
}

/// A sum that the journal gives, as an amount.
pub(crate) fn amount(nano: i128) -> Result<Amount, StoreError> {
    i64::try_from(nano)
        .map(Amount::from_nano)
        .map_err(|_| StoreError::Corrupt(format!("a sum of {nano} nano-AVT is beyond all money")))
}

struct Hashing(Sha256);

impl fmt::Write for Hashing {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}
