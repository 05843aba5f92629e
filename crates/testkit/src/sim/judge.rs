//! Judgement: after every turn, and, when peace was made and every clock has run out, of the whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use marketplace_engine::{Error, Marketplace, Payment, Proposal, SignedBy};
use marketplace_escrow::State;
use marketplace_fees::Expectation;
use marketplace_ledger::{Account, FeeKind};
use marketplace_listings::{Listing, ListingStatus};
use marketplace_money::{Amount, Did, OrderId, Seconds};
use marketplace_ports::{
    HistoryCursor, MotionAction, Resolution, Store, Subject, Teg, TegTransactionId, TegTransfer,
    Withdrawal, WithdrawalState,
};

use uuid::Uuid;

use super::attempts::Cause;
use super::gate::Fate;
use super::lock;
use super::ops::Op;
use super::schedule::Run;
use super::shadow::Shadow;
use super::world::{Stage, World};

/// A full audit every so many turns; the shadow books look at every commit.
const AUDIT_EVERY: u32 = 100;
/// No order lives longer than this after peace, whatever its buyer and our downtime did.
const LONGEST_PEACE: Seconds = Seconds::from_hours(40 * 24);
/// Everything but listings is over after so long: a dispute's seven days, what our downtime adds to
/// them, and the clocks of an order that goes on after it.
const LONGEST_WORK: Seconds = Seconds::from_hours(16 * 24);
/// Work that was set aside comes back after so long.
const LONGEST_LEASE: Seconds = Seconds(31);
/// Turns that may pass until everybody has an answer.
const PATIENCE: usize = 20_000;

impl Run {
    /// Looks at what the last turn did.
    pub(crate) fn look(&mut self) {
        let (mut breaches, closed) = {
            let mut shadow = lock(&self.world.shadow);
            (std::mem::take(&mut shadow.breaches), std::mem::take(&mut shadow.closed))
        };
        {
            let shadow = lock(&self.world.shadow);
            for order in closed.iter().filter_map(|id| shadow.orders.get(id)) {
                breaches.extend(self.lives.check(order, &shadow, &self.world.gaps));
            }
        }
        for replica in &self.world.replicas {
            let died = replica.requests.iter().any(|request| request.task.is_finished());
            let stopped = match &replica.stage {
                Stage::Up(up) => up.tick.as_ref().is_some_and(|tick| tick.is_finished()),
                Stage::Opening(open) => open.is_finished(),
                Stage::Down => false,
            };
            if died || stopped {
                breaches.push(format!("a task of life {} panicked", replica.life));
            }
        }
        if self.world.teg.total() != self.tokens() {
            breaches.push(format!("{} tokens exist at the TEG", self.world.teg.total()));
        }
        if !breaches.is_empty() {
            self.fail(breaches.join("; "));
        }
    }

    /// Now and then, looks at everything.
    pub(crate) async fn look_closely(&mut self) {
        if self.step.is_multiple_of(AUDIT_EVERY) {
            let breaches = self.audit().await;
            breaches.into_iter().for_each(|breach| self.fail(breach));
        }
    }

    /// All tokens that there ever were.
    fn tokens(&self) -> Amount {
        let agents = (self.world.agents.len() + self.world.jurors.len()) as i64;
        Amount::from_nano(self.world.gift.nano() * agents + self.world.capital.nano())
    }

    async fn audit(&self) -> Vec<String> {
        let mut breaches = match self.world.store.audit().await {
            Ok(audit) => audit.breaches(),
            Err(error) => vec![error.to_string()],
        };
        breaches.extend(self.world.teg.breaches());
        let history = self.transfers().await;
        let shadow = lock(&self.world.shadow);
        breaches.extend(compare_bookings(&shadow, &history, &self.world.us));
        breaches
    }

    async fn transfers(&self) -> Vec<TegTransfer> {
        let page = self.world.teg.history(&HistoryCursor::default(), u32::MAX).await;
        page.expect("the inner TEG has no faults").transfers
    }

