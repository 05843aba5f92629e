//! Events as they happen, without gaps.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::{Method, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::transport::{ClientError, Transport, read};

/// Before a stream that broke is opened again.
const PAUSE: Duration = Duration::from_millis(200);
/// The marketplace gives a sign of life more often.
const SILENCE: Duration = Duration::from_secs(45);

/// A fact.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    /// Its place in the feed, the same at every server.
    pub position: u64,
    /// Its name, unique for ever.
    pub id: String,
    /// What happened, such as `order.placed`.
    pub event: String,
    /// What it is about, such as `order`.
    pub subject_kind: String,
    /// Which one.
    pub subject_id: String,
    /// What is said of it.
    pub data: Value,
}

/// Events of an agent from a position on. Breaks are mended: keep asking.
pub struct Events {
    transport: Transport,
    path: String,
    position: Option<u64>,
    stream: Option<Response>,
    text: Vec<u8>,
    waiting: VecDeque<Event>,
}

impl Events {
    pub(crate) fn new(transport: Transport, path: String, after: Option<u64>) -> Self {
        let (text, waiting) = (Vec::new(), VecDeque::new());
        Self { transport, path, position: after, stream: None, text, waiting }
    }

    /// Up to where it has read: keep it, and begin after it another time.
    #[must_use]
    pub const fn position(&self) -> Option<u64> {
        self.position
    }

    /// The next event; waits for it.
    ///
    /// # Errors
    /// When the marketplace refuses the stream. A server that is not there is asked again.
    pub async fn next(&mut self) -> Result<Event, ClientError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.position = Some(event.position);
                return Ok(event);
            }
            let Some(stream) = &mut self.stream else {
                self.open().await?;
                continue;
            };
            match tokio::time::timeout(SILENCE, stream.chunk()).await {
                Ok(Ok(Some(bytes))) => {
                    self.text.extend_from_slice(&bytes);
                    self.take();
                }
                // Its end, a break, or silence: another server may go on.
                _ => self.stream = None,
            }
        }
    }

    /// Opens the stream, so that what happens from now on is heard.
    ///
    /// # Errors
    /// When the marketplace refuses it.
    pub async fn open(&mut self) -> Result<(), ClientError> {
        self.text.clear();
        let mut request = self.transport.request(Method::GET, &self.path)?;
        if let Some(position) = self.position {
            request = request.header("Last-Event-ID", position.to_string());
        }
        match request.send().await {
            Ok(response) if response.status().is_success() => self.stream = Some(response),
            Ok(response) if response.status().is_client_error() => {
                return read::<Value>(response).await.map(|_| ());
            }
            Ok(_) | Err(_) => tokio::time::sleep(PAUSE).await,
        }
        Ok(())
    }

    /// Takes whole events off the text. What cannot be read is none.
    fn take(&mut self) {
        while let Some(end) = self.text.windows(2).position(|pair| pair == b"\n\n") {
            let rest = self.text.split_off(end + 2);
            let whole = std::mem::replace(&mut self.text, rest);
            let whole = String::from_utf8_lossy(&whole);
            let data = whole.lines().filter_map(|line| line.strip_prefix("data:"));
            let data = data.map(str::trim_start).collect::<Vec<_>>().join("\n");
            // One that came before the break does not come again.
            let is_new = |event: &Event| self.position.is_none_or(|last| event.position > last);
            if let Some(event) = serde_json::from_str(&data).ok().filter(is_new) {
                self.waiting.push_back(event);
            }
        }
    }
}
