//! Figures for Prometheus, in the text format of OpenMetrics: what this process did, and what is
//! known of the whole house.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use marketplace_engine::{House, Marketplace};
use marketplace_money::Amount;
use marketplace_ports::{Limiter, LimiterFigures};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::limits::By;

/// Which version this is. A rolling update is tried with a build that calls itself by another.
const VERSION: &str = match option_env!("MARKETPLACE_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// What a scrape gets.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds between request and answer.
const SECONDS: [f64; 13] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Method, route, and class of the status.
type Answered = [(&'static str, String); 3];
/// Which bucket was empty.
type Limited = [(&'static str, &'static str); 1];
/// Method and route.
type Route = [(&'static str, String); 2];

/// The requests of this process. Rate and errors of each route are in `requests`, how long they
/// took in `seconds`.
pub(crate) struct Metrics {
    started: Instant,
    requests: Family<Answered, Counter>,
    limited: Family<Limited, Counter>,
    seconds: Family<Route, Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            requests: Family::default(),
            limited: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
        }
    }
}

/// A request that was answered.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    /// As the table of routes has it: so many there are, and no more.
    pub(crate) route: &'a str,
    /// Whether it asked to be kept waiting: then its time says nothing.
    pub(crate) waits: bool,
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn answered(&self, request: &Request<'_>, status: StatusCode, took: Duration) {
        // Anybody may invent a method.
        let method = match request.method {
            known @ (&Method::GET | &Method::POST | &Method::PATCH | &Method::PUT) => {
                known.as_str()
            }
            known @ (&Method::DELETE | &Method::HEAD | &Method::OPTIONS) => known.as_str(),
            _ => "other",
        };
        let class = match status.as_u16() / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        let method = || ("method", method.to_owned());
        let route = || ("route", request.route.to_owned());
        let answered = [method(), route(), ("status", class.to_owned())];
        self.requests.get_or_create(&answered).inc();
        if !request.waits {
            self.seconds.get_or_create(&[method(), route()]).observe(took.as_secs_f64());
        }
    }

    /// A request was refused, because there were too many.
    pub(crate) fn limited(&self, by: By) {
        self.limited.get_or_create(&[("by", by.name())]).inc();
    }

    /// The text that a scrape gets.
    pub(crate) async fn render(
        &self,
        marketplace: &Marketplace,
        limiter: Option<&dyn Limiter>,
        ready: bool,
    ) -> String {
        let mut registry = Registry::default();
        registry.register(
            "marketplace_http_requests",
            "Requests answered, by method, route and class of status",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "marketplace_http_request",
            "Time between request and answer, without requests that wait",
            Unit::Seconds,
            self.seconds.clone(),
        );
        for by in By::ALL {
            // So that it is there before the first one.
            drop(self.limited.get_or_create(&[("by", by.name())]));
        }
        registry.register(
            "marketplace_rate_limited",
            "Requests refused, because there were too many, by whose",
            self.limited.clone(),
        );
        if let Some(limiter) = limiter {
            describe_limiter(&mut registry, limiter.figures());
        }
        describe(&mut registry, marketplace, ready, self.started).await;
        text(&registry)
    }
}

fn describe_limiter(registry: &mut Registry, figures: LimiterFigures) {
    let fallbacks = Counter::<u64>::default();
    fallbacks.inc_by(figures.fallbacks);
    let help = "Requests that were counted here, because Redis did not answer";
    registry.register("marketplace_limiter_fallbacks", help, fallbacks);
    if let Some(shared) = figures.shared {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::from(shared));
        registry.register("marketplace_redis_up", "Whether Redis answers", gauge);
    }
}

/// What a worker's scrape gets.
pub async fn worker_metrics(marketplace: &Marketplace, ready: bool, started: Instant) -> String {
    let mut registry = Registry::default();
    describe(&mut registry, marketplace, ready, started).await;
    text(&registry)
}

fn text(registry: &Registry) -> String {
    let mut text = String::with_capacity(1 << 14);
    // Writing to a string cannot fail.
    let _ = encode(&mut text, registry);
    text
}

/// What servers and workers have in common.
async fn describe(registry: &mut Registry, market: &Marketplace, ready: bool, started: Instant) {
    market.measures().register(registry);
    let worked = Family::<[(&'static str, &'static str); 1], Counter>::default();
    for (kind, count) in market.worked() {
        worked.get_or_create(&[("kind", kind)]).inc_by(count);
    }
    registry.register("marketplace_worked", "Work that was due and was taken up, by kind", worked);
    let gauge = |value: u64| -> Gauge<u64, AtomicU64> {
        let gauge = Gauge::default();
        gauge.set(value);
        gauge
    };
    let queued = market.queued_commands() as u64;
    let help = "Commands that wait for their batch";
    registry.register("marketplace_queued_commands", help, gauge(queued));
    let help = "Whether this process takes part";
    registry.register("marketplace_ready", help, gauge(u64::from(ready)));
    let help = "Since this process began";
    let uptime = gauge(started.elapsed().as_secs());
    registry.register_with_unit("marketplace_uptime", help, Unit::Seconds, uptime);
    let build = Family::<[(&'static str, &'static str); 1], Gauge>::default();
    build.get_or_create(&[("version", VERSION)]).set(1);
    registry.register("marketplace_build_info", "Which version this is", build);
    registry.register_collector(Box::new(OfTheHouse(Arc::new(market.house().await))));
}

/// Figures of the whole house, as they were when the scrape began. What is not known is left out.
struct OfTheHouse(Arc<House>);

impl fmt::Debug for OfTheHouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfTheHouse")
    }
}