    /// Nothing fails any more, everybody is up, every lost message arrives, and every client that
    /// does not know asks until it does.
    pub(crate) async fn make_peace(&mut self) {
        self.say("peace");
        // Set right, if it was set back: else the store's time stands still for a while.
        let latest = self.world.now().await;
        self.world.clock.set(latest);
        for index in self.world.down() {
            self.world.start(index);
        }
        self.calm_down().await;
        while self.world.teg.complete_pending() {
            self.say("an announced payment completes");
        }
        let late = std::mem::take(&mut lock(&self.world.wire).late);
        for late in late {
            self.arrive_one(&late).await;
        }
        for index in self.world.down() {
            self.world.start(index);
        }
        self.calm_down().await;
        self.ask_until_answered().await;
        self.let_time_pass().await;
    }

    /// Waits until no request and no round of work is under way.
    async fn calm_down(&mut self) {
        for _ in 0..PATIENCE {
            self.let_one_pass().await;
            self.read_news().await;
            self.look();
            let busy = self.world.replicas.iter().any(|replica| {
                let working = match &replica.stage {
                    Stage::Up(up) => up.tick.is_some(),
                    Stage::Opening(_) => true,
                    Stage::Down => false,
                };
                working || !replica.requests.is_empty()
            });
            if !busy || self.failure.is_some() {
                return;
            }
        }
        self.fail("somebody waits for an answer that does not come".to_owned());
    }

    /// One at a time, though all may pass: even now the order must follow from the seed.
    pub(crate) async fn let_one_pass(&mut self) {
        if let Some(waiting) = self.world.gate.take(u32::MAX, 0) {
            waiting.release(Fate::Pass);
        }
        World::settle().await;
    }

    async fn ask_until_answered(&mut self) {
        let now = self.world.now().await;
        for attempt in 0..self.history.attempts.len() {
            let known = &self.history.attempts[attempt];
            let fresh = now < known.at.plus(Seconds::from_hours(6 * 24));
            if known.key.is_some() && known.acknowledged.is_none() && fresh {
                self.send(attempt, 0).await;
                self.calm_down().await;
            }
        }
    }

    /// Lets every clock run out, with workers at work.
    async fn let_time_pass(&mut self) {
        let begin = self.world.now().await;
        // Listings live for thirty days; to wait for that in every run would be a waste.
        let whole_life = self.options.seed.is_multiple_of(8);
        while self.failure.is_none() {
            self.work_until_idle().await;
            self.decide_as_operator().await;
            let left = self.work_left();
            let dues = self.world.store.dues().await.expect("the inner store has no faults");
            let now = self.world.now().await;
            if let (Some(left), true) = (&left, now >= begin.plus(LONGEST_WORK)) {
                self.fail(format!("work is left that never ends: {left}"));
                return;
            }
            let (listings, effects, late) = {
                let shadow = lock(&self.world.shadow);
                let listings = shadow.listings.values().any(|listing| listing.counts());
                (listings, shadow.open_effects() > 0, shadow.has_timer_due(now))
            };
            let done = left.is_none() && (!whole_life || !listings);
            // A small queue lets few timers fire at once: the others have to be waited for.
            let audit = self.world.store.audit().await.expect("the inner store has no faults");
            if now >= begin.plus(LONGEST_PEACE) || (done && audit.late_timers == 0) {
                break;
            }
            // What somebody has set aside shows as due to nobody, until its lease ends.
            let hidden = late || (effects && dues.effect.is_none());
            let most = if hidden { LONGEST_LEASE.micros() } else { i64::MAX };
            let rest = dues.next().map_or(0, |due| due.since(now));
            let rest = rest.max(LONGEST_LEASE.micros()).min(most);
            self.world.advance(rest).await;
        }
        // One more look at the history and at what dead workers had set aside; and at clocks that
        // all ran out meanwhile, of which a small queue lets few fire at once.
        for look in 0..60 {
            self.world.advance(LONGEST_LEASE.micros()).await;
            self.work_until_idle().await;
            let audit = self.world.store.audit().await.expect("the inner store has no faults");
            if look >= 2 && audit.late_timers == 0 {
                break;
            }
        }
    }

