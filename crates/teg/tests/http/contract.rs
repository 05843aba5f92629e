//! The contract suite of the TEG port, on the client: with a well-behaved server, with a flat fee,
//! and with a server that fails in every way.

use std::sync::Arc;

use marketplace_contract_kit::TegUnderTest;
use marketplace_money::Amount;
use marketplace_ports::TransferFee;
use marketplace_teg::server::{Fault, FaultPlan, Faults};

use crate::common::Served;

async fn quiet() -> impl TegUnderTest {
    Served::start(TransferFee::default(), Faults::default()).await
}

async fn with_a_fee() -> impl TegUnderTest {
    Served::start(TransferFee::flat(Amount::from_avt(1)), Faults::default()).await
}

/// Each request has each fault with a chance of 5 in 100: every third fails somehow.
async fn failing() -> impl TegUnderTest {
    let plan = FaultPlan::new(5, 7, Fault::ALL);
    let faults = Faults { by_header: false, plan: Some(Arc::new(plan)) };
    Served::start(TransferFee::default(), faults).await
}

mod quiet_server {
    marketplace_contract_kit::teg_contract!(super::quiet);
}

mod server_with_a_fee {
    marketplace_contract_kit::teg_contract!(super::with_a_fee);
}

mod failing_server {
    marketplace_contract_kit::teg_contract!(super::failing);
}
