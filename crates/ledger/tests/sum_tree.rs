//! What a Merkle-sum tree promises, whatever is owed.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

use marketplace_ledger::{Leaf, Node, Step, SumTree, TreeError, check_path};
use marketplace_money::Amount;
use proptest::prelude::*;
use proptest::sample::Index;

fn leaves(amounts: &[i64]) -> Vec<Leaf> {
    let leaf = |(number, nano): (usize, &i64)| Leaf {
        name: format!("agent:did:key:{number}"),
        salt: [u8::try_from(number % 251).unwrap(); 32],
        amount: Amount::from_nano(*nano),
    };
    amounts.iter().enumerate().map(leaf).collect()
}

fn amounts() -> impl Strategy<Value = Vec<i64>> {
    proptest::collection::vec(0_i64..1 << 40, 1..40)
}

/// A proof as bytes.
fn bytes(leaf: &Leaf, path: &[Step], root: &Node) -> Vec<u8> {
    let mut bytes = leaf.salt.to_vec();
    let node = |node: &Node| [&node.hash[..], &node.sum.nano().to_be_bytes()].concat();
    bytes.extend(leaf.amount.nano().to_be_bytes());
    for step in path {
        bytes.push(u8::from(step.left));
        bytes.extend(node(&step.beside));
    }
    bytes.extend(node(root));
    bytes.extend(leaf.name.as_bytes());
    bytes
}

/// The same proof of other bytes; nothing when they are none.
fn proof(mut bytes: &[u8], steps: usize) -> Option<(Leaf, Vec<Step>, Node)> {
    let mut take = |count: usize| {
        let (taken, rest) = bytes.split_at(count);
        bytes = rest;
        taken.to_vec()
    };
    let amount = |bytes: Vec<u8>| Amount::from_nano(i64::from_be_bytes(bytes.try_into().unwrap()));
    let salt = take(32).try_into().unwrap();
    let owed = amount(take(8));
    let mut path = Vec::new();
    for _ in 0..steps {
        let left = match take(1)[0] {
            0 => false,
            1 => true,
            _ => return None,
        };
        let hash = take(32).try_into().unwrap();
        path.push(Step { left, beside: Node { hash, sum: amount(take(8)) } });
    }
    let hash = take(32).try_into().unwrap();
    let root = Node { hash, sum: amount(take(8)) };
    let name = String::from_utf8(bytes.to_vec()).ok()?;
    Some((Leaf { name, salt, amount: owed }, path, root))
}

proptest! {
    #[test]
    fn every_leaf_is_proved_and_the_root_is_the_sum(amounts in amounts()) {
        let tree = SumTree::build(leaves(&amounts)).unwrap();
        prop_assert_eq!(tree.root().sum.nano(), amounts.iter().sum::<i64>());
        for (index, leaf) in tree.leaves().iter().enumerate() {
            let path = tree.path(index).unwrap();
            prop_assert_eq!(check_path(leaf, &path, &tree.root()), Ok(()));
        }
        prop_assert_eq!(tree.path(amounts.len()), None);
    }

    #[test]
    fn no_bit_of_a_proof_can_be_changed(
        amounts in amounts(), which in any::<Index>(), place in any::<Index>(), bit in 0_u8..8,
    ) {
        let tree = SumTree::build(leaves(&amounts)).unwrap();
        let index = which.index(amounts.len());
        let (leaf, path) = (&tree.leaves()[index], tree.path(index).unwrap());
        let mut text = bytes(leaf, &path, &tree.root());
        prop_assert_eq!(proof(&text, path.len()), Some((leaf.clone(), path.clone(), tree.root())));
        let place = place.index(text.len());
        text[place] ^= 1 << bit;
        if let Some((leaf, path, root)) = proof(&text, path.len()) {
            prop_assert!(check_path(&leaf, &path, &root).is_err());
        }
    }

    #[test]
    fn who_is_left_out_or_owed_less_finds_out(
        amounts in amounts(), which in any::<Index>(), less in 0_i64..100,
    ) {
        let honest = SumTree::build(leaves(&amounts)).unwrap();
        let index = which.index(amounts.len());
        let victim = honest.leaves()[index].clone();
        let mut rest: Vec<Leaf> = honest.leaves().to_vec();
        if less == 0 {
            rest.remove(index);
        } else {
            prop_assume!(victim.amount.nano() >= less);
            rest[index].amount = Amount::from_nano(victim.amount.nano() - less);
        }
        let liar = SumTree::build(rest).unwrap();
        prop_assert!(liar.root().sum < honest.root().sum || victim.amount.is_zero());
        prop_assert!(check_path(&victim, &honest.path(index).unwrap(), &liar.root()).is_err());
        for other in 0..liar.leaves().len() {
            prop_assert!(check_path(&victim, &liar.path(other).unwrap(), &liar.root()).is_err());
        }
    }

    #[test]
    fn a_debt_cannot_hide(amounts in amounts(), which in any::<Index>(), debt in 1_i64..1 << 40) {
        let mut all = leaves(&amounts);
        let index = which.index(all.len());
        all[index].amount = Amount::from_nano(-debt);
        prop_assert_eq!(SumTree::build(all).err(), Some(TreeError::Negative));
    }
}

#[test]
fn a_path_with_a_negative_sum_beside_it_proves_nothing() {
    let leaf = leaves(&[5]).remove(0);
    let alone = SumTree::build(vec![leaf.clone()]).unwrap().root();
    let beside = Node { hash: [7; 32], sum: Amount::from_nano(-3) };
    let found = check_path(&leaf, &[Step { left: false, beside }], &alone);
    assert_eq!(found, Err(TreeError::Negative));
    let huge = Node { hash: [7; 32], sum: Amount::MAX };
    let found = check_path(&leaf, &[Step { left: true, beside: huge }], &alone);
    assert_eq!(found, Err(TreeError::Overflow));
    let long = vec![Step { left: true, beside: alone }; 65];
    assert_eq!(check_path(&leaf, &long, &alone), Err(TreeError::TooLong));
}

#[test]
fn without_debts_there_is_nothing_to_prove() {
    let tree = SumTree::build(Vec::new()).unwrap();
    assert_eq!((tree.root().sum, tree.path(0)), (Amount::ZERO, None));
}
