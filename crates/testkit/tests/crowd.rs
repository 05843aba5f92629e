//! A small crowd at a whole server: everything that the load asks for is done, and nothing fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use marketplace_testkit::app::TestApp;
use marketplace_testkit::crowd::{Crowd, CrowdPlan, Streams};
use marketplace_testkit::load::Caller as _;

#[tokio::test]
async fn a_crowd_does_everything_and_fails_at_nothing() {
    let app = TestApp::start(&[]).await.unwrap();
    let clock = app.clock.clone();
    let plan = CrowdPlan {
        servers: vec![app.server().addr()],
        audience: Some(app.server().public_url().to_owned()),
        agents: 5,
        think: Duration::ZERO,
        seed: 1,
        clock: Arc::new(move || clock.now()),
    };
    let mut crowd = Crowd::enroll(&plan).await.unwrap();
    let streams = Streams::open(&plan, 12).await.unwrap();
    let expected = ["accept", "decline", "deliver", "delist", "list", "purchase", "search"];
    for turn in 0..4_000 {
        let agents = crowd.traders.len();
        let due = Instant::now();
        assert!(crowd.traders[turn % agents].call(0, due).await, "{:?}", crowd.tally.all().errors);
        let kinds = crowd.tally.kinds();
        if expected.iter().all(|kind| kinds.contains_key(kind)) && kinds.contains_key("dispute") {
            break;
        }
    }
    let kinds = crowd.tally.kinds();
    assert!(expected.iter().all(|kind| kinds.contains_key(kind)), "{:?}", kinds.keys());
    assert!(kinds.contains_key("dispute"), "{:?}", kinds.keys());
    let report = streams.report();
    assert_eq!((report.open, report.failures), (12, 0));
    drop(crowd);
    drop(streams);
    app.finish().await.unwrap();
}
