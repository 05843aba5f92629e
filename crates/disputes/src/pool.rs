//! Who may sit on a panel, and how one is drawn so that anybody can check it.
//!
//! # Where the seed comes from
//!
//! The call of a panel freezes the pool: its hash is in the event [`crate::DisputeEvent::Called`].
//! That event is sealed into the marketplace's chain of hashes like every other, and the hash of
//! the batch that holds it is the seed's source. So when the pool is fixed nobody knows the seed,
//! and when the seed is known the pool is fixed. A party cannot choose: the batch holds ids and
//! times that the server makes, and there is one call for each panel. A juror cannot join late.
//!
//! What remains: whoever seals the chain could make many candidate batches in private and publish
//! the one whose draw it likes. Readers who follow the chain see each batch within milliseconds,
//! which leaves little time but not none. A deployment that wants to close this names a public
//! beacon (a value that is published later by somebody else); it is mixed into the seed.

use marketplace_money::{Amount, Did, DisputeId, Timestamp};

use crate::digest::Canonical;
use crate::{Dispute, JurorTerms};

/// A registered juror, with what the shell knows about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub juror: Did,
    /// Locked.
    pub stake: Amount,
    /// Since when.
    pub since: Timestamp,
    /// Panels that it sits on now.
    pub seats: u32,
    /// It dealt with one of the parties in the last 90 days.
    pub dealt_with_a_party: bool,
    /// Identities that the shell takes for one agent share a number.
    pub cluster: Option<u64>,
}

/// One line of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrant {
    /// Who.
    pub juror: Did,
    /// In nano-AVT: its stake, capped.
    pub weight: i64,
    /// At most one of a cluster sits on a panel.
    pub cluster: Option<u64>,
}

/// The frozen list that a panel is drawn from: ordered by name, nobody twice, weights above zero.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Pool(Vec<Entrant>);

impl Pool {
    /// Orders the entrants; of a name that is there twice the first stays.
    #[must_use]
    pub fn new(mut entrants: Vec<Entrant>) -> Self {
        entrants.retain(|entrant| entrant.weight > 0);
        entrants.sort_by(|a, b| a.juror.cmp(&b.juror));
        entrants.dedup_by(|later, first| later.juror == first.juror);
        Self(entrants)
    }

    /// Those candidates that may judge this dispute: enough stake for long enough, no party, nobody
    /// who dealt with one lately, nobody of a party's cluster, nobody who judged it before.
    #[must_use]
    pub fn of(
        dispute: &Dispute,
        candidates: &[Candidate],
        parties_clusters: &[u64],
        now: Timestamp,
    ) -> Self {
        let may = |candidate: &&Candidate| {
            JurorTerms::may_sit(candidate.stake, candidate.since, candidate.seats, now)
                && !candidate.dealt_with_a_party
                && !candidate.cluster.is_some_and(|cluster| parties_clusters.contains(&cluster))
                && may_judge(dispute, &candidate.juror)
        };
        let entrants = candidates.iter().filter(may).map(|candidate| Entrant {
            juror: candidate.juror.clone(),
            weight: candidate.stake.min(JurorTerms::HEAVIEST).nano(),
            cluster: candidate.cluster,
        });
        Self::new(entrants.collect())
    }

    /// The entrants in order.
    #[must_use]
    pub fn entrants(&self) -> &[Entrant] {
        &self.0
    }

    /// How many seats can be filled: of each cluster one.
    #[must_use]
    pub fn independent(&self) -> usize {
        let single = self.0.iter().filter(|entrant| entrant.cluster.is_none()).count();
        let mut clusters: Vec<u64> = self.0.iter().filter_map(|entrant| entrant.cluster).collect();
        clusters.sort_unstable();
        clusters.dedup();
        single + clusters.len()
    }

    /// Whether it names nobody who must not judge this dispute.
    pub(crate) fn suits(&self, dispute: &Dispute) -> bool {
        self.0.iter().all(|entrant| may_judge(dispute, &entrant.juror))
    }

