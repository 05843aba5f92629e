//! Settings: what is accepted, what is refused and how, what is shown.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::path::Path;

use clap::{Args, Command, FromArgMatches};
use marketplace_boot::{Deployment, Settings, SettingsError, TegAuthSetting};
use marketplace_engine::{EscrowLimit, EscrowPolicy};
use marketplace_teg::{HourlyLimits, Rail};
use serde_json::json;

/// As from a command line, over the card that is built in.
fn settings(flags: &[&str]) -> Settings {
    let command = Settings::augment_args(Command::new("test"));
    // No test may depend on the environment that it runs in.
    let command = command.mut_args(|arg| arg.env(None::<&str>));
    let matches = command.try_get_matches_from([&["test"], flags].concat()).unwrap();
    Settings::from_arg_matches(&matches).unwrap()
}

fn resolve(flags: &[&str]) -> Result<Deployment, SettingsError> {
    settings(flags).resolve()
}

#[test]
fn the_defaults_are_the_originals() {
    let deployment = resolve(&[]).unwrap();
    let config = &deployment.config;
    assert_eq!(config.did.as_str(), "did:agentvault:marketplace-v1");
    assert_eq!(config.fees, marketplace_fees::FeeSchedule::ORIGINAL);
    assert_eq!(config.stake.to_string(), "1000");
    assert_eq!(config.max_listings, 10_000);
    assert_eq!(deployment.database, Path::new("data/marketplace.db"));
    assert_eq!(deployment.teg, Path::new("data/teg.db"));
    assert_eq!(deployment.listen.to_string(), "127.0.0.1:8020");
    assert!(deployment.faucet_open, "loopback has a faucet");
}

#[test]
fn flags_override_the_card() {
    let deployment = resolve(&[
        "--agent-did=did:agentvault:other",
        "--transaction-fee-percent=0.75",
        "--marketplace-stake=0",
        "--database-url=sqlite:///srv/market/books.db",
        "--listen=0.0.0.0:80",
        "--operator-dids=did:key:z6Mka, did:key:z6Mkb,",
        "--public-url=https://market.example/",
        "--dispute-timeout-hours=12",
    ])
    .unwrap();
    assert_eq!(deployment.config.did.as_str(), "did:agentvault:other");
    assert_eq!(deployment.config.fees.transaction.to_string(), "0.75");
    assert!(deployment.config.stake.is_zero());
    assert_eq!(deployment.database, Path::new("/srv/market/books.db"));
    assert_eq!(deployment.teg, Path::new("/srv/market/teg.db"));
    assert_eq!(deployment.config.operators.keys.len(), 2);
    assert_eq!(deployment.public_url.as_deref(), Some("https://market.example"));
    assert!(!deployment.faucet_open, "no play money beyond loopback unless FAUCET=on");
}

#[test]
fn connections_are_shared_out() {
    let check = |flags: &[&str], expect: (usize, usize)| {
        let deployment = resolve(flags).unwrap();
        assert_eq!((deployment.writers, deployment.readers), expect, "{flags:?}");
    };
    check(&[], (4, 8));
    check(&["--database-connections="], (4, 8));
    check(&["--commits-in-flight=16"], (18, 8));
    check(&["--database-connections=12"], (4, 8));
    check(&["--database-connections=5"], (3, 2));
    check(&["--database-connections=6"], (3, 3));
    check(&["--database-connections=60"], (20, 40));
    check(&["--database-connections=20", "--commits-in-flight=16"], (18, 2));
}

#[test]
fn empty_is_not_set() {
    let deployment = resolve(&[
        "--agent-did=",
        "--redis-url=",
        "--teg-layer-url= ",
        "--registry-url=",
        "--database-url=",
        "--transaction-fee-percent=",
        "--operator-dids=",
    ])
    .unwrap();
    assert_eq!(deployment.config.fees.transaction.to_string(), "2.5");
    assert_eq!(deployment.warnings.len(), 1, "{:?}", deployment.warnings);
}

