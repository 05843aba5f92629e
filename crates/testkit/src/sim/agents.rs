//! What agents want: mostly sensible things, sometimes foolish ones, sometimes foul ones.

use std::sync::Arc;

use marketplace_engine::{
    DeliveryContent, DeliveryRequest, ListingChange, MoveCollateral, Payment, PurchaseRequest,
};
use marketplace_escrow::{Command, Order, Phase, State};
use marketplace_fees::{Expectation, Quote};
use marketplace_listings::{
    AcceptancePolicy, Listing, ListingStatus, Offer, OfferEdit, Pricing, ServiceType, Terms,
};
use marketplace_money::{Amount, Did, Reputation, Seconds};
use marketplace_ports::{PayoutPolicy, TegTransactionId, TransferOrder};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::lock;
use super::ops::{Op, perform};
use super::schedule::Run;

#[derive(Clone, Copy)]
enum Wish {
    List,
    ChangeListing,
    Buy,
    ActOnOrder,
    Wallet,
    Nonce,
    PayAtTeg,
}

/// What a party does with an order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Start,
    Deliver,
    Complete,
    Decline,
    Cancel,
    Accept,
    RequestChanges,
    Claim,
    OfferSplit,
    AcceptSplit,
    PayAtTeg,
}

const CHECKS: &str = r#"[{"kind":"matches","pattern":"^ok"},{"kind":"size","max_bytes":1000}]"#;
/// Idempotency records live seven days: after that a key means nothing.
const KEY_LIFE: Seconds = Seconds::from_hours(6 * 24);

impl Run {
    /// An agent asks for something, or asks again.
    pub(crate) async fn ask(&mut self) {
        if let Some((attempt, body)) = self.quarrel().await {
            self.send(attempt, body).await;
            return;
        }
        let again = if self.rng.chance(250) { self.again().await } else { None };
        let chosen = match again {
            Some(chosen) => Some(chosen),
            None => self.wish_anew().await,
        };
        if let Some((attempt, body)) = chosen {
            self.send(attempt, body).await;
        }
    }

    /// Sends an attempt to some replica.
    pub(crate) async fn send(&mut self, attempt: usize, body: usize) {
        let up = self.world.up();
        let Some(index) = self.rng.pick(&up).copied() else { return };
        let (sending, op, promise) = self.history.send(attempt, body);
        let agent = self.history.attempts[attempt].agent.clone();
        self.lives.sent(&agent, &op);
        let name = op.name();
        let caller = agent.clone();
        let work = move |market| Box::pin(perform(market, caller, op, promise)) as _;
        self.world.send(index, sending, work);
        let number = self.world.requests;
        let key = if self.history.attempts[attempt].key.is_some() { "keyed" } else { "bare" };
        self.say(&format!(
            "request {number} to {index}: {agent} {name} (attempt {attempt}.{body}, {key})"
        ));
    }

    /// A client that heard nothing, or does not believe what it heard, sends again.
    async fn again(&mut self) -> Option<(usize, usize)> {
        let count = self.history.attempts.len();
        let back = self.rng.index(count.min(30)) + 1;
        let attempt = count.checked_sub(back)?;
        let known = &self.history.attempts[attempt];
        if self.world.now().await >= known.at.plus(KEY_LIFE) {
            return None;
        }
        let bodies = known.bodies.len();
        if known.key.is_none() {
            // Foolish, but allowed: each time is a new command.
            return self.rng.chance(200).then_some((attempt, 0));
        }
        let other = bodies > 1 && self.rng.chance(300);
        self.coverage.count(if other { "retry:other-body" } else { "retry:same-body" });
        Some((attempt, usize::from(other)))
    }

    async fn wish_anew(&mut self) -> Option<(usize, usize)> {
        let agent = self.rng.pick(&self.world.agents)?.clone();
        let bodies = self.wish(&agent).await?;
        // A nonce is a key of its own.
        let nonce = matches!(bodies.first(), Some(Op::UseNonce(..)));
        let keyed = self.rng.chance(self.profile.keyed) && !nonce;
        let number = self.history.attempts.len();
        let poison = if self.rng.chance(10) { "\0" } else { "" };
        let key = keyed.then(|| format!("key-{number}{poison}"));
        let at = self.world.now().await;
        self.history.add(agent, bodies, key, at);
        Some((number, 0))
    }

