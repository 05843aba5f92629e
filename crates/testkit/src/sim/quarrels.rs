//! Disputes in the simulator: parties that quarrel, jurors that vote or forget to, all at random.
//! Only some seeds quarrel, and what they draw for it comes from a stream of its own.

use std::sync::Arc;

use marketplace_disputes::{
    Category, Claim, Command, Dispute, Finding, Phase as DisputePhase, Remedy, Side, Vote,
    commitment,
};
use marketplace_escrow::{Order, Phase, State};
use marketplace_money::{Amount, Did, DisputeId, Seconds};
use sha2::{Digest, Sha256};

use super::lock;
use super::ops::Op;
use super::rng::Rng;
use super::schedule::Run;

/// What a juror locks: enough for many seats.
const STAKE: Amount = Amount::from_avt(300);
/// A juror must be one for seven days before its first seat.
const SENIORITY: Seconds = Seconds::from_hours(7 * 24 + 1);
/// So many of a thousand seeds quarrel.
const QUARRELS: u32 = 400;

/// What a run that quarrels knows.
#[derive(Debug)]
pub(crate) struct Quarrels {
    rng: Rng,
    /// Jurors that have registered, and how far the beginning has come.
    stage: usize,
}

impl Quarrels {
    /// For some seeds, where agents can pull what a bond takes.
    pub(crate) fn of(seed: u64, pulls: bool) -> Option<Self> {
        let mut rng = Rng::new(seed.rotate_left(17) ^ 0xD15B_07E5);
        (rng.chance(QUARRELS) && pulls).then_some(Self { rng, stage: 0 })
    }
}

/// A juror's vote follows from its name, so that it can open what it sealed.
fn vote(dispute: DisputeId, juror: &Did) -> Vote {
    let salt: [u8; 32] = Sha256::digest(format!("{dispute} {juror}")).into();
    let ballot = Finding::NAMES[usize::from(salt[0]) % Finding::NAMES.len()].0;
    Vote { ballot, salt }
}

/// Some juror seals its vote, or opens it; it may have done so before.
fn cast(dispute: &Dispute, rng: &mut Rng) -> Option<(Did, Op)> {
    let seats = dispute.panel().map_or(&[][..], |panel| &panel.seats);
    let (id, juror) = (dispute.id, rng.pick(seats)?.juror.clone());
    let vote = vote(id, &juror);
    let (round, attempt) = dispute.place();
    let commitment = commitment(id, round, attempt, &juror, &vote);
    let command = match dispute.phase() {
        DisputePhase::Committing => Command::Commit { commitment },
        _ => Command::Reveal(vote),
    };
    Some((juror, Op::ActOnDispute(id, command)))
}

impl Run {
    /// Now and then, something about a dispute is asked instead of something else.
    pub(crate) async fn quarrel(&mut self) -> Option<(usize, usize)> {
        let stage = self.quarrels.as_mut()?.begin();
        let jurors = self.world.jurors.len();
        if stage == jurors + 4 {
            // The first jurors may sit from now on.
            self.say("seven days pass");
            self.world.advance(SENIORITY.micros()).await;
            return None;
        }
        // A panel has hours, and this world leaps: while one sits, its jurors come first.
        let often = if self.sitting().is_empty() { 350 } else { 850 };
        let quarrels = self.quarrels.as_mut()?;
        if stage >= jurors && !quarrels.rng.chance(often) {
            return None;
        }
        let (agent, op) = match self.world.jurors.get(stage) {
            Some(juror) => (juror.clone(), Op::RegisterJuror(STAKE)),
            None => self.quarrelsome()?,
        };
        let keyed = self.quarrels.as_mut()?.rng.chance(self.profile.keyed);
        let number = self.history.attempts.len();
        let key = keyed.then(|| format!("key-{number}"));
        let at = self.world.now().await;
        self.history.add(agent, vec![op], key, at);
        Some((number, 0))
    }

    /// Disputes whose panels are at work.
    fn sitting(&self) -> Vec<Dispute> {
        let votes = |phase| matches!(phase, DisputePhase::Committing | DisputePhase::Revealing);
        let shadow = lock(&self.world.shadow);
        let dockets = shadow.dockets.values().map(|docket| &docket.dispute);
        dockets.filter(|dispute| votes(dispute.phase())).cloned().collect()
    }

