//! The repetition of a dispute from its verdict packet.
//!
//! Nothing in the packet is believed. The log says which events happened; [`verify`] asks [`decide`]
//! at each step whether they could, with the facts, the pools and the signatures that the packet
//! brings, so rules, draws, votes and rulings are all done again. Then the postings are made again
//! from the events, those of the order's escrow included, and the slice of the marketplace's chain of
//! hashes is checked.
//!
//! # What this does not prove
//!
//! A batch's hash covers its postings and its events by two digests, but of all that was committed
//! with it, which is mostly others' business: a packet brings the digests, not what went into them.
//! So that a posting or an event of the packet really is in the batch that it names shows only to
//! who has the journal (`marketplace-admin doctor`, an audit). And the log itself is told by events
//! of the feed, not hashed: a marketplace that rewrote log and postings together would have to make
//! the signatures of operators, the seals of jurors and draws by batches that others have hashes of
//! agree with it; where a ruling rests on none of them, on a rule of tier 1 about facts of our own,
//! the parties hold the facts against it.

use marketplace_money::Amount;

use crate::digest::chained;
use crate::{
    Approval, Basis, BondOutcome, Caller, ChainLink, Command, Context, Dispute, DisputeEvent,
    Escalation, EvidenceInput, LogEntry, OperatorSignature, OrderEffect, Packet, PacketFault,
    Phase, Response, RuleName, Ruling, SAME_RULES, SignatureCheck, Verified, abort_digest, apply,
    award, closing, decide, posting, rule_set_hash, ruling_digest, voting,
};

/// What whoever verifies knows beside the packet.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Whose signature is whose.
    pub is_signed: SignatureCheck<'a>,
    /// Names of older rule sets that were published. These rules cannot ask them any more: what
    /// tier 1 ruled by one of them is taken as it stands, and all the rest is repeated.
    pub rule_sets: &'a [[u8; 32]],
    /// Hashes of batches, by position, that somebody kept.
    pub hashes: &'a [(u64, [u8; 32])],
}

/// Repeats the dispute under today's rules.
///
/// # Errors
/// The first thing that is not as our rules have it.
pub fn verify(packet: &Packet, is_signed: SignatureCheck<'_>) -> Result<Verified, PacketFault> {
    verify_with(packet, &Known { is_signed, rule_sets: &[], hashes: &[] })
}

/// Repeats the dispute with what else is known.
///
/// # Errors
/// The first thing that is not as the rules have it, or is known to be otherwise.
pub fn verify_with(packet: &Packet, known: &Known<'_>) -> Result<Verified, PacketFault> {
    let mut verified = Verified { batches: check_chain(&packet.chain)?, ..Verified::default() };
    verified.placed = check_places(packet)?;
    for (position, hash) in known.hashes {
        let same = |link: &ChainLink| link.position == *position && link.hash == *hash;
        if !packet.chain.iter().any(same) {
            return Err(PacketFault::OtherChain { position: *position });
        }
    }
    let mut replay = Replay { packet, known, calls: 0, called: None, taken: 0 };
    let mut dispute = packet.opened.clone();
    let opened = DisputeEvent::Opened { at: dispute.opened_at };
    let mut entries = Vec::new();
    entries.extend(posting(&dispute, &opened).map_err(|_| PacketFault::OtherPostings)?);
    for (number, entry) in packet.log.iter().enumerate() {
        replay.step(&dispute, number, entry)?;
        for event in &entry.events {
            let posted = posting(&dispute, event).map_err(|_| PacketFault::OtherPostings)?;
            entries.extend(posted);
            if let DisputeEvent::Closed { verdict, .. } = event {
                let paid = award(&dispute, verdict.order);
                entries.extend(paid.map_err(|_| PacketFault::OtherPostings)?);
            }
            dispute = crate::evolve(dispute, event);
            verified.votes += usize::from(matches!(event, DisputeEvent::Revealed { .. }));
            if let DisputeEvent::Drawn { draw, .. } = event {
                replay.check_seed(draw.source.position, &draw.source.hash)?;
                verified.panels += 1;
            }
        }
        dispute = apply(&dispute, &[]);
        verified.commits += 1;
    }
    if dispute != packet.closed || !dispute.phase().is_terminal() {
        return Err(PacketFault::OtherEnd);
    }
    if entries != packet.postings {
        return Err(PacketFault::OtherPostings);
    }
    (verified.entries, verified.taken) = (entries.len(), replay.taken);
    Ok(verified)
}