    async fn wish(&mut self, agent: &Did) -> Option<Vec<Op>> {
        let listings = lock(&self.world.shadow).listings.len();
        let list = if listings < 3 { 60 } else { 6 };
        let wish = self.rng.weighted(&[
            (list, Wish::List),
            (8, Wish::ChangeListing),
            (30, Wish::Buy),
            (60, Wish::ActOnOrder),
            (20, Wish::Wallet),
            (3, Wish::Nonce),
            (if self.profile.pulls { 3 } else { 20 }, Wish::PayAtTeg),
        ])?;
        match wish {
            Wish::List => Some(self.wish_list()),
            Wish::ChangeListing => self.wish_change(agent),
            Wish::Buy => self.wish_buy(agent).await,
            Wish::ActOnOrder => self.wish_act(agent),
            Wish::Wallet => self.wish_wallet(agent),
            Wish::Nonce => {
                let value = format!("nonce-{}", self.rng.below(20));
                // Longer than any run: after that a nonce may come again.
                let until = self.world.now().await.plus(Seconds::from_hours(100_000));
                Some(vec![Op::UseNonce(value, until)])
            }
            Wish::PayAtTeg => {
                let amount = self.amount_below(if self.profile.pulls { 3 } else { 60 });
                let amount = self.unique(Amount::from_nano(amount));
                self.pay_at_teg(agent, amount, "hello".to_owned());
                None
            }
        }
    }

    /// Whole hundredths below so many AVT, at least one.
    fn amount_below(&mut self, avt: i64) -> i64 {
        self.rng.within(1, avt * 100) * 10_000_000
    }

    /// An amount that no other attempt has: its last digits name the attempt.
    fn unique(&mut self, amount: Amount) -> Amount {
        let number = self.history.attempts.len() as i64;
        Amount::from_nano(amount.nano() + number * 4 + self.rng.within(1, 3))
    }

    fn offer(&mut self, name: String) -> Offer {
        let price = match self.rng.below(4) {
            0 => Amount::from_nano(self.rng.within(1, 60)),
            1 => Amount::from_avt(self.rng.within(1, 40)),
            _ => Amount::from_nano(self.amount_below(20) + self.rng.within(0, 9_999_999)),
        };
        let delivery = *self.rng.pick(&[60, 3_600, 36_000, 82_800]).unwrap_or(&3_600);
        let checked = self.rng.chance(400);
        let verified = checked && self.rng.chance(500);
        let acceptance =
            if verified { AcceptancePolicy::Verified } else { AcceptancePolicy::BuyerConfirms };
        let reputation = self.rng.chance(250);
        Offer {
            service_type: ServiceType::Custom,
            name,
            description: "work".to_owned(),
            price,
            metadata: "{}".to_owned(),
            terms: Terms {
                delivery: Seconds(delivery),
                revisions: u8::try_from(self.rng.below(3)).unwrap_or(0),
                acceptance,
                checks: if checked { CHECKS.into() } else { "".into() },
                pricing: if reputation { Pricing::Reputation } else { Pricing::Fixed },
                exclusive: false,
            },
        }
    }

    fn wish_list(&mut self) -> Vec<Op> {
        let number = self.history.attempts.len();
        let offers = ["a", "b"].map(|body| self.offer(format!("service {number}{body}")));
        offers.into_iter().map(Op::List).collect()
    }

    fn wish_change(&mut self, agent: &Did) -> Option<Vec<Op>> {
        let foul = self.rng.chance(50);
        let own: Vec<Arc<Listing>> = {
            let shadow = lock(&self.world.shadow);
            let own = |listing: &&Arc<Listing>| foul || listing.provider == *agent;
            shadow.listings.values().filter(own).cloned().collect()
        };
        let listing = self.rng.pick(&own)?.clone();
        let price = listing.offer.price.nano();
        let change = match self.rng.below(12) {
            0..=3 => {
                let higher = price.saturating_add(self.amount_below(3));
                ListingChange::Edit(OfferEdit {
                    price: Some(Amount::from_nano(higher)),
                    ..OfferEdit::default()
                })
            }
            4..=5 => ListingChange::Edit(OfferEdit {
                price: Some(Amount::from_nano((price / 2).max(1))),
                ..OfferEdit::default()
            }),
            6..=7 => ListingChange::Pause,
            8..=9 => ListingChange::Resume,
            10 => ListingChange::Renew,
            _ => ListingChange::Delist,
        };
        Some(vec![Op::ChangeListing(listing.id, change)])
    }