    /// What has not come to its end, but for listings.
    fn work_left(&self) -> Option<String> {
        let shadow = lock(&self.world.shadow);
        let orders = shadow.orders.values().find(|order| !order.phase().is_terminal());
        let order = orders.map(|order| format!("order {} is {}", order.id, order.phase()));
        let withdrawals = shadow.withdrawals.values().find(|withdrawal| withdrawal.is_open());
        let withdrawal = withdrawals.map(|known| format!("withdrawal {} is open", known.id));
        let effects = shadow.open_effects();
        let effects = (effects > 0).then(|| format!("{effects} rows of the outbox"));
        order.or(withdrawal).or(effects)
    }

    /// The operator looks at the TEG's own books, which nothing is on its way to any more, and
    /// decides on the withdrawals that wait.
    async fn decide_as_operator(&mut self) {
        let waiting: Vec<_> = {
            let shadow = lock(&self.world.shadow);
            let waits = |w: &&Arc<Withdrawal>| matches!(w.state, WithdrawalState::Waiting { .. });
            shadow.withdrawals.values().filter(waits).map(|w| w.id).collect()
        };
        for id in waiting {
            if !matches!(self.world.teg.find(id.uuid()).await, Ok(None)) {
                // The mirror will see it.
                continue;
            }
            let up = self.world.up();
            let Some(Stage::Up(up)) = up.first().map(|index| &self.world.replicas[*index].stage)
            else {
                return;
            };
            let market = up.market.clone();
            let again = self.rng.chance(500);
            let resolution = if again { Resolution::Resend } else { Resolution::Return };
            let action = MotionAction::ResolveWithdrawal { withdrawal: id, resolution, version: 0 };
            let reason = "simulated: looked".into();
            let proposal = Proposal { action, reason, try_only: false, signature: None };
            let operator = self.world.operator.clone();
            let nobody_signs: SignedBy = Arc::new(|_, _, _| false);
            self.coverage.count(if again { "operator:resend" } else { "operator:return" });
            let asked = tokio::spawn(async move {
                market.propose(&operator, proposal, nobody_signs, None).await.is_ok()
            });
            while !asked.is_finished() {
                self.let_one_pass().await;
            }
        }
    }

    async fn work_until_idle(&mut self) {
        for _ in 0..PATIENCE {
            let before = lock(&self.world.shadow).committed;
            for index in 0..self.world.replicas.len() {
                self.world.tick(index);
                self.calm_down().await;
            }
            if lock(&self.world.shadow).committed == before || self.failure.is_some() {
                return;
            }
        }
        self.fail("the workers never come to rest".to_owned());
    }

    /// The end of the run: everything must be where it belongs.
    pub(crate) async fn judge(&mut self) {
        let mut breaches = self.audit().await;
        let audit = self.world.store.audit().await.expect("the inner store has no faults");
        if audit.open_effects > 0 {
            breaches.push(format!("{} effects are left in the outbox", audit.open_effects));
        }
        if audit.late_timers > 0 {
            breaches.push(format!("{} timers are late", audit.late_timers));
        }
        let up = self.world.up();
        let market = up.first().and_then(|index| match &self.world.replicas[*index].stage {
            Stage::Up(up) => Some(up.market.clone()),
            Stage::Down | Stage::Opening(_) => None,
        });
        match market {
            None => breaches.push("no replica is up in peace".to_owned()),
            Some(market) => {
                breaches.extend(self.compare_catalog(market.listing_count()));
                breaches.extend(self.judge_disputes(market.clone()).await);
                breaches.extend(self.judge_reserves(market).await);
            }
        }
        let staked = self.world.teg.balance().await.map(|balance| balance.staked);
        if staked != Ok(Amount::ZERO) && staked != Ok(self.world.config().stake) {
            breaches.push(format!("the stake is {staked:?}"));
        }
        let transfers = self.transfers().await;
        let mut at_teg = BTreeMap::new();
        for agent in self.world.agents.iter().chain(&self.world.jurors) {
            at_teg.insert(agent.clone(), self.world.teg_balance(agent).await);
        }
        {
            let shadow = lock(&self.world.shadow);
            breaches.extend(left_over(&shadow, &transfers));
            breaches.extend(paid_twice(&transfers));
            breaches.extend(self.compare_prepaid(&shadow, &transfers));
            if !self.profile.fee_changes && shadow.balance(&Account::TegFees) != 0 {
                breaches.push("the house paid the TEG's fees".to_owned());
            }
            breaches.extend(self.compare_wealth(&shadow, &transfers, &at_teg));
            let pulls = count_pulls(&transfers, &lock(&self.world.wire).pulled_for);
            breaches.extend(self.history.compare(&shadow.acts, &pulls));
            breaches.extend(self.compare_purchases(&shadow));
        }
        if !breaches.is_empty() {
            for transfer in &transfers {
                let TegTransfer { id, sender, receiver, amount, fee, memo, at, .. } = transfer;
                let line = format!("{}: {sender} to {receiver} {amount} + {fee} at {at}", id.0);
                self.say(&format!("{line} ({memo})"));
            }
            for transfer in &transfers {
                let TegTransfer { id, sender, receiver, amount, fee, memo, at, .. } = transfer;
                let line = format!("{}: {sender} to {receiver} {amount} + {fee} at {at}", id.0);
                self.say(&format!("{line} ({memo})"));
            }
            self.fail(breaches.join("; "));
        }
    }

