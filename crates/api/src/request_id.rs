//! Names of requests, by which a caller's complaint finds its lines in the log.

use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Where the name travels.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST: usize = 128;

/// Makes names: random for the process, counted within it. A random name for each request would
/// cost a system call, and nobody guesses names here.
pub(crate) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        // The standard library seeds this from the system's randomness.
        let process = RandomState::new().build_hasher().finish();
        Self { process, next: AtomicU64::new(1) }
    }
}

impl RequestIds {
    /// The caller's name of its request, if it is fit for a log, else one of ours.
    pub(crate) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        let fit = |value: &&HeaderValue| {
            let bytes = value.as_bytes();
            !bytes.is_empty() && bytes.len() <= LONGEST && bytes.iter().all(u8::is_ascii_graphic)
        };
        match headers.get(REQUEST_ID).filter(fit) {
            Some(given) => given.clone(),
            None => self.fresh(),
        }
    }

    fn fresh(&self) -> HeaderValue {
        let mut name = String::with_capacity(32);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let _ = write!(name, "{:016x}-{number:x}", self.process);
        HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("unnamed"))
    }
}
