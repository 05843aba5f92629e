//! Reading a history that moves: a TEG of the test's own, which says what the test wants.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Query, State};
use axum::routing::get;
use marketplace_money::{Amount, Timestamp};
use marketplace_ports::{HistoryCursor, Teg as _, TegError};
use marketplace_teg::{HourlyLimits, HttpTeg, HttpTegSettings, TegAuth};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::common::us;

/// A line of the history: its number, the second it happened in, and whether it is pending.
#[derive(Clone, Copy, Debug)]
struct Line {
    number: u64,
    second: u64,
    pending: bool,
    failed: bool,
}

type Lines = Arc<Mutex<Vec<Line>>>;

#[derive(Deserialize)]
struct Page {
    limit: usize,
    offset: usize,
}

/// Newest first.
async fn transactions(State(lines): State<Lines>, Query(page): Query<Page>) -> Json<Value> {
    let mut lines = lines.lock().expect("it works in this test").clone();
    lines.sort_by_key(|line| std::cmp::Reverse((line.second, line.number)));
    let shown = lines.iter().skip(page.offset).take(page.limit).map(|line| {
        json!({
            "transaction_id": format!("t{}", line.number),
            "sender_agent_id": "did:key:zPayer",
            "receiver_agent_id": us().as_str(),
            "amount": format!("{}.000000000000000007", line.number),
            "fee_amount": "0E-18",
            "status": if line.failed { "failed" } else if line.pending { "pending" } else { "completed" },
            "transaction_type": "TRANSFER",
            "timestamp": format!("2025-06-24T{:02}:{:02}:{:02}.5", line.second / 3_600, line.second / 60 % 60, line.second % 60),
            "attached_message": null,
        })
    });
    let shown: Vec<Value> = shown.collect();
    Json(
        json!({"transactions": shown, "total": lines.len(), "limit": page.limit, "offset": page.offset}),
    )
}

/// The day after that of the history.
const THE_DAY_AFTER: Timestamp = Timestamp::from_micros(1_750_830_000_000_000);
const A_MONTH_LATER: Timestamp = Timestamp::from_micros(1_753_500_000_000_000);

async fn teg(lines: &Lines) -> HttpTeg {
    HttpTeg::new(teg_settings(lines).await).expect("it works in this test")
}

async fn teg_settings(lines: &Lines) -> HttpTegSettings {
    settings_of(get(transactions).with_state(lines.clone())).await
}

async fn settings_of(history: axum::routing::MethodRouter) -> HttpTegSettings {
    let router = axum::Router::new().route("/api/v1/token/transactions", history);
    let listener =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("it works in this test");
    let url = format!("http://{}", listener.local_addr().expect("it works in this test"));
    tokio::spawn(
        async move { axum::serve(listener, router).await.expect("it works in this test") },
    );
    let clock = Arc::new(|| THE_DAY_AFTER);
    let settings = HttpTegSettings::new(&url, us(), TegAuth::Did, clock);
    HttpTegSettings { limits: HourlyLimits::NONE, ..settings }
}

/// Everything after the place, and the place after that.
async fn read_on(teg: &HttpTeg, place: &mut HistoryCursor, limit: u32) -> Vec<u64> {
    let mut seen = Vec::new();
    loop {
        let page = teg.history(place, limit).await.expect("it works in this test");
        if page.transfers.is_empty() {
            return seen;
        }
        assert!(page.transfers.len() <= limit as usize);
        for transfer in &page.transfers {
            assert_eq!(transfer.dust, 7);
            seen.push(
                transfer.id.0.trim_start_matches('t').parse().expect("it works in this test"),
            );
        }
        assert_ne!(page.next, *place);
        *place = page.next;
    }
}

fn line(number: u64, second: u64) -> Line {
    Line { number, second, pending: false, failed: false }
}

#[tokio::test]
async fn a_long_history_is_read_from_any_place() {
    let lines = Lines::default();
    let teg = teg(&lines).await;
    lines
        .lock()
        .expect("it works in this test")
        .extend((1..=2_500).map(|number| line(number, number)));
    let mut place = HistoryCursor::default();
    let whole = read_on(&teg, &mut place, 100).await;
    assert_eq!(whole, (1..=2_500).collect::<Vec<_>>());
    let short = place.0.len();
    assert!(short < 500, "a place is short: {}", place.0);
    lines
        .lock()
        .expect("it works in this test")
        .extend((2_501..=4_000).map(|number| line(number, number)));
    assert_eq!(read_on(&teg, &mut place, 500).await, (2_501..=4_000).collect::<Vec<_>>());
    let mut again = HistoryCursor::default();
    assert_eq!(read_on(&teg, &mut again, 1_000).await.len(), 4_000);
    // Whoever reads to the same end is at the same place, however it got there.
    assert_eq!(again, place);
}

#[tokio::test]
async fn what_comes_while_it_is_read_does_not_lose_the_place() {
    let lines = Lines::default();
    let add = |numbers: std::ops::RangeInclusive<u64>| {
        let mut lines = lines.lock().expect("it works in this test");
        lines.extend(numbers.map(|number| line(number, number)));
    };
    add(1..=1_000);
    let (mut place, teg_before) = (HistoryCursor::default(), teg(&lines).await);
    read_on(&teg_before, &mut place, 1_000).await;
    add(1_001..=1_400);
    // A hundred more come between the first call and the second.
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (noted, growing) = (asked.clone(), lines.clone());
    let history = get(move |Query(page): Query<Page>| {
        let mut asked = noted.lock().expect("it works in this test");
        asked.push(page.limit);
        if asked.len() == 2 {
            let mut lines = growing.lock().expect("it works in this test");
            lines.extend((1_401..=1_500).map(|number| line(number, number)));
        }
        transactions(State(growing.clone()), Query(page))
    });
    let teg = HttpTeg::new(settings_of(history).await).expect("it works in this test");
    assert_eq!(read_on(&teg, &mut place, 50).await, (1_001..=1_500).collect::<Vec<_>>());
    let asked = asked.lock().expect("it works in this test");
    assert!(asked.iter().all(|limit| *limit < 1_000), "nothing was searched: {asked:?}");
}

