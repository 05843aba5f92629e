//! The log of a dispute as JSON text: one text for its opening, one for each commit after it.

use std::sync::Arc;

use marketplace_disputes::{
    Appeal, Basis, Board, Claim, DeliveryFacts, Dispute, DisputeEvent, Draw, Evidence, Finding,
    LogEntry, Offer, OperatorSignature, OrderEffect, OrderFacts, Round, Ruling, SeedSource, Stakes,
    State, Verdict, Vote, Windows,
};
use marketplace_fees::Price;
use marketplace_money::{Amount, Deadline, Did, Multiplier, Seconds, Timestamp};
use serde::{Deserialize, Serialize};

use crate::RowError;
use crate::text::{Reader, from_hex, hex, id_text, json, lasting};

/// From and due, in microseconds.
type Span = (i64, i64);
/// Who signed, and 128 hexadecimal digits.
type SignatureText = (String, String);

#[derive(Serialize, Deserialize)]
struct OpeningText {
    order: String,
    buyer: String,
    seller: String,
    disputer: String,
    base: i64,
    multiplier_ppm: u32,
    price: i64,
    fee: i64,
    total: i64,
    delivered: bool,
    category: String,
    remedy: String,
    reason: String,
    /// D, f, R.
    stakes: (i64, i64, i64),
    /// To respond, to commit, to reveal, to appeal.
    windows: (u32, u32, u32, u32),
    ruling_time: u32,
    at: i64,
}

