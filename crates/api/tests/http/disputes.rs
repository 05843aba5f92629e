//! Disputes over HTTP, with real keys: every way to an end, to the last nano.

use std::collections::HashMap;
use std::time::Duration;

use marketplace_disputes::{Finding, Vote, commitment};
use marketplace_money::{Did, Seconds};
use marketplace_registry::AgentKey;
use marketplace_wire::hex;
use serde_json::{Value, json};

use crate::common::{Agent, Reply, World, operator_key};

const JURORS: u8 = 12;

fn key(number: u8) -> AgentKey {
    AgentKey::from_secret(&[number; 32])
}

const SELLER: u8 = 1;
const BUYER: u8 = 2;
const STRANGER: u8 = 3;

struct Case {
    world: World,
    order: String,
    dispute: String,
}

impl Case {
    /// A delivered order of 5 AVT that its buyer disputes; everybody has tokens at the TEG only.
    async fn opened() -> Self {
        let world = World::new().await;
        let (seller, buyer) = (world.agent(SELLER, 100).await, world.agent(BUYER, 100).await);
        let listing = world.listing(&seller).await;
        Self::on(world, &seller, &buyer, &listing).await
    }

    async fn on(world: World, seller: &Agent, buyer: &Agent, listing: &str) -> Self {
        let order = world.order(buyer, listing, "buyer_confirms").await;
        let path = format!("/api/v1/orders/{order}/deliver");
        let work = json!({ "inline": "work" });
        world.post(&path).by(seller).json(&work).send().await.expect_success();
        let shown = world.get(&format!("/api/v1/orders/{order}")).by(buyer).send().await;
        let shown = shown.expect_success();
        let actions = shown["available_actions"].as_array().unwrap();
        let action = actions.iter().find(|action| action["action"] == "dispute").unwrap();
        assert_eq!((&action["bond"], &action["fee"]), (&json!("10"), &json!("1")));
        let claim = json!({
            "order_id": order, "category": "poor_quality", "reason": "not what was said",
        });
        let path = action["path"].as_str().unwrap();
        let opened = world.post(path).by(buyer).key("open").json(&claim).send().await;
        assert_eq!(opened.status.as_u16(), 201, "{opened:?}");
        let again = world.post(path).by(buyer).key("open").json(&claim).send().await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.bytes, opened.bytes);
        let dispute = opened.json()["dispute_id"].as_str().unwrap().to_owned();
        let wallet = world.get("/api/v1/wallet").by(buyer).send().await.expect_success();
        assert_eq!((&wallet["available"], &wallet["in_bonds"]), (&json!("0"), &json!("11")));
        Self { world, order, dispute }
    }

    async fn post(&self, by: u8, verb: &str, body: Value) -> Reply {
        let agent = self.world.login(key(by)).await;
        let path = format!("/api/v1/disputes/{}/{verb}", self.dispute);
        self.world.post(&path).by(&agent).json(&body).send().await
    }

    async fn shown(&self, by: u8) -> Reply {
        let agent = self.world.login(key(by)).await;
        self.world.get(&format!("/api/v1/disputes/{}", self.dispute)).by(&agent).send().await
    }

    async fn phase(&self) -> String {
        self.shown(BUYER).await.expect_success()["phase"].as_str().unwrap().to_owned()
    }

    /// What happens by itself: rules, calls, draws.
    async fn settle(&self) {
        self.world.clock.advance(Seconds(1));
        self.world.work().await;
    }

    /// The panel is drawn once the call for it has its place in the chain: over PostgreSQL another
    /// task gives it that.
    async fn panel_sits(&self) {
        let drawn = async {
            while self.phase().await != "COMMITTING" {
                tokio::task::yield_now().await;
                self.settle().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), drawn).await.expect("a panel");
    }

    async fn pass(&self, hours: u32) {
        self.world.clock.advance(Seconds::from_hours(hours));
        self.world.work().await;
    }

    /// Phases of dispute and order, and the balances of both sides.
    async fn expect(&self, dispute: &str, order: &str, buyer: &str, seller: &str) {
        assert_eq!(self.phase().await, dispute);
        let agent = self.world.login(key(BUYER)).await;
        let path = format!("/api/v1/orders/{}", self.order);
        let shown = self.world.get(&path).by(&agent).send().await.expect_success();
        assert_eq!(shown["phase"], order);
        for (number, expect) in [(BUYER, buyer), (SELLER, seller)] {
            let agent = self.world.login(key(number)).await;
            let wallet = self.world.get("/api/v1/wallet").by(&agent).send().await.expect_success();
            let found = (&wallet["available"], &wallet["in_bonds"]);
            assert_eq!(found, (&json!(expect), &json!("0")), "agent {number}");
        }
        self.world.work().await;
        self.world.expect_clean_books().await;
    }

    /// Everybody on the panel votes the same, under seal and then openly.
    async fn vote(&self, ballot: Finding, place: (usize, usize)) {
        let shown = self.shown(BUYER).await.expect_success();
        let panels = shown["rounds"].as_array().unwrap().last().unwrap()["panels"].clone();
        let panel = panels.as_array().unwrap().last().unwrap().clone();
        let known: HashMap<Did, u8> =
            (10..10 + JURORS).map(|number| (key(number).did().clone(), number)).collect();
        let names = panel["seats"].as_array().unwrap().iter();
        let names: Vec<Did> =
            names.map(|seat| seat["juror"].as_str().unwrap().parse().unwrap()).collect();
        let (vote, id) = (Vote { ballot, salt: [7; 32] }, self.dispute.parse().unwrap());
        for did in &names {
            let seal = commitment(id, place.0, place.1, did, &vote);
            let body = json!({ "commitment": hex(&seal) });
            self.post(known[did], "commit", body).await.expect_success();
        }
        let shown = self.shown(known[&names[0]]).await.expect_success();
        let now = shown["rounds"].as_array().unwrap().last().unwrap();
        assert!(!now.to_string().contains("\"ballot\""), "seen before it is opened: {now}");
        for did in &names {
            let wrong = json!({ "ballot": "full", "salt": hex(&[8; 32]) });
            self.post(known[did], "reveal", wrong).await.expect_problem(422, "wrong_seal");
            let body = json!({ "ballot": ballot.name(), "salt": hex(&vote.salt) });
            self.post(known[did], "reveal", body).await.expect_success();
        }
    }
}

