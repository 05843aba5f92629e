//! What we owe, as it is published and proved. Read back by whoever checks it, offline.

use marketplace_engine::{Inclusion, Proof, Reconciliation, Statement};
use marketplace_ledger::{Leaf, Node, Step, check_path};
use marketplace_money::{Amount, Did};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Money, Rfc3339, hex, sha256_from_hex};

/// The totals, signed as they stand here.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatementBody {
    /// Who owes.
    pub iss: String,
    /// Counts up with each statement.
    pub number: u64,
    /// Of which moment.
    pub at: Rfc3339,
    /// Always `AVT`.
    pub currency: &'static str,
    /// Of the Merkle-sum tree over all liabilities, in hexadecimal.
    pub root: String,
    /// How many liabilities there are.
    pub leaves: u64,
    /// Their sum: balances of agents, escrow, bonds, tokens in flight.
    pub liabilities: Money,
    /// What the TEG should hold for us by our books, at that moment.
    pub booked: Money,
    /// Ours: what is held beyond the liabilities.
    pub own: Money,
    /// What the TEG itself showed that it holds for us, stake included: not less than the
    /// liabilities. Missing where it had not been asked yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Money>,
    /// When that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_at: Option<Rfc3339>,
}

/// The last look at the TEG.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReconciliationBody {
    /// When.
    pub at: Rfc3339,
    /// What the TEG held for us, stake included.
    pub held: Money,
    /// What it should have held by our books.
    pub booked: Money,
    /// Of withdrawals that were sent and have no answer.
    pub unconfirmed: Money,
    /// Of withdrawals that wait in the queue.
    pub queued: Money,
    /// What nothing explains, in atto-AVT (10^-18): 0 when all is well.
    pub unexplained_atto: String,
    /// Whether withdrawals are stopped because of it.
    pub breach: bool,
}

/// Public totals.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReservesPage {
    /// What we owe.
    pub statement: StatementBody,
    /// The same, signed with our key: a compact JWS (EdDSA).
    pub jws: String,
    /// What the TEG holds; null before the first look.
    #[schema(required)]
    pub reconciliation: Option<ReconciliationBody>,
}

/// A node beside the path.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StepBody {
    /// `left` or `right` of the path.
    pub side: String,
    /// In hexadecimal.
    pub hash: String,
    /// In AVT.
    pub sum: String,
}

/// One liability with its way to the root.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InclusionBody {
    /// What is owed, such as `agent:did:…` or `order:…`.
    pub account: String,
    /// In AVT.
    pub amount: String,
    /// In hexadecimal; keep it to yourself.
    pub salt: String,
    /// From the leaf to the root.
    pub path: Vec<StepBody>,
}

/// The caller's own proof: keep the answer as a file.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProofBody {
    /// The signed statement.
    pub jws: String,
    /// What signed it: an Ed25519 public key in hexadecimal. Compare it with the one that the
    /// marketplace publishes.
    pub public_key: String,
    /// Everything that the statement owes the caller.
    pub inclusions: Vec<InclusionBody>,
}

impl StatementBody {
    /// As signed by `iss`.
    #[must_use]
    pub fn new(iss: &Did, statement: &Statement) -> Self {
        let liabilities = statement.root.sum;
        Self {
            iss: iss.to_string(),
            number: statement.number,
            at: Rfc3339(statement.at),
            currency: "AVT",
            root: hex(&statement.root.hash),
            leaves: statement.leaves,
            liabilities: Money(liabilities),
            booked: Money(statement.booked),
            own: Money(statement.booked.checked_sub(liabilities).unwrap_or_default()),
            held: statement.held.map(|held| Money(held.amount)),
            held_at: statement.held.map(|held| Rfc3339(held.at)),
        }
    }
}

impl From<&Reconciliation> for ReconciliationBody {
    fn from(found: &Reconciliation) -> Self {
        Self {
            at: Rfc3339(found.at),
            held: Money(found.held),
            booked: Money(found.booked),
            unconfirmed: Money(found.unconfirmed),
            queued: Money(found.queued),
            unexplained_atto: found.difference.to_string(),
            breach: found.breach.is_some(),
        }
    }
}

impl From<&Inclusion> for InclusionBody {
    fn from(inclusion: &Inclusion) -> Self {
        let step = |step: &Step| StepBody {
            side: if step.left { "left" } else { "right" }.to_owned(),
            hash: hex(&step.beside.hash),
            sum: step.beside.sum.to_string(),
        };
        Self {
            account: inclusion.leaf.name.clone(),
            amount: inclusion.leaf.amount.to_string(),
            salt: hex(&inclusion.leaf.salt),
            path: inclusion.path.iter().map(step).collect(),
        }
    }
}

impl ProofBody {
    /// Of a proof under a signed statement.
    #[must_use]
    pub fn new(proof: &Proof, jws: String, public_key: &[u8; 32]) -> Self {
        let inclusions = proof.inclusions.iter().map(InclusionBody::from).collect();
        Self { jws, public_key: hex(public_key), inclusions }
    }
}

impl InclusionBody {
    /// Checks that the tree with this root and total owes this. Whether the root is ours is told
    /// by the signature of the statement.
    ///
    /// # Errors
    /// In words, what is wrong.
    pub fn check(&self, root: &str, total: &str) -> Result<(), String> {
        let hash =
            |text: &str| sha256_from_hex(text).ok_or_else(|| format!("{text:?} is not a SHA-256"));
        let amount =
            |text: &str| text.parse::<Amount>().map_err(|error| format!("{text:?} {error}"));
        let step = |step: &StepBody| {
            let left = match step.side.as_str() {
                "left" => true,
                "right" => false,
                other => return Err(format!("{other:?} is no side")),
            };
            Ok(Step { left, beside: Node { hash: hash(&step.hash)?, sum: amount(&step.sum)? } })
        };
        let path = self.path.iter().map(step).collect::<Result<Vec<_>, String>>()?;
        let (name, salt) = (self.account.clone(), hash(&self.salt)?);
        let leaf = Leaf { name, salt, amount: amount(&self.amount)? };
        let root = Node { hash: hash(root)?, sum: amount(total)? };
        check_path(&leaf, &path, &root).map_err(|error| error.to_string())
    }
}
