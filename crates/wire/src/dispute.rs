//! Disputes on the wire: what is claimed, how it stands, who may do what.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use marketplace_disputes::{
    AvailableAction, Basis, Category, Claim, Dispute, Evidence, Finding, Panel, Phase, Remedy,
    Response, Ruling, Side, Stage, State, Vote,
};
use marketplace_engine::{DisputeRequest, DisputeView, EvidenceRequest, Refusal};
use marketplace_money::{Amount, Did, DisputeId, OrderId};
use marketplace_ports::Page;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::refusal::invalid;
use crate::{Money, NumberText, Rfc3339, Text, hex, sha256_from_hex};

/// What opens a dispute.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisputeInput {
    /// About which order.
    #[schema(format = Uuid)]
    pub order_id: String,
    /// `non_delivery`, `wrong_content`, `failed_checks`, `poor_quality`, `incomplete`, `late`,
    /// `duplicate`, `buyer_refuses` or `other`.
    #[schema(example = "poor_quality")]
    pub category: String,
    /// `quarter`, `half`, `three_quarters` or `full`: how much of the price is wanted; `full` when
    /// absent.
    #[serde(default)]
    #[schema(example = "full")]
    pub remedy: Option<String>,
    /// In your words; at most 2,000 characters.
    pub reason: String,
}

impl DisputeInput {
    /// What is claimed.
    ///
    /// # Errors
    /// When a field cannot be read.
    pub fn request(self) -> Result<DisputeRequest, Refusal> {
        dispute_request(&self.order_id, &self.category, self.remedy.as_deref(), &self.reason)
    }
}

/// A claim from its words.
///
/// # Errors
/// When a field cannot be read.
pub fn dispute_request(
    order: &str,
    category: &str,
    remedy: Option<&str>,
    reason: &str,
) -> Result<DisputeRequest, Refusal> {
    let order = order.parse().map_err(|_| marketplace_escrow::OrderRefusal::NotFound)?;
    let category: Category = category.parse().map_err(|problem| invalid("category", problem))?;
    let remedy = match remedy {
        Some(name) => name.parse().map_err(|problem| invalid("remedy", problem))?,
        None => Remedy::Full,
    };
    Ok(DisputeRequest { order, claim: Claim { category, remedy }, reason: reason.into() })
}

/// A piece of evidence: `inline` or `inline_base64`.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceInput {
    /// The bytes as text.
    #[serde(default)]
    pub inline: Option<String>,
    /// The bytes in base64.
    #[serde(default)]
    pub inline_base64: Option<String>,
    /// As you say.
    #[serde(default)]
    pub media_type: Option<String>,
    /// What it shows; at most 2,000 characters.
    #[serde(default)]
    pub note: String,
}

impl EvidenceInput {
    /// The bytes and what is said of them.
    ///
    /// # Errors
    /// When there are none, or two.
    pub fn request(self) -> Result<EvidenceRequest, Refusal> {
        let bytes = match (self.inline, self.inline_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => {
                STANDARD.decode(text).map_err(|_| invalid("inline_base64", "must be base64"))?
            }
            _ => return Err(invalid("inline", "or inline_base64 must hold the evidence")),
        };
        Ok(EvidenceRequest { bytes, media_type: self.media_type, note: self.note })
    }
}

/// Disagreement with a claim.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContestInput {
    /// `false` only for who cannot pay the counter-bond: it gets no compensation, and no panel.
    #[serde(default)]
    pub bonded: Option<bool>,
}

/// A proposal to share the price.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementInput {
    /// What the seller gets: 0 to the price.
    pub seller: NumberText,
}

/// Agreement with the other side's proposal.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptSettlementInput {
    /// What the seller gets, as you know it: another offer is refused.
    #[serde(default)]
    pub seller: Option<NumberText>,
}

/// A sealed vote.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommitInput {
    /// SHA-256 in hexadecimal over your ballot and salt, as `marketplace-admin try vote` makes it.
    pub commitment: String,
}

/// An opened vote.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevealInput {
    /// `rejected`, `unproven`, `quarter`, `half`, `three_quarters` or `full`.
    #[schema(example = "half")]
    pub ballot: String,
    /// The 32 bytes that hid it, in hexadecimal.
    pub salt: String,
}

/// Reads 64 hexadecimal digits.
///
/// # Errors
/// With the name of the field.
pub fn digest_of(field: &'static str, text: &str) -> Result<[u8; 32], Refusal> {
    sha256_from_hex(text).ok_or_else(|| invalid(field, "must be 64 hexadecimal digits"))
}

