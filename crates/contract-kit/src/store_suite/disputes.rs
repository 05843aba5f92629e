//! Disputes driven by their own rules, and those who judge them: every word of a dispute's log, its
//! bytes, its money and its seals.

use std::sync::Arc;

use marketplace_disputes::{
    Approval, Board, Caller, Category, Claim, Command, Context, Dispute, DisputeEvent, Entrant,
    EvidenceInput, Finding, LogEntry, Opening, OperatorSignature, Operators, OrderFacts, Phase,
    Policy, Pool, Remedy, SeedSource, Vote, abort_digest, commitment, decide, evolve, posting,
    rule_set_hash, ruling_digest, verify,
};
use marketplace_escrow::{self as escrow, Actor, Order, apply};
use marketplace_ledger::{Account, EntryKind};
use marketplace_listings::ServiceType;
use marketplace_money::{Amount, Did, DisputeId, Gaps, OrderId, Seconds};
use marketplace_ports::{
    ChangeSet, CommitOutcome, DisputeFilter, Docket, Event, Exhibit, Juror, Key, Subject, Timer,
    TimerChange,
};

use super::World;
use super::fixtures::{TEXT, did, insert, nano, update};
use super::flow::{act, delivery, exposures_of, purchase, total};

const JURORS: usize = 5;

fn juror(number: usize) -> Did {
    did(&format!("juror{number}"))
}

/// A dispute on its way, as the store has it and as it should be.
struct Play {
    docket: Docket,
    operator: Did,
}

fn event(world: &mut World, dispute: &Dispute, event: &DisputeEvent) -> Event {
    Event {
        id: world.event_id(),
        subject: Subject::Dispute(dispute.id),
        name: event.name(),
        audience: vec![dispute.buyer.clone(), dispute.seller.clone()],
        at: world.clock().now(),
        data: "{}".to_owned(),
    }
}

fn timers(before: Option<&Dispute>, after: &Dispute) -> Vec<TimerChange> {
    let subject = Subject::Dispute(after.id);
    let old = before.and_then(Dispute::next_timer);
    let clear = old.map(|old| TimerChange::Clear { subject, kind: old.kind.name() });
    let set = after.next_timer().map(|new| {
        let (kind, sequence) = (new.kind.name(), after.version);
        TimerChange::Set(Timer { subject, kind, sequence, due: new.deadline.due })
    });
    clear.into_iter().chain(set).collect()
}

/// A delivered order of `buyer`, with tokens beside it, and jurors with stakes.
async fn delivered(world: &mut World, buyer: &Did, seller: &Did) -> OrderId {
    world.fund(buyer, 3 * total() + 100_000_000_000).await;
    world.fund(seller, 100_000_000_000).await;
    let (order, set) = purchase(world, buyer, seller).await;
    world.write(set).await;
    let set = act(world, order, Actor::Seller, &delivery()).await;
    world.write(set).await;
    order
}

async fn order(world: &World, id: OrderId) -> Arc<Order> {
    world.store().order(id).await.expect("order").expect("it is there")
}

impl Play {
    /// The buyer opens a dispute about its order.
    async fn open(world: &mut World, id: OrderId, lost: u32) -> Self {
        let (now, known) = (world.now().await, order(world, id).await);
        let claim = Claim { category: Category::PoorQuality, remedy: Remedy::ThreeQuarters };
        let (by, reason) = (known.buyer.clone(), TEXT.into());
        let opening = Opening { id: DisputeId::new(world.id()), by, claim, reason, lost };
        let operators = Operators { keys: &[], needed: 1 };
        let gaps = Gaps::none();
        let respondent_available = Amount::ZERO;
        let cx = Context { now, gaps: &gaps, respondent_available, operators };
        let opened = Dispute::open(&opening, &known, &[], &Policy::ORIGINAL, &cx);
        let opened = opened.expect("the rules allow it");
        let next = apply(&known, &opened.order_events);
        let mut set = ChangeSet::default();
        set.events.push(event(world, &opened.dispute, &opened.event));
        if let Some(timer) = known.timer() {
            let (subject, kind) = (Subject::Order(id), timer.kind.name());
            set.timers.push(TimerChange::Clear { subject, kind });
        }
        set.timers.extend(timers(None, &opened.dispute));
        set.orders.push(update(known.version, next));
        let docket = Docket::open(opened.dispute);
        let mut play = Self { docket, operator: did("operator") };
        play.post(world, &mut set, &play.docket.dispute.clone(), &opened.event);
        set.disputes.push(insert(play.docket.clone()));
        world.write(set).await;
        play.agree(world).await;
        play
    }

