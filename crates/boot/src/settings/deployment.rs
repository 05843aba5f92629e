//! Checks the settings as a whole and makes a deployment of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use marketplace_api::{AuthMode, Limits};
use marketplace_disputes::Policy;
use marketplace_engine::search::{Blend, FULL};
use marketplace_engine::{Config, EscrowLimit, EscrowPolicy, OperatorSet, Pace};
use marketplace_escrow::ExpiryPolicy;
use marketplace_fees::FeeSchedule;
use marketplace_listings::ServiceType;
use marketplace_money::{Amount, BasisPoints, Did, Seconds};
use marketplace_registry::{Credentials, RegistrySettings, Url};

use super::problem::Problems;
use super::{
    AgentCard, AuthSetting, EMBEDDED, EscrowSetting, ExpirySetting, RemoteTeg, Settings,
    SettingsError, Switch, given,
};

/// A commit rests on what its load saw, which a second one on its way would move; and each costs what
/// it costs, so large ones are cheap.
const COMMITS_IN_FLIGHT: usize = 1;
const MOST_COMMITS: usize = 16;
const DATABASE_FILE: &str = "marketplace.db";
const TEG_FILE: &str = "teg.db";
const REGISTRY_FILE: &str = "registry.db";
const KEY_FILE: &str = "agent-key.json";
/// Operators have 72 hours after this, and no dispute lives longer than 7 days.
const DISPUTE_HOURS: std::ops::RangeInclusive<u32> = 1..=72;
const ORIGINAL_DISPUTE_HOURS: u32 = 24;

/// Settings that make sense together.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The economics.
    pub config: Config,
    /// Where they come from.
    pub card: AgentCard,
    /// The file of orders and money; beside it lie our other files, also when orders and money are
    /// elsewhere.
    pub database: PathBuf,
    /// The address of the PostgreSQL database, where that is where orders and money are.
    pub postgres: Option<String>,
    /// Connections to it for commits.
    pub writers: usize,
    /// Connections to it for everything else.
    pub readers: usize,
    /// Whether deadlines, payouts and messages are somebody else's.
    pub no_worker: bool,
    /// The file of the embedded TEG.
    pub teg: PathBuf,
    /// The TEG elsewhere, where there is one.
    pub teg_http: Option<RemoteTeg>,
    /// The file of the embedded registry.
    pub registry: PathBuf,
    /// The registry elsewhere, where there is one.
    pub registry_http: Option<RegistrySettings>,
    /// Our own key, where the operator gives it.
    pub agent_key: Option<[u8; 32]>,
    /// The file of our own key, where we make it.
    pub key_file: PathBuf,
    /// Where to serve; port 0 is any free one.
    pub listen: SocketAddr,
    /// Where to show the figures, if not there.
    pub metrics_listen: Option<SocketAddr>,
    /// How agents reach us, where that is not the listen address.
    pub public_url: Option<String>,
    /// Whether callers prove who they are.
    pub auth_mode: AuthMode,
    /// Whether there is play money for the asking.
    pub faucet_open: bool,
    /// How often callers may call; who counts is decided when everything is opened.
    pub limits: Limits,
    /// Where servers share what they counted.
    pub redis: Option<String>,
    /// Whether deliveries may come from addresses that only we can reach.
    pub fetch_private_addresses: bool,
    /// For the card.
    pub dispute_timeout_hours: u32,
    /// For one request.
    pub request_timeout: Duration,
    /// How long postings and events are kept; for ever, when nothing is said.
    pub history: Option<Seconds>,
    /// For running requests when the server stops.
    pub drain: Duration,
    /// What an operator should know at every start.
    pub warnings: Vec<String>,
}

impl Deployment {
    /// How a worker paces itself.
    #[must_use]
    pub fn pace(&self) -> Pace {
        let pace = Pace { history: self.history, ..Pace::DEFAULT };
        match self.teg_http.as_ref().map(|teg| teg.limits.requests) {
            None | Some(0) => pace,
            Some(requests) => within(pace, requests),
        }
    }
}

