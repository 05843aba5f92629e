//! Disputes from the opening to the last payment, over the in-memory store: every way to an end,
//! and the packet of each repeats.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "other test programs use the rest of it")]
mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Market, avt, did, fresh, offer};
use marketplace_disputes::{
    Category, Claim, Command, Finding, Phase, Remedy, Vote, commitment, verify,
};
use marketplace_engine::{
    DeliveryContent, DeliveryRequest, DisputeRequest, DisputeView, Error, EvidenceRequest,
    OperatorSet, Proposal, Transfer,
};
use marketplace_escrow::{Command as OrderCommand, Phase as OrderPhase};
use marketplace_listings::Listing;
use marketplace_money::{DisputeId, OrderId, Seconds};
use marketplace_ports::{DisputeFilter, DisputeStore as _, MotionAction, Teg as _};
use sha2::{Digest as _, Sha256};

const JURORS: usize = 12;

struct Case {
    market: Market,
    order: OrderId,
}

fn claim(category: Category, remedy: Remedy) -> Claim {
    Claim { category, remedy }
}

fn refused<R: std::fmt::Debug>(result: Result<R, Error>) -> String {
    match result {
        Err(Error::Refused(refusal)) => refusal.code().to_owned(),
        other => panic!("not refused: {other:?}"),
    }
}

impl Case {
    /// A delivered order of 40 AVT; both parties have 100 AVT beside it.
    async fn delivered() -> Self {
        let case = Self::bought().await;
        let content = DeliveryContent::Inline(b"work".to_vec());
        let delivery = DeliveryRequest { content, ..DeliveryRequest::default() };
        case.market.marketplace.deliver(&did("seller"), case.order, delivery, None).await.unwrap();
        case
    }

    async fn bought() -> Self {
        Self::bought_in(Market::open().await).await
    }

    async fn bought_in(market: Market) -> Self {
        let listing: std::sync::Arc<Listing> = market.list(offer("40")).await;
        let order = market.buy(&listing).await.order.id;
        for name in ["buyer", "seller"] {
            market.marketplace.deposit(&did(name), avt("100"), None).await.unwrap();
        }
        Self { market, order }
    }

    async fn with_jurors(self) -> Self {
        for number in 0..JURORS {
            let juror = did(&format!("juror{number}"));
            self.market.teg.faucet(&juror).await.unwrap();
            let stake = avt("300");
            self.market.marketplace.register_juror(&juror, stake, Vec::new(), None).await.unwrap();
        }
        self
    }

    async fn deliver_another(&mut self) {
        let listing = self.market.list(offer("40")).await;
        self.order = self.market.buy(&listing).await.order.id;
        let content = DeliveryContent::Inline(b"work".to_vec());
        let delivery = DeliveryRequest { content, ..DeliveryRequest::default() };
        self.market.marketplace.deliver(&did("seller"), self.order, delivery, None).await.unwrap();
    }

    async fn send(&self, from: &str, to: &str, amount: &str) {
        let reason = String::new();
        let transfer = Transfer { from: did(from), to: did(to), amount: avt(amount), reason };
        self.market.marketplace.transfer(transfer, None).await.unwrap();
    }

    /// The jurors that the last call found, each with its cluster.
    async fn pool(&self, id: DisputeId) -> BTreeMap<String, u64> {
        let docket = self.market.store.docket(id).await.unwrap().unwrap();
        let (_, name) = docket.pools.last().unwrap();
        let bytes = self.market.store.exhibit(id, *name).await.unwrap().unwrap();
        let lines: Vec<(String, i64, u64)> = serde_json::from_slice(&bytes).unwrap();
        let name = |did: String| did.trim_start_matches("did:test:").to_owned();
        lines.into_iter().map(|(juror, _, cluster)| (name(juror), cluster)).collect()
    }

    async fn open(&self, by: &str, claim: Claim) -> Result<DisputeView, Error> {
        let request = DisputeRequest { order: self.order, claim, reason: "bad work".into() };
        self.market.marketplace.open_dispute(&did(by), request, None).await.map(fresh)
    }

