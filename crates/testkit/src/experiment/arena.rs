//! The days of a market: who buys from whom, what is delivered, who speaks up.

use std::collections::{BTreeMap, BTreeSet};

use marketplace_disputes::{BondOutcome, Candidate, Side};
use marketplace_escrow::{Actor, Command, Order, Phase};
use marketplace_ledger::Account;
use marketplace_money::{Amount, Did, Seconds, Timestamp};
use marketplace_reputation::{Book, Outcome as Word, Settlement, backing};

use super::court::{self, Truth};
use super::deal::{Purses, act, buy, deliver};
use super::figures::Figures;
use super::people::{Kind, Person, did, population};
use super::{Options, Rules};
use crate::sim::Rng;

const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
/// What a ring buys from each other at a time.
const RING_ORDER: Amount = Amount::from_avt(100);
/// What a bridge buys.
const BRIDGE_ORDER: Amount = Amount::from_avt(10);

struct Arena {
    options: Options,
    rng: Rng,
    people: Vec<Person>,
    by_name: BTreeMap<Did, usize>,
    book: Book,
    /// The naive score.
    raw: BTreeMap<Did, i64>,
    open: BTreeMap<Did, Amount>,
    dealt: BTreeSet<(Did, Did)>,
    lost: BTreeMap<Did, u32>,
    purses: Purses,
    figures: Figures,
    day: u32,
    number: u128,
}

/// Plays a market from its first day to its last.
#[must_use]
pub fn run(options: &Options) -> Figures {
    let mut rng = Rng::new(options.seed);
    let people = population(options, &mut rng);
    let by_name = people.iter().enumerate().map(|(at, one)| (one.did.clone(), at)).collect();
    let mut arena = Arena {
        options: *options,
        rng,
        people,
        by_name,
        book: Book::default(),
        raw: BTreeMap::new(),
        open: BTreeMap::new(),
        dealt: BTreeSet::new(),
        lost: BTreeMap::new(),
        purses: Purses::default(),
        figures: Figures::default(),
        day: 0,
        number: 1,
    };
    while arena.day < options.days {
        arena.play_day();
        arena.day += 1;
        if arena.day.is_multiple_of((options.days / 10).max(1)) {
            let insurance = arena.purses.of(&Account::Insurance);
            arena.figures.insurance.push(Amount::from_nano(insurance));
        }
    }
    assert_eq!(arena.purses.total(), 0, "money is conserved");
    arena.figures
}

impl Arena {
    fn now(&self) -> Timestamp {
        START.plus(Seconds(86_400 * self.day))
    }

    /// What an agent can pay with, in nano-AVT.
    fn funds(&self, at: usize) -> i64 {
        self.people[at].purse + self.purses.agent(&self.people[at].did)
    }

    /// In thousandths of a point.
    fn score(&self, did: &Did) -> i64 {
        match self.options.rules {
            Rules::Ours => i64::from(self.book.standing(did).score(self.now()).milli()),
            Rules::Naive => self.raw.get(did).copied().unwrap_or(0).clamp(-100, 100) * 1_000,
        }
    }

    fn play_day(&mut self) {
        let mut orders = Vec::new();
        self.lift_rings();
        for buyer in 0..self.people.len() {
            if let Some((seller, price)) = self.wants(buyer) {
                orders.extend(self.order(buyer, seller, price));
            }
        }
        // Everything of a day is open at the same time: what may wait on a seller is what it can
        // run away with.
        for (buyer, seller, order) in orders {
            self.finish(buyer, seller, &order);
        }
        self.leave_names();
    }

    /// What an agent wants today, from whom.
    fn wants(&mut self, buyer: usize) -> Option<(usize, Amount)> {
        let (best, chance) = match self.people[buyer].kind {
            Kind::Buyer { .. } => (false, 500),
            Kind::SerialDisputer => (false, 500),
            Kind::BadMouther => (true, 500),
            _ => return None,
        };
        if !self.rng.chance(chance) {
            return None;
        }
        let seller = self.choose(buyer, best)?;
        let price = if best { Amount::from_avt(1) } else { self.people[seller].price };
        // For a disputer its bond too, and a seller declines a buyer below zero.
        let bond = if self.people[buyer].kind.is_honest() { 0 } else { 25_000_000_000 };
        let pays = self.funds(buyer) >= price.nano() / 40 * 41 + bond;
        let declined = self.score(&self.people[buyer].did) < 0;
        (pays && !declined).then_some((seller, price))
    }

