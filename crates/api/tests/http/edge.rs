//! Tokens across the edge over HTTP: prepaid purchases, dry runs, reserves that can be proved.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_ports::{Teg as _, TransferOrder};
use marketplace_registry::verify_signature;
use marketplace_wire::{ProofBody, sha256_from_hex};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::{Agent, OURS, Reply, World};

fn pay(world: &World, agent: &Agent, key: u128, amount: &str, memo: &str) -> String {
    let (counterparty, amount) = (OURS.parse().unwrap(), amount.parse().unwrap());
    let order =
        TransferOrder { key: Uuid::from_u128(key), counterparty, amount, memo: memo.to_owned() };
    world.teg.transfer_from(agent.did(), &order).unwrap().id.0
}

async fn buy(world: &World, buyer: &Agent, listing: &str, payment: Value) -> Reply {
    let body = json!({ "listing_id": listing, "payment": payment });
    world.post("/api/v1/orders/create").by(buyer).json(&body).send().await
}

#[tokio::test]
async fn a_transfer_named_in_a_purchase_pays_it() {
    let world = World::new().await;
    let (seller, buyer, other) =
        (world.agent(1, 5).await, world.agent(2, 50).await, world.agent(3, 50).await);
    let listing = world.listing(&seller).await;
    let paid = pay(&world, &buyer, 1, "9", &format!("listing:{listing}"));
    let named = json!({ "transaction_id": paid });
    buy(&world, &other, &listing, named.clone()).await.expect_problem(403, "payment_foreign");
    let order = buy(&world, &buyer, &listing, named.clone()).await.expect_success();
    assert_eq!(order["status"], "ESCROW_FUNDED");
    buy(&world, &buyer, &listing, named.clone()).await.expect_problem(409, "payment_used");
    let unknown = json!({ "method": "prepaid", "transaction_id": "no-such-transfer" });
    let problem =
        buy(&world, &buyer, &listing, unknown).await.expect_problem(409, "payment_not_seen");
    assert_eq!(problem["retry_after"], json!(2));
    for strange in [
        json!({}),
        json!({ "method": "prepaid" }),
        json!({ "method": "balance", "transaction_id": "x" }),
        json!({ "transaction_id": "" }),
    ] {
        buy(&world, &buyer, &listing, strange).await.expect_problem(422, "invalid");
    }
    let path = "/api/v1/wallet/deposit";
    world.post(path).by(&buyer).json(&named).send().await.expect_problem(409, "payment_used");
    let more = pay(&world, &buyer, 2, "3", "wallet");
    world.clock.advance(marketplace_money::Seconds(2));
    let claimed = world.post(path).by(&buyer).json(&json!({ "transaction_id": more }));
    let claimed = claimed.send().await.expect_success();
    let wallet = world.get("/api/v1/wallet").by(&buyer).send().await.expect_success();
    assert_eq!(
        (&wallet["available"], &wallet["withdrawals"]),
        (&claimed["available"], &json!("open"))
    );
    world.expect_clean_books().await;
}

#[tokio::test]
async fn a_dry_run_moves_nothing() {
    let world = World::new().await;
    let agent = world.agent(1, 10).await;
    let amount = |text: &str| json!({ "amount": text });
    world
        .post("/api/v1/wallet/deposit")
        .by(&agent)
        .json(&amount("8"))
        .send()
        .await
        .expect_success();
    world.teg.set_transfer_fee("0.25".parse().unwrap());
    let asked = json!({ "amount": "5", "dry_run": true });
    let quote = world.post("/api/v1/wallet/withdraw").by(&agent).json(&asked).send().await;
    let expect = json!({ "amount": "5", "fee": "0.25", "total": "5.25", "available": "8" });
    assert_eq!(quote.expect_success(), expect);
    let wallet = world.get("/api/v1/wallet").by(&agent).send().await.expect_success();
    assert_eq!(wallet["in_flight"], "0");
}