#[tokio::test]
async fn a_panel_of_three_an_appeal_to_seven_and_everybody_is_paid() {
    let world = World::new().await;
    for number in 10..10 + JURORS {
        let juror = world.agent(number, 300).await;
        let stake = json!({ "stake": "250", "service_types": [] });
        let reply = world.post("/api/v1/jurors/register").by(&juror).json(&stake).send().await;
        assert_eq!(reply.expect_success()["stake"], "250");
    }
    world.clock.advance(Seconds::from_hours(7 * 24));
    let (seller, buyer) = (world.agent(SELLER, 100).await, world.agent(BUYER, 100).await);
    let listing = world.listing(&seller).await;
    let case = Case::on(world, &seller, &buyer, &listing).await;
    case.post(SELLER, "contest", json!({})).await.expect_success();
    case.panel_sits().await;
    case.vote(Finding::Rejected, (0, 0)).await;
    assert_eq!(case.phase().await, "APPEALABLE");
    let shown = case.shown(BUYER).await.expect_success();
    let actions = shown["available_actions"].as_array().unwrap();
    let appeal = actions.iter().find(|action| action["action"] == "appeal").unwrap();
    assert_eq!(appeal["bond"], "13.5");
    case.post(SELLER, "appeal", json!({})).await.expect_problem(409, "nothing_to_appeal");
    case.post(BUYER, "appeal", json!({})).await.expect_success();
    case.panel_sits().await;
    case.vote(Finding::Rejected, (1, 0)).await;
    case.pass(2).await;
    // Price 5 and bond 5; of D 10: 1.5 to the jurors, half of the rest; of A 13.5: 3.5 to the
    // jurors, half of the rest.
    case.expect("FINAL", "RULED", "0", "19.25").await;
}

#[tokio::test]
async fn silence_is_a_default_judgment() {
    let case = Case::opened().await;
    case.pass(1).await;
    assert_eq!(case.phase().await, "APPEALABLE");
    let ruled = case.shown(SELLER).await.expect_success();
    assert_eq!(ruled["rounds"][0]["ruling"]["tier"], 1);
    case.pass(1).await;
    case.expect("FINAL", "RULED", "16.125", "0").await;
}

#[tokio::test]
async fn side_exits() {
    let case = Case::opened().await;
    case.post(BUYER, "contest", json!({})).await.expect_problem(403, "wrong_role");
    case.post(SELLER, "concede", json!({})).await.expect_success();
    case.expect("FINAL", "RULED", "16.125", "0").await;

    let case = Case::opened().await;
    case.post(SELLER, "offer-settlement", json!({ "seller": "2" })).await.expect_success();
    case.post(SELLER, "accept-settlement", json!({})).await.expect_problem(409, "no_offer");
    let other = json!({ "seller": "3" });
    case.post(BUYER, "accept-settlement", other).await.expect_problem(409, "offer_changed");
    case.post(BUYER, "accept-settlement", json!({ "seller": "2" })).await.expect_success();
    case.expect("SETTLED", "SETTLED", "14.075", "2").await;

    let case = Case::opened().await;
    case.post(BUYER, "withdraw", json!({})).await.expect_success();
    case.expect("WITHDRAWN", "DELIVERED", "10", "0").await;
}