impl RevealInput {
    /// The vote.
    ///
    /// # Errors
    /// When a field cannot be read.
    pub fn vote(&self) -> Result<Vote, Refusal> {
        let ballot = self.ballot.parse().map_err(|problem: &str| invalid("ballot", problem))?;
        Ok(Vote { ballot, salt: digest_of("salt", &self.salt)? })
    }
}

/// Which disputes.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DisputeParams {
    /// `true`: only those that are not over.
    pub open: Option<bool>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Disputes on a page, 1 to 1,000; 100 when absent.
    #[param(value_type = Option<u32>)]
    pub limit: Option<NumberText>,
}

/// A dispute as its parties, its jurors and operators see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputeBody {
    /// Its name for ever.
    #[schema(value_type = String, format = Uuid)]
    pub dispute_id: Text<DisputeId>,
    /// About which order.
    #[schema(value_type = String, format = Uuid)]
    pub order_id: Text<OrderId>,
    /// From 1; grows with every change.
    pub version: u64,
    /// Where it is, such as `AWAITING_RESPONSE` or `FINAL`.
    #[schema(value_type = String, example = "AWAITING_RESPONSE")]
    pub phase: Text<Phase>,
    /// Who pays for the order.
    #[schema(value_type = String)]
    pub buyer: Text<Did>,
    /// Who delivers.
    #[schema(value_type = String)]
    pub seller: Text<Did>,
    /// `buyer` or `seller`: who disputes.
    #[schema(value_type = String, example = "buyer")]
    pub disputer: Text<Side>,
    /// What is said to be wrong.
    #[schema(value_type = String, example = "poor_quality")]
    pub category: Text<Category>,
    /// How much of the price is wanted.
    #[schema(value_type = String, example = "full")]
    pub remedy: Text<Remedy>,
    /// In the disputer's words; inert text.
    #[schema(value_type = String)]
    pub reason: Text<Arc<str>>,
    /// The price of the order.
    pub price: Money,
    /// What the disputer posted.
    pub bond: Money,
    /// What a dispute costs.
    pub fee: Money,
    /// What a respondent posts that contests.
    pub counter_bond: Money,
    /// When it was opened.
    pub opened_at: Rfc3339,
    /// `contested`, `contested_unbonded`, `conceded` or `silent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub response: Option<Text<Response>>,
    /// What the parties handed in, in order.
    pub evidence: Vec<EvidenceBody>,
    /// An open proposal to share the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<SettlementBody>,
    /// Each ruling and how it came to be; an appeal begins another round.
    pub rounds: Vec<RoundBody>,
    /// The clock of the present step, with our downtime credited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<DisputeStepBody>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<VerdictBody>,
    /// What the caller may do now.
    pub available_actions: Vec<DisputeActionBody>,
}

/// A piece of evidence; its bytes are at `/evidence/{sha256}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvidenceBody {
    /// `buyer` or `seller`.
    #[schema(value_type = String, example = "buyer")]
    pub by: Text<Side>,
    /// Of the bytes.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
    /// As the party says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub media_type: Option<Text<Arc<str>>>,
    /// As the party says; inert text.
    #[schema(value_type = String)]
    pub note: Text<Arc<str>>,
    /// When.
    pub at: Rfc3339,
}

/// A proposal to share the price.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettlementBody {
    /// `buyer` or `seller`.
    #[schema(value_type = String, example = "seller")]
    pub by: Text<Side>,
    /// What the seller would get.
    pub seller: Money,
    /// After that it is void.
    pub until: Rfc3339,
}

/// One way to a ruling.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoundBody {
    /// Who appealed, where the round is an appeal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub appealed_by: Option<Text<Side>>,
    /// What the appeal cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appeal_bond: Option<Money>,
    /// Its panels; the last one counts.
    pub panels: Vec<PanelBody>,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ruling: Option<RulingBody>,
}

/// A panel of jurors.
#[derive(Debug, Serialize, ToSchema)]
pub struct PanelBody {
    /// Seats.
    pub size: usize,
    /// `called`, `committing`, `revealing`, `found` or `failed`.
    #[schema(example = "committing")]
    pub stage: &'static str,
    /// SHA-256 of the frozen pool that it is drawn from.
    pub pool: String,
    /// Who sits on it, in the order drawn, and how far each has come.
    pub seats: Vec<SeatBody>,
}

