//! The market that is loaded: who has bought what, and what of it is still open.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use marketplace_escrow::{Order, OrderEvent, OrderTerms, Phase, evolve, posting};
use marketplace_fees::{FeeSchedule, Price};
use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_listings::{AcceptancePolicy, Listing, Offer, Pricing, ServiceType, Terms};
use marketplace_money::{Amount, Did, EntryId, ListingId, OrderId, Reputation, Seconds, Timestamp};
use marketplace_postgres_cluster::Server;
use uuid::Uuid;

use super::rows::{Commit, Tables};

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Orders in all; nearly all of them completed.
    pub orders: u64,
    /// Of these, funded more than a day ago with nothing delivered: the next sweep ends them.
    pub overdue: u64,
    /// Listings, each of a seller of its own.
    pub listings: u64,
    /// Postings for each order, about; at least five.
    pub postings_for_each: u64,
}

impl Size {
    /// A buyer has a hundred orders, however many there are.
    #[must_use]
    pub const fn buyers(&self) -> u64 {
        let buyers = self.orders / 100;
        if buyers < 10 { 10 } else { buyers }
    }

    /// The name of a buyer.
    ///
    /// # Errors
    /// Never for numbers.
    pub fn buyer(number: u64) -> anyhow::Result<Did> {
        Ok(format!("did:key:z6MkScaleBuyer{number:034}").parse()?)
    }

    /// The name of the seller of a listing.
    ///
    /// # Errors
    /// Never for numbers.
    pub fn seller(number: u64) -> anyhow::Result<Did> {
        Ok(format!("did:key:z6MkScaleSeller{number:033}").parse()?)
    }

    /// The id of a listing.
    #[must_use]
    pub const fn listing(number: u64) -> ListingId {
        ListingId::new(Uuid::from_u64_pair(0x0115_7146, number))
    }

    /// The id of an order.
    #[must_use]
    pub const fn order(number: u64) -> OrderId {
        OrderId::new(Uuid::from_u64_pair(0x000_0bde5, number))
    }
}

/// Fills an empty, migrated database. What is committed there is not sealed yet: the store does
/// that when it opens.
///
/// # Errors
/// When the database does not take it.
pub fn load(server: &Server, database: &str, size: Size) -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let now = Timestamp::from_micros(i64::try_from(now.as_micros())?);
    let tables = Tables::start(server, database)?;
    let begin = now.minus(Seconds::from_hours(25));
    let commit = Commit::new(1, begin);
    let balances = BTreeMap::new();
    let mut market = Market { size, begin, now, tables, commit, balances, entries: 0 };
    market.fill()?;
    let last = market.commit.number;
    market.finish()?;
    let counters = format!(
        "SELECT setval('batch_numbers', {last});
         UPDATE counters SET value = {} WHERE name = 'listings';
         VACUUM ANALYZE;
         CHECKPOINT",
        size.listings
    );
    for statement in counters.split(';') {
        server.sql(database, statement)?;
    }
    Ok(())
}

struct Market {
    size: Size,
    begin: Timestamp,
    now: Timestamp,
    tables: Tables,
    commit: Commit,
    /// Of agents, and what waits on them as sellers, in nano-AVT.
    balances: BTreeMap<Account, (i64, i64)>,
    entries: u64,
}

const DEPOSIT: Amount = Amount::from_avt(1_000);

impl Market {
    fn fill(&mut self) -> anyhow::Result<()> {
        for number in 0..self.size.buyers() {
            let account = Account::Agent(Size::buyer(number)?);
            let draft = EntryDraft::transfer(EntryKind::Deposit, Account::Teg, account, DEPOSIT)?;
            self.post(draft)?;
            self.next_set()?;
        }
        let mut listings = Vec::new();
        for number in 0..self.size.listings {
            let listing = self.offer(number)?;
            self.tables.listing(&mut self.commit, &listing)?;
            self.next_set()?;
            listings.push(listing);
        }
        let price = FeeSchedule::ORIGINAL
            .price(Amount::from_nano(100_000), Pricing::Fixed, Reputation::UNKNOWN)
            .ok_or_else(|| anyhow::anyhow!("the price does not fit"))?;
        let mut owed = 0;
        for number in 0..self.size.orders {
            // A prime step: every buyer meets many sellers.
            let listing =
                &listings[usize::try_from(number.wrapping_mul(7_919) % self.size.listings)?];
            self.order(number, listing, price)?;
            owed += self.size.postings_for_each.saturating_sub(5);
            while owed >= 2 {
                self.transfer(number)?;
                owed -= 2;
            }
        }
        Ok(())
    }

