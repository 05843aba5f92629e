//! Finding services: prices of now, stale results, and noise.

use std::time::{Duration, Instant};

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
