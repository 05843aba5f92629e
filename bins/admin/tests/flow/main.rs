//! The commands against a server: keys, tokens, doctor, demo, disputes and proofs.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod operators;

use std::path::Path;
use std::process::{Command, Output};

use marketplace_boot::{Overrides, Server, Settings, Stopped};

fn admin(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marketplace-admin"));
    command.args(words).current_dir(folder).output().expect("it starts")
}

/// What it prints when all is well.
fn says(folder: &Path, words: &[&str]) -> String {
    let output = admin(folder, words);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What it complains of.
fn complains(folder: &Path, words: &[&str]) -> String {
    let output = admin(folder, words);
    assert_eq!(output.status.code(), Some(1), "{words:?}");
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8(text).unwrap()
}

async fn server(folder: &Path, operator: &str) -> Server {
    let settings = Settings {
        operator_dids: Some(operator.to_owned()),
        ..Settings::local(&folder.join("data"))
    };
    Server::start(settings, Overrides::default()).await.unwrap()
}

#[test]
fn a_key_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let did = says(folder.path(), &["agent", "new", "--out", "me.json"]);
    assert!(did.starts_with("did:key:z6Mk"), "{did}");
    let again = complains(folder.path(), &["agent", "new", "--out", "me.json"]);
    assert!(again.contains("cannot make me.json"), "{again}");
    let lost = complains(folder.path(), &["agent", "token", "--key", "you.json"]);
    assert!(lost.contains("agent new --out you.json"), "{lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_what_agents_do() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let operator = says(folder, &["agent", "new", "--out", "operator.json"]);
    let server = server(folder, &operator).await;
    let url = server.public_url().to_owned();

    let demo = ["demo", "--url", &url];
    let printed = says(folder, &demo);
    assert!(printed.contains("BUYER=") && printed.contains("LISTING=$(curl"), "{printed}");
    says(folder, &demo);
    assert_eq!(server.marketplace().listing_count(), 4, "repeating it lists nothing twice");

    let token = says(folder, &["agent", "token", "--key", "operator.json", "--url", &url]);
    assert_eq!(token.split('.').count(), 3, "nothing but the token: {token}");
    let as_operator = ["--key", "operator.json", "--url", &url];
    let list = says(folder, &[&["--json", "orders", "list"], &as_operator[..]].concat());
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["count"], 0);
    let stranger = ["orders", "list", "--key", "data/demo/ada.json", "--url", &url];
    let refused = complains(folder, &stranger);
    assert!(refused.contains("HTTP 403"), "{refused}");

    let health = says(folder, &[&["doctor"], &as_operator[..]].concat());
    assert!(health.contains("reserves") && !health.contains("WRONG"), "{health}");
    assert_eq!(server.shutdown().await, Stopped::Clean);

    let gone = complains(folder, &["doctor", "--url", &url]);
    assert!(gone.contains("is the server running?"), "{gone}");
    let books = says(folder, &["doctor", "--database", "data/marketplace.db"]);
    assert!(books.contains("agrees with the journal"), "{books}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_leaves_a_served_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path(), "").await;
    let busy = complains(folder.path(), &["doctor", "--database", "data/marketplace.db"]);
    assert!(busy.contains("in use"), "{busy}");
    let none = complains(folder.path(), &["doctor", "--database", "nothing.db"]);
    assert!(none.contains("is not a file"), "{none}");
    assert_eq!(server.shutdown().await, Stopped::Clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_changes_the_key_and_hands_out_api_keys() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let operator = says(folder, &["agent", "new", "--out", "operator.json"]);
    let agent = says(folder, &["agent", "new", "--out", "agent.json"]);
    let server = server(folder, &operator).await;
    let url = server.public_url().to_owned();
    let as_operator = ["--key", "operator.json", "--url", &url];
    let run = |words: &[&str]| says(folder, &[words, &as_operator[..]].concat());

    let before = says(folder, &["key", "show", "--url", &url]);
    let rotated = run(&["key", "rotate", "--reason", "it is old"]);
    assert!(rotated.contains("signs from now on"), "{rotated}");
    let after = says(folder, &["key", "show", "--url", &url]);
    assert_ne!(before, after);
    assert!(folder.join("data").join("agent-key.json").exists());

    let issue = ["api-key", "issue", "--did", &agent, "--reason", "it cannot sign"];
    let secret = run(&[&issue[..], &["--label", "cron"]].concat());
    assert!(secret.starts_with("mk_"), "{secret}");
    std::fs::write(folder.join("foreign.txt"), "avreg_a-foreign-key\n").unwrap();
    let import =
        ["api-key", "import", "--did", &agent, "--file", "foreign.txt", "--reason", "in use"];
    let imported = run(&import);
    assert!(imported.contains("speaks for"), "{imported}");
    let listed = run(&["--json", "api-key", "list", "--did", &agent]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["count"], 2);
    assert!(!listed.to_string().contains(&secret));
    let id = listed["results"][0]["id"].as_str().unwrap().to_owned();
    assert!(run(&["api-key", "revoke", &id, "--reason", "it leaked"]).contains("is revoked"));
    let dead = run(&["--json", "outbox", "dead"]);
    assert!(dead.contains("\"count\": 0"), "{dead}");
    let none = run(&["outbox", "retry", "--all", "--reason", "it is up again"]);
    assert!(none.contains("nothing is dead"), "{none}");
    let no = [&issue[..], &["--key", "agent.json", "--url", &url]].concat();
    assert!(complains(folder, &no).contains("operators_only"));
    std::fs::write(folder.join("foreign.txt"), "short").unwrap();
    let short = [&import[..], &as_operator].concat();
    assert!(complains(folder, &short).contains("at least 16"));
    assert_eq!(server.shutdown().await, Stopped::Clean);
}

/// The value of a field that the command prints as JSON.
fn field(folder: &Path, words: &[&str], name: &str) -> String {
    let printed = says(folder, &[&["--json"], words].concat());
    let value: serde_json::Value = serde_json::from_str(&printed).unwrap();
    value[name].as_str().unwrap_or_else(|| panic!("{words:?} says no {name}: {value}")).to_owned()
}

/// From a listing to a payout: disputed, contested, ruled by the rules, appealed, ruled by the
/// operator. No other tool is needed.
#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_from_its_opening_to_the_payout() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let operator = says(folder, &["agent", "new", "--out", "operator.json"]);
    let server = server(folder, &operator).await;
    let url = server.public_url().to_owned();
    let by = |who: &'static str| ["try", "--url", &url, "--key", who];
    for who in ["seller.json", "buyer.json"] {
        says(folder, &["agent", "new", "--out", who]);
        says(folder, &[&by(who)[..], &["faucet"]].concat());
    }
    let (seller, buyer) = (by("seller.json"), by("buyer.json"));
    let sell = [&seller[..], &["sell", "Tables", "--price", "5"]].concat();
    let listing = field(folder, &sell, "id");
    let order = field(folder, &[&buyer[..], &["buy", &listing]].concat(), "order_id");
    says(folder, &[&seller[..], &["deliver", &order, "rows: 2 of 4"]].concat());
    let reason = "half of it came after the listed time";
    let open = ["open", &order, "--category", "late", "--remedy", "half", "--reason", reason];
    let dispute = field(folder, &[&buyer[..], &open].concat(), "dispute_id");
    says(folder, &[&seller[..], &["contest", &dispute]].concat());
    let show = [&buyer[..], &["show", &dispute]].concat();
    let until = async |phase: &str| {
        while field(folder, &show, "phase") != phase {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    // The delivery came in time, which the log shows.
    until("APPEALABLE").await;
    says(folder, &[&buyer[..], &["appeal", &dispute]].concat());
    // Nobody is a juror.
    until("UNDER_OPERATORS").await;
    let act = ["--url", &url, "--key", "operator.json"];
    let list = says(folder, &[&["disputes", "list", "--open"][..], &act].concat());
    assert!(list.contains(&dispute), "{list}");
    let rule = ["disputes", "rule", &dispute, "--finding", "half", "--reason", "half is there"];
    let tried = says(folder, &[&rule[..], &["--dry-run"], &act].concat());
    assert!(tried.contains("finding half") && !tried.contains("others must"), "{tried}");
    says(folder, &[&rule[..], &["--yes"], &act].concat());
    assert_eq!(field(folder, &show, "phase"), "FINAL");
    let packet = says(folder, &[&buyer[..], &["verdict", &dispute]].concat());
    std::fs::write(folder.join("verdict.json"), packet).unwrap();
    says(folder, &["verify-verdict", "verdict.json"]);
    let packet: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("verdict.json")).unwrap())
            .unwrap();
    let last = packet["chain"].as_array().unwrap().last().unwrap();
    let head = format!("{}:{}", last["position"], last["hash"].as_str().unwrap());
    says(folder, &["verify-verdict", "verdict.json", "--head-hash", &head]);
    let paid = field(folder, &[&seller[..], &["payout", "2.5"]].concat(), "amount");
    assert_eq!(paid, "2.5");
    says(folder, &[&buyer[..], &["review", &order, "3", "half"]].concat());
    assert_eq!(server.shutdown().await, Stopped::Clean);
}

/// The proof of who is owed two things, when it is published.
async fn proof_of_two(url: &str, token: &str) -> serde_json::Value {
    loop {
        let path = format!("{url}/api/v1/audit/reserves/proof");
        let answer = reqwest::Client::new().get(path).bearer_auth(token).send().await.unwrap();
        let proof: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        if proof["inclusions"].as_array().is_some_and(|own| own.len() == 2) {
            return proof;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// What a real server answers to one of several agents is checked without it, and no sum in it can
/// be changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_of_a_real_server_holds_and_tells_of_changes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let start = async || {
        let settings = Settings { reserves_minutes: 0, ..Settings::local(&folder.join("data")) };
        Server::start(settings, Overrides::default()).await.unwrap()
    };
    let server = start().await;
    let url = server.public_url().to_owned();
    let agents = ["seller.json", "buyer.json", "other.json"];
    let dids = agents.map(|who| says(folder, &["agent", "new", "--out", who]));
    for who in agents {
        says(folder, &["try", "--url", &url, "--key", who, "faucet"]);
    }
    let sell = ["try", "--url", &url, "--key", "seller.json", "sell", "Tables", "--price", "5"];
    let listing = field(folder, &sell, "id");
    for (who, did) in agents.iter().zip(&dids).skip(1) {
        says(folder, &["try", "--url", &url, "--key", who, "buy", &listing]);
        let did = did.parse().unwrap();
        server.marketplace().deposit(&did, "3".parse().unwrap(), None).await.unwrap();
    }
    assert_eq!(server.shutdown().await, Stopped::Clean);
    // A statement is made when the worker starts.
    let server = start().await;
    let url = server.public_url().to_owned();
    let token = says(folder, &["agent", "token", "--key", "buyer.json", "--url", &url]);
    let proof = proof_of_two(&url, &token).await;
    let key = proof["public_key"].as_str().unwrap().to_owned();
    let words = ["verify-proof", "proof.json", "--public-key", &key];
    let write = |proof: &serde_json::Value| {
        std::fs::write(folder.join("proof.json"), proof.to_string()).unwrap();
    };
    write(&proof);
    let told = says(folder, &words);
    assert!(told.contains("The TEG held") && told.contains("order:"), "{told}");
    let path = proof["inclusions"][0]["path"].as_array().unwrap();
    assert!(!path.is_empty(), "others are owed something too");
    let changes = [
        ("/inclusions/0/amount", "999"),
        ("/inclusions/1/amount", "0.000000001"),
        ("/inclusions/0/account", "agent:did:key:nobody"),
        ("/inclusions/0/path/0/sum", "0"),
        ("/inclusions/0/path/0/sum", "-1"),
        ("/inclusions/0/path/0/side", "above"),
        ("/public_key", &"0".repeat(64)),
    ];
    for (place, value) in changes {
        let mut lie = proof.clone();
        *lie.pointer_mut(place).unwrap() = value.into();
        write(&lie);
        complains(folder, &words);
    }
    assert_eq!(server.shutdown().await, Stopped::Clean);
}
