//! Finding services: everything that a search can say, suggestions, matches, and noise.

use std::time::{Duration, Instant};

use marketplace_money::Amount;
use serde_json::{Value, json};

use crate::common::{Agent, World};

async fn list(world: &World, provider: &Agent, service: Value) -> String {
    let call = world.post("/api/v1/services/list").by(provider).json(&service);
    call.send().await.expect_success()["id"].as_str().unwrap().to_owned()
}

fn service(name: &str, description: &str, price: &str) -> Value {
    json!({
        "service_type": "analysis", "name": name, "description": description, "price": price,
    })
}

#[tokio::test]
async fn a_search_tells_what_it_is_asked_for() {
    let world = World::new().await;
    let provider = world.agent(1, 10).await;
    let hostile = "<script>alert(1)</script> csv \u{202E}cleaning";
    list(&world, &provider, service("CSV cleaning", "Cleans tables", "2")).await;
    let mut other = service(hostile, "<b>csv</b>", "30");
    other["metadata"] = json!({ "tags": ["spreadsheets"] });
    other["terms"] = json!({ "delivery_seconds": 3600, "pricing": "reputation" });
    list(&world, &provider, other).await;
    let search = async |query: &str| {
        let reply = world.get(&format!("/api/v1/services/search?{query}")).send().await;
        reply.expect_success()
    };

    let plain = search("query=csv").await;
    assert_eq!((&plain["count"], &plain["total"]), (&json!(2), &json!(2)));
    let first = plain["results"][0].as_object().unwrap();
    for absent in ["explanation", "highlights", "slot", "price_now"] {
        assert!(!first.contains_key(absent), "{absent} only when it is asked for");
    }
    assert!(!plain.as_object().unwrap().contains_key("facets"));

    let misspelt = search("query=csv+claening").await;
    assert_eq!((&misspelt["total"], &misspelt["words_matched"]), (&json!(2), &Value::Null));
    let full = search("query=csv&facets=true&highlights=true&explain=true").await;
    assert_eq!(full["facets"]["service_type"]["analysis"], 2);
    assert_eq!(full["facets"]["currency"]["AVT"], 2);
    assert_eq!(full["facets"]["price"][1], json!({ "from": 1, "to": 10, "count": 1 }));
    let results = full["results"].as_array().unwrap();
    let weights = results[0]["explanation"]["weights"].as_object().unwrap().values();
    let sum: Amount = weights.map(|weight| weight.to_string().parse::<Amount>().unwrap()).sum();
    assert_eq!(sum, Amount::from_avt(1), "the weights are shares of one");
    assert_eq!(results[0]["highlights"]["name"]["marks"], json!([[0, 3]]));
    let odd = results.iter().find(|one| one["price"] == "30").unwrap();
    let shown = odd["highlights"]["name"]["text"].as_str().unwrap();
    assert!(shown.starts_with("<script>") && !shown.contains('\u{202E}'), "inert text, no more");
    assert_eq!(odd["price_now"], "30", "the seller is at 0");

    assert_eq!(search("query=spreadsheet").await["total"], 1, "tags are words");
    assert_eq!(search("max_delivery_seconds=3600").await["total"], 1);
    assert_eq!(search("acceptance_policy=verified").await["total"], 0);
    assert_eq!(search("currency=AVT&max_reputation=0").await["total"], 2);
    let some = search("query=csv+unheard").await;
    assert_eq!((&some["total"], &some["words_matched"]), (&json!(2), &json!("some")));
}

#[tokio::test]
async fn prices_are_compared_as_they_would_be_paid_now() {
    let world = World::new().await;
    let provider = world.agent(1, 10).await;
    world.teg.set_reputation(provider.did(), 100);
    let mut moving = service("Moving price", "d", "10");
    moving["terms"] = json!({ "pricing": "reputation" });
    list(&world, &provider, moving).await;
    let total = async |query: &str| {
        let reply = world.get(&format!("/api/v1/services/search?{query}")).send().await;
        reply.expect_success()["total"].clone()
    };
    assert_eq!(total("max_price=11.999").await, 0);
    assert_eq!(total("min_price=12&max_price=12").await, 1);
    let reply = world.get("/api/v1/services/search?query=moving").send().await.expect_success();
    let found = &reply["results"][0];
    let shown = [&found["price"], &found["price_multiplier"], &found["price_now"]];
    assert_eq!(shown, ["10", "1.2", "12"], "the base price and what the standing makes of it");
}