    fn offer(&self, number: u64) -> anyhow::Result<Listing> {
        let provider = Size::seller(number)?;
        let offer = Offer {
            service_type: ServiceType::Computation,
            name: format!("Scale {number}"),
            description: format!("A service for load tests, number {number}"),
            price: Amount::from_nano(100_000),
            metadata: "{}".to_owned(),
            terms: Terms::default(),
        };
        Ok(Listing::create(Size::listing(number), provider, offer, self.begin)?)
    }

    /// An order with its money. The first ones are overdue, one in a hundred of the others is open,
    /// the rest is completed.
    fn order(&mut self, number: u64, listing: &Listing, price: Price) -> anyhow::Result<()> {
        let overdue = number < self.size.overdue;
        let buyer = Size::buyer(number % self.size.buyers())?;
        let policy = Some(AcceptancePolicy::AutoOnDelivery);
        let terms = OrderTerms::from_listing(&listing.offer.terms, policy, Default::default());
        let at = if overdue { self.begin } else { self.now };
        let placed = Order::place(Size::order(number), buyer, listing, terms, price, at);
        let funded = OrderEvent::Funded { at };
        let mut order = self.apply(placed, &funded)?;
        self.next_set()?;
        if !overdue && !number.is_multiple_of(100) {
            let shares = price.split(price.price);
            let closed = OrderEvent::Closed { phase: Phase::Accepted, shares, at };
            order = self.apply(order, &closed)?;
            order.version = 2;
            self.commit.count();
        }
        let (_, exposure) = self.balances.entry(Account::Agent(order.seller.clone())).or_default();
        *exposure += order.escrow().nano();
        self.tables.order(&mut self.commit, &order)
    }

    fn apply(&mut self, order: Order, event: &OrderEvent) -> anyhow::Result<Order> {
        if let Some(draft) = posting(&order, event)? {
            self.post(draft)?;
        }
        Ok(evolve(order, event))
    }

    /// One nano from a buyer to the next: history without end.
    fn transfer(&mut self, number: u64) -> anyhow::Result<()> {
        let buyers = self.size.buyers();
        let from = Account::Agent(Size::buyer(number % buyers)?);
        let to = Account::Agent(Size::buyer((number + 1) % buyers)?);
        self.post(EntryDraft::transfer(EntryKind::Transfer, from, to, Amount::from_nano(1))?)?;
        self.next_set()
    }

    fn post(&mut self, draft: EntryDraft) -> anyhow::Result<()> {
        self.entries += 1;
        let entry = draft.named(EntryId::new(Uuid::from_u64_pair(0x000e_0721, self.entries)));
        let balances = &mut self.balances;
        self.tables.post(&mut self.commit, &entry, |account, delta| {
            if !account.has_balance_row() {
                return None;
            }
            let (balance, _) = balances.entry(account.clone()).or_default();
            *balance += delta;
            Some(*balance)
        })
    }

    fn next_set(&mut self) -> anyhow::Result<()> {
        self.commit.count();
        if self.commit.is_full() {
            self.next_commit()?;
        }
        Ok(())
    }

    fn next_commit(&mut self) -> anyhow::Result<()> {
        let next = Commit::new(self.commit.number + 1, self.begin.plus_micros(self.commit.number));
        let full = std::mem::replace(&mut self.commit, next);
        self.tables.commit(full)
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.next_commit()?;
        for (account, (amount, exposure)) in &self.balances {
            self.tables.balance(account, *amount, *exposure)?;
        }
        self.tables.finish()
    }
}