    fn post(&mut self, world: &mut World, set: &mut ChangeSet, at: &Dispute, event: &DisputeEvent) {
        if let Some(draft) = posting(at, event).expect("it fits") {
            let draft = draft.because(Docket::entry_reason(at.id));
            set.entries.push(draft.named(world.entry_id()));
        }
    }

    /// One command, in one commit with all that follows.
    async fn step(&mut self, world: &mut World, caller: Caller, command: Command) {
        self.step_with(world, caller, command, Vec::new()).await;
    }

    async fn step_with(
        &mut self,
        world: &mut World,
        caller: Caller,
        command: Command,
        exhibits: Vec<Exhibit>,
    ) {
        let before = self.docket.dispute.clone();
        let (now, gaps, keys) = (world.now().await, Gaps::none(), [self.operator.clone()]);
        let operators = Operators { keys: &keys, needed: 1 };
        let cx = Context { now, gaps: &gaps, respondent_available: Amount::from_avt(2), operators };
        let events = decide(&before, &caller, &command, &cx).expect("the rules allow it");
        let mut set = ChangeSet { exhibits, ..ChangeSet::default() };
        let mut stage = before.clone();
        for fact in &events {
            self.post(world, &mut set, &stage, fact);
            stage = evolve(stage, fact);
            set.events.push(event(world, &stage, fact));
            if let DisputeEvent::Closed { verdict, .. } = fact {
                let known = order(world, before.order).await;
                let (role, command) = verdict.order.order_command();
                let cx = escrow::Context { now, gaps: &gaps };
                let facts = escrow::decide(&known, role, &command, &cx).expect("it may end");
                for fact in &facts {
                    let draft = escrow::posting(&known, fact).expect("it fits");
                    set.entries.extend(draft.map(|draft| draft.named(world.entry_id())));
                }
                let after = apply(&known, &facts);
                if let Some(timer) = after.timer() {
                    let (subject, kind) = (Subject::Order(after.id), timer.kind.name());
                    let (sequence, due) = (after.version, timer.deadline.due);
                    let timer = Timer { subject, kind, sequence, due };
                    set.timers.push(TimerChange::Set(timer));
                }
                set.exposures = exposures_of(known.escrow(), &after);
                set.orders.push(update(known.version, after));
            }
        }
        let mut next = self.docket.after(LogEntry { at: now, events });
        let version = next.dispute.version;
        match &command {
            Command::ApplyRules { facts } => {
                next.facts = Some((version, facts.as_ref().clone()));
                next.rule_set = Some(rule_set_hash());
            }
            Command::Rule { .. } | Command::Abort { .. } => {
                let keys = vec![self.operator.clone(), did("operator2")];
                next.operators = Some((version, Board { keys, needed: 1 }));
            }
            Command::CallPanel { pool } => next.pools.push((version, pool.hash())),
            _ => {}
        }
        set.timers.extend(timers(Some(&before), &next.dispute));
        set.disputes.push(update(before.version, next.clone()));
        self.docket = next;
        world.write(set).await;
        self.agree(world).await;
    }

    /// The store has it, word for word, in every answer.
    async fn agree(&self, world: &World) {
        let id = self.docket.dispute.id;
        let stored = world.store().docket(id).await.expect("docket").expect("it is there");
        assert_eq!(*stored, self.docket);
        let view = world.load([Key::Dispute(id)]).await;
        assert_eq!(view.disputes.get(&id).map(AsRef::as_ref), Some(&self.docket));
        let of_order = world.store().disputes_of(self.docket.dispute.order).await;
        assert_eq!(of_order.expect("disputes_of").last(), Some(&stored));
    }

    async fn call(&mut self, world: &mut World, jurors: usize) -> Pool {
        let entrants = (0..jurors).map(|number| Entrant {
            juror: juror(number),
            weight: 250 + i64::try_from(number).unwrap_or_default(),
            cluster: (number == 1).then_some(7),
        });
        let pool = Pool::new(entrants.collect());
        let command = Command::CallPanel { pool: pool.clone() };
        self.step(world, Caller::Arbitration, command).await;
        pool
    }

