//! What operators propose, on the wire.

use std::sync::Arc;

use marketplace_engine::{OperatorAct, OperatorSet, Proposal, Refusal, Ruled, Tariff};
use marketplace_fees::FeeSchedule;
use marketplace_money::{BasisPoints, Did, Seconds, Timestamp};
use marketplace_ports::{
    HouseRule, HouseRules, Motion, MotionAction, MotionApproval, MotionState, Resolution,
    TegTransactionId,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::refusal::invalid;
use crate::{Money, NumberText, Rfc3339, Text, hex, sha256_from_hex};

/// What an operator wants done. Which fields are needed follows from `action`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MotionInput {
    /// `order.extend`, `order.refund`, `order.release`, `dispute.rule`, `dispute.abort`,
    /// `listing.delist`, `agent.freeze`, `agent.unfreeze`, `agent.adjust`, `withdrawal.resolve`,
    /// `transfer.explain`, `fees.set` or `settings.set`.
    #[schema(example = "order.extend")]
    pub action: String,
    /// Public; at most 2,000 characters.
    pub reason: String,
    /// Only look whether it could be done; nothing is written.
    #[serde(default)]
    pub dry_run: bool,
    /// Of `order.*`.
    #[serde(default)]
    pub order_id: Option<String>,
    /// Of `order.extend`: at most 30 days.
    #[serde(default)]
    pub seconds: Option<NumberText>,
    /// Of `dispute.*`.
    #[serde(default)]
    pub dispute_id: Option<String>,
    /// Of `dispute.rule`: the name of a finding.
    #[serde(default)]
    pub finding: Option<String>,
    /// Of `listing.delist`.
    #[serde(default)]
    pub listing_id: Option<String>,
    /// Of `agent.*`: a DID.
    #[serde(default)]
    pub agent: Option<String>,
    /// Of `agent.adjust`, in AVT: from our capital to the agent, below 0 the other way.
    #[serde(default)]
    pub amount: Option<NumberText>,
    /// Of `withdrawal.resolve`: one that waits, after a look at the TEG's own books.
    #[serde(default)]
    pub withdrawal_id: Option<String>,
    /// Of `withdrawal.resolve`: `resend` when its transfer was never made and never will be;
    /// `return` when the tokens shall go back to the agent.
    #[serde(default)]
    pub way: Option<String>,
    /// Of `transfer.explain`: the TEG's name of a transfer that left our account and that no
    /// withdrawal asked for; it is booked against our capital.
    #[serde(default)]
    pub transaction_id: Option<String>,
    /// Of `fees.set`, in AVT; stays when absent.
    #[serde(default)]
    pub listing_fee: Option<NumberText>,
    /// Of `fees.set`: at most 5; stays when absent.
    #[serde(default)]
    pub transaction_fee_percent: Option<NumberText>,
    /// Of `fees.set`, in AVT; stays when absent.
    #[serde(default)]
    pub dispute_fee: Option<NumberText>,
    /// Of `settings.set`: `exposure_base`, `negative_reputation_collateral` or `dispute_bond`.
    #[serde(default)]
    pub setting: Option<String>,
    /// Of `settings.set`, in AVT; `off` where there is to be no limit.
    #[serde(default)]
    pub value: Option<NumberText>,
    /// Of `dispute.*`: yours over the motion's `digest` (ask for it with `dry_run`), in
    /// hexadecimal.
    #[serde(default)]
    pub signature: Option<String>,
}

fn needed<'a>(field: &'static str, text: Option<&'a String>) -> Result<&'a str, Refusal> {
    text.map(String::as_str).ok_or_else(|| invalid(field, "is needed for this action"))
}

fn parsed<T: std::str::FromStr>(field: &'static str, text: Option<&String>) -> Result<T, Refusal> {
    needed(field, text)?.parse().map_err(|_| invalid(field, "cannot be read"))
}