    /// Among some sellers that come up, by score; one below zero is not shown. Who looks at what it
    /// gets may try somebody new, one time in twenty; who does not, buys of those with a score.
    fn choose(&mut self, buyer: usize, best: bool) -> Option<usize> {
        let lazy = matches!(self.people[buyer].kind, Kind::Buyer { lazy: true });
        let explores = !best && !lazy && self.rng.chance(50);
        let least = if lazy { 1_000 } else { 0 };
        let malicious = !self.people[buyer].kind.is_honest();
        let mut choices = Vec::new();
        for _ in 0..8 {
            let at = self.rng.index(self.people.len());
            let one = &self.people[at];
            let shown = at != buyer && !one.gone && one.kind.sells(self.day);
            // The malicious know each other.
            if !shown || (malicious && !one.kind.is_honest()) {
                continue;
            }
            let score = self.score(&one.did);
            if score >= least {
                let points = u32::try_from(score / 1_000).unwrap_or(0);
                choices.push((if explores { 1 } else { 1 + points }, at));
            }
        }
        if best {
            return choices.into_iter().max().map(|(_, at)| at);
        }
        self.rng.weighted(&choices)
    }

    fn has_room(&self, seller: &Did, total: Amount) -> bool {
        let base = self.options.exposure_base.filter(|_| self.options.rules == Rules::Ours);
        let Some(base) = base else { return true };
        let stake = self.people[self.by_name[seller]].stake;
        let limit = base.checked_add(backing(&self.book.standing(seller), stake));
        let limit = limit.unwrap_or(Amount::MAX);
        let open = self.open.get(seller).copied().unwrap_or_default();
        open.checked_add(total).is_some_and(|open| open <= limit)
    }

    fn order(
        &mut self,
        buyer: usize,
        seller: usize,
        price: Amount,
    ) -> Option<(usize, usize, Order)> {
        let names = (self.people[buyer].did.clone(), self.people[seller].did.clone());
        let total = Amount::from_nano(price.nano() / 40 * 41);
        if !self.has_room(&names.1, total) {
            self.figures.refused += 1;
            return None;
        }
        self.number += 1;
        let now = self.now();
        let order = buy(self.number, &names.0, &names.1, price, now, &mut self.purses);
        let open = self.open.entry(names.1.clone()).or_default();
        *open = open.checked_add(order.price.total).unwrap_or(*open);
        self.dealt.insert(names.clone());
        self.dealt.insert((names.1, names.0));
        Some((buyer, seller, order))
    }

    /// Members of rings buy from the next of their ring, and bridges from trusted sellers.
    fn lift_rings(&mut self) {
        for buyer in 0..self.people.len() {
            let Kind::Ring { ring, bridged, turns } = self.people[buyer].kind else { continue };
            if self.day >= turns {
                if self.day == turns {
                    self.note_points(buyer, bridged);
                }
                continue;
            }
            let mate =
                |one: &Person| matches!(one.kind, Kind::Ring { ring: other, .. } if other == ring);
            let mates: Vec<usize> = (0..self.people.len())
                .filter(|at| *at != buyer && mate(&self.people[*at]))
                .collect();
            for _ in 0..2 {
                let Some(seller) = self.rng.pick(&mates).copied() else { break };
                self.staged(buyer, seller, RING_ORDER, bridged);
            }
            if bridged {
                let trusted = |one: &Person| {
                    one.stake.is_positive() && matches!(one.kind, Kind::Seller { .. })
                };
                let sellers: Vec<usize> =
                    (0..self.people.len()).filter(|at| trusted(&self.people[*at])).collect();
                if let Some(seller) = self.rng.pick(&sellers).copied() {
                    self.staged(buyer, seller, BRIDGE_ORDER, bridged);
                }
            }
        }
    }

    /// An order that is only there to look good.
    fn staged(&mut self, buyer: usize, seller: usize, price: Amount, bridged: bool) {
        if self.funds(buyer) < price.nano() / 40 * 41 {
            return;
        }
        // A ring may ignore what waits on it by going in small steps: it is not what holds it.
        let names = (self.people[buyer].did.clone(), self.people[seller].did.clone());
        self.number += 1;
        let now = self.now();
        let order = buy(self.number, &names.0, &names.1, price, now, &mut self.purses);
        let fee = order.price.fee.nano();
        let order = act(&order, Actor::Buyer, &Command::Accept, now, &mut self.purses);
        let paid = if bridged { &mut self.figures.bridged } else { &mut self.figures.isolated };
        paid.0 += fee;
        self.record(&order, Word::Accepted, 0, now);
    }

