//! A second set of books, kept from the change sets that the store admitted. It knows none of the
//! engine's or the store's code paths: what it finds wrong is wrong, whoever did it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use marketplace_escrow::{Order, Phase, State};
use marketplace_ledger::Account;
use marketplace_listings::{Listing, ListingStatus};
use marketplace_money::{
    Amount, DepositId, Did, DisputeId, EntryId, ListingId, OrderId, Timestamp, WithdrawalId,
};
use marketplace_ports::{
    Agent, Change, ChangeSet, Deposit, DepositState, Docket, Effect, EffectChange, EffectKind,
    Event, IdempotencyKey, IdempotencyRecord, Juror, Nonce, Subject, TegRecord, TegRecordState,
    TegTransactionId, Timer, TimerChange, Withdrawal, WithdrawalState,
};
use uuid::Uuid;

use super::attempts::Cause;

/// Everything that was committed, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Shadow {
    pub(crate) balances: BTreeMap<Account, i128>,
    pub(crate) orders: BTreeMap<OrderId, Arc<Order>>,
    pub(crate) listings: BTreeMap<ListingId, Arc<Listing>>,
    /// What waits on each seller.
    exposures: BTreeMap<Did, i128>,
    pub(crate) dockets: BTreeMap<DisputeId, Arc<Docket>>,
    jurors: BTreeMap<Did, Arc<Juror>>,
    /// What disputes, and stakes in them, moved of each agent's tokens.
    pub(crate) disputed: BTreeMap<Did, i128>,
    pub(crate) agents: BTreeMap<Did, Arc<Agent>>,
    pub(crate) withdrawals: BTreeMap<WithdrawalId, Arc<Withdrawal>>,
    pub(crate) deposits: BTreeMap<DepositId, Arc<Deposit>>,
    /// What each booked transfer took from the `teg` account.
    pub(crate) booked: BTreeMap<TegTransactionId, i128>,
    /// What is known of each transfer.
    pub(crate) transfers: BTreeMap<TegTransactionId, Arc<TegRecord>>,
    pub(crate) records: BTreeMap<IdempotencyKey, IdempotencyRecord>,
    pub(crate) events: Vec<Event>,
    /// Every version of every listing, with the time of its commit.
    pub(crate) editions: BTreeMap<(ListingId, u64), (Arc<Listing>, Timestamp)>,
    /// What happened to each order, and when.
    pub(crate) stories: BTreeMap<OrderId, Vec<(&'static str, Timestamp)>>,
    /// Closed orders as they were before.
    pub(crate) before_close: BTreeMap<OrderId, Arc<Order>>,
    /// Orders that closed since somebody last looked.
    pub(crate) closed: Vec<OrderId>,
    /// How often each request was done.
    pub(crate) acts: BTreeMap<Cause, u64>,
    pub(crate) breaches: Vec<String>,
    /// How often an order came to each phase.
    pub(crate) phases: BTreeMap<Phase, u64>,
    pub(crate) committed: u64,
    nonces: BTreeSet<(Did, String)>,
    timers: BTreeMap<(Subject, &'static str), Timer>,
    effects: BTreeMap<Uuid, Effect>,
    /// Orders of which the TEG hears.
    signalled: BTreeSet<OrderId>,
    batches: BTreeSet<Uuid>,
}

impl Shadow {
    /// Whether a batch is new to the books.
    pub(crate) fn opens(&mut self, batch: Uuid) -> bool {
        self.batches.insert(batch)
    }

    pub(crate) fn balance(&self, account: &Account) -> i128 {
        self.balances.get(account).copied().unwrap_or_default()
    }

    pub(crate) fn open_effects(&self) -> usize {
        self.effects.len()
    }

    /// Whether a clock has run out and nobody has acted on it yet.
    pub(crate) fn has_timer_due(&self, now: Timestamp) -> bool {
        self.timers.values().any(|timer| timer.due <= now)
    }

    fn breach(&mut self, what: String) {
        self.breaches.push(what);
    }

    /// Books one admitted set, and looks at everything that it touched.
    pub(crate) fn apply(&mut self, set: ChangeSet, cause: Option<Cause>) {
        self.committed += 1;
        if let Some(cause) = cause.filter(|_| is_act(&set)) {
            *self.acts.entry(cause).or_default() += 1;
        }
        self.post(&set);
        self.take_keys(&set);
        self.queue(&set);
        let touched = Touched::by(&set);
        self.check_exposures(&set);
        self.write_rows(&set);
        self.check_signals(&set);
        for event in &set.events {
            if let Subject::Order(id) = event.subject {
                self.stories.entry(id).or_default().push((event.name, event.at));
            }
        }
        self.check(&touched);
        self.events.extend(set.events);
    }

    fn post(&mut self, set: &ChangeSet) {
        let mut teg: BTreeMap<EntryId, i128> = BTreeMap::new();
        for entry in &set.entries {
            self.note_disputed(entry);
            let mut sum = 0;
            for posting in entry.postings() {
                let delta = i128::from(posting.delta.nano());
                sum += delta;
                *self.balances.entry(posting.account.clone()).or_default() += delta;
                if posting.account == Account::Teg {
                    *teg.entry(entry.id).or_default() += delta;
                }
            }
            if sum != 0 {
                self.breach(format!("entry {} sums to {sum}", entry.id));
            }
        }
        for account in set.entries.iter().flat_map(|entry| entry.postings()).map(|p| &p.account) {
            // What the TEG took beyond what it had said is our expense: less than nothing.
            let may_be_negative = matches!(account, Account::Teg | Account::TegFees);
            if !may_be_negative && self.balance(account) < 0 {
                self.breach(format!("{account} is below zero: {}", self.balance(account)));
            }
        }
        for change in &set.teg_records {
            self.book(change, &teg);
        }
    }

    /// A transfer is booked once, and pays for one thing.
    fn book(&mut self, change: &Change<TegRecord>, teg: &BTreeMap<EntryId, i128>) {
        let row = &change.row;
        let before = self.transfers.insert(row.id.clone(), row.clone());
        let version = before.as_ref().map_or(0, |before| before.version);
        if change.read != version || row.version != version + 1 {
            let (id, new) = (&row.id.0, row.version);
            self.breach(format!("transfer {id}: version {new} was written over {version}"));
        }
        let used_before = before.as_ref().and_then(|before| before.used_for);
        if used_before.is_some() && used_before != row.used_for {
            let (id, used) = (&row.id.0, row.used_for);
            self.breach(format!("transfer {id} paid for {used_before:?}, and then for {used:?}"));
        }
        let TegRecordState::Booked(entry) = row.state else { return };
        match before.map(|before| before.state) {
            Some(TegRecordState::Booked(earlier)) if earlier == entry => return,
            Some(TegRecordState::Booked(_)) => {
                self.breach(format!("transfer {} was booked twice", row.id.0));
            }
            _ => {}
        }
        let moved = teg.get(&entry).copied().unwrap_or_default();
        self.booked.insert(row.id.clone(), moved);
    }

    fn take_keys(&mut self, set: &ChangeSet) {
        if let Some((key, record)) = &set.idempotency
            && let Some(before) = self.records.insert(key.clone(), record.clone())
            && before.expires_at > record.expires_at.minus(RECORD_LIFE)
        {
            self.breach(format!("idempotency key {} was used twice", key.key));
        }
        if let Some((Nonce { signer, value }, _)) = &set.nonce
            && !self.nonces.insert((signer.clone(), value.clone()))
        {
            self.breach(format!("nonce {value} of {signer} was used twice"));
        }
    }

    fn queue(&mut self, set: &ChangeSet) {
        for change in &set.timers {
            match change {
                TimerChange::Set(timer) => {
                    self.timers.insert((timer.subject, timer.kind), timer.clone());
                }
                TimerChange::Clear { subject, kind } => {
                    self.timers.remove(&(*subject, kind));
                }
            }
        }
        for change in &set.effects {
            match change {
                EffectChange::Add(effect) => {
                    self.effects.insert(effect.id, effect.clone());
                }
                EffectChange::Done(id) => {
                    self.effects.remove(id);
                }
                EffectChange::Retry { .. } => {}
            }
        }
    }

    /// What waits on sellers moves with the escrow of their orders, and a limit is kept.
    fn check_exposures(&mut self, set: &ChangeSet) {
        let mut moved: BTreeMap<Did, i128> = BTreeMap::new();
        for change in &set.orders {
            let before = self.orders.get(&change.row.id).map_or(Amount::ZERO, |o| o.escrow());
            let delta = i128::from(change.row.escrow().nano()) - i128::from(before.nano());
            *moved.entry(change.row.seller.clone()).or_default() += delta;
        }
        for change in &set.exposures {
            let (seller, delta) = (&change.seller, i128::from(change.delta.nano()));
            *moved.entry(seller.clone()).or_default() -= delta;
            let open = self.exposures.entry(seller.clone()).or_default();
            *open += delta;
            let open = *open;
            let limit = change.limit.filter(|_| delta > 0).map(|limit| i128::from(limit.nano()));
            if open < 0 || limit.is_some_and(|limit| open > limit) {
                self.breach(format!("{open} wait on {seller}, and {limit:?} may"));
            }
        }
        for (seller, left) in moved.into_iter().filter(|(_, left)| *left != 0) {
            self.breach(format!("the exposure of {seller} missed {left} of its orders' escrow"));
        }
    }

    /// The TEG hears of buyers who spoke, once for an order, on a payout to its seller.
    fn check_signals(&mut self, set: &ChangeSet) {
        for change in &set.effects {
            let EffectChange::Add(Effect { kind, .. }) = change else { continue };
            let EffectKind::Signal { withdrawal, order } = kind else { continue };
            let paid = self.withdrawals.get(withdrawal).map(|withdrawal| &withdrawal.agent);
            let fits = self.orders.get(order).is_some_and(|known| {
                known.phase() == Phase::Accepted && Some(&known.seller) == paid
            });
            if !fits || !self.signalled.insert(*order) {
                self.breach(format!("order {order} speaks on withdrawal {withdrawal}"));
            }
        }
    }

    fn write_rows(&mut self, set: &ChangeSet) {
        for change in &set.orders {
            let row = &change.row;
            *self.phases.entry(row.phase()).or_default() += 1;
            let before = self.orders.insert(row.id, row.clone());
            let version = before.as_ref().map_or(0, |order| order.version);
            if change.read != version || row.version != version + 1 {
                let (id, new) = (row.id, row.version);
                self.breach(format!("order {id}: version {new} was written over {version}"));
            }
            match before {
                Some(before) if matches!(before.state, State::Closed(_)) => {
                    let (id, was, is) = (row.id, before.phase(), row.phase());
                    let (read, version, stood) = (change.read, row.version, before.version);
                    self.breach(format!(
                        "order {id}: closed as {was} in version {stood}, then {is} (read {read}, \
                         wrote {version})"
                    ));
                }
                Some(before) if matches!(row.state, State::Closed(_)) => {
                    self.closed.push(row.id);
                    self.before_close.insert(row.id, before);
                }
                Some(_) => {}
                None => self.check_placed(row),
            }
        }
        let at = set.events.first().map(|event| event.at).unwrap_or_default();
        for change in &set.listings {
            let edition = (change.row.clone(), at);
            self.editions.insert((change.row.id, change.row.version), edition);
            let before = self.listings.insert(change.row.id, change.row.clone());
            let version = before.map_or(0, |listing| listing.version);
            if change.read != version || change.row.version != version + 1 {
                let (id, new) = (change.row.id, change.row.version);
                self.breach(format!("listing {id}: version {new} was written over {version}"));
            }
        }
        self.write_disputes(set);
        for change in &set.agents {
            let before = self.agents.insert(change.row.did.clone(), change.row.clone());
            let version = before.map_or(0, |agent| agent.version);
            if change.read != version || change.row.version != version + 1 {
                let (did, new) = (&change.row.did, change.row.version);
                self.breach(format!("{did}: version {new} was written over {version}"));
            }
        }
        for change in &set.withdrawals {
            let before = self.withdrawals.insert(change.row.id, change.row.clone());
            if before.is_some_and(|before| !before.is_open()) {
                self.breach(format!("withdrawal {} ended twice", change.row.id));
            }
        }
        for change in &set.deposits {
            let before = self.deposits.insert(change.row.id, change.row.clone());
            if before.is_some_and(|before| matches!(before.state, DepositState::Credited(_))) {
                self.breach(format!("deposit {} was written after its credit", change.row.id));
            }
        }
    }

    fn note_disputed(&mut self, entry: &marketplace_ledger::Entry) {
        use marketplace_ledger::EntryKind;
        let of_dispute = matches!(
            entry.kind(),
            EntryKind::DisputeBond | EntryKind::DisputeClosed | EntryKind::JurorStake
        );
        for posting in entry.postings().iter().filter(|_| of_dispute) {
            if let Account::Agent(did) | Account::Juror(did) = &posting.account {
                let moved = i128::from(posting.delta.nano());
                *self.disputed.entry(did.clone()).or_default() += moved;
            }
        }
    }

    fn write_disputes(&mut self, set: &ChangeSet) {
        for change in &set.disputes {
            let row = &change.row;
            let id = row.dispute.id;
            let before = self.dockets.insert(id, row.clone());
            let version = before.as_ref().map_or(0, |before| before.dispute.version);
            if change.read != version || row.dispute.version != version + 1 {
                let new = row.dispute.version;
                self.breach(format!("dispute {id}: version {new} was written over {version}"));
            }
            if before.is_some_and(|before| before.dispute.phase().is_terminal()) {
                self.breach(format!("dispute {id} went on after its end"));
            }
        }
        for change in &set.jurors {
            let row = &change.row;
            let before = self.jurors.insert(row.did.clone(), row.clone());
            let version = before.map_or(0, |before| before.version);
            if change.read != version || row.version != version + 1 {
                let (did, new) = (&row.did, row.version);
                self.breach(format!("juror {did}: version {new} was written over {version}"));
            }
        }
    }

    /// A dispute holds what its parties put up, has its clock and no other, and its order is
    /// disputed as long as it is open; a juror's stake covers its seats.
    fn check_dispute(&mut self, docket: &Docket) {
        let dispute = &docket.dispute;
        let (id, phase) = (dispute.id, dispute.phase());
        let held = self.balance(&Account::Dispute(id));
        if held != i128::from(dispute.held().nano()) {
            let should = dispute.held();
            self.breach(format!("dispute {id} is {phase} and holds {held}, not {should}"));
        }
        let subject = Subject::Dispute(id);
        let kinds: Vec<&str> = self
            .timers
            .range((subject, "")..)
            .take_while(|((own, _), _)| *own == subject)
            .map(|((_, kind), _)| *kind)
            .collect();
        let expected: Vec<&str> =
            dispute.next_timer().map(|timer| timer.kind.name()).into_iter().collect();
        if kinds != expected {
            self.breach(format!("dispute {id} is {phase} with timers {kinds:?}, not {expected:?}"));
        }
        let disputed = self.orders.get(&dispute.order).map(|order| order.phase());
        if (disputed == Some(Phase::Disputed)) == phase.is_terminal() {
            self.breach(format!("dispute {id} is {phase} and its order is {disputed:?}"));
        }
        for did in docket.jurors() {
            let stake = self.amount(&Account::Juror(did.clone()));
            let seated = self.jurors.get(did).filter(|juror| juror.benches.contains(&id));
            let fits = seated.is_some_and(|juror| juror.bears(stake, 0));
            if !phase.is_terminal() && !fits {
                self.breach(format!("dispute {id}: {did} has no seat, or no stake for it"));
            }
        }
    }

    fn check(&mut self, touched: &Touched) {
        let dockets: Vec<_> =
            touched.disputes.iter().filter_map(|id| self.dockets.get(id).cloned()).collect();
        for docket in dockets {
            self.check_dispute(&docket);
        }
        let orders: Vec<_> =
            touched.orders.iter().filter_map(|id| self.orders.get(id).cloned()).collect();
        for order in orders {
            self.check_order(&order);
        }
        for id in &touched.withdrawals {
            let Some(withdrawal) = self.withdrawals.get(id).cloned() else { continue };
            let held = self.balance(&Account::Withdrawal(*id));
            if held != i128::from(withdrawal.held().nano()) {
                self.breach(format!("withdrawal {id} holds {held}, not {}", withdrawal.held()));
            }
            let sending = self.works_on(|kind| *kind == EffectKind::SendWithdrawal(*id));
            if withdrawal.state == WithdrawalState::InFlight && !sending {
                self.breach(format!("withdrawal {id} is in flight and nobody sends it"));
            }
        }
        for id in &touched.deposits {
            let asked =
                self.deposits.get(id).is_some_and(|deposit| deposit.state == DepositState::Asked);
            if asked && !self.works_on(|kind| *kind == EffectKind::ResolveDeposit(*id)) {
                self.breach(format!("deposit {id} was asked for and nobody resolves it"));
            }
        }
        for did in &touched.agents {
            self.check_agent(did);
        }
    }

    /// A buyer gets what stands in the listing at the moment of the purchase, not before or after.
    fn check_placed(&mut self, order: &Order) {
        let stands = self.listings.get(&order.listing).is_some_and(|listing| {
            listing.version == order.listing_version
                && listing.status == ListingStatus::Active
                && listing.offer.price == order.price.base
                && listing.provider == order.seller
                && listing.provider != order.buyer
        });
        if !stands {
            self.breach(format!("order {} bought what its listing did not offer", order.id));
        }
    }

    fn works_on(&self, what: impl Fn(&EffectKind) -> bool) -> bool {
        self.effects.values().any(|effect| what(&effect.kind))
    }

    fn check_order(&mut self, order: &Order) {
        let id = order.id;
        let held = self.balance(&Account::Order(id));
        if held != i128::from(order.escrow().nano()) {
            let (phase, escrow) = (order.phase(), order.escrow());
            self.breach(format!("order {id} is {phase} and holds {held}, not {escrow}"));
        }
        let kinds: Vec<&str> = self
            .timers
            .range((Subject::Order(id), "")..)
            .take_while(|((subject, _), _)| *subject == Subject::Order(id))
            .map(|((_, kind), _)| *kind)
            .collect();
        let expected: Vec<&str> = match (order.phase(), order.timer()) {
            (Phase::Disputed, _) | (_, None) => Vec::new(),
            (_, Some(timer)) => vec![timer.kind.name()],
        };
        if kinds != expected {
            let phase = order.phase();
            self.breach(format!("order {id} is {phase} with timers {kinds:?}, not {expected:?}"));
        }
        if let State::Funded(funded) = &order.state
            && let Some(announced) = &funded.announced
        {
            let wanted = EffectKind::FetchDelivery {
                order: id,
                sha256: announced.sha256,
                uri: announced.uri.clone(),
            };
            if !self.works_on(|kind| *kind == wanted) {
                self.breach(format!("order {id}: an announced delivery that nobody fetches"));
            }
        }
    }

    fn check_agent(&mut self, did: &Did) {
        let Some(agent) = self.agents.get(did).cloned() else { return };
        let listings =
            self.listings.values().filter(|l| l.provider == *did && l.counts()).count() as u64;
        if u64::from(agent.listings) != listings {
            self.breach(format!("{did} has {listings} listings, not {}", agent.listings));
        }
        let unfunded = |order: &&Arc<Order>| {
            order.buyer == *did && matches!(order.state, State::AwaitingFunds { .. })
        };
        let unfunded = self.orders.values().filter(unfunded).count() as u64;
        if u64::from(agent.unfunded_orders) != unfunded {
            self.breach(format!(
                "{did} has {unfunded} unfunded orders, not {}",
                agent.unfunded_orders
            ));
        }
    }

    /// What all agents have with us, and what we have.
    pub(crate) fn sum(&self, of: impl Fn(&Account) -> bool) -> i128 {
        self.balances.iter().filter(|(account, _)| of(account)).map(|(_, sum)| *sum).sum()
    }

    pub(crate) fn amount(&self, account: &Account) -> Amount {
        Amount::from_nano(i64::try_from(self.balance(account)).unwrap_or(i64::MAX))
    }
}

const RECORD_LIFE: marketplace_money::Seconds = marketplace_money::Seconds::from_hours(7 * 24);

/// Whether a set does what its request wanted; to fetch tokens for it is not that.
fn is_act(set: &ChangeSet) -> bool {
    // Who names a transfer that nobody has seen makes the mirror look, for everybody.
    let of_mirror = |change: &Change<TegRecord>| {
        matches!(change.row.used_for, None | Some(Subject::Order(_) | Subject::Withdrawal(_)))
    };
    if set.teg_records.iter().any(of_mirror) && set.orders.iter().all(|change| change.read > 0) {
        return false;
    }
    let facts = set.events.iter().any(|event| event.name != "wallet.deposited");
    facts || !set.agents.is_empty() || !set.jurors.is_empty() || set.nonce.is_some()
}

/// What a set may have disturbed.
struct Touched {
    orders: BTreeSet<OrderId>,
    withdrawals: BTreeSet<WithdrawalId>,
    deposits: BTreeSet<DepositId>,
    agents: BTreeSet<Did>,
    disputes: BTreeSet<DisputeId>,
}

impl Touched {
    fn by(set: &ChangeSet) -> Self {
        let mut touched = Self {
            orders: set.orders.iter().map(|change| change.row.id).collect(),
            withdrawals: set.withdrawals.iter().map(|change| change.row.id).collect(),
            deposits: set.deposits.iter().map(|change| change.row.id).collect(),
            agents: set.agents.iter().map(|change| change.row.did.clone()).collect(),
            disputes: set.disputes.iter().map(|change| change.row.dispute.id).collect(),
        };
        let accounts = set.entries.iter().flat_map(|entry| entry.postings()).map(|p| &p.account);
        for account in accounts {
            match account {
                Account::Order(id) => drop(touched.orders.insert(*id)),
                Account::Dispute(id) => drop(touched.disputes.insert(*id)),
                Account::Withdrawal(id) => drop(touched.withdrawals.insert(*id)),
                _ => {}
            }
        }
        touched.agents.extend(set.orders.iter().map(|change| change.row.buyer.clone()));
        touched.agents.extend(set.listings.iter().map(|change| change.row.provider.clone()));
        touched
    }
}