impl MotionInput {
    /// What is proposed, with the fees of now for those that stay.
    ///
    /// # Errors
    /// When the action is unknown, or a field that it needs is missing or unreadable.
    pub fn proposal(&self, fees: FeeSchedule) -> Result<Proposal, Refusal> {
        let agent = || parsed::<Did>("agent", self.agent.as_ref());
        let action = match self.action.as_str() {
            "order.extend" => MotionAction::ExtendOrder {
                order: parsed("order_id", self.order_id.as_ref())?,
                by: self.seconds()?,
            },
            "order.refund" => {
                MotionAction::RefundOrder { order: parsed("order_id", self.order_id.as_ref())? }
            }
            "order.release" => {
                MotionAction::ReleaseOrder { order: parsed("order_id", self.order_id.as_ref())? }
            }
            "dispute.rule" => MotionAction::RuleDispute {
                dispute: parsed("dispute_id", self.dispute_id.as_ref())?,
                finding: needed("finding", self.finding.as_ref())?.to_owned(),
            },
            "dispute.abort" => MotionAction::AbortDispute {
                dispute: parsed("dispute_id", self.dispute_id.as_ref())?,
            },
            "listing.delist" => {
                MotionAction::Delist { listing: parsed("listing_id", self.listing_id.as_ref())? }
            }
            "agent.freeze" => MotionAction::Freeze { agent: agent()? },
            "agent.unfreeze" => MotionAction::Unfreeze { agent: agent()? },
            "agent.adjust" => {
                let amount = self.amount.as_ref();
                let amount =
                    amount.ok_or_else(|| invalid("amount", "is needed for this action"))?;
                MotionAction::Adjust { agent: agent()?, amount: amount.amount("amount")? }
            }
            "withdrawal.resolve" => MotionAction::ResolveWithdrawal {
                withdrawal: parsed("withdrawal_id", self.withdrawal_id.as_ref())?,
                resolution: self.resolution()?,
                // The engine puts in what it sees.
                version: 0,
            },
            "transfer.explain" => {
                let transaction = needed("transaction_id", self.transaction_id.as_ref())?;
                MotionAction::ExplainTransfer {
                    transaction: TegTransactionId(transaction.to_owned()),
                }
            }
            "fees.set" => MotionAction::SetFees(self.fees(fees)?),
            "settings.set" => MotionAction::SetRule(self.rule()?),
            _ => return Err(invalid("action", "is none of those that operators have")),
        };
        let reason = Arc::from(self.reason.as_str());
        let signature = signature_of(self.signature.as_deref())?;
        Ok(Proposal { action, reason, try_only: self.dry_run, signature })
    }

    fn seconds(&self) -> Result<Seconds, Refusal> {
        let text = self.seconds.as_ref();
        let text = text.ok_or_else(|| invalid("seconds", "is needed for this action"))?;
        Ok(Seconds(text.whole("seconds", 1..=2_592_000)?))
    }

    fn resolution(&self) -> Result<Resolution, Refusal> {
        match needed("way", self.way.as_ref())? {
            "resend" => Ok(Resolution::Resend),
            "return" => Ok(Resolution::Return),
            _ => Err(invalid("way", "must be resend or return")),
        }
    }

    fn rule(&self) -> Result<HouseRule, Refusal> {
        let value = self.value.as_ref();
        let value = value.ok_or_else(|| invalid("value", "is needed for this action"))?;
        let amount = || value.amount("value");
        Ok(match needed("setting", self.setting.as_ref())? {
            "exposure_base" if value.as_str() == "off" => HouseRule::ExposureBase(None),
            "exposure_base" => HouseRule::ExposureBase(Some(amount()?)),
            "negative_reputation_collateral" => HouseRule::Collateral(amount()?),
            "dispute_bond" => HouseRule::DisputeBond(amount()?),
            _ => return Err(invalid("setting", "is none of those that operators can change")),
        })
    }

