//! What the event log says of disputes, who may see it, and who is told.

use marketplace_disputes::{
    Basis, BondOutcome, Dispute, DisputeEvent, OrderEffect, Ruling, Side, State, Verdict,
};
use marketplace_money::{Amount, Did, OrderId};
use marketplace_ports::{Notice, SealedEvent, Subject};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::events::hex;

/// Who may see an event: buyer and seller, in this order, and the panel where it concerns it.
pub(crate) fn audience(dispute: &Dispute, event: &DisputeEvent) -> Vec<Did> {
    let mut audience = vec![dispute.buyer.clone(), dispute.seller.clone()];
    let concerns_panel = matches!(
        event,
        DisputeEvent::EvidenceAdded(_)
            | DisputeEvent::Drawn { .. }
            | DisputeEvent::RevealBegan { .. }
            | DisputeEvent::Revealed { .. }
            | DisputeEvent::PanelFailed { .. }
            | DisputeEvent::Ruled(_)
    );
    if let Some(panel) = dispute.panel().filter(|_| concerns_panel) {
        audience.extend(panel.seats.iter().map(|seat| seat.juror.clone()));
    }
    audience
}

/// The order that an event of a dispute is about; nothing for any other event.
#[must_use]
pub fn disputed_order(event: &SealedEvent) -> Option<OrderId> {
    #[derive(Deserialize)]
    struct About {
        order_id: String,
    }
    let Subject::Dispute(_) = event.subject else { return None };
    let about: About = serde_json::from_str(&event.data).ok()?;
    about.order_id.parse().ok()
}

/// Who loses its bond by this verdict.
fn lost_by(dispute: &Dispute, verdict: &Verdict) -> Option<Side> {
    match verdict.bonds {
        BondOutcome::Upheld | BondOutcome::Undefended => Some(dispute.disputer.other()),
        BondOutcome::Rejected => Some(dispute.disputer),
        _ => None,
    }
}

/// What an event of a dispute says: enough to follow it without asking back.
pub(crate) fn dispute_data(dispute: &Dispute, event: &DisputeEvent) -> String {
    let mut data = Map::new();
    let mut put = |name: &str, value: Value| drop(data.insert(name.to_owned(), value));
    put("order_id", json!(dispute.order.to_string()));
    put("version", json!(dispute.version));
    put("phase", json!(dispute.phase().name()));
    match event {
        DisputeEvent::Opened { .. } => opened_data(dispute, &mut put),
        DisputeEvent::EvidenceAdded(piece) => {
            put("by", json!(piece.by.name()));
            put("sha256", json!(hex(&piece.sha256)));
            put("size", json!(piece.size));
            put("note", json!(piece.note.as_ref()));
        }
        DisputeEvent::Responded { response, .. } => put("response", json!(response.name())),
        DisputeEvent::SettlementOffered(offer) => {
            put("by", json!(offer.by.name()));
            put("seller_share", json!(offer.seller.to_string()));
        }
        DisputeEvent::Called { pool, size, .. } => {
            put("pool", json!(hex(pool)));
            put("size", json!(size));
        }
        DisputeEvent::Drawn { draw, jurors, .. } => {
            put("batch", json!(draw.source.position));
            put("seed_source", json!(hex(&draw.source.hash)));
            let names: Vec<&str> = jurors.iter().map(Did::as_str).collect();
            put("jurors", json!(names));
        }
        DisputeEvent::Committed { juror, commitment, .. } => {
            put("juror", json!(juror.as_str()));
            put("commitment", json!(hex(commitment)));
        }
        DisputeEvent::Revealed { juror, vote, .. } => {
            put("juror", json!(juror.as_str()));
            put("ballot", json!(vote.ballot.name()));
            put("salt", json!(hex(&vote.salt)));
        }
        DisputeEvent::Escalated { why, .. } => put("why", json!(why.name())),
        DisputeEvent::Ruled(ruling) => ruling_data(ruling, &mut put),
        DisputeEvent::Appealed { appeal, .. } => {
            put("by", json!(appeal.by.name()));
            put("bond", json!(appeal.bond.to_string()));
        }
        DisputeEvent::GivenUp { reason, .. } => put("reason", json!(reason.as_ref())),
        DisputeEvent::Closed { verdict, .. } => closed_data(dispute, verdict, &mut put),
        DisputeEvent::PanelWanted { .. }
        | DisputeEvent::RevealBegan { .. }
        | DisputeEvent::PanelFailed { .. } => {}
    }
    if let Some(step) = dispute.step() {
        data.insert("due".to_owned(), json!(step.deadline.due.micros()));
    }
    Value::Object(data).to_string()
}

