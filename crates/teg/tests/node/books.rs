//! Random operations against a small model: the books always balance, nothing goes below zero,
//! repetitions change nothing, and a restart forgets nothing.

use std::collections::HashMap;

use crate::common::{GENESIS, code, did, settings};
use marketplace_money::{Amount, Did};
use marketplace_ports::{HistoryCursor, Teg, TegError, TegTransfer, TransferOrder};
use marketplace_teg::{Account, EmbeddedTeg, EmbeddedTegSettings, FAUCET_GIFT};
use proptest::prelude::*;
use uuid::Uuid;

const FEE: Amount = Amount::from_nano(7);

#[derive(Clone, Debug)]
enum Step {
    Transfer { key: u8, to: u8, nano: i64 },
    Pull { key: u8, from: u8, nano: i64 },
    Between { key: u8, from: u8, to: u8, nano: i64 },
    Stake { key: u8, nano: i64 },
    Unstake { key: u8 },
    Faucet { who: u8 },
    Reopen,
}

fn steps() -> impl Strategy<Value = Step> {
    // Few keys and agents, so that they meet; amounts around what there is.
    let (key, who) = (0_u8..24, 0_u8..4);
    let nano = prop_oneof![
        8 => 1_i64..FAUCET_GIFT.nano(),
        1 => -2_i64..3,
        1 => Just(i64::MAX),
        1 => GENESIS.nano() / 2..GENESIS.nano() * 2,
    ];
    prop_oneof![
        3 => (key.clone(), who.clone(), nano.clone())
            .prop_map(|(key, to, nano)| Step::Transfer { key, to, nano }),
        3 => (key.clone(), who.clone(), nano.clone())
            .prop_map(|(key, from, nano)| Step::Pull { key, from, nano }),
        2 => (key.clone(), who.clone(), who.clone(), nano.clone())
            .prop_map(|(key, from, to, nano)| Step::Between { key, from, to, nano }),
        1 => (key.clone(), nano).prop_map(|(key, nano)| Step::Stake { key, nano }),
        1 => key.prop_map(|key| Step::Unstake { key }),
        1 => who.prop_map(|who| Step::Faucet { who }),
        1 => Just(Step::Reopen),
    ]
}

fn agent(number: u8) -> Did {
    if number == 0 { did("market") } else { did(&format!("agent{number}")) }
}

/// What should be: balances by account, and what each key did.
#[derive(Default)]
struct Model {
    balances: HashMap<Account, i64>,
    done: HashMap<(Did, u8), (String, Option<TegTransfer>)>,
    fed: Vec<Did>,
}

impl Model {
    fn get(&self, account: &Account) -> i64 {
        self.balances.get(account).copied().unwrap_or_default()
    }

    fn give(&mut self, from: Account, to: Account, nano: i64) {
        *self.balances.entry(from).or_default() -= nano;
        *self.balances.entry(to).or_default() += nano;
    }

    /// The outcome that the rules ask for, by its code.
    fn transfer(
        &mut self,
        verb: &str,
        caller: &Did,
        key: u8,
        from: &Did,
        to: &Did,
        nano: i64,
    ) -> &'static str {
        if nano <= 0 {
            return TegError::INVALID_AMOUNT;
        }
        if from == to {
            return TegError::SELF_TRANSFER;
        }
        let wish = format!("{verb} {from} {to} {nano}");
        if let Some((before, _)) = self.done.get(&(caller.clone(), key)) {
            return if *before == wish { "repeated" } else { TegError::IDEMPOTENCY_MISMATCH };
        }
        let purse = Account::Available(from.clone());
        if nano.checked_add(FEE.nano()).is_none_or(|needed| self.get(&purse) < needed) {
            return TegError::INSUFFICIENT_BALANCE;
        }
        self.give(purse.clone(), Account::Available(to.clone()), nano);
        self.give(purse, Account::Treasury, FEE.nano());
        self.done.insert((caller.clone(), key), (wish, None));
        "ok"
    }

    fn stake(&mut self, key: u8, wish: String, nano: Option<i64>) -> &'static str {
        if nano.is_some_and(|nano| nano <= 0) {
            return TegError::INVALID_AMOUNT;
        }
        let us = agent(0);
        if let Some((before, _)) = self.done.get(&(us.clone(), key)) {
            return if *before == wish { "ok" } else { TegError::IDEMPOTENCY_MISMATCH };
        }
        let (free, locked) = (Account::Available(us.clone()), Account::Staked(us.clone()));
        match nano {
            Some(nano) if self.get(&free) < nano => return TegError::INSUFFICIENT_BALANCE,
            Some(nano) => self.give(free, locked, nano),
            None => self.give(locked.clone(), free, self.get(&locked)),
        }
        self.done.insert((us, key), (wish, None));
        "ok"
    }
}

