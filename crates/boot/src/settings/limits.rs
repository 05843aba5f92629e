//! How often callers may call, and where is told how often they did.

use std::net::SocketAddr;

use marketplace_api::{Limits, Network};
use marketplace_money::Seconds;
use marketplace_ports::Quota;

use super::problem::Problems;
use super::{Settings, given};

/// A hundred a second: no agent with a purpose comes near, one that spins does.
const AGENT_REQUESTS: u32 = 6_000;
/// Many agents live at one address.
const ADDRESS_REQUESTS: u32 = 120_000;

impl Settings {
    pub(super) fn limits(&self, problems: &mut Problems) -> Limits {
        let local = self.listen.ip().is_loopback();
        let quota = |asked: Option<u32>, otherwise| {
            let requests = asked.unwrap_or(if local { 0 } else { otherwise });
            (requests > 0).then_some(Quota { requests, window: Seconds(60) })
        };
        let name = given(self.client_address_header.as_ref());
        let address_header = name.and_then(|name| {
            let header = name.parse().ok();
            if header.is_none() {
                problems.add("CLIENT_ADDRESS_HEADER", "must be the name of a header");
            }
            header
        });
        if name.is_none() && given(self.client_address_proxies.as_ref()).is_some() {
            problems.add("CLIENT_ADDRESS_PROXIES", "goes with CLIENT_ADDRESS_HEADER: set both");
        }
        Limits {
            limiter: None,
            proxies: self.proxies(problems),
            agent: quota(self.agent_requests_per_minute, AGENT_REQUESTS),
            address: quota(self.address_requests_per_minute, ADDRESS_REQUESTS),
            address_header,
        }
    }

    fn proxies(&self, problems: &mut Problems) -> Vec<Network> {
        let names = given(self.client_address_proxies.as_ref()).unwrap_or_default();
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let mut networks = Vec::new();
        for name in names {
            match name.parse() {
                Ok(network) => networks.push(network),
                Err(error) => problems.add("CLIENT_ADDRESS_PROXIES", format!("\"{name}\" {error}")),
            }
        }
        networks
    }

    /// Beside LISTEN_ADDR.
    pub(super) fn metrics_listen(&self, problems: &mut Problems) -> Option<SocketAddr> {
        let address = given(self.metrics_listen.as_ref())?.parse().ok();
        if address.is_none() {
            problems.add("METRICS_LISTEN_ADDR", "must be like 0.0.0.0:8002");
        }
        address
    }

    pub(super) fn redis(&self, problems: &mut Problems) -> Option<String> {
        let url = given(self.redis_url.as_ref())?;
        if let Err(error) = marketplace_limits::check_url(url) {
            problems.add("REDIS_URL", error.to_string());
        }
        Some(url.to_owned())
    }
}
