//! The keys of a batch as the statements take them: sorted, each once. In this order, table by
//! table, every server takes its locks.

use std::collections::{BTreeMap, HashSet};

use marketplace_ledger::Account;
use marketplace_ports::{IdempotencyKey, Key, Nonce};
use marketplace_store_rows::{account_text, api_key_text, id_text, task_text};
use sha2::{Digest, Sha256};

/// Tables whose rows have versions, in the order in which they are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Orders,
    Listings,
    Agents,
    Withdrawals,
    Deposits,
    ApiKeys,
    Tasks,
    TegRecords,
    Motions,
    Disputes,
    Jurors,
    Reviews,
}

impl Table {
    pub(crate) const ALL: [Self; 12] = [
        Self::Orders,
        Self::Listings,
        Self::Agents,
        Self::Withdrawals,
        Self::Deposits,
        Self::ApiKeys,
        Self::Tasks,
        Self::TegRecords,
        Self::Motions,
        Self::Disputes,
        Self::Jurors,
        Self::Reviews,
    ];

    /// Its name, and that of its key.
    pub(crate) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Orders => ("orders", "id"),
            Self::Listings => ("listings", "id"),
            Self::Agents => ("agents", "did"),
            Self::Withdrawals => ("withdrawals", "id"),
            Self::Deposits => ("deposits", "id"),
            Self::ApiKeys => ("api_keys", "sha256"),
            Self::Tasks => ("tasks", "key"),
            Self::TegRecords => ("teg_records", "id"),
            Self::Motions => ("motions", "id"),
            Self::Disputes => ("disputes", "id"),
            Self::Jurors => ("jurors", "did"),
            Self::Reviews => ("reviews", "order_id"),
        }
    }
}

/// Keys by table, as they are stored, with what they stand for.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) answers: BTreeMap<[u8; 32], IdempotencyKey>,
    pub(crate) nonces: BTreeMap<[u8; 32], Nonce>,
    versioned: [BTreeMap<String, Key>; Table::ALL.len()],
    pub(crate) balances: BTreeMap<String, Account>,
    pub(crate) listing_count: bool,
}

impl Keys {
    pub(crate) fn new(keys: &HashSet<Key>) -> Self {
        let mut all = Self::default();
        for key in keys {
            all.add(key);
        }
        all
    }

    fn add(&mut self, key: &Key) {
        let (table, text) = match key {
            Key::Idempotency(key) => {
                self.answers.insert(answer_id(key), key.clone());
                return;
            }
            Key::Nonce(nonce) => {
                self.nonces.insert(nonce_id(nonce), nonce.clone());
                return;
            }
            Key::Balance(account) => {
                self.balances.insert(account_text(account), account.clone());
                return;
            }
            Key::ListingCount => {
                self.listing_count = true;
                return;
            }
            Key::Order(id) => (Table::Orders, id_text(id.uuid())),
            Key::Listing(id) => (Table::Listings, id_text(id.uuid())),
            Key::Agent(did) => (Table::Agents, did.as_str().to_owned()),
            Key::Withdrawal(id) => (Table::Withdrawals, id_text(id.uuid())),
            Key::Deposit(id) => (Table::Deposits, id_text(id.uuid())),
            Key::Dispute(id) => (Table::Disputes, id_text(id.uuid())),
            Key::Juror(did) => (Table::Jurors, did.as_str().to_owned()),
            Key::Reviews(id) => (Table::Reviews, id_text(id.uuid())),
            Key::ApiKey(sha256) => (Table::ApiKeys, api_key_text(sha256)),
            Key::Task(key) => (Table::Tasks, task_text(key)),
            Key::Motion(id) => (Table::Motions, id_text(*id)),
            // No row has such a text, and no statement can ask for it.
            Key::TegTransaction(id) if id.0.contains('\0') => return,
            Key::TegTransaction(id) => (Table::TegRecords, id.0.clone()),
        };
        self.versioned[table as usize].insert(text, key.clone());
    }

    pub(crate) fn of(&self, table: Table) -> &BTreeMap<String, Key> {
        &self.versioned[table as usize]
    }

    /// The keys of a table, sorted.
    pub(crate) fn texts(&self, table: Table) -> Vec<&str> {
        self.of(table).keys().map(String::as_str).collect()
    }
}

/// Over parts, each with its length.
fn digest(parts: [&str; 3]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The key of an answer's row.
pub(crate) fn answer_id(key: &IdempotencyKey) -> [u8; 32] {
    digest([key.caller.as_str(), &key.route, &key.key])
}

/// The key of a nonce's row.
pub(crate) fn nonce_id(nonce: &Nonce) -> [u8; 32] {
    digest([nonce.signer.as_str(), &nonce.value, ""])
}