/// A pace that leaves half of an hour's calls at the TEG to agents' own business: looking at our
/// history takes four tenths of them while a transfer is awaited and one in sixteen else; looking at
/// the reserves, four calls each time, takes a tenth.
fn within(pace: Pace, requests: u32) -> Pace {
    let every = |calls: u32, part: u32| {
        Seconds((3_600 * calls * part).div_ceil(requests.saturating_mul(2)))
    };
    let mirror = pace.mirror.max(every(1, 5));
    Pace {
        mirror,
        mirror_idle: mirror.max(Seconds(60)).max(every(1, 32)),
        reserves: pace.reserves.max(every(4, 20)),
        ..pace
    }
}

/// The agent card's escrow_stake_multiplier.
fn thousandths(card: &AgentCard, problems: &mut Problems, fallback: u32) -> u32 {
    const POINTER: &str = "/economic_profile/escrow_stake_multiplier";
    let factor = positive_amount(card, POINTER, problems, Amount::from_avt(1));
    u32::try_from(factor.nano() / 1_000_000).unwrap_or(fallback)
}

impl Settings {
    /// Checks everything.
    ///
    /// # Errors
    /// With all that is wrong, not only the first.
    pub fn resolve(&self) -> Result<Deployment, SettingsError> {
        let path = self.agent_card.as_deref().filter(|path| !path.as_os_str().is_empty());
        let card = AgentCard::load(path).map_err(|e| SettingsError::of("AGENT_CARD", e))?;
        let mut problems = Problems::default();
        let config = self.economics(&card, &mut problems);
        let database = self.database(&mut problems);
        let beside = |name: &str| database.parent().unwrap_or(Path::new("")).join(name);
        let (writers, readers) = self.connections(config.batches_in_flight, &mut problems);
        self.refuse_open_to_strangers(&mut problems);
        let deployment = Deployment {
            teg: beside(TEG_FILE),
            teg_http: self.remote_teg(&mut problems),
            registry: beside(REGISTRY_FILE),
            registry_http: self.registry_http(&mut problems),
            agent_key: self.agent_key(&mut problems),
            key_file: beside(KEY_FILE),
            listen: self.listen,
            metrics_listen: self.metrics_listen(&mut problems),
            public_url: self.public_url(&mut problems),
            auth_mode: match self.auth_mode {
                AuthSetting::Required => AuthMode::Required,
                AuthSetting::Open => AuthMode::Open,
            },
            faucet_open: self.faucet_open(),
            limits: self.limits(&mut problems),
            redis: self.redis(&mut problems),
            fetch_private_addresses: self.fetch_private_addresses == Switch::On,
            dispute_timeout_hours: config.disputes.ruling_time.0 / 3_600,
            request_timeout: Duration::from_secs(self.request_timeout_seconds.max(1).into()),
            history: self.history_days.map(|days| Seconds::from_hours(u32::from(days) * 24)),
            drain: Duration::from_secs(self.drain_seconds.into()),
            warnings: self.warnings(),
            postgres: self.postgres().map(str::to_owned),
            writers,
            readers,
            no_worker: self.no_worker,
            config,
            card,
            database,
        };
        problems.finish(deployment)
    }

    fn economics(&self, card: &AgentCard, problems: &mut Problems) -> Config {
        let did = match given(self.agent_did.as_ref()) {
            Some(text) => text.parse::<Did>().map_err(|e| format!("\"{text}\" {e}")),
            None => card
                .text("/did")
                .map_err(|error| error.to_string())
                .and_then(|text| text.parse().map_err(|e| format!("\"{text}\" {e}"))),
        };
        let fees = self.fees(card, problems);
        check_service_types(card, problems);
        let fallback = Config::original(stand_in_did(did, problems));
        let ruling_time = Seconds::from_hours(self.dispute_hours(problems));
        Config {
            disputes: Policy { fee: fees.dispute, ruling_time, ..Policy::ORIGINAL },
            fees,
            expiry: match self.expiry_policy {
                ExpirySetting::DeliveryGated => ExpiryPolicy::DeliveryGated,
                ExpirySetting::Release => ExpiryPolicy::Release,
            },
            batches_in_flight: self.commits_in_flight(problems),
            operators: self.operators(problems),
            transfer_key_life: Seconds::from_hours(u32::from(self.teg_key_hours)),
            publish_reserves: Seconds(60 * u32::from(self.reserves_minutes)),
            max_listings: max_listings(card, problems, fallback.max_listings),
            blend: blend(card, problems),
            stake: self.stake(card, problems),
            escrow: EscrowLimit {
                policy: match self.escrow_stake_policy {
                    EscrowSetting::Off => EscrowPolicy::Off,
                    EscrowSetting::Warn => EscrowPolicy::Warn,
                    EscrowSetting::Enforce => EscrowPolicy::Enforce,
                },
                thousandths: thousandths(card, problems, fallback.escrow.thousandths),
            },
            collateral: positive_amount(
                card,
                "/economic_profile/negative_reputation_collateral",
                problems,
                fallback.collateral,
            ),
            exposure_base: self.exposure_base(card, problems, fallback.exposure_base),
            ..fallback
        }
    }

