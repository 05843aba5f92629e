//! Small conversions that all rows share.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use marketplace_ledger::Account;
use marketplace_money::Did;
use marketplace_ports::Subject;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::RowError;

/// An id as it is stored: lower case with hyphens.
#[must_use]
pub fn id_text(id: Uuid) -> String {
    id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
}

/// A kind and an id, joined as in every name of ours.
fn named(kind: &str, id: Uuid) -> String {
    let mut text = String::with_capacity(kind.len() + 37);
    text.push_str(kind);
    text.push(':');
    text.push_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    text
}

fn of_agent(kind: &str, did: &Did) -> String {
    [kind, did.as_str()].join(":")
}

/// The name of an account, as it displays itself, made in one piece: every line of the journal
/// has one.
#[must_use]
pub fn account_text(account: &Account) -> String {
    match account {
        Account::Agent(did) => of_agent("agent", did),
        Account::Order(id) => named("order", id.uuid()),
        Account::Dispute(id) => named("dispute", id.uuid()),
        Account::Juror(did) => of_agent("juror", did),
        Account::Collateral(did) => of_agent("collateral", did),
        Account::Withdrawal(id) => named("withdrawal", id.uuid()),
        other => other.to_string(),
    }
}

/// A short key of a name, for indexes: the first eight bytes of its SHA-256. Two names may have the
/// same one, so whoever finds a row by it compares the name too.
#[must_use]
pub fn party_key(name: &str) -> i64 {
    let hash: [u8; 32] = Sha256::digest(name).into();
    let [a, b, c, d, e, f, g, h, ..] = hash;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The name of a subject, as it displays itself, made in one piece.
#[must_use]
pub fn subject_text(subject: Subject) -> String {
    match subject {
        Subject::Order(id) => named("order", id.uuid()),
        Subject::Listing(id) => named("listing", id.uuid()),
        Subject::Withdrawal(id) => named("withdrawal", id.uuid()),
        Subject::Deposit(id) => named("deposit", id.uuid()),
        Subject::Dispute(id) => named("dispute", id.uuid()),
        Subject::Command(id) => named("command", id.uuid()),
    }
}

/// A version, a position or a count as a column. None of them gets anywhere near 2^63.
#[must_use]
pub fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A column as a version, a position or a count; a negative one, which we never write, as 0.
#[must_use]
pub fn from_count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A hash from its column.
///
/// # Errors
/// When it has another length.
pub fn bytes32(table: &'static str, id: &str, bytes: &[u8]) -> Result<[u8; 32], RowError> {
    bytes.try_into().map_err(|_| RowError::new(table, id, "a hash has 32 bytes"))
}

/// An id from its column.
///
/// # Errors
/// When it is none.
pub fn id_of(table: &'static str, text: &str) -> Result<Uuid, RowError> {
    text.parse().map_err(|error| RowError::new(table, text, error))
}

/// The agent of an account's name.
///
/// # Errors
/// When it is no agent's.
pub fn agent_of(table: &'static str, account: &str) -> Result<Did, RowError> {
    let name = account.strip_prefix("agent:");
    let name = name.ok_or_else(|| RowError::new(table, account, "is no agent's account"))?;
    name.parse().map_err(|error| RowError::new(table, account, error))
}

/// What is read from one row: every failure names the row.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) table: &'static str,
    pub(crate) id: &'a str,
}

impl Reader<'_> {
    pub(crate) fn error(self, problem: impl fmt::Display) -> RowError {
        RowError::new(self.table, self.id, problem)
    }

    /// Ids, names of agents and values of enums.
    pub(crate) fn text<T: FromStr>(self, text: &str) -> Result<T, RowError>
    where
        T::Err: fmt::Display,
    {
        text.parse().map_err(|error| self.error(format_args!("{text:?} {error}")))
    }

    pub(crate) fn small<T: TryFrom<i64>>(self, value: i64) -> Result<T, RowError> {
        T::try_from(value).map_err(|_| self.error(format_args!("{value} is out of range")))
    }

    pub(crate) fn json<'de, T: serde::Deserialize<'de>>(
        self,
        text: &'de str,
    ) -> Result<T, RowError> {
        serde_json::from_str(text).map_err(|error| self.error(error))
    }
}

/// The same text for the life of the program. Names of timers and of facts are constants of our
/// code: the set has a handful of members and never grows beyond what some version of us has
/// written.
pub(crate) fn lasting(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let name: &'static str = Box::leak(name.into());
    names.insert(name);
    name
}

/// JSON of one of our own mirrors: texts, integers, lists and maps with text keys always have it.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// The bytes of twice as many hexadecimal digits.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (char::from(pair[0]).to_digit(16)?, char::from(pair[1]).to_digit(16)?);
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use marketplace_ledger::FeeKind;
    use marketplace_money::{CommandId, DepositId, DisputeId, ListingId, OrderId, WithdrawalId};

    use super::*;

    #[test]
    fn names_are_what_displays() {
        let id = Uuid::from_u128(0x0197_f3a2_7c1e_7aaa_8b1b_0242_ac12_0002);
        let did: Did = "did:key:z6Mk".parse().unwrap();
        for account in [
            Account::Agent(did.clone()),
            Account::Order(OrderId::new(id)),
            Account::Dispute(DisputeId::new(id)),
            Account::Juror(did.clone()),
            Account::Collateral(did),
            Account::Withdrawal(WithdrawalId::new(id)),
            Account::Fees(FeeKind::Listing),
            Account::Insurance,
            Account::Teg,
        ] {
            assert_eq!(account_text(&account), account.to_string());
        }
        for subject in [
            Subject::Order(OrderId::new(id)),
            Subject::Listing(ListingId::new(id)),
            Subject::Withdrawal(WithdrawalId::new(id)),
            Subject::Deposit(DepositId::new(id)),
            Subject::Dispute(DisputeId::new(id)),
            Subject::Command(CommandId::new(id)),
        ] {
            assert_eq!(subject_text(subject), subject.to_string());
        }
    }

    #[test]
    fn hexadecimal_round_trips() {
        let mut bytes = [0; 32];
        for (byte, value) in bytes.iter_mut().zip(0_u8..=255) {
            *byte = value.wrapping_mul(37);
        }
        assert_eq!(from_hex(&hex(&bytes)), Some(bytes));
        let short = "0".repeat(63);
        let wrong = format!("{short}g");
        for text in ["", &short, &wrong, &format!("{short}00"), &"é".repeat(32)] {
            assert_eq!(from_hex::<32>(text), None, "{text}");
        }
    }
}
