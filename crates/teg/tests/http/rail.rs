//! The registry's `send` as the way of transfers.

use std::sync::Arc;

use marketplace_money::Amount;
use marketplace_ports::{Teg as _, TegError, TransferFee, TransferOrder};
use marketplace_teg::server::{Fault, FaultPlan, Faults};
use marketplace_teg::{HttpTeg, HttpTegSettings, Rail};
use uuid::Uuid;

use crate::common::{Served, did, us};

fn order(memo: &str) -> TransferOrder {
    TransferOrder {
        key: Uuid::now_v7(),
        counterparty: did("seller"),
        amount: Amount::from_avt(2),
        memo: memo.to_owned(),
    }
}

fn by_send(served: &Served) -> HttpTeg {
    let rail = Rail::Send(served.url());
    HttpTeg::new(HttpTegSettings { rail, ..served.settings() }).expect("it works in this test")
}

#[tokio::test]
async fn what_is_sent_is_found_in_the_history() {
    let served = Served::start(TransferFee::default(), Faults::default()).await;
    let teg = by_send(&served);
    let order = order("sent");
    let done = teg.transfer(&order).await.expect("it works in this test");
    assert_eq!((done.amount, done.memo.as_str()), (order.amount, "sent"));
    assert_eq!(teg.transfer(&order).await, Ok(done));
    let other = TransferOrder { amount: Amount::from_avt(3), ..order };
    let refused = teg.transfer(&other).await;
    let code = TegError::IDEMPOTENCY_MISMATCH;
    assert!(matches!(refused, Err(TegError::Refused { code: c, .. }) if c == code), "{refused:?}");
}

/// Taken with 202, done afterwards: the history tells when.
#[tokio::test]
async fn what_settles_later_is_waited_for_or_unknown() {
    let plan = FaultPlan::new(100, 1, &[Fault::SettleLater]);
    let faults = Faults { by_header: false, plan: Some(Arc::new(plan)) };
    let served = Served::start(TransferFee::default(), faults).await;
    let teg = by_send(&served);
    let order = order("later");
    let done = teg.transfer(&order).await.expect("it works in this test");
    assert_eq!(done.key, Some(order.key));
    let (lines, total) =
        served.node().statement(&us(), 0, 10).await.expect("it works in this test");
    assert_eq!((lines.len(), total), (1, 1));
    // Nobody can pay this, and nobody says so.
    let hopeless = TransferOrder { key: Uuid::now_v7(), amount: Amount::MAX, ..order };
    let error = teg.transfer(&hopeless).await.unwrap_err();
    assert!(matches!(error, TegError::Unknown { .. }), "{error}");
}
