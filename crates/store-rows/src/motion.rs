//! Motions of the operators as rows: a name, a version, and the rest as JSON. Nothing looks into it
//! but us, and there are few.

use diesel::prelude::*;
use marketplace_fees::FeeSchedule;
use marketplace_money::{Amount, BasisPoints, Seconds, Timestamp};
use marketplace_ports::{
    HouseRule, Motion, MotionAction, MotionApproval, MotionState, Resolution, TegTransactionId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text::{Reader, from_hex, hex, id_text, json};
use crate::{RowError, count, from_count};

/// What operators propose.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = crate::tables::motions)]
pub struct MotionRow {
    /// A UUID; in the order of its bytes.
    pub id: String,
    /// From 1.
    pub version: i64,
    /// JSON.
    pub body: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActionJson {
    ExtendOrder { order: String, by: u32 },
    RefundOrder { order: String },
    ReleaseOrder { order: String },
    RuleDispute { dispute: String, finding: String },
    AbortDispute { dispute: String },
    Delist { listing: String },
    Freeze { agent: String },
    Unfreeze { agent: String },
    Adjust { agent: String, amount: i64 },
    SetFees { listing: i64, transaction_bps: u32, dispute: i64 },
    ExposureBase { amount: Option<i64> },
    Collateral { amount: i64 },
    DisputeBond { amount: i64 },
    ResolveWithdrawal { withdrawal: String, resend: bool, version: u64 },
    ExplainTransfer { transaction: String },
    RetryLetters { letters: Vec<String> },
    RotateKey,
    BindApiKey { agent: String, sha256: String },
    RevokeApiKey { agent: String, sha256: String },
}

#[derive(Serialize, Deserialize)]
struct ApprovalJson {
    operator: String,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<[String; 2]>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateJson {
    Open,
    Done { at: i64 },
    Scheduled { at: i64, from: i64 },
    Cancelled { by: String, reason: String, at: i64 },
}

#[derive(Serialize, Deserialize)]
struct BodyJson {
    action: ActionJson,
    reason: String,
    approvals: Vec<ApprovalJson>,
    state: StateJson,
    at: i64,
}

fn halves(signature: &[u8; 64]) -> [String; 2] {
    let (mut first, mut second) = ([0; 32], [0; 32]);
    first.copy_from_slice(&signature[..32]);
    second.copy_from_slice(&signature[32..]);
    [hex(&first), hex(&second)]
}

fn joined(halves: &[String; 2]) -> Option<[u8; 64]> {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&from_hex::<32>(&halves[0])?);
    signature[32..].copy_from_slice(&from_hex::<32>(&halves[1])?);
    Some(signature)
}

impl From<&MotionAction> for ActionJson {
    fn from(action: &MotionAction) -> Self {
        let text = |id: Uuid| id_text(id);
        match action {
            MotionAction::ExtendOrder { order, by } => {
                Self::ExtendOrder { order: text(order.uuid()), by: by.0 }
            }
            MotionAction::RefundOrder { order } => Self::RefundOrder { order: text(order.uuid()) },
            MotionAction::ReleaseOrder { order } => {
                Self::ReleaseOrder { order: text(order.uuid()) }
            }
            MotionAction::RuleDispute { dispute, finding } => {
                Self::RuleDispute { dispute: text(dispute.uuid()), finding: finding.clone() }
            }
            MotionAction::AbortDispute { dispute } => {
                Self::AbortDispute { dispute: text(dispute.uuid()) }
            }
            MotionAction::Delist { listing } => Self::Delist { listing: text(listing.uuid()) },
            MotionAction::Freeze { agent } => Self::Freeze { agent: agent.to_string() },
            MotionAction::Unfreeze { agent } => Self::Unfreeze { agent: agent.to_string() },
            MotionAction::Adjust { agent, amount } => {
                Self::Adjust { agent: agent.to_string(), amount: amount.nano() }
            }
            MotionAction::SetFees(fees) => Self::SetFees {
                listing: fees.listing.nano(),
                transaction_bps: fees.transaction.get(),
                dispute: fees.dispute.nano(),
            },
            MotionAction::SetRule(rule) => Self::of_rule(*rule),
            MotionAction::ResolveWithdrawal { withdrawal, resolution, version } => {
                Self::ResolveWithdrawal {
                    withdrawal: text(withdrawal.uuid()),
                    resend: *resolution == Resolution::Resend,
                    version: *version,
                }
            }
            MotionAction::ExplainTransfer { transaction } => {
                Self::ExplainTransfer { transaction: transaction.0.clone() }
            }
            MotionAction::RetryLetters { letters } => {
                Self::RetryLetters { letters: letters.iter().copied().map(text).collect() }
            }
            MotionAction::RotateKey => Self::RotateKey,
            MotionAction::BindApiKey { agent, sha256 } => {
                Self::BindApiKey { agent: agent.to_string(), sha256: hex(sha256) }
            }
            MotionAction::RevokeApiKey { agent, sha256 } => {
                Self::RevokeApiKey { agent: agent.to_string(), sha256: hex(sha256) }
            }
        }
    }
}

impl ActionJson {
    fn of_rule(rule: HouseRule) -> Self {
        match rule {
            HouseRule::ExposureBase(base) => {
                Self::ExposureBase { amount: base.map(|amount| amount.nano()) }
            }
            HouseRule::Collateral(amount) => Self::Collateral { amount: amount.nano() },
            HouseRule::DisputeBond(amount) => Self::DisputeBond { amount: amount.nano() },
        }
    }
}

impl ActionJson {
    fn read(&self, reader: Reader<'_>) -> Result<MotionAction, RowError> {
        let (amount, rule) = (|nano: &i64| Amount::from_nano(*nano), MotionAction::SetRule);
        let hash =
            |text: &String| from_hex::<32>(text).ok_or_else(|| reader.error("a hash has 32 bytes"));
        Ok(match self {
            Self::ExtendOrder { order, by } => {
                MotionAction::ExtendOrder { order: reader.text(order)?, by: Seconds(*by) }
            }
            Self::RefundOrder { order } => MotionAction::RefundOrder { order: reader.text(order)? },
            Self::ReleaseOrder { order } => {
                MotionAction::ReleaseOrder { order: reader.text(order)? }
            }
            Self::RuleDispute { dispute, finding } => {
                let (dispute, finding) = (reader.text(dispute)?, finding.clone());
                MotionAction::RuleDispute { dispute, finding }
            }
            Self::AbortDispute { dispute } => {
                MotionAction::AbortDispute { dispute: reader.text(dispute)? }
            }
            Self::Delist { listing } => MotionAction::Delist { listing: reader.text(listing)? },
            Self::Freeze { agent } => MotionAction::Freeze { agent: reader.text(agent)? },
            Self::Unfreeze { agent } => MotionAction::Unfreeze { agent: reader.text(agent)? },
            Self::Adjust { agent, amount: moved } => {
                MotionAction::Adjust { agent: reader.text(agent)?, amount: amount(moved) }
            }
            Self::SetFees { listing, transaction_bps, dispute } => {
                let transaction = BasisPoints::new(*transaction_bps);
                let (listing, dispute) = (amount(listing), amount(dispute));
                MotionAction::SetFees(FeeSchedule { listing, transaction, dispute })
            }
            Self::ExposureBase { amount: base } => {
                rule(HouseRule::ExposureBase(base.as_ref().map(amount)))
            }
            Self::Collateral { amount: set } => rule(HouseRule::Collateral(amount(set))),
            Self::DisputeBond { amount: set } => rule(HouseRule::DisputeBond(amount(set))),
            Self::ResolveWithdrawal { withdrawal, resend, version } => {
                let (withdrawal, version) = (reader.text(withdrawal)?, *version);
                let resolution = if *resend { Resolution::Resend } else { Resolution::Return };
                MotionAction::ResolveWithdrawal { withdrawal, resolution, version }
            }
            Self::ExplainTransfer { transaction } => {
                MotionAction::ExplainTransfer { transaction: TegTransactionId(transaction.clone()) }
            }
            Self::RetryLetters { letters } => {
                let letters = letters.iter().map(|letter| reader.text(letter));
                MotionAction::RetryLetters { letters: letters.collect::<Result<_, _>>()? }
            }
            Self::RotateKey => MotionAction::RotateKey,
            Self::BindApiKey { agent, sha256 } => {
                MotionAction::BindApiKey { agent: reader.text(agent)?, sha256: hash(sha256)? }
            }
            Self::RevokeApiKey { agent, sha256 } => {
                MotionAction::RevokeApiKey { agent: reader.text(agent)?, sha256: hash(sha256)? }
            }
        })
    }
}

impl From<&MotionState> for StateJson {
    fn from(state: &MotionState) -> Self {
        match state {
            MotionState::Open => Self::Open,
            MotionState::Done { at } => Self::Done { at: at.micros() },
            MotionState::Scheduled { at, from } => {
                Self::Scheduled { at: at.micros(), from: from.micros() }
            }
            MotionState::Cancelled { by, reason, at } => {
                Self::Cancelled { by: by.to_string(), reason: reason.clone(), at: at.micros() }
            }
        }
    }
}

impl StateJson {
    fn read(self, reader: Reader<'_>) -> Result<MotionState, RowError> {
        let time = Timestamp::from_micros;
        Ok(match self {
            Self::Open => MotionState::Open,
            Self::Done { at } => MotionState::Done { at: time(at) },
            Self::Scheduled { at, from } => {
                MotionState::Scheduled { at: time(at), from: time(from) }
            }
            Self::Cancelled { by, reason, at } => {
                MotionState::Cancelled { by: reader.text(&by)?, reason, at: time(at) }
            }
        })
    }
}

impl MotionRow {
    /// The row of a motion.
    #[must_use]
    pub fn new(motion: &Motion) -> Self {
        let approvals = motion.approvals.iter().map(|approval| ApprovalJson {
            operator: approval.operator.to_string(),
            at: approval.at.micros(),
            signature: approval.signature.as_ref().map(halves),
        });
        let body = BodyJson {
            action: (&motion.action).into(),
            reason: motion.reason.to_string(),
            approvals: approvals.collect(),
            state: (&motion.state).into(),
            at: motion.at.micros(),
        };
        Self { id: id_text(motion.id), version: count(motion.version), body: json(&body) }
    }

    /// The motion of the row.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn motion(self) -> Result<Motion, RowError> {
        let reader = Reader { table: "motions", id: &self.id };
        let body: BodyJson = reader.json(&self.body)?;
        let approval = |approval: ApprovalJson| {
            let signature = approval.signature.map(|halves| {
                joined(&halves).ok_or_else(|| reader.error("a signature has 64 bytes"))
            });
            Ok(MotionApproval {
                operator: reader.text(&approval.operator)?,
                at: Timestamp::from_micros(approval.at),
                signature: signature.transpose()?,
            })
        };
        Ok(Motion {
            id: Uuid::try_parse(&self.id).map_err(|error| reader.error(error))?,
            version: from_count(self.version),
            action: body.action.read(reader)?,
            reason: body.reason.into(),
            approvals: body.approvals.into_iter().map(approval).collect::<Result<_, _>>()?,
            state: body.state.read(reader)?,
            at: Timestamp::from_micros(body.at),
        })
    }
}