    fn fees(&self, card: &AgentCard, problems: &mut Problems) -> FeeSchedule {
        let original = FeeSchedule::ORIGINAL;
        let fees = FeeSchedule {
            listing: problems.or(
                "AGENT_CARD",
                card.amount("/capabilities/fee_structure/listing_fee"),
                original.listing,
            ),
            transaction: self.transaction_fee(card, problems),
            dispute: problems.or(
                "AGENT_CARD",
                card.amount("/capabilities/fee_structure/dispute_fee"),
                original.dispute,
            ),
        };
        if let Err(invalid) = fees.validate() {
            let setting = match invalid.field {
                "transaction_fee_percent" => "TRANSACTION_FEE_PERCENT",
                _ => "AGENT_CARD",
            };
            problems.add(setting, invalid);
        }
        fees
    }

    /// `off`, or an amount; of the environment, else of the card.
    fn exposure_base(
        &self,
        card: &AgentCard,
        problems: &mut Problems,
        fallback: Option<Amount>,
    ) -> Option<Amount> {
        match given(self.exposure_base.as_ref()) {
            Some("off") => None,
            Some(text) => {
                let amount = text.parse::<Amount>().map_err(|e| format!("\"{text}\" {e}"));
                let amount = amount.and_then(|amount| match amount.is_negative() {
                    true => Err("must not be negative".to_owned()),
                    false => Ok(Some(amount)),
                });
                problems.or("EXPOSURE_BASE", amount, fallback)
            }
            None => Some(positive_amount(
                card,
                "/economic_profile/exposure_base",
                problems,
                fallback.unwrap_or_default(),
            )),
        }
    }

    fn transaction_fee(&self, card: &AgentCard, problems: &mut Problems) -> BasisPoints {
        let original = FeeSchedule::ORIGINAL.transaction;
        match given(self.transaction_fee_percent.as_ref()) {
            Some(text) => {
                let fee = text.parse().map_err(|error| format!("\"{text}\" {error}"));
                problems.or("TRANSACTION_FEE_PERCENT", fee, original)
            }
            None => {
                let fee = card.percent("/capabilities/fee_structure/transaction_fee_percent");
                problems.or("AGENT_CARD", fee, original)
            }
        }
    }

    fn stake(&self, card: &AgentCard, problems: &mut Problems) -> Amount {
        let (setting, stake) = match given(self.marketplace_stake.as_ref()) {
            Some(text) => {
                let stake = text.parse().map_err(|error| format!("\"{text}\" {error}"));
                ("MARKETPLACE_STAKE", stake)
            }
            None => {
                let stake = card.amount("/economic_profile/minimum_stake");
                ("AGENT_CARD", stake.map_err(|error| error.to_string()))
            }
        };
        let stake = problems.or(setting, stake, Amount::ZERO);
        if stake.is_negative() {
            problems.add(setting, "the stake must not be below zero");
        }
        stake
    }

    fn database(&self, problems: &mut Problems) -> PathBuf {
        let beside = self.data_dir.join(DATABASE_FILE);
        let Some(url) = given(self.database_url.as_ref()) else { return beside };
        let path = url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match path {
            Some(path) if path.starts_with(":memory:") || path.contains('?') => {
                problems.add("DATABASE_URL", "must name a file, like sqlite:data/marketplace.db");
                beside
            }
            Some(path) if !path.is_empty() => PathBuf::from(path),
            _ if self.postgres().is_some() => beside,
            _ => {
                problems.add(
                    "DATABASE_URL",
                    "must be sqlite:PATH, like sqlite:data/marketplace.db, or postgres://…",
                );
                beside
            }
        }
    }

