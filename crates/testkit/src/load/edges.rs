//! Trade while the TEG fails in every way and processes die: at the end the TEG and our books agree
//! to the last unit.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use marketplace_money::Timestamp;
use marketplace_registry::AgentKey;
use serde_json::Value;

use super::agents::Agent;
use super::http::{Connection, Reply};
use super::process::{ServerProcess, free_address};

/// The marketplace's DID in these runs.
const OWNER: &str = "did:agentvault:marketplace-v1";
const BUYERS: usize = 20;
const SELLERS: usize = 5;
const CLIENTS: usize = 16;
/// Our account at the registry, which runs beside the TEG.
const ACCOUNT: (&str, &str) = ("market", "edge-secret");
/// What a buyer who pays before pays: more than any price here, the rest stays in its balance.
const PREPAID: &str = "1.500000001";
/// For one step, over all its repetitions.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(20);

/// What is run, and over what.
#[derive(Clone, Debug)]
pub struct EdgesPlan {
    /// The binary of the marketplace.
    pub server: PathBuf,
    /// The TEG.
    pub teg: TegCommand,
    /// For the files of both.
    pub folder: PathBuf,
    /// Orders to be bought, completed and paid out.
    pub orders: usize,
    /// Kills, of server and TEG in turn.
    pub kills: usize,
    /// So many calls of the TEG in a hundred fail in each way.
    pub fault_percent: u8,
    /// Of the faults.
    pub seed: u64,
    /// Tokens go out by the registry's `send`, and some settle later.
    pub by_send: bool,
}

/// How a TEG is started.
#[derive(Clone, Debug)]
pub enum TegCommand {
    /// By its binary.
    Binary(PathBuf),
    /// By a test of this program, which finds its flags in [`TEG_FLAGS`]: where the binary is not at
    /// hand.
    Test(&'static str),
}

/// The variable with the flags of a TEG that a test is, with newlines between.
pub const TEG_FLAGS: &str = "TESTKIT_TEG_FLAGS";

impl TegCommand {
    fn with(&self, flags: &[String]) -> std::io::Result<Command> {
        Ok(match self {
            Self::Binary(path) => {
                let mut command = Command::new(path);
                command.args(flags);
                command
            }
            Self::Test(name) => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args([name, "--exact"]).env(TEG_FLAGS, flags.join("\n"));
                command
            }
        })
    }
}

/// Every way in which a call can fail, and a transfer that is taken now and done afterwards.
const SEND_FAULTS: &str = "delay=5,unavailable,rate-limit=0,timeout-after-commit,duplicate,\
                           odd-amounts,expired-token,settle-later";

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgesReport {
    /// Orders that were completed.
    pub orders: usize,
    /// Orders that were paid by a transfer made before; of the others, half are paid from a
    /// balance and half by a deposit of what they lack.
    pub prepaid: usize,
    /// Withdrawals that were asked for, one for each order.
    pub payouts: usize,
    /// Processes that were killed.
    pub kills: usize,
    /// What the TEG holds for the marketplace, which is what its books say.
    pub held: String,
}

/// The TEG as a process; killed when dropped.
struct TegProcess {
    child: Child,
}