fn opened_data(dispute: &Dispute, put: &mut impl FnMut(&str, Value)) {
    put("disputer", json!(dispute.disputer.name()));
    put("category", json!(dispute.claim.category.name()));
    put("remedy", json!(dispute.claim.remedy.name()));
    put("reason", json!(dispute.reason.as_ref()));
    put("bond", json!(dispute.stakes.bond.to_string()));
    put("fee", json!(dispute.stakes.fee.to_string()));
    put("counter_bond", json!(dispute.stakes.counter_bond.to_string()));
    put("price", json!(dispute.price.price.to_string()));
}

fn ruling_data(ruling: &Ruling, put: &mut impl FnMut(&str, Value)) {
    put("finding", json!(ruling.finding.name()));
    put("tier", json!(ruling.basis.tier()));
    match &ruling.basis {
        Basis::Rule { rule, rule_set, facts, .. } => {
            put("rule", json!(rule.name()));
            put("rule_set", json!(hex(rule_set)));
            put("facts", json!(hex(facts)));
        }
        Basis::Panel { revealed } => put("revealed", json!(revealed)),
        Basis::Operators { reason, signatures } => {
            put("reason", json!(reason.as_ref()));
            let names: Vec<&str> = signatures.iter().map(|s| s.operator.as_str()).collect();
            put("operators", json!(names));
        }
    }
}

fn closed_data(dispute: &Dispute, verdict: &Verdict, put: &mut impl FnMut(&str, Value)) {
    put("finding", json!(verdict.finding.map(marketplace_disputes::Finding::name)));
    put("bonds", json!(verdict.bonds.name()));
    put("lost_by", json!(lost_by(dispute, verdict).map(Side::name)));
    put("price", json!(dispute.price.price.to_string()));
    put("compensation", json!(verdict.compensation.to_string()));
    let (order, seller) = match verdict.order {
        OrderEffect::Rule { seller } => ("ruled", Some(seller)),
        OrderEffect::Settle { seller } => ("settled", Some(seller)),
        OrderEffect::Resume => ("resumed", None),
        OrderEffect::Accept => ("accepted", None),
        OrderEffect::Decline => ("declined", None),
        OrderEffect::Abort => ("aborted", None),
    };
    put("order", json!(order));
    put("seller_share", json!(seller.map(|seller| seller.to_string())));
}

/// What a juror has at stake.
pub(crate) fn stake_data(stake: Amount) -> String {
    json!({ "stake": stake.to_string() }).to_string()
}

/// Who is told of an event, after which the dispute is as `dispute` says.
pub(crate) fn notices(dispute: &Dispute, event: &DisputeEvent) -> Vec<(Did, Notice)> {
    let party = |side: Side, notice| vec![(dispute.party(side).clone(), notice)];
    let both = |notice| {
        [Side::Buyer, Side::Seller].map(|side| (dispute.party(side).clone(), notice)).to_vec()
    };
    let jurors = |notice| {
        let seats = dispute.panel().map_or(&[][..], |panel| &panel.seats);
        seats.iter().map(|seat| (seat.juror.clone(), notice)).collect()
    };
    match event {
        DisputeEvent::Opened { .. } => party(dispute.disputer.other(), Notice::DisputeOpened),
        DisputeEvent::Responded { .. } => party(dispute.disputer, Notice::DisputeAnswered),
        DisputeEvent::EvidenceAdded(piece) => party(piece.by.other(), Notice::DisputeEvidence),
        DisputeEvent::SettlementOffered(offer) => party(offer.by.other(), Notice::DisputeOffer),
        DisputeEvent::Appealed { appeal, .. } => party(appeal.by.other(), Notice::DisputeAppealed),
        DisputeEvent::Escalated { .. } => both(Notice::DisputeEscalated),
        DisputeEvent::Ruled(_) => both(Notice::DisputeRuled),
        DisputeEvent::Closed { .. } => both(Notice::DisputeClosed),
        DisputeEvent::Drawn { .. } => jurors(Notice::JurorSeated),
        DisputeEvent::RevealBegan { .. } => jurors(Notice::JurorReveals),
        _ => Vec::new(),
    }
}

/// The message: what happened, and where the dispute stands when it is sent.
pub(crate) fn message(id: Uuid, notice: Notice, dispute: &Dispute, marketplace: &Did) -> String {
    let verdict = match &dispute.state {
        State::Closed(closed) => Some(closed.verdict),
        _ => None,
    };
    let finding = verdict.and_then(|verdict| verdict.finding);
    let finding = finding.or_else(|| dispute.ruling().map(|ruling| ruling.finding));
    json!({
        "type": notice.name(),
        "dispute_id": dispute.id.to_string(),
        "order_id": dispute.order.to_string(),
        "buyer": dispute.buyer.as_str(),
        "seller": dispute.seller.as_str(),
        "disputer": dispute.disputer.name(),
        "category": dispute.claim.category.name(),
        "phase": dispute.phase().name(),
        "finding": finding.map(marketplace_disputes::Finding::name),
        "from": marketplace.as_str(),
        "notification_id": id.to_string(),
    })
    .to_string()
}
