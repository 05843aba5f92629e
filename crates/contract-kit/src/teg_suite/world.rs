//! What a case works with: the TEG, agents, fresh keys, and the balances as they stand.

use std::sync::Arc;

use marketplace_money::{Amount, Did};
use marketplace_ports::{
    HistoryCursor, Teg, TegBalance, TegError, TegTransactionId, TegTransfer, TransferOrder,
};
use uuid::Uuid;

use super::TegUnderTest;

/// The world of one case.
pub struct World {
    subject: Box<dyn TegUnderTest>,
    pub(crate) us: Did,
    /// What a transfer costs its sender.
    pub(crate) fee: Amount,
    last_key: u128,
}

impl World {
    pub(crate) async fn new(subject: Box<dyn TegUnderTest>) -> Self {
        let us = subject.us();
        let fee = subject.teg().transfer_fee().await.expect("transfer_fee").flat;
        Self { subject, us, fee, last_key: 0x0197_f3a2_7c1e_7aaa_8b1b_0000_0000_0000 }
    }

    pub(crate) fn teg(&self) -> Arc<dyn Teg> {
        self.subject.teg()
    }

    pub(crate) async fn reopen(&mut self) {
        self.subject.reopen().await;
    }

    pub(crate) fn key(&mut self) -> Uuid {
        self.last_key += 1;
        Uuid::from_u128(self.last_key)
    }

    pub(crate) fn order(&mut self, counterparty: &Did, amount: Amount) -> TransferOrder {
        let key = self.key();
        TransferOrder { key, counterparty: counterparty.clone(), amount, memo: "memo é".into() }
    }

    /// An agent with play money, and how much of it.
    pub(crate) async fn rich(&mut self, name: &str) -> (Did, Amount) {
        let agent = did(name);
        let gift = self.teg().faucet(&agent).await.expect("faucet").available;
        (agent, gift)
    }

    pub(crate) async fn transfer_from(
        &mut self,
        sender: &Did,
        order: &TransferOrder,
    ) -> TegTransactionId {
        self.subject.transfer_from(sender, order).await
    }

    pub(crate) async fn ours(&self) -> TegBalance {
        self.teg().balance().await.expect("balance")
    }

    /// What an agent holds, where the TEG tells; else nothing is compared.
    pub(crate) async fn assert_holds(&self, agent: &Did, expect: Amount) {
        if let Some(balance) = self.teg().balance_of(agent).await.expect("balance_of") {
            assert_eq!(balance.available, expect, "{agent}");
        }
    }

    /// Our whole history.
    pub(crate) async fn history(&self) -> Vec<TegTransfer> {
        let (mut seen, mut cursor) = (Vec::new(), HistoryCursor::default());
        loop {
            let page = self.teg().history(&cursor, 100).await.expect("history");
            if page.transfers.is_empty() {
                return seen;
            }
            seen.extend(page.transfers);
            cursor = page.next;
            assert!(seen.len() < 1_000, "the history never ends");
        }
    }
}

pub(crate) fn did(name: &str) -> Did {
    format!("did:key:z6Mk{name}").parse().expect("a DID")
}

pub(crate) fn less(amount: Amount, minus: Amount) -> Amount {
    amount.checked_sub(minus).expect("it fits")
}

pub(crate) fn more(amount: Amount, plus: Amount) -> Amount {
    amount.checked_add(plus).expect("it fits")
}

/// `ok`, or the code of a refusal, or what else went wrong.
pub(crate) fn code<T>(result: &Result<T, TegError>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(TegError::Refused { code, .. }) => (*code).to_owned(),
        Err(other) => other.to_string(),
    }
}