    /// Everything is explained to the last atto-AVT, and every agent can prove what it is owed.
    async fn judge_reserves(&mut self, market: Marketplace) -> Vec<String> {
        let agents = self.world.agents.clone();
        let asked = tokio::spawn(async move {
            let found = market.reconcile().await?;
            let mut proofs = Vec::new();
            for agent in agents {
                proofs.push((agent.clone(), market.reserves_proof(&agent).await?));
            }
            Ok::<_, Error>((found, proofs))
        });
        while !asked.is_finished() {
            self.let_one_pass().await;
        }
        let (found, proofs) = match asked.await {
            Ok(Ok(found)) => found,
            other => return vec![format!("reserves: {other:?}")],
        };
        let mut breaches = Vec::new();
        match found {
            Some(found) if found.difference == 0 && found.breach.is_none() => {}
            other => breaches.push(format!("reserves: {other:?}")),
        }
        for (agent, proof) in proofs {
            match proof {
                Some(proof) if proof.holds() => {}
                other => breaches.push(format!("{agent} has no proof: {other:?}")),
            }
        }
        breaches
    }

    /// What can be found is what is active; other replicas hear of it only when they start.
    fn compare_catalog(&self, found: usize) -> Option<String> {
        let shadow = lock(&self.world.shadow);
        let active = |listing: &&Arc<Listing>| listing.status == ListingStatus::Active;
        let active = shadow.listings.values().filter(active).count();
        let alone = self.world.replicas.len() == 1;
        (alone && found != active).then(|| format!("{found} listings are found, not {active}"))
    }

