//! Loads the state that a batch asks for: one round trip, one snapshot.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use marketplace_ledger::Account;
use marketplace_money::{Amount, Gap, Gaps, Timestamp};
use marketplace_ports::{Key, StoreError, View};
use marketplace_store_rows::{
    AgentRow, ApiKeyRow, DepositRow, IdempotencyRow, JurorRow, ListingRow, MotionRow, OrderRow,
    ReviewsRow, TaskRow, TegRecordRow, WithdrawalRow,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::clock::{CLOCK, StoreClock};
use crate::failure::Failure;
use crate::found::{Found, column};
use crate::judged::{DISPUTES, read_disputes, read_jurors};
use crate::keys::{Keys, Table};
use crate::session::{Answer, Session, Writers, on_writer};
use crate::straight::Glances;

/// Begins a transaction that sees one state and changes nothing.
pub(crate) const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// The clock and the gaps.
static BEGINNING: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{CLOCK}, \
         (SELECT array_agg(from_at ORDER BY from_at) FROM gaps), \
         (SELECT array_agg(until_at ORDER BY from_at) FROM gaps)"
    )
});
const BALANCES: &str = "SELECT account, amount, exposure FROM balances WHERE account = ANY($1)";
const NONCES: &str = "SELECT id FROM nonces WHERE id = ANY($1)";
/// The number of listings, active or paused.
pub(crate) const LISTING_COUNT: &str = "SELECT value FROM counters WHERE name = 'listings'";

/// `SELECT columns FROM table WHERE key = ANY($1)`.
macro_rules! by_key {
    ($name:ident: $row:ty => $table:literal . $key:literal) => {
        static $name: LazyLock<String> = LazyLock::new(|| {
            let columns = <$row as Found>::COLUMNS;
            format!("SELECT {columns} FROM {} WHERE {} = ANY($1)", $table, $key)
        });
    };
}
/// With their checks, and the balances of those who are paid when they end well.
static ORDERS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, (SELECT c.body FROM checks c WHERE c.sha256 = o.checks), \
         (SELECT b.amount FROM balances b WHERE b.account = 'agent:' || o.seller) \
         FROM orders o WHERE id = ANY($1)",
        OrderRow::COLUMNS
    )
});
by_key!(LISTINGS: ListingRow => "listings"."id");
by_key!(AGENTS: AgentRow => "agents"."did");
by_key!(WITHDRAWALS: WithdrawalRow => "withdrawals"."id");
by_key!(DEPOSITS: DepositRow => "deposits"."id");
by_key!(API_KEYS: ApiKeyRow => "api_keys"."sha256");
by_key!(TASKS: TaskRow => "tasks"."key");
by_key!(TEG_RECORDS: TegRecordRow => "teg_records"."id");
by_key!(MOTIONS: MotionRow => "motions"."id");
by_key!(JURORS: JurorRow => "jurors"."did");
by_key!(REVIEWS: ReviewsRow => "reviews"."order_id");
by_key!(ANSWERS: IdempotencyRow => "idempotency"."id");

/// Puts the rows of one statement into the view.
type Read = fn(&Keys, &[Row], &mut View) -> Result<(), Failure>;

/// The keys of one table with the statement that reads them.
struct Part<'a> {
    text: &'static str,
    keys: &'a (dyn ToSql + Sync),
    read: Read,
}

/// Loads a view.
pub(crate) async fn load(
    writers: &Writers,
    clock: &StoreClock,
    glances: &Glances,
    wanted: &HashSet<Key>,
) -> Result<View, StoreError> {
    let keys = Keys::new(wanted);
    let begun = Instant::now();
    let loaded = on_writer!(writers, session => attempt(session, clock, &keys))?;
    let (mut view, sellers) = loaded;
    view.snapshot = glances.memory.snapshot();
    glances.memory.read(&view, &sellers, begun);
    glances.keep(&view, sellers);
    Ok(view)
}

/// A view from memory, if all of it is there.
pub(crate) fn recall(clock: &StoreClock, glances: &Glances, wanted: &HashSet<Key>) -> Option<View> {
    let (view, sellers) = glances.memory.recall(wanted, clock)?;
    glances.keep(&view, sellers);
    Some(view)
}

/// What is loaded of those who are paid when orders end well.
type Sellers = Vec<(Account, Amount)>;

/// The keys as arrays, the way that statements take them.
struct Lists<'a> {
    answers: Vec<&'a [u8]>,
    nonces: Vec<&'a [u8]>,
    balances: Vec<&'a str>,
    versioned: [Vec<&'a str>; Table::ALL.len()],
}

