//! How often callers may call: by their address, and by who they are.
//!
//! The answer tells in the fields `RateLimit` and `RateLimit-Policy`
//! (draft-ietf-httpapi-ratelimit-headers-11) how much is left.

use std::fmt::{self, Write as _};
use std::iter;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
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
    /// Where a proxy before us tells whose request it is: the last address in this header counts that
    /// is none of `proxies`, for that one a proxy of ours wrote itself.
    pub address_header: Option<HeaderName>,
    /// Who is such a proxy: the header of others is their own invention. Anybody, where none is named.
    pub proxies: Vec<Network>,
}

/// Addresses with the same beginning, as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: u128,
    mask: u128,
}

impl Network {
    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        number(address) & self.mask == self.first
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "is no network, like 10.0.0.0/8 or fd00::/8";
        let (address, bits) = text.split_once('/').ok_or(WRONG)?;
        let (address, bits): (IpAddr, u32) =
            (address.parse().map_err(|_| WRONG)?, bits.parse().map_err(|_| WRONG)?);
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        let open = width.checked_sub(bits).ok_or(WRONG)?;
        let mask = u128::MAX.checked_shl(open).unwrap_or(0);
        let first = number(address);
        if first & mask == first { Ok(Self { first, mask }) } else { Err(WRONG) }
    }
}

/// Addresses of version 4 are among those of version 6.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
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
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|peer| peer.0.ip());
        let believed = self.proxies.is_empty() || peer.is_some_and(|peer| self.is_proxy(peer));
        let name = self.address_header.as_ref().filter(|_| believed);
        // Who comes past the proxy, or through one that says nothing, counts by its own address.
        name.and_then(|name| self.told(request.headers(), name)).or(peer).map(network)
    }

    /// The last address that is no proxy's; the last of all, where proxies called each other.
    fn told(&self, headers: &HeaderMap, name: &HeaderName) -> Option<IpAddr> {
        let values = headers.get_all(name).iter().rev();
        let words = values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        let mut addresses = words.map_while(|word| word.trim().parse().ok());
        let last = addresses.next()?;
        let mut from_the_end = iter::once(last).chain(addresses);
        Some(from_the_end.find(|address| !self.is_proxy(*address)).unwrap_or(last))
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(address))
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
    fn networks() {
        let check = |network: &str, address: &str, expect: bool| {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), expect, "{network:?} {address}");
        };
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "::ffff:10.1.2.3", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("192.0.2.7/32", "192.0.2.8", false);
        check("fd00::/8", "fd12::1", true);
        check("::/0", "10.0.0.1", true);
        for wrong in ["10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "fd00::/129", "x/8", "10.0.0.0/-1"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    /// Whose request it is, that came from `peer` with these headers.
    fn counted(proxies: &[&str], peer: Option<&str>, values: &[&str]) -> Option<String> {
        let limits = Limits {
            address_header: Some("x-forwarded-for".parse().unwrap()),
            proxies: proxies.iter().map(|network| network.parse().unwrap()).collect(),
            ..Limits::default()
        };
        let mut request = Request::new(axum::body::Body::empty());
        for value in values {
            request.headers_mut().append("x-forwarded-for", value.parse().unwrap());
        }
        if let Some(peer) = peer {
            let peer = SocketAddr::new(peer.parse().unwrap(), 5);
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        limits.address_of(&request)
    }

    #[test]
    fn the_proxys_own_word_counts() {
        let of = |values: &[&str]| counted(&[], None, values);
        assert_eq!(of(&["10.9.9.9, 192.0.2.7"]).as_deref(), Some("192.0.2.7"));
        assert_eq!(of(&["10.9.9.9", "192.0.2.8"]).as_deref(), Some("192.0.2.8"));
        assert_eq!((of(&["nonsense"]), of(&[])), (None, None));
    }

    #[test]
    fn whoever_is_no_proxy_speaks_for_itself_only() {
        let check = |peer: &str, values: &[&str], expect: &str| {
            let found = counted(&["10.0.0.0/8"], Some(peer), values);
            assert_eq!(found.as_deref(), Some(expect), "{peer} {values:?}");
        };
        check("10.0.0.5", &["192.0.2.7"], "192.0.2.7");
        // It came past the proxy, and would be somebody else each time.
        check("203.0.113.9", &["192.0.2.7"], "203.0.113.9");
        check("203.0.113.9", &[], "203.0.113.9");
        // Two proxies of ours, one behind the other; what the caller wrote before them is its own.
        check("10.0.0.5", &["198.51.100.1, 192.0.2.7, 10.0.0.9"], "192.0.2.7");
        check("10.0.0.5", &["198.51.100.1", "192.0.2.7", "10.0.0.9"], "192.0.2.7");
        check("10.0.0.5", &["10.0.0.7, 10.0.0.9"], "10.0.0.9");
        check("10.0.0.5", &["192.0.2.7, nonsense"], "10.0.0.5");
        check("10.0.0.5", &[], "10.0.0.5");
    }
}