/// A juror's seat.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeatBody {
    /// Who.
    #[schema(value_type = String)]
    pub juror: Text<Did>,
    /// Whether it has handed in a sealed vote.
    pub committed: bool,
    /// Its vote, once it has opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ballot: Option<Text<Finding>>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct RulingBody {
    /// `rejected`, `unproven`, or the part of the price that the disputer gets.
    #[schema(value_type = String, example = "half")]
    pub finding: Text<Finding>,
    /// 1: rules, 2: a panel, 3: operators.
    pub tier: u8,
    /// The rule of tier 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Names the version of all rules, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_set: Option<String>,
    /// What the rule looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<RuleInputBody>,
    /// The operators' reason; inert text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reason: Option<Text<Arc<str>>>,
    /// When.
    pub at: Rfc3339,
}

/// Something that a rule looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleInputBody {
    /// What.
    pub name: String,
    /// As it was.
    pub value: String,
}

/// The clock of a step.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputeStepBody {
    /// `respond`, `commit`, `reveal`, `appeal`, `operators`, …
    #[schema(example = "respond")]
    pub step: &'static str,
    /// Until when.
    pub at: Rfc3339,
}

/// How a dispute ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerdictBody {
    /// What was found; absent where it ended without a ruling.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub finding: Option<Text<Finding>>,
    /// What became of the bonds: a row of the money table, such as `upheld`.
    pub bonds: &'static str,
    /// What became of the order: `rule`, `resume`, `settle`, `accept`, `decline` or `abort`.
    pub order: &'static str,
    /// What the seller gets of the price, where the verdict says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller: Option<Money>,
    /// What the respondent pays the disputer beside that.
    pub compensation: Money,
    /// When.
    pub at: Rfc3339,
}

/// Something that the caller may do now.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputeActionBody {
    /// What.
    #[schema(example = "contest")]
    pub action: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path.
    pub path: String,
    /// The bond that it costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bond: Option<Money>,
    /// What the seller would get of the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller: Option<Money>,
    /// Until when, where a clock runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Rfc3339>,
}

/// A page of disputes.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputePage {
    /// Newest first.
    pub results: Vec<DisputeBody>,
    /// Results in this answer.
    pub count: usize,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl From<&Evidence> for EvidenceBody {
    fn from(piece: &Evidence) -> Self {
        Self {
            by: Text(piece.by),
            sha256: hex(&piece.sha256),
            size: piece.size,
            media_type: piece.media_type.clone().map(Text),
            note: Text(piece.note.clone()),
            at: Rfc3339(piece.at),
        }
    }
}

impl From<&Panel> for PanelBody {
    fn from(panel: &Panel) -> Self {
        let stage = match panel.stage {
            Stage::Called => "called",
            Stage::Committing => "committing",
            Stage::Revealing => "revealing",
            Stage::Found(_) => "found",
            Stage::TooFewCommitted | Stage::TooFewRevealed => "failed",
        };
        let seats = panel.seats.iter().map(|seat| SeatBody {
            juror: Text(seat.juror.clone()),
            committed: seat.commitment.is_some(),
            ballot: seat.vote.map(|vote| Text(vote.ballot)),
        });
        Self { size: panel.size, stage, pool: hex(&panel.pool), seats: seats.collect() }
    }
}

impl From<&Ruling> for RulingBody {
    fn from(ruling: &Ruling) -> Self {
        let (mut rule, mut rule_set, mut inputs, mut reason) = (None, None, Vec::new(), None);
        match &ruling.basis {
            Basis::Rule { rule: name, rule_set: set, inputs: looked_at, .. } => {
                rule = Some(name.name().to_owned());
                rule_set = Some(hex(set));
                let input = |(name, value): &(&'static str, String)| RuleInputBody {
                    name: (*name).to_owned(),
                    value: value.clone(),
                };
                inputs = looked_at.iter().map(input).collect();
            }
            Basis::Panel { .. } => {}
            Basis::Operators { reason: words, .. } => reason = Some(Text(words.clone())),
        }
        let (finding, tier) = (Text(ruling.finding), ruling.basis.tier());
        Self { finding, tier, rule, rule_set, inputs, reason, at: Rfc3339(ruling.at) }
    }
}

