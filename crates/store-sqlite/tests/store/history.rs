//! History is written once; who edits the file all the same is found out.

use crate::market::{Market, did};
use marketplace_ports::{Audit, OrderFilter, Store};

const UNGUARD: &str = "DROP TRIGGER postings_are_not_edited; DROP TRIGGER postings_are_not_deleted;
    DROP TRIGGER events_are_not_edited; DROP TRIGGER events_are_not_deleted;
    DROP TRIGGER batches_are_not_edited; DROP TRIGGER batches_are_not_deleted;";

#[tokio::test]
async fn history_is_append_only() {
    let mut market = Market::new();
    market.fill().await;
    for sql in [
        "UPDATE postings SET delta = delta + 1 WHERE position = 1",
        "DELETE FROM postings WHERE position = 1",
        "UPDATE events SET data = '' WHERE position = 1",
        "DELETE FROM events",
        "UPDATE batches SET hash = zeroblob(32)",
        "DELETE FROM batches WHERE position = 1",
    ] {
        let refused = market.run(sql).unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{sql}: {refused}");
    }
    assert_eq!(market.breaches().await, [""; 0]);
}

/// One edit of the file, and what the audit says about it.
async fn check(sql: &str, expect: impl FnOnce(Audit) -> Audit) {
    let mut market = Market::new();
    market.fill().await;
    let clean = market.store().audit().await.unwrap();
    assert_eq!(clean.breaches(), [""; 0]);
    market.run(&format!("{UNGUARD} {sql}")).unwrap();
    let audit = market.store().audit().await.unwrap();
    // Sums by kind follow from the postings that are there: they say what they say.
    let totals = audit.totals.clone();
    assert_eq!(audit, Audit { totals, ..expect(clean) }, "{sql}");
}

#[tokio::test]
async fn every_edit_of_history_breaks_a_hash() {
    for sql in [
        "UPDATE postings SET reason = 'something else' WHERE position = 2",
        "UPDATE postings SET at = at + 1 WHERE position = 4",
        "UPDATE postings SET kind = 'transfer' WHERE position = 1",
        "UPDATE events SET data = '{\"edited\":true}' WHERE position = 1",
        "UPDATE events SET audience = '[]' WHERE position = 3",
        "UPDATE events SET name = 'order.started' WHERE position = 2",
        "DELETE FROM events WHERE position = 2",
        "UPDATE batches SET outcomes = 'c' WHERE position = 2",
        "UPDATE batches SET at = at - 1 WHERE position = 4",
        "INSERT INTO events SELECT 99, id, subject, name, audience, at, data, 2 FROM events
         WHERE position = 1",
    ] {
        check(sql, |clean| Audit { broken_hashes: 1, ..clean }).await;
    }
    // A hash is in the next one too.
    let sql = "UPDATE batches SET hash = zeroblob(32) WHERE position = 2";
    check(sql, |clean| Audit { broken_hashes: 2, ..clean }).await;
    let sql = "INSERT INTO events SELECT 99, id, subject, name, audience, at, data, 77 FROM events
        WHERE position = 1";
    check(sql, |clean| Audit { broken_hashes: 1, ..clean }).await;
}

#[tokio::test]
async fn every_row_is_compared_with_the_journal() {
    let balance = "WHERE account = 'agent:did:key:buyer'";
    let sql = format!("UPDATE balances SET amount = amount + 1 {balance}");
    check(&sql, |clean| Audit { wrong_balances: 1, ..clean }).await;
    let sql = format!("DELETE FROM balances {balance}");
    check(&sql, |clean| Audit { wrong_balances: 1, ..clean }).await;
    let sql = "INSERT INTO balances (account, amount) VALUES ('agent:did:key:other', 1)";
    check(sql, |clean| Audit { wrong_balances: 1, ..clean }).await;
    let sql = format!("UPDATE balances SET last_posting = 3 {balance}");
    check(&sql, |clean| Audit { wrong_balances: 1, ..clean }).await;
    let sql = "UPDATE sums SET amount = amount + 1 WHERE account = 'teg'";
    check(sql, |clean| Audit { wrong_balances: 1, ..clean }).await;
    let sql = "DELETE FROM sums WHERE account = 'fees:transaction'";
    check(sql, |clean| Audit { wrong_balances: 1, ..clean }).await;
    let sql = "UPDATE orders SET escrow = escrow + 1 WHERE position = 1";
    // Neither the journal nor the order's own state says so, nor what waits on its seller.
    let wrong = |clean| Audit { wrong_escrows: 2, wrong_exposures: 1, ..clean };
    check(sql, wrong).await;
    let sql = "UPDATE balances SET exposure = exposure + 1 WHERE account = 'agent:did:key:seller'";
    check(sql, |clean| Audit { wrong_exposures: 1, ..clean }).await;
    let sql = "UPDATE orders SET status = 'REFUNDED' WHERE position = 1";
    check(sql, |clean| Audit { wrong_escrows: 1, ..clean }).await;
    let sql = "UPDATE orders SET state = '{}' WHERE position = 2";
    check(sql, |clean| Audit { wrong_escrows: 1, ..clean }).await;
    let sql = "DELETE FROM orders WHERE position = 1";
    let gone = |clean: Audit| Audit {
        wrong_escrows: 1,
        wrong_exposures: 1,
        orders: clean.orders - 1,
        ..clean
    };
    check(sql, gone).await;
    let sql = "INSERT INTO withdrawals (id, version, agent, amount, fee, held, at, state)
        VALUES ('0197f3a2-7c1e-7aaa-8b1b-0242ac120002', 1, 'did:a', 5, 1, 6, 0, 'in_flight')";
    check(sql, |clean| Audit { wrong_withdrawals: 1, ..clean }).await;
    check("DELETE FROM timers", |clean| Audit { orders_without_timer: 1, ..clean }).await;
    let sql = "UPDATE timers SET kind = 'review'";
    check(sql, |clean| Audit { orders_without_timer: 1, ..clean }).await;
}