    /// A panel of three that finds half.
    async fn panel(&mut self, world: &mut World) {
        let pool = self.call(world, JURORS).await;
        world.settle().await;
        let seals = world.store().dispute_seals(self.docket.dispute.id).await.expect("seals");
        let (version, link) = seals.last().expect("it is sealed");
        assert_eq!(Some(*version), self.docket.called_in());
        let beacon = Some([3; 32]);
        let source = SeedSource { position: link.position, hash: link.hash, beacon };
        self.step(world, Caller::Arbitration, Command::DrawPanel { pool, source }).await;
        let (round, attempt) = self.docket.dispute.place();
        let seats = self.docket.dispute.panel().expect("a panel").seats.clone();
        let vote = Vote { ballot: Finding::Awarded(Remedy::Half), salt: [9; 32] };
        for seat in &seats {
            let id = self.docket.dispute.id;
            let commitment = commitment(id, round, attempt, &seat.juror, &vote);
            let caller = Caller::Agent(seat.juror.clone());
            self.step(world, caller, Command::Commit { commitment }).await;
        }
        for seat in &seats {
            let caller = Caller::Agent(seat.juror.clone());
            self.step(world, caller, Command::Reveal(vote)).await;
        }
        assert_eq!(self.docket.dispute.phase(), Phase::Appealable);
    }

    /// Its packet, made of what the store has, repeats.
    async fn verify(&self, world: &mut World) {
        world.settle().await;
        let (id, order) = (self.docket.dispute.id, self.docket.dispute.order);
        let mut chain = world.store().dispute_seals(id).await.expect("seals");
        assert_eq!(chain.len() as u64, self.docket.dispute.version);
        let positions = chain.iter().map(|(_, link)| link.position).collect();
        chain.dedup_by_key(|(_, link)| link.position);
        let (rule_set, operators) = (self.docket.rules_then(), self.docket.operators.clone());
        let packet = marketplace_disputes::Packet {
            opened: self.docket.opened.clone(),
            log: self.docket.log.clone(),
            facts: self.docket.facts.as_ref().map(|(_, facts)| facts.clone()),
            pools: self.pools(),
            gaps: Gaps::none(),
            operators: operators.map(|(_, board)| board).unwrap_or_default(),
            rule_set: rule_set.unwrap_or_else(rule_set_hash),
            closed: self.docket.dispute.clone(),
            postings: world.store().dispute_entries(id, order).await.expect("entries"),
            chain: chain.into_iter().map(|(_, link)| link).collect(),
            positions,
        };
        let verified = verify(&packet, &|_, _, _| true).expect("it repeats");
        assert_eq!(verified.batches as u64, self.docket.dispute.version);
        assert_eq!(verified.placed as u64, self.docket.dispute.version);
        assert!(packet.postings.iter().any(|draft| draft.kind().ends_escrow()));
        assert_eq!(world.audit().await.breaches(), [""; 0]);
    }

    fn pools(&self) -> Vec<Pool> {
        let whole = |jurors: usize| {
            let entrants = (0..jurors).map(|number| Entrant {
                juror: juror(number),
                weight: 250 + i64::try_from(number).unwrap_or_default(),
                cluster: (number == 1).then_some(7),
            });
            Pool::new(entrants.collect())
        };
        let pools = self.docket.pools.iter();
        let named = |name: &[u8; 32]| (0..=JURORS).map(whole).find(|pool| pool.hash() == *name);
        pools.map(|(_, name)| named(name).expect("a pool of this suite")).collect()
    }
}

fn agent(name: &str) -> Caller {
    Caller::Agent(did(name))
}

async fn stakes(world: &mut World) {
    for number in 0..JURORS {
        let did = juror(number);
        world.fund(&did, 300_000_000_000).await;
        let moves = [
            (Account::Agent(did.clone()), -260_000_000_000),
            (Account::Juror(did), 260_000_000_000),
        ];
        let entries = vec![world.entry(EntryKind::JurorStake, moves)];
        world.write(ChangeSet { entries, ..ChangeSet::default() }).await;
    }
}

fn signed(operator: &Did, digest: [u8; 32]) -> Vec<Approval> {
    let signed = OperatorSignature { operator: operator.clone(), signature: [5; 64] };
    Approval::check(signed, digest, &|_, _, _| true).into_iter().collect()
}