#[tokio::test]
async fn a_stale_result_is_refused_clearly() {
    let world = World::new().await;
    let (provider, buyer) = (world.agent(1, 10).await, world.agent(2, 100).await);
    let id = list(&world, &provider, service("Gone soon", "d", "1")).await;
    let found = world.get("/api/v1/services/search?query=soon").send().await.expect_success();
    assert_eq!(found["results"][0]["id"], id.as_str());
    let delist = world.post(&format!("/api/v1/services/{id}/delist")).by(&provider);
    delist.send().await.expect_success();
    let purchase = json!({ "listing_id": id });
    let call = world.post("/api/v1/orders/create").by(&buyer).json(&purchase);
    call.send().await.expect_problem(404, "listing_not_found");
    let found = world.get("/api/v1/services/search?query=soon").send().await.expect_success();
    assert_eq!(found["total"], 0, "its own server knows at once");
    let call = world.get(&format!("/api/v1/services/{id}/similar"));
    call.send().await.expect_problem(404, "listing_not_found");
}

async fn buy(world: &World, buyer: &Agent, provider: &Agent, listing: &str) {
    let order = world.order(buyer, listing, "auto_on_delivery").await;
    let path = format!("/api/v1/orders/{order}/deliver");
    let delivery = json!({ "inline": "done", "media_type": "text/plain" });
    world.post(&path).by(provider).json(&delivery).send().await.expect_success();
}

#[tokio::test]
async fn what_others_bought_is_suggested_with_its_reason() {
    let world = World::new().await;
    let provider = world.agent(1, 10).await;
    let first = list(&world, &provider, service("Alpha report", "about markets", "1")).await;
    let second = list(&world, &provider, service("Beta charts", "pictures", "1")).await;
    let third = list(&world, &provider, service("Alpha markets", "a report", "1")).await;
    let (old, new) = (world.agent(2, 100).await, world.agent(3, 100).await);
    buy(&world, &old, &provider, &first).await;
    buy(&world, &old, &provider, &second).await;
    buy(&world, &new, &provider, &first).await;

    // What ended is heard from the feed, within a second.
    let follower = world.marketplace.clone();
    tokio::spawn(async move { follower.follow(std::future::pending()).await });
    let deadline = Instant::now() + Duration::from_secs(60);
    let reply = loop {
        let call = world.get("/api/v1/services/recommended").by(&new);
        let reply = call.send().await.expect_success();
        if reply["results"][0]["reason_code"] == "bought_with" {
            break reply;
        }
        assert!(Instant::now() < deadline, "nothing was learned: {reply}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let shown: Vec<(&str, &str)> = reply["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["reason_code"].as_str().unwrap()))
        .collect();
    assert_eq!(shown, [(second.as_str(), "bought_with"), (third.as_str(), "alike")]);
    let reason = &reply["results"][0]["reason"];
    assert_eq!(reason, "bought by agents who bought \"Alpha report\"");

    let path = format!("/api/v1/services/{first}/similar?limit=2");
    let reply = world.get(&path).send().await.expect_success();
    assert_eq!(reply["results"][0]["id"], second.as_str());
    assert_eq!(reply["results"][1]["id"], third.as_str());
    let call = world.get("/api/v1/services/recommended?limit=0").by(&new);
    call.send().await.expect_problem(400, "invalid_query");
}