impl Collector for OfTheHouse {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut page = Page(encoder);
        let house = &self.0;
        let help = "Listings that a search can find";
        page.count("marketplace_active_listings", help, house.active_listings as u64)?;
        page.trade(house)?;
        page.safety(house)?;
        page.work(house)
    }
}

struct Page<'a>(DescriptorEncoder<'a>);

/// For people: exact amounts are in the books.
fn avt(amount: Amount) -> f64 {
    amount.to_string().parse().unwrap_or(f64::NAN)
}

impl Page<'_> {
    fn put(&mut self, name: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
        metric.encode(self.0.encode_descriptor(name, help, None, metric.metric_type())?)
    }

    fn count(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.put(name, help, &ConstGauge::new(value))
    }

    fn avt(&mut self, name: &str, help: &str, amount: Amount) -> fmt::Result {
        self.put(name, help, &ConstGauge::new(avt(amount)))
    }

    /// Sums that only grow. Two have names of the original's, and a counter's must end in `_total`:
    /// so they are gauges in name, and `increase` counts them all the same.
    fn trade(&mut self, house: &House) -> fmt::Result {
        let Some(totals) = house.totals else { return Ok(()) };
        let help = "What sellers were paid for completed orders, in AVT";
        self.avt("marketplace_transaction_volume", help, totals.volume)?;
        self.count("marketplace_orders_completed", "Orders completed", totals.completed)?;
        self.count("marketplace_orders_refunded", "Orders refunded", totals.refunded)?;
        self.count("marketplace_orders_expired", "Orders never paid for", totals.expired)?;
        let help = "Fees on completed orders, in AVT";
        self.avt("marketplace_fees_collected", help, totals.fees)?;
        let opened = ConstCounter::new(totals.disputes);
        self.put("marketplace_disputes", "Disputes opened", &opened)?;
        let escalated = ConstCounter::new(totals.escalated);
        let help = "Times that a dispute went to the operators";
        self.put("marketplace_disputes_escalated", help, &escalated)?;
        let open = totals.disputes.saturating_sub(totals.disputes_closed);
        self.count("marketplace_disputes_open", "Disputes not over", open)
    }

    fn safety(&mut self, house: &House) -> fmt::Result {
        if let Some(cover) = house.escrow {
            self.avt("marketplace_escrow_balance", "What open orders hold, in AVT", cover.open)?;
            let help = "What they may hold by our stake, in AVT";
            self.avt("marketplace_escrow_limit", help, cover.limit)?;
            let help = "What they hold beyond that, in AVT";
            self.avt("marketplace_open_exposure", help, cover.uncovered())?;
        }
        if let Some(stop) = &house.stop {
            let code = stop.as_ref().map(marketplace_engine::EdgeStop::code);
            let stopped = Family::<[(&'static str, &'static str); 1], Gauge>::default();
            for reason in ["teg_unreachable", "reserves_breach"] {
                let value = i64::from(code == Some(reason));
                stopped.get_or_create(&[("reason", reason)]).set(value);
            }
            let help = "Whether withdrawals are queued, by reason";
            self.put("marketplace_withdrawals_stopped", help, &stopped)?;
        }
        let Some(last) = &house.reserves else { return Ok(()) };
        let help = "What nothing explains at the TEG, in AVT; below zero where it holds too little";
        let delta: f64 = format!("{}e-18", last.difference).parse().unwrap_or(f64::NAN);
        self.put("marketplace_reserves_delta", help, &ConstGauge::new(delta))?;
        let help = "What the TEG held for us at the last look, stake included, in AVT";
        self.avt("marketplace_reserves_held", help, last.held)?;
        let help = "What it should have held by our books, in AVT";
        self.avt("marketplace_reserves_booked", help, last.booked)?;
        let seconds: f64 = format!("{}e-6", last.at.micros()).parse().unwrap_or(f64::NAN);
        let help = "When we looked last, since 1970";
        self.put("marketplace_reserves_seen_seconds", help, &ConstGauge::new(seconds))?;
        let held = Family::<[(&'static str, &'static str); 1], Gauge<f64, AtomicU64>>::default();
        for (state, amount) in [("sent", last.unconfirmed), ("queued", last.queued)] {
            held.get_or_create(&[("state", state)]).set(avt(amount));
        }
        self.put("marketplace_withdrawals_held", "Held by withdrawals, in AVT", &held)
    }

    fn work(&mut self, house: &House) -> fmt::Result {
        if let Some(lag) = house.lag {
            let late = |seconds: i64| ConstGauge::new(seconds);
            let help = "How late the oldest timer is that nobody is at";
            self.put("marketplace_timer_lag_seconds", help, &late(lag.timer_seconds))?;
            let help = "How late the oldest work in the outbox is that nobody is at";
            self.put("marketplace_outbox_age_seconds", help, &late(lag.outbox_seconds))?;
        }
        if let Some(dead) = house.dead_effects {
            let help = "Work of the outbox that was given up, at most 1000";
            self.count("marketplace_outbox_dead", help, dead as u64)?;
        }
        if let Some(seconds) = house.downtime_seconds {
            let help = "Downtime so far: by so much deadlines stood still";
            self.put("marketplace_downtime_seconds", help, &ConstGauge::new(seconds))?;
        }
        Ok(())
    }
}