    /// Names the pool.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = Canonical::of("marketplace-pool 1").count(self.0.len() as u64);
        for entrant in &self.0 {
            hash = hash.text(entrant.juror.as_str()).number(entrant.weight);
            hash = hash.optional(entrant.cluster.map(cluster_bytes).as_ref());
        }
        hash.finish()
    }

    /// `seats` names, each drawn by weight from those that are left; fewer when the pool is too
    /// small.
    #[must_use]
    pub fn draw(&self, seed: &[u8; 32], seats: usize) -> Vec<Did> {
        let mut left: Vec<&Entrant> = self.0.iter().collect();
        let mut drawn = Vec::with_capacity(seats);
        for seat in 0..seats {
            let total: i128 = left.iter().map(|entrant| i128::from(entrant.weight)).sum();
            if total == 0 {
                break;
            }
            let ticket = ticket(seed, seat, total);
            let mut below = 0_i128;
            let chosen = left.iter().position(|entrant| {
                below += i128::from(entrant.weight);
                ticket < below
            });
            let Some(chosen) = chosen.map(|at| left[at]) else { break };
            drawn.push(chosen.juror.clone());
            left.retain(|entrant| {
                entrant.juror != chosen.juror
                    && (entrant.cluster.is_none() || entrant.cluster != chosen.cluster)
            });
        }
        drawn
    }
}

fn may_judge(dispute: &Dispute, juror: &Did) -> bool {
    let mut panels = dispute.rounds.iter().flat_map(|round| &round.panels);
    dispute.side_of(juror).is_none() && !panels.any(|panel| panel.seat(juror).is_some())
}

fn cluster_bytes(cluster: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&cluster.to_be_bytes());
    bytes
}

/// From 0 to below `total`. The hash has 126 bits and a total less than 90: what the division
/// favours is beyond measure.
fn ticket(seed: &[u8; 32], seat: usize, total: i128) -> i128 {
    let hash = Canonical::of("marketplace-ticket 1").hash(seed).count(seat as u64).finish();
    let number = hash[..16].iter().fold(0_i128, |sum, byte| (sum << 8) | i128::from(*byte));
    (number & (i128::MAX >> 1)).rem_euclid(total)
}

/// Where a panel's seed comes from: public values that were fixed after the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedSource {
    /// Of the batch that holds the call, in the marketplace's chain.
    pub position: u64,
    /// Of that batch.
    pub hash: [u8; 32],
    /// A later value of a public beacon, where the deployment names one.
    pub beacon: Option<[u8; 32]>,
}

impl SeedSource {
    /// The seed of one panel: no two panels share one, however few batches there are.
    #[must_use]
    pub fn seed(&self, dispute: DisputeId, round: usize, attempt: usize) -> [u8; 32] {
        Canonical::of("marketplace-seed 1")
            .hash(&self.hash)
            .count(self.position)
            .optional(self.beacon.as_ref())
            .text(&dispute.to_string())
            .count(round as u64)
            .count(attempt as u64)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(lines: &[(&str, i64, Option<u64>)]) -> Pool {
        let entrants = lines.iter().map(|(name, weight, cluster)| Entrant {
            juror: name.parse().unwrap(),
            weight: *weight,
            cluster: *cluster,
        });
        Pool::new(entrants.collect())
    }

    #[test]
    fn nobody_twice_and_one_of_a_cluster() {
        let pool = pool(&[
            ("did:c", 5, Some(1)),
            ("did:a", 5, Some(1)),
            ("did:b", 5, None),
            ("did:b", 9, None),
            ("did:d", 0, None),
            ("did:e", 5, Some(2)),
        ]);
        assert_eq!(pool.entrants().len(), 4);
        assert_eq!(pool.independent(), 3);
        for seed in 0..200 {
            let drawn = pool.draw(&[seed; 32], 5);
            assert_eq!(drawn.len(), 3, "{drawn:?}");
            let both = ["did:a", "did:c"].map(|name| drawn.contains(&name.parse().unwrap()));
            assert_ne!(both[0], both[1]);
        }
    }

    #[test]
    fn chances_follow_the_weights() {
        let pool = pool(&[("did:a", 100, None), ("did:b", 300, None), ("did:c", 600, None)]);
        let mut counts = [0; 3];
        for round in 0..4_000_u64 {
            let seed = Canonical::of("test").count(round).finish();
            let first = pool.draw(&seed, 1).remove(0);
            let at = pool.entrants().iter().position(|entrant| entrant.juror == first).unwrap();
            counts[at] += 1;
        }
        for (count, expect) in counts.into_iter().zip([400_i32, 1_200, 2_400]) {
            assert!((expect - count).abs() < 130, "{counts:?}");
        }
    }

    #[test]
    fn whatever_changes_the_pool_changes_its_hash() {
        let hashes = [
            pool(&[("did:a", 1, None)]),
            pool(&[("did:a", 2, None)]),
            pool(&[("did:a", 1, Some(0))]),
            pool(&[("did:a", 1, None), ("did:b", 1, None)]),
        ]
        .map(|pool| pool.hash());
        for (at, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..at].contains(hash));
        }
    }
}
