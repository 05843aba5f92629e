//! Journal entries.

use std::fmt;
use std::str::FromStr;

use marketplace_money::{Amount, EntryId};

use crate::Account;

/// One line of an entry: `delta` is added to the account's balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Whose balance moves.
    pub account: Account,
    /// Never zero.
    pub delta: Amount,
}

/// What an entry is for; written with each posting, so that a statement explains itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// Tokens arrived at the TEG.
    Deposit,
    /// Tokens leave for the TEG: from the agent into flight.
    Withdrawal,
    /// The TEG confirmed a withdrawal.
    WithdrawalSettled,
    /// The TEG refused a withdrawal: back to the agent.
    WithdrawalReturned,
    /// The operator's own tokens at the TEG, booked as capital.
    Capital,
    /// From agent to agent inside the marketplace.
    Transfer,
    /// Between an agent and our capital, by the operators.
    Adjustment,
    /// The fee for a listing.
    ListingFee,
    /// A buyer's payment into escrow.
    EscrowFunded,
    /// Escrow to the seller, fee to us.
    EscrowReleased,
    /// Escrow back to the buyer.
    EscrowRefunded,
    /// Escrow shared between the parties.
    EscrowSplit,
    /// Locked against a negative reputation, or returned.
    Collateral,
    /// A bond or fee of a dispute, from the party that posts it.
    DisputeBond,
    /// The end of a dispute: bonds and fee to whom they are due, jurors' pay and penalties.
    DisputeClosed,
    /// A juror's stake, locked or returned.
    JurorStake,
}

impl EntryKind {
    /// All kinds, with their stable names.
    pub const NAMES: [(Self, &'static str); 16] = [
        (Self::Deposit, "deposit"),
        (Self::Withdrawal, "withdrawal"),
        (Self::WithdrawalSettled, "withdrawal_settled"),
        (Self::WithdrawalReturned, "withdrawal_returned"),
        (Self::Capital, "capital"),
        (Self::Transfer, "transfer"),
        (Self::Adjustment, "adjustment"),
        (Self::ListingFee, "listing_fee"),
        (Self::EscrowFunded, "escrow_funded"),
        (Self::EscrowReleased, "escrow_released"),
        (Self::EscrowRefunded, "escrow_refunded"),
        (Self::EscrowSplit, "escrow_split"),
        (Self::Collateral, "collateral"),
        (Self::DisputeBond, "dispute_bond"),
        (Self::DisputeClosed, "dispute_closed"),
        (Self::JurorStake, "juror_stake"),
    ];

    /// Whether such an entry empties an order's escrow.
    #[must_use]
    pub const fn ends_escrow(self) -> bool {
        matches!(self, Self::EscrowReleased | Self::EscrowRefunded | Self::EscrowSplit)
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for EntryKind {
    type Err = EntryError;

    fn from_str(text: &str) -> Result<Self, EntryError> {
        let found = Self::NAMES.iter().find(|(_, name)| *name == text);
        found.map(|(kind, _)| *kind).ok_or(EntryError::UnknownKind)
    }
}

/// Why postings are not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryError {
    /// The postings do not sum to zero.
    Unbalanced,
    /// A sum does not fit.
    Overflow,
    /// Fewer than two accounts move.
    Empty,
    /// Not the name of a kind.
    UnknownKind,
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unbalanced => "the postings do not sum to zero",
            Self::Overflow => "a sum of postings does not fit into 64 bits",
            Self::Empty => "an entry moves at least two accounts",
            Self::UnknownKind => "no entry kind has this name",
        })
    }
}

impl std::error::Error for EntryError {}

/// Postings that balance, before they have a name: what pure decisions return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryDraft {
    kind: EntryKind,
    reason: String,
    postings: Vec<Posting>,
}

