//! Where the fake TEG's tokens are: every balance is explained by the movements.

use std::collections::BTreeMap;

use marketplace_money::{Amount, Did};

/// A place where tokens are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purse {
    /// Where tokens come from: minus all that exist.
    Issuer,
    /// Where transfer fees go.
    Treasury,
    Available(Did),
    Staked(Did),
}

/// Tokens that went from one purse to another.
#[derive(Clone, Debug)]
struct Movement {
    from: Purse,
    to: Purse,
    nano: i128,
}

#[derive(Debug, Default)]
pub(crate) struct Purses {
    balances: BTreeMap<Purse, i128>,
    movements: Vec<Movement>,
}

impl Purses {
    /// The caller has checked the funds.
    pub(crate) fn move_tokens(&mut self, from: Purse, to: Purse, amount: Amount) {
        if amount.is_zero() {
            return;
        }
        let nano = i128::from(amount.nano());
        *self.balances.entry(from.clone()).or_default() -= nano;
        *self.balances.entry(to.clone()).or_default() += nano;
        self.movements.push(Movement { from, to, nano });
    }

    pub(crate) fn held(&self, purse: &Purse) -> Amount {
        amount(self.balances.get(purse).copied().unwrap_or_default())
    }

    /// All tokens outside the issuer.
    pub(crate) fn total(&self) -> Amount {
        let outside = self.balances.iter().filter(|(purse, _)| **purse != Purse::Issuer);
        amount(outside.map(|(_, nano)| nano).sum())
    }

    /// What is wrong, in words; empty when all is well.
    pub(crate) fn breaches(&self) -> Vec<String> {
        let mut explained: BTreeMap<Purse, i128> = BTreeMap::new();
        for movement in &self.movements {
            *explained.entry(movement.from.clone()).or_default() -= movement.nano;
            *explained.entry(movement.to.clone()).or_default() += movement.nano;
        }
        let mut breaches = Vec::new();
        if explained != self.balances {
            breaches.push("balances differ from the movements".to_owned());
        }
        let sum: i128 = self.balances.values().sum();
        if sum != 0 {
            breaches.push(format!("all purses sum to {sum}, not to zero"));
        }
        for (purse, nano) in &self.balances {
            if *nano < 0 && *purse != Purse::Issuer {
                breaches.push(format!("{purse:?} is below zero"));
            }
        }
        breaches
    }
}

/// Tests do not issue more than an amount can hold.
fn amount(nano: i128) -> Amount {
    Amount::from_nano(i64::try_from(nano).unwrap_or(i64::MAX))
}
