//! Every statement that the store runs, and how PostgreSQL finds its rows: none may walk through
//! a table that grows.
//!
//! The statements are those that a part of the contract suite makes the store send, as the server
//! logs them. Their plans are those of a marketplace of some age, the same for all values.

use std::collections::BTreeMap;
use std::sync::Arc;

use marketplace_contract_kit::store_suite::CASES;
use marketplace_postgres_cluster::{Server, Settings};

use crate::common::{self, Subject};

/// Between them they call everything in the port.
const FLOWS: &[&str] = &[
    "everything_survives_a_restart",
    "open_work_survives_a_restart",
    "secrets_and_notes_survive_a_restart",
    "a_silence_of_all_servers_is_a_gap",
    "an_agents_orders_come_newest_first",
    "all_orders_come_newest_first",
    "active_listings_come_oldest_first",
    "a_providers_listings_come_newest_first",
    "a_statement_comes_in_pages",
    "a_wallet_shows_each_token_in_one_place",
    "payouts_are_due_by_policy",
    "what_is_taken_comes_back",
    "an_order_goes_through_every_state",
    "agents_come_back_as_they_were",
    "listings_come_back_as_they_were",
    "withdrawals_come_back_as_they_were",
    "deposits_come_back_as_they_were",
    "blobs_come_back_as_they_were",
    "an_effect_is_given_until_it_is_done",
    "a_retried_effect_comes_again",
    "a_cleared_timer_is_gone",
    "what_became_of_a_batch_can_be_asked",
    "an_agent_gets_its_events_and_no_others",
    "listings_are_counted_up_to_their_limit",
    "who_sent_whom_how_much_is_summed_up",
    "who_else_got_the_same_bytes_is_found",
];

/// Tables that stay small.
const SMALL: &[&str] = &[
    "chain",
    "retired",
    "sums",
    "counters",
    "servers",
    "gaps",
    "secrets",
    "notes",
    "jobs",
    "payouts",
    "openings",
    "batches_numbers",
    "__diesel_schema_migrations",
];

/// Statements that may walk, each with its reason.
const MAY_WALK: &[(&str, &str)] = &[
    (
        "FROM postings p JOIN batches b ON b.number = p.batch WHERE p.account = $1",
        "an order's account: asked by tests and operators only",
    ),
    ("FROM pg_", "the catalog"),
    ("FROM __diesel_schema_migrations", "once, at the start"),
    ("FROM batches ORDER BY number DESC LIMIT 1", "the last row"),
    ("WHERE leased_until <= $1 ORDER BY due LIMIT 1", "passes what is leased now, which is little"),
    ("WHERE position IS NULL AND outcomes IS NOT NULL", "all of the index of what is not sealed"),
];

/// Statements that come or do not come by chance of timing: looked at, but not in the snapshot.
const BY_TIMING: [&str; 2] =
    ["SELECT event FROM chain", "SELECT number FROM batches WHERE position"];

/// Statements of the audit, which walks through everything, begin and end so.
const AUDIT: (&str, &str) = ("SET LOCAL statement_timeout = 0", "COMMIT");

/// What keeps a server from sharing a small table's rows between processes.
const PARALLEL_COSTS: [&str; 4] = [
    "parallel_setup_cost",
    "parallel_tuple_cost",
    "min_parallel_table_scan_size",
    "min_parallel_index_scan_size",
];

#[test]
fn no_statement_walks_through_a_table() {
    // Its log is read, so it is our own.
    let mut settings = Settings::fast()
        .with("log_statement", "all")
        .with("log_line_prefix", "\u{1}%p ")
        .with("log_min_duration_statement", "-1");
    // To work side by side costs nothing here: what may be done so by a session is done so, as it
    // may be in production after any analysis.
    for cost in PARALLEL_COSTS {
        settings = settings.with(cost, "0");
    }
    let server = Arc::new(Server::private(&settings).expect("a server"));
    for flow in FLOWS {
        let case = CASES.iter().find(|case| case.name == *flow);
        let case = case.unwrap_or_else(|| panic!("no case is named {flow}"));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let database = common::database_in(&server);
        runtime.expect("a runtime").block_on(async {
            case.run(Box::new(Subject::on(database).await)).await;
        });
    }
    let log = server.cluster().expect("ours").folder().join("log");
    let log = std::fs::read(log).expect("the log");
    let statements = statements(&String::from_utf8_lossy(&log));
    assert!(statements.len() > 60, "only {} statements were seen", statements.len());
    let database = common::database_in(&server);
    database.sql(include_str!("volume.sql")).expect("the volume");
    let (mut shapes, mut walks) = (String::new(), Vec::new());
    for (text, switches) in &statements {
        let plan = plan(&database, text, switches);
        if !MAY_WALK.iter().any(|(part, _)| text.contains(part)) {
            walks.extend(walking(&plan).iter().map(|step| format!("{step}\n    {text}")));
        }
        if !BY_TIMING.iter().any(|beginning| text.starts_with(beginning)) {
            shapes.push_str(&format!("{}\n{}", beginning(text), shape(&plan)));
        }
    }
    assert!(walks.is_empty(), "{}", walks.join("\n"));
    // A net without holes: a statement that walks is caught, and that it calls others.
    let bad = plan(&database, "SELECT id FROM orders WHERE service = $1 LIMIT 1", "");
    assert_eq!(walking(&bad).len(), 2, "{bad}");
    insta::assert_snapshot!(shapes);
}