    /// Follows the tokens of every agent through everything that may have moved them.
    fn compare_wealth(
        &self,
        shadow: &Shadow,
        transfers: &[TegTransfer],
        at_teg: &BTreeMap<Did, i128>,
    ) -> Vec<String> {
        let mut breaches = Vec::new();
        let fees = self.world.config().fees;
        let mut expected: BTreeMap<&Did, i128> = BTreeMap::new();
        for agent in self.world.agents.iter().chain(&self.world.jurors) {
            let disputed = shadow.disputed.get(agent).copied().unwrap_or_default();
            expected.insert(agent, i128::from(self.world.gift.nano()) + disputed);
        }
        let mut add = |did: &Did, amount: Amount, sign: i128| {
            if let Some(sum) = expected.get_mut(did) {
                *sum += sign * i128::from(amount.nano());
            }
        };
        let mut revenue = (0, 0);
        for listing in shadow.listings.values() {
            add(&listing.provider, fees.listing, -1);
            revenue.0 += i128::from(fees.listing.nano());
        }
        for order in shadow.orders.values() {
            let State::Closed(closed) = &order.state else { continue };
            let Some(shares) = closed.shares else { continue };
            add(&order.buyer, order.price.total, -1);
            add(&order.buyer, shares.buyer, 1);
            add(&order.seller, shares.seller, 1);
            revenue.1 += i128::from(shares.fee.nano());
        }
        for (from, to, amount) in shadow.events.iter().filter_map(read_transfer) {
            add(&from, amount, -1);
            add(&to, amount, 1);
        }
        for transfer in transfers {
            if transfer.receiver == self.world.us {
                add(&transfer.sender, transfer.fee, -1);
            }
        }
        for withdrawal in shadow.withdrawals.values() {
            let WithdrawalState::Settled(id) = &withdrawal.state else { continue };
            let Some(transfer) = transfers.iter().find(|transfer| transfer.id == *id) else {
                breaches.push(format!("withdrawal {} was settled by nothing", withdrawal.id));
                continue;
            };
            add(&withdrawal.agent, withdrawal.fee.min(transfer.fee), -1);
        }
        for (agent, expected) in expected {
            let here = shadow.balance(&Account::Agent(agent.clone()))
                + shadow.balance(&Account::Collateral(agent.clone()))
                + shadow.balance(&Account::Juror(agent.clone()));
            let there = at_teg.get(agent).copied().unwrap_or_default();
            if here + there != expected {
                breaches.push(format!("{agent} has {here} and {there} nano, not {expected}"));
            }
        }
        breaches.extend(compare_revenue(shadow, revenue));
        breaches
    }

    /// A transfer that paid for an order is the buyer's, to us, completed, enough, and its alone.
    fn compare_prepaid(&self, shadow: &Shadow, transfers: &[TegTransfer]) -> Vec<String> {
        let mut breaches = Vec::new();
        let mut payers: BTreeMap<&TegTransactionId, OrderId> = BTreeMap::new();
        for (id, attempt, body) in &self.history.purchases {
            let Op::Buy(request) = &self.history.attempts[*attempt].bodies[*body] else { continue };
            let Payment::Prepaid(transaction) = &request.payment else { continue };
            let Some(order) = shadow.orders.get(id) else { continue };
            let paid = transfers.iter().find(|transfer| transfer.id == *transaction);
            let fits = paid.is_some_and(|paid| {
                let named = paid.memo.contains("listing:") || paid.memo.contains("order ");
                paid.sender == order.buyer
                    && paid.receiver == self.world.us
                    && paid.amount >= order.price.total
                    && (!named || paid.memo.contains(&order.listing.to_string()))
            });
            if !fits {
                breaches.push(format!("order {id} was paid by {paid:?}"));
            }
            let used = shadow.transfers.get(transaction).and_then(|record| record.used_for);
            if used != Some(Subject::Order(*id)) {
                breaches.push(format!("order {id} was paid by a transfer used for {used:?}"));
            }
            if let Some(other) = payers.insert(transaction, *id) {
                breaches.push(format!("orders {id} and {other} were paid by one transfer"));
            }
        }
        breaches
    }

    /// Every purchase that was answered is there, at the price that its buyer agreed to.
    fn compare_purchases(&self, shadow: &Shadow) -> Vec<String> {
        let mut breaches = Vec::new();
        for (id, attempt, body) in &self.history.purchases {
            let Op::Buy(request) = &self.history.attempts[*attempt].bodies[*body] else { continue };
            breaches.extend(check_purchase(shadow, *id, &request.expects));
        }
        breaches
    }
}

fn check_purchase(shadow: &Shadow, id: OrderId, expects: &Expectation) -> Option<String> {
    let Some(order) = shadow.orders.get(&id) else {
        return Some(format!("order {id} was acknowledged and does not exist"));
    };
    let (total, at) = (order.price.total, order.created_at);
    match expects {
        Expectation::Total(expected) if *expected != total => {
            Some(format!("order {id} cost {total}, the buyer had said {expected}"))
        }
        Expectation::Quote(quote) if quote.price.total != total || at >= quote.valid_until => {
            Some(format!("order {id} cost {total} by a quote of {}", quote.price.total))
        }
        Expectation::Nothing => {
            let rose = (2..=order.listing_version).any(|version| {
                let [old, new] = [version - 1, version]
                    .map(|version| shadow.editions.get(&(order.listing, version)));
                let (Some((old, _)), Some((new, edited))) = (old, new) else { return false };
                let lately = at < edited.plus(Listing::PRICE_RISE_NOTICE);
                new.offer.price > old.offer.price && lately
            });
            rose.then(|| format!("order {id} was bought blindly after a price rise"))
        }
        Expectation::Total(_) | Expectation::Quote(_) => None,
    }
}

