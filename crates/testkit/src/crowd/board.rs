//! What the agents of one run know of each other: who sells what, and who has what to do.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sim::Rng;

/// An order between two of our agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) buyer: usize,
    pub(super) seller: usize,
    /// Delivery is acceptance.
    pub(super) automatic: bool,
    /// The buyer wanted changes once.
    pub(super) revised: bool,
}

/// What an agent has to do next, because another did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// The seller has an order.
    Serve(Order),
    /// The buyer has a delivery.
    Review(Order),
    /// The seller is told of a dispute, by its id.
    Answer(Order, String),
    /// The buyer has an offer in a dispute.
    Settle(String),
}

/// Shared by all agents.
#[derive(Default)]
pub(super) struct Board(Mutex<State>);

#[derive(Default)]
struct State {
    sellers: HashMap<String, usize>,
    listings: Vec<String>,
    jobs: HashMap<usize, VecDeque<Job>>,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn list(&self, listing: String, seller: usize) {
        let mut state = self.state();
        state.sellers.insert(listing.clone(), seller);
        state.listings.push(listing);
    }

    pub(super) fn delist(&self, listing: &str) {
        let mut state = self.state();
        state.sellers.remove(listing);
        state.listings.retain(|other| other != listing);
    }

    /// Who sells a listing, if it is one of ours.
    pub(super) fn seller(&self, listing: &str) -> Option<usize> {
        self.state().sellers.get(listing).copied()
    }

    /// Any listing, with its seller.
    pub(super) fn any(&self, rng: &mut Rng) -> Option<(String, usize)> {
        let state = self.state();
        let listing = rng.pick(&state.listings)?;
        Some((listing.clone(), *state.sellers.get(listing)?))
    }

    pub(super) fn give(&self, agent: usize, job: Job) {
        self.state().jobs.entry(agent).or_default().push_back(job);
    }

    /// The oldest.
    pub(super) fn take(&self, agent: usize) -> Option<Job> {
        self.state().jobs.get_mut(&agent)?.pop_front()
    }

    /// Of all agents.
    pub(super) fn open_jobs(&self) -> usize {
        self.state().jobs.values().map(VecDeque::len).sum()
    }
}
