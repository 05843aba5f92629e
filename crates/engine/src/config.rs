//! What the operator decides.

use marketplace_disputes::Policy;
use marketplace_escrow::ExpiryPolicy;
use marketplace_fees::FeeSchedule;
use marketplace_money::{Amount, Did, Seconds};
use marketplace_ports::HouseRules;
use marketplace_search::Blend;

use crate::escrow_limit::EscrowLimit;
use crate::published::PUBLISH_EVERY;

/// Those who run the marketplace, and how many of them must agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorSet {
    /// Who.
    pub keys: Vec<Did>,
    /// How many; from 1.
    pub needed: usize,
}

impl OperatorSet {
    /// Whether this is one of them.
    #[must_use]
    pub fn includes(&self, did: &Did) -> bool {
        self.keys.contains(did)
    }
}

/// The economics and limits of a deployment.
#[derive(Clone, Debug)]
pub struct Config {
    /// Ourselves.
    pub did: Did,
    /// Who may do what no party may.
    pub operators: OperatorSet,
    /// What disputes cost, and how long they take.
    pub disputes: Policy,
    /// What we charge, until operators agree on something else.
    pub fees: FeeSchedule,
    /// What happens when nothing is delivered.
    pub expiry: ExpiryPolicy,
    /// Active and paused listings.
    pub max_listings: i64,
    /// What we stake at the TEG.
    pub stake: Amount,
    /// How much of it may be in escrow.
    pub escrow: EscrowLimit,
    /// What lets an agent of negative reputation list.
    pub collateral: Amount,
    /// So much may be open with a seller that has neither stake nor trusted buyers; nothing: there
    /// is no limit.
    pub exposure_base: Option<Amount>,
    /// Orders of one buyer that wait for a transfer.
    pub max_unfunded_orders: u32,
    /// So long the TEG remembers an Idempotency-Key: after that a transfer of which nobody knows
    /// what became of it is not sent again.
    pub transfer_key_life: Seconds,
    /// Between statements of what we owe.
    pub publish_reserves: Seconds,
    /// How searches rank.
    pub blend: Blend,
    /// Commands in one commit.
    pub batch_limit: usize,
    /// Commits on their way at the same time; one for a store with one writer.
    pub batches_in_flight: usize,
    /// Commands that wait; more are told to come back.
    pub queue_limit: usize,
}

impl Config {
    /// What operators can change beside the fees, as it is configured.
    #[must_use]
    pub const fn house_rules(&self) -> HouseRules {
        HouseRules {
            exposure_base: self.exposure_base,
            collateral: self.collateral,
            dispute_bond: self.disputes.bond,
        }
    }

    /// The original's economics.
    #[must_use]
    pub const fn original(did: Did) -> Self {
        Self {
            did,
            operators: OperatorSet { keys: Vec::new(), needed: 1 },
            disputes: Policy::ORIGINAL,
            fees: FeeSchedule::ORIGINAL,
            expiry: ExpiryPolicy::DeliveryGated,
            max_listings: 10_000,
            stake: Amount::from_avt(1_000),
            escrow: EscrowLimit::ORIGINAL,
            collateral: Amount::from_avt(100),
            exposure_base: Some(marketplace_reputation::EXPOSURE_BASE),
            max_unfunded_orders: 20,
            transfer_key_life: Seconds::from_hours(23),
            publish_reserves: PUBLISH_EVERY,
            blend: Blend::DEFAULT,
            batch_limit: 256,
            batches_in_flight: 1,
            queue_limit: 4_096,
        }
    }
}