impl<'a> Lists<'a> {
    fn of(keys: &'a Keys) -> Self {
        Self {
            answers: keys.answers.keys().map(|id| &id[..]).collect(),
            nonces: keys.nonces.keys().map(|id| &id[..]).collect(),
            balances: keys.balances.keys().map(String::as_str).collect(),
            versioned: Table::ALL.map(|table| keys.texts(table)),
        }
    }

    const fn orders(&self) -> &Vec<&'a str> {
        &self.versioned[Table::Orders as usize]
    }
}

/// One SELECT for each table that the keys touch, with what reads its answer.
fn parts<'a>(lists: &'a Lists<'a>) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::with_capacity(11);
    let mut part = |text, is_empty: bool, keys, read: Read| {
        if !is_empty {
            parts.push(Part { text, keys, read });
        }
    };
    part(&ANSWERS, lists.answers.is_empty(), &lists.answers, read_answers);
    part(NONCES, lists.nonces.is_empty(), &lists.nonces, read_nonces);
    for (table, keys) in Table::ALL.into_iter().zip(&lists.versioned) {
        let (text, read): (&'static str, Read) = match table {
            // Together with their checks.
            Table::Orders => continue,
            Table::Listings => (&LISTINGS, read_listings),
            Table::Agents => (&AGENTS, read_agents),
            Table::Withdrawals => (&WITHDRAWALS, read_withdrawals),
            Table::Deposits => (&DEPOSITS, read_deposits),
            Table::ApiKeys => (&API_KEYS, read_api_keys),
            Table::Tasks => (&TASKS, read_tasks),
            Table::TegRecords => (&TEG_RECORDS, read_teg_records),
            Table::Motions => (&MOTIONS, read_motions),
            Table::Disputes => (DISPUTES, read_disputes),
            Table::Jurors => (&JURORS, read_jurors),
            Table::Reviews => (&REVIEWS, read_reviews),
        };
        part(text, keys.is_empty(), keys, read);
    }
    parts
}

async fn attempt(
    session: &mut Session,
    clock: &StoreClock,
    keys: &Keys,
) -> Result<(View, Sellers), Failure> {
    let lists = Lists::of(keys);
    let parts = parts(&lists);

    let mut statements: Vec<&'static str> = vec![&BEGINNING];
    statements.extend(parts.iter().map(|part| part.text));
    if !lists.orders().is_empty() {
        statements.push(&ORDERS);
    }
    if !lists.balances.is_empty() {
        statements.push(BALANCES);
    }
    if keys.listing_count {
        statements.push(LISTING_COUNT);
    }
    session.prepare(statements).await?;
    let mut pipeline = session.begin(SNAPSHOT);
    let places = Places {
        beginning: pipeline.rows(&BEGINNING, vec![])?,
        count: if keys.listing_count { Some(pipeline.rows(LISTING_COUNT, vec![])?) } else { None },
        orders: match lists.orders().is_empty() {
            true => None,
            false => Some(pipeline.rows(&ORDERS, vec![lists.orders()])?),
        },
        balances: match lists.balances.is_empty() {
            true => None,
            false => Some(pipeline.rows(BALANCES, vec![&lists.balances])?),
        },
    };
    let mut places_of_parts = Vec::with_capacity(parts.len());
    for part in &parts {
        places_of_parts.push(pipeline.rows(part.text, vec![part.keys])?);
    }
    pipeline.simple("COMMIT");
    let mut answers = pipeline.run().await?;
    session.ended();

    let mut view = View::default();
    let sellers = places.read(clock, keys, &mut answers, &mut view)?;
    for (part, place) in parts.iter().zip(places_of_parts) {
        (part.read)(keys, &take(&mut answers, place), &mut view)?;
    }
    Ok((view, sellers))
}

/// Where in the pipeline the answers are that are no plain part.
struct Places {
    beginning: usize,
    count: Option<usize>,
    orders: Option<usize>,
    balances: Option<usize>,
}

impl Places {
    fn read(
        &self,
        clock: &StoreClock,
        keys: &Keys,
        answers: &mut [Answer],
        view: &mut View,
    ) -> Result<Sellers, Failure> {
        let beginning = take(answers, self.beginning);
        view.now = told(clock, &beginning)?;
        let beginning = beginning.first().ok_or_else(|| Failure::unavailable("no beginning"))?;
        view.gaps = gaps(beginning)?;
        if let Some(place) = self.count {
            let rows = take(answers, place);
            view.listing_count = rows.first().map_or(Ok(0), |row| column(row, 0))?;
        }
        if let Some(place) = self.balances {
            read_balances(keys, &take(answers, place), view)?;
        }
        self.orders.map_or(Ok(Sellers::new()), |place| read_orders(&take(answers, place), view))
    }
}

/// The rows of an answer; they are read once.
pub(crate) fn take(answers: &mut [Answer], place: usize) -> Vec<Row> {
    answers
        .get_mut(place)
        .map_or_else(Vec::new, |answer| std::mem::replace(answer, Answer::Changed).rows())
}

