//! What the operators have decided and is in force: other fees, frozen agents. Kept in memory,
//! derived from their motions; every server follows the others' within the time of a wake-up.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use marketplace_fees::FeeSchedule;
use marketplace_money::{Did, Timestamp};
use marketplace_ports::{HouseRule, HouseRules, Motion, MotionAction, MotionState};
use tokio::sync::Notify;
use uuid::Uuid;

/// What operators decide on, over time. A change is known 48 hours before it counts, so that no
/// server is too late to hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled<T> {
    base: T,
    changes: Vec<(Timestamp, T)>,
}

/// The fees over time.
pub type Tariff = Ruled<FeeSchedule>;

impl<T: Copy> Ruled<T> {
    /// What counts at an instant.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> T {
        let last = self.changes.iter().rev().find(|(from, _)| *from <= now);
        last.map_or(self.base, |(_, value)| *value)
    }

    /// Changes that are still to come, the next one first.
    pub fn to_come(&self, now: Timestamp) -> impl Iterator<Item = &(Timestamp, T)> {
        self.changes.iter().filter(move |(from, _)| *from > now)
    }
}

#[derive(Default)]
struct Known {
    motions: HashMap<Uuid, Arc<Motion>>,
    fees: Vec<(Timestamp, FeeSchedule)>,
    rules: Vec<(Timestamp, HouseRule)>,
    frozen: HashSet<Did>,
}

/// Motions whose effect lasts.
#[derive(Default)]
pub(crate) struct InForce {
    known: RwLock<Known>,
    /// Whoever goes by them looks again.
    pub(crate) changed: Notify,
}

impl InForce {
    /// Follows a motion. An older version never replaces a newer one.
    pub(crate) fn put(&self, motion: &Arc<Motion>) {
        let lasts = matches!(
            motion.action,
            MotionAction::Freeze { .. }
                | MotionAction::Unfreeze { .. }
                | MotionAction::SetFees(_)
                | MotionAction::SetRule(_)
        );
        if !lasts {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.motions.get(&motion.id).is_some_and(|old| old.version >= motion.version) {
            return;
        }
        known.motions.insert(motion.id, motion.clone());
        known.fees = scheduled(&known.motions, |action| match action {
            MotionAction::SetFees(fees) => Some(*fees),
            _ => None,
        });
        known.rules = scheduled(&known.motions, |action| match action {
            MotionAction::SetRule(rule) => Some(*rule),
            _ => None,
        });
        known.frozen = frozen(&known.motions);
        drop(known);
        self.changed.notify_waiters();
    }

    pub(crate) fn tariff(&self, base: FeeSchedule) -> Tariff {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Tariff { base, changes: known.fees.clone() }
    }

    pub(crate) fn rules(&self, base: HouseRules) -> Ruled<HouseRules> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut rules = base;
        let changes = known.rules.iter().map(|(from, rule)| {
            rules = rules.with(*rule);
            (*from, rules)
        });
        Ruled { base, changes: changes.collect() }
    }

    pub(crate) fn is_frozen(&self, did: &Did) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).frozen.contains(did)
    }
}

fn scheduled<T>(
    motions: &HashMap<Uuid, Arc<Motion>>,
    of: impl Fn(&MotionAction) -> Option<T>,
) -> Vec<(Timestamp, T)> {
    let scheduled = motions.values().filter_map(|motion| match motion.state {
        MotionState::Scheduled { from, .. } => Some(((from, motion.id), of(&motion.action)?)),
        _ => None,
    });
    let sorted: BTreeMap<(Timestamp, Uuid), T> = scheduled.collect();
    sorted.into_iter().map(|((from, _), value)| (from, value)).collect()
}

fn frozen(motions: &HashMap<Uuid, Arc<Motion>>) -> HashSet<Did> {
    let mut last: HashMap<&Did, (Timestamp, Uuid, bool)> = HashMap::new();
    for motion in motions.values() {
        let MotionState::Done { at } = motion.state else { continue };
        let (agent, freezes) = match &motion.action {
            MotionAction::Freeze { agent } => (agent, true),
            MotionAction::Unfreeze { agent } => (agent, false),
            _ => continue,
        };
        let word = (at, motion.id, freezes);
        let known = last.entry(agent).or_insert(word);
        *known = word.max(*known);
    }
    last.into_iter().filter(|(_, (_, _, freezes))| *freezes).map(|(did, _)| did.clone()).collect()
}

