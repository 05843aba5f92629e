//! Timers and the outbox as rows.

use std::borrow::Cow;
use std::sync::Arc;

use diesel::prelude::*;
use marketplace_money::Timestamp;
use marketplace_ports::{Effect, EffectKind, Timer};
use serde::{Deserialize, Serialize};

use crate::text::{Reader, from_hex, hex, id_text, json, lasting};
use crate::{RowError, count, from_count, subject_text};

/// A clock that acts by itself.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = crate::tables::timers)]
pub struct TimerRow {
    /// Whose clock.
    pub subject: String,
    /// Which of its clocks.
    pub kind: Cow<'static, str>,
    /// The version of the subject that set it.
    pub sequence: i64,
    /// In microseconds.
    pub due: i64,
}

impl TimerRow {
    /// The row of a timer.
    #[must_use]
    pub fn new(timer: &Timer) -> Self {
        Self {
            subject: subject_text(timer.subject),
            kind: timer.kind.into(),
            sequence: count(timer.sequence),
            due: timer.due.micros(),
        }
    }

    /// The timer of the row.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn timer(&self) -> Result<Timer, RowError> {
        let reader = Reader { table: "timers", id: &self.subject };
        Ok(Timer {
            subject: reader.text(&self.subject)?,
            kind: lasting(&self.kind),
            sequence: from_count(self.sequence),
            due: Timestamp::from_micros(self.due),
        })
    }
}

/// Work of the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = crate::tables::outbox)]
pub struct EffectRow {
    /// A UUID.
    pub id: String,
    /// JSON.
    pub work: String,
    /// In microseconds.
    pub due: i64,
    /// How often it was tried.
    pub attempts: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WorkText<'a> {
    SendWithdrawal(Cow<'a, str>),
    ResolveDeposit(Cow<'a, str>),
    Signal {
        #[serde(borrow)]
        withdrawal: Cow<'a, str>,
        order: Cow<'a, str>,
    },
    FetchDelivery {
        #[serde(borrow)]
        order: Cow<'a, str>,
        sha256: Cow<'a, str>,
        uri: Cow<'a, str>,
    },
    Notify {
        #[serde(borrow)]
        order: Cow<'a, str>,
        agent: Cow<'a, str>,
        notice: Cow<'a, str>,
    },
    NotifyDispute {
        #[serde(borrow)]
        dispute: Cow<'a, str>,
        agent: Cow<'a, str>,
        notice: Cow<'a, str>,
    },
}

impl EffectRow {
    /// The row of an effect.
    #[must_use]
    pub fn new(effect: &Effect) -> Self {
        let work = match &effect.kind {
            EffectKind::SendWithdrawal(id) => WorkText::SendWithdrawal(id_text(id.uuid()).into()),
            EffectKind::ResolveDeposit(id) => WorkText::ResolveDeposit(id_text(id.uuid()).into()),
            EffectKind::Signal { withdrawal, order } => WorkText::Signal {
                withdrawal: id_text(withdrawal.uuid()).into(),
                order: id_text(order.uuid()).into(),
            },
            EffectKind::FetchDelivery { order, sha256, uri } => WorkText::FetchDelivery {
                order: id_text(order.uuid()).into(),
                sha256: hex(sha256).into(),
                uri: uri.as_ref().into(),
            },
            EffectKind::Notify { order, agent, notice } => WorkText::Notify {
                order: id_text(order.uuid()).into(),
                agent: agent.as_str().into(),
                notice: notice.name().into(),
            },
            EffectKind::NotifyDispute { dispute, agent, notice } => WorkText::NotifyDispute {
                dispute: id_text(dispute.uuid()).into(),
                agent: agent.as_str().into(),
                notice: notice.name().into(),
            },
        };
        Self {
            id: id_text(effect.id),
            work: json(&work),
            due: effect.due.micros(),
            attempts: i64::from(effect.attempts),
        }
    }

    /// The effect of the row.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn effect(&self) -> Result<Effect, RowError> {
        let reader = Reader { table: "outbox", id: &self.id };
        let kind = match reader.json(&self.work)? {
            WorkText::SendWithdrawal(id) => EffectKind::SendWithdrawal(reader.text(&id)?),
            WorkText::ResolveDeposit(id) => EffectKind::ResolveDeposit(reader.text(&id)?),
            WorkText::Signal { withdrawal, order } => EffectKind::Signal {
                withdrawal: reader.text(&withdrawal)?,
                order: reader.text(&order)?,
            },
            WorkText::FetchDelivery { order, sha256, uri } => EffectKind::FetchDelivery {
                order: reader.text(&order)?,
                sha256: from_hex(&sha256).ok_or_else(|| reader.error("not a hash"))?,
                uri: Arc::from(uri),
            },
            WorkText::Notify { order, agent, notice } => EffectKind::Notify {
                order: reader.text(&order)?,
                agent: reader.text(&agent)?,
                notice: reader.text(&notice)?,
            },
            WorkText::NotifyDispute { dispute, agent, notice } => EffectKind::NotifyDispute {
                dispute: reader.text(&dispute)?,
                agent: reader.text(&agent)?,
                notice: reader.text(&notice)?,
            },
        };
        Ok(Effect {
            id: reader.text(&self.id)?,
            kind,
            due: Timestamp::from_micros(self.due),
            attempts: reader.small(self.attempts)?,
        })
    }
}