    async fn wish_buy(&mut self, agent: &Did) -> Option<Vec<Op>> {
        let careless = self.rng.chance(60);
        let found: Vec<Arc<Listing>> = {
            let shadow = lock(&self.world.shadow);
            let fit = |listing: &&Arc<Listing>| {
                let good = listing.status == ListingStatus::Active && listing.provider != *agent;
                careless || good
            };
            shadow.listings.values().filter(fit).cloned().collect()
        };
        let listing = self.rng.pick(&found)?.clone();
        let expects = self.expectation(agent, &listing).await;
        let acceptance = match self.rng.below(10) {
            0..=4 => None,
            5..=6 => Some(AcceptancePolicy::AutoOnDelivery),
            7..=8 => Some(AcceptancePolicy::BuyerConfirms),
            _ => Some(AcceptancePolicy::Verified),
        };
        let transfer = self.rng.chance(150);
        let payment = if transfer { Payment::Transfer } else { Payment::Balance };
        let other = PurchaseRequest {
            acceptance: Some(AcceptancePolicy::AutoOnDelivery),
            payment: payment.clone(),
            ..PurchaseRequest::of(listing.id)
        };
        let payment = match self.rng.chance(120) {
            true => self.prepay(agent, &listing).await?,
            false => payment,
        };
        let request = PurchaseRequest { listing: listing.id, acceptance, expects, payment };
        Some(vec![Op::Buy(request), Op::Buy(other)])
    }

    /// A payment to us that the buyer makes now or made before, for this listing or not, in full or
    /// not; or somebody else's; or none at all.
    async fn prepay(&mut self, agent: &Did, listing: &Listing) -> Option<Payment> {
        if self.rng.chance(250) {
            let foul = self.rng.chance(300);
            let fit = |(by, _): &&(Did, TegTransactionId)| foul || by == agent;
            let known: Vec<_> = self.paid.iter().filter(fit).map(|(_, id)| id.clone()).collect();
            let none = TegTransactionId(format!("none-{}", self.rng.below(9)));
            return Some(Payment::Prepaid(self.rng.pick(&known).cloned().unwrap_or(none)));
        }
        let fees = self.world.config().fees;
        let now = self.world.now().await;
        let quote = Quote::make(&fees, listing, agent.clone(), Reputation::UNKNOWN, now).ok()?;
        let total = quote.price.total.nano();
        let amount = match self.rng.below(8) {
            0 => (total / 2).max(1),
            1 => total + self.amount_below(2),
            _ => total,
        };
        let memo = match self.rng.below(8) {
            0 => "for whatever".to_owned(),
            1 => format!("listing:{}", Uuid::from_u64_pair(self.rng.next(), 7)),
            _ => format!("escrow:{}:1", listing.id),
        };
        let id = self.pay_at_teg(agent, Amount::from_nano(amount), memo)?;
        Some(Payment::Prepaid(id))
    }

    /// What a buyer says about the price: nothing, a total (right or wrong), or a quote.
    async fn expectation(&mut self, agent: &Did, listing: &Listing) -> Expectation {
        let reputation = match listing.offer.terms.pricing {
            Pricing::Fixed => Reputation::UNKNOWN,
            Pricing::Reputation => {
                use marketplace_ports::Teg;
                let known = self.world.teg.reputation(&listing.provider).await;
                known.ok().flatten().unwrap_or_default()
            }
        };
        let fees = self.world.config().fees;
        let now = self.world.now().await;
        let quote = Quote::make(&fees, listing, agent.clone(), reputation, now);
        let Ok(quote) = quote else { return Expectation::Nothing };
        match self.rng.below(10) {
            0..=3 => Expectation::Nothing,
            4..=6 => Expectation::Total(quote.price.total),
            7 => Expectation::Total(Amount::from_nano(quote.price.total.nano() + 1)),
            _ => Expectation::Quote(quote),
        }
    }

