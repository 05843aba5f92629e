//! What the tests of the node share: names, orders, and a clock that stands still.

use std::sync::Arc;

use marketplace_money::{Amount, Did, Timestamp};
use marketplace_ports::{TegError, TransferOrder};
use marketplace_teg::EmbeddedTegSettings;
use uuid::Uuid;

pub(crate) const GENESIS: Amount = Amount::from_avt(10_000);
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

pub(crate) fn did(name: &str) -> Did {
    format!("did:key:{name}").parse().unwrap()
}

pub(crate) fn avt(text: &str) -> Amount {
    text.parse().unwrap()
}

pub(crate) fn settings() -> EmbeddedTegSettings {
    EmbeddedTegSettings {
        owner: did("market"),
        genesis: GENESIS,
        transfer_fee: Amount::ZERO,
        faucet_open: true,
        clock: Arc::new(|| NOW),
    }
}

pub(crate) fn order(key: u128, counterparty: &str, amount: &str) -> TransferOrder {
    TransferOrder {
        key: Uuid::from_u128(key),
        counterparty: did(counterparty),
        amount: avt(amount),
        memo: "memo".to_owned(),
    }
}

/// `ok`, or the code of a refusal, or what else went wrong.
pub(crate) fn code<T>(result: &Result<T, TegError>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(TegError::Refused { code, .. }) => (*code).to_owned(),
        Err(error) => error.to_string(),
    }
}
