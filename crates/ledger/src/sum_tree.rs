//! A Merkle-sum tree: a promise about all of what is owed, of which everybody can check the part
//! that is owed to itself.
//!
//! Every node has a hash and a sum; the hash covers both children's hashes and sums. So the total
//! at the root cannot be less than what the leaves say, no leaf can be left out of a tree that
//! proves it, and no node can hide a debt behind a negative sum. Leaves are named by a salted hash
//! and stand in the order of these: a path tells the sums beside it, and of nobody whose they are.

use std::fmt;

use marketplace_money::Amount;
use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// No path is longer: there are no trees with more leaves than this has bits.
const MOST_STEPS: usize = 64;

/// What is owed under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The account.
    pub name: String,
    /// Known to the account's owner and to us.
    pub salt: Hash,
    /// Not below zero.
    pub amount: Amount,
}

/// A node of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Over everything below.
    pub hash: Hash,
    /// Of everything below.
    pub sum: Amount,
}

/// A step from a leaf towards the root: the node beside the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The node beside it is the left one.
    pub left: bool,
    /// The node beside it.
    pub beside: Node,
}

/// Why a tree or a path is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeError {
    /// A sum below zero, which would hide a debt.
    Negative,
    /// A sum that does not fit.
    Overflow,
    /// A path longer than any tree has.
    TooLong,
    /// The path leads to another root.
    OtherRoot,
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Negative => "a sum is below zero",
            Self::Overflow => "a sum does not fit into 64 bits",
            Self::TooLong => "the path is longer than any tree is high",
            Self::OtherRoot => "the path leads to another root",
        })
    }
}

impl std::error::Error for TreeError {}

impl Leaf {
    fn node(&self) -> Result<Node, TreeError> {
        if self.amount.is_negative() {
            return Err(TreeError::Negative);
        }
        let name = Sha256::new_with_prefix(b"leaf-name").chain_update(self.salt);
        let name = name.chain_update(&self.name).finalize();
        let hash = Sha256::new_with_prefix([0]).chain_update(name);
        let hash = hash.chain_update(self.amount.nano().to_be_bytes()).finalize();
        Ok(Node { hash: hash.into(), sum: self.amount })
    }
}

fn join(left: &Node, right: &Node) -> Result<Node, TreeError> {
    if left.sum.is_negative() || right.sum.is_negative() {
        return Err(TreeError::Negative);
    }
    let sum = left.sum.checked_add(right.sum).ok_or(TreeError::Overflow)?;
    let mut hash = Sha256::new_with_prefix([1]);
    for node in [left, right] {
        hash.update(node.hash);
        hash.update(node.sum.nano().to_be_bytes());
    }
    Ok(Node { hash: hash.finalize().into(), sum })
}

/// All of what is owed.
#[derive(Clone, Debug)]
pub struct SumTree {
    leaves: Vec<Leaf>,
    /// From the leaves' nodes up to the root.
    levels: Vec<Vec<Node>>,
}

impl SumTree {
    /// The tree over these leaves, in an order that tells nothing.
    ///
    /// # Errors
    /// When an amount is below zero, or their sum does not fit.
    pub fn build(leaves: Vec<Leaf>) -> Result<Self, TreeError> {
        let mut named = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            named.push((leaf.node()?, leaf));
        }
        named.sort_by_key(|(node, _)| node.hash);
        let (mut level, leaves): (Vec<Node>, Vec<Leaf>) = named.into_iter().unzip();
        let mut levels = Vec::new();
        while level.len() > 1 {
            // A node without another beside it goes up as it is.
            let pairs = level.chunks(2).map(|pair| match pair {
                [left, right] => join(left, right),
                [alone, ..] => Ok(*alone),
                [] => Err(TreeError::OtherRoot),
            });
            let above = pairs.collect::<Result<Vec<_>, _>>()?;
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Ok(Self { leaves, levels })
    }

    /// The root. A tree without leaves has one too: it owes nothing.
    #[must_use]
    pub fn root(&self) -> Node {
        let top = self.levels.last().and_then(|level| level.first());
        top.copied().unwrap_or(Node { hash: [0; 32], sum: Amount::ZERO })
    }

    /// The leaves, in their order.
    #[must_use]
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// The way from a leaf to the root; nothing when there is no such leaf.
    #[must_use]
    pub fn path(&self, leaf: usize) -> Option<Vec<Step>> {
        self.leaves.get(leaf)?;
        let mut steps = Vec::new();
        let mut index = leaf;
        for level in &self.levels {
            if let Some(beside) = level.get(index ^ 1).filter(|_| level.len() > 1) {
                steps.push(Step { left: index % 2 == 1, beside: *beside });
            }
            index /= 2;
        }
        Some(steps)
    }
}

/// Checks that the tree with this root has this leaf: every sum on the way is there, none is below
/// zero, and they add up to the total.
///
/// # Errors
/// When it does not.
pub fn check_path(leaf: &Leaf, path: &[Step], root: &Node) -> Result<(), TreeError> {
    if path.len() > MOST_STEPS {
        return Err(TreeError::TooLong);
    }
    let mut node = leaf.node()?;
    for Step { left, beside } in path {
        node = if *left { join(beside, &node)? } else { join(&node, beside)? };
    }
    if node == *root { Ok(()) } else { Err(TreeError::OtherRoot) }
}