/// A withdrawal is paid once, under whatever key.
fn paid_twice(transfers: &[TegTransfer]) -> Vec<String> {
    let mut memos = BTreeSet::new();
    let paid = transfers.iter().filter(|transfer| transfer.memo.starts_with("withdrawal:"));
    let again = paid.filter(|transfer| !memos.insert(&transfer.memo));
    again.map(|transfer| format!("{} was paid twice", transfer.memo)).collect()
}

/// Each transfer at the TEG is booked once at most, by an entry of its own size.
fn compare_bookings(shadow: &Shadow, transfers: &[TegTransfer], us: &Did) -> Vec<String> {
    let mut breaches = Vec::new();
    for transfer in transfers {
        let Some(booked) = shadow.booked.get(&transfer.id) else { continue };
        let amount = i128::from(transfer.amount.nano());
        let fee = i128::from(transfer.fee.nano());
        let expected = if transfer.receiver == *us { -amount } else { amount + fee };
        if *booked != expected {
            let id = &transfer.id.0;
            breaches.push(format!("{id} moved {expected} nano and was booked with {booked}"));
        }
    }
    breaches
}

/// What should have come to an end.
fn left_over(shadow: &Shadow, transfers: &[TegTransfer]) -> Vec<String> {
    let mut breaches = Vec::new();
    for order in shadow.orders.values() {
        let phase = order.phase();
        if !phase.is_terminal() {
            breaches.push(format!("order {} is still {phase}", order.id));
        }
    }
    for withdrawal in shadow.withdrawals.values() {
        if withdrawal.is_open() {
            breaches.push(format!("withdrawal {} is still in flight", withdrawal.id));
        }
    }
    for transfer in transfers {
        if !shadow.booked.contains_key(&transfer.id) {
            breaches.push(format!("{} was never booked", transfer.id.0));
        }
    }
    let held = shadow.sum(|account| {
        matches!(account, Account::Order(_) | Account::Withdrawal(_) | Account::Dispute(_))
    });
    if held != 0 {
        breaches.push(format!("{held} nano are left in escrow and in flight"));
    }
    breaches
}

fn field(data: &serde_json::Value, name: &str) -> String {
    data.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
}

fn read_transfer(event: &marketplace_ports::Event) -> Option<(Did, Did, Amount)> {
    if event.name != "wallet.transferred" {
        return None;
    }
    let data: serde_json::Value = serde_json::from_str(&event.data).ok()?;
    let [from, to, amount] = ["from", "to", "amount"].map(|name| field(&data, name));
    Some((from.parse().ok()?, to.parse().ok()?, amount.parse().ok()?))
}

/// How often tokens were fetched for each request.
fn count_pulls(
    transfers: &[TegTransfer],
    pulled_for: &BTreeMap<Uuid, Cause>,
) -> BTreeMap<Cause, u64> {
    let mut pulls = BTreeMap::new();
    for transfer in transfers {
        if let Some(cause) = transfer.key.and_then(|key| pulled_for.get(&key)) {
            *pulls.entry(*cause).or_default() += 1;
        }
    }
    pulls
}

/// What we took, against what the rules say of listings and orders.
fn compare_revenue(shadow: &Shadow, (listing, transaction): (i128, i128)) -> Vec<String> {
    let kinds = [(FeeKind::Listing, listing), (FeeKind::Transaction, transaction)];
    let took = kinds.map(|(kind, expected)| (kind, expected, shadow.balance(&Account::Fees(kind))));
    let wrong = took.into_iter().filter(|(_, expected, found)| found != expected);
    wrong
        .map(|(kind, expected, found)| {
            format!("we took {found} nano of {kind:?} fees, not {expected}")
        })
        .collect()
}