fn open(path: &std::path::Path) -> EmbeddedTeg {
    EmbeddedTeg::open(path, EmbeddedTegSettings { transfer_fee: FEE, ..settings() }).unwrap()
}

async fn run(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("teg.db");
    let mut teg = open(&path);
    let mut model = Model::default();
    model.give(Account::Issuer, Account::Available(agent(0)), GENESIS.nano());
    for step in steps {
        match step.clone() {
            Step::Reopen => {
                drop(teg);
                teg = open(&path);
            }
            Step::Faucet { who } => {
                let given = code(&teg.faucet(&agent(who)).await);
                let expect = match who {
                    0 => TegError::FAUCET_CLOSED,
                    _ if model.fed.contains(&agent(who)) => TegError::FAUCET_USED,
                    _ => {
                        model.fed.push(agent(who));
                        let to = Account::Available(agent(who));
                        model.give(Account::Issuer, to, FAUCET_GIFT.nano());
                        "ok"
                    }
                };
                assert_eq!(given, expect, "{step:?}");
            }
            Step::Stake { key, nano } => {
                let expect = model.stake(key, format!("stake {nano}"), Some(nano));
                let amount = Amount::from_nano(nano);
                let given = teg.stake(Uuid::from_u128(key.into()), amount).await;
                assert_eq!(code(&given), expect, "{step:?}");
            }
            Step::Unstake { key } => {
                let expect = model.stake(key, "unstake".to_owned(), None);
                let given = teg.unstake(Uuid::from_u128(key.into())).await;
                assert_eq!(code(&given), expect, "{step:?}");
            }
            Step::Transfer { key, to, nano } => {
                let (us, to) = (agent(0), agent(to));
                let given = teg.transfer(&order(key, &to, nano)).await;
                check(&mut model, "transfer", &us, key, (&us, &to, nano), given);
            }
            Step::Pull { key, from, nano } => {
                let (us, from) = (agent(0), agent(from));
                let given = teg.pull(&order(key, &from, nano)).await;
                check(&mut model, "pull", &us, key, (&from, &us, nano), given);
            }
            Step::Between { key, from, to, nano } => {
                let (from, to) = (agent(from), agent(to));
                let (id, amount) = (Uuid::from_u128(key.into()), Amount::from_nano(nano));
                let given = teg.transfer_between(id, &from, &to, amount, "").await;
                check(&mut model, "transfer", &from, key, (&from, &to, nano), given);
            }
        }
        prove(&teg, &model).await;
    }
    let history = teg.history(&HistoryCursor::default(), 1_000).await.unwrap();
    let ours = |t: &TegTransfer| t.sender == agent(0) || t.receiver == agent(0);
    let expect = model.done.values().filter_map(|(_, t)| t.as_ref()).filter(|t| ours(t)).count();
    assert_eq!(history.transfers.len(), expect);
}

fn order(key: u8, counterparty: &Did, nano: i64) -> TransferOrder {
    TransferOrder {
        key: Uuid::from_u128(key.into()),
        counterparty: counterparty.clone(),
        amount: Amount::from_nano(nano),
        memo: String::new(),
    }
}

fn check(
    model: &mut Model,
    verb: &str,
    caller: &Did,
    key: u8,
    (from, to, nano): (&Did, &Did, i64),
    given: Result<TegTransfer, TegError>,
) {
    let expect = model.transfer(verb, caller, key, from, to, nano);
    match expect {
        "ok" => {
            let transfer = given.unwrap();
            assert_eq!((&transfer.sender, &transfer.receiver), (from, to));
            assert_eq!((transfer.amount.nano(), transfer.fee), (nano, FEE));
            let done = model.done.get_mut(&(caller.clone(), key)).unwrap();
            done.1 = Some(transfer);
        }
        "repeated" => {
            let before = &model.done[&(caller.clone(), key)].1;
            assert_eq!(Some(given.unwrap()), *before, "a repetition answers the same");
        }
        refused => assert_eq!(code(&given), refused, "{verb} {from} {to} {nano}"),
    }
}

async fn prove(teg: &EmbeddedTeg, model: &Model) {
    let audit = teg.audit().await.unwrap();
    assert!(audit.is_clean(), "{audit:?}");
    for audited in &audit.accounts {
        let expect = model.get(&audited.account);
        assert_eq!(audited.balance.nano(), expect, "{}", audited.account);
        assert!(audited.account == Account::Issuer || expect >= 0);
    }
    assert!(model.balances.iter().all(|(a, nano)| audit.balance(a).nano() == *nano));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_books_balance_whatever_happens(steps in proptest::collection::vec(steps(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run(steps));
    }
}