    fn wish_act(&mut self, agent: &Did) -> Option<Vec<Op>> {
        let (late, foul) = (self.rng.chance(120), self.rng.chance(40));
        let orders: Vec<Arc<Order>> = {
            let shadow = lock(&self.world.shadow);
            let fit = |order: &&Arc<Order>| {
                let open = !matches!(order.state, State::Closed(_));
                (late || open) && (foul || order.role_of(agent).is_some())
            };
            shadow.orders.values().filter(fit).cloned().collect()
        };
        let order = self.rng.pick(&orders)?.clone();
        let act = self.act(agent, &order)?;
        let id = order.id;
        let number = self.history.attempts.len();
        let command = match act {
            Act::Start => Command::Start,
            Act::Decline => Command::Decline,
            Act::Cancel => Command::Cancel,
            Act::Accept => Command::Accept,
            Act::Claim => Command::ClaimNonDelivery,
            Act::RequestChanges => {
                Command::RequestChanges { note: format!("more, says {number}").into() }
            }
            Act::OfferSplit => return Some(self.wish_splits(&order)),
            Act::AcceptSplit => {
                let expected = match &order.state {
                    State::Funded(funded) => funded.offer.as_ref().map(|offer| offer.seller),
                    State::AwaitingFunds { .. } | State::Closed(_) => None,
                };
                Command::AcceptSplit { expected: expected.filter(|_| self.rng.chance(700)) }
            }
            Act::Deliver => return Some(vec![Op::Deliver(id, self.delivery(&order))]),
            Act::Complete => return Some(vec![Op::Complete(id, self.delivery(&order))]),
            Act::PayAtTeg => {
                let total = order.price.total;
                let amount = match self.rng.below(5) {
                    0 => self.unique(total),
                    1 => Amount::from_nano((total.nano() / 2).max(1)),
                    _ => total,
                };
                self.pay_at_teg(agent, amount, format!("for order {id}, thanks"));
                return None;
            }
        };
        Some(vec![Op::Change(id, command)])
    }

    fn act(&mut self, agent: &Did, order: &Order) -> Option<Act> {
        let seller = order.seller == *agent;
        if self.rng.chance(80) {
            let all = [Act::Start, Act::Decline, Act::Cancel, Act::Accept, Act::Claim];
            return self.rng.pick(&all).copied();
        }
        let offered = match &order.state {
            State::Funded(funded) => funded.offer.is_some(),
            State::AwaitingFunds { .. } | State::Closed(_) => false,
        };
        let answers = if offered { 4 } else { 0 };
        let acts: &[(u32, Act)] = match (order.phase(), seller) {
            (Phase::AwaitingFunds, false) => &[(8, Act::PayAtTeg), (2, Act::Cancel)],
            (Phase::AwaitingFunds, true) => &[(1, Act::Deliver), (1, Act::Complete)],
            (Phase::AwaitingStart, false) => {
                &[(2, Act::Cancel), (1, Act::Accept), (1, Act::Claim), (1, Act::OfferSplit)]
            }
            (Phase::AwaitingStart | Phase::InProgress, true) => &[
                (3, Act::Start),
                (4, Act::Deliver),
                (4, Act::Complete),
                (1, Act::Decline),
                (1, Act::OfferSplit),
            ],
            (Phase::InProgress, false) => {
                &[(3, Act::Claim), (1, Act::Accept), (1, Act::OfferSplit), (1, Act::Complete)]
            }
            (Phase::Delivered, false) => &[
                (3, Act::Accept),
                (2, Act::Complete),
                (4, Act::RequestChanges),
                (1, Act::OfferSplit),
            ],
            (Phase::Delivered, true) => {
                &[(1, Act::Accept), (1, Act::Complete), (1, Act::OfferSplit), (1, Act::Decline)]
            }
            (Phase::ChangesRequested, true) => {
                &[(4, Act::Deliver), (3, Act::Complete), (1, Act::Decline), (1, Act::OfferSplit)]
            }
            (Phase::ChangesRequested, false) => &[(1, Act::Accept), (1, Act::OfferSplit)],
            _ => &[(1, Act::Complete), (1, Act::Accept), (1, Act::Cancel), (1, Act::Decline)],
        };
        let mut acts = acts.to_vec();
        acts.push((answers, Act::AcceptSplit));
        self.rng.weighted(&acts)
    }

    fn wish_splits(&mut self, order: &Order) -> Vec<Op> {
        let price = order.price.price.nano();
        let seller = match self.rng.below(4) {
            0 => Amount::ZERO,
            1 => order.price.price,
            _ => Amount::from_nano(self.rng.within(0, price)),
        };
        let other = Amount::from_nano(self.rng.within(0, price));
        let offer = |seller| Op::Change(order.id, Command::OfferSplit { seller });
        vec![offer(seller), offer(other)]
    }