/// The time, from the answer to [`CLOCK`].
pub(crate) fn told(clock: &StoreClock, rows: &[Row]) -> Result<Timestamp, Failure> {
    let row = rows.first().ok_or_else(|| Failure::unavailable("the clock did not answer"))?;
    Ok(clock.tell(column(row, 0)?, column(row, 1)?))
}

fn gaps(beginning: &Row) -> Result<Gaps, Failure> {
    let times = |index| -> Result<Vec<i64>, Failure> {
        Ok(column::<Option<Vec<i64>>>(beginning, index)?.unwrap_or_default())
    };
    let times = times(2)?.into_iter().zip(times(3)?);
    let gap = |(from, until)| Gap {
        from: Timestamp::from_micros(from),
        until: Timestamp::from_micros(until),
    };
    Ok(Gaps::new(times.map(gap).collect()))
}

fn read_orders(rows: &[Row], view: &mut View) -> Result<Sellers, Failure> {
    let mut sellers = Sellers::new();
    for found in rows {
        let row = OrderRow::read(found)?;
        let text = match (&row.checks, column::<Option<&str>>(found, found.len() - 2)?) {
            (None, _) => Arc::from(""),
            (Some(_), Some(body)) => Arc::from(body),
            (Some(_), None) => {
                let missing = marketplace_store_rows::RowError::new("orders", &row.id, "no checks");
                return Err(Failure::from(missing));
            }
        };
        let order = row.order(text)?;
        if let Some(amount) = column::<Option<i64>>(found, found.len() - 1)? {
            sellers.push((Account::Agent(order.seller.clone()), Amount::from_nano(amount)));
        }
        view.orders.insert(order.id, Arc::new(order));
    }
    Ok(sellers)
}

fn read_listings(_: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    for row in rows {
        let listing = ListingRow::read(row)?.listing()?;
        view.listings.insert(listing.id, Arc::new(listing));
    }
    Ok(())
}

fn read_agents(_: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    for row in rows {
        let agent = AgentRow::read(row)?.agent()?;
        view.agents.insert(agent.did.clone(), Arc::new(agent));
    }
    Ok(())
}

fn read_withdrawals(_: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    for row in rows {
        let withdrawal = WithdrawalRow::read(row)?.withdrawal()?;
        view.withdrawals.insert(withdrawal.id, Arc::new(withdrawal));
    }
    Ok(())
}

fn read_deposits(_: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    for row in rows {
        let deposit = DepositRow::read(row)?.deposit()?;
        view.deposits.insert(deposit.id, Arc::new(deposit));
    }
    Ok(())
}

fn read_api_keys(_: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    for row in rows {
        let key = ApiKeyRow::read(row)?.api_key()?;
        view.api_keys.insert(key.sha256, Arc::new(key));
    }
    Ok(())
}

fn read_tasks(_: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    for row in rows {
        let task = TaskRow::read(row)?.task()?;
        view.tasks.insert(task.key.clone(), Arc::new(task));
    }
    Ok(())
}

fn read_teg_records(_: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    for row in rows {
        let record = TegRecordRow::read(row)?.record()?;
        view.teg_records.insert(record.id.clone(), Arc::new(record));
    }
    Ok(())
}

fn read_motions(_: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    for row in rows {
        let motion = MotionRow::read(row)?.motion()?;
        view.motions.insert(motion.id, Arc::new(motion));
    }
    Ok(())
}

fn read_reviews(_: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    for row in rows {
        let reviews = ReviewsRow::read(row)?.reviews()?;
        view.reviews.insert(reviews.reviews.order, Arc::new(reviews));
    }
    Ok(())
}

fn read_balances(keys: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    for row in rows {
        if let Some(account) = keys.balances.get(column::<&str>(row, 0)?) {
            view.balances.insert(account.clone(), Amount::from_nano(column(row, 1)?));
            if let Account::Agent(did) = account {
                view.exposures.insert(did.clone(), Amount::from_nano(column(row, 2)?));
            }
        }
    }
    Ok(())
}

fn read_answers(_: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    for row in rows {
        let row = IdempotencyRow::read(row)?;
        let bad = |error| marketplace_store_rows::RowError::new("idempotency", &row.key, error);
        let key = marketplace_ports::IdempotencyKey {
            caller: row.caller.parse().map_err(bad)?,
            route: row.route.clone(),
            key: row.key.clone(),
        };
        view.idempotency.insert(key, row.record()?);
    }
    Ok(())
}

fn read_nonces(keys: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    for row in rows {
        let id: [u8; 32] = column::<&[u8]>(row, 0)?.try_into().unwrap_or_default();
        view.nonces.extend(keys.nonces.get(&id).cloned());
    }
    Ok(())
}