    /// Its parts are checked where it is opened.
    fn postgres(&self) -> Option<&str> {
        let url = given(self.database_url.as_ref())?;
        (url.starts_with("postgres://") || url.starts_with("postgresql://")).then_some(url)
    }

    fn commits_in_flight(&self, problems: &mut Problems) -> usize {
        let Some(text) = given(self.commits_in_flight.as_ref()) else { return COMMITS_IN_FLIGHT };
        match text.parse() {
            Ok(number) if (1..=MOST_COMMITS).contains(&number) => number,
            _ => {
                problems.add("COMMITS_IN_FLIGHT", "must be a whole number from 1 to 16");
                COMMITS_IN_FLIGHT
            }
        }
    }

    fn registry_http(&self, problems: &mut Problems) -> Option<RegistrySettings> {
        let (id, secret) = (&self.registry_client_id, &self.registry_client_secret);
        let credentials = match (given(id.as_ref()), given(secret.as_ref())) {
            (Some(id), Some(secret)) => {
                Some(Credentials { client_id: id.to_owned(), client_secret: secret.to_owned() })
            }
            (None, None) => None,
            _ => {
                problems.add("REGISTRY_CLIENT_ID", "goes with REGISTRY_CLIENT_SECRET: set both");
                None
            }
        };
        if is_embedded(self.registry_url.as_ref()) {
            if credentials.is_some() {
                problems.add("REGISTRY_CLIENT_ID", "is of no use without REGISTRY_URL");
            }
            return None;
        }
        let url = given(self.registry_url.as_ref()).unwrap_or_default();
        match url.parse::<Url>() {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                let developer_key = given(self.registry_api_key.as_ref()).map(str::to_owned);
                Some(RegistrySettings { credentials, developer_key, ..RegistrySettings::at(url) })
            }
            _ => {
                let must = "must be like http://registry:8000, or embedded";
                problems.add("REGISTRY_URL", must);
                None
            }
        }
    }

    fn agent_key(&self, problems: &mut Problems) -> Option<[u8; 32]> {
        let text = given(self.agent_key.as_ref())?;
        let key = marketplace_registry::secret_from_text(text);
        if key.is_none() {
            problems.add("AGENT_KEY", "must be 32 bytes in base64url without padding");
        }
        key
    }

    fn refuse_open_to_strangers(&self, problems: &mut Problems) {
        if self.auth_mode == AuthSetting::Required {
            return;
        }
        if !self.listen.ip().is_loopback() {
            problems.add(
                "AUTH_MODE",
                format!(
                    "open believes whoever calls, so it serves loopback only: {} is not, set \
                     LISTEN_ADDR=127.0.0.1:8020 or AUTH_MODE=required",
                    self.listen
                ),
            );
        }
    }

    fn public_url(&self, problems: &mut Problems) -> Option<String> {
        let url = given(self.public_url.as_ref())?.trim_end_matches('/');
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        match host {
            Some(host) if !host.is_empty() && !host.contains(['?', '#', '@', ' ']) => {
                Some(url.to_owned())
            }
            _ => {
                problems.add("PUBLIC_URL", "must be like https://market.example, without a query");
                None
            }
        }
    }

    fn operators(&self, problems: &mut Problems) -> OperatorSet {
        let names = given(self.operator_dids.as_ref()).unwrap_or_default();
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let mut keys: Vec<Did> = Vec::new();
        for name in names {
            match name.parse() {
                Ok(did) if keys.contains(&did) => {}
                Ok(did) => keys.push(did),
                Err(error) => problems.add("OPERATOR_DIDS", format!("\"{name}\" {error}")),
            }
        }
        let needed = usize::from(self.operator_signatures);
        if needed > keys.len().max(1) {
            let problem = format!("is {needed}, but OPERATOR_DIDS names {}", keys.len());
            problems.add("OPERATOR_SIGNATURES", problem);
        }
        OperatorSet { keys, needed }
    }

    fn faucet_open(&self) -> bool {
        match self.faucet {
            Some(switch) => switch == Switch::On,
            None => self.listen.ip().is_loopback(),
        }
    }

    fn dispute_hours(&self, problems: &mut Problems) -> u32 {
        let Some(text) = given(self.dispute_timeout_hours.as_ref()) else {
            return ORIGINAL_DISPUTE_HOURS;
        };
        match text.parse() {
            Ok(hours) if DISPUTE_HOURS.contains(&hours) => hours,
            _ => {
                problems.add("DISPUTE_TIMEOUT_HOURS", "must be a whole number from 1 to 72");
                ORIGINAL_DISPUTE_HOURS
            }
        }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if is_embedded(self.teg_layer_url.as_ref()) {
            warnings.push(
                "the TEG is embedded: its tokens are play money, not AVT of any network".to_owned(),
            );
        }
        if self.auth_mode == AuthSetting::Open {
            warnings.push(
                "AUTH_MODE=open: whoever reaches this port acts as any agent; for development only"
                    .to_owned(),
            );
        }
        if self.faucet == Some(Switch::On) && !self.listen.ip().is_loopback() {
            warnings.push("FAUCET=on: every agent that can reach us gets play money".to_owned());
        }
        if self.fetch_private_addresses == Switch::On {
            warnings.push(
                "FETCH_PRIVATE_ADDRESSES=on: agents can make us call into our own network"
                    .to_owned(),
            );
        }
        if self.no_worker && self.postgres().is_none() {
            warnings.push(
                "NO_WORKER with SQLite: nobody ends deadlines, pays out or settles withdrawals"
                    .to_owned(),
            );
        }
        if self.listen.ip().is_unspecified() && given(self.public_url.as_ref()).is_none() {
            warnings.push(
                "PUBLIC_URL is not set: agents can make tokens for our DID only, not for a URL"
                    .to_owned(),
            );
        }
        warnings
    }
}

