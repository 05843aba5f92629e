//! What becomes of the bonds, as data: the table of DESIGN section 10.
//!
//! Each row is a list of lines. A line takes something from one pot for somebody, and each line
//! takes what is left of what the lines before it left. What is halved is rounded down; the other
//! half, with the odd unit, is what the next line takes.

use crate::BondOutcome;
use crate::names::names;

/// Where a line takes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pot {
    /// D.
    Bond,
    /// f.
    Fee,
    /// R, if it was posted.
    CounterBond,
    /// A.
    AppealBond,
    /// The respondent's available balance.
    Respondent,
    /// Our own tokens.
    Capital,
}

names!(
    Pot,
    "no pot has this name",
    [
        (Bond, "D"),
        (Fee, "f"),
        (CounterBond, "R"),
        (AppealBond, "A"),
        (Respondent, "respondent"),
        (Capital, "capital"),
    ]
);

/// Who gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Payee {
    /// Who opened the dispute.
    Disputer,
    /// The other party.
    Respondent,
    /// Who appealed.
    Appellant,
    /// The party across from the appellant.
    Opponent,
    /// The panels of the round.
    Jurors,
    /// `fees:dispute`.
    Revenue,
    /// `insurance`.
    Insurance,
}

names!(
    Payee,
    "nobody has this name",
    [
        (Disputer, "disputer"),
        (Respondent, "respondent"),
        (Appellant, "appellant"),
        (Opponent, "opponent"),
        (Jurors, "jurors"),
        (Revenue, "revenue"),
        (Insurance, "insurance"),
    ]
);

/// How much of what is left in the pot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Take {
    /// All of it.
    Rest,
    /// Half of it.
    Half,
    /// Half of it, if the respondent contested with a bond; else nothing.
    HalfIfBonded,
    /// As much as the dispute fee.
    OneFee,
    /// What the jurors have not got yet of K.
    JurorPay,
    /// Half of what they have not got yet of K, the odd unit with it.
    HalfJurorPay,
    /// The other half of that.
    OtherHalfJurorPay,
    /// The compensation of an undefended claim.
    Compensation,
}

names!(
    Take,
    "no such part",
    [
        (Rest, "the rest"),
        (Half, "half of the rest"),
        (HalfIfBonded, "half of the rest, if R was posted"),
        (OneFee, "f"),
        (JurorPay, "K"),
        (HalfJurorPay, "K/2"),
        (OtherHalfJurorPay, "K/2"),
        (Compensation, "min(1 AVT, 10 % of P)"),
    ]
);

/// One payment of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// From.
    pub pot: Pot,
    /// How much.
    pub take: Take,
    /// To.
    pub to: Payee,
}

const fn line(pot: Pot, take: Take, to: Payee) -> Line {
    Line { pot, take, to }
}

/// What became of an appeal: whether the final ruling is better for the appellant than the one it
/// appealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AppealOutcome {
    /// It was right; also where the parties settled.
    Changed,
    /// It was wrong.
    Unchanged,
    /// We could not rule.
    Aborted,
}

names!(
    AppealOutcome,
    "no outcome has this name",
    [
        (Changed, "appeal changed it"),
        (Unchanged, "appeal changed nothing"),
        (Aborted, "appeal aborted"),
    ]
);

