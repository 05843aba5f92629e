//! The contract that every store keeps.

use marketplace_contract_kit::store_contract;

use crate::common::{self, Subject};

async fn fresh() -> Subject {
    Subject::on(common::database()).await
}

store_contract!(fresh);