    async fn act(&self, who: &str, id: DisputeId, command: Command) -> Result<DisputeView, Error> {
        self.market.marketplace.act_on_dispute(&did(who), id, command, None).await.map(fresh)
    }

    async fn phase(&self, id: DisputeId) -> Phase {
        self.market.marketplace.dispute(id).await.unwrap().unwrap().dispute().phase()
    }

    /// Lets a time pass, and does all that is due.
    async fn pass(&mut self, seconds: u32) {
        self.market.clock.advance(Seconds(seconds));
        while self.market.worker.tick().await.unwrap().any() {}
    }

    async fn order_phase(&self) -> OrderPhase {
        let order = self.market.marketplace.order(self.order).await.unwrap().unwrap();
        order.order.phase()
    }

    /// The books are right, and whoever has the packet comes to the same end.
    async fn check(&mut self, id: DisputeId) {
        self.market.settle().await;
        self.market.check().await;
        let packet = self.market.marketplace.verdict_packet(id).await.unwrap().unwrap();
        let verified = verify(&packet, &|_, _, _| true).unwrap();
        assert!(verified.commits > 0 && verified.entries > 0 && verified.batches > 0);
        let held = self.market.marketplace.wallet(&did("buyer")).await.unwrap().sums.in_bonds;
        assert!(held.is_zero());
    }