#[tokio::test]
async fn operators_rule_and_abort_with_their_signatures() {
    for (action, finding, phase, order, buyer, seller) in [
        ("dispute.rule", Some("half"), "FINAL", "RULED", "12.5625", "7.5"),
        ("dispute.rule", Some("full"), "FINAL", "RULED", "18.125", "0"),
        ("dispute.abort", None, "ABORTED", "ABORTED", "13.5625", "7.5"),
    ] {
        let case = Case::opened().await;
        case.post(SELLER, "contest", json!({})).await.expect_success();
        case.settle().await;
        assert_eq!(case.phase().await, "UNDER_OPERATORS", "there are no jurors");
        let operator = case.world.operator().await;
        let mut motion = json!({
            "action": action, "dispute_id": case.dispute, "reason": "seen both", "dry_run": true,
        });
        if let Some(finding) = finding {
            motion["finding"] = finding.into();
        }
        let path = "/api/v1/operator/motions";
        let tried = case.world.post(path).by(&operator).json(&motion).send().await;
        let digest = tried.expect_success()["digest"].as_str().unwrap().to_owned();
        let digest = marketplace_wire::sha256_from_hex(&digest).unwrap();
        motion["dry_run"] = false.into();
        let unsigned = case.world.post(path).by(&operator).json(&motion).send().await;
        assert_eq!(unsigned.expect_problem(422, "invalid")["field"], "signature");
        motion["signature"] = hex(&key(STRANGER).sign(&digest)).into();
        let forged = case.world.post(path).by(&operator).json(&motion).send().await;
        assert_eq!(forged.expect_problem(422, "invalid")["field"], "signature");
        motion["signature"] = hex(&operator_key().sign(&digest)).into();
        let ruled = case.world.post(path).by(&operator).json(&motion).send().await;
        assert_eq!(ruled.expect_success()["state"], "done");
        case.expect(phase, order, buyer, seller).await;
    }
}

#[tokio::test]
async fn strangers_see_nothing_and_evidence_is_inert() {
    let case = Case::opened().await;
    let stranger = case.world.agent(STRANGER, 10).await;
    case.shown(STRANGER).await.expect_problem(404, "dispute_not_found");
    let proof = json!({ "inline": "<script>1</script>", "media_type": "text/html", "note": "n" });
    case.post(STRANGER, "evidence", proof.clone()).await.expect_problem(404, "dispute_not_found");
    let with = case.post(SELLER, "evidence", proof).await.expect_success();
    let piece = &with["evidence"][0];
    assert_eq!((&piece["by"], &piece["size"]), (&json!("seller"), &json!(18)));
    let name = piece["sha256"].as_str().unwrap();
    let path = format!("/api/v1/disputes/{}/evidence/{name}", case.dispute);
    let buyer = case.world.login(key(BUYER)).await;
    let bytes = case.world.get(&path).by(&buyer).send().await;
    assert_eq!(bytes.text(), "<script>1</script>");
    assert_eq!(bytes.header("content-type"), Some("application/octet-stream"));
    assert_eq!(bytes.header("x-content-type-options"), Some("nosniff"));
    let foreign = case.world.get(&path).by(&stranger).send().await;
    foreign.expect_problem(404, "dispute_not_found");
    let list = async |agent: &Agent| {
        case.world.get("/api/v1/disputes?open=true").by(agent).send().await.expect_success()
    };
    assert_eq!(
        (list(&buyer).await["count"].clone(), list(&stranger).await["count"].clone()),
        (json!(1), json!(0))
    );
    let operator = case.world.operator().await;
    let all = case.world.get("/api/v1/operator/disputes").by(&operator).send().await;
    assert_eq!(all.expect_success()["count"], 1);
    assert_eq!(case.shown(SELLER).await.expect_success()["due"]["step"], "respond");
}

#[tokio::test]
async fn the_originals_message_opens_a_dispute() {
    let world = World::new().await;
    let (seller, buyer) = (world.agent(SELLER, 10).await, world.agent(BUYER, 50).await);
    let listing = world.listing(&seller).await;
    let order = world.order(&buyer, &listing, "buyer_confirms").await;
    let message = json!({
        "type": "dispute_request", "order_id": order, "reason": "silence",
        "category": "other", "evidence": { "log": [1, 2] },
    });
    let stranger = world.agent(STRANGER, 50).await;
    world
        .message(&stranger, message.clone())
        .await
        .expect_no("dispute_response", "order_not_found");
    let mut forged = message.clone();
    forged["from"] = seller.did().as_str().into();
    world.message(&buyer, forged).await.expect_problem(403, "forged_from");
    let reply = world.message(&buyer, message.clone()).await.expect_success();
    assert_eq!((&reply["type"], &reply["status"]), (&json!("dispute_response"), &json!("success")));
    assert_eq!(reply["bond"], "10");
    assert!(reply["respond_by"].is_string());
    let path = format!("/api/v1/disputes/{}", reply["dispute_id"].as_str().unwrap());
    let shown = world.get(&path).by(&buyer).send().await.expect_success();
    assert_eq!(shown["evidence"][0]["media_type"], "application/json");
    let again = world.message(&buyer, message).await.expect_success();
    assert_eq!(again["status"], "failed", "{again}");
}