fn check_chain(chain: &[ChainLink]) -> Result<usize, PacketFault> {
    let mut proved = 0;
    for (at, link) in chain.iter().enumerate() {
        let broken = PacketFault::BrokenChain { position: link.position };
        let before = at.checked_sub(1).and_then(|at| chain.get(at));
        let follows = before.is_none_or(|before| {
            let next = before.position.checked_add(1) == Some(link.position);
            before.position < link.position && (!next || before.hash == link.previous)
        });
        let content = link.content.as_ref().map(|content| chained(&link.previous, content));
        if !follows || content.is_some_and(|hash| hash != link.hash) {
            return Err(broken);
        }
        proved += usize::from(content.is_some());
    }
    Ok(proved)
}

/// How many commits have a batch in the chain: the first ones, in the order of the chain.
fn check_places(packet: &Packet) -> Result<usize, PacketFault> {
    let mut earlier = 0;
    for (at, position) in packet.positions.iter().enumerate() {
        let in_chain = packet.chain.iter().any(|link| link.position == *position);
        if !in_chain || *position < earlier || at > packet.log.len() {
            return Err(PacketFault::OtherBatch { position: *position });
        }
        earlier = *position;
    }
    Ok(packet.positions.len())
}

struct Replay<'a> {
    packet: &'a Packet,
    known: &'a Known<'a>,
    calls: usize,
    /// The commit of the last call that was drawn from.
    called: Option<usize>,
    taken: usize,
}