/// Evidence, an offer, rules, a panel, an appeal for which there are too few jurors, operators.
pub(crate) async fn a_dispute_comes_back_with_all_that_happened(mut world: World) {
    let (buyer, seller) = (did("buyer"), did("seller"));
    stakes(&mut world).await;
    let id = delivered(&mut world, &buyer, &seller).await;
    let mut play = Play::open(&mut world, id, 3).await;
    for media_type in [None, Some("text/plain; x=\"y\"".into())] {
        let input = EvidenceInput { sha256: [8; 32], size: 5, media_type, note: TEXT.into() };
        let dispute = play.docket.dispute.id;
        let bytes: Arc<[u8]> = Arc::from([0_u8, 1, 2, 255]);
        let exhibit = Exhibit { dispute, name: [8; 32], bytes };
        play.step_with(&mut world, agent("buyer"), Command::AddEvidence(input), vec![exhibit])
            .await;
    }
    let offer = Command::OfferSettlement { seller: nano(3) };
    play.step(&mut world, agent("buyer"), offer).await;
    play.step(&mut world, agent("seller"), Command::Contest { bonded: true }).await;
    let wallet = world.store().wallet(&seller).await.expect("wallet");
    assert_eq!(wallet.in_bonds, play.docket.dispute.stakes.counter_bond);
    let known = order(&world, id).await;
    let mut facts = OrderFacts::of(&known, &Gaps::none()).expect("it is disputed");
    // With a promise a rule would decide.
    (facts.exclusive, facts.also_delivered_to) = (false, Some(id));
    if let Some(delivery) = facts.delivery.as_mut() {
        delivery.hashed_again = Some(delivery.recorded);
    }
    let rules = Command::ApplyRules { facts: Box::new(facts) };
    play.step(&mut world, Caller::Arbitration, rules).await;
    play.panel(&mut world).await;
    play.step(&mut world, agent("buyer"), Command::Appeal).await;
    play.call(&mut world, 1).await;
    assert_eq!(play.docket.dispute.phase(), Phase::UnderOperators);
    let (finding, reason) = (Finding::Rejected, Arc::from(TEXT));
    let digest = ruling_digest(&play.docket.dispute, finding, TEXT);
    let approvals = signed(&play.operator, digest);
    let rule = Command::Rule { finding, reason, approvals };
    world.advance(60);
    play.step(&mut world, Caller::Operators, rule).await;
    assert_eq!(play.docket.dispute.phase(), Phase::Final);
    play.verify(&mut world).await;

    let store = world.store();
    let at = world.now().await;
    assert_eq!(store.disputes_lost(&buyer, at).await, Ok(1));
    assert_eq!(store.disputes_lost(&buyer, at.plus_micros(1)).await, Ok(0));
    assert_eq!(store.disputes_lost(&seller, at.minus(Seconds(9))).await, Ok(0));
    let dispute = play.docket.dispute.id;
    let bytes = store.exhibit(dispute, [8; 32]).await.expect("exhibit");
    assert_eq!(bytes.as_deref(), Some(&[0_u8, 1, 2, 255][..]));
    assert_eq!(store.exhibit(dispute, [9; 32]).await, Ok(None));
    assert_eq!(store.exhibit(DisputeId::new(world.id()), [8; 32]).await, Ok(None));
    drop(store);
    world.reopen().await;
    play.agree(&world).await;
}

/// Two rounds without a quorum are in other suites; here a claim that we give up, and one that is
/// taken back by a default that nobody appealed.
pub(crate) async fn disputes_end_and_are_listed_newest_first(mut world: World) {
    let (buyer, seller) = (did("buyer"), did("seller"));
    let first = delivered(&mut world, &buyer, &seller).await;
    let second = delivered(&mut world, &seller, &buyer).await;
    let mut given_up = Play::open(&mut world, first, 0).await;
    let mut silent = Play::open(&mut world, second, 0).await;
    let digest = abort_digest(&given_up.docket.dispute, TEXT);
    let approvals = signed(&given_up.operator, digest);
    let abort = Command::Abort { reason: TEXT.into(), approvals };
    given_up.step(&mut world, Caller::Operators, abort).await;
    given_up.verify(&mut world).await;
    let ids = |page: Vec<Arc<Docket>>| -> Vec<DisputeId> {
        page.iter().map(|row| row.dispute.id).collect()
    };
    let both = [silent.docket.dispute.id, given_up.docket.dispute.id];
    let filter = DisputeFilter { limit: 1, ..DisputeFilter::default() };
    let page = world.store().disputes(&filter).await.expect("disputes");
    assert_eq!((ids(page.items), page.next.is_some()), (both[..1].to_vec(), true));
    let filter = DisputeFilter { cursor: page.next, ..filter };
    let page = world.store().disputes(&filter).await.expect("disputes");
    assert_eq!((ids(page.items), page.next), (both[1..].to_vec(), None));
    for (party, open_only, expect) in [
        (Some(&buyer), false, &both[..]),
        (Some(&seller), true, &both[..1]),
        (Some(&did("nobody")), false, &[]),
        (None, true, &both[..1]),
    ] {
        let party = party.cloned();
        let filter = DisputeFilter { party, open_only, cursor: None, limit: 9 };
        let page = world.store().disputes(&filter).await.expect("disputes");
        assert_eq!(ids(page.items), expect, "{filter:?}");
    }
    let due = silent.docket.dispute.next_timer().expect("a clock").deadline.due;
    let seconds = due.since(world.now().await) / 1_000_000 + 1;
    world.advance(u32::try_from(seconds).unwrap_or(u32::MAX));
    silent.step(&mut world, Caller::Timer, Command::Lapse).await;
    assert_eq!(silent.docket.dispute.phase(), Phase::UnderRules);
    assert_eq!(world.audit().await.breaches(), [""; 0]);
}

