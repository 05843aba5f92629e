//! Trade while the TEG fails and both processes die, at a count for every day; `cargo xtask verify
//! edges` does it with thousands of orders.

use clap::Parser;
use marketplace_edge_node::{EdgeNode, EdgeSettings};
use marketplace_testkit::load::{EdgesPlan, TEG_FLAGS, TegCommand, trade_over_failing_edges};

#[tokio::test]
async fn teg_and_books_agree_whatever_fails_and_whoever_dies() {
    trades(20, false).await;
}

/// The other rail, on which a transfer may settle later.
#[tokio::test]
async fn they_agree_over_the_registrys_send_too() {
    trades(20, true).await;
}

async fn trades(orders: usize, by_send: bool) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plan = EdgesPlan {
        server: env!("CARGO_BIN_EXE_marketplace-server").into(),
        teg: TegCommand::Test("the_teg"),
        folder: folder.path().to_owned(),
        orders,
        kills: 2,
        fault_percent: 5,
        seed: 1,
        by_send,
    };
    let report = trade_over_failing_edges(plan).await.expect("TEG and books agree");
    let done = (report.orders, report.prepaid, report.payouts, report.kills);
    assert_eq!(done, (orders, 6, orders, 2), "{report:?}");
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    settings: EdgeSettings,
}

/// No test: the TEG of the test above, in a process that can be killed.
#[tokio::test]
async fn the_teg() {
    let Ok(flags) = std::env::var(TEG_FLAGS) else { return };
    let words = std::iter::once("teg").chain(flags.lines());
    let node = EdgeNode::start(Flags::parse_from(words).settings).await.expect("it serves");
    std::future::pending::<()>().await;
    drop(node);
}
