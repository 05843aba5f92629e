//! A dispute with its order, its money and its jurors: everything that moves is checked at once.
//! Also the world of `examples/walks.rs`, which walks a million paths.

use std::collections::BTreeMap;

use marketplace_disputes::{
    Approval, Board, Caller, Candidate, Category, ChainLink, Claim, Command, Context, Dispute,
    DisputeEvent, DisputeRefusal, Finding, LogEntry, Opening, OperatorSignature, Operators,
    OrderFacts, Packet, Policy, Pool, Remedy, SeedSource, Side, State, TRANSITIONS, TimerKind,
    Vote, apply, award, commitment, decide, evolve, posting, rule_set_hash,
};
use marketplace_escrow::{self as escrow, Order, OrderTerms};
use marketplace_fees::FeeSchedule;
use marketplace_ledger::{Account, EntryDraft};
use marketplace_listings::{AcceptancePolicy, Listing, Offer, Pricing, ServiceType, Terms};
use marketplace_money::{
    Amount, Did, DisputeId, Gap, Gaps, ListingId, OrderId, Reputation, Seconds, Timestamp,
};
use uuid::Uuid;

/// When every order of these tests is funded.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// What a test begins with.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) price: Amount,
    pub(crate) delivered: bool,
    pub(crate) disputer: Side,
    pub(crate) category: Category,
    pub(crate) remedy: Remedy,
    pub(crate) acceptance: AcceptancePolicy,
    /// From funding to the dispute.
    pub(crate) waits: Seconds,
    pub(crate) lost: u32,
    pub(crate) policy: Policy,
    pub(crate) jurors: usize,
    /// What each party has beside the order.
    pub(crate) purse: Amount,
    /// The respondent cannot post a bond.
    pub(crate) poor: bool,
}

impl Setup {
    /// What a party has beside the order.
    fn purse_of(&self, side: Side) -> Amount {
        if self.poor && side != self.disputer { Amount::from_nano(500_000_000) } else { self.purse }
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            price: Amount::from_avt(50),
            delivered: true,
            disputer: Side::Buyer,
            category: Category::PoorQuality,
            remedy: Remedy::Full,
            acceptance: AcceptancePolicy::BuyerConfirms,
            waits: Seconds::from_hours(2),
            lost: 0,
            policy: Policy::ORIGINAL,
            jurors: 40,
            purse: Amount::from_avt(1_000),
            poor: false,
        }
    }
}

/// Why a step was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    No(DisputeRefusal),
    /// An account would end below zero: what the store refuses.
    Funds(Account),
}

/// The dispute, and everything around it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) order: Order,
    pub(crate) opened: Dispute,
    pub(crate) dispute: Dispute,
    pub(crate) now: Timestamp,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) balances: BTreeMap<Account, i128>,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) votes: BTreeMap<Did, Vote>,
    pub(crate) facts: OrderFacts,
    pub(crate) pools: Vec<Pool>,
    pub(crate) log: Vec<LogEntry>,
    pub(crate) postings: Vec<EntryDraft>,
    pub(crate) chain: Vec<ChainLink>,
    /// The batch of the last call.
    pub(crate) call: usize,
    pub(crate) operators: Vec<Did>,
    pub(crate) needed: usize,
    pub(crate) restarts: usize,
}

pub(crate) fn did(name: &str) -> Did {
    format!("did:{name}").parse().expect("a name of the tests is a DID")
}

fn funded_order(setup: &Setup) -> Order {
    let terms = Terms { delivery: Seconds::from_hours(10), ..Terms::default() };
    let offer = Offer {
        service_type: ServiceType::Analysis,
        name: "Analysis".into(),
        description: String::new(),
        price: setup.price,
        metadata: "{}".into(),
        terms,
    };
    let listing = Listing::create(ListingId::new(Uuid::from_u128(1)), did("seller"), offer, START)
        .expect("the offer of the tests is valid");
    let fees = FeeSchedule::ORIGINAL;
    let price = fees
        .price(listing.base_price(), Pricing::Fixed, Reputation::UNKNOWN)
        .expect("the price of the tests fits");
    let mut terms = OrderTerms::from_listing(
        &listing.offer.terms,
        Some(setup.acceptance),
        escrow::ExpiryPolicy::DeliveryGated,
    );
    terms.checks = "[]".into();
    let id = OrderId::new(Uuid::from_u128(2));
    Order::place(id, did("buyer"), &listing, terms, price, START)
}

