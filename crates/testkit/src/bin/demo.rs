//! `cargo xtask demo`: the whole flow against a running server, with every balance before and
//! after each step.

use std::net::{SocketAddr, ToSocketAddrs as _};

use clap::Parser;
use marketplace_testkit::load::{Agent, Connection, Reply, member};

/// Lists, buys, delivers, accepts, refuses, refunds and withdraws against a server.
#[derive(Parser)]
struct Arguments {
    /// Where the server listens; plain HTTP.
    #[arg(long, default_value = "127.0.0.1:8020")]
    address: String,
    /// What the server calls itself; by default http://ADDRESS.
    #[arg(long)]
    audience: Option<String>,
}

struct Demo {
    connection: Connection,
    seller: Agent,
    buyer: Agent,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let address = address(&arguments.address)?;
    let audience = arguments.audience.unwrap_or_else(|| format!("http://{}", arguments.address));
    let mut connection = Connection::open(address).await?;
    let seller = Agent::enroll(&mut connection, &audience).await?;
    let buyer = Agent::enroll(&mut connection, &audience).await?;
    println!("seller {}\nbuyer  {}", seller.did, buyer.did);
    let mut demo = Demo { connection, seller, buyer };
    demo.fund().await?;
    let listing = demo.list().await?;
    demo.search().await?;
    demo.buy_and_accept(&listing).await?;
    demo.original(&listing).await?;
    demo.decline(&listing).await?;
    demo.withdraw().await
}

/// Says what comes.
fn title(text: &str) {
    println!("\n== {text}");
}

fn address(text: &str) -> anyhow::Result<SocketAddr> {
    let found = text.to_socket_addrs()?.next();
    found.ok_or_else(|| anyhow::anyhow!("{text} is no address"))
}