/// What becomes of D, f and R. The jurors here are those of the first round; every appeal pays its
/// own.
pub const BONDS: &[(BondOutcome, &[Line])] = &[
    (
        BondOutcome::Upheld,
        &[
            line(Pot::Bond, Take::Rest, Payee::Disputer),
            line(Pot::Fee, Take::Rest, Payee::Revenue),
            line(Pot::CounterBond, Take::OneFee, Payee::Disputer),
            line(Pot::CounterBond, Take::JurorPay, Payee::Jurors),
            line(Pot::CounterBond, Take::Half, Payee::Disputer),
            line(Pot::CounterBond, Take::Rest, Payee::Insurance),
        ],
    ),
    (
        BondOutcome::Undefended,
        &[
            line(Pot::Bond, Take::Rest, Payee::Disputer),
            line(Pot::Fee, Take::Rest, Payee::Disputer),
            line(Pot::Respondent, Take::Compensation, Payee::Disputer),
            line(Pot::CounterBond, Take::JurorPay, Payee::Jurors),
            line(Pot::CounterBond, Take::Rest, Payee::Respondent),
        ],
    ),
    (
        BondOutcome::Rejected,
        &[
            line(Pot::CounterBond, Take::Rest, Payee::Respondent),
            line(Pot::Fee, Take::Rest, Payee::Revenue),
            line(Pot::Bond, Take::JurorPay, Payee::Jurors),
            line(Pot::Bond, Take::HalfIfBonded, Payee::Respondent),
            line(Pot::Bond, Take::Rest, Payee::Insurance),
        ],
    ),
    (
        BondOutcome::Partial,
        &[
            line(Pot::Fee, Take::Rest, Payee::Revenue),
            line(Pot::Bond, Take::HalfJurorPay, Payee::Jurors),
            line(Pot::Bond, Take::Rest, Payee::Disputer),
            line(Pot::CounterBond, Take::OtherHalfJurorPay, Payee::Jurors),
            line(Pot::CounterBond, Take::Rest, Payee::Respondent),
        ],
    ),
    (
        BondOutcome::Unproven,
        &[
            line(Pot::Fee, Take::JurorPay, Payee::Jurors),
            line(Pot::Fee, Take::Rest, Payee::Revenue),
            line(Pot::Bond, Take::HalfJurorPay, Payee::Jurors),
            line(Pot::Bond, Take::Rest, Payee::Disputer),
            line(Pot::CounterBond, Take::OtherHalfJurorPay, Payee::Jurors),
            line(Pot::CounterBond, Take::Rest, Payee::Respondent),
        ],
    ),
    (
        BondOutcome::Withdrawn,
        &[
            line(Pot::CounterBond, Take::Rest, Payee::Respondent),
            line(Pot::Fee, Take::Rest, Payee::Revenue),
            line(Pot::Bond, Take::JurorPay, Payee::Jurors),
            line(Pot::Bond, Take::Rest, Payee::Disputer),
        ],
    ),
    (
        BondOutcome::Settled,
        &[
            line(Pot::Fee, Take::Rest, Payee::Disputer),
            line(Pot::Bond, Take::HalfJurorPay, Payee::Jurors),
            line(Pot::Bond, Take::Rest, Payee::Disputer),
            line(Pot::CounterBond, Take::OtherHalfJurorPay, Payee::Jurors),
            line(Pot::CounterBond, Take::Rest, Payee::Respondent),
        ],
    ),
    (
        BondOutcome::Aborted,
        &[
            line(Pot::Fee, Take::Rest, Payee::Disputer),
            line(Pot::Bond, Take::Rest, Payee::Disputer),
            line(Pot::CounterBond, Take::Rest, Payee::Respondent),
            line(Pot::Capital, Take::JurorPay, Payee::Jurors),
        ],
    ),
];

/// What becomes of A, for each appeal.
pub const APPEALS: &[(AppealOutcome, &[Line])] = &[
    (
        AppealOutcome::Changed,
        &[
            line(Pot::AppealBond, Take::JurorPay, Payee::Jurors),
            line(Pot::AppealBond, Take::Rest, Payee::Appellant),
        ],
    ),
    (
        AppealOutcome::Unchanged,
        &[
            line(Pot::AppealBond, Take::JurorPay, Payee::Jurors),
            line(Pot::AppealBond, Take::Half, Payee::Opponent),
            line(Pot::AppealBond, Take::Rest, Payee::Insurance),
        ],
    ),
    (
        AppealOutcome::Aborted,
        &[
            line(Pot::AppealBond, Take::Rest, Payee::Appellant),
            line(Pot::Capital, Take::JurorPay, Payee::Jurors),
        ],
    ),
];

/// The lines of an outcome of the bonds.
#[must_use]
pub fn bond_lines(outcome: BondOutcome) -> &'static [Line] {
    BONDS.iter().find(|(row, _)| *row == outcome).map_or(&[], |(_, lines)| lines)
}

/// The lines of an outcome of an appeal.
#[must_use]
pub fn appeal_lines(outcome: AppealOutcome) -> &'static [Line] {
    APPEALS.iter().find(|(row, _)| *row == outcome).map_or(&[], |(_, lines)| lines)
}
