//! The trade as commands in JSON, for bindings that have no route for each: A2A and MCP.
//!
//! A command is read first, so that a binding knows what it is about, and performed then, on a
//! handle of the marketplace that the binding has prepared.

mod dispute;
mod outcome;
mod perform;
mod read;

use marketplace_engine::{Amend, DeliveryRequest, DisputeRequest, EvidenceRequest, Refusal};
use marketplace_escrow::Command as OrderCommand;
use marketplace_listings::Offer;
use marketplace_money::{DisputeId, ListingId, OrderId};

pub use outcome::Outcome;
pub use perform::{Attempt, Trader};

use crate::{PurchaseInput, SearchInput};

/// What a caller wants.
#[derive(Debug)]
pub enum Command {
    /// Finds services; anybody may.
    Search(Box<SearchInput>),
    /// One listing; anybody may.
    ShowListing(ListingId),
    /// What a listing costs the caller now.
    Quote(ListingId),
    /// Puts up a service.
    List(Box<Offer>),
    /// Buys.
    Purchase(Box<PurchaseInput>),
    /// The seller hands over.
    Deliver(OrderId, Box<DeliveryRequest>),
    /// The original's `order_complete`: the seller hands over, the buyer accepts.
    Complete(OrderId, Box<DeliveryRequest>),
    /// A party acts on its order in any other way.
    Change(OrderId, OrderCommand),
    /// One order.
    ShowOrder(OrderId),
    /// What the caller has.
    Wallet,
    /// A party disputes its order, with a first piece of evidence where it sent one.
    OpenDispute(Box<DisputeRequest>, Option<Box<EvidenceRequest>>),
    /// A party acts on a dispute.
    ActOnDispute(Which, Box<Step>),
    /// One dispute.
    ShowDispute(Which),
}

/// Which dispute.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// By its own name.
    Named(DisputeId),
    /// The newest of an order.
    Of(OrderId),
}

/// What a party does in a dispute.
#[derive(Clone, Debug)]
pub enum Step {
    /// Anything of the dispute machine's table.
    Act(marketplace_disputes::Command),
    /// It hands in evidence.
    Evidence(EvidenceRequest),
}

impl Command {
    /// The order that it is about, if that stands already.
    #[must_use]
    pub fn order(&self) -> Option<OrderId> {
        match self {
            Self::Deliver(order, _)
            | Self::Complete(order, _)
            | Self::Change(order, _)
            | Self::ShowOrder(order)
            | Self::ActOnDispute(Which::Of(order), _)
            | Self::ShowDispute(Which::Of(order)) => Some(*order),
            Self::OpenDispute(request, _) => Some(request.order),
            _ => None,
        }
    }

    /// Whether anybody may, without a name.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        matches!(self, Self::Search(_) | Self::ShowListing(_))
    }

    /// Whether it changes nothing.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        matches!(
            self,
            Self::Search(_)
                | Self::ShowListing(_)
                | Self::Quote(_)
                | Self::ShowOrder(_)
                | Self::ShowDispute(_)
                | Self::Wallet
        )
    }

    /// Whether it makes an order.
    #[must_use]
    pub const fn makes_order(&self) -> bool {
        matches!(self, Self::Purchase(_))
    }
}

/// A field that cannot be read.
fn invalid(field: &'static str, problem: impl Into<String>) -> Refusal {
    crate::refusal::invalid(field, problem)
}

/// What a binding keeps of the order's task, in the commit of the command.
pub type Note = Amend;
