//! The tables of the store, and how a row of each is written.

use std::fmt::Display;

use marketplace_escrow::Order;
use marketplace_ledger::{Account, Entry};
use marketplace_listings::Listing;
use marketplace_money::Timestamp;
use marketplace_postgres_cluster::Server;
use marketplace_store_rows::{
    EventsDigest, ListingRow, OrderRow, PostingsDigest, TimerRow, id_text, party_key, postings_of,
};
use uuid::Uuid;

use super::copy::{Copy, NULL};

/// Positions that a commit has: bits of a position below the commit's number.
const PLACE_BITS: u32 = 20;

/// All tables that are filled, each by its own COPY.
pub(super) struct Tables {
    batches: Copy,
    postings: Copy,
    orders: Copy,
    open: Copy,
    timers: Copy,
    listings: Copy,
    balances: Copy,
}

/// A commit in the making.
pub(super) struct Commit {
    pub(super) number: i64,
    pub(super) at: Timestamp,
    places: i64,
    postings: i64,
    digest: PostingsDigest,
    /// What it adds to revenue, to the TEG and to what orders hold, in nano-AVT.
    fees: i64,
    teg: i64,
    escrow: i64,
    sets: usize,
}

impl Commit {
    pub(super) fn new(number: i64, at: Timestamp) -> Self {
        let digest = PostingsDigest::default();
        Self { number, at, places: 0, postings: 0, digest, fees: 0, teg: 0, escrow: 0, sets: 0 }
    }

    fn place(&mut self) -> i64 {
        self.places += 1;
        (self.number << PLACE_BITS) + self.places
    }

    /// Whether more may go into it.
    pub(super) fn is_full(&self) -> bool {
        self.sets >= 200
    }

    /// One more command was committed with it.
    pub(super) fn count(&mut self) {
        self.sets += 1;
    }
}

impl Tables {
    pub(super) fn start(server: &Server, database: &str) -> anyhow::Result<Self> {
        let copy = |columns: &str| Copy::start(server, database, columns);
        Ok(Self {
            batches: copy(
                "batches (number, id, at, outcomes, postings, events, postings_digest, \
                 events_digest, sum_accounts, sum_deltas)",
            )?,
            postings: copy(
                "postings (position, entry, line, lines, account, delta, kind, reason, at, batch, \
                 balance, account_key)",
            )?,
            orders: copy(
                "orders (position, id, version, buyer, seller, buyer_key, seller_key, listing, status, \
                 phase, price, fee, total, escrow, created_at, service, terms, state)",
            )?,
            open: copy("orders_not_completed (position, buyer_key, seller_key, status, escrow)")?,
            timers: copy("timers (subject, kind, sequence, due)")?,
            listings: copy(
                "listings (position, id, version, provider, status, price, created_at, data)",
            )?,
            balances: copy("balances (account, amount, exposure)")?,
        })
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        let Self { batches, postings, orders, open, timers, listings, balances } = self;
        for copy in [batches, postings, orders, open, timers, listings, balances] {
            copy.finish()?;
        }
        Ok(())
    }

    /// Posts an entry; `balance_of` carries an account's balance on and says what it is now.
    pub(super) fn post(
        &mut self,
        commit: &mut Commit,
        entry: &Entry,
        mut balance_of: impl FnMut(&Account, i64) -> Option<i64>,
    ) -> anyhow::Result<()> {
        for (account, row) in postings_of(entry, commit.at) {
            let balance = balance_of(account, row.delta);
            match account {
                Account::Fees(_) => commit.fees += row.delta,
                Account::Teg => commit.teg += row.delta,
                Account::Order(_) => commit.escrow += row.delta,
                _ => {}
            }
            commit.digest.add(&row);
            commit.postings += 1;
            let position = commit.place();
            let or_null =
                |number: Option<i64>| number.map_or_else(|| NULL.to_owned(), |n| n.to_string());
            let account_key = or_null(balance.map(|_| party_key(&row.account)));
            let balance = or_null(balance);
            self.postings.row(&[
                &position,
                &row.entry,
                &row.line,
                &row.lines,
                &row.account,
                &row.delta,
                &row.kind,
                &row.reason,
                &row.at,
                &commit.number,
                &balance,
                &account_key,
            ])?;
        }
        Ok(())
    }

    pub(super) fn order(&mut self, commit: &mut Commit, order: &Order) -> anyhow::Result<()> {
        let row = OrderRow::new(order, None);
        let position = commit.place();
        let (buyer_key, seller_key) = (party_key(&row.buyer), party_key(&row.seller));
        if row.status != "COMPLETED" {
            let columns: [&dyn Display; 5] =
                [&position, &buyer_key, &seller_key, &row.status, &row.escrow];
            self.open.row(&columns)?;
        }
        if let Some(timer) = order.timer() {
            let timer = TimerRow::new(&marketplace_ports::Timer {
                subject: marketplace_ports::Subject::Order(order.id),
                kind: timer.kind.name(),
                sequence: order.version,
                due: timer.deadline.due,
            });
            self.timers.row(&[&timer.subject, &timer.kind, &timer.sequence, &timer.due])?;
        }
        self.orders.row(&[
            &position,
            &row.id,
            &row.version,
            &row.buyer,
            &row.seller,
            &buyer_key,
            &seller_key,
            &row.listing,
            &row.status,
            &row.phase,
            &row.price,
            &row.fee,
            &row.total,
            &row.escrow,
            &row.created_at,
            &row.service,
            &row.terms,
            &row.state,
        ])?;
        Ok(())
    }

    pub(super) fn listing(&mut self, commit: &mut Commit, listing: &Listing) -> anyhow::Result<()> {
        let row = ListingRow::new(listing);
        let position = commit.place();
        self.listings.row(&[
            &position,
            &row.id,
            &row.version,
            &row.provider,
            &row.status,
            &row.price,
            &row.created_at,
            &row.data,
        ])?;
        Ok(())
    }

    pub(super) fn balance(
        &mut self,
        account: &Account,
        amount: i64,
        exposure: i64,
    ) -> anyhow::Result<()> {
        Ok(self.balances.row(&[account, &amount, &exposure])?)
    }

    pub(super) fn commit(&mut self, commit: Commit) -> anyhow::Result<()> {
        let sums =
            [("fees:transaction", commit.fees), ("orders", commit.escrow), ("teg", commit.teg)];
        let moved: Vec<_> = sums.into_iter().filter(|(_, sum)| *sum != 0).collect();
        let accounts: Vec<&str> = moved.iter().map(|(account, _)| *account).collect();
        let deltas: Vec<String> = moved.iter().map(|(_, sum)| sum.to_string()).collect();
        let number = u64::try_from(commit.number)?;
        self.batches.row(&[
            &commit.number,
            &id_text(Uuid::from_u64_pair(0x0bad_c0de, number)),
            &commit.at.micros(),
            &"w".repeat(commit.sets.max(1)),
            &commit.postings,
            &0,
            &bytes(&commit.digest.finish()),
            &bytes(&EventsDigest::default().finish()),
            &format!("{{{}}}", accounts.join(",")),
            &format!("{{{}}}", deltas.join(",")),
        ])?;
        Ok(())
    }
}

fn bytes(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("\\x");
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