    fn fees(&self, now: FeeSchedule) -> Result<FeeSchedule, Refusal> {
        let amount = |field, text: &Option<NumberText>, stays| match text {
            Some(text) => text.amount(field),
            None => Ok(stays),
        };
        let percent = |text: &NumberText| {
            let problem = "must be a percentage with at most two decimals";
            let field = "transaction_fee_percent";
            text.as_str().parse::<BasisPoints>().map_err(|_| invalid(field, problem))
        };
        let transaction = self.transaction_fee_percent.as_ref().map(percent).transpose()?;
        Ok(FeeSchedule {
            listing: amount("listing_fee", &self.listing_fee, now.listing)?,
            transaction: transaction.unwrap_or(now.transaction),
            dispute: amount("dispute_fee", &self.dispute_fee, now.dispute)?,
        })
    }
}

/// 128 hexadecimal digits.
fn signature_of(text: Option<&str>) -> Result<Option<[u8; 64]>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let halves = text.split_at_checked(64);
    let halves = halves
        .and_then(|(first, second)| Some((sha256_from_hex(first)?, sha256_from_hex(second)?)));
    let (first, second) =
        halves.ok_or_else(|| invalid("signature", "must be 128 hexadecimal digits"))?;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&first);
    signature[32..].copy_from_slice(&second);
    Ok(Some(signature))
}

/// An operator's yes.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveInput {
    /// Of `dispute.*`: yours over the motion's `digest`, in hexadecimal.
    #[serde(default)]
    pub signature: Option<String>,
}

impl ApproveInput {
    /// The signature, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> Result<Option<[u8; 64]>, Refusal> {
        signature_of(self.signature.as_deref())
    }
}

/// Why an operator does something alone.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActInput {
    /// Public; at most 2,000 characters.
    pub reason: String,
    /// Only look whether it could be done; nothing is written.
    #[serde(default)]
    pub dry_run: bool,
}

impl ActInput {
    /// The act of this operator.
    #[must_use]
    pub fn of(self, operator: Did) -> OperatorAct {
        OperatorAct { operator, reason: self.reason.into(), try_only: self.dry_run }
    }
}

/// Work that was given up, to be tried again.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryInput {
    /// Ids of dead letters, at most 1,000.
    #[schema(value_type = Vec<String>, max_items = 1_000)]
    pub letter_ids: Vec<String>,
    /// Public; at most 2,000 characters.
    pub reason: String,
    /// Only look whether it could be done; nothing is written.
    #[serde(default)]
    pub dry_run: bool,
}

impl RetryInput {
    /// Which letters, and the act of this operator.
    ///
    /// # Errors
    /// When there are none or too many.
    pub fn read(self, operator: Did) -> Result<(Vec<Uuid>, OperatorAct), Refusal> {
        const MOST: usize = 1_000;
        if self.letter_ids.is_empty() || self.letter_ids.len() > MOST {
            return Err(invalid("letter_ids", format!("must be 1 to {MOST} ids of dead letters")));
        }
        let id = |text: &String| text.parse().map_err(|_| Refusal::NotFound);
        let letters = self.letter_ids.iter().map(id).collect::<Result<_, _>>()?;
        let Self { reason, dry_run, .. } = self;
        Ok((letters, ActInput { reason, dry_run }.of(operator)))
    }
}

/// Why something is taken back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonInput {
    /// Public; at most 2,000 characters.
    pub reason: String,
}

/// Which motions.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MotionParams {
    /// `open` or `scheduled`: only those that wait. All when absent.
    pub state: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Motions that are looked through, 1 to 1,000; 100 when absent.
    #[param(value_type = Option<u32>)]
    pub limit: Option<NumberText>,
}

/// A motion, and who agrees.
#[derive(Debug, Serialize, ToSchema)]
pub struct MotionBody {
    /// Its name for ever.
    #[schema(value_type = String, format = Uuid)]
    pub motion_id: String,
    /// What shall be done.
    #[schema(example = "order.extend")]
    pub action: &'static str,
    /// What it is about: ids, DIDs and values of the action.
    #[schema(value_type = Object)]
    pub subject: serde_json::Value,
    /// Public; inert text.
    #[schema(value_type = String)]
    pub reason: Arc<str>,
    /// `open`, `lapsed`, `done`, `scheduled` or `cancelled`.
    pub state: &'static str,
    /// The proposer first.
    pub approvals: Vec<ApprovalBody>,
    /// How many it takes.
    pub needed: usize,
    /// When it was proposed.
    pub proposed_at: Rfc3339,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Rfc3339>,
    /// Until when it can be approved, or from when on it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Rfc3339>,
    /// Who took it back, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<CancelledBody>,
    /// What approvals of `dispute.*` sign, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// An operator that agrees.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalBody {
    /// Who.
    #[schema(value_type = String)]
    pub operator: Text<Did>,
    /// When.
    pub at: Rfc3339,
}