fn verdict(dispute: &Dispute) -> Option<VerdictBody> {
    use marketplace_disputes::OrderEffect;
    let State::Closed(closed) = &dispute.state else { return None };
    let (order, seller) = match closed.verdict.order {
        OrderEffect::Rule { seller } => ("rule", Some(seller)),
        OrderEffect::Resume => ("resume", None),
        OrderEffect::Settle { seller } => ("settle", Some(seller)),
        OrderEffect::Accept => ("accept", Some(dispute.price.price)),
        OrderEffect::Decline => ("decline", Some(Amount::ZERO)),
        OrderEffect::Abort => ("abort", None),
    };
    Some(VerdictBody {
        finding: closed.verdict.finding.map(Text),
        bonds: closed.verdict.bonds.name(),
        order,
        seller: seller.map(Money),
        compensation: Money(closed.verdict.compensation),
        at: Rfc3339(closed.at),
    })
}

impl DisputeActionBody {
    fn new(dispute: &Dispute, action: &AvailableAction) -> Self {
        let name = action.verb.name();
        // What is handed in is a thing of its own.
        let place = if name == "add-evidence" { "evidence" } else { name };
        Self {
            action: name,
            method: "POST",
            path: format!("/api/v1/disputes/{}/{place}", dispute.id),
            bond: action.bond.map(Money),
            seller: action.seller.map(Money),
            until: action.until.map(Rfc3339),
        }
    }
}

impl DisputeBody {
    /// As `viewer` sees it.
    #[must_use]
    pub fn new(view: &DisputeView, viewer: &Did) -> Self {
        let dispute = view.dispute();
        let round = |round: &marketplace_disputes::Round| RoundBody {
            appealed_by: round.appeal.as_ref().map(|appeal| Text(appeal.by)),
            appeal_bond: round.appeal.as_ref().map(|appeal| Money(appeal.bond)),
            panels: round.panels.iter().map(PanelBody::from).collect(),
            ruling: round.ruling.as_ref().map(RulingBody::from),
        };
        let offer = dispute.offer.as_ref().map(|offer| SettlementBody {
            by: Text(offer.by),
            seller: Money(offer.seller),
            until: Rfc3339(offer.lapses.effective(&view.gaps)),
        });
        let due = dispute.step().map(|step| DisputeStepBody {
            step: step.kind.name(),
            at: Rfc3339(step.deadline.effective(&view.gaps)),
        });
        let actions = view.actions(viewer);
        Self {
            dispute_id: Text(dispute.id),
            order_id: Text(dispute.order),
            version: dispute.version,
            phase: Text(dispute.phase()),
            buyer: Text(dispute.buyer.clone()),
            seller: Text(dispute.seller.clone()),
            disputer: Text(dispute.disputer),
            category: Text(dispute.claim.category),
            remedy: Text(dispute.claim.remedy),
            reason: Text(dispute.reason.clone()),
            price: Money(dispute.price.price),
            bond: Money(dispute.stakes.bond),
            fee: Money(dispute.stakes.fee),
            counter_bond: Money(dispute.stakes.counter_bond),
            opened_at: Rfc3339(dispute.opened_at),
            response: dispute.response.map(Text),
            evidence: dispute.evidence.iter().map(EvidenceBody::from).collect(),
            offer,
            rounds: dispute.rounds.iter().map(round).collect(),
            due,
            verdict: verdict(dispute),
            available_actions: actions
                .iter()
                .map(|action| DisputeActionBody::new(dispute, action))
                .collect(),
        }
    }
}

impl DisputePage {
    /// As `viewer` sees them.
    #[must_use]
    pub fn new(page: &Page<DisputeView>, viewer: &Did) -> Self {
        let results: Vec<_> =
            page.items.iter().map(|view| DisputeBody::new(view, viewer)).collect();
        let next_cursor = page.next.map(|cursor| cursor.to_string());
        Self { count: results.len(), results, next_cursor }
    }
}

/// The original's reply to `dispute_request`.
#[must_use]
pub fn disputed_reply(view: &DisputeView) -> String {
    let dispute = view.dispute();
    let due = dispute.step().map(|step| step.deadline.effective(&view.gaps));
    let respond_by = due.map(|due| format!(r#","respond_by":"{}""#, Rfc3339(due)));
    format!(
        r#"{{"type":"dispute_response","status":"success","dispute_id":"{}","bond":"{}","fee":"{}"{}}}"#,
        dispute.id,
        dispute.stakes.bond,
        dispute.stakes.fee,
        respond_by.unwrap_or_default(),
    )
}
