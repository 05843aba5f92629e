//! Readers of the feed, who go from server to server: they must see everything once, in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::clients::Market;
use crate::sim::Rng;

/// A reader changes the server after so many events at the latest, to make sure that it does.
const AT_ONE_SERVER: u64 = 300;
/// A healthy stream has a sign of life each 15 s.
const SILENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);
/// For what was still missing when everything was over.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who reads.
pub(super) struct Follower {
    task: JoinHandle<Read>,
    /// The last position that there will be, when that is known.
    last: watch::Sender<Option<u64>>,
}

#[derive(Default)]
struct Read {
    positions: Vec<u64>,
    connections: usize,
}

/// What all readers together did.
pub(super) struct Followed {
    pub(super) reconnections: usize,
}

impl Follower {
    /// An operator, who sees everything, and each seller.
    pub(super) fn spawn_all(market: &Arc<Market>) -> Vec<Self> {
        let sellers = market.sellers.iter().map(|(seller, _)| seller);
        let readers = std::iter::once(&market.operator).chain(sellers);
        let tokens = readers.map(|agent| agent.token.clone()).enumerate();
        tokens.map(|(number, token)| Self::spawn(market, token, number as u64)).collect()
    }

    fn spawn(market: &Arc<Market>, token: String, seed: u64) -> Self {
        let (last, known) = watch::channel(None);
        let addresses = market.addresses.clone();
        let task = tokio::spawn(read(addresses, token, known, Rng::new(seed)));
        Self { task, last }
    }
}

impl Followed {
    /// Waits for the last event of each reader, and compares what it saw with what there is.
    pub(super) async fn of(followers: Vec<Follower>, feeds: &[Vec<u64>]) -> anyhow::Result<Self> {
        let mut reconnections = 0;
        anyhow::ensure!(followers.len() == feeds.len(), "a feed for each reader");
        for (number, (follower, feed)) in followers.into_iter().zip(feeds).enumerate() {
            follower.last.send_replace(Some(feed.last().copied().unwrap_or(0)));
            let read = tokio::time::timeout(PATIENCE, follower.task).await??;
            let differs = read.positions.iter().zip(feed).position(|(seen, there)| seen != there);
            anyhow::ensure!(
                read.positions == *feed,
                "reader {number} saw {} events of {}, the first difference is at {differs:?}",
                read.positions.len(),
                feed.len()
            );
            reconnections += read.connections.saturating_sub(1);
        }
        Ok(Self { reconnections })
    }
}

async fn read(
    addresses: Vec<SocketAddr>,
    token: String,
    mut last: watch::Receiver<Option<u64>>,
    mut rng: Rng,
) -> Read {
    let mut read = Read::default();
    loop {
        let at = read.positions.last().copied().unwrap_or(0);
        if last.borrow().is_some_and(|last| at >= last) {
            return read;
        }
        let address = addresses[rng.index(addresses.len())];
        let most = rng.below(AT_ONE_SERVER) + 1;
        tokio::select! {
            () = stream(address, &token, most, &mut read) => {}
            // Who has seen everything need not wait for more.
            changed = last.changed() => if changed.is_err() { return read },
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Reads at one server until it breaks off. Over HTTP/1.0, whose bodies have no frames.
async fn stream(address: SocketAddr, token: &str, most: u64, read: &mut Read) {
    let at = read.positions.last().copied().unwrap_or(0);
    let Ok(mut stream) = TcpStream::connect(address).await else { return };
    let request = format!(
        "GET /api/v1/events HTTP/1.0\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         last-event-id: {at}\r\n\r\n"
    );
    if stream.write_all(request.as_bytes()).await.is_err() {
        return;
    }
    let (mut text, mut id, mut count) = (Vec::new(), None, 0);
    loop {
        let more = tokio::time::timeout(SILENCE, stream.read_buf(&mut text)).await;
        if !matches!(more, Ok(Ok(length)) if length > 0) {
            return;
        }
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            if let Some(number) = line.strip_prefix("id:") {
                id = number.trim().parse().ok();
                read.connections += usize::from(count == 0);
            }
            // Only a whole event counts: the empty line is its end.
            if line.is_empty()
                && let Some(position) = id.take()
            {
                read.positions.push(position);
                count += 1;
            }
        }
        if count >= most {
            return;
        }
    }
}
