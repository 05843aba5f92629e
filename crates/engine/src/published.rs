//! What we owe, published: totals with a Merkle-sum tree over every liability, made on a schedule
//! from one snapshot of the store, and for each agent the proof that it is in there.
//!
//! The leaves are kept as notes in one of two slots, the statement that names the slot is written
//! last: whoever reads it finds its leaves, also on another server and after a restart.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use marketplace_escrow::OrderStatus;
use marketplace_ledger::{Account, Leaf, Node, Step, SumTree, check_path};
use marketplace_money::{Amount, Did, Seconds, Timestamp};
use marketplace_ports::{DisputeFilter, LiabilitySink, OrderFilter};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::marketplace::Marketplace;
use crate::refusal::Error;

const STATEMENT: &str = "reserves-statement";
/// The store's secret that salts the leaves.
const SALT: &str = "reserves-salt";
/// Lines of leaves in one note.
const CHUNK: usize = 5_000;
/// Orders of an agent, or withdrawals, that are read at once.
const MOST_ORDERS: u32 = 1_000;
/// Disputes that are read at once: each has its whole log.
const PAGE: u32 = 100;

/// What we owed at a moment, all together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Counts up with each.
    pub number: u64,
    /// Of which moment.
    pub at: Timestamp,
    /// Over all liabilities: its sum is their total.
    pub root: Node,
    /// How many liabilities there are.
    pub leaves: u64,
    /// What the TEG held for us by our books at that moment.
    pub booked: Amount,
    /// What the TEG itself showed; nothing when it had not been asked yet, or in a statement from
    /// before this was signed.
    pub held: Option<Holding>,
}

/// What the TEG showed that it holds for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Stake included.
    pub amount: Amount,
    /// When it was read.
    pub at: Timestamp,
}

/// A liability with its way to the root of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// What is owed, under which account.
    pub leaf: Leaf,
    /// From the leaf to the root.
    pub path: Vec<Step>,
}

/// Everything that a statement owes one agent.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Which statement.
    pub statement: Statement,
    /// Its balance, bonds, orders and withdrawals, as far as there was something.
    pub inclusions: Vec<Inclusion>,
}

/// The tree of the last statement that somebody asked about.
#[derive(Debug, Default)]
pub(crate) struct TreeCache(Mutex<Option<(u64, Arc<SumTree>)>>);

impl Statement {
    fn to_text(&self) -> String {
        let hash: Vec<Value> = self.root.hash.iter().map(|byte| json!(byte)).collect();
        json!({
            "number": self.number, "at": self.at.micros(), "hash": hash,
            "sum": self.root.sum.nano(), "leaves": self.leaves, "booked": self.booked.nano(),
            "held": self.held.map(|held| held.amount.nano()),
            "held_at": self.held.map(|held| held.at.micros()),
        })
        .to_string()
    }

    fn from_text(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let number = |name: &str| value.get(name).and_then(Value::as_i64);
        let count = |name: &str| value.get(name).and_then(Value::as_u64);
        let byte = |byte: &Value| byte.as_u64().and_then(|byte| u8::try_from(byte).ok());
        let bytes = value.get("hash")?.as_array()?.iter().map(byte).collect::<Option<Vec<_>>>()?;
        let sum = Amount::from_nano(number("sum")?);
        Some(Self {
            number: count("number")?,
            at: Timestamp::from_micros(number("at")?),
            root: Node { hash: bytes.try_into().ok()?, sum },
            leaves: count("leaves")?,
            booked: Amount::from_nano(number("booked")?),
            held: number("held").zip(number("held_at")).map(|(nano, at)| Holding {
                amount: Amount::from_nano(nano),
                at: Timestamp::from_micros(at),
            }),
        })
    }

    fn chunks(&self) -> u64 {
        self.leaves.div_ceil(CHUNK as u64)
    }
}

fn note_of(number: u64, chunk: u64) -> String {
    // Two slots: who reads the statement before this one still finds its leaves.
    format!("reserves-leaves-{}-{chunk}", number % 2)
}

fn salted(secret: &[u8; 32], number: u64, account: &Account, amount: Amount) -> Leaf {
    let name = account.to_string();
    let salt = Sha256::new_with_prefix(secret).chain_update(number.to_be_bytes());
    Leaf { salt: salt.chain_update(&name).finalize().into(), name, amount }
}

