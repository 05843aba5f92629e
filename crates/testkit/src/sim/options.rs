//! What a run is asked to do, and what its seed makes of it.

use marketplace_escrow::ExpiryPolicy;
use marketplace_money::{Amount, Seconds};
use marketplace_ports::TransferFee;

use super::rng::Rng;

/// One run of the simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Determines everything.
    pub seed: u64,
    /// Turns of the scheduler before the end begins.
    pub steps: u32,
    /// Prints every line of the trace.
    pub verbose: bool,
}

impl Options {
    /// Turns of a run, unless said otherwise.
    pub const STEPS: u32 = 1_500;

    /// A run of the usual length.
    #[must_use]
    pub const fn seed(seed: u64) -> Self {
        Self { seed, steps: Self::STEPS, verbose: false }
    }
}

/// What kind of world a seed makes. Each seed switches things on and off at random, because bugs
/// often need one fault often, not all faults sometimes.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// Nothing fails, and one replica has room for everybody: then everybody gets an answer.
    pub(crate) calm: bool,
    pub(crate) agents: usize,
    pub(crate) replicas: usize,
    /// Requests under way at the same time.
    pub(crate) crowd: usize,
    /// In a thousand calls.
    pub(crate) store_faults: u32,
    pub(crate) teg_faults: u32,
    pub(crate) web_faults: u32,
    /// In a thousand calls that are let through: so many have to wait for long.
    pub(crate) stalls: u32,
    /// In a thousand turns.
    pub(crate) crashes: u32,
    pub(crate) outages: u32,
    pub(crate) freezes: u32,
    pub(crate) cancels: u32,
    pub(crate) leaps: u32,
    /// All servers stop for minutes or hours.
    pub(crate) downtime: u32,
    /// The machine's clock is set back now and then.
    pub(crate) clock_back: bool,
    /// Messages to the TEG arrive after their sender gave them up.
    pub(crate) late_messages: bool,
    /// This TEG lets us pull.
    pub(crate) pulls: bool,
    pub(crate) teg_fee: TransferFee,
    /// Payments may be shown before they complete.
    pub(crate) announces: bool,
    /// Payments bring dust, in a thousand.
    pub(crate) dust: u32,
    /// How long the TEG remembers a key.
    pub(crate) key_life: Seconds,
    pub(crate) fee_changes: bool,
    pub(crate) expiry: ExpiryPolicy,
    pub(crate) batch_limit: usize,
    pub(crate) queue_limit: usize,
    pub(crate) max_listings: i64,
    /// Agents say which attempt is which, in a thousand.
    pub(crate) keyed: u32,
    /// What may wait on a seller.
    pub(crate) exposure_base: Option<Amount>,
}

impl Profile {
    pub(crate) fn of(rng: &mut Rng) -> Self {
        let often = |rng: &mut Rng, of_ten: u64, rate: u32| {
            if rng.below(10) < of_ten { rate } else { 0 }
        };
        let calm = rng.chance(100);
        let fault = |rng: &mut Rng, rates: &[u32]| {
            let rate = rng.pick(rates).copied().unwrap_or(0);
            if calm { 0 } else { rate }
        };
        Self {
            calm,
            agents: 3 + rng.index(5),
            replicas: if rng.chance(400) && !calm { 2 } else { 1 },
            crowd: 1 + rng.index(10),
            store_faults: fault(rng, &[0, 10, 40, 100]),
            teg_faults: fault(rng, &[0, 50, 150, 400]),
            web_faults: fault(rng, &[0, 100, 400]),
            crashes: fault(rng, &[0, 3, 8, 20]),
            stalls: fault(rng, &[0, 0, 10, 30]),
            freezes: fault(rng, &[0, 0, 3]),
            outages: fault(rng, &[0, 0, 2]),
            cancels: fault(rng, &[0, 5, 15]),
            leaps: often(rng, 7, 15),
            downtime: fault(rng, &[0, 0, 2, 4]),
            clock_back: !calm && rng.chance(200),
            late_messages: !calm && rng.chance(400),
            pulls: rng.chance(850),
            teg_fee: fees(rng),
            announces: rng.chance(400),
            dust: *rng.pick(&[0, 300, 1_000]).unwrap_or(&0),
            key_life: Seconds(*rng.pick(&[82_800, 82_800, 900]).unwrap_or(&82_800)),
            fee_changes: rng.chance(150),
            expiry: if rng.chance(150) {
                ExpiryPolicy::Release
            } else {
                ExpiryPolicy::DeliveryGated
            },
            batch_limit: *rng.pick(&[1, 2, 4, 256]).unwrap_or(&256),
            queue_limit: if calm { 64 } else { *rng.pick(&[4, 64, 64, 4_096]).unwrap_or(&64) },
            max_listings: *rng.pick(&[3, 12, 1_000, 1_000]).unwrap_or(&1_000),
            keyed: *rng.pick(&[300, 700, 1_000]).unwrap_or(&700),
            exposure_base: rng.chance(300).then_some(Amount::from_avt(50)),
        }
    }
}

/// Nothing, something small, a flat AVT, or a share with bounds.
fn fees(rng: &mut Rng) -> TransferFee {
    match rng.below(10) {
        0..=5 => TransferFee::default(),
        6..=7 => TransferFee::flat(Amount::from_nano(rng.within(1, 50_000_000))),
        8 => TransferFee::flat(Amount::from_avt(1)),
        _ => TransferFee {
            flat: Amount::ZERO,
            millionths: *rng.pick(&[1_000, 5_000, 13_333]).unwrap_or(&1_000),
            least: Amount::from_nano(rng.within(0, 2_000_000)),
            most: Some(Amount::from_avt(10)),
        },
    }
}