fn order_act(
    order: &Order,
    by: escrow::Actor,
    command: &escrow::Command,
    cx: &escrow::Context<'_>,
) -> Order {
    let events = escrow::decide(order, by, command, cx);
    escrow::apply(order, &events.unwrap_or_else(|refusal| panic!("{command:?}: {refusal}")))
}

/// Funded, and delivered if the test says so.
fn undisputed_order(setup: &Setup) -> Order {
    let none = Gaps::none();
    let at = |now| escrow::Context { now, gaps: &none };
    let order = funded_order(setup);
    let order = order_act(&order, escrow::Actor::Ledger, &escrow::Command::Fund, &at(START));
    if !setup.delivered {
        return order;
    }
    let input = escrow::DeliveryInput::Bytes {
        sha256: [1; 32],
        claimed_sha256: None,
        size: 7,
        uri: None,
        media_type: None,
        note: None,
        checks: None,
    };
    let deliver = escrow::Command::Deliver(input);
    order_act(&order, escrow::Actor::Seller, &deliver, &at(START.plus(Seconds(60))))
}

fn purses(setup: &Setup, order: &Order) -> BTreeMap<Account, i128> {
    let purse = |side| i128::from(setup.purse_of(side).nano());
    BTreeMap::from([
        (Account::Order(order.id), i128::from(order.price.total.nano())),
        (Account::Capital, 1_000_000_000_000),
        (Account::Agent(did("buyer")), purse(Side::Buyer)),
        (Account::Agent(did("seller")), purse(Side::Seller)),
    ])
}

impl World {
    /// Opened, or refused.
    pub(crate) fn try_open(setup: &Setup) -> Result<Self, Refused> {
        let none = Gaps::none();
        let order = undisputed_order(setup);
        let now = START.plus(setup.waits);
        let opening = Opening {
            id: DisputeId::new(Uuid::from_u128(3)),
            by: if setup.disputer == Side::Buyer { did("buyer") } else { did("seller") },
            claim: Claim { category: setup.category, remedy: setup.remedy },
            reason: "it is not what was agreed".into(),
            lost: setup.lost,
        };
        let operators = [did("operator1"), did("operator2"), did("operator3")];
        let cx = Context {
            now,
            gaps: &none,
            respondent_available: setup.purse_of(setup.disputer.other()),
            operators: Operators { keys: &operators, needed: 2 },
        };
        let opened =
            Dispute::open(&opening, &order, &[], &setup.policy, &cx).map_err(Refused::No)?;
        let order_after = escrow::apply(&order, &opened.order_events);
        let facts = OrderFacts::of(&order_after, &none).expect("the order is in dispute");
        let balances = purses(setup, &order);
        let mut world = Self {
            order: order_after,
            opened: opened.dispute.clone(),
            dispute: opened.dispute,
            now,
            gaps: Vec::new(),
            balances,
            candidates: Vec::new(),
            votes: BTreeMap::new(),
            facts,
            pools: Vec::new(),
            log: Vec::new(),
            postings: Vec::new(),
            chain: Vec::new(),
            call: 0,
            operators: operators.to_vec(),
            needed: 2,
            restarts: 0,
        };
        for number in 0..setup.jurors {
            world.register(&format!("juror{number}"));
        }
        let dispute = world.dispute.clone();
        let draft = posting(&dispute, &opened.event).expect("stakes fit");
        world.book(draft)?;
        world.seal();
        world.check();
        Ok(world)
    }