fn damaged(what: impl std::fmt::Display) -> Error {
    Error::Fault(format!("the published reserves cannot be read: {what}"))
}

impl Marketplace {
    /// Publishes a statement when the last one is older than the deployment wants.
    pub(crate) async fn publish_reserves(&self) -> Result<(), Error> {
        let last = self.reserves_statement().await?;
        let every = self.config().publish_reserves;
        let now = self.now().await?;
        if last.as_ref().is_some_and(|last| now < last.at.plus(every)) {
            return Ok(());
        }
        self.publish(last.map_or(1, |last| last.number + 1)).await.map(|_| ())
    }

    /// The last published statement; nothing before the first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn reserves_statement(&self) -> Result<Option<Statement>, Error> {
        let Some(text) = self.store().note(STATEMENT).await? else { return Ok(None) };
        Statement::from_text(&text).map(Some).ok_or_else(|| damaged("no statement"))
    }

    async fn publish(&self, number: u64) -> Result<Statement, Error> {
        let secret = self.reserves_secret().await?;
        let collected: Arc<Mutex<Vec<(Account, Amount)>>> = Arc::default();
        let sink: LiabilitySink = {
            let collected = Arc::clone(&collected);
            Arc::new(move |part| {
                let mut all = collected.lock().unwrap_or_else(PoisonError::into_inner);
                all.extend(part.into_iter().map(|owed| (owed.account, owed.amount)));
            })
        };
        let told = self.store().liabilities(sink).await?;
        let owed = std::mem::take(&mut *collected.lock().unwrap_or_else(PoisonError::into_inner));
        let (tree, texts) = tokio::task::spawn_blocking(move || {
            let leaves =
                owed.iter().map(|(account, amount)| salted(&secret, number, account, *amount));
            let lines: Vec<String> = owed
                .iter()
                .map(|(account, amount)| format!("{} {account}", amount.nano()))
                .collect();
            let texts: Vec<String> = lines.chunks(CHUNK).map(|lines| lines.join("\n")).collect();
            (SumTree::build(leaves.collect()), texts)
        })
        .await
        .map_err(|error| Error::Fault(error.to_string()))?;
        let tree = tree.map_err(|error| Error::Fault(format!("liabilities: {error}")))?;
        for (chunk, text) in texts.iter().enumerate() {
            self.store().set_note(&note_of(number, chunk as u64), text).await?;
        }
        let leaves = tree.leaves().len() as u64;
        let (at, booked, root) = (told.at, told.booked, tree.root());
        let held = self.held_beside(booked).await?;
        let statement = Statement { number, at, root, leaves, booked, held };
        self.store().set_note(STATEMENT, &statement.to_text()).await?;
        Ok(statement)
    }

    /// What the TEG shows, to stand beside what we owe. Where tokens crossed the edge since the last
    /// look, another look is taken: what came in is owed already. A TEG that is silent leaves the
    /// last look, whose time the statement says.
    async fn held_beside(&self, booked: Amount) -> Result<Option<Holding>, Error> {
        let mut last = self.last_reconciliation().await?;
        if last.as_ref().is_none_or(|last| last.booked != booked) {
            match self.reconcile().await {
                Ok(look) => last = look.or(last),
                Err(Error::Unavailable { reason, .. }) => {
                    tracing::warn!(reason, "the statement says what the TEG held before");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(last.map(|last| Holding { amount: last.held, at: last.at }))
    }

    async fn reserves_secret(&self) -> Result<[u8; 32], Error> {
        // Two fresh UUIDs: the first server's are kept for all.
        let mut hash = Sha256::new();
        for _ in 0..2 {
            hash.update(self.fresh_id().await?);
        }
        Ok(self.store().secret(SALT, hash.finalize().into()).await?)
    }

    /// What the last statement owes an agent, to be checked without us.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn reserves_proof(&self, did: &Did) -> Result<Option<Proof>, Error> {
        let Some(statement) = self.reserves_statement().await? else { return Ok(None) };
        let tree = self.tree_of(&statement).await?;
        let names: HashSet<String> =
            self.accounts_of(did).await?.iter().map(ToString::to_string).collect();
        let own = tree.leaves().iter().enumerate().filter(|(_, leaf)| names.contains(&leaf.name));
        let inclusions = own.filter_map(|(index, leaf)| {
            Some(Inclusion { leaf: leaf.clone(), path: tree.path(index)? })
        });
        let inclusions = inclusions.collect();
        Ok(Some(Proof { statement, inclusions }))
    }

    /// Under which accounts an agent may be owed something. What ended since the statement is
    /// looked for among the newest only.
    async fn accounts_of(&self, did: &Did) -> Result<Vec<Account>, Error> {
        let mut names = vec![
            Account::Agent(did.clone()),
            Account::Collateral(did.clone()),
            Account::Juror(did.clone()),
        ];
        for as_seller in [false, true] {
            for status in [None, Some(OrderStatus::EscrowFunded)] {
                self.orders_of(did, as_seller, status, &mut names).await?;
            }
        }
        for open_only in [false, true] {
            let mut filter =
                DisputeFilter { party: Some(did.clone()), open_only, cursor: None, limit: PAGE };
            loop {
                let page = self.store().disputes(&filter).await?;
                names.extend(page.items.iter().map(|known| Account::Dispute(known.dispute.id)));
                filter.cursor = page.next;
                if !open_only || filter.cursor.is_none() {
                    break;
                }
            }
        }
        let mut after = None;
        loop {
            let page = self.store().open_withdrawals(after, MOST_ORDERS).await?;
            let Some(last) = page.last() else { return Ok(names) };
            after = Some(last.id);
            let own = page.iter().filter(|withdrawal| withdrawal.agent == *did);
            names.extend(own.map(|withdrawal| Account::Withdrawal(withdrawal.id)));
        }
    }

    /// All orders of one status, or the newest of any.
    async fn orders_of(
        &self,
        did: &Did,
        as_seller: bool,
        status: Option<OrderStatus>,
        names: &mut Vec<Account>,
    ) -> Result<(), Error> {
        let agent = did.clone();
        let mut filter = OrderFilter { agent, as_seller, status, cursor: None, limit: MOST_ORDERS };
        loop {
            let page = self.store().orders(&filter).await?;
            names.extend(page.items.iter().map(|order| Account::Order(order.id)));
            filter.cursor = page.next;
            if status.is_none() || filter.cursor.is_none() {
                return Ok(());
            }
        }
    }

    async fn tree_of(&self, statement: &Statement) -> Result<Arc<SumTree>, Error> {
        let known = {
            let cache = self.inner.trees.0.lock().unwrap_or_else(PoisonError::into_inner);
            cache.as_ref().filter(|(number, _)| *number == statement.number).cloned()
        };
        if let Some((_, tree)) = known {
            return Ok(tree);
        }
        let secret = self.reserves_secret().await?;
        let mut leaves = Vec::new();
        for chunk in 0..statement.chunks() {
            let text = self.store().note(&note_of(statement.number, chunk)).await?;
            let text = text.ok_or_else(|| damaged("leaves are missing"))?;
            for line in text.lines() {
                let (nano, account) = line.split_once(' ').ok_or_else(|| damaged(line))?;
                let nano = nano.parse().map_err(|_| damaged(line))?;
                let account = account.parse().map_err(|_| damaged(line))?;
                leaves.push(salted(&secret, statement.number, &account, Amount::from_nano(nano)));
            }
        }
        let tree = Arc::new(SumTree::build(leaves).map_err(damaged)?);
        if tree.root() != statement.root {
            // The next but one was published while we read.
            return Err(Error::unavailable("the statement has just changed", 1));
        }
        let entry = (statement.number, Arc::clone(&tree));
        *self.inner.trees.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(entry);
        Ok(tree)
    }
}

impl Proof {
    /// Checks every inclusion, as its reader would.
    #[must_use]
    pub fn holds(&self) -> bool {
        let root = &self.statement.root;
        self.inclusions.iter().all(|own| check_path(&own.leaf, &own.path, root).is_ok())
    }
}

/// How often a statement is published, unless the deployment says otherwise.
pub(crate) const PUBLISH_EVERY: Seconds = Seconds::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_written_and_read_and_so_is_an_older_one() {
        let root = Node { hash: [7; 32], sum: Amount::from_nano(5) };
        let (at, booked) = (Timestamp::from_micros(9), Amount::from_nano(6));
        let held = Some(Holding { amount: booked, at });
        let new = Statement { number: 1, at, root, leaves: 2, booked, held };
        assert_eq!(Statement::from_text(&new.to_text()), Some(new.clone()));
        let old = new.to_text().replace("\"held\"", "\"x\"");
        assert_eq!(Statement::from_text(&old), Some(Statement { held: None, ..new }));
    }
}
