//! The order machine as a picture.

use std::fmt::Write as _;

use crate::{Money, Phase, TRANSITIONS, Transition};

/// The machine as a Mermaid state diagram: what `cargo xtask state-machine` prints and
/// crates/README.md shows.
#[must_use]
pub fn diagram() -> String {
    let mut text = String::from(
        "stateDiagram-v2\n    [*] --> AWAITING_START: purchase (buyer), buyer pays T into escrow\n    [*] --> AWAITING_FUNDS: purchase by transfer (buyer)\n",
    );
    for row in TRANSITIONS {
        for from in row.from {
            for to in row.targets(*from) {
                // Writing to a string cannot fail.
                let _ = writeln!(
                    text,
                    "    {from} --> {to}: {} ({}){}",
                    row.verb,
                    row.actor,
                    row.label(*from, to)
                );
            }
        }
    }
    for (phase, _) in Phase::NAMES {
        if phase.is_terminal() {
            let _ = writeln!(text, "    {phase} --> [*]");
        }
    }
    text
}

impl Transition {
    // Without colons: Mermaid takes a second colon of a line for a mistake.
    fn label(&self, from: Phase, to: Phase) -> &'static str {
        match (self.money, to) {
            (Money::None, _) => "",
            (Money::Fund, _) => ", buyer pays T into escrow",
            (Money::ByAcceptancePolicy, Phase::Accepted)
            | (Money::ByExpiryPolicy, Phase::AutoReleased)
            | (Money::Release, _) => ", P to seller and F to fees",
            (Money::ByAcceptancePolicy, _) if from == to => ", announced and to be fetched",
            (Money::ByAcceptancePolicy, _) => "",
            (Money::ByExpiryPolicy, _) | (Money::Refund, _) => ", T back to buyer",
            (Money::Split, _) => ", by share",
            (Money::ByDelivery, _) => ", refund or half and half",
        }
    }
}
