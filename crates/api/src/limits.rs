//! How often callers may call: by their address, and by who they are.
//!
//! The answer tells in the fields `RateLimit` and `RateLimit-Policy`
//! (draft-ietf-httpapi-ratelimit-headers-11) how much is left.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use marketplace_money::Did;
use marketplace_ports::{Limiter, Quota, Taken};
use marketplace_wire::{Problem, codes};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Who watches over us must always be answered.
const UNLIMITED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// What the operator allows.
#[derive(Clone, Default)]
pub struct Limits {
    /// Who counts; nothing where nobody is limited.
    pub limiter: Option<Arc<dyn Limiter>>,
    /// Requests of one agent, over all its connections.
    pub agent: Option<Quota>,
    /// Requests from one address, over all agents there.
    pub address: Option<Quota>,
    /// Where a proxy before us tells whose request it is: the last address in this header counts,
    /// for that one the proxy wrote itself.
    pub address_header: Option<HeaderName>,
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits")
            .field("agent", &self.agent)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

tokio::task_local! {
    /// What was counted for the request that is answered.
    static METER: Meter;
}

/// Which bucket, as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Address,
    Agent,
}

impl By {
    pub(crate) const ALL: [Self; 2] = [Self::Address, Self::Agent];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Agent => "agent",
        }
    }
}

/// What a request took from which bucket.
#[derive(Clone, Default)]
pub(crate) struct Meter(Arc<Mutex<Vec<(By, Quota, Taken)>>>);

impl Meter {
    /// The meter while `work` runs.
    pub(crate) async fn scope<F: Future>(&self, work: F) -> F::Output {
        METER.scope(self.clone(), work).await
    }

    /// Notes it, and whether it is the first of its kind: a request counts once.
    fn note(&self, by: By, quota: Quota, taken: Taken) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.push((by, quota, taken));
    }

    fn has(&self, by: By) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|(noted, ..)| *noted == by)
    }

    /// Which bucket was empty.
    pub(crate) fn refused(&self) -> Option<By> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.iter().find(|(.., taken)| !taken.allowed).map(|(by, ..)| *by)
    }

    /// Tells the caller.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.is_empty() {
            return;
        }
        let (mut policy, mut limit) = (String::new(), String::new());
        for (by, quota, taken) in noted.iter() {
            let (comma, name) = (if policy.is_empty() { "" } else { ", " }, by.name());
            let (most, window) = (quota.requests, quota.window.0);
            // Writing to a string cannot fail.
            let _ = write!(policy, "{comma}\"{name}\";q={most};w={window}");
            let _ = write!(limit, "{comma}\"{name}\";r={};t={}", taken.left, up(taken.full_in));
        }
        for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, limit)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}

/// Whole seconds, never too few.
fn up(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

impl Limits {
    /// Whose request counts by its address: nobody's, where that is not limited.
    pub(crate) fn address(&self, request: &Request, route: Option<&str>) -> Option<String> {
        let counts = self.address.is_some() && !route.is_some_and(|at| UNLIMITED.contains(&at));
        if counts { self.address_of(request) } else { None }
    }

    /// Counts a request from an address, before anything is done for it.
    pub(crate) async fn admit(
        &self,
        address: Option<String>,
        meter: &Meter,
    ) -> Result<(), Problem> {
        let (Some(limiter), Some(quota)) = (&self.limiter, self.address) else { return Ok(()) };
        let Some(address) = address else { return Ok(()) };
        let taken = limiter.take(&format!("address:{address}"), quota).await;
        meter.note(By::Address, quota, taken);
        refused(taken).map_or(Ok(()), Err)
    }

    /// Counts a request of an agent that has proven who it is, once.
    pub(crate) async fn admit_agent(&self, agent: &Did) -> Result<(), Problem> {
        let (Some(limiter), Some(quota)) = (&self.limiter, self.agent) else { return Ok(()) };
        // What is called outside of a request is not a caller's.
        let Ok(meter) = METER.try_with(Meter::clone) else { return Ok(()) };
        if meter.has(By::Agent) {
            return Ok(());
        }
        let taken = limiter.take(&format!("agent:{agent}"), quota).await;
        meter.note(By::Agent, quota, taken);
        refused(taken).map_or(Ok(()), Err)
    }

    fn address_of(&self, request: &Request) -> Option<String> {
        if let Some(name) = &self.address_header {
            let told = request.headers().get_all(name).iter().next_back()?.to_str().ok()?;
            let last = told.rsplit(',').next()?.trim();
            return last.parse().ok().map(network);
        }
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
        Some(network(peer.0.ip()))
    }
}

/// Whoever has an address of version 6 has a whole network of them.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// What is said to who asks too often.
fn refused(taken: Taken) -> Option<Problem> {
    if taken.allowed {
        return None;
    }
    let seconds = u32::try_from(up(taken.next_in).max(1)).unwrap_or(u32::MAX);
    let detail = "Ask less often: the fields RateLimit and RateLimit-Policy of each answer say how \
                  much is left";
    Some(Problem::new(&codes::RATE_LIMITED, detail).retry_after(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks() {
        let check = |text: &str, expect: &str| assert_eq!(network(text.parse().unwrap()), expect);
        check("192.0.2.7", "192.0.2.7");
        check("::ffff:192.0.2.7", "192.0.2.7");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
    }

    #[test]
    fn the_proxys_own_word_counts() {
        let limits = Limits {
            address_header: Some("x-forwarded-for".parse().unwrap()),
            ..Limits::default()
        };
        let of = |values: &[&str]| {
            let mut request = Request::new(axum::body::Body::empty());
            for value in values {
                request.headers_mut().append("x-forwarded-for", value.parse().unwrap());
            }
            limits.address_of(&request)
        };
        assert_eq!(of(&["10.9.9.9, 192.0.2.7"]).as_deref(), Some("192.0.2.7"));
        assert_eq!(of(&["10.9.9.9", "192.0.2.8"]).as_deref(), Some("192.0.2.8"));
        assert_eq!((of(&["nonsense"]), of(&[])), (None, None));
    }
}