fn is_embedded(url: Option<&String>) -> bool {
    given(url).is_none_or(|url| url == EMBEDDED)
}

fn stand_in_did(did: Result<Did, String>, problems: &mut Problems) -> Did {
    did.unwrap_or_else(|error| {
        problems.add("AGENT_DID", error);
        marketplace_registry::encode_did_key(&[0; 32])
    })
}

fn positive_amount(
    card: &AgentCard,
    pointer: &str,
    problems: &mut Problems,
    fallback: Amount,
) -> Amount {
    // A card of the original does not know our additions.
    if card.json().pointer(pointer).is_none() {
        return fallback;
    }
    let amount = problems.or("AGENT_CARD", card.amount(pointer), fallback);
    if !amount.is_positive() {
        problems.add("AGENT_CARD", format!("{pointer} must be above zero"));
    }
    amount
}

/// How much reputation counts in a search; without a word of it, as in the original's card.
fn blend(card: &AgentCard, problems: &mut Problems) -> Blend {
    const POINTER: &str = "/economic_profile/reputation_weight";
    if card.json().pointer(POINTER).is_none() {
        return Blend::DEFAULT;
    }
    let weight = problems.or("AGENT_CARD", card.amount(POINTER), Amount::ZERO);
    let share = u32::try_from(weight.nano() / 1_000).ok().filter(|&share| share <= FULL);
    if share.is_none() {
        problems.add("AGENT_CARD", format!("{POINTER} must be between 0 and 1"));
    }
    Blend::with_reputation_weight(share.unwrap_or_default())
}

fn max_listings(card: &AgentCard, problems: &mut Problems, fallback: i64) -> i64 {
    let most = problems.or("AGENT_CARD", card.number("/capabilities/max_listings"), fallback);
    if most < 1 {
        problems.add("AGENT_CARD", "/capabilities/max_listings must be at least 1");
    }
    most
}

/// The kinds of service are part of the code; a card that promises others would lie.
fn check_service_types(card: &AgentCard, problems: &mut Problems) {
    let known: Vec<&str> = ServiceType::NAMES.iter().map(|(_, name)| *name).collect();
    match card.texts("/capabilities/supported_service_types") {
        Ok(mut named) => {
            let mut sorted = known.clone();
            sorted.sort_unstable();
            named.sort_unstable();
            if named != sorted {
                let known = known.join(", ");
                problems.add(
                    "AGENT_CARD",
                    format!("/capabilities/supported_service_types must be {known}"),
                );
            }
        }
        Err(error) => problems.add("AGENT_CARD", error),
    }
}