impl Replay<'_> {
    /// Decides the command that these events tell of, and compares.
    fn step(
        &mut self,
        dispute: &Dispute,
        entry: usize,
        logged: &LogEntry,
    ) -> Result<(), PacketFault> {
        let missing = PacketFault::Incomplete { entry };
        let first = logged.events.first().ok_or(missing.clone())?;
        let (caller, command) = self.cause(dispute, first, logged).ok_or(missing)?;
        if matches!(first, DisputeEvent::Called { .. }) {
            self.called = Some(entry);
        }
        // The balance of then is not ours to know: what was paid is, and it was covered.
        let paid = logged.events.iter().find_map(|event| match event {
            DisputeEvent::Closed { verdict, .. } => Some(verdict.compensation),
            _ => None,
        });
        let gaps = self.packet.gaps.known_at(logged.at);
        let cx = Context {
            now: logged.at,
            gaps: &gaps,
            respondent_available: paid.unwrap_or(Amount::ZERO),
            operators: self.packet.operators.operators(),
        };
        let named = self.packet.rule_set;
        let same = named == rule_set_hash() || SAME_RULES.contains(&named);
        if matches!(command, Command::ApplyRules { .. }) && !same {
            return self.take(dispute, entry, logged, &cx);
        }
        let mut events = decide(dispute, &caller, &command, &cx)
            .map_err(|refusal| PacketFault::NotAllowed { entry, why: refusal.to_string() })?;
        for (event, logged) in events.iter_mut().zip(&logged.events) {
            as_named_then(event, logged, &named);
        }
        if events == logged.events { Ok(()) } else { Err(PacketFault::OtherEvents { entry }) }
    }

    /// What tier 1 did by rules that are not here: it was asked about these very facts, and what
    /// follows from its ruling is repeated.
    fn take(
        &mut self,
        dispute: &Dispute,
        entry: usize,
        logged: &LogEntry,
        cx: &Context<'_>,
    ) -> Result<(), PacketFault> {
        let (other, rule_set) = (PacketFault::OtherEvents { entry }, self.packet.rule_set);
        if !self.known.rule_sets.contains(&rule_set) {
            return Err(PacketFault::OtherRules);
        }
        self.taken += 1;
        let facts = self.packet.facts.as_ref().ok_or(PacketFault::Incomplete { entry })?;
        let follows = match logged.events.as_slice() {
            [DisputeEvent::Ruled(ruling), rest @ ..] => {
                let by_rule = match &ruling.basis {
                    Basis::Rule { rule, rule_set: named, facts: seen, .. } => {
                        *rule != RuleName::Conceded && *named == rule_set && *seen == facts.hash()
                    }
                    Basis::Panel { .. } | Basis::Operators { .. } => false,
                };
                let ended = || rest == [closing::by_ruling(dispute, ruling, cx)];
                let within = dispute.claim.limit(ruling.finding) == ruling.finding;
                by_rule && within && ruling.at == logged.at && (rest.is_empty() || ended())
            }
            events => {
                let response = dispute.response.ok_or(other.clone())?;
                events == [voting::no_rule(response, logged.at)]
            }
        };
        if follows { Ok(()) } else { Err(other) }
    }

    /// The batch that a panel was drawn by holds its call, and has this hash.
    fn check_seed(&self, position: u64, hash: &[u8; 32]) -> Result<(), PacketFault> {
        // The opening comes first.
        let called = self.called.and_then(|entry| self.packet.positions.get(entry + 1));
        let same = |link: &ChainLink| link.position == position && link.hash == *hash;
        let holds = called == Some(&position) && self.packet.chain.iter().any(same);
        if holds { Ok(()) } else { Err(PacketFault::UnknownSeed { position }) }
    }

    /// Who asked for what, so that the first of these events happened.
    fn cause(
        &mut self,
        dispute: &Dispute,
        first: &DisputeEvent,
        logged: &LogEntry,
    ) -> Option<(Caller, Command)> {
        let party = |side| Caller::Agent(dispute.party(side).clone());
        let lapse = Some((Caller::Timer, Command::Lapse));
        Some(match first {
            DisputeEvent::Opened { .. } => return None,
            DisputeEvent::EvidenceAdded(piece) => {
                let input = EvidenceInput {
                    sha256: piece.sha256,
                    size: piece.size,
                    media_type: piece.media_type.clone(),
                    note: piece.note.clone(),
                };
                (party(piece.by), Command::AddEvidence(input))
            }
            DisputeEvent::Responded { response, .. } => {
                let command = match response {
                    Response::Contested => Command::Contest { bonded: true },
                    Response::ContestedUnbonded => Command::Contest { bonded: false },
                    Response::Conceded => concession(logged),
                    Response::Silent => return lapse,
                };
                (party(dispute.disputer.other()), command)
            }
            DisputeEvent::SettlementOffered(offer) => {
                (party(offer.by), Command::OfferSettlement { seller: offer.seller })
            }
            DisputeEvent::Ruled(ruling) => return self.cause_of_ruling(dispute, ruling, logged),
            DisputeEvent::PanelWanted { .. } => return self.rules(),
            DisputeEvent::Escalated { why, .. } => match (dispute.phase(), why) {
                (Phase::UnderRules, _) => return self.rules(),
                (_, Escalation::PoolTooSmall) => return self.call(),
                _ => return lapse,
            },
            DisputeEvent::Called { .. } => return self.call(),
            DisputeEvent::Drawn { draw, .. } => {
                let pool = self.packet.pools.get(self.calls.checked_sub(1)?)?.clone();
                (Caller::Arbitration, Command::DrawPanel { pool, source: draw.source })
            }
            DisputeEvent::Committed { juror, commitment, .. } => {
                (Caller::Agent(juror.clone()), Command::Commit { commitment: *commitment })
            }
            DisputeEvent::Revealed { juror, vote, .. } => {
                (Caller::Agent(juror.clone()), Command::Reveal(*vote))
            }
            DisputeEvent::RevealBegan { .. } | DisputeEvent::PanelFailed { .. } => return lapse,
            DisputeEvent::Appealed { appeal, .. } => (party(appeal.by), Command::Appeal),
            DisputeEvent::GivenUp { reason, signatures, .. } => {
                let approvals = self.approvals(abort_digest(dispute, reason), signatures);
                (Caller::Operators, Command::Abort { reason: reason.clone(), approvals })
            }
            DisputeEvent::Closed { phase, verdict, .. } => {
                return self.cause_of_end(dispute, *phase, verdict.bonds, logged);
            }
        })
    }

    fn cause_of_ruling(
        &self,
        dispute: &Dispute,
        ruling: &Ruling,
        logged: &LogEntry,
    ) -> Option<(Caller, Command)> {
        match &ruling.basis {
            Basis::Rule { rule: RuleName::Conceded, .. } => {
                let disputer = ruling.finding.quarters() == 0;
                let side = if disputer { dispute.disputer } else { dispute.disputer.other() };
                Some((Caller::Agent(dispute.party(side).clone()), concession(logged)))
            }
            Basis::Rule { .. } => self.rules(),
            Basis::Panel { .. } => Some((Caller::Timer, Command::Lapse)),
            Basis::Operators { reason, signatures } => {
                let digest = ruling_digest(dispute, ruling.finding, reason);
                let approvals = self.approvals(digest, signatures);
                let (finding, reason) = (ruling.finding, reason.clone());
                Some((Caller::Operators, Command::Rule { finding, reason, approvals }))
            }
        }
    }

    fn cause_of_end(
        &self,
        dispute: &Dispute,
        phase: Phase,
        bonds: BondOutcome,
        logged: &LogEntry,
    ) -> Option<(Caller, Command)> {
        let party = |side| Caller::Agent(dispute.party(side).clone());
        Some(match (phase, bonds) {
            (Phase::Withdrawn, _) => (party(dispute.disputer), Command::Withdraw),
            (Phase::Settled, _) => {
                let by = dispute.offer.as_ref()?.by.other();
                (party(by), Command::AcceptSettlement { expected: None })
            }
            (_, BondOutcome::Withdrawn) => (party(dispute.disputer), concession(logged)),
            _ if dispute.life().passed(logged.at, &self.packet.gaps.known_at(logged.at)) => {
                (Caller::Timer, Command::LapseLife)
            }
            _ => (Caller::Timer, Command::Lapse),
        })
    }

    fn rules(&self) -> Option<(Caller, Command)> {
        let facts = Box::new(self.packet.facts.clone()?);
        Some((Caller::Arbitration, Command::ApplyRules { facts }))
    }

    fn call(&mut self) -> Option<(Caller, Command)> {
        let pool = self.packet.pools.get(self.calls)?.clone();
        self.calls += 1;
        Some((Caller::Arbitration, Command::CallPanel { pool }))
    }

    fn approvals(&self, digest: [u8; 32], signatures: &[OperatorSignature]) -> Vec<Approval> {
        let check = |signed: &OperatorSignature| {
            Approval::check(signed.clone(), digest, self.known.is_signed)
        };
        signatures.iter().filter_map(check).collect()
    }
}

/// Whether the whole escrow was given or only what was claimed is in the order's part.
fn concession(logged: &LogEntry) -> Command {
    let everything = logged.events.iter().any(|event| match event {
        DisputeEvent::Closed { verdict, .. } => {
            matches!(verdict.order, OrderEffect::Accept | OrderEffect::Decline)
        }
        _ => false,
    });
    Command::Concede { everything }
}

/// A concession asks no rule, so it does not matter by which rules it was written down; and rules
/// that rule the same may have another name.
fn as_named_then(event: &mut DisputeEvent, logged: &DisputeEvent, named: &[u8; 32]) {
    if let (DisputeEvent::Ruled(ours), DisputeEvent::Ruled(theirs)) = (event, logged)
        && let Basis::Rule { rule, rule_set, .. } = &mut ours.basis
        && let Basis::Rule { rule_set: then, .. } = &theirs.basis
        && (*rule == RuleName::Conceded || then == named)
    {
        *rule_set = *then;
    }
}