#[tokio::test]
async fn what_appears_late_or_completes_late_is_not_missed() {
    let lines = Lines::default();
    let teg = teg(&lines).await;
    let mut place = HistoryCursor::default();
    let pending = Line { pending: true, ..line(2, 101) };
    lines.lock().expect("it works in this test").extend([line(1, 100), pending, line(3, 102)]);
    assert_eq!(read_on(&teg, &mut place, 10).await, [1, 3]);
    let page = teg.history(&place, 10).await.expect("it works in this test");
    assert_eq!((page.transfers.len(), page.pending.len()), (0, 1));
    assert_eq!((page.pending[0].amount, page.next), (Amount::from_avt(2), place.clone()));
    // Its time was given before its commit, and others came between.
    lines.lock().expect("it works in this test").extend([line(4, 99), line(5, 103)]);
    assert_eq!(read_on(&teg, &mut place, 10).await, [4, 5]);
    // Days later.
    lines
        .lock()
        .expect("it works in this test")
        .extend((6..300).map(|number| line(number, 1_000 + number)));
    assert_eq!(read_on(&teg, &mut place, 10).await.len(), 294);
    lines.lock().expect("it works in this test")[1].pending = false;
    assert_eq!(read_on(&teg, &mut place, 10).await, [2]);
    assert_eq!(read_on(&teg, &mut place, 10).await, [0; 0]);
    // One that has been pending for a month is over, whatever it says.
    let forgotten = Line { pending: true, ..line(0, 1_299) };
    let aged = HttpTegSettings { clock: Arc::new(|| A_MONTH_LATER), ..teg_settings(&lines).await };
    lines.lock().expect("it works in this test").push(forgotten);
    let page = HttpTeg::new(aged)
        .expect("it works in this test")
        .history(&place, 10)
        .await
        .expect("it works in this test");
    assert_eq!((page.transfers.len(), page.pending.len(), page.failed.len()), (0, 0, 1));
}

#[tokio::test]
async fn a_transfer_that_failed_is_said_to_have_failed_once() {
    let lines = Lines::default();
    let teg = teg(&lines).await;
    let pending = Line { pending: true, ..line(1, 100) };
    let failed = Line { failed: true, ..line(2, 101) };
    lines.lock().expect("it works in this test").extend([pending, failed]);
    let mut place = HistoryCursor::default();
    let mut check = async |expect: [usize; 3]| {
        let page = teg.history(&place, 10).await.expect("it works in this test");
        let counts = [page.transfers.len(), page.pending.len(), page.failed.len()];
        assert_eq!(counts, expect);
        place = page.next;
    };
    check([0, 1, 1]).await;
    check([0, 1, 0]).await;
    lines.lock().expect("it works in this test")[0].failed = true;
    check([0, 0, 1]).await;
    check([0, 0, 0]).await;
}

#[tokio::test]
async fn a_history_that_lost_our_place_is_no_history_of_ours() {
    let lines = Lines::default();
    let teg = teg(&lines).await;
    lines
        .lock()
        .expect("it works in this test")
        .extend((1..=50).map(|number| line(number, number)));
    let mut place = HistoryCursor::default();
    read_on(&teg, &mut place, 10).await;
    lines.lock().expect("it works in this test").retain(|line| line.number > 45);
    assert!(teg.history(&place, 10).await.is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However it grows between two looks, each line is seen once, in pages of any size.
    #[test]
    fn every_line_is_seen_once(growth in prop::collection::vec((1_u64..200, 0_u64..14), 1..8), limit in 1_u32..150) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it works in this test");
        runtime.block_on(async {
            let lines = Lines::default();
            let teg = teg(&lines).await;
            let (mut place, mut seen, mut number, mut second) =
                (HistoryCursor::default(), Vec::new(), 0, 100);
            for (count, back) in growth {
                for step in 0..count {
                    number += 1;
                    second += 1;
                    // Some are a little older than what was seen last.
                    let at = if step == 0 { second - back } else { second };
                    lines.lock().expect("it works in this test").push(line(number, at));
                }
                seen.extend(read_on(&teg, &mut place, limit).await);
            }
            seen.sort_unstable();
            assert_eq!(seen, (1..=number).collect::<Vec<_>>());
        });
    }
}

/// A TEG in production has no faucet: who was told so once does not offer it any more.
#[tokio::test]
async fn a_faucet_that_is_not_there_is_not_offered_again() {
    let lines = Lines::default();
    let teg = teg(&lines).await;
    assert!(teg.faucet_open());
    let refused = teg.faucet(&us()).await.expect_err("there is none");
    assert!(matches!(refused, TegError::Refused { code: TegError::FAUCET_CLOSED, .. }));
    assert!(!teg.faucet_open());
    let told = HttpTegSettings { faucet_open: false, ..teg_settings(&lines).await };
    assert!(!HttpTeg::new(told).expect("it works in this test").faucet_open());
}