/// Why a motion will never be.
#[derive(Debug, Serialize, ToSchema)]
pub struct CancelledBody {
    /// Who took it back.
    #[schema(value_type = String)]
    pub by: Text<Did>,
    /// Inert text.
    pub reason: String,
}

/// A page of motions.
#[derive(Debug, Serialize, ToSchema)]
pub struct MotionPage {
    /// Newest first.
    pub results: Vec<MotionBody>,
    /// How many there are on this page.
    pub count: usize,
    /// Where to go on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

fn subject(action: &MotionAction) -> serde_json::Value {
    use serde_json::json;
    match action {
        MotionAction::ExtendOrder { order, by } => {
            json!({ "order_id": order.to_string(), "seconds": by.0 })
        }
        MotionAction::RefundOrder { order } | MotionAction::ReleaseOrder { order } => {
            json!({ "order_id": order.to_string() })
        }
        MotionAction::RuleDispute { dispute, finding } => {
            json!({ "dispute_id": dispute.to_string(), "finding": finding })
        }
        MotionAction::AbortDispute { dispute } => json!({ "dispute_id": dispute.to_string() }),
        MotionAction::Delist { listing } => json!({ "listing_id": listing.to_string() }),
        MotionAction::Freeze { agent } | MotionAction::Unfreeze { agent } => {
            json!({ "agent": agent.as_str() })
        }
        MotionAction::Adjust { agent, amount } => {
            json!({ "agent": agent.as_str(), "amount": amount.to_string() })
        }
        MotionAction::SetFees(fees) => json!({
            "listing_fee": fees.listing.to_string(),
            "transaction_fee_percent": fees.transaction.to_string(),
            "dispute_fee": fees.dispute.to_string(),
        }),
        MotionAction::SetRule(rule) => json!({
            "setting": rule.name(),
            "value": rule.value().map_or_else(|| "off".to_owned(), |value| value.to_string()),
        }),
        MotionAction::ResolveWithdrawal { withdrawal, resolution, .. } => {
            json!({ "withdrawal_id": withdrawal.to_string(), "way": resolution.name() })
        }
        MotionAction::ExplainTransfer { transaction } => {
            json!({ "transaction_id": transaction.0 })
        }
        MotionAction::RetryLetters { letters } => {
            let ids: Vec<String> = letters.iter().map(Uuid::to_string).collect();
            json!({ "letter_ids": ids })
        }
        MotionAction::RotateKey => json!({}),
        MotionAction::BindApiKey { agent, sha256 }
        | MotionAction::RevokeApiKey { agent, sha256 } => {
            json!({ "agent": agent.as_str(), "key_id": hex(sha256) })
        }
    }
}

impl MotionBody {
    /// As it stands at an instant.
    #[must_use]
    pub fn new(motion: &Motion, operators: &OperatorSet, now: Timestamp) -> Self {
        let approval = |approval: &MotionApproval| ApprovalBody {
            operator: Text(approval.operator.clone()),
            at: Rfc3339(approval.at),
        };
        let (state, decided_at, due) = match &motion.state {
            MotionState::Open if now >= motion.lapses_at() => ("lapsed", None, None),
            MotionState::Open => ("open", None, Some(motion.lapses_at())),
            MotionState::Done { at } => ("done", Some(*at), None),
            MotionState::Scheduled { at, from } => ("scheduled", Some(*at), Some(*from)),
            MotionState::Cancelled { at, .. } => ("cancelled", Some(*at), None),
        };
        let cancelled = match &motion.state {
            MotionState::Cancelled { by, reason, .. } => {
                Some(CancelledBody { by: Text(by.clone()), reason: reason.clone() })
            }
            _ => None,
        };
        Self {
            motion_id: motion.id.to_string(),
            action: motion.action.name(),
            subject: subject(&motion.action),
            reason: motion.reason.clone(),
            state,
            approvals: motion.approvals.iter().map(approval).collect(),
            needed: if motion.action.is_done_alone() { 1 } else { operators.needed },
            proposed_at: Rfc3339(motion.at),
            decided_at: decided_at.map(Rfc3339),
            due: due.map(Rfc3339),
            cancelled,
            digest: None,
        }
    }