    pub(crate) fn open(setup: &Setup) -> Self {
        Self::try_open(setup).unwrap_or_else(|refused| panic!("{setup:?}: {refused:?}"))
    }

    fn register(&mut self, name: &str) {
        let stake = Amount::from_avt(250);
        self.candidates.push(Candidate {
            juror: did(name),
            stake,
            since: START.minus(Seconds::from_hours(200)),
            seats: 0,
            dealt_with_a_party: false,
            cluster: None,
        });
        self.balances.insert(Account::Juror(did(name)), i128::from(stake.nano()));
    }

    pub(crate) fn total(&self) -> i128 {
        self.balances.values().sum()
    }

    pub(crate) fn balance(&self, account: &Account) -> i128 {
        self.balances.get(account).copied().unwrap_or_default()
    }

    pub(crate) fn agent(&self, name: &str) -> i128 {
        self.balance(&Account::Agent(did(name)))
    }

    pub(crate) fn gap_list(&self) -> Gaps {
        Gaps::new(self.gaps.clone())
    }

    pub(crate) fn context<R>(&self, ask: impl FnOnce(&Context<'_>) -> R) -> R {
        let gaps = self.gap_list();
        let respondent = Account::Agent(self.dispute.party(self.dispute.disputer.other()).clone());
        let available = i64::try_from(self.balance(&respondent)).expect("balances are small");
        ask(&Context {
            now: self.now,
            gaps: &gaps,
            respondent_available: Amount::from_nano(available),
            operators: Operators { keys: &self.operators, needed: self.needed },
        })
    }

    pub(crate) fn ask(
        &self,
        by: &Caller,
        command: &Command,
    ) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
        self.context(|cx| decide(&self.dispute, by, command, cx))
    }

    /// Decides, posts, applies; then checks everything that must hold after every command.
    pub(crate) fn act(&mut self, by: &Caller, command: &Command) -> Result<(), Refused> {
        let events = self.ask(by, command).map_err(Refused::No)?;
        let before = self.clone();
        if let Err(refused) = self.take(&events) {
            *self = before;
            return Err(refused);
        }
        self.seal();
        if let Command::CallPanel { pool } = command {
            self.pools.push(pool.clone());
            self.call = self.chain.len();
        }
        self.log.push(LogEntry { at: self.now, events: events.clone() });
        let applied = apply(&before.dispute, &events);
        self.dispute.version = applied.version;
        assert_eq!(self.dispute, applied, "apply folds evolve");
        let phases = (before.dispute.phase(), self.dispute.phase());
        let allowed = TRANSITIONS.iter().any(|row| {
            row.verb == command.verb()
                && row.from.contains(&phases.0)
                && row.targets(phases.0).contains(&phases.1)
        });
        assert!(allowed, "{phases:?} by {command:?} is not in the table");
        assert_eq!(self.total(), before.total(), "money is conserved");
        self.check();
        Ok(())
    }

    fn take(&mut self, events: &[DisputeEvent]) -> Result<(), Refused> {
        for event in events {
            let draft = posting(&self.dispute, event).expect("all sums fit");
            self.book(draft)?;
            self.dispute = evolve(self.dispute.clone(), event);
            if let DisputeEvent::Closed { verdict, .. } = event {
                let (actor, command) = verdict.order.order_command();
                let paid = award(&self.dispute, verdict.order).expect("shares fit");
                assert_eq!(self.close_order(actor, &command)?, paid, "{:?}", verdict.order);
                self.postings.extend(paid);
            }
        }
        Ok(())
    }