/// A dispute is written by who read its last version.
pub(crate) async fn a_dispute_that_moved_is_a_conflict(mut world: World) {
    let (buyer, seller) = (did("buyer"), did("seller"));
    let id = delivered(&mut world, &buyer, &seller).await;
    let mut play = Play::open(&mut world, id, 0).await;
    let before = play.docket.clone();
    let offer = Command::OfferSettlement { seller: nano(3) };
    play.step(&mut world, agent("buyer"), offer).await;
    let late = play.docket.clone();
    let row = before.after(late.log[0].clone());
    let set = ChangeSet { disputes: vec![update(1, row)], ..ChangeSet::default() };
    world.conflict(set).await;
    let key = Key::Dispute(before.dispute.id);
    let set = ChangeSet { reads: vec![(key, 1)], ..ChangeSet::default() };
    assert_eq!(world.commit(vec![set]).await, [CommitOutcome::Conflict]);
    play.agree(&world).await;
}

/// Jurors come back as they were, those with a stake by name, in pages.
pub(crate) async fn jurors_come_back_with_their_stakes(mut world: World) {
    stakes(&mut world).await;
    let dispute = DisputeId::new(world.id());
    let now = world.now().await;
    let full = |number: usize| Juror {
        did: juror(number),
        version: 1,
        since: now,
        leaving: (number == 2).then_some(now),
        opted_out: number == 3,
        benches: if number == 1 { vec![dispute] } else { Vec::new() },
        service_types: vec![ServiceType::Analysis, ServiceType::Custom][..number % 3].to_vec(),
    };
    for number in 0..JURORS {
        let jurors = vec![insert(full(number))];
        world.write(ChangeSet { jurors, ..ChangeSet::default() }).await;
    }
    let without = Juror { did: did("aaa"), ..full(0) };
    let jurors = vec![insert(without.clone())];
    world.write(ChangeSet { jurors, ..ChangeSet::default() }).await;
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = world.store().jurors(after.as_ref(), 2).await.expect("jurors");
        let Some((last, _)) = page.last() else { break };
        after = Some(last.did.clone());
        found.extend(page);
    }
    let expect: Vec<_> = (0..JURORS).map(|n| (Arc::new(full(n)), Amount::from_avt(260))).collect();
    assert_eq!(found, expect);
    let one = world.store().juror(&without.did).await.expect("juror");
    assert_eq!(one, Some((Arc::new(without), Amount::ZERO)));
    assert_eq!(world.store().juror(&did("nobody")).await, Ok(None));
    let next = Juror { version: 2, benches: vec![dispute, dispute], ..full(4) };
    let jurors = vec![update(1, next.clone())];
    world.write(ChangeSet { jurors, ..ChangeSet::default() }).await;
    let jurors = vec![update(1, next.clone())];
    world.conflict(ChangeSet { jurors, ..ChangeSet::default() }).await;
    let view = world.load([Key::Juror(next.did.clone())]).await;
    assert_eq!(view.jurors.get(&next.did).map(AsRef::as_ref), Some(&next));
    let wallet = world.store().wallet(&next.did).await.expect("wallet");
    assert_eq!(wallet.in_bonds, Amount::from_avt(260));
}