    fn note_points(&mut self, member: usize, bridged: bool) {
        let score = self.score(&self.people[member].did);
        let points = if bridged { &mut self.figures.bridged } else { &mut self.figures.isolated };
        points.1 += score;
    }

    /// The raw score moves by `grudge` where a naive rater may say what it likes.
    fn record(&mut self, order: &Order, outcome: Word, grudge: i64, at: Timestamp) {
        let stake = |did: &Did| self.by_name.get(did).map(|at| self.people[*at].stake);
        let settlement = Settlement {
            buyer: order.buyer.clone(),
            seller: order.seller.clone(),
            buyer_stake: stake(&order.buyer).unwrap_or_default(),
            seller_stake: stake(&order.seller).unwrap_or_default(),
            value: order.price.price,
            fee: order.price.fee,
            outcome,
            at,
        };
        self.book.record(&settlement);
        let mut add = |did: &Did, word: i64| *self.raw.entry(did.clone()).or_default() += word;
        match outcome {
            Word::Accepted | Word::AutoReleased => {
                add(&order.buyer, 1);
                add(&order.seller, 1 + grudge);
            }
            Word::NotDelivered => add(&order.seller, -1),
            Word::Lost(marketplace_reputation::Side::Buyer) => add(&order.buyer, -1),
            Word::Lost(marketplace_reputation::Side::Seller) => add(&order.seller, -1),
            Word::Neutral => {}
        }
    }

    fn delivers_well(&mut self, seller: usize) -> bool {
        match self.people[seller].kind {
            Kind::Seller { good } => self.rng.chance(good),
            Kind::ExitScammer { turns } => self.day < turns,
            _ => false,
        }
    }

    /// From the delivery to the end.
    fn finish(&mut self, buyer: usize, seller: usize, order: &Order) {
        let good = self.delivers_well(seller);
        let honest = [buyer, seller].map(|at| self.people[at].kind.is_honest());
        let before = (self.purses.agent(&order.buyer), self.purses.agent(&order.seller));
        let now = self.now().plus(Seconds(3_600));
        let delivered = deliver(order, now, &mut self.purses);
        let (speaks, silent) = match self.people[buyer].kind {
            Kind::Buyer { lazy: true } => (false, true),
            Kind::Buyer { lazy: false } => (!good, false),
            Kind::SerialDisputer | Kind::BadMouther => (
                self.options.rules == Rules::Ours
                    || self.people[buyer].kind == Kind::SerialDisputer,
                false,
            ),
            _ => (false, false),
        };
        if speaks {
            self.dispute(buyer, seller, &delivered, good, now);
        } else {
            self.accept(buyer, &delivered, silent);
        }
        let open = self.open.entry(order.seller.clone()).or_default();
        *open = open.checked_sub(order.price.total).unwrap_or_default();
        let taker = if honest[0] { seller } else { buyer };
        let place = self.people[taker].kind.place();
        let lost = self.count(order, honest, good, before);
        self.figures.lost_by_silence += if silent { lost } else { 0 };
        if let Some(place) = place {
            self.figures.lost_to[place] += lost;
        }
    }

    fn accept(&mut self, buyer: usize, delivered: &Order, silent: bool) {
        let now = self.now().plus(Seconds(2 * 86_400));
        let (by, command, word) = if silent {
            (Actor::Timer, Command::LapseReview, Word::AutoReleased)
        } else {
            (Actor::Buyer, Command::Accept, Word::Accepted)
        };
        let now = if silent { now } else { self.now().plus(Seconds(7_200)) };
        let order = act(delivered, by, &command, now, &mut self.purses);
        debug_assert!(matches!(order.phase(), Phase::Accepted | Phase::AutoReleased));
        let grudge = if self.people[buyer].kind == Kind::BadMouther { -2 } else { 0 };
        self.record(&order, word, grudge, self.now());
    }

    fn jurors(&self, order: &Order) -> Vec<Candidate> {
        let since = START.minus(Seconds(30 * 86_400));
        let staked = self.people.iter().filter(|one| one.stake.is_positive() && !one.gone);
        staked
            .map(|one| {
                let with = |party: &Did| self.dealt.contains(&(one.did.clone(), party.clone()));
                let dealt = with(&order.buyer) || with(&order.seller);
                court::candidate(&one.did, one.stake, since, dealt)
            })
            .collect()
    }