    fn close_order(
        &mut self,
        actor: escrow::Actor,
        command: &escrow::Command,
    ) -> Result<Option<EntryDraft>, Refused> {
        let gaps = self.gap_list();
        let cx = escrow::Context { now: self.now, gaps: &gaps };
        let mut paid = None;
        let events = escrow::decide(&self.order, actor, command, &cx)
            .unwrap_or_else(|refusal| panic!("the order refused {command:?}: {refusal}"));
        for event in &events {
            let draft = escrow::posting(&self.order, event).expect("shares fit");
            if let Some(draft) = draft {
                self.move_money(&draft)?;
                paid = Some(draft);
            }
            self.order = escrow::evolve(self.order.clone(), event);
        }
        Ok(paid)
    }

    fn book(&mut self, draft: Option<EntryDraft>) -> Result<(), Refused> {
        let Some(draft) = draft else { return Ok(()) };
        self.move_money(&draft)?;
        self.postings.push(draft);
        Ok(())
    }

    fn move_money(&mut self, draft: &EntryDraft) -> Result<(), Refused> {
        for posting in draft.postings() {
            let balance = self.balances.entry(posting.account.clone()).or_default();
            *balance += i128::from(posting.delta.nano());
            if *balance < 0 {
                return Err(Refused::Funds(posting.account.clone()));
            }
        }
        Ok(())
    }

    fn check(&self) {
        let held = self.balance(&Account::Dispute(self.dispute.id));
        assert_eq!(held, i128::from(self.dispute.held().nano()), "the row knows what is held");
        let escrow = self.balance(&Account::Order(self.order.id));
        assert_eq!(escrow, i128::from(self.order.escrow().nano()));
        assert!(self.dispute.now_is_sane());
        if self.dispute.phase().is_terminal() {
            assert_eq!(held, 0, "nothing stays in the dispute");
            assert_eq!(self.dispute.next_timer(), None);
            assert_ne!(self.order.phase(), escrow::Phase::Disputed);
        } else {
            assert_eq!(self.order.phase(), escrow::Phase::Disputed);
            assert_eq!(self.order.timer(), None, "no clock of the order runs");
            assert!(self.dispute.next_timer().is_some(), "every open phase has a clock");
        }
    }

    /// Whoever looked after the dispute is gone: another one has the log, and nothing else.
    pub(crate) fn restart(&mut self) {
        let log = self.log.iter();
        let folded = log.fold(self.opened.clone(), |known, entry| apply(&known, &entry.events));
        assert_eq!(self.dispute, folded, "the log tells all");
        self.dispute = folded;
        self.restarts += 1;
        self.check();
    }

    /// The chain grows by the batch that holds what was done last.
    fn seal(&mut self) {
        use sha2::{Digest, Sha256};
        let previous = self.chain.last().map_or([0; 32], |link| link.hash);
        let content = format!("{:?} {}", self.now, self.chain.len()).into_bytes();
        let hash = Sha256::new().chain_update(previous).chain_update(&content).finalize().into();
        let position = self.chain.len() as u64 + 1;
        self.chain.push(ChainLink { position, previous, hash, content: Some(content) });
    }

    pub(crate) fn pool(&self) -> Pool {
        Pool::of(&self.dispute, &self.candidates, &[], self.now)
    }

    pub(crate) fn source(&self) -> Option<SeedSource> {
        let link = self.chain.get(self.call.checked_sub(1)?)?;
        Some(SeedSource { position: link.position, hash: link.hash, beacon: None })
    }

    /// A sealed vote of this juror in the panel at work.
    pub(crate) fn commit(&mut self, juror: &Did, ballot: Finding) -> Result<(), Refused> {
        let salt = [u8::try_from(juror.as_str().len()).unwrap_or(0); 32];
        let vote = Vote { ballot, salt };
        let round = self.dispute.rounds.len() - 1;
        let attempt = self.dispute.rounds[round].panels.len() - 1;
        let commitment = commitment(self.dispute.id, round, attempt, juror, &vote);
        self.act(&Caller::Agent(juror.clone()), &Command::Commit { commitment })?;
        self.votes.insert(juror.clone(), vote);
        Ok(())
    }