    fn delivery(&mut self, order: &Order) -> DeliveryRequest {
        let number = self.history.attempts.len();
        let good = self.rng.chance(700);
        let bytes = format!("{} work {number}", if good { "ok" } else { "bad" }).into_bytes();
        let claimed = self.rng.chance(300);
        let lied = self.rng.chance(60);
        let sha256: [u8; 32] = if lied { [7; 32] } else { Sha256::digest(&bytes).into() };
        let content = match self.rng.below(10) {
            0..=5 => DeliveryContent::Inline(bytes),
            6..=8 => {
                let uri = format!("https://seller.example/{}/{number}", order.id);
                if self.rng.chance(850) {
                    self.world.web.insert(uri.clone(), bytes);
                }
                return DeliveryRequest {
                    content: DeliveryContent::Uri(uri),
                    sha256: Some(sha256),
                    ..DeliveryRequest::default()
                };
            }
            _ => DeliveryContent::None,
        };
        let sha256 = (claimed && content != DeliveryContent::None).then_some(sha256);
        DeliveryRequest { content, sha256, ..DeliveryRequest::default() }
    }

    fn wish_wallet(&mut self, agent: &Did) -> Option<Vec<Op>> {
        let number = self.history.attempts.len();
        let (small, other) = (self.amount_below(4), self.amount_below(2));
        let amount = self.unique(Amount::from_nano(small));
        let other = Amount::from_nano(other / 10_000_000 * 10_000_000 + amount.nano() % 10_000_000);
        let other = Amount::from_nano(other.nano() + 10_000_000 * i64::from(other == amount));
        if self.rng.chance(80) {
            let known: Vec<_> = self.paid.iter().map(|(_, id)| id.clone()).collect();
            let known = self.rng.pick(&known).cloned();
            return known.map(|id| vec![Op::Claim(id)]);
        }
        Some(match self.rng.below(12) {
            0..=2 => {
                let to = self.rng.pick(&self.world.agents)?.clone();
                let reason = |body| format!("transfer {number}{body}");
                vec![
                    Op::Transfer(to.clone(), amount, reason('a')),
                    Op::Transfer(to, other, reason('b')),
                ]
            }
            3..=5 => {
                let many = if self.rng.chance(100) { 2_000 } else { 0 };
                let amount = Amount::from_nano(amount.nano() + many * 1_000_000_000);
                vec![Op::Deposit(amount), Op::Deposit(other)]
            }
            6..=8 => vec![Op::Withdraw(amount), Op::Withdraw(other)],
            9 => {
                let policy = match self.rng.below(3) {
                    0 => PayoutPolicy::Manual,
                    1 => PayoutPolicy::Immediate,
                    _ => PayoutPolicy::Threshold(Amount::from_nano(small)),
                };
                vec![Op::SetPayout(policy)]
            }
            10 => {
                let avt = self.rng.within(20, 120);
                let amount = self.unique(Amount::from_avt(avt));
                vec![Op::Deposit(amount)]
            }
            _ => {
                let locked = lock(&self.world.shadow)
                    .amount(&marketplace_ledger::Account::Collateral(agent.clone()));
                let release = locked.is_positive() && self.rng.chance(500);
                let way = if release { MoveCollateral::Release } else { MoveCollateral::Lock };
                let amount = if release { small } else { 100_000_000_000 };
                vec![Op::Collateral(way, self.unique(Amount::from_nano(amount)))]
            }
        })
    }

    /// The agent uses its own account at the TEG, without us.
    fn pay_at_teg(
        &mut self,
        agent: &Did,
        amount: Amount,
        memo: String,
    ) -> Option<TegTransactionId> {
        let key = Uuid::from_u64_pair(self.rng.next(), self.rng.next());
        let order = TransferOrder { key, counterparty: self.world.us.clone(), amount, memo };
        if self.profile.announces && self.rng.chance(250) {
            let id = self.world.teg.announce(agent, &order);
            self.say(&format!("{agent} announces {amount} at the TEG ({})", order.memo));
            self.paid.push((agent.clone(), id.clone()));
            return Some(id);
        }
        let paid = self.world.teg.transfer_from(agent, &order);
        self.coverage.count("paid-at-teg");
        let done = paid.is_ok();
        self.say(&format!("{agent} pays us {amount} at the TEG: {done} ({})", order.memo));
        let id = paid.ok()?.id;
        if self.rng.chance(self.profile.dust) {
            let dust = u32::try_from(self.rng.within(1, 999_999_999)).unwrap_or(1);
            self.world.teg.add_dust(&id, dust);
        }
        self.paid.push((agent.clone(), id.clone()));
        Some(id)
    }
}
