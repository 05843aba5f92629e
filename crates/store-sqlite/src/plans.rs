//! Every statement that the store runs, and how SQLite finds its rows: none may walk through a
//! table that grows.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

use diesel::connection::InstrumentationEvent;
use diesel::prelude::*;
use diesel::sql_types::Text;
use marketplace_escrow::OrderStatus;
use marketplace_ledger::{Account, EntryDraft, EntryKind, FeeKind};
use marketplace_listings::{Listing, Offer, ServiceType, Terms};
use marketplace_money::{
    Amount, CommandId, DepositId, Did, EntryId, EventId, ListingId, OrderId, Seconds, Timestamp,
    WithdrawalId,
};
use marketplace_ports::{
    Agent, Batch, Change, ChangeSet, CountChange, Deposit, DepositState, Effect, EffectChange,
    EffectKind, Event, IdempotencyKey, IdempotencyRecord, Key, Lease, Nonce, OrderFilter,
    PayoutPolicy, Snapshot, Subject, TegRecord, TegRecordState, TegTransactionId, Timer,
    TimerChange, Withdrawal, WithdrawalState,
};
use uuid::Uuid;

use crate::books::Books;
use crate::clock::StoreClock;
use crate::database::Place;
use crate::{docket_queries, edges, lease, money, orders, servers};

type Log = Arc<Mutex<BTreeSet<String>>>;

/// Writes down what a connection runs.
fn listen(connection: &mut SqliteConnection, log: &Log) {
    let log = Arc::clone(log);
    connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let sql = text.split(" -- binds:").next().unwrap_or_default();
            log.lock().unwrap().insert(sql.to_owned());
        }
    });
}

