//! The same questions, asked the marketplace over HTTP and PostgreSQL in SQL.

use std::net::SocketAddr;
use std::time::Instant;

use marketplace_testkit::load::{Caller, Connection, Reply};
use marketplace_testkit::scale::{Catalogue, Question};
use tokio_postgres::{Client, NoTls, Statement};

/// Results of a page.
const PAGE: i64 = 20;

/// Counts what it found, so that nobody is fast by finding nothing.
pub(crate) trait Asker {
    /// Listings that all answers together named, pages counted as they are.
    fn found(&self) -> u64;
}

/// Over the wire.
pub(crate) struct Web {
    connection: Connection,
    market: Catalogue,
    any_words: bool,
    found: u64,
}

impl Web {
    pub(crate) async fn open(
        address: SocketAddr,
        market: Catalogue,
        count: u64,
        any_words: bool,
    ) -> anyhow::Result<Vec<Self>> {
        let mut all = Vec::new();
        for _ in 0..count {
            let connection = Connection::open(address).await?;
            all.push(Self { connection, market, any_words, found: 0 });
        }
        Ok(all)
    }

    async fn ask(&mut self, number: u64) -> anyhow::Result<Reply> {
        let Question { words: [first, second], min_price, max_price, service_type, min_reputation } =
            self.market.question(number, self.any_words)?;
        let path = format!(
            "/api/v1/services/search?query={first}+{second}&min_price={min_price}\
             &max_price={max_price}&service_type={service_type}\
             &min_reputation={min_reputation}&limit={PAGE}"
        );
        Ok(self.connection.send("GET", &path, None, "").await?)
    }
}

impl Asker for Web {
    fn found(&self) -> u64 {
        self.found
    }
}

impl Caller for Web {
    async fn call(&mut self, number: u64, _: Instant) -> bool {
        match self.ask(number).await {
            Ok(reply) if reply.status == 200 => {
                self.found += reply.body.matches("\"created_at\"").count() as u64;
                true
            }
            Ok(reply) => {
                eprintln!("HTTP {}: {}", reply.status, reply.body);
                false
            }
            Err(error) => {
                eprintln!("{error}");
                false
            }
        }
    }
}

/// In SQL.
pub(crate) struct Sql {
    client: Client,
    search: Statement,
    market: Catalogue,
    found: u64,
}

/// Ranked like ours: words seven tenths, reputation three. The rank is of the form that saturates.
const SEARCH: &str = "
SELECT id, name, description, service_type, price, reputation,
       0.7 * ts_rank(words, query, 32) + 0.3 * (reputation + 100000) / 200000.0 AS score
FROM offers, to_tsquery('simple', $1) AS query
WHERE words @@ query AND price BETWEEN $2 AND $3 AND service_type = $4 AND reputation >= $5
ORDER BY score DESC, id LIMIT $6";

impl Sql {
    pub(crate) async fn open(
        url: &str,
        market: Catalogue,
        count: u64,
    ) -> anyhow::Result<Vec<Self>> {
        let mut all = Vec::new();
        for _ in 0..count {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(connection);
            // A plan for all questions alike would not know how rare the words are.
            client.batch_execute("SET plan_cache_mode = force_custom_plan").await?;
            let search = client.prepare(SEARCH).await?;
            all.push(Self { client, search, market, found: 0 });
        }
        Ok(all)
    }

    async fn ask(&self, number: u64) -> anyhow::Result<u64> {
        let question = self.market.question(number, false)?;
        let words = question.words.join(" & ");
        let (low, high) = (question.min_price.nano(), question.max_price.nano());
        let floor = i32::try_from(question.min_reputation * 1_000)?;
        let kind = question.service_type;
        let rows =
            self.client.query(&self.search, &[&words, &low, &high, &kind, &floor, &PAGE]).await?;
        Ok(rows.len() as u64)
    }
}

impl Asker for Sql {
    fn found(&self) -> u64 {
        self.found
    }
}

impl Caller for Sql {
    async fn call(&mut self, number: u64, _: Instant) -> bool {
        match self.ask(number).await {
            Ok(found) => {
                self.found += found;
                true
            }
            Err(error) => {
                eprintln!("{error}");
                false
            }
        }
    }
}