#[tokio::test]
async fn a_need_gets_offers_that_can_be_bought() {
    let world = World::new().await;
    let (provider, buyer) = (world.agent(1, 10).await, world.agent(2, 100).await);
    let good =
        list(&world, &provider, service("Spreadsheet cleaning", "removes duplicates", "5")).await;
    list(&world, &provider, service("Spreadsheet cleaning, gold", "duplicates", "9.9")).await;
    list(&world, &provider, service("Poems", "verses at sea", "1")).await;
    let need = json!({
        "need": "please clean my spreadsheet of addresses, and remove the duplicates",
        "budget": "10", "deadline_seconds": 86_400,
    });
    let call = world.post("/api/v1/services/match").by(&buyer).json(&need);
    let reply = call.send().await.expect_success();
    assert_eq!(reply["count"], 1, "with the fee the golden one costs 10.1475");
    let offer = &reply["results"][0];
    assert_eq!(offer["id"], good.as_str());
    assert_eq!(offer["ready_quote"]["total"], "5.125");
    assert!(offer["reasons"].as_array().unwrap().len() >= 3);
    let purchase = json!({ "listing_id": good, "quote": offer["ready_quote"]["quote"] });
    let call = world.post("/api/v1/orders/create").by(&buyer).json(&purchase);
    call.send().await.expect_success();
    let call = world.post("/api/v1/services/match").by(&buyer).json(&json!({ "need": "?!" }));
    call.send().await.expect_problem(422, "invalid");
}

/// Steps of a linear congruence: the same noise in every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn text(&mut self) -> String {
        const PIECES: [&str; 22] = [
            "csv",
            "a",
            "%00",
            "%F0%9F%98%80",
            "%E6%95%B0",
            "+",
            "analysis",
            "%27",
            "%22--",
            "<",
            "%2e%2e%2f",
            "%5c",
            "\u{e9}",
            "%ff",
            "%25",
            "translation",
            "zzzzzzzzzzzzzzzzzzzzzzzz",
            "%E2%80%AE",
            "0",
            "-1",
            "1e999",
            "NaN",
        ];
        (0..self.below(9)).map(|_| PIECES[self.below(PIECES.len())]).collect()
    }

    fn query(&mut self) -> String {
        const NAMES: [&str; 16] = [
            "query",
            "query",
            "query",
            "min_price",
            "max_price",
            "min_reputation",
            "service_type",
            "sort",
            "cursor",
            "limit",
            "facets",
            "explain",
            "highlights",
            "provider",
            "max_delivery_seconds",
            "acceptance_policy",
        ];
        const GOOD: [&str; 9] =
            ["1", "true", "analysis", "relevance", "price_asc", "verified", "50", "AVT", "csv+cl"];
        let mut query = String::new();
        for _ in 0..=self.below(4) {
            let name = NAMES[self.below(NAMES.len())];
            let good = self.below(2) == 0;
            let value = if good { GOOD[self.below(GOOD.len())].to_owned() } else { self.text() };
            query.push_str(&format!("{name}={value}&"));
        }
        query.retain(|c| c.is_ascii() && c != '<');
        query
    }
}

#[tokio::test]
async fn ten_thousand_queries_of_noise_are_answered_soon_and_never_with_a_fault() {
    const SOON: Duration = Duration::from_millis(50);
    let world = World::new().await;
    let provider = world.agent(1, 100).await;
    for number in 0..100 {
        let name = format!("csv analysis translation {number}");
        list(&world, &provider, service(&name, "cleans data", "1")).await;
    }
    let mut noise = Noise(7);
    let mut answered = 0;
    for _ in 0..10_000 {
        let path = format!("/api/v1/services/search?{}", noise.query());
        // The machine may be busy elsewhere: a query is slow that is slow each time.
        let mut slow = 0;
        loop {
            let begun = Instant::now();
            let reply = world.get(&path).send().await;
            assert!(reply.status.is_success() || reply.status.as_u16() == 400, "{path}");
            if begun.elapsed() < SOON {
                answered += usize::from(reply.status.is_success());
                break;
            }
            slow += 1;
            assert!(slow < 5, "{path} takes longer than {SOON:?}, each time");
        }
    }
    assert!(answered > 500, "{answered} queries made sense");
}