    fn dispute(&mut self, buyer: usize, seller: usize, order: &Order, good: bool, now: Timestamp) {
        let jurors = self.jurors(order);
        let malicious = |at: usize| !self.people[at].kind.is_honest();
        let friends_of = match (malicious(buyer), malicious(seller)) {
            (true, false) => Some(Side::Buyer),
            (false, true) => Some(Side::Seller),
            _ => None,
        };
        let colluders: BTreeSet<Did> = self
            .people
            .iter()
            .filter(|one| one.kind == Kind::Colluder)
            .map(|one| one.did.clone())
            .collect();
        let colludes = |did: &Did| colluders.contains(did);
        // Who is right appeals; who is wrong does where it has friends, half of the time.
        let tries = friends_of.is_some() && self.rng.chance(500);
        let honest_seller = !malicious(seller);
        let truth = Truth {
            buyer_is_right: !good,
            contests: if honest_seller {
                good || self.rng.chance(300)
            } else {
                self.funds(seller) > 10_000_000_000 && self.rng.chance(700)
            },
            appeals: [!good || (tries && malicious(buyer)), good || (tries && malicious(seller))],
            friends_of,
            colludes: &colludes,
        };
        self.number += 1;
        let lost = self.lost.get(&order.buyer).copied().unwrap_or(0);
        let outcome = match self.options.rules {
            Rules::Ours => {
                let suit = court::Suit { number: self.number, lost, jurors: &jurors, now };
                court::hear(&suit, order, &truth, &mut self.purses, &mut self.rng)
            }
            Rules::Naive => {
                let names: Vec<Did> = jurors.iter().map(|juror| juror.juror.clone()).collect();
                court::naive(order, &names, &truth, now, &mut self.purses, &mut self.rng)
            }
        };
        self.ruled(&outcome);
    }

    fn ruled(&mut self, outcome: &court::Outcome) {
        use marketplace_reputation::Side as Who;
        let figures = &mut self.figures;
        figures.disputes += 1;
        figures.minutes.push(outcome.minutes);
        let tier = usize::from(outcome.tier.clamp(1, 3)) - 1;
        figures.rulings[tier].0 += 1;
        figures.rulings[tier].1 += u64::from(!outcome.was_right);
        let word = match outcome.bonds {
            BondOutcome::Upheld | BondOutcome::Undefended => Word::Lost(Who::Seller),
            BondOutcome::Rejected => {
                *self.lost.entry(outcome.order.buyer.clone()).or_default() += 1;
                Word::Lost(Who::Buyer)
            }
            _ => Word::Neutral,
        };
        let at = outcome.ended;
        self.record(&outcome.order, word, 0, at);
    }

    /// What an honest party lost to a malicious one.
    fn count(&mut self, order: &Order, honest: [bool; 2], good: bool, before: (i64, i64)) -> i64 {
        if !honest[0] && !honest[1] {
            return 0;
        }
        let figures = &mut self.figures;
        figures.orders += 1;
        figures.value += order.price.total.nano();
        let after = (self.purses.agent(&order.buyer), self.purses.agent(&order.seller));
        let lost = match honest {
            // What came is worth its price, or nothing; the buyer had paid before.
            [true, false] => {
                let worth = if good { order.price.total.nano() } else { 0 };
                before.0 + order.price.total.nano() - after.0 - worth
            }
            [false, true] => {
                let due = if good { order.price.price.nano() } else { 0 };
                before.1 + due - after.1
            }
            _ => 0,
        };
        figures.lost += lost.max(0);
        lost.max(0)
    }

    /// Who is below zero and malicious comes back under a new name.
    fn leave_names(&mut self) {
        for at in 0..self.people.len() {
            let one = &self.people[at];
            let disputes = matches!(one.kind, Kind::SerialDisputer | Kind::BadMouther);
            let scams = matches!(one.kind, Kind::ExitScammer { .. } | Kind::Ring { .. });
            let shows = disputes || (scams && one.kind.sells(self.day));
            if one.gone || !shows || self.score(&one.did) >= 0 {
                continue;
            }
            self.figures.names += 1;
            let name = did(&format!("again{}", self.figures.names));
            let next = Person {
                did: name.clone(),
                kind: if disputes { one.kind } else { Kind::ExitScammer { turns: 0 } },
                purse: self.funds(at),
                stake: Amount::ZERO,
                ..one.clone()
            };
            self.people[at].gone = true;
            self.by_name.insert(name, self.people.len());
            self.people.push(next);
        }
    }
}
