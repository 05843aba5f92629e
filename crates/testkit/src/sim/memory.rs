//! What one life of a replica remembers of its loads, and never anything newer: the worst that a
//! store may give for [`marketplace_ports::Store::recall`].

use std::collections::HashSet;

use marketplace_ledger::Account;
use marketplace_money::{Gaps, Timestamp};
use marketplace_ports::{Key, Snapshot, View};

/// Rows as the last load of each saw them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(View);

impl Memory {
    pub(crate) fn read(&mut self, view: &View) {
        self.0.orders.extend(view.orders.clone());
        self.0.listings.extend(view.listings.clone());
        self.0.balances.extend(view.balances.clone());
        self.0.exposures.extend(view.exposures.clone());
    }

    pub(crate) fn recall(&self, keys: &HashSet<Key>, now: Timestamp, gaps: Gaps) -> Option<View> {
        // No state of the store has this name.
        let mut view = View { now, gaps, snapshot: Snapshot(u64::MAX), ..View::default() };
        for key in keys {
            match key {
                Key::Idempotency(_) | Key::Nonce(_) => {}
                Key::Order(id) => {
                    view.orders.insert(*id, self.0.orders.get(id)?.clone());
                }
                Key::Listing(id) => {
                    view.listings.insert(*id, self.0.listings.get(id)?.clone());
                }
                Key::Balance(account) => {
                    view.balances.insert(account.clone(), *self.0.balances.get(account)?);
                    if let Account::Agent(did) = account {
                        let open = self.0.exposures.get(did).copied().unwrap_or_default();
                        view.exposures.insert(did.clone(), open);
                    }
                }
                _ => return None,
            }
        }
        Some(view)
    }
}