    /// With what its approvals sign.
    #[must_use]
    pub fn signed_over(self, digest: Option<[u8; 32]>) -> Self {
        Self { digest: digest.map(|digest| hex(&digest)), ..self }
    }
}

/// The fees, and what becomes of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeesBody {
    /// For putting up a listing.
    pub listing_fee: Money,
    /// On top of a price.
    #[schema(value_type = String, example = "2.5")]
    pub transaction_fee_percent: Text<BasisPoints>,
    /// For opening a dispute.
    pub dispute_fee: Money,
    /// Changes that are decided and count later, the next one first. Orders and quotes keep what
    /// they were made with.
    pub changes: Vec<FeeChangeBody>,
    /// What else operators can change.
    pub settings: HouseRulesBody,
    /// Changes of that, in the same way.
    pub settings_changes: Vec<RulesChangeBody>,
}

/// What operators can change beside the fees.
#[derive(Debug, Serialize, ToSchema)]
pub struct HouseRulesBody {
    /// What may be open with a seller that has neither stake nor trusted buyers; null: there is no
    /// limit.
    pub exposure_base: Option<Money>,
    /// What lets an agent of negative reputation list.
    pub negative_reputation_collateral: Money,
    /// What a dispute costs beside its fee.
    pub dispute_bond: Money,
}

impl From<HouseRules> for HouseRulesBody {
    fn from(rules: HouseRules) -> Self {
        Self {
            exposure_base: rules.exposure_base.map(Money),
            negative_reputation_collateral: Money(rules.collateral),
            dispute_bond: Money(rules.dispute_bond),
        }
    }
}

/// Other rules, from an instant on.
#[derive(Debug, Serialize, ToSchema)]
pub struct RulesChangeBody {
    /// From when on.
    pub from: Rfc3339,
    /// What counts then.
    #[serde(flatten)]
    pub settings: HouseRulesBody,
}

/// Other fees, from an instant on.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeeChangeBody {
    /// From when on.
    pub from: Rfc3339,
    /// For putting up a listing.
    pub listing_fee: Money,
    /// On top of a price.
    #[schema(value_type = String, example = "2.5")]
    pub transaction_fee_percent: Text<BasisPoints>,
    /// For opening a dispute.
    pub dispute_fee: Money,
}

impl FeesBody {
    /// Of an instant.
    #[must_use]
    pub fn new(tariff: &Tariff, rules: &Ruled<HouseRules>, now: Timestamp) -> Self {
        let fees = tariff.at(now);
        let change = |(from, fees): &(Timestamp, FeeSchedule)| FeeChangeBody {
            from: Rfc3339(*from),
            listing_fee: Money(fees.listing),
            transaction_fee_percent: Text(fees.transaction),
            dispute_fee: Money(fees.dispute),
        };
        Self {
            listing_fee: Money(fees.listing),
            transaction_fee_percent: Text(fees.transaction),
            dispute_fee: Money(fees.dispute),
            changes: tariff.to_come(now).map(change).collect(),
            settings: rules.at(now).into(),
            settings_changes: rules
                .to_come(now)
                .map(|(from, rules)| RulesChangeBody {
                    from: Rfc3339(*from),
                    settings: (*rules).into(),
                })
                .collect(),
        }
    }
}