impl TegProcess {
    async fn start(plan: &EdgesPlan, address: SocketAddr, percent: u8) -> anyhow::Result<Self> {
        let folder = plan.folder.join("edge").to_string_lossy().into_owned();
        let (id, secret) = ACCOUNT;
        let mut flags = vec![
            ("--listen", address.to_string()),
            ("--owner", OWNER.to_owned()),
            ("--auth", "did".to_owned()),
            ("--accounts", format!("{id}:{secret}={OWNER}")),
            ("--fault-percent", percent.to_string()),
            ("--fault-seed", plan.seed.to_string()),
            ("--data-dir", folder),
        ];
        if plan.by_send {
            flags.push(("--fault-kinds", SEND_FAULTS.to_owned()));
        }
        let flags: Vec<String> =
            flags.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let child = plan
            .teg
            .with(&flags)?
            .env("LOG_LEVEL", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if Connection::open(address).await.is_ok() {
                return Ok(Self { child });
            }
            tokio::time::sleep(PAUSE).await;
        }
        anyhow::bail!("the TEG does not listen")
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for TegProcess {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Where everything is at the moment.
struct House {
    plan: EdgesPlan,
    teg: SocketAddr,
    server: Mutex<SocketAddr>,
    taken: AtomicUsize,
    done: AtomicUsize,
    prepaid: AtomicUsize,
    payouts: AtomicUsize,
}

impl House {
    fn server(&self) -> SocketAddr {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn start_server(&self, operator: &str) -> anyhow::Result<ServerProcess> {
        let teg = format!("http://{}", self.teg);
        let folder = self.plan.folder.join("market");
        std::fs::create_dir_all(&folder)?;
        let environment = [
            ("AGENT_DID", OWNER),
            ("OPERATOR_DIDS", operator),
            ("TEG_LAYER_URL", &teg),
            ("TEG_RAIL", if self.plan.by_send { "send" } else { "transfer" }),
            ("REGISTRY_URL", &teg),
            ("REGISTRY_CLIENT_ID", ACCOUNT.0),
            ("REGISTRY_CLIENT_SECRET", ACCOUNT.1),
            ("EXPOSURE_BASE", "off"),
            ("TEG_REQUESTS_PER_HOUR", "0"),
            ("TEG_TRANSFERS_PER_HOUR", "0"),
            ("LOG_LEVEL", "error"),
        ];
        // A server that opens its books wants a TEG that answers; an operator starts it again.
        let deadline = Instant::now() + PATIENCE;
        loop {
            match ServerProcess::start(&self.plan.server, &folder, &environment).await {
                Ok(server) => {
                    let mut known = self.server.lock().unwrap_or_else(PoisonError::into_inner);
                    *known = server.address;
                    return Ok(server);
                }
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Sends the same request under the same key until it is answered.
    async fn insist(&self, call: &Step<'_>) -> anyhow::Result<Reply> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = String::new();
        while Instant::now() < deadline {
            let address = match call.peer {
                Peer::Market => self.server(),
                Peer::Teg => self.teg,
            };
            match call.once(address).await {
                Ok(reply) if (call.good)(&reply) => return Ok(reply),
                Ok(reply) => last = format!("HTTP {}: {}", reply.status, reply.body),
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(PAUSE).await;
        }
        anyhow::bail!("{} {} never succeeded: {last}", call.path, call.body)
    }
}

/// Whom an agent asks.
#[derive(Clone, Copy)]
enum Peer {
    Market,
    Teg,
}

/// One request of an agent.
struct Step<'a> {
    peer: Peer,
    token: &'a str,
    path: &'a str,
    body: String,
    key: String,
    good: fn(&Reply) -> bool,
}

impl Step<'_> {
    async fn once(&self, address: SocketAddr) -> anyhow::Result<Reply> {
        let mut connection = Connection::open(address).await?;
        let (token, key) = (Some(self.token), Some(self.key.as_str()));
        Ok(connection.send_keyed("POST", self.path, token, key, &self.body).await?)
    }
}

/// Runs the plan.
///
/// # Errors
/// When a step never succeeds, or TEG and books do not agree at the end.
pub async fn trade_over_failing_edges(plan: EdgesPlan) -> anyhow::Result<EdgesReport> {
    let operator = AgentKey::generate()?;
    let operator_did = operator.did().to_string();
    let teg_address = free_address()?;
    let mut teg = TegProcess::start(&plan, teg_address, plan.fault_percent).await?;
    let house = Arc::new(House {
        plan,
        teg: teg_address,
        server: Mutex::new(teg_address),
        taken: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
        prepaid: AtomicUsize::new(0),
        payouts: AtomicUsize::new(0),
    });
    let mut server = house.start_server(&operator_did).await?;
    let population = Arc::new(enroll(&house).await?);
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| tokio::spawn(trade(house.clone(), population.clone()))).collect();
    for kill in 0..house.plan.kills {
        let after = (kill + 1) * house.plan.orders / (house.plan.kills + 1);
        while house.done.load(Ordering::Relaxed) < after {
            anyhow::ensure!(!clients.iter().all(|c| c.is_finished()), "all clients gave up");
            tokio::time::sleep(PAUSE).await;
        }
        if kill % 2 == 0 {
            server.kill()?;
            server = house.start_server(&operator_did).await?;
        } else {
            teg.kill()?;
            teg = TegProcess::start(&house.plan, teg_address, house.plan.fault_percent).await?;
        }
    }
    for client in clients {
        client.await??;
    }
    // Peace: no more faults, and time for what is under way.
    teg.kill()?;
    let mut teg = TegProcess::start(&house.plan, teg_address, 0).await?;
    let held = settled(&house, &operator).await?;
    server.kill()?;
    teg.kill()?;
    check_teg(&house.plan.folder.join("edge").join("teg.db"), &held).await?;
    Ok(EdgesReport {
        orders: house.done.load(Ordering::Relaxed),
        prepaid: house.prepaid.load(Ordering::Relaxed),
        payouts: house.payouts.load(Ordering::Relaxed),
        kills: house.plan.kills,
        held,
    })
}

struct People {
    buyers: Vec<Agent>,
    sellers: Vec<(Agent, String)>,
}

fn is_200(reply: &Reply) -> bool {
    reply.status == 200
}

/// A faucet whose answer was lost says that it was used.
fn is_funded(reply: &Reply) -> bool {
    reply.status == 200 || reply.body.contains("faucet_used")
}

fn has_order(reply: &Reply) -> bool {
    reply.text_of("order_id").is_some()
}

fn has_listing(reply: &Reply) -> bool {
    reply.text_of("listing_id").is_some()
}

fn is_completed(reply: &Reply) -> bool {
    reply.text_of("order_status") == Some("COMPLETED")
}

async fn enroll(house: &House) -> anyhow::Result<People> {
    let mut people = People { buyers: Vec::new(), sellers: Vec::new() };
    for number in 0..BUYERS + SELLERS {
        let mut connection = Connection::open(house.server()).await?;
        let audience = format!("http://{}", house.server());
        let agent = Agent::enroll(&mut connection, &audience).await?;
        let step = |path, body: &str, key: &str, good| Step {
            peer: Peer::Market,
            token: &agent.token,
            path,
            body: body.to_owned(),
            key: format!("{key}-{number}"),
            good,
        };
        house.insist(&step("/api/v1/wallet/faucet", "{}", "faucet", is_funded)).await?;
        if number >= BUYERS {
            let body = format!(
                r#"{{"type":"list_service","from":"{}","service":{{"type":"computation","name":"Edge {number}","description":"A service","price":"1.000000001"}}}}"#,
                agent.did
            );
            let listed = house.insist(&step("/a2a/message", &body, "list", has_listing)).await?;
            let listing = listed.text_of("listing_id").unwrap_or_default().to_owned();
            people.sellers.push((agent, listing));
        } else {
            if Funds::of(number) == Funds::Balance {
                let deposit = step("/api/v1/wallet/deposit", r#"{"amount":"120"}"#, "in", is_200);
                house.insist(&deposit).await?;
            }
            people.buyers.push(agent);
        }
    }
    Ok(people)
}

/// Where a buyer's tokens come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Funds {
    /// A deposit for many orders.
    Balance,
    /// A deposit for each order, as it comes.
    Pull,
    /// A transfer of its own for each order.
    Prepaid,
}

impl Funds {
    const fn of(buyer: usize) -> Self {
        match buyer % 3 {
            0 => Self::Balance,
            1 => Self::Pull,
            _ => Self::Prepaid,
        }
    }
}

/// Buys, completes and takes out until all orders are done.
async fn trade(house: Arc<House>, people: Arc<People>) -> anyhow::Result<()> {
    loop {
        let number = house.taken.fetch_add(1, Ordering::Relaxed);
        if number >= house.plan.orders {
            return Ok(());
        }
        let buyer = &people.buyers[number % BUYERS];
        let (seller, listing) = &people.sellers[number % SELLERS];
        let order = match Funds::of(number % BUYERS) {
            Funds::Prepaid => buy_prepaid(&house, buyer, listing, number).await?,
            Funds::Balance | Funds::Pull => buy(&house, buyer, listing, number).await?,
        };
        let step = |path, body, key: &str, good| Step {
            peer: Peer::Market,
            token: &seller.token,
            path,
            body,
            key: format!("{key}-{number}"),
            good,
        };
        let complete =
            format!(r#"{{"type":"order_complete","from":"{}","order_id":"{order}"}}"#, seller.did);
        house.insist(&step("/a2a/message", complete, "done", is_completed)).await?;
        let out = r#"{"amount":"0.900000001"}"#.to_owned();
        house.insist(&step("/api/v1/wallet/withdraw", out, "out", is_taken)).await?;
        house.payouts.fetch_add(1, Ordering::Relaxed);
        house.done.fetch_add(1, Ordering::Relaxed);
    }
}

fn is_taken(reply: &Reply) -> bool {
    (200..300).contains(&reply.status)
}

/// From the balance, or from the TEG as far as that lacks tokens.
async fn buy(house: &House, buyer: &Agent, listing: &str, number: usize) -> anyhow::Result<String> {
    let body = format!(
        r#"{{"type":"purchase_request","from":"{}","listing_id":"{listing}","acceptance_policy":"auto_on_delivery"}}"#,
        buyer.did
    );
    let (path, key, token) = ("/a2a/message", format!("buy-{number}"), buyer.token.as_str());
    let step = Step { peer: Peer::Market, token, path, body, key, good: has_order };
    let bought = house.insist(&step).await?;
    Ok(bought.text_of("order_id").unwrap_or_default().to_owned())
}

/// As clients of the stack do: the buyer pays us at the TEG, and names the transfer.
async fn buy_prepaid(
    house: &House,
    buyer: &Agent,
    listing: &str,
    number: usize,
) -> anyhow::Result<String> {
    let pay = Step {
        peer: Peer::Teg,
        token: &buyer.did,
        path: "/api/v1/token/transfer",
        body: format!(
            r#"{{"receiver_agent_id":"{OWNER}","amount":"{PREPAID}","message":"listing {listing}"}}"#
        ),
        key: format!("pay-{number}"),
        good: |reply| reply.text_of("transaction_id").is_some(),
    };
    let paid = house.insist(&pay).await?;
    let transaction = paid.text_of("transaction_id").unwrap_or_default();
    let buy = Step {
        peer: Peer::Market,
        token: &buyer.token,
        path: "/api/v1/marketplace/purchase",
        body: format!(
            r#"{{"listing_id":"{listing}","buyer_did":"{}","prepaid_escrow":true,"escrow_tx_id":"{transaction}","acceptance_policy":"auto_on_delivery"}}"#,
            buyer.did
        ),
        key: format!("buy-{number}"),
        good: is_200,
    };
    let bought: Value = serde_json::from_str(&house.insist(&buy).await?.body)?;
    house.prepaid.fetch_add(1, Ordering::Relaxed);
    let order = bought["order"]["id"].as_str();
    Ok(order.ok_or_else(|| anyhow::anyhow!("no order in {bought}"))?.to_owned())
}

/// Waits until nothing is under way, then says what is held.
async fn settled(house: &House, operator: &AgentKey) -> anyhow::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = String::new();
    while Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut connection = Connection::open(house.server()).await?;
        let now = std::time::UNIX_EPOCH.elapsed()?;
        let now = Timestamp::from_micros(i64::try_from(now.as_micros())?);
        let audience = format!("http://{}", house.server());
        let agent = Agent::enroll_key(&mut connection, operator, &audience, now).await?;
        let audit = connection.send("GET", "/api/v1/admin/audit", Some(&agent.token), "").await?;
        if audit.status != 200 {
            // Too busy to answer in time, on a busy machine.
            last = audit.body;
            continue;
        }
        let json: Value = serde_json::from_str(&audit.body)?;
        let breaches = json["breaches"].as_array().map_or(1, Vec::len);
        anyhow::ensure!(breaches == 0, "the books: {}", audit.body);
        let reserves = &json["reserves"];
        let equal = reserves["held"].is_string() && reserves["held"] == reserves["booked"];
        if json["open_effects"] == 0 && equal {
            return Ok(reserves["held"].as_str().unwrap_or_default().to_owned());
        }
        last = audit.body;
    }
    anyhow::bail!("TEG and books do not agree: {last}")
}

/// The TEG's own books: in balance, and no withdrawal paid twice.
async fn check_teg(path: &Path, held: &str) -> anyhow::Result<()> {
    let owner: marketplace_money::Did = OWNER.parse()?;
    let settings = marketplace_teg::EmbeddedTegSettings {
        owner: owner.clone(),
        genesis: marketplace_money::Amount::ZERO,
        transfer_fee: marketplace_money::Amount::ZERO,
        faucet_open: false,
        clock: Arc::new(|| Timestamp::from_micros(0)),
    };
    let teg = marketplace_teg::EmbeddedTeg::open(path, settings)?;
    let audit = teg.audit().await?;
    anyhow::ensure!(audit.is_clean(), "the TEG's books: {audit:?}");
    let available = audit.balance(&marketplace_teg::Account::Available(owner.clone()));
    let staked = audit.balance(&marketplace_teg::Account::Staked(owner.clone()));
    let whole = available.checked_add(staked).map(|whole| whole.to_string());
    anyhow::ensure!(whole.as_deref() == Some(held), "{whole:?} at the TEG, not {held}");
    let mut seen = std::collections::HashSet::new();
    let (mut offset, page) = (0, 1_000);
    loop {
        let (lines, _) = teg.statement(&owner, offset, page).await?;
        for line in lines.iter().filter(|line| line.transfer.sender == owner) {
            let memo = &line.transfer.memo;
            anyhow::ensure!(seen.insert(memo.clone()), "paid twice: {memo}");
        }
        if lines.len() < page as usize {
            return Ok(());
        }
        offset += page;
    }
}