    /// Every juror of the panel votes, under seal and then openly.
    async fn vote(&mut self, id: DisputeId, ballots: &[Finding]) {
        let view = self.market.marketplace.dispute(id).await.unwrap().unwrap();
        let dispute = view.dispute();
        let (round, attempt) = dispute.place();
        let seats = dispute.panel().unwrap().seats.clone();
        let votes = seats.iter().zip(ballots.iter().cycle());
        let votes: Vec<_> = votes
            .map(|(seat, ballot)| (seat.juror.clone(), Vote { ballot: *ballot, salt: [7; 32] }))
            .collect();
        let market = &self.market.marketplace;
        for (juror, vote) in &votes {
            let commitment = commitment(id, round, attempt, juror, vote);
            market.act_on_dispute(juror, id, Command::Commit { commitment }, None).await.unwrap();
        }
        for (juror, vote) in &votes {
            market.act_on_dispute(juror, id, Command::Reveal(*vote), None).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_panel_rules_an_appeal_confirms_and_everybody_is_paid() {
    let mut case = Case::delivered().await.with_jurors().await;
    case.pass(7 * 24 * 3_600 - 3_600 * 8).await;
    // The order of `delivered` was released long ago: a new one now.
    case.deliver_another().await;
    case.pass(9 * 3_600).await;

    let opened = case.open("buyer", claim(Category::PoorQuality, Remedy::Full)).await.unwrap();
    let id = opened.dispute().id;
    assert_eq!(case.order_phase().await, OrderPhase::Disputed);
    assert_eq!(opened.dispute().held(), avt("11"));
    assert_eq!(case.market.available("buyer").await, "48");
    let sums = case.market.marketplace.wallet(&did("buyer")).await.unwrap().sums;
    assert_eq!(sums.in_bonds, avt("11"));
    let evidence = EvidenceRequest { bytes: b"look".to_vec(), ..EvidenceRequest::default() };
    let with = case.market.marketplace.add_evidence(&did("buyer"), id, evidence, None).await;
    let sha256 = fresh(with.unwrap()).dispute().evidence[0].sha256;
    let bytes = case.market.marketplace.evidence(id, sha256).await.unwrap().unwrap();
    assert_eq!(&bytes[..], b"look");
    case.act("seller", id, Command::Contest { bonded: true }).await.unwrap();
    case.pass(1).await;
    assert_eq!(case.phase(id).await, Phase::Committing);
    let panel = case.market.marketplace.dispute(id).await.unwrap().unwrap();
    let juror = panel.dispute().panel().unwrap().seats[0].juror.clone();
    assert!(panel.may_see(&juror) && !panel.may_see(&did("other")));
    let (known, _) = case.market.store.juror(&juror).await.unwrap().unwrap();
    assert_eq!(known.benches, [id]);
    let leaving = case.market.marketplace.unregister_juror(&juror, None).await;
    assert!(fresh(leaving.unwrap()).juror.leaving.is_some());

    case.vote(id, &[Finding::Rejected]).await;
    assert_eq!(case.phase(id).await, Phase::Appealable);
    case.act("buyer", id, Command::Appeal).await.unwrap();
    case.pass(1).await;
    assert_eq!(case.phase(id).await, Phase::Committing);
    case.vote(id, &[Finding::Rejected, Finding::Rejected, Finding::Awarded(Remedy::Full)]).await;
    case.pass(3 * 3_600).await;
    assert_eq!(case.phase(id).await, Phase::Final);
    assert_eq!(case.order_phase().await, OrderPhase::Ruled);
    case.check(id).await;
    let refusal = refused(case.market.marketplace.unregister_juror(&juror, None).await);
    assert_eq!(refusal, "juror_stake_bound");
    case.pass(8 * 24 * 3_600).await;
    let left = fresh(case.market.marketplace.unregister_juror(&juror, None).await.unwrap());
    assert!(left.stake.is_zero() && left.juror.benches.is_empty());
    case.market.check().await;
}

/// Whoever wants an honest juror out of a panel must give it a tenth of a juror's stake; and who
/// gave that much to a second identity cannot hide it.
#[tokio::test]
async fn dust_excludes_nobody_and_a_tenth_of_a_stake_does() {
    let mut case = Case::delivered().await.with_jurors().await;
    for name in ["buyer", "seller", "other"] {
        case.market.teg.issue(&did(name), avt("1000"));
        case.market.marketplace.deposit(&did(name), avt("900"), None).await.unwrap();
    }
    case.send("buyer", "juror0", "25").await;
    case.pass(91 * 24 * 3_600).await;
    case.deliver_another().await;
    for number in 0..JURORS {
        let juror = format!("juror{number}");
        for from in ["buyer", "seller", "other"] {
            case.send(from, &juror, "0.000000002").await;
        }
        case.send(&juror, "seller", "0.000000001").await;
        case.send(&juror, "other", "0.000000001").await;
    }
    case.send("buyer", "juror1", "24.9").await;
    case.send("seller", "juror2", "10").await;
    case.send("seller", "juror2", "15").await;
    case.send("buyer", "juror3", "25").await;
    for _ in 0..300 {
        case.send("other", "juror3", "0.000000001").await;
        case.send("other", "buyer", "0.000000001").await;
    }
    case.send("seller", "juror4", "60").await;
    case.send("juror4", "juror5", "30").await;
    case.send("other", "juror6", "25").await;
    case.send("other", "juror7", "25").await;
    case.send("other", "juror8", "40").await;
    case.send("juror8", "buyer", "30").await;

    let claimed = claim(Category::PoorQuality, Remedy::Full);
    let id = case.open("buyer", claimed).await.unwrap().dispute().id;
    case.act("seller", id, Command::Contest { bonded: true }).await.unwrap();
    case.pass(1).await;
    let pool = case.pool(id).await;
    // Juror 8 joins the buyer, and with it whoever funded it and whom that one funded.
    let names: Vec<&str> = pool.keys().map(String::as_str).collect();
    assert_eq!(names, ["juror0", "juror1", "juror10", "juror11", "juror9"]);
    assert_eq!(pool.values().collect::<BTreeSet<_>>().len(), 5);
    assert_eq!(case.phase(id).await, Phase::Committing);
}

/// Of those whom one agent funded one sits on a panel at most.
#[tokio::test]
async fn two_jurors_of_one_funder_count_as_one() {
    let mut case = Case::delivered().await.with_jurors().await;
    case.market.marketplace.deposit(&did("other"), avt("90"), None).await.unwrap();
    case.pass(8 * 24 * 3_600).await;
    case.send("other", "juror6", "25").await;
    case.send("other", "juror7", "25").await;
    case.deliver_another().await;
    let claimed = claim(Category::PoorQuality, Remedy::Full);
    let id = case.open("buyer", claimed).await.unwrap().dispute().id;
    case.act("seller", id, Command::Contest { bonded: true }).await.unwrap();
    case.pass(1).await;
    let pool = case.pool(id).await;
    assert_eq!(pool.len(), JURORS);
    assert_eq!(pool["juror6"], pool["juror7"]);
    assert_eq!(pool.values().collect::<BTreeSet<_>>().len(), JURORS - 1);
}

/// Bonds are owed like balances: both parties prove them.
#[tokio::test]
async fn both_parties_prove_the_bonds_of_an_open_dispute() {
    let mut case = Case::delivered().await;
    let claimed = claim(Category::PoorQuality, Remedy::Full);
    let id = case.open("buyer", claimed).await.unwrap().dispute().id;
    // Long enough for the next statement.
    case.pass(3_600).await;
    for (party, proved) in [("buyer", true), ("seller", true), ("other", false)] {
        let proof = case.market.marketplace.reserves_proof(&did(party)).await.unwrap().unwrap();
        assert!(proof.holds());
        let name = format!("dispute:{id}");
        let own = proof.inclusions.iter().find(|own| own.leaf.name == name);
        assert_eq!(own.map(|own| own.leaf.amount), proved.then(|| avt("11")), "{party}");
    }
}

#[tokio::test]
async fn silence_loses_by_rule_and_leaves_time_for_an_appeal() {
    let mut case = Case::delivered().await;
    let view = case.open("buyer", claim(Category::PoorQuality, Remedy::Half)).await.unwrap();
    let id = view.dispute().id;
    case.pass(6 * 3_600).await;
    assert_eq!(case.phase(id).await, Phase::Appealable);
    case.pass(3 * 3_600).await;
    assert_eq!(case.phase(id).await, Phase::Final);
    assert_eq!(case.order_phase().await, OrderPhase::Ruled);
    // The half, the fee for it, and the compensation of 1 AVT.
    assert_eq!(case.market.available("buyer").await, "121.5");
    case.check(id).await;
}

#[tokio::test]
async fn no_jurors_no_ruling_the_marketplace_pays_and_the_escrow_is_halved() {
    let mut case = Case::delivered().await;
    let view = case.open("seller", claim(Category::BuyerRefuses, Remedy::Full)).await.unwrap();
    let id = view.dispute().id;
    // A buyer who cannot pay the bond contests without it.
    let refusal = refused(case.act("buyer", id, Command::Contest { bonded: false }).await);
    assert_eq!(refusal, "bond_affordable");
    case.act("buyer", id, Command::Contest { bonded: true }).await.unwrap();
    case.pass(60).await;
    assert_eq!(case.phase(id).await, Phase::UnderOperators);
    // No clock of the order runs: it would have been released long before.
    case.pass(71 * 3_600).await;
    assert_eq!(case.order_phase().await, OrderPhase::Disputed);
    case.pass(2 * 3_600).await;
    assert_eq!(case.phase(id).await, Phase::Aborted);
    assert_eq!(case.order_phase().await, OrderPhase::Aborted);
    case.check(id).await;
}

#[tokio::test]
async fn a_terminal_order_is_refused_before_any_bond_and_an_order_is_disputed_once() {
    let case = Case::delivered().await;
    let market = &case.market.marketplace;
    let other = did("other");
    let request = DisputeRequest {
        order: case.order,
        claim: claim(Category::Other, Remedy::Half),
        reason: "mine".into(),
    };
    assert_eq!(refused(market.open_dispute(&other, request, None).await), "order_not_found");
    let shown = case.open("buyer", claim(Category::NonDelivery, Remedy::Full)).await;
    assert_eq!(refused(shown), "claim_not_shown");
    market.change_order(&did("buyer"), case.order, OrderCommand::Accept, None).await.unwrap();
    let late = case.open("buyer", claim(Category::PoorQuality, Remedy::Full)).await;
    assert_eq!(refused(late), "wrong_phase");
    assert_eq!(case.market.available("buyer").await, "100");
    let page = market.disputes(&DisputeFilter { limit: 10, ..DisputeFilter::default() }).await;
    assert!(page.unwrap().items.is_empty());
    case.market.check().await;
}

#[tokio::test]
async fn who_gives_in_with_the_order_ends_the_dispute_in_the_same_commit() {
    for (by, gives_in, command, expect) in [
        ("buyer", "buyer", OrderCommand::Accept, OrderPhase::Accepted),
        ("buyer", "seller", OrderCommand::Decline, OrderPhase::Declined),
        ("seller", "buyer", OrderCommand::Accept, OrderPhase::Accepted),
        ("seller", "seller", OrderCommand::Decline, OrderPhase::Declined),
    ] {
        let mut case = Case::delivered().await;
        let category = if by == "buyer" { Category::PoorQuality } else { Category::BuyerRefuses };
        let id = case.open(by, claim(category, Remedy::Quarter)).await.unwrap().dispute().id;
        let market = &case.market.marketplace;
        let done = market.change_order(&did(gives_in), case.order, command, None).await;
        assert_eq!(fresh(done.unwrap()).order.phase(), expect, "{by} {gives_in}");
        assert_eq!(case.phase(id).await, Phase::Final);
        case.check(id).await;
    }
}

/// Whoever comes second learns how the order ended, not that it should try again.
#[tokio::test]
async fn of_two_who_give_in_at_once_the_second_is_told_the_end() {
    let mut case = Case::delivered().await;
    let opened = case.open("buyer", claim(Category::PoorQuality, Remedy::Full)).await.unwrap();
    let (market, order) = (&case.market.marketplace, case.order);
    let decline = OrderCommand::Decline;
    let (buyer, seller) = (did("buyer"), did("seller"));
    let both = tokio::join!(
        market.change_order(&buyer, order, OrderCommand::Accept, None),
        market.change_order(&seller, order, decline, None),
    );
    let done = [both.0.is_ok(), both.1.is_ok()];
    assert!(done == [true, false] || done == [false, true], "{both:?}");
    let second = if both.0.is_ok() { both.1 } else { both.0 };
    assert_eq!(refused(second), "wrong_phase");
    case.check(opened.dispute().id).await;
}

#[tokio::test]
async fn withdrawn_once_settled_the_second_time() {
    let mut case = Case::delivered().await;
    let first = case.open("buyer", claim(Category::Incomplete, Remedy::Half)).await.unwrap();
    let id = first.dispute().id;
    case.act("buyer", id, Command::Withdraw).await.unwrap();
    assert_eq!(case.order_phase().await, OrderPhase::Delivered);
    case.check(id).await;
    let second = case.open("buyer", claim(Category::Incomplete, Remedy::Half)).await.unwrap();
    let id = second.dispute().id;
    let offer = Command::OfferSettlement { seller: avt("30") };
    case.act("seller", id, offer).await.unwrap();
    let accept = Command::AcceptSettlement { expected: Some(avt("30")) };
    case.act("buyer", id, accept).await.unwrap();
    assert_eq!(case.phase(id).await, Phase::Settled);
    assert_eq!(case.order_phase().await, OrderPhase::Settled);
    case.check(id).await;
    let of_order = case.market.marketplace.disputes_of(case.order).await.unwrap();
    assert_eq!(of_order.len(), 2);
}

#[tokio::test]
async fn what_a_bond_lacks_is_pulled_and_who_has_nothing_contests_without() {
    let mut case = Case::delivered().await;
    // The seller spends what it has, here and at the TEG.
    let market = &case.market.marketplace;
    let view = case.open("buyer", claim(Category::PoorQuality, Remedy::Full)).await.unwrap();
    let id = view.dispute().id;
    let to = did("other");
    for _ in 0..2 {
        let available = market.wallet(&did("seller")).await.unwrap().sums.available;
        let transfer = Transfer {
            from: did("seller"),
            to: to.clone(),
            amount: available,
            reason: "gone".to_owned(),
        };
        market.transfer(transfer, None).await.unwrap();
        let rest = market.wallet(&did("seller")).await.unwrap().teg.unwrap().available;
        if rest.is_positive() {
            market.deposit(&did("seller"), rest, None).await.unwrap();
        } else {
            break;
        }
    }
    let bonded = case.act("seller", id, Command::Contest { bonded: true }).await;
    assert_eq!(refused(bonded), "insufficient_balance");
    case.act("seller", id, Command::Contest { bonded: false }).await.unwrap();
    case.pass(60).await;
    // No panel is paid for such a case: operators look at it.
    assert_eq!(case.phase(id).await, Phase::UnderOperators);
    let view = case.market.marketplace.dispute(id).await.unwrap().unwrap();
    assert_eq!(view.actions(&did("seller")).len(), 3);
    case.pass(73 * 3_600).await;
    assert_eq!(case.phase(id).await, Phase::Aborted);
    case.check(id).await;
}

#[tokio::test]
async fn objective_claims_need_no_bond_and_rules_end_them() {
    let mut case = Case::bought().await;
    case.pass(23 * 3_600 + 60).await;
    let view = case.open("buyer", claim(Category::NonDelivery, Remedy::Full)).await.unwrap();
    let id = view.dispute().id;
    assert_eq!(view.dispute().held(), avt("1"));
    case.act("seller", id, Command::Contest { bonded: true }).await.unwrap();
    case.pass(60).await;
    assert_eq!(case.phase(id).await, Phase::Final);
    assert_eq!(case.order_phase().await, OrderPhase::Ruled);
    case.check(id).await;
}

/// A delivery that was announced before is held until the dispute is over: work that waits so long,
/// three days here, is tried now and then, and the dispute ends by its clocks alone.
#[tokio::test]
async fn a_dispute_that_nobody_rules_ends_though_a_delivery_waits() {
    let mut case = Case::bought().await;
    let uri = "https://seller.example/work";
    case.market.fetcher.insert(uri, b"work".to_vec());
    let content = DeliveryContent::Uri(uri.to_owned());
    let sha256 = Some(Sha256::digest(b"work").into());
    let announced = DeliveryRequest { content, sha256, ..DeliveryRequest::default() };
    case.market.marketplace.deliver(&did("seller"), case.order, announced, None).await.unwrap();
    let view = case.open("buyer", claim(Category::Other, Remedy::Full)).await.unwrap();
    let id = view.dispute().id;
    case.act("seller", id, Command::Contest { bonded: true }).await.unwrap();
    let mut hours = 0;
    while !case.phase(id).await.is_terminal() {
        assert!(case.market.marketplace.audit().await.unwrap().open_effects > 0);
        case.pass(3_600).await;
        hours += 1;
    }
    assert_eq!((hours, case.phase(id).await), (73, Phase::Aborted), "the operators had 72");
    assert_eq!(case.order_phase().await, OrderPhase::Aborted);
    case.pass(301).await;
    case.check(id).await;
    assert_eq!(case.market.marketplace.audit().await.unwrap().open_effects, 0);
}

/// Operators come and go: who has the packet learns who they were when they ruled.
#[tokio::test]
async fn a_packet_names_the_operators_of_then() {
    let operators = OperatorSet { keys: vec![did("operator")], needed: 1 };
    let market = Market::open_with(|config| config.operators = operators.clone()).await;
    let mut case = Case::bought_in(market).await;
    let content = DeliveryContent::Inline(b"work".to_vec());
    let delivery = DeliveryRequest { content, ..DeliveryRequest::default() };
    case.market.marketplace.deliver(&did("seller"), case.order, delivery, None).await.unwrap();
    let claimed = claim(Category::PoorQuality, Remedy::Full);
    let id = case.open("buyer", claimed).await.unwrap().dispute().id;
    case.act("seller", id, Command::Contest { bonded: true }).await.unwrap();
    case.pass(60).await;
    assert_eq!(case.phase(id).await, Phase::UnderOperators);
    let proposal = Proposal {
        action: MotionAction::RuleDispute { dispute: id, finding: "half".into() },
        reason: "half of it is there".into(),
        try_only: false,
        signature: Some([5; 64]),
    };
    let all_sign: marketplace_engine::SignedBy = std::sync::Arc::new(|_, _, _| true);
    let market = &case.market.marketplace;
    market.propose(&did("operator"), proposal, all_sign, None).await.unwrap();
    assert_eq!(case.phase(id).await, Phase::Final);
    case.check(id).await;
    let others = |config: &mut marketplace_engine::Config| {
        config.operators = OperatorSet { keys: vec![did("a"), did("b")], needed: 2 };
    };
    let later = case.market.replica_with(others).await;
    let packet = later.verdict_packet(id).await.unwrap().unwrap();
    assert_eq!((&packet.operators.keys, packet.operators.needed), (&operators.keys, 1));
    assert!(packet.postings.iter().any(|draft| draft.kind().ends_escrow()));
    let verified = verify(&packet, &|_, _, _| true).unwrap();
    assert_eq!(verified.placed, packet.log.len() + 1);
    // As it was before we wrote down who ruled: nothing else is known than those of today.
    let old = marketplace_disputes::Packet {
        operators: marketplace_disputes::Board { keys: vec![did("a"), did("b")], needed: 2 },
        ..packet
    };
    verify(&old, &|_, _, _| true).unwrap_err();
}

/// What became of the order after it went on is not the dispute's.
#[tokio::test]
async fn the_packet_of_a_withdrawn_claim_tells_nothing_of_the_orders_later_end() {
    let mut case = Case::delivered().await;
    let claimed = claim(Category::Incomplete, Remedy::Half);
    let id = case.open("buyer", claimed).await.unwrap().dispute().id;
    case.act("buyer", id, Command::Withdraw).await.unwrap();
    let market = &case.market.marketplace;
    market.change_order(&did("buyer"), case.order, OrderCommand::Accept, None).await.unwrap();
    let packet = market.verdict_packet(id).await.unwrap().unwrap();
    assert!(!packet.postings.iter().any(|draft| draft.kind().ends_escrow()));
    case.check(id).await;
}

/// A deliverable that was promised to nobody else and sold to another buyer as well.
#[tokio::test]
async fn who_sells_an_exclusive_deliverable_twice_loses_by_rule() {
    let sell = async |exclusive: bool, second: &[u8]| {
        let market = Market::open().await;
        let mut offer = offer("10");
        offer.terms.exclusive = exclusive;
        let listing = market.list(offer).await;
        let mut orders = Vec::new();
        for (buyer, bytes) in [("other", &b"work"[..]), ("buyer", second)] {
            let request = marketplace_engine::PurchaseRequest::of(listing.id);
            let bought = market.marketplace.purchase(&did(buyer), request, None).await;
            let order = fresh(bought.unwrap()).order.id;
            let content = DeliveryContent::Inline(bytes.to_vec());
            let delivery = DeliveryRequest { content, ..DeliveryRequest::default() };
            market.marketplace.deliver(&did("seller"), order, delivery, None).await.unwrap();
            orders.push(order);
        }
        for name in ["buyer", "seller"] {
            market.marketplace.deposit(&did(name), avt("40"), None).await.unwrap();
        }
        let mut case = Case { market, order: orders[1] };
        let view = case.open("buyer", claim(Category::Duplicate, Remedy::Full)).await.unwrap();
        let id = view.dispute().id;
        assert!(view.docket.log.is_empty());
        case.act("seller", id, Command::Contest { bonded: true }).await.unwrap();
        case.pass(1).await;
        (case, id, orders)
    };
    let (mut case, id, orders) = sell(true, b"work").await;
    assert_eq!(case.phase(id).await, Phase::Appealable);
    let docket = case.market.store.docket(id).await.unwrap().unwrap();
    let facts = &docket.facts.as_ref().unwrap().1;
    assert_eq!((facts.exclusive, facts.also_delivered_to), (true, Some(orders[0])));
    case.pass(3 * 3_600).await;
    assert_eq!(case.phase(id).await, Phase::Final);
    assert_eq!(case.order_phase().await, OrderPhase::Ruled);
    case.check(id).await;
    for (exclusive, second) in [(false, &b"work"[..]), (true, b"other work")] {
        let (case, id, _) = sell(exclusive, second).await;
        // No rule says anything, and there are no jurors.
        assert_eq!(case.phase(id).await, Phase::UnderOperators, "{exclusive}");
    }
}
