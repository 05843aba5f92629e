//! Machine and money table as text: what `cargo xtask state-machine` prints and crates/README.md
//! shows.

use std::fmt::Write as _;

use crate::Phase;
use crate::money_table::{APPEALS, BONDS, Line, Pot, Take};
use crate::table::{Money, TRANSITIONS, Transition};

/// The machine as a Mermaid state diagram.
#[must_use]
pub fn diagram() -> String {
    let mut text = String::from(
        "stateDiagram-v2\n    [*] --> AWAITING_RESPONSE: open (either party), D and f from the disputer\n",
    );
    // What can happen in all eight open phases would hide the way that most cases go.
    let anywhere = |row: &&Transition| row.from.len() > 7;
    for row in TRANSITIONS.iter().filter(|row| !anywhere(row)) {
        for from in row.from {
            for to in row.targets(*from) {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "    {from} --> {to}: {}", row.label(to));
            }
        }
    }
    for row in TRANSITIONS.iter().filter(anywhere) {
        for to in row.to {
            let _ = writeln!(text, "    OPEN --> {to}: {}", row.label(*to));
        }
        if row.to.is_empty() {
            let _ = writeln!(text, "    OPEN --> OPEN: {}", row.label(Phase::AwaitingResponse));
        }
    }
    for (phase, _) in Phase::NAMES {
        if phase.is_terminal() {
            let _ = writeln!(text, "    {phase} --> [*]");
        }
    }
    text.push_str("    note right of OPEN: every phase but the last four\n");
    text
}

/// The money table as Markdown.
#[must_use]
pub fn money_table() -> String {
    let mut text = String::from("| outcome | each line takes what is left |\n|---|---|\n");
    for (outcome, lines) in BONDS {
        let _ = writeln!(text, "| {outcome} | {} |", waterfall(lines));
    }
    for (outcome, lines) in APPEALS {
        let _ = writeln!(text, "| {outcome} | {} |", waterfall(lines));
    }
    text
}

fn waterfall(lines: &[Line]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut before: Option<Pot> = None;
    for line in lines {
        let payment = match line.take {
            Take::Rest if before == Some(line.pot) => format!("the rest → {}", line.to),
            Take::Rest => format!("→ {}", line.to),
            take => format!("{take} → {}", line.to),
        };
        if before == Some(line.pot) {
            if let Some(part) = parts.last_mut() {
                let _ = write!(part, ", {payment}");
            }
        } else {
            let colon = if line.take == Take::Rest { " " } else { ": " };
            parts.push(format!("{}{colon}{payment}", line.pot));
        }
        before = Some(line.pot);
    }
    parts.join("; ")
}

impl Transition {
    /// The phases that this row can lead to from `from`.
    #[must_use]
    pub fn targets(&self, from: Phase) -> Vec<Phase> {
        if self.to.is_empty() { vec![from] } else { self.to.to_vec() }
    }

    // Without colons: Mermaid takes a second colon of a line for a mistake.
    fn label(&self, to: Phase) -> String {
        let money = match self.money {
            Money::CounterBond => ", R from the respondent",
            Money::AppealBond => ", A from the appellant",
            Money::Payout if to.is_terminal() => ", paid out",
            Money::Payout | Money::None => "",
        };
        format!("{} ({}){money}", self.verb, self.actor)
    }
}