#[cfg(test)]
mod tests {
    use marketplace_money::{Amount, BasisPoints};

    use super::*;

    fn motion(id: u128, action: MotionAction, state: MotionState) -> Arc<Motion> {
        Arc::new(Motion {
            id: Uuid::from_u128(id),
            version: 1,
            action,
            reason: "r".into(),
            approvals: Vec::new(),
            state,
            at: Timestamp::from_micros(0),
        })
    }

    #[test]
    fn the_last_word_on_an_agent_counts() {
        let at = |micros| MotionState::Done { at: Timestamp::from_micros(micros) };
        let agent: Did = "did:a".parse().unwrap();
        let freeze = MotionAction::Freeze { agent: agent.clone() };
        let unfreeze = MotionAction::Unfreeze { agent: agent.clone() };
        let check = |motions: &[Arc<Motion>], expect: bool| {
            let in_force = InForce::default();
            motions.iter().for_each(|motion| in_force.put(motion));
            assert_eq!(in_force.is_frozen(&agent), expect, "{motions:?}");
        };
        let (first, second) = (motion(1, freeze.clone(), at(1)), motion(2, unfreeze, at(2)));
        check(&[], false);
        check(&[motion(9, freeze.clone(), MotionState::Open)], false);
        check(std::slice::from_ref(&first), true);
        check(&[first.clone(), second.clone()], false);
        check(&[second.clone(), first], false);
        check(&[second, motion(3, freeze, at(3))], true);
    }

    #[test]
    fn fees_change_when_their_time_has_come() {
        let time = Timestamp::from_micros;
        let of = |bps| FeeSchedule { transaction: BasisPoints::new(bps), ..FeeSchedule::ORIGINAL };
        let scheduled = |id, bps, from| {
            let state = MotionState::Scheduled { at: time(0), from: time(from) };
            motion(id, MotionAction::SetFees(of(bps)), state)
        };
        let in_force = InForce::default();
        in_force.put(&scheduled(2, 300, 20));
        in_force.put(&scheduled(1, 100, 10));
        in_force.put(&scheduled(3, 400, 20));
        let state = MotionState::Cancelled {
            by: "did:o".parse().unwrap(),
            reason: "r".to_owned(),
            at: time(1),
        };
        in_force.put(&motion(4, MotionAction::SetFees(of(500)), state));
        let tariff = in_force.tariff(FeeSchedule::ORIGINAL);
        let bps = |now| tariff.at(time(now)).transaction.get();
        assert_eq!([9, 10, 19, 20, 99].map(bps), [250, 100, 100, 400, 400]);
        assert_eq!(tariff.to_come(time(10)).count(), 2);
    }

    #[test]
    fn a_rule_changes_and_the_others_stay() {
        let time = Timestamp::from_micros;
        let amount = Amount::from_avt;
        let base = HouseRules {
            exposure_base: Some(amount(50)),
            collateral: amount(100),
            dispute_bond: amount(10),
        };
        let in_force = InForce::default();
        let changes = [
            (10, HouseRule::DisputeBond(amount(4))),
            (20, HouseRule::ExposureBase(None)),
            (30, HouseRule::Collateral(amount(1))),
        ];
        for (id, (from, rule)) in (1..).zip(changes) {
            let state = MotionState::Scheduled { at: time(0), from: time(from) };
            in_force.put(&motion(id, MotionAction::SetRule(rule), state));
        }
        let rules = in_force.rules(base);
        assert_eq!(rules.at(time(9)), base);
        let bond = HouseRules { dispute_bond: amount(4), ..base };
        assert_eq!(rules.at(time(19)), bond);
        assert_eq!(rules.at(time(29)), HouseRules { exposure_base: None, ..bond });
        let all = HouseRules { exposure_base: None, collateral: amount(1), ..bond };
        assert_eq!(rules.at(time(30)), all);
        assert_eq!(in_force.tariff(FeeSchedule::ORIGINAL).to_come(time(0)).count(), 0);
    }
}