#[test]
fn what_cannot_be_says_which_setting_and_why() {
    let check = |flags: &[&str], setting: &str, words: &str| {
        let error = resolve(flags).expect_err(words);
        let found =
            error.problems.iter().any(|p| p.setting == setting && p.problem.contains(words));
        assert!(found, "{flags:?}: {error}");
    };
    check(&["--transaction-fee-percent=5.01"], "TRANSACTION_FEE_PERCENT", "at most 5");
    check(&["--transaction-fee-percent=2.555"], "TRANSACTION_FEE_PERCENT", "two decimals");
    check(&["--transaction-fee-percent=-1"], "TRANSACTION_FEE_PERCENT", "percentage");
    check(&["--marketplace-stake=-1"], "MARKETPLACE_STAKE", "below zero");
    check(&["--marketplace-stake=0.0000000001"], "MARKETPLACE_STAKE", "9 decimals");
    check(&["--agent-did=me"], "AGENT_DID", "is not a DID");
    check(&["--operator-signatures=2"], "OPERATOR_SIGNATURES", "names 0");
    check(&["--operator-dids=did:key:z6Mka,you"], "OPERATOR_DIDS", "\"you\" is not a DID");
    check(&["--database-url=mysql://u:p@db/x"], "DATABASE_URL", "or postgres://");
    check(&["--commits-in-flight=0"], "COMMITS_IN_FLIGHT", "from 1 to 16");
    check(&["--commits-in-flight=17"], "COMMITS_IN_FLIGHT", "from 1 to 16");
    check(&["--metrics-listen=8002"], "METRICS_LISTEN_ADDR", "must be like");
    let proxies = ["--client-address-header=x-forwarded-for", "--client-address-proxies=10.0.0.0"];
    check(&proxies, "CLIENT_ADDRESS_PROXIES", "\"10.0.0.0\" is no network");
    check(&["--client-address-proxies=10.0.0.0/8"], "CLIENT_ADDRESS_PROXIES", "set both");
    check(&["--database-connections=4"], "DATABASE_CONNECTIONS", "from 5 (COMMITS_IN_FLIGHT + 4)");
    check(&["--database-connections=many"], "DATABASE_CONNECTIONS", "to 200");
    check(&["--database-url=mysql://x"], "DATABASE_URL", "must be sqlite:PATH");
    check(&["--database-url=sqlite:"], "DATABASE_URL", "must be sqlite:PATH");
    check(&["--database-url=sqlite::memory:"], "DATABASE_URL", "must name a file");
    check(&["--teg-layer-url=http://teg:8100"], "TEG_AUTH_MODE", "needs REGISTRY_URL");
    check(&["--registry-url=registry:8000"], "REGISTRY_URL", "must be like");
    check(&["--registry-client-id=me"], "REGISTRY_CLIENT_ID", "set both");
    check(&["--agent-key=short"], "AGENT_KEY", "32 bytes");
    check(&["--teg-reputation-scale=10"], "TEG_REPUTATION_SCALE", "scale is 1");
    check(&["--dispute-timeout-hours=0"], "DISPUTE_TIMEOUT_HOURS", "from 1 to 72");
    check(&["--public-url=market.example"], "PUBLIC_URL", "https://");
    check(&["--agent-card=no/such/file.json"], "AGENT_CARD", "cannot be read");
    let open = ["--auth-mode=open", "--listen=0.0.0.0:8020"];
    check(&open, "AUTH_MODE", "serves loopback only");
    let open = ["--auth-mode=open", "--teg-layer-url=http://teg:8100", "--teg-auth-mode=static"];
    check(&open, "AUTH_MODE", "loopback");
}