fn did() -> Did {
    "did:key:a".parse().unwrap()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn listing(version: u64) -> Listing {
    let offer = Offer {
        service_type: ServiceType::Custom,
        name: "a".into(),
        description: String::new(),
        price: Amount::from_avt(1),
        metadata: String::new(),
        terms: Terms::default(),
    };
    let now = Timestamp::from_micros(1);
    Listing { version, ..Listing::create(ListingId::new(id(2)), did(), offer, now).unwrap() }
}

fn withdrawal(version: u64) -> Withdrawal {
    Withdrawal {
        id: WithdrawalId::new(id(3)),
        version,
        agent: did(),
        amount: Amount::ZERO,
        fee: Amount::ZERO,
        at: Timestamp::from_micros(1),
        sent_at: None,
        state: WithdrawalState::InFlight,
    }
}

fn deposit(version: u64) -> Deposit {
    Deposit {
        id: DepositId::new(id(4)),
        version,
        agent: did(),
        amount: Amount::ZERO,
        at: Timestamp::from_micros(1),
        state: DepositState::Asked,
    }
}

fn transfer(version: u64) -> TegRecord {
    TegRecord {
        id: TegTransactionId("1".into()),
        version,
        state: TegRecordState::Booked(EntryId::new(id(6))),
        payer: None,
        amount: Amount::ZERO,
        dust: 1,
        memo: String::new(),
        at: Timestamp::from_micros(1),
        used_for: None,
    }
}

/// A row of everything, in its first version or in the next one.
fn everything(read: u64) -> ChangeSet {
    let now = Timestamp::from_micros(1);
    let version = read + 1;
    let subject = Subject::Order(OrderId::new(id(1)));
    let payout = PayoutPolicy::Immediate;
    let agent = Agent { version, payout, ..Agent::unknown(did()) };
    let amount = Amount::from_avt(1);
    let entry =
        EntryDraft::transfer(EntryKind::Deposit, Account::Teg, Account::Agent(did()), amount);
    let key = IdempotencyKey { caller: did(), route: "r".into(), key: version.to_string() };
    let record = IdempotencyRecord { body_sha256: [0; 32], reply: String::new(), expires_at: now };
    let kind = EffectKind::SendWithdrawal(WithdrawalId::new(id(3)));
    let effect = Effect { id: id(5 + u128::from(read)), kind, due: now, attempts: 0 };
    let (work, due) = (id(5), now);
    let effects = match read {
        0 => vec![EffectChange::Add(effect)],
        1 => vec![EffectChange::Retry { id: work, due, attempts: 1, error: String::new() }],
        _ => vec![EffectChange::Done(work)],
    };
    let timer = Timer { subject, kind: "expiry", sequence: 1, due: now };
    ChangeSet {
        listings: vec![Change { read, row: Arc::new(listing(version)) }],
        agents: vec![Change { read, row: Arc::new(agent) }],
        withdrawals: vec![Change { read, row: Arc::new(withdrawal(version)) }],
        deposits: vec![Change { read, row: Arc::new(deposit(version)) }],
        listing_count: Some(CountChange { delta: 1, limit: 100 }),
        entries: vec![entry.unwrap().named(EntryId::new(id(6)))],
        teg_records: vec![Change { read, row: Arc::new(transfer(version)) }],
        events: vec![Event {
            id: EventId::new(id(7)),
            subject,
            name: "order.funded",
            audience: vec![did()],
            at: now,
            data: String::new(),
        }],
        timers: vec![match read {
            0 | 1 => TimerChange::Set(timer),
            _ => TimerChange::Clear { subject, kind: "expiry" },
        }],
        effects,
        idempotency: Some((key, record)),
        nonce: Some((Nonce { signer: did(), value: version.to_string() }, now)),
        ..ChangeSet::default()
    }
}

fn write(books: &mut Books) {
    for read in 0..4 {
        let sets = vec![(CommandId::new(id(8)), everything(read))];
        let batch = Batch { id: id(100 + u128::from(read)), snapshot: Snapshot(0), sets };
        let outcomes = books.commit(batch).unwrap();
        assert_eq!(outcomes, [marketplace_ports::CommitOutcome::Committed]);
        let lease = Lease { owner: id(9), duration: Seconds(0) };
        books.lease_timers(lease, 10).unwrap();
        books.lease_effects(lease, 10).unwrap();
        // What is remembered is not looked up.
        *books.cache.lock() = crate::cache::Cache::default();
    }
    let many = (0..20).map(|number| Key::Order(OrderId::new(id(number))));
    let one = [
        Key::Order(OrderId::new(id(1))),
        Key::Listing(ListingId::new(id(2))),
        Key::Agent(did()),
        Key::Balance(Account::Insurance),
        Key::TegTransaction(TegTransactionId("1".into())),
    ];
    books.view(&many.collect()).unwrap();
    *books.cache.lock() = crate::cache::Cache::default();
    books.view(&HashSet::from(one)).unwrap();
    books.heartbeat(id(10)).unwrap();
    books.secret("a", [0; 32]).unwrap();
    books.set_note("a", "b").unwrap();
}

fn read(connection: &mut SqliteConnection) {
    let order = OrderId::new(id(1));
    for as_seller in [false, true] {
        let statuses = OrderStatus::NAMES.iter().map(|(status, _)| Some(*status)).chain([None]);
        for status in statuses {
            for cursor in [None, Some(7)] {
                let filter = OrderFilter { agent: did(), as_seller, status, cursor, limit: 10 };
                orders::orders(connection, &filter).unwrap();
                orders::all_orders(connection, status, cursor, 10).unwrap();
            }
        }
    }
    orders::order(connection, order).unwrap();
    orders::blob(connection, order, &[0; 32]).unwrap();
    orders::listing(connection, ListingId::new(id(2))).unwrap();
    orders::active_listings(connection, Some(0), 10).unwrap();
    orders::listings_of(connection, &did(), None, 10).unwrap();
    orders::agent(connection, &did()).unwrap();
    orders::events_after(connection, 1, 10).unwrap();
    money::wallet(connection, &did()).unwrap();
    money::statement(connection, &did(), None, 10).unwrap();
    money::payouts_due(connection, 10).unwrap();
    let least = Amount::from_avt(25);
    docket_queries::delivered_to_another(connection, &did(), &did(), &[0; 32]).unwrap();
    docket_queries::sent_since(connection, &[did()], Timestamp::from_micros(1), least).unwrap();
    for account in [Account::Agent(did()), Account::Teg, Account::Fees(FeeKind::Listing)] {
        money::account_sum(connection, &account).unwrap();
    }
    edges::teg_position(connection).unwrap();
    for after in [None, Some(WithdrawalId::new(id(3)))] {
        edges::open_withdrawals(connection, after, 10).unwrap();
    }
    lease::dues(connection, Timestamp::from_micros(0)).unwrap();
    servers::note(connection, "a").unwrap();
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// Steps that may look at row after row, and the part of their statement that makes them stop.
const ALLOWED: [(&str, &str); 12] = [
    // One row.
    ("SCAN retired", "FROM retired"),
    // One row for each server of the last day.
    ("SCAN servers", "DELETE FROM `servers`"),
    // The first rows of the table.
    ("SCAN idempotency", "FROM idempotency ORDER BY position LIMIT"),
    ("SCAN idempotency", "ORDER BY `idempotency`.`position` LIMIT"),
    ("SCAN nonces", "FROM nonces ORDER BY position LIMIT"),
    ("SCAN nonces", "ORDER BY `nonces`.`position` LIMIT"),
    // Passes what is leased now, which workers keep small.
    ("SCAN timers USING INDEX timers_by_due", "ORDER BY `timers`.`due` LIMIT"),
    ("SCAN outbox USING INDEX outbox_by_due", "ORDER BY `outbox`.`due` LIMIT"),
    // All rows of this index are asked for.
    ("SCAN balances USING INDEX balances_to_pay_out", "LIMIT"),
    // What is open, or strange, which is little.
    ("SCAN withdrawals USING INDEX withdrawals_open", "WHERE held > 0"),
    ("SCAN teg_records USING INDEX teg_records_unmatched", "LIMIT"),
    // Nobody asks for the sum of an order's account but tests and operators.
    ("SCAN postings", "SELECT SUM(delta) AS amount FROM postings WHERE account = ?"),
];

/// Steps that look at every row of something.
fn walks(connection: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let words = ["SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE"];
    if !words.iter().any(|word| sql.trim_start().starts_with(word)) {
        return Vec::new();
    }
    let plan = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}"));
    let steps: Vec<Step> = plan.load(connection).unwrap();
    // Diesel and we break lines in different places.
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let allowed =
        |step: &str| ALLOWED.iter().any(|(walk, stop)| step == *walk && line.contains(stop));
    let details = steps.into_iter().map(|step| step.detail);
    let values = |step: &str| step.contains("CONSTANT ROW") || step.contains("constant row");
    details.filter(|step| step.contains("SCAN") && !values(step) && !allowed(step)).collect()
}

#[test]
fn no_statement_walks_through_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let place = Arc::new(Place::prepare(&folder.path().join("plans.db")).unwrap());
    let clock = Arc::new(StoreClock::new(Arc::new(|| Timestamp::from_micros(5))));
    let mut books = Books::open(Arc::clone(&place), clock).unwrap();
    let log = Log::default();
    listen(&mut books.connection, &log);
    write(&mut books);
    let mut reader = place.connect(crate::database::Purpose::Read).unwrap();
    listen(&mut reader, &log);
    read(&mut reader);
    let statements = log.lock().unwrap().clone();
    assert!(statements.len() > 60, "only {} statements were seen", statements.len());
    let mut shell = place.connect(crate::database::Purpose::Write).unwrap();
    let mut bad = Vec::new();
    for sql in &statements {
        for step in walks(&mut shell, sql) {
            bad.push(format!("{step}\n    {sql}"));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    let open = statements.iter().filter(|sql| sql.contains("status <> 'COMPLETED'"));
    for sql in open {
        let plan = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}"));
        let steps: Vec<Step> = plan.load(&mut shell).unwrap();
        assert!(steps.iter().any(|step| step.detail.contains("_not_completed")), "{sql}");
    }
    // A net without holes: a statement that walks is caught.
    assert!(!walks(&mut shell, "SELECT id FROM orders WHERE service = ? LIMIT 1").is_empty());
}
