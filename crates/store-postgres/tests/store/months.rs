//! History by month: what is put away is gone from the disk.

use std::sync::Arc;

use marketplace_contract_kit::store_suite::CASES;

use crate::common::{self, Subject};

#[test]
fn a_month_that_is_put_away_is_dropped() {
    // Six months of trade, of which the last three stay.
    let name = "history_that_is_put_away_stays_in_the_books";
    let case = CASES.iter().find(|case| case.name == name).expect("the case");
    let database = Arc::new(common::database());
    let subject = Subject::on(Arc::clone(&database));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async { case.run(Box::new(subject.await)).await });
    let ask = |statement: &str| database.sql(statement).expect("it answers");
    for table in ["postings", "events"] {
        let months = format!(
            "SELECT COUNT(*), COUNT(*) FILTER (WHERE c.relname < {newest}) FROM pg_inherits i \
             JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent \
             WHERE p.relname = '{table}' AND c.relname <> '{table}_default'",
            newest = format_args!(
                "(SELECT '{table}' || to_char(to_timestamp(MAX(at) / 1000000.0) \
                 AT TIME ZONE 'UTC' - INTERVAL '4 months', '_YYYY_MM') FROM batches)"
            ),
        );
        let counts = ask(&months);
        let (all, old) = counts.split_once('|').expect("two counts");
        assert_eq!(old, "0", "of {all} months of {table} some are old");
        assert!((4..=8).contains(&all.parse::<u32>().expect("a count")), "{all}");
        assert_eq!(ask(&format!("SELECT COUNT(*) FROM {table}_default")), "0");
    }
    let kept = ask("SELECT COUNT(*) FROM postings p, batches b, retired r \
                    WHERE b.number = p.batch AND b.at < r.at - 40 * 86400 * 1000000::bigint");
    assert_eq!(kept, "0");
}