#[tokio::test]
async fn a_posting_cannot_be_edited_unseen() {
    let sql = "UPDATE postings SET delta = delta + 1 WHERE position = 2";
    check(sql, |clean| Audit {
        unbalanced_entries: 1,
        wrong_balances: 1,
        broken_hashes: 1,
        ..clean
    })
    .await;
    let sql = "DELETE FROM postings WHERE position = 1";
    check(sql, |clean| Audit {
        unbalanced_entries: 1,
        wrong_balances: 1,
        broken_hashes: 1,
        postings: clean.postings - 1,
        ..clean
    })
    .await;
    // Where a list goes on is no history: it is not in the hash, and another store has none.
    let sql = "UPDATE postings SET previous = 1 WHERE position = 5";
    check(sql, |clean| Audit { wrong_balances: 1, ..clean }).await;
    let sql = "UPDATE postings SET account = 'order:x' WHERE account LIKE 'order:%' AND line = 1
        AND position < 5";
    check(sql, |clean| Audit { wrong_escrows: 2, broken_hashes: 1, ..clean }).await;
}

/// A cursor is a place, and places can be guessed: nobody sees another agent's lists by one.
#[tokio::test]
async fn a_foreign_cursor_shows_nothing() {
    let mut market = Market::new();
    market.fill().await;
    let stranger = did("stranger");
    let (_, set) = {
        let deposit = market.deposit(&stranger, 10);
        market.write(deposit).await;
        market.purchase(&stranger, &did("seller"), "")
    };
    market.write(set).await;
    for cursor in 0..12 {
        for status in [None, Some(marketplace_escrow::OrderStatus::EscrowFunded)] {
            let agent = stranger.clone();
            let filter =
                OrderFilter { agent, as_seller: false, status, cursor: Some(cursor), limit: 9 };
            let page = market.store().orders(&filter).await.unwrap();
            assert!(page.items.iter().all(|order| order.buyer == stranger), "{cursor}");
        }
        let page = market.store().statement(&stranger, Some(cursor), 9).await.unwrap();
        let account = marketplace_ledger::Account::Agent(stranger.clone());
        assert!(page.items.iter().all(|line| !line.others.contains(&account)), "{cursor}");
        assert!(page.items.len() <= 2, "{cursor}");
    }
}

#[tokio::test]
async fn executable_checks_are_kept_once() {
    let mut market = Market::new();
    let (buyer, seller) = (did("buyer"), did("seller"));
    let deposit = market.deposit(&buyer, 100);
    market.write(deposit).await;
    let checks = format!("{{\"checks\":[\"{}\"]}}", "x".repeat(60_000));
    let mut ids = Vec::new();
    for text in [checks.as_str(), checks.as_str(), "{}", ""] {
        let (id, set) = market.purchase(&buyer, &seller, text);
        market.write(set).await;
        ids.push((id, text));
    }
    assert_eq!(market.count("checks"), 2);
    market.reopen();
    let keys = ids.iter().map(|(id, _)| marketplace_ports::Key::Order(*id)).collect();
    let view = market.store().load(&keys).await.unwrap();
    for (id, text) in &ids {
        assert_eq!(view.orders[id].terms.checks.as_ref(), *text);
        let order = market.store().order(*id).await.unwrap().unwrap();
        assert_eq!(order.terms.checks.as_ref(), *text);
    }
    let set = market.accept(ids[0].0).await;
    market.write(set).await;
    assert_eq!(market.breaches().await, [""; 0]);
}
