//! The whole matrix of phase, role and verb against the table of DESIGN section 4, written again by
//! hand: this table and the one in the crate must agree.

use std::collections::BTreeSet;

use marketplace_escrow::{
    Actor, OrderRefusal, OrderStatus, Phase, TRANSITIONS, TimerKind, Transition, Verb, diagram,
};

use crate::common::{DEAL, Play, ROLES, parse};

const PHASES: [(&str, Phase); 6] = [
    ("funds", Phase::AwaitingFunds),
    ("start", Phase::AwaitingStart),
    ("work", Phase::InProgress),
    ("deliv", Phase::Delivered),
    ("chang", Phase::ChangesRequested),
    ("disp", Phase::Disputed),
];

/// Where a party that may do the verb at all may do it now (`x`) and where not (`.`). A pair that
/// is not here is refused as `wrong_role` in every phase; a terminal phase takes nothing.
const TABLE: &str = "
                                funds start work  deliv chang disp
    ledger fund                   x     .     .     .     .     .
    timer lapse-payment           x     .     .     .     .     .
    buyer cancel                  x     x     .     .     .     .
    seller start                  .     x     .     .     .     .
    seller decline                .     x     x     x     x     x
    seller deliver                .     x     x     .     x     .
    buyer accept                  .     x     x     x     x     x
    buyer request-changes         .     .     .     x     .     .
    timer lapse-redelivery        .     .     .     .     x     .
    buyer claim-non-delivery      .     x     x     .     .     .
    buyer offer-split 2           .     x     x     x     x     .
    seller offer-split 2          .     x     x     x     x     .
    buyer accept-split            .     x     x     x     x     .
    seller accept-split           .     x     x     x     x     .
    timer lapse-review            .     .     .     x     .     .
    timer expire                  .     x     x     .     .     .
    buyer dispute                 .     x     x     x     x     .
    seller dispute                .     .     .     x     x     .
    arbitration rule 2            .     .     .     .     .     x
    arbitration resume            .     .     .     .     .     x
    arbitration settle-dispute 2  .     .     .     .     .     x
    arbitration abort-dispute     .     .     .     .     .     x
    operators intervene 2         .     x     x     x     x     .
    operators extend 60           .     x     x     x     x     .
";

/// Well-formed words for each verb, whoever says them.
const STEPS: [&str; 21] = [
    "fund",
    "lapse-payment",
    "cancel",
    "start",
    "decline",
    "deliver",
    "accept",
    "request-changes",
    "lapse-redelivery",
    "claim-non-delivery",
    "offer-split 2",
    "accept-split",
    "lapse-review",
    "expire",
    "dispute",
    "rule 2",
    "resume",
    "settle-dispute 2",
    "abort-dispute",
    "intervene 2",
    "extend 60",
];

/// Scripts that lead to each terminal phase.
const ENDS: [(Phase, &str); 9] = [
    (Phase::Accepted, "ledger fund | seller deliver | buyer accept"),
    (Phase::AutoReleased, "ledger fund | seller deliver | +24h | timer lapse-review"),
    (Phase::Ruled, "ledger fund | buyer dispute | arbitration rule 1"),
    (Phase::Settled, "ledger fund | buyer offer-split 1 | seller accept-split"),
    (Phase::Declined, "ledger fund | seller decline"),
    (Phase::Cancelled, "ledger fund | buyer cancel"),
    (Phase::NonDelivery, "ledger fund | +24h | timer expire"),
    (Phase::Unpaid, "+1h | timer lapse-payment"),
    (Phase::Aborted, "ledger fund | buyer dispute | arbitration abort-dispute"),
];

fn reach(phase: Phase) -> &'static str {
    match phase {
        Phase::AwaitingFunds => "",
        Phase::AwaitingStart => "ledger fund",
        Phase::InProgress => "ledger fund | seller start",
        Phase::Delivered => "ledger fund | seller deliver",
        Phase::ChangesRequested => "ledger fund | seller deliver | buyer request-changes",
        Phase::Disputed => "ledger fund | seller deliver | buyer dispute",
        end => ENDS.into_iter().find(|(phase, _)| *phase == end).unwrap().1,
    }
}

/// An order in this phase with everything else as the step needs it: the other side's offer, the
/// right time, revisions left.
fn ready(phase: Phase, step: &str) -> Play {
    let mut play = Play::placed(crate::common::Deal { revisions: 2, ..DEAL });
    play.run(reach(phase));
    assert_eq!(play.order.phase(), phase);
    let split =
        TRANSITIONS.iter().any(|row| row.verb == Verb::OfferSplit && row.from.contains(&phase));
    match step {
        "buyer accept-split" if split => play.run("seller offer-split 2"),
        "seller accept-split" if split => play.run("buyer offer-split 2"),
        "buyer claim-non-delivery" => play.run("+10h"),
        step if step.contains("lapse") || step.contains("expire") => play.run("+24h"),
        _ => {}
    }
    play
}

fn check(phase: Phase, step: &str, expect: &str) {
    let verb = parse(step).1.verb();
    let got = match ready(phase, step).refused(step) {
        None => "ok",
        Some(refusal) if refusal == OrderRefusal::WrongPhase { verb, phase } => "wrong_phase",
        Some(refusal) if refusal == OrderRefusal::WrongRole { verb } => "wrong_role",
        Some(refusal) => panic!("{step} in {phase}: {refusal:?}"),
    };
    assert_eq!(got, expect, "{step} in {phase}");
}

fn table() -> Vec<(&'static str, Vec<&'static str>)> {
    let lines = TABLE.lines().filter(|line| !line.trim().is_empty()).skip(1);
    lines
        .map(|line| {
            let (step, cells) = line.trim().split_once("  ").unwrap();
            (step, cells.split_whitespace().collect())
        })
        .collect()
}

