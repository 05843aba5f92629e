//! Readers of events who hear little: they cost a server memory and sockets, and must not be lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use marketplace_registry::AgentKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::CrowdPlan;
use crate::load::{Agent, Connection};

/// Streams of one agent, of the sixteen that it may have.
const OF_AN_AGENT: usize = 10;
/// A healthy stream has a sign of life each 15 s.
const SILENCE: Duration = Duration::from_secs(45);
/// Streams that are opened side by side.
const DOORS: usize = 32;
/// A stream ends with its token, which lives 15 minutes; before that it has no reason to.
const SHORTEST: Duration = Duration::from_secs(800);
/// What a reader has at hand; it keeps nothing.
const BUFFER: usize = 512;

/// Streams of one agent at most.
#[must_use]
pub const fn most_of_an_agent() -> usize {
    OF_AN_AGENT
}

/// What became of the streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamsReport {
    /// How many were wanted.
    pub wanted: usize,
    /// How many are open now.
    pub open: usize,
    /// How often one could not be opened, broke off or fell silent.
    pub failures: usize,
}

#[derive(Default)]
struct Counts {
    open: AtomicUsize,
    failures: AtomicUsize,
    closing: AtomicBool,
}

/// Open streams; closed when dropped.
pub struct Streams {
    counts: Arc<Counts>,
    readers: Vec<JoinHandle<()>>,
}

impl Streams {
    /// Opens so many, by agents who do nothing else, and returns when all are open or refused.
    ///
    /// # Errors
    /// When an agent cannot be enrolled.
    pub async fn open(plan: &CrowdPlan, count: usize) -> anyhow::Result<Self> {
        let (counts, next) = (Arc::new(Counts::default()), Arc::new(AtomicUsize::new(0)));
        let doors: Vec<_> = (0..DOORS)
            .map(|_| {
                let (plan, counts, next) = (plan.clone(), counts.clone(), next.clone());
                tokio::spawn(async move {
                    let mut readers = Vec::new();
                    loop {
                        let first = next.fetch_add(OF_AN_AGENT, Ordering::Relaxed);
                        if first >= count {
                            return anyhow::Ok(readers);
                        }
                        let own = OF_AN_AGENT.min(count - first);
                        readers.extend(of_one(&plan, first / OF_AN_AGENT, own, &counts).await?);
                    }
                })
            })
            .collect();
        let mut readers = Vec::with_capacity(count);
        for door in doors {
            readers.extend(door.await??);
        }
        Ok(Self { counts, readers })
    }

    /// How they are.
    #[must_use]
    pub fn report(&self) -> StreamsReport {
        StreamsReport {
            wanted: self.readers.len(),
            open: self.counts.open.load(Ordering::SeqCst),
            failures: self.counts.failures.load(Ordering::SeqCst),
        }
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.counts.closing.store(true, Ordering::SeqCst);
        for reader in &self.readers {
            reader.abort();
        }
    }
}

/// The streams of one agent.
async fn of_one(
    plan: &CrowdPlan,
    number: usize,
    count: usize,
    counts: &Arc<Counts>,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let server = plan.servers[number % plan.servers.len()];
    let audience = plan.audience.clone().unwrap_or_else(|| format!("http://{server}"));
    let (key, clock) = (AgentKey::generate()?, plan.clock.clone());
    let mut connection = Connection::open(server).await?;
    let agent = Agent::enroll_key(&mut connection, &key, &audience, clock()).await?;
    let mut readers = Vec::new();
    for _ in 0..count {
        let mut stream = Stream::open(server, &agent.token).await;
        let (counts, key, clock, audience) =
            (counts.clone(), key.clone(), clock.clone(), audience.clone());
        readers.push(tokio::spawn(async move {
            while let Ok(opened) = stream {
                counts.open.fetch_add(1, Ordering::SeqCst);
                let lived = opened.read().await;
                counts.open.fetch_sub(1, Ordering::SeqCst);
                if counts.closing.load(Ordering::SeqCst) {
                    return;
                }
                if lived < SHORTEST {
                    counts.failures.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                stream = async {
                    let mut connection = Connection::open(server).await?;
                    let agent =
                        Agent::enroll_key(&mut connection, &key, &audience, clock()).await?;
                    Stream::open(server, &agent.token).await
                }
                .await;
            }
            counts.failures.fetch_add(1, Ordering::SeqCst);
        }));
    }
    Ok(readers)
}

struct Stream {
    socket: TcpStream,
    opened: Instant,
}

impl Stream {
    /// Opens one and waits for its first words. Over HTTP/1.0, whose bodies have no frames.
    async fn open(server: SocketAddr, token: &str) -> anyhow::Result<Self> {
        let mut socket = TcpStream::connect(server).await?;
        let request = format!(
            "GET /api/v1/events HTTP/1.0\r\nhost: {server}\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await?;
        let mut buffer = [0; BUFFER];
        let length = tokio::time::timeout(SILENCE, socket.read(&mut buffer)).await??;
        let text = String::from_utf8_lossy(&buffer[..length]);
        anyhow::ensure!(text.split(' ').nth(1) == Some("200"), "a stream is refused: {text}");
        Ok(Self { socket, opened: Instant::now() })
    }

    /// Reads until it ends or is silent, and says how long it lived.
    async fn read(mut self) -> Duration {
        let mut buffer = [0; BUFFER];
        loop {
            let more = tokio::time::timeout(SILENCE, self.socket.read(&mut buffer)).await;
            if !matches!(more, Ok(Ok(length)) if length > 0) {
                return self.opened.elapsed();
            }
        }
    }
}