#[test]
fn a_teg_elsewhere_is_called_as_the_settings_say() {
    let remote = |flags: &[&str]| resolve(flags).unwrap().teg_http;
    assert!(remote(&[]).is_none() && remote(&["--teg-layer-url=embedded"]).is_none());
    let home = ["--teg-layer-url=http://127.0.0.1:8100/api/v1/", "--teg-auth-mode=did"];
    let teg = remote(&home).unwrap();
    assert_eq!((teg.url.as_str(), teg.auth), ("http://127.0.0.1:8100", TegAuthSetting::Did));
    assert_eq!((teg.rail, teg.limits), (Rail::Transfer, HourlyLimits::PUBLISHED));
    assert_eq!((teg.reputation_scale, teg.service_token), (10, None));
    let abroad = "--teg-layer-url=https://teg.example";
    let token = ["--teg-auth-mode=static", "--teg-token=t", "--teg-service-token=s"];
    let teg = remote(&[&[abroad], &token[..]].concat()).unwrap();
    assert_eq!((teg.token.as_deref(), teg.service_token.as_deref()), (Some("t"), Some("s")));
    let account = [
        "--registry-url=https://registry.example/api/v1",
        "--registry-client-id=id",
        "--registry-client-secret=secret",
    ];
    let limits = ["--teg-requests-per-hour=0", "--teg-transfers-per-hour=7"];
    let send = ["--teg-rail=send", "--teg-reputation-scale=1"];
    let teg = remote(&[&[abroad], &account[..], &limits[..], &send[..]].concat()).unwrap();
    assert_eq!(teg.rail, Rail::Send("https://registry.example".to_owned()));
    assert_eq!(teg.limits, HourlyLimits { requests: 0, transfers: 7 });
    assert_eq!((teg.auth, teg.reputation_scale), (TegAuthSetting::Registry, 1));

    let check = |flags: &[&str], setting: &str, words: &str| {
        let error = resolve(&[&[abroad], flags].concat()).expect_err(words);
        let found =
            error.problems.iter().any(|p| p.setting == setting && p.problem.contains(words));
        assert!(found, "{flags:?}: {error}");
    };
    check(&["--teg-auth-mode=did"], "TEG_AUTH_MODE", "proves nothing");
    check(&["--teg-auth-mode=static"], "TEG_AUTH_MODE", "needs TEG_TOKEN");
    check(&[&token[..], &["--teg-rail=send"]].concat(), "TEG_RAIL", "set REGISTRY_URL");
    check(&["--teg-reputation-scale=0"], "TEG_REPUTATION_SCALE", "above 0");
    let nowhere = resolve(&["--teg-layer-url=teg:8100", "--teg-auth-mode=did"]).unwrap_err();
    assert!(nowhere.problems.iter().any(|p| p.setting == "TEG_LAYER_URL"), "{nowhere}");
}

#[test]
fn the_workers_pace_keeps_to_what_the_teg_allows() {
    let check = |requests: &str, expect: [u32; 3]| {
        let flag = format!("--teg-requests-per-hour={requests}");
        let home = ["--teg-layer-url=http://127.0.0.1:8100", "--teg-auth-mode=did", &flag];
        let pace = resolve(&home).unwrap().pace();
        assert_eq!([pace.mirror.0, pace.mirror_idle.0, pace.reserves.0], expect, "{requests}");
        if let Some(calls) = requests.parse::<u32>().ok().filter(|calls| *calls > 0) {
            let made = 3_600 / pace.mirror.0 + 4 * 3_600 / pace.reserves.0;
            assert!(made <= calls / 2 + 1, "{made} of {calls}");
        }
    };
    check("1000", [9, 60, 144]);
    check("100", [90, 576, 1_440]);
    check("100000", [8, 60, 60]);
    check("0", [8, 8, 60]);
}

#[test]
fn the_stake_may_limit_escrow() {
    let escrow = |flags: &[&str]| resolve(flags).unwrap().config.escrow;
    assert_eq!(escrow(&[]), EscrowLimit::ORIGINAL);
    let enforced = escrow(&["--escrow-stake-policy=enforce"]);
    assert_eq!((enforced.policy, enforced.thousandths), (EscrowPolicy::Enforce, 1_500));
    assert_eq!(escrow(&["--escrow-stake-policy=off"]).policy, EscrowPolicy::Off);
}

#[test]
fn all_problems_are_told_at_once() {
    let error = resolve(&["--agent-did=me", "--marketplace-stake=x"]).unwrap_err();
    assert_eq!(error.problems.len(), 2, "{error}");
}