impl Demo {
    async fn fund(&mut self) -> anyhow::Result<()> {
        title("The faucet gives both 1,000 AVT at the TEG, once");
        for agent in [self.seller.clone(), self.buyer.clone()] {
            self.post(&agent, "/api/v1/wallet/faucet", "{}").await?;
        }
        title("The buyer deposits 100 AVT into the marketplace");
        let buyer = self.buyer.clone();
        self.post(&buyer, "/api/v1/wallet/deposit", r#"{"amount":"100"}"#).await?;
        self.balances().await
    }

    async fn list(&mut self) -> anyhow::Result<String> {
        title("The seller lists a service for 5 AVT; the fee of 0.1 is pulled from its account");
        let seller = self.seller.clone();
        let body = format!(
            r#"{{"type":"list_service","from":"{}","service":{{"type":"data-processing","name":"CSV Analyzer","description":"Analyze CSV files","price":"5.0"}}}}"#,
            seller.did
        );
        let reply = self.post(&seller, "/a2a/message", &body).await?;
        self.balances().await?;
        member(&reply, 200, "listing_id")
    }

    async fn search(&mut self) -> anyhow::Result<()> {
        title("Anybody finds it");
        let path = "/api/v1/services/search?query=csv&min_price=0&limit=1";
        let reply = self.connection.send("GET", path, None, "").await?;
        println!("  {}", reply.body);
        Ok(())
    }

    async fn buy_and_accept(&mut self, listing: &str) -> anyhow::Result<()> {
        title("The buyer buys; 5.125 AVT go into escrow");
        let (buyer, seller) = (self.buyer.clone(), self.seller.clone());
        let body = format!(r#"{{"listing_id":"{listing}","expected_total":"5.125"}}"#);
        let reply = self.post(&buyer, "/api/v1/orders/create", &body).await?;
        let order = reply.text_of("order_id").or_else(|| reply.text_of("id"));
        let order = order.ok_or_else(|| anyhow::anyhow!("no order in {}", reply.body))?.to_owned();
        self.balances().await?;
        title("The seller hears of it by long poll, and delivers");
        let path = "/api/v1/orders?role=seller&status=ESCROW_FUNDED&wait=30";
        let heard = self.connection.send("GET", path, Some(&seller.token), "").await?;
        anyhow::ensure!(heard.body.contains(&order), "the order is not in {}", heard.body);
        let body = r#"{"inline":"rows: 3, columns: 2","media_type":"text/plain"}"#;
        self.post(&seller, &format!("/api/v1/orders/{order}/deliver"), body).await?;
        self.balances().await?;
        title("The buyer fetches the delivery and accepts; the seller gets 5, the fees 0.125");
        let path = format!("/api/v1/orders/{order}/delivery");
        let work = self.connection.send("GET", &path, Some(&buyer.token), "").await?;
        println!("  {}", work.body);
        self.post(&buyer, &format!("/api/v1/orders/{order}/accept"), "{}").await?;
        self.balances().await
    }

    async fn original(&mut self, listing: &str) -> anyhow::Result<()> {
        title("The original's flow: the buyer opts into auto_on_delivery, the provider completes");
        let (buyer, seller) = (self.buyer.clone(), self.seller.clone());
        let body = format!(
            r#"{{"type":"purchase_request","from":"{}","listing_id":"{listing}","acceptance_policy":"auto_on_delivery"}}"#,
            buyer.did
        );
        let reply = self.post(&buyer, "/a2a/message", &body).await?;
        let order = member(&reply, 200, "order_id")?;
        let body =
            format!(r#"{{"type":"order_complete","from":"{}","order_id":"{order}"}}"#, seller.did);
        self.post(&seller, "/a2a/message", &body).await?;
        let path = format!("/api/v1/escrow/{order}");
        let escrow = self.connection.send("GET", &path, Some(&buyer.token), "").await?;
        println!("  escrow status: {}", member(&escrow, 200, "status")?);
        self.balances().await
    }

    async fn decline(&mut self, listing: &str) -> anyhow::Result<()> {
        title("A purchase that the seller declines is refunded with its fee");
        let (buyer, seller) = (self.buyer.clone(), self.seller.clone());
        let body = format!(r#"{{"listing_id":"{listing}"}}"#);
        let reply = self.post(&buyer, "/api/v1/orders/create", &body).await?;
        let order = reply.text_of("order_id").or_else(|| reply.text_of("id"));
        let order = order.ok_or_else(|| anyhow::anyhow!("no order in {}", reply.body))?.to_owned();
        self.post(&seller, &format!("/api/v1/orders/{order}/decline"), "{}").await?;
        self.balances().await
    }

    async fn withdraw(&mut self) -> anyhow::Result<()> {
        title("The seller withdraws 9 AVT to its account at the TEG");
        let seller = self.seller.clone();
        self.post(&seller, "/api/v1/wallet/withdraw", r#"{"amount":"9"}"#).await?;
        for _ in 0..100 {
            let reply = self.wallet(&seller).await?;
            if reply.text_of("in_flight") == Some("0") {
                return self.balances().await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        anyhow::bail!("the withdrawal is still in flight after 10 s")
    }

    async fn post(&mut self, agent: &Agent, path: &str, body: &str) -> anyhow::Result<Reply> {
        let reply = self.connection.send("POST", path, Some(&agent.token), body).await?;
        println!("  POST {path}\n    -> {} {}", reply.status, reply.body);
        anyhow::ensure!(reply.status < 300, "the server said no");
        anyhow::ensure!(reply.text_of("reason").is_none(), "the server said no");
        Ok(reply)
    }

    async fn wallet(&mut self, agent: &Agent) -> anyhow::Result<Reply> {
        Ok(self.connection.send("GET", "/api/v1/wallet", Some(&agent.token), "").await?)
    }

    async fn balances(&mut self) -> anyhow::Result<()> {
        for (name, agent) in [("seller", self.seller.clone()), ("buyer ", self.buyer.clone())] {
            let wallet = self.wallet(&agent).await?;
            let of = |member| wallet.text_of(member).unwrap_or("?").to_owned();
            println!(
                "  {name}: available {:>10}   in escrow {:>8}   at the TEG {:>10}",
                of("available"),
                of("in_escrow"),
                of("teg_balance")
            );
        }
        Ok(())
    }
}
