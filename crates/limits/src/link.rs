//! The way to a Redis, a single node or a cluster: made again whenever it breaks.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, Script};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A caller waits so long for an answer: then it is as if there were no Redis.
const ANSWER: Duration = Duration::from_millis(50);
const CONNECT: Duration = Duration::from_secs(2);
/// Between tries to reach it again.
const PAUSE: Duration = Duration::from_secs(1);

/// An address of which no Redis can be made.
#[derive(Debug, thiserror::Error)]
#[error(
    "must be redis://HOST:PORT, rediss:// or redis+unix://; several of a cluster with commas between"
)]
pub struct LinkError;

/// Whether an address makes sense; asks nobody.
///
/// # Errors
/// When it does not.
pub fn check_url(url: &str) -> Result<(), LinkError> {
    let fits = |node: &str| Client::open(node.trim()).is_ok();
    if url.split(',').all(fits) { Ok(()) } else { Err(LinkError) }
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// Shared by all callers; there is a connection, or there is not.
pub(crate) struct Link {
    connection: Arc<RwLock<Option<Connection>>>,
    broken: Arc<Notify>,
    keeper: JoinHandle<()>,
}

impl Link {
    /// Goes on trying in the background: a Redis that is down stops nobody.
    pub(crate) fn open(url: &str) -> Result<Self, LinkError> {
        check_url(url)?;
        let nodes: Vec<String> = url.split(',').map(|node| node.trim().to_owned()).collect();
        let (connection, broken) = (Arc::new(RwLock::new(None)), Arc::new(Notify::new()));
        let keeper = tokio::spawn(keep(nodes, connection.clone(), broken.clone()));
        Ok(Self { connection, broken, keeper })
    }

    fn now(&self) -> Option<Connection> {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.now().is_some()
    }

    /// Runs a script on one key; nothing, when the Redis does not answer in time. Then nobody asks
    /// again before it was reached anew.
    pub(crate) async fn run(&self, script: &Script, key: &str, args: [i64; 2]) -> Option<[i64; 2]> {
        let connection = self.now()?;
        let asked = tokio::time::timeout(ANSWER, call(connection, script, key, args)).await;
        match asked {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => tracing::warn!(%error, "Redis fails: limits are counted here"),
            Err(_) => tracing::warn!("Redis does not answer: limits are counted here"),
        }
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.broken.notify_one();
        None
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

async fn call(
    connection: Connection,
    script: &Script,
    key: &str,
    args: [i64; 2],
) -> Result<[i64; 2], RedisError> {
    let mut call = script.key(key);
    call.arg(args[0]).arg(args[1]);
    let (first, second) = match connection {
        Connection::Single(mut connection) => call.invoke_async(&mut connection).await?,
        Connection::Cluster(mut connection) => call.invoke_async(&mut connection).await?,
    };
    Ok([first, second])
}

async fn keep(nodes: Vec<String>, held: Arc<RwLock<Option<Connection>>>, broken: Arc<Notify>) {
    let mut told = false;
    loop {
        let connected = tokio::time::timeout(CONNECT, connect(&nodes)).await;
        let problem = match connected {
            Ok(Ok(connection)) => {
                let kind = match &connection {
                    Connection::Single(_) => "node",
                    Connection::Cluster(_) => "cluster",
                };
                tracing::info!(kind, "Redis is reached: limits are shared");
                *held.write().unwrap_or_else(PoisonError::into_inner) = Some(connection);
                told = false;
                broken.notified().await;
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(late) => late.to_string(),
        };
        if !told {
            tracing::warn!(problem, "Redis cannot be reached: limits are counted here");
            told = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A node says by itself whether it is one of a cluster.
async fn connect(nodes: &[String]) -> Result<Connection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(CONNECT));
    if let [node] = nodes {
        let client = Client::open(node.as_str())?;
        let mut single = client.get_multiplexed_async_connection_with_config(&config).await?;
        let about: String = redis::cmd("INFO").arg("cluster").query_async(&mut single).await?;
        if !about.contains("cluster_enabled:1") {
            return Ok(Connection::Single(single));
        }
    }
    let client = ClusterClient::builder(nodes.to_vec())
        .connection_timeout(CONNECT)
        .response_timeout(CONNECT)
        .retries(1)
        .build()?;
    Ok(Connection::Cluster(client.get_async_connection().await?))
}

#[cfg(test)]
mod tests {
    use super::check_url;

    #[test]
    fn addresses() {
        let check = |url: &str, expect: bool| assert_eq!(check_url(url).is_ok(), expect, "{url}");
        check("redis://cache:6379", true);
        check("redis://:secret@cache:6379/1", true);
        check("rediss://cache:6379", true);
        check("redis+unix:///run/redis.sock", true);
        check("redis://a:6379, redis://b:6379", true);
        check("http://cache:6379", false);
        check("redis://a:6379,nonsense", false);
        check("", false);
    }
}