#[test]
fn a_risky_start_is_warned_of() {
    let check = |flags: &[&str], words: &str| {
        let warnings = resolve(flags).unwrap().warnings;
        assert!(warnings.iter().any(|warning| warning.contains(words)), "{warnings:?}");
    };
    check(&[], "play money");
    let elsewhere = ["--teg-layer-url=http://127.0.0.1:8100", "--teg-auth-mode=did"];
    assert_eq!(resolve(&elsewhere).unwrap().warnings, Vec::<String>::new());
    check(&["--auth-mode=open"], "acts as any agent");
    check(&["--faucet=on", "--listen=0.0.0.0:8020"], "FAUCET=on");
    check(&["--fetch-private-addresses=on"], "our own network");
    check(&["--listen=0.0.0.0:8020"], "PUBLIC_URL is not set");
}

#[test]
fn a_card_beside_us_changes_the_economics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.json");
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        resolve(&["--agent-card", path.to_str().unwrap()])
    };
    let card = include_str!("../../../agent_card.json");
    let deployment = load(&card.replace(": 0.1,", ": 0.2,").replace("10000", "7")).unwrap();
    assert_eq!(deployment.config.fees.listing.to_string(), "0.2");
    assert_eq!(deployment.config.max_listings, 7);
    let check = |text: &str, words: &str| {
        let error = load(text).expect_err(words);
        assert!(error.to_string().contains(words), "{error}");
    };
    check("[]", "must hold a JSON object");
    check("{", "is not JSON");
    check(&card.replace("2.5", "7.5"), "at most 5");
    check(&card.replace(": 0.1,", ": -0.1,"), "must not be negative");
    check(&card.replace(": 0.1,", ": 1e-10,"), "9 decimals");
    check(&card.replace("10000", "0"), "at least 1");
    check(&card.replace("\"storage\",", ""), "supported_service_types must be");
    check(&card.replace("minimum_stake", "stake"), "minimum_stake must be a number");
}

#[test]
fn the_manifest_shows_the_values_in_force() {
    let manifest = |flags: &[&str]| resolve(flags).unwrap().manifest("http://127.0.0.1:8020");
    let shown = manifest(&[]);
    // The numbers of the original stay as they were written.
    let text = shown.to_string();
    for number in ["\"listing_fee\":0.1", "\"dispute_fee\":1.0", "\"minimum_stake\":1000.0"] {
        assert!(text.contains(number), "{number} in {text}");
    }
    assert_eq!(shown["capabilities"]["dispute_resolution"], true);
    assert_eq!(shown["authentication"]["mode"], "required");
    let shown = manifest(&[
        "--agent-did=did:agentvault:other",
        "--transaction-fee-percent=1.25",
        "--marketplace-stake=2000",
        "--expiry-policy=release",
        "--auth-mode=open",
        "--dispute-timeout-hours=12",
    ]);
    assert_eq!(shown["did"], "did:agentvault:other");
    let fees = &shown["capabilities"]["fee_structure"];
    assert_eq!(fees["transaction_fee_percent"].to_string(), "1.25");
    assert_eq!(shown["economic_profile"]["minimum_stake"].to_string(), "2000");
    assert_eq!(shown["capabilities"]["expiry_policy"], "release");
    assert_eq!(shown["authentication"]["mode"], "open");
    assert_eq!(shown["metadata"]["dispute_resolution_time"], "12 hours");
    assert_eq!(shown["url"], json!("http://127.0.0.1:8020"));
}

#[test]
fn no_secret_is_printed() {
    let settings = settings(&["--redis-url=redis://me:hunter2@cache:6379/0?password=hunter2"]);
    let shown = settings.masked(&settings.resolve().unwrap());
    assert!(shown.contains("REDIS_URL=redis://me:***@cache"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn every_setting_is_printed_and_in_the_readme() {
    let page = include_str!("../../../README.md");
    let settings = settings(&[]);
    let shown = settings.masked(&settings.resolve().unwrap());
    let command = Settings::augment_args(Command::new("test"));
    for argument in command.get_arguments() {
        let name = argument.get_env().expect("every setting has a variable").to_str().unwrap();
        assert!(format!(" {shown}").contains(&format!(" {name}=")), "{name} is not printed");
        let line = page.lines().find(|line| line.starts_with(&format!("| `{name}` ")));
        let line = line.unwrap_or_else(|| panic!("{name} has no line in the README"));
        let flag = format!("`--{}`", argument.get_long().unwrap());
        assert!(line.contains(&flag), "{line} should name {flag}");
    }
}
