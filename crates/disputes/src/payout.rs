//! From the money table to payments: who gets what when a dispute ends.

use marketplace_ledger::Account;
use marketplace_money::{Amount, Did};

use crate::money_table::{AppealOutcome, Line, Payee, Pot, Take, appeal_lines, bond_lines};
use crate::{
    Appeal, BondOutcome, Dispute, Finding, JurorTerms, Panel, Policy, Round, Seat, Side, Stage,
    Verdict,
};

/// One payment, with the reason that a statement shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// From the dispute's account, the respondent, our capital, or a juror's stake.
    pub from: Account,
    /// To whom.
    pub to: Account,
    /// Above zero.
    pub amount: Amount,
}

/// Everything that is paid when the dispute ends with this verdict. What the dispute's account
/// held is paid out to the last unit.
#[must_use]
pub fn payments(dispute: &Dispute, verdict: &Verdict) -> Vec<Payment> {
    let mut payments = Vec::new();
    for (number, round) in dispute.rounds.iter().enumerate() {
        let mut till = Till::of(dispute, round, verdict, number == 0);
        let lines = match &round.appeal {
            None => bond_lines(verdict.bonds),
            Some(appeal) => appeal_lines(appeal_outcome(dispute, round, appeal, verdict)),
        };
        for line in lines {
            let amount = till.take(line, dispute.is_bonded());
            let Some(to) = payee(dispute, round, line.to) else { continue };
            payments.push(Payment { from: source(dispute, line.pot), to, amount });
        }
        let mut pay: Purse =
            till.for_jurors.iter().map(|(pot, amount)| (source(dispute, *pot), *amount)).collect();
        for panel in &round.panels {
            let earned = Policy::JUROR_PAY.nano() * count(panel.revealed());
            let mut purse = take_from(&mut pay, earned);
            let services = services(dispute, number, panel);
            purse.extend(penalties(&services));
            share(purse, &services, &mut payments);
        }
    }
    payments.retain(|payment| !payment.amount.is_zero() && payment.from != payment.to);
    payments
}

/// Whether the end is better for the appellant than what it appealed. An appeal that was never
/// ruled on, although the dispute ended by a ruling, failed for want of us.
#[must_use]
pub fn appeal_outcome(
    dispute: &Dispute,
    round: &Round,
    appeal: &Appeal,
    verdict: &Verdict,
) -> AppealOutcome {
    let Some(finding) = verdict.finding else {
        return match verdict.bonds {
            BondOutcome::Aborted => AppealOutcome::Aborted,
            _ => AppealOutcome::Changed,
        };
    };
    let better = if appeal.by == dispute.disputer {
        finding > appeal.against
    } else {
        finding < appeal.against
    };
    match (&round.ruling, better) {
        (None, _) => AppealOutcome::Aborted,
        (Some(_), true) => AppealOutcome::Changed,
        (Some(_), false) => AppealOutcome::Unchanged,
    }
}

/// The pots of one round, in nano-AVT.
struct Till {
    bond: i64,
    fee: i64,
    counter_bond: i64,
    appeal_bond: i64,
    respondent: i64,
    one_fee: i64,
    owed_to_jurors: i64,
    other_half: i64,
    for_jurors: Vec<(Pot, i64)>,
}

impl Till {
    fn of(dispute: &Dispute, round: &Round, verdict: &Verdict, first: bool) -> Self {
        let stakes = dispute.stakes;
        let only_first = |amount: Amount| if first { amount.nano() } else { 0 };
        let revealed: usize = round.panels.iter().map(|panel| panel.revealed()).sum();
        Self {
            bond: only_first(stakes.bond),
            fee: only_first(stakes.fee),
            counter_bond: if dispute.is_bonded() { only_first(stakes.counter_bond) } else { 0 },
            appeal_bond: round.appeal.as_ref().map_or(0, |appeal| appeal.bond.nano()),
            respondent: only_first(verdict.compensation),
            one_fee: stakes.fee.nano(),
            owed_to_jurors: Policy::JUROR_PAY.nano() * count(revealed),
            other_half: 0,
            for_jurors: Vec::new(),
        }
    }

    /// Takes what the line says, and what is left at most.
    fn take(&mut self, line: &Line, bonded: bool) -> Amount {
        let owed = self.owed_to_jurors;
        let left = match line.pot {
            Pot::Bond => &mut self.bond,
            Pot::Fee => &mut self.fee,
            Pot::CounterBond => &mut self.counter_bond,
            Pot::AppealBond => &mut self.appeal_bond,
            Pot::Respondent => &mut self.respondent,
            // We owe what we could not do.
            Pot::Capital => &mut self.owed_to_jurors,
        };
        let wanted = match line.take {
            Take::Rest | Take::Compensation => *left,
            Take::Half => *left / 2,
            Take::HalfIfBonded => {
                if bonded {
                    *left / 2
                } else {
                    0
                }
            }
            Take::OneFee => self.one_fee,
            Take::JurorPay => owed,
            Take::HalfJurorPay => owed - owed / 2,
            Take::OtherHalfJurorPay => self.other_half,
        };
        let taken = wanted.min(*left);
        *left -= taken;
        if line.take == Take::HalfJurorPay {
            self.other_half = owed / 2;
        }
        if line.to == Payee::Jurors {
            if line.pot != Pot::Capital {
                self.owed_to_jurors -= taken;
            }
            self.for_jurors.push((line.pot, taken));
        }
        Amount::from_nano(taken)
    }
}

