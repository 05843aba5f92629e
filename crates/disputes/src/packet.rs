//! The verdict packet: everything that it takes to repeat a dispute, and the repetition.
//!
//! Nothing in it is believed. The log says which events happened; [`verify`] asks [`decide`] at
//! each step whether they could, with the facts, the pools and the signatures that the packet
//! brings, so rules, draws, votes and rulings are all done again. Then the postings are made again
//! from the events, and the slice of the marketplace's chain of hashes is checked.

use std::fmt;

use marketplace_ledger::EntryDraft;
use marketplace_money::{Amount, Did, Gaps, Timestamp};

use crate::digest::chained;
use crate::{
    Approval, Basis, BondOutcome, Caller, Command, Context, Dispute, DisputeEvent, Escalation,
    EvidenceInput, OperatorSignature, Operators, OrderEffect, OrderFacts, Phase, Pool, Response,
    RuleName, Ruling, SignatureCheck, abort_digest, apply, decide, posting, rule_set_hash,
    ruling_digest,
};

/// The events of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The commit's time.
    pub at: Timestamp,
    /// In order.
    pub events: Vec<DisputeEvent>,
}

/// A batch of the marketplace's chain of hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Its place in the chain.
    pub position: u64,
    /// The hash of the batch before it.
    pub previous: [u8; 32],
    /// Its own: SHA-256 over `previous` and the content.
    pub hash: [u8; 32],
    /// What the batch adds, as it was hashed; nothing where others' business is in it. Then the
    /// hash is to be compared with a copy that somebody kept.
    pub content: Option<Vec<u8>>,
}

/// Everything about a closed dispute.
#[derive(Clone, Debug)]
pub struct Packet {
    /// As it was opened, in version 1.
    pub opened: Dispute,
    /// All commits after the opening, in order.
    pub log: Vec<LogEntry>,
    /// What the rules saw; nothing where they were never asked.
    pub facts: Option<OrderFacts>,
    /// Of each call of a panel, in order; also one that was too small.
    pub pools: Vec<Pool>,
    /// Our downtime.
    pub gaps: Gaps,
    /// The operators' names.
    pub operators: Vec<Did>,
    /// How many of them had to agree.
    pub operators_needed: usize,
    /// Names the rules.
    pub rule_set: [u8; 32],
    /// What it came to.
    pub closed: Dispute,
    /// The money, in order, from the opening on.
    pub postings: Vec<EntryDraft>,
    /// At least the batches that panels were drawn by; ordered by position.
    pub chain: Vec<ChainLink>,
}

/// Why a packet is not what happened under our rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PacketFault {
    /// It was decided by other rules than these.
    OtherRules,
    /// The packet does not bring what this commit needs.
    Incomplete {
        /// Which commit of the log, from 0.
        entry: usize,
    },
    /// These events could not happen.
    NotAllowed {
        /// Which commit of the log, from 0.
        entry: usize,
        /// What the rules say.
        why: String,
    },
    /// Other events would have happened.
    OtherEvents {
        /// Which commit of the log, from 0.
        entry: usize,
    },
    /// The log does not lead to what the packet says.
    OtherEnd,
    /// The money is not what the events move.
    OtherPostings,
    /// A batch does not have the hash that it claims, or does not follow the one before it.
    BrokenChain {
        /// Which batch.
        position: u64,
    },
    /// A panel was drawn by a batch that is not in the chain.
    UnknownSeed {
        /// Which batch.
        position: u64,
    },
}

impl fmt::Display for PacketFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherRules => f.write_str("it was decided by another version of the rules"),
            Self::Incomplete { entry } => write!(f, "it lacks what commit {entry} was decided on"),
            Self::NotAllowed { entry, why } => write!(f, "commit {entry} is not allowed: {why}"),
            Self::OtherEvents { entry } => write!(f, "commit {entry} should have been another"),
            Self::OtherEnd => f.write_str("the log does not lead to this end"),
            Self::OtherPostings => f.write_str("the postings are not what the log moves"),
            Self::BrokenChain { position } => {
                write!(f, "batch {position} does not have the hash that it claims")
            }
            Self::UnknownSeed { position } => {
                write!(f, "a panel was drawn by batch {position}, which is not in the chain")
            }
        }
    }
}

impl std::error::Error for PacketFault {}

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Commits that were decided again.
    pub commits: usize,
    /// Panels that were drawn again.
    pub panels: usize,
    /// Votes that were opened again.
    pub votes: usize,
    /// Entries that were posted again.
    pub entries: usize,
    /// Batches whose content gave their hash.
    pub batches: usize,
}

/// Repeats the dispute.
///
/// # Errors
/// The first thing that is not as our rules have it.
pub fn verify(packet: &Packet, is_signed: SignatureCheck<'_>) -> Result<Verified, PacketFault> {
    if packet.rule_set != rule_set_hash() {
        return Err(PacketFault::OtherRules);
    }
    let mut verified = Verified { batches: check_chain(&packet.chain)?, ..Verified::default() };
    let mut replay = Replay { packet, is_signed, calls: 0 };
    let mut dispute = packet.opened.clone();
    let opened = DisputeEvent::Opened { at: dispute.opened_at };
    let mut entries = Vec::new();
    entries.extend(posting(&dispute, &opened).map_err(|_| PacketFault::OtherPostings)?);
    for (number, entry) in packet.log.iter().enumerate() {
        replay.step(&dispute, number, entry)?;
        for event in &entry.events {
            let posted = posting(&dispute, event).map_err(|_| PacketFault::OtherPostings)?;
            entries.extend(posted);
            dispute = crate::evolve(dispute, event);
            verified.votes += usize::from(matches!(event, DisputeEvent::Revealed { .. }));
            if let DisputeEvent::Drawn { draw, .. } = event {
                check_seed(&packet.chain, draw.source.position, &draw.source.hash)?;
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
    verified.entries = entries.len();
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

fn check_seed(chain: &[ChainLink], position: u64, hash: &[u8; 32]) -> Result<(), PacketFault> {
    let known = chain.iter().any(|link| link.position == position && link.hash == *hash);
    if known { Ok(()) } else { Err(PacketFault::UnknownSeed { position }) }
}

struct Replay<'a> {
    packet: &'a Packet,
    is_signed: SignatureCheck<'a>,
    calls: usize,
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
        // The balance of then is not ours to know: what was paid is, and it was covered.
        let paid = logged.events.iter().find_map(|event| match event {
            DisputeEvent::Closed { verdict, .. } => Some(verdict.compensation),
            _ => None,
        });
        let operators = &self.packet.operators;
        let gaps = self.packet.gaps.known_at(logged.at);
        let cx = Context {
            now: logged.at,
            gaps: &gaps,
            respondent_available: paid.unwrap_or(Amount::ZERO),
            operators: Operators { keys: operators, needed: self.packet.operators_needed },
        };
        let events = decide(dispute, &caller, &command, &cx)
            .map_err(|refusal| PacketFault::NotAllowed { entry, why: refusal.to_string() })?;
        if events == logged.events { Ok(()) } else { Err(PacketFault::OtherEvents { entry }) }
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
        let check =
            |signed: &OperatorSignature| Approval::check(signed.clone(), digest, self.is_signed);
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
