//! Agents become jurors, pause, and leave with their stake.

use std::collections::HashSet;

use marketplace_disputes::JurorTerms;
use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_listings::{Invalid, ServiceType};
use marketplace_money::{Amount, Did};
use marketplace_ports::{Juror, Key};

use super::dispute::{is_juror, juror_keys, stake_changed};
use crate::desk::Desk;
use crate::disputes::JurorView;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Locks a stake, or more of it. Who asked for its stake and registers again begins anew.
#[derive(Clone, Debug)]
pub(crate) struct RegisterJuror {
    pub(crate) agent: Did,
    /// Added to what is locked.
    pub(crate) stake: Amount,
    pub(crate) service_types: Vec<ServiceType>,
}

impl Verb for RegisterJuror {
    type Reply = JurorView;

    fn keys(&self, keys: &mut HashSet<Key>) {
        juror_keys(&self.agent, keys);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        if self.stake.is_negative() {
            return Err(Invalid::new("stake", "must not be below 0").into());
        }
        let (juror, locked) = (desk.juror(&self.agent), Account::Juror(self.agent.clone()));
        let before = desk.balance(&locked);
        let stake = before.checked_add(self.stake);
        let stake = stake.ok_or(Invalid::new("stake", "is out of range"))?;
        if stake < JurorTerms::STAKE {
            return Err(Refusal::JurorStakeTooSmall { least: JurorTerms::STAKE });
        }
        if self.stake.is_positive() {
            let from = Account::Agent(self.agent.clone());
            let draft = EntryDraft::transfer(EntryKind::JurorStake, from, locked, self.stake);
            desk.post(draft.map_err(|_| Invalid::new("stake", "is out of range"))?)?;
        }
        // Who was below the least stake had no weight: its time begins again.
        let stays =
            is_juror(&juror, before) && before >= JurorTerms::STAKE && juror.leaving.is_none();
        let mut service_types = self.service_types.clone();
        service_types.sort_unstable();
        service_types.dedup();
        let registered = Juror {
            since: if stays { juror.since } else { desk.now() },
            leaving: None,
            opted_out: false,
            service_types,
            ..juror.as_ref().clone()
        };
        let row = desk.write_juror(juror.version, registered);
        let stake = stake_changed(desk, &self.agent);
        Ok(JurorView { juror: row, stake })
    }
}

/// Takes no seats for the time being, or takes them again.
#[derive(Clone, Debug)]
pub(crate) struct OptOut {
    pub(crate) agent: Did,
    pub(crate) out: bool,
}

impl Verb for OptOut {
    type Reply = JurorView;

    fn keys(&self, keys: &mut HashSet<Key>) {
        juror_keys(&self.agent, keys);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let juror = desk.juror(&self.agent);
        let stake = desk.balance(&Account::Juror(self.agent.clone()));
        if !is_juror(&juror, stake) {
            return Err(Refusal::NotAJuror);
        }
        let changed = Juror { opted_out: self.out, ..juror.as_ref().clone() };
        Ok(JurorView { juror: desk.write_juror(juror.version, changed), stake })
    }
}

/// Asks for the stake; asked again when it is free, gives it back.
#[derive(Clone, Debug)]
pub(crate) struct LeaveJury {
    pub(crate) agent: Did,
}

impl Verb for LeaveJury {
    type Reply = JurorView;

    fn keys(&self, keys: &mut HashSet<Key>) {
        juror_keys(&self.agent, keys);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let (juror, locked) = (desk.juror(&self.agent), Account::Juror(self.agent.clone()));
        let stake = desk.balance(&locked);
        if !is_juror(&juror, stake) {
            return Err(Refusal::NotAJuror);
        }
        let Some(until) = juror.free_at() else {
            let leaving = Juror { leaving: Some(desk.now()), ..juror.as_ref().clone() };
            return Ok(JurorView { juror: desk.write_juror(juror.version, leaving), stake });
        };
        if juror.seats() > 0 || desk.now() < until {
            return Err(Refusal::JurorStakeBound { seats: juror.seats(), until });
        }
        let to = Account::Agent(self.agent.clone());
        let draft = EntryDraft::transfer(EntryKind::JurorStake, locked, to, stake);
        desk.post(draft.map_err(|_| Invalid::new("stake", "is out of range"))?)?;
        let row =
            desk.write_juror(juror.version, Juror { leaving: None, ..juror.as_ref().clone() });
        let stake = stake_changed(desk, &self.agent);
        Ok(JurorView { juror: row, stake })
    }
}