fn source(dispute: &Dispute, pot: Pot) -> Account {
    match pot {
        Pot::Bond | Pot::Fee | Pot::CounterBond | Pot::AppealBond => Account::Dispute(dispute.id),
        Pot::Respondent => Account::Agent(dispute.party(dispute.disputer.other()).clone()),
        Pot::Capital => Account::Capital,
    }
}

/// Nobody for the jurors: they share among themselves.
fn payee(dispute: &Dispute, round: &Round, payee: Payee) -> Option<Account> {
    let agent = |side: Side| Some(Account::Agent(dispute.party(side).clone()));
    let appellant = round.appeal.as_ref().map(|appeal| appeal.by);
    match payee {
        Payee::Disputer => agent(dispute.disputer),
        Payee::Respondent => agent(dispute.disputer.other()),
        Payee::Appellant => agent(appellant?),
        Payee::Opponent => agent(appellant?.other()),
        Payee::Jurors => None,
        Payee::Revenue => Some(Account::Fees(marketplace_ledger::FeeKind::Dispute)),
        Payee::Insurance => Some(Account::Insurance),
    }
}

/// How a juror did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Its vote agrees with what was found, or nothing was found that it could miss.
    Coherent,
    /// Its vote does not.
    Incoherent,
    /// It did not vote, or did not open its vote.
    Silent,
    /// It was not given the time to do its duty: neither pay nor penalty.
    Released,
}

/// How the holders of the seats of a panel of this round did, in order.
#[must_use]
pub fn services(dispute: &Dispute, round: usize, panel: &Panel) -> Vec<(Did, Service)> {
    let measure = measure(dispute, round);
    let service = |seat: &Seat| match (seat.commitment, seat.vote, panel.stage) {
        (_, Some(vote), _) => match measure {
            Some(finding) if !dispute.claim.limit(vote.ballot).agrees_with(finding) => {
                Service::Incoherent
            }
            _ => Service::Coherent,
        },
        (_, None, Stage::Called | Stage::Committing) => Service::Released,
        (None, ..) => Service::Silent,
        (Some(_), _, Stage::TooFewCommitted) => Service::Coherent,
        (Some(_), _, Stage::Revealing) => Service::Released,
        (Some(_), ..) => Service::Silent,
    };
    panel.seats.iter().map(|seat| (seat.juror.clone(), service(seat))).collect()
}

/// What votes of this round are held against: what the last panel or the operators found from this
/// round on, so that a captured panel gains nothing when an appeal sets it right. Never a
/// concession or a settlement: parties that collude with a juror could make honest votes wrong.
fn measure(dispute: &Dispute, number: usize) -> Option<Finding> {
    dispute.rounds.iter().skip(number).rev().find_map(|round| {
        let ruled = round.ruling.as_ref().filter(|ruling| ruling.basis.tier() == 3);
        let found = round.panels.iter().find_map(|panel| match panel.stage {
            Stage::Found(finding) => Some(finding),
            _ => None,
        });
        ruled.map(|ruling| ruling.finding).or(found)
    })
}

/// Money by where it comes from, in nano-AVT.
type Purse = Vec<(Account, i64)>;

/// Moves up to `amount` from one purse into another.
fn take_from(purse: &mut Purse, mut amount: i64) -> Purse {
    let mut taken = Purse::new();
    for (account, left) in purse.iter_mut() {
        let part = amount.min(*left);
        *left -= part;
        amount -= part;
        taken.push((account.clone(), part));
    }
    taken
}

fn penalties(services: &[(Did, Service)]) -> impl Iterator<Item = (Account, i64)> + '_ {
    services.iter().filter_map(|(juror, service)| {
        let penalty = match service {
            Service::Incoherent => JurorTerms::INCOHERENT,
            Service::Silent => JurorTerms::SILENT,
            Service::Coherent | Service::Released => return None,
        };
        Some((Account::Juror(juror.clone()), penalty.nano()))
    })
}

/// Equal shares for those who served well, to the last unit; what cannot be shared goes to
/// insurance, and all of it where nobody deserves any.
fn share(mut purse: Purse, services: &[(Did, Service)], payments: &mut Vec<Payment>) {
    let total: i64 = purse.iter().map(|(_, amount)| amount).sum();
    let coherent = services.iter().filter(|(_, service)| *service == Service::Coherent);
    let share = total.checked_div(count(coherent.clone().count())).unwrap_or(0);
    let mut pay = |to: Account, amount: i64| {
        for (from, amount) in take_from(&mut purse, amount) {
            payments.push(Payment { from, to: to.clone(), amount: Amount::from_nano(amount) });
        }
    };
    for (juror, _) in coherent {
        pay(Account::Agent(juror.clone()), share);
    }
    pay(Account::Insurance, total);
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(0)
}

/// The finding of a verdict on the bonds of a dispute that ended with a ruling.
#[must_use]
pub(crate) fn outcome_of(dispute: &Dispute, finding: Finding, undefended: bool) -> BondOutcome {
    match finding {
        Finding::Rejected => BondOutcome::Rejected,
        Finding::Unproven => BondOutcome::Unproven,
        Finding::Awarded(_) if undefended => BondOutcome::Undefended,
        Finding::Awarded(remedy) if remedy >= dispute.claim.remedy => BondOutcome::Upheld,
        Finding::Awarded(_) => BondOutcome::Partial,
    }
}