#[tokio::test]
async fn anybody_sees_the_reserves_and_each_agent_proves_its_own() {
    let world = World::new().await;
    world.get("/api/v1/audit/reserves").send().await.expect_problem(404, "not_published");
    let (agent, other) = (world.agent(1, 10).await, world.agent(2, 10).await);
    for agent in [&agent, &other] {
        let amount = json!({ "amount": "8" });
        world.post("/api/v1/wallet/deposit").by(agent).json(&amount).send().await.expect_success();
    }
    world.work().await;
    let page = world.get("/api/v1/audit/reserves").send().await.expect_success();
    let statement = &page["statement"];
    assert_eq!((&statement["liabilities"], &statement["leaves"]), (&json!("16"), &json!(2)));
    assert_eq!(page["reconciliation"]["unexplained_atto"], "0");
    let looked = &page["reconciliation"];
    assert_eq!((&statement["held"], &statement["held_at"]), (&looked["held"], &looked["at"]));
    assert_eq!(statement["held"], statement["booked"]);
    let proof = world.get("/api/v1/audit/reserves/proof").by(&agent).send().await.expect_success();
    let proof: ProofBody = serde_json::from_value(proof).unwrap();
    assert_eq!(proof.jws, page["jws"]);
    let key = sha256_from_hex(&proof.public_key).unwrap();
    let (signed, signature) = proof.jws.rsplit_once('.').unwrap();
    let payload = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(&payload, statement, "what is held is signed too");
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(verify_signature(&key, signed.as_bytes(), &signature));
    let (root, total) = (statement["root"].as_str().unwrap(), "16");
    let [own] = &proof.inclusions[..] else { panic!("{:?}", proof.inclusions) };
    assert_eq!((own.account.clone(), own.amount.as_str()), (format!("agent:{}", agent.did()), "8"));
    own.check(root, total).unwrap();
    assert!(own.check(root, "17").is_err());
}

#[tokio::test]
async fn a_breach_queues_withdrawals_and_says_so() {
    let world = World::new().await;
    let agent = world.agent(1, 10).await;
    let operator = world.operator().await;
    let amount = |text: &str| json!({ "amount": text });
    world
        .post("/api/v1/wallet/deposit")
        .by(&agent)
        .json(&amount("8"))
        .send()
        .await
        .expect_success();
    let order = TransferOrder {
        key: Uuid::from_u128(9),
        counterparty: agent.did().clone(),
        amount: "3".parse().unwrap(),
        memo: "by hand".to_owned(),
    };
    let strange = world.teg.transfer(&order).await.unwrap().id.0;
    world.work().await;
    let withdraw = world.post("/api/v1/wallet/withdraw").by(&agent).json(&amount("2")).send().await;
    assert_eq!(withdraw.status.as_u16(), 202);
    let wallet = world.get("/api/v1/wallet").by(&agent).send().await.expect_success();
    assert_eq!(wallet["withdrawals"], "queued");
    let ready = world.get("/readyz").send().await;
    assert!(ready.text().contains("withdrawals are queued"), "{}", ready.text());
    let metrics = world.get("/metrics").send().await;
    let gauge = "marketplace_withdrawals_stopped{reason=\"reserves_breach\"} 1";
    assert!(metrics.text().contains(gauge), "{}", metrics.text());
    let path = "/api/v1/admin/withdrawals";
    let page = world.get(path).by(&operator).send().await.expect_success();
    assert_eq!((&page["count"], &page["stopped"]), (&json!(1), &json!("reserves_breach")));
    assert!(page["alarm"].as_str().unwrap().contains(&strange));
    let explained =
        json!({ "action": "transfer.explain", "transaction_id": strange, "reason": "lunch" });
    let path = "/api/v1/operator/motions";
    let motion = world.post(path).by(&operator).json(&explained).send().await.expect_success();
    assert_eq!(
        (&motion["state"], &motion["subject"]["transaction_id"]),
        (&json!("done"), &json!(strange))
    );
    world.marketplace.reconcile().await.unwrap();
    world.marketplace.reconcile().await.unwrap();
    let wallet = world.get("/api/v1/wallet").by(&agent).send().await.expect_success();
    assert_eq!(wallet["withdrawals"], "open");
}