    pub(crate) fn approvals(&self, digest: [u8; 32], signers: usize) -> Vec<Approval> {
        let sign = |operator: &Did| OperatorSignature {
            operator: operator.clone(),
            signature: signature(operator, &digest),
        };
        let signed = self.operators.iter().take(signers).map(sign);
        signed.filter_map(|signed| Approval::check(signed, digest, &is_signed)).collect()
    }

    /// What the worker does when the next clock strikes.
    pub(crate) fn strike(&mut self) {
        let timer = self.dispute.next_timer().expect("an open dispute has a clock");
        self.now = self.now.max(timer.deadline.effective(&self.gap_list()));
        let mut command = match (timer.kind, self.dispute.panel()) {
            (TimerKind::Rules, _) => Command::ApplyRules { facts: Box::new(self.facts.clone()) },
            (TimerKind::Call, _) => Command::CallPanel { pool: self.pool() },
            (TimerKind::Draw, _) => self.draw_command(),
            (TimerKind::Life, _) => Command::LapseLife,
            _ => Command::Lapse,
        };
        let mut by = match timer.kind {
            TimerKind::Rules | TimerKind::Call | TimerKind::Draw => Caller::Arbitration,
            _ => Caller::Timer,
        };
        if self.dispute.life().passed(self.now, &self.gap_list()) {
            (by, command) = (Caller::Timer, Command::LapseLife);
        } else if matches!(timer.kind, TimerKind::Call | TimerKind::Draw)
            && self.dispute.ruling_due().passed(self.now, &self.gap_list())
        {
            (by, command) = (Caller::Timer, Command::Lapse);
        }
        let done = self.act(&by, &command);
        assert!(done.is_ok(), "{by:?} {command:?}: {done:?}");
    }

    pub(crate) fn draw_command(&self) -> Command {
        let pool = self.pools.last().cloned().unwrap_or_default();
        let source =
            self.source().unwrap_or(SeedSource { position: 0, hash: [0; 32], beacon: None });
        Command::DrawPanel { pool, source }
    }

    /// Strikes until the dispute asks a person for something, or is over.
    pub(crate) fn settle_machinery(&mut self) {
        while let Some(timer) = self.dispute.next_timer() {
            match timer.kind {
                TimerKind::Rules | TimerKind::Call | TimerKind::Draw => self.strike(),
                _ => break,
            }
        }
    }

    pub(crate) fn jurors(&self) -> Vec<Did> {
        let seats = self.dispute.panel().map(|panel| panel.seats.as_slice());
        seats.unwrap_or_default().iter().map(|seat| seat.juror.clone()).collect()
    }

    pub(crate) fn packet(&self) -> Packet {
        Packet {
            opened: self.opened.clone(),
            log: self.log.clone(),
            facts: Some(self.facts.clone()),
            pools: self.pools.clone(),
            gaps: self.gap_list(),
            operators: Board { keys: self.operators.clone(), needed: self.needed },
            rule_set: rule_set_hash(),
            closed: self.dispute.clone(),
            postings: self.postings.clone(),
            chain: self.chain.clone(),
            positions: self.chain.iter().map(|link| link.position).collect(),
        }
    }
}

/// Good enough to tell one signature from another.
pub(crate) fn signature(operator: &Did, digest: &[u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(digest);
    for (at, byte) in operator.as_str().bytes().take(32).enumerate() {
        signature[32 + at] = byte;
    }
    signature
}

pub(crate) fn is_signed(operator: &Did, digest: &[u8; 32], given: &[u8; 64]) -> bool {
    signature(operator, digest) == *given
}

trait Sane {
    fn now_is_sane(&self) -> bool;
}

impl Sane for Dispute {
    /// What the phases promise about the panel.
    fn now_is_sane(&self) -> bool {
        match self.state {
            State::Committing { .. } | State::Revealing { .. } => {
                self.panel().is_some_and(|panel| panel.seats.len() == panel.size)
            }
            State::Appealable { .. } => self.ruling().is_some(),
            _ => true,
        }
    }
}