#[test]
fn every_phase_role_and_verb() {
    let table = table();
    let mut checked = 0;
    for role in ROLES {
        for words in STEPS {
            let step = format!("{role} {words}");
            let cells = table.iter().find(|(name, _)| *name == step).map(|(_, cells)| cells);
            for (index, (_, phase)) in PHASES.into_iter().enumerate() {
                let expect = match cells.map(|cells| cells[index]) {
                    Some("x") => "ok",
                    Some(".") => "wrong_phase",
                    Some(cell) => panic!("no cell {cell}"),
                    None => "wrong_role",
                };
                check(phase, &step, expect);
                checked += 1;
            }
            for (phase, _) in ENDS {
                check(phase, &step, if cells.is_some() { "wrong_phase" } else { "wrong_role" });
                checked += 1;
            }
        }
    }
    assert_eq!(checked, ROLES.len() * Verb::NAMES.len() * Phase::NAMES.len());
}

#[test]
fn the_table_above_is_whole() {
    let header = TABLE.lines().find(|line| !line.trim().is_empty()).unwrap();
    let names: Vec<_> = PHASES.into_iter().map(|(name, _)| name).collect();
    assert_eq!(header.split_whitespace().collect::<Vec<_>>(), names);
    let verbs: BTreeSet<_> =
        STEPS.iter().map(|step| parse(&format!("timer {step}")).1.verb()).collect();
    assert_eq!(verbs.len(), Verb::NAMES.len());
    let phases: BTreeSet<_> =
        PHASES.into_iter().map(|(_, phase)| phase).chain(ENDS.map(|(phase, _)| phase)).collect();
    assert_eq!(phases.len(), Phase::NAMES.len());
    for (step, cells) in table() {
        assert_eq!(cells.len(), PHASES.len(), "{step}");
        assert!(STEPS.iter().any(|words| step.ends_with(words)), "{step}");
    }
}

#[test]
fn every_row_happens_from_every_phase_that_it_names() {
    for row in TRANSITIONS {
        let words = STEPS.iter().find(|step| parse(&format!("timer {step}")).1.verb() == row.verb);
        let roles: &[Actor] = match row.actor {
            Actor::Party | Actor::OtherParty => &[Actor::Buyer, Actor::Seller],
            ref actor => std::slice::from_ref(actor),
        };
        for (from, role) in row.from.iter().flat_map(|from| roles.iter().map(move |r| (*from, r))) {
            let step = format!("{role} {}", words.unwrap());
            // `act` compares the result with the row.
            ready(from, &step).run(&step);
        }
    }
}

#[test]
fn no_two_rows_fight_for_a_command() {
    let clash = |a: &Transition, b: &Transition| {
        a.verb == b.verb && a.actor == b.actor && a.from.iter().any(|phase| b.from.contains(phase))
    };
    for (index, row) in TRANSITIONS.iter().enumerate() {
        assert!(!TRANSITIONS[index + 1..].iter().any(|other| clash(row, other)), "{row:?}");
    }
}

#[test]
fn each_phase_has_its_status() {
    let living = |phase: Phase| match phase {
        Phase::AwaitingFunds => OrderStatus::Pending,
        _ => OrderStatus::EscrowFunded,
    };
    for (_, phase) in PHASES {
        assert!(!phase.is_terminal());
        assert_eq!(ready(phase, "").order.status(), living(phase), "{phase}");
    }
    for (phase, script) in ENDS {
        let mut play = Play::placed(DEAL);
        play.run(script);
        assert!(phase.is_terminal());
        assert_eq!(play.order.phase(), phase);
        let expect = match phase {
            Phase::Accepted | Phase::AutoReleased | Phase::Ruled | Phase::Settled => "COMPLETED",
            Phase::Unpaid => "EXPIRED",
            _ => "REFUNDED",
        };
        assert_eq!(play.order.status().name(), expect, "{phase}");
    }
}

#[test]
fn the_diagram_shows_every_row() {
    let text = diagram();
    assert_eq!(text, diagram());
    assert!(text.starts_with("stateDiagram-v2\n"));
    for row in TRANSITIONS {
        for (from, to) in row
            .from
            .iter()
            .flat_map(|from| row.targets(*from).into_iter().map(move |to| (from, to)))
        {
            let line = format!("    {from} --> {to}: {} ({})", row.verb, row.actor);
            assert!(text.lines().any(|got| got.starts_with(&line)), "{line}");
        }
    }
    for (phase, _) in ENDS {
        assert!(text.contains(&format!("    {phase} --> [*]\n")), "{phase}");
    }
    for line in text.lines().skip(1) {
        // Mermaid reads a second colon as a mistake, and a semicolon as the end of the line.
        assert!(line.matches(':').count() <= 1 && !line.contains(';'), "{line}");
    }
    let lines: BTreeSet<_> = text.lines().collect();
    assert_eq!(lines.len(), text.lines().count(), "no line twice");
}

#[test]
fn names_round_trip() {
    for (phase, name) in Phase::NAMES {
        assert_eq!(name.parse(), Ok(*phase));
    }
    for (verb, name) in Verb::NAMES {
        assert_eq!(name.parse(), Ok(*verb));
    }
    for (status, name) in OrderStatus::NAMES {
        assert_eq!(name.parse(), Ok(*status));
    }
    for (kind, name) in TimerKind::NAMES {
        assert_eq!(name.parse(), Ok(*kind));
    }
    for (actor, name) in Actor::NAMES {
        assert_eq!(name.parse(), Ok(*actor));
    }
    assert!("completed".parse::<OrderStatus>().is_err());
    assert!("".parse::<Phase>().is_err());
}