/// What was executed, each text once, and how its session was told to find rows.
fn statements(log: &str) -> BTreeMap<String, String> {
    let (mut switches, mut audits) = (BTreeMap::new(), Vec::new());
    let mut found = BTreeMap::new();
    for entry in log.split('\u{1}') {
        let Some((session, entry)) = entry.split_once(' ') else { continue };
        let Some(said) = entry.strip_prefix("LOG:  ") else { continue };
        if let Some(text) = said.strip_prefix("statement: ") {
            if text.contains("enable_seqscan") {
                switches.insert(session, text.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            if text.contains(AUDIT.0) {
                audits.push(session.to_owned());
            } else if text.starts_with(AUDIT.1) {
                audits.retain(|audit| audit != session);
            }
        }
        let Some((_, text)) = said.strip_prefix("execute ").and_then(|said| said.split_once(": "))
        else {
            continue;
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let is_plain = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"]
            .iter()
            .any(|word| words.first().is_some_and(|first| first == word));
        if is_plain && !audits.iter().any(|audit| audit == session) {
            let switches = switches.get(session).cloned().unwrap_or_default();
            found.insert(words.join(" "), switches);
        }
    }
    found
}

/// The plan that is used for all values.
fn plan(database: &marketplace_postgres_cluster::Database, text: &str, switches: &str) -> String {
    let mut count = 0;
    while text.contains(&format!("${}", count + 1)) {
        count += 1;
    }
    let values = vec!["NULL"; count].join(", ");
    let values = if count == 0 { String::new() } else { format!("({values})") };
    let explain = format!(
        "SET jit = off; SET plan_cache_mode = force_generic_plan; {switches}; \
         PREPARE one AS {text}; EXPLAIN (COSTS OFF) EXECUTE one{values}"
    );
    database.sql(&explain).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Steps that look at every row of a table that grows, or of its index, or call other processes.
fn walking(plan: &str) -> Vec<String> {
    let lines: Vec<&str> = plan.lines().map(str::trim).collect();
    let walks = lines.iter().enumerate().filter(|(at, line)| {
        let next = lines.get(at + 1).copied().unwrap_or_default();
        let by_index = ["Index Scan", "Index Only Scan"].iter().any(|scan| line.contains(scan));
        if line.contains("Gather") {
            return true;
        }
        let Some((_, of)) = line.rsplit_once(" on ") else { return false };
        let table = of.split_whitespace().next().unwrap_or_default();
        let whole = line.contains("Seq Scan") || (by_index && !next.starts_with("Index Cond"));
        whole && !SMALL.contains(&table)
    });
    walks.map(|(_, line)| (*line).to_owned()).collect()
}

fn beginning(text: &str) -> String {
    const LENGTH: usize = 150;
    if text.len() <= LENGTH { text.to_owned() } else { format!("{} …", &text[..LENGTH]) }
}

/// Which indexes and tables are looked into, and how; months are all alike.
fn shape(plan: &str) -> String {
    let steps = plan.lines().map(|line| line.trim().trim_start_matches("-> ").trim());
    let scans = steps.filter(|line| line.contains("Scan") && !line.contains("Function Scan"));
    let mut shape: Vec<String> = Vec::new();
    for scan in scans {
        let step = format!("    {}\n", without_months(scan));
        if shape.last() != Some(&step) {
            shape.push(step);
        }
    }
    shape.concat()
}

/// `postings_2026_01` is `postings_MONTH`.
fn without_months(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for word in line.split(' ') {
        let is_month = |part: &str| part.len() == 4 && part.bytes().all(|b| b.is_ascii_digit());
        let parts: Vec<&str> = word.split('_').collect();
        let at = parts.iter().position(|part| is_month(part));
        let word = match at {
            Some(at) => {
                let rest = parts.get(at + 2..).unwrap_or_default().join("_");
                format!("{}_MONTH_{rest}", parts[..at].join("_"))
            }
            None => word.to_owned(),
        };
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word.trim_end_matches('_'));
    }
    out
}