impl EntryDraft {
    /// An entry of `moves`; zero moves are left out, moves of one account are joined.
    ///
    /// # Errors
    /// When the moves do not sum to zero, do not fit, or leave nothing to move.
    pub fn new(
        kind: EntryKind,
        moves: impl IntoIterator<Item = (Account, Amount)>,
    ) -> Result<Self, EntryError> {
        let mut postings: Vec<Posting> = Vec::with_capacity(3);
        for (account, delta) in moves {
            match postings.iter_mut().find(|posting| posting.account == account) {
                Some(posting) => {
                    posting.delta = posting.delta.checked_add(delta).ok_or(EntryError::Overflow)?;
                }
                None => postings.push(Posting { account, delta }),
            }
        }
        postings.retain(|posting| !posting.delta.is_zero());
        let sum = Amount::checked_sum(postings.iter().map(|posting| posting.delta));
        match sum {
            None => Err(EntryError::Overflow),
            Some(sum) if !sum.is_zero() => Err(EntryError::Unbalanced),
            Some(_) if postings.is_empty() => Err(EntryError::Empty),
            Some(_) => Ok(Self { kind, reason: String::new(), postings }),
        }
    }

    /// `amount` from one account to another.
    ///
    /// # Errors
    /// When the amount is zero or has no opposite.
    pub fn transfer(
        kind: EntryKind,
        from: Account,
        to: Account,
        amount: Amount,
    ) -> Result<Self, EntryError> {
        let out = amount.checked_neg().ok_or(EntryError::Overflow)?;
        Self::new(kind, [(from, out), (to, amount)])
    }

    /// Adds the reason that statements show; an agent's words are inert text.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Names the entry.
    #[must_use]
    pub fn named(self, id: EntryId) -> Entry {
        Entry { id, draft: self }
    }

    /// What the entry is for.
    #[must_use]
    pub const fn kind(&self) -> EntryKind {
        self.kind
    }

    /// At least two, no zero, no account twice, sum zero.
    #[must_use]
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }
}

/// A named entry: balanced by construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub id: EntryId,
    draft: EntryDraft,
}

impl Entry {
    /// What the entry is for.
    #[must_use]
    pub const fn kind(&self) -> EntryKind {
        self.draft.kind
    }

    /// The reason that statements show; may be empty.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.draft.reason
    }

    /// At least two, no zero, no account twice, sum zero.
    #[must_use]
    pub fn postings(&self) -> &[Posting] {
        &self.draft.postings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marketplace_money::Did;
    use proptest::prelude::*;

    fn agent(name: &str) -> Account {
        Account::Agent(name.parse::<Did>().unwrap())
    }

    #[test]
    fn kinds_round_trip() {
        for (kind, name) in EntryKind::NAMES {
            assert_eq!(kind.to_string(), name);
            assert_eq!(name.parse(), Ok(kind));
        }
    }

    #[test]
    fn what_does_not_balance_does_not_exist() {
        let draft = |moves: Vec<(Account, i64)>| {
            let moves = moves.into_iter().map(|(a, nano)| (a, Amount::from_nano(nano)));
            EntryDraft::new(EntryKind::Transfer, moves).map(|draft| draft.postings.len())
        };
        assert_eq!(draft(vec![(agent("did:a"), -5), (agent("did:b"), 5)]), Ok(2));
        assert_eq!(
            draft(vec![(agent("did:a"), -5), (agent("did:b"), 4)]),
            Err(EntryError::Unbalanced)
        );
        assert_eq!(draft(vec![(agent("did:a"), -5), (agent("did:a"), 5)]), Err(EntryError::Empty));
        assert_eq!(draft(vec![(agent("did:a"), 0), (agent("did:b"), 0)]), Err(EntryError::Empty));
        assert_eq!(
            draft(vec![(agent("did:a"), i64::MIN), (agent("did:a"), -1), (agent("did:b"), 1)]),
            Err(EntryError::Overflow)
        );
        let same = EntryDraft::transfer(
            EntryKind::Transfer,
            agent("did:a"),
            agent("did:a"),
            Amount::from_avt(1),
        );
        assert_eq!(same, Err(EntryError::Empty));
    }

    proptest! {
        #[test]
        fn an_entry_sums_to_zero(moves in proptest::collection::vec((0u8..4, any::<i64>()), 0..8)) {
            let moves = moves.into_iter().map(|(name, nano)| (agent(&format!("did:a{name}")), Amount::from_nano(nano)));
            if let Ok(draft) = EntryDraft::new(EntryKind::Transfer, moves) {
                let sum = Amount::checked_sum(draft.postings().iter().map(|posting| posting.delta));
                prop_assert_eq!(sum, Some(Amount::ZERO));
                prop_assert!(draft.postings().len() >= 2);
            }
        }
    }
}