    fn quarrelsome(&mut self) -> Option<(Did, Op)> {
        let sitting = self.sitting();
        let rng = &mut self.quarrels.as_mut()?.rng;
        if !sitting.is_empty() && rng.chance(850) {
            let dispute = rng.pick(&sitting)?;
            return cast(dispute, rng);
        }

        let open: Vec<Dispute> = {
            let shadow = lock(&self.world.shadow);
            let dockets = shadow.dockets.values().map(|docket| &docket.dispute);
            dockets.filter(|dispute| !dispute.phase().is_terminal()).cloned().collect()
        };
        let rng = &mut self.quarrels.as_mut()?.rng;
        let begin = open.is_empty() || rng.chance(300);
        if begin { self.begin_quarrel() } else { self.go_on(&open) }
    }

    fn begin_quarrel(&mut self) -> Option<(Did, Op)> {
        let orders: Vec<Arc<Order>> = {
            let shadow = lock(&self.world.shadow);
            let fit = |order: &&Arc<Order>| matches!(order.state, State::Funded(_));
            shadow.orders.values().filter(fit).cloned().collect()
        };
        let rng = &mut self.quarrels.as_mut()?.rng;
        let order = rng.pick(&orders)?;
        let delivered = matches!(order.phase(), Phase::Delivered | Phase::ChangesRequested);
        let by_seller = delivered && rng.chance(300);
        let by = if by_seller { &order.seller } else { &order.buyer };
        let category =
            if by_seller { Category::BuyerRefuses } else { rng.pick(Category::NAMES)?.0 };
        let remedy = rng.pick(Remedy::NAMES)?.0;
        Some((by.clone(), Op::Dispute(order.id, Claim { category, remedy })))
    }

    fn go_on(&mut self, open: &[Dispute]) -> Option<(Did, Op)> {
        let rng = &mut self.quarrels.as_mut()?.rng;
        let dispute = rng.pick(open)?;
        let id = dispute.id;
        let side = if rng.chance(500) { Side::Buyer } else { Side::Seller };
        let party = dispute.party(side).clone();
        let respondent = dispute.party(dispute.disputer.other()).clone();
        let act = |by: Did, command| Some((by, Op::ActOnDispute(id, command)));
        if rng.chance(40) {
            // Foul, or too late, or both: it must be refused.
            return act(party, Command::Contest { bonded: false });
        }
        if rng.chance(60) {
            return act(party, Command::Concede { everything: rng.chance(500) });
        }
        if rng.chance(100) {
            let seller = Amount::from_nano(rng.within(0, dispute.price.price.nano()));
            return act(party, Command::OfferSettlement { seller });
        }
        if rng.chance(80) {
            return act(party, Command::AcceptSettlement { expected: None });
        }
        if rng.chance(60) {
            return act(dispute.party(dispute.disputer).clone(), Command::Withdraw);
        }
        if rng.chance(100) {
            return Some((party, Op::Evidence(id, rng.next().to_be_bytes().to_vec())));
        }
        match dispute.phase() {
            DisputePhase::AwaitingResponse => act(respondent, Command::Contest { bonded: true }),
            DisputePhase::Appealable => act(party, Command::Appeal),
            DisputePhase::Committing | DisputePhase::Revealing => cast(dispute, rng),
            _ => None,
        }
    }

    /// Each dispute is over, and whoever has its packet comes to the same end.
    pub(crate) async fn judge_disputes(
        &mut self,
        market: marketplace_engine::Marketplace,
    ) -> Vec<String> {
        let ids: Vec<DisputeId> = lock(&self.world.shadow).dockets.keys().copied().collect();
        self.coverage.add("disputes", ids.len() as u64);
        let asked = tokio::spawn(async move {
            let mut breaches = Vec::new();
            for id in ids {
                match market.verdict_packet(id).await {
                    Ok(Some(packet)) => {
                        if let Err(fault) = marketplace_disputes::verify(&packet, &|_, _, _| true) {
                            breaches.push(format!("the packet of dispute {id}: {fault}"));
                        }
                    }
                    Ok(None) => breaches.push(format!("dispute {id} never ended")),
                    Err(error) => breaches.push(format!("no packet of dispute {id}: {error}")),
                }
            }
            breaches
        });
        while !asked.is_finished() {
            self.let_one_pass().await;
        }
        asked.await.unwrap_or_else(|error| vec![format!("packets: {error}")])
    }
}

impl Quarrels {
    /// How far the beginning had come before this.
    fn begin(&mut self) -> usize {
        self.stage += 1;
        self.stage - 1
    }
}