#[derive(Serialize, Deserialize)]
struct EntryText {
    at: i64,
    events: Vec<EventText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    facts: Option<FactsText>,
    /// Names the rules that saw the facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule_set: Option<String>,
    /// Who they were, and how many had to agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operators: Option<(Vec<String>, usize)>,
    /// The name of a pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pool: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EventText {
    Opened(i64),
    Evidence {
        by: String,
        sha256: String,
        size: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_type: Option<String>,
        note: String,
        at: i64,
    },
    Responded(String, i64),
    Offered(String, i64, Span),
    PanelWanted(i64),
    Called(String, usize, i64),
    Drawn {
        position: u64,
        hash: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        beacon: Option<String>,
        at: i64,
        jurors: Vec<String>,
        until: Span,
    },
    Committed(String, String, i64),
    RevealBegan(Span),
    Revealed(String, String, String, i64),
    PanelFailed(i64),
    Escalated(String, i64),
    Ruled {
        finding: String,
        basis: BasisText,
        at: i64,
    },
    Appealed(String, i64, String, i64),
    GivenUp(String, Vec<SignatureText>, i64),
    Closed {
        phase: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finding: Option<String>,
        bonds: String,
        order: EffectText,
        compensation: i64,
        at: i64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BasisText {
    Rule { rule: String, rule_set: String, facts: String, inputs: Vec<(String, String)> },
    Panel(usize),
    Operators(String, Vec<SignatureText>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EffectText {
    Rule(i64),
    Resume,
    Settle(i64),
    Accept,
    Decline,
    Abort,
}

#[derive(Serialize, Deserialize)]
struct FactsText {
    acceptance: String,
    funded_at: i64,
    promised: u32,
    due: i64,
    disputed_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivery: Option<DeliveryText>,
    exclusive: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    also_delivered_to: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct DeliveryText {
    first_at: i64,
    recorded: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hashed_again: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checks: Option<bool>,
}

fn span(deadline: Deadline) -> Span {
    (deadline.from.micros(), deadline.due.micros())
}

fn deadline((from, due): Span) -> Deadline {
    Deadline { from: time(from), due: time(due) }
}

const fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

const fn nano(nano: i64) -> Amount {
    Amount::from_nano(nano)
}

/// The text of version 1.
pub(crate) fn opening_text(dispute: &Dispute) -> String {
    let (price, stakes, windows) = (dispute.price, dispute.stakes, dispute.windows);
    json(&OpeningText {
        order: id_text(dispute.order.uuid()),
        buyer: dispute.buyer.to_string(),
        seller: dispute.seller.to_string(),
        disputer: dispute.disputer.to_string(),
        base: price.base.nano(),
        multiplier_ppm: price.multiplier.ppm(),
        price: price.price.nano(),
        fee: price.fee.nano(),
        total: price.total.nano(),
        delivered: dispute.delivered,
        category: dispute.claim.category.to_string(),
        remedy: dispute.claim.remedy.to_string(),
        reason: dispute.reason.as_ref().to_owned(),
        stakes: (stakes.bond.nano(), stakes.fee.nano(), stakes.counter_bond.nano()),
        windows: (windows.respond.0, windows.commit.0, windows.reveal.0, windows.appeal.0),
        ruling_time: dispute.ruling_time.0,
        at: dispute.opened_at.micros(),
    })
}

/// The dispute as it was opened.
pub(crate) fn opening(reader: Reader<'_>, text: &str) -> Result<Dispute, RowError> {
    let text: OpeningText = reader.json(text)?;
    let (bond, fee, counter_bond) = text.stakes;
    let (respond, commit, reveal, appeal) = text.windows;
    let at = time(text.at);
    let windows = Windows {
        respond: Seconds(respond),
        commit: Seconds(commit),
        reveal: Seconds(reveal),
        appeal: Seconds(appeal),
    };
    Ok(Dispute {
        id: reader.text(reader.id)?,
        version: 1,
        order: reader.text(&text.order)?,
        buyer: reader.text(&text.buyer)?,
        seller: reader.text(&text.seller)?,
        disputer: reader.text(&text.disputer)?,
        price: Price {
            base: nano(text.base),
            multiplier: Multiplier::from_ppm(text.multiplier_ppm),
            price: nano(text.price),
            fee: nano(text.fee),
            total: nano(text.total),
        },
        delivered: text.delivered,
        claim: Claim { category: reader.text(&text.category)?, remedy: reader.text(&text.remedy)? },
        reason: text.reason.into(),
        stakes: Stakes { bond: nano(bond), fee: nano(fee), counter_bond: nano(counter_bond) },
        windows,
        ruling_time: Seconds(text.ruling_time),
        opened_at: at,
        response: None,
        evidence: Vec::new(),
        offer: None,
        rounds: vec![Round { began: at, appeal: None, panels: Vec::new(), ruling: None }],
        state: State::AwaitingResponse { respond: Deadline::after(at, windows.respond) },
    })
}

/// What a commit was decided on.
#[derive(Clone, Copy, Default)]
pub(crate) struct Beside<'a> {
    pub(crate) facts: Option<&'a OrderFacts>,
    pub(crate) rule_set: Option<&'a [u8; 32]>,
    pub(crate) operators: Option<&'a Board>,
    pub(crate) pool: Option<&'a [u8; 32]>,
}

/// The text of a later version.
pub(crate) fn entry_text(entry: &LogEntry, beside: Beside<'_>) -> String {
    let board = |board: &Board| (board.keys.iter().map(Did::to_string).collect(), board.needed);
    json(&EntryText {
        at: entry.at.micros(),
        events: entry.events.iter().map(event_text).collect(),
        facts: beside.facts.map(facts_text),
        rule_set: beside.rule_set.map(|name| hex(name)),
        operators: beside.operators.map(board),
        pool: beside.pool.map(|name| hex(name)),
    })
}

/// What a text of a later version says.
pub(crate) struct Kept {
    pub(crate) entry: LogEntry,
    pub(crate) facts: Option<OrderFacts>,
    pub(crate) rule_set: Option<[u8; 32]>,
    pub(crate) operators: Option<Board>,
    pub(crate) pool: Option<[u8; 32]>,
}

/// The commit of a text, and what it was decided on.
pub(crate) fn entry(reader: Reader<'_>, text: &str) -> Result<Kept, RowError> {
    let text: EntryText = reader.json(text)?;
    let events = text.events.into_iter().map(|text| event(reader, text));
    let entry = LogEntry { at: time(text.at), events: events.collect::<Result<_, _>>()? };
    Ok(Kept {
        entry,
        facts: text.facts.map(|text| facts(reader, text)).transpose()?,
        rule_set: text.rule_set.map(|name| bytes(reader, &name)).transpose()?,
        operators: text.operators.map(|text| board(reader, text)).transpose()?,
        pool: text.pool.map(|name| bytes(reader, &name)).transpose()?,
    })
}

fn board(reader: Reader<'_>, text: (Vec<String>, usize)) -> Result<Board, RowError> {
    let (names, needed) = text;
    let keys = names.iter().map(|did| reader.text(did)).collect::<Result<_, _>>()?;
    Ok(Board { keys, needed })
}

fn event_text(event: &DisputeEvent) -> EventText {
    match event {
        DisputeEvent::Opened { at } => EventText::Opened(at.micros()),
        DisputeEvent::EvidenceAdded(piece) => EventText::Evidence {
            by: piece.by.to_string(),
            sha256: hex(&piece.sha256),
            size: piece.size,
            media_type: piece.media_type.as_deref().map(str::to_owned),
            note: piece.note.as_ref().to_owned(),
            at: piece.at.micros(),
        },
        DisputeEvent::Responded { response, at } => {
            EventText::Responded(response.to_string(), at.micros())
        }
        DisputeEvent::SettlementOffered(offer) => {
            EventText::Offered(offer.by.to_string(), offer.seller.nano(), span(offer.lapses))
        }
        DisputeEvent::PanelWanted { at } => EventText::PanelWanted(at.micros()),
        DisputeEvent::Called { pool, size, at } => EventText::Called(hex(pool), *size, at.micros()),
        DisputeEvent::Drawn { draw, jurors, until } => drawn_text(draw, jurors, *until),
        DisputeEvent::Committed { juror, commitment, at } => {
            EventText::Committed(juror.to_string(), hex(commitment), at.micros())
        }
        DisputeEvent::RevealBegan { until } => EventText::RevealBegan(span(*until)),
        DisputeEvent::Revealed { juror, vote, at } => EventText::Revealed(
            juror.to_string(),
            vote.ballot.to_string(),
            hex(&vote.salt),
            at.micros(),
        ),
        DisputeEvent::PanelFailed { at } => EventText::PanelFailed(at.micros()),
        DisputeEvent::Escalated { why, at } => EventText::Escalated(why.to_string(), at.micros()),
        DisputeEvent::Ruled(ruling) => EventText::Ruled {
            finding: ruling.finding.to_string(),
            basis: basis_text(&ruling.basis),
            at: ruling.at.micros(),
        },
        DisputeEvent::Appealed { appeal, at } => EventText::Appealed(
            appeal.by.to_string(),
            appeal.bond.nano(),
            appeal.against.to_string(),
            at.micros(),
        ),
        DisputeEvent::GivenUp { reason, signatures, at } => {
            EventText::GivenUp(reason.as_ref().to_owned(), signatures_text(signatures), at.micros())
        }
        DisputeEvent::Closed { phase, verdict, at } => EventText::Closed {
            phase: phase.to_string(),
            finding: verdict.finding.map(|finding| finding.to_string()),
            bonds: verdict.bonds.to_string(),
            order: effect_text(verdict.order),
            compensation: verdict.compensation.nano(),
            at: at.micros(),
        },
    }
}

fn drawn_text(draw: &Draw, jurors: &[Did], until: Deadline) -> EventText {
    EventText::Drawn {
        position: draw.source.position,
        hash: hex(&draw.source.hash),
        beacon: draw.source.beacon.map(|beacon| hex(&beacon)),
        at: draw.at.micros(),
        jurors: jurors.iter().map(Did::to_string).collect(),
        until: span(until),
    }
}

fn basis_text(basis: &Basis) -> BasisText {
    match basis {
        Basis::Rule { rule, rule_set, facts, inputs } => BasisText::Rule {
            rule: rule.to_string(),
            rule_set: hex(rule_set),
            facts: hex(facts),
            inputs: inputs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        },
        Basis::Panel { revealed } => BasisText::Panel(*revealed),
        Basis::Operators { reason, signatures } => {
            BasisText::Operators(reason.as_ref().to_owned(), signatures_text(signatures))
        }
    }
}

fn effect_text(effect: OrderEffect) -> EffectText {
    match effect {
        OrderEffect::Rule { seller } => EffectText::Rule(seller.nano()),
        OrderEffect::Resume => EffectText::Resume,
        OrderEffect::Settle { seller } => EffectText::Settle(seller.nano()),
        OrderEffect::Accept => EffectText::Accept,
        OrderEffect::Decline => EffectText::Decline,
        OrderEffect::Abort => EffectText::Abort,
    }
}

fn facts_text(facts: &OrderFacts) -> FactsText {
    FactsText {
        acceptance: facts.acceptance.to_string(),
        funded_at: facts.funded_at.micros(),
        promised: facts.promised.0,
        due: facts.due.micros(),
        disputed_at: facts.disputed_at.micros(),
        delivery: facts.delivery.as_ref().map(|delivery| DeliveryText {
            first_at: delivery.first_at.micros(),
            recorded: hex(&delivery.recorded),
            hashed_again: delivery.hashed_again.map(|hash| hex(&hash)),
            checks: delivery.checks,
        }),
        exclusive: facts.exclusive,
        also_delivered_to: facts.also_delivered_to.map(|order| id_text(order.uuid())),
    }
}

/// Signatures as they are kept.
fn signatures_text(signatures: &[OperatorSignature]) -> Vec<SignatureText> {
    let text = |signed: &OperatorSignature| (signed.operator.to_string(), hex(&signed.signature));
    signatures.iter().map(text).collect()
}

fn bytes<const N: usize>(reader: Reader<'_>, text: &str) -> Result<[u8; N], RowError> {
    from_hex(text).ok_or_else(|| reader.error(format_args!("wants {N} bytes in hexadecimal")))
}

/// The signatures of a row.
fn signatures(
    reader: Reader<'_>,
    texts: Vec<SignatureText>,
) -> Result<Vec<OperatorSignature>, RowError> {
    let signed = |(operator, signature): SignatureText| {
        let (operator, signature) = (reader.text(&operator)?, bytes(reader, &signature)?);
        Ok(OperatorSignature { operator, signature })
    };
    texts.into_iter().map(signed).collect()
}

fn event(reader: Reader<'_>, text: EventText) -> Result<DisputeEvent, RowError> {
    Ok(match text {
        EventText::Opened(at) => DisputeEvent::Opened { at: time(at) },
        EventText::Evidence { by, sha256, size, media_type, note, at } => {
            DisputeEvent::EvidenceAdded(Evidence {
                by: reader.text(&by)?,
                sha256: bytes(reader, &sha256)?,
                size,
                media_type: media_type.map(Arc::from),
                note: note.into(),
                at: time(at),
            })
        }
        EventText::Responded(response, at) => {
            DisputeEvent::Responded { response: reader.text(&response)?, at: time(at) }
        }
        EventText::Offered(by, seller, lapses) => DisputeEvent::SettlementOffered(Offer {
            by: reader.text(&by)?,
            seller: nano(seller),
            lapses: deadline(lapses),
        }),
        EventText::Appealed(by, bond, against, at) => {
            let (by, against) = (reader.text(&by)?, reader.text(&against)?);
            DisputeEvent::Appealed {
                appeal: Appeal { by, bond: nano(bond), against },
                at: time(at),
            }
        }
        EventText::Ruled { finding, basis: text, at } => DisputeEvent::Ruled(Ruling {
            finding: reader.text(&finding)?,
            basis: basis(reader, text)?,
            at: time(at),
        }),
        EventText::Escalated(why, at) => {
            DisputeEvent::Escalated { why: reader.text(&why)?, at: time(at) }
        }
        EventText::GivenUp(reason, signed, at) => DisputeEvent::GivenUp {
            reason: reason.into(),
            signatures: signatures(reader, signed)?,
            at: time(at),
        },
        EventText::Closed { phase, finding, bonds, order, compensation, at } => {
            let finding: Option<Finding> =
                finding.map(|finding| reader.text(&finding)).transpose()?;
            let bonds = reader.text(&bonds)?;
            let (order, compensation) = (effect(&order), nano(compensation));
            let verdict = Verdict { finding, bonds, order, compensation };
            DisputeEvent::Closed { phase: reader.text(&phase)?, verdict, at: time(at) }
        }
        panel => panel_event(reader, panel)?,
    })
}

fn panel_event(reader: Reader<'_>, text: EventText) -> Result<DisputeEvent, RowError> {
    Ok(match text {
        EventText::PanelWanted(at) => DisputeEvent::PanelWanted { at: time(at) },
        EventText::PanelFailed(at) => DisputeEvent::PanelFailed { at: time(at) },
        EventText::RevealBegan(until) => DisputeEvent::RevealBegan { until: deadline(until) },
        EventText::Called(pool, size, at) => {
            DisputeEvent::Called { pool: bytes(reader, &pool)?, size, at: time(at) }
        }
        EventText::Drawn { position, hash, beacon, at, jurors, until } => {
            let (hash, beacon) =
                (bytes(reader, &hash)?, beacon.map(|text| bytes(reader, &text)).transpose()?);
            let draw = Draw { source: SeedSource { position, hash, beacon }, at: time(at) };
            let jurors = jurors.iter().map(|juror| reader.text(juror));
            let jurors = jurors.collect::<Result<_, _>>()?;
            DisputeEvent::Drawn { draw, jurors, until: deadline(until) }
        }
        EventText::Committed(juror, commitment, at) => DisputeEvent::Committed {
            juror: reader.text(&juror)?,
            commitment: bytes(reader, &commitment)?,
            at: time(at),
        },
        EventText::Revealed(juror, ballot, salt, at) => {
            let vote = Vote { ballot: reader.text(&ballot)?, salt: bytes(reader, &salt)? };
            DisputeEvent::Revealed { juror: reader.text(&juror)?, vote, at: time(at) }
        }
        _ => return Err(reader.error("an event of a dispute that is none of a panel")),
    })
}

fn basis(reader: Reader<'_>, text: BasisText) -> Result<Basis, RowError> {
    Ok(match text {
        BasisText::Rule { rule, rule_set, facts, inputs } => Basis::Rule {
            rule: reader.text(&rule)?,
            rule_set: bytes(reader, &rule_set)?,
            facts: bytes(reader, &facts)?,
            inputs: inputs.into_iter().map(|(name, value)| (lasting(&name), value)).collect(),
        },
        BasisText::Panel(revealed) => Basis::Panel { revealed },
        BasisText::Operators(reason, signed) => {
            Basis::Operators { reason: reason.into(), signatures: signatures(reader, signed)? }
        }
    })
}

const fn effect(text: &EffectText) -> OrderEffect {
    match text {
        EffectText::Rule(seller) => OrderEffect::Rule { seller: nano(*seller) },
        EffectText::Resume => OrderEffect::Resume,
        EffectText::Settle(seller) => OrderEffect::Settle { seller: nano(*seller) },
        EffectText::Accept => OrderEffect::Accept,
        EffectText::Decline => OrderEffect::Decline,
        EffectText::Abort => OrderEffect::Abort,
    }
}

fn facts(reader: Reader<'_>, text: FactsText) -> Result<OrderFacts, RowError> {
    let delivery = |text: DeliveryText| {
        Ok(DeliveryFacts {
            first_at: time(text.first_at),
            recorded: bytes(reader, &text.recorded)?,
            hashed_again: text.hashed_again.map(|hash| bytes(reader, &hash)).transpose()?,
            checks: text.checks,
        })
    };
    Ok(OrderFacts {
        acceptance: reader.text(&text.acceptance)?,
        funded_at: time(text.funded_at),
        promised: Seconds(text.promised),
        due: time(text.due),
        disputed_at: time(text.disputed_at),
        delivery: text.delivery.map(delivery).transpose()?,
        exclusive: text.exclusive,
        also_delivered_to: text.also_delivered_to.map(|id| reader.text(&id)).transpose()?,
    })
}
