//! The commands against a server: keys, tokens, doctor, demo, and every act of operators.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use marketplace_boot::{Overrides, Server, Settings, Stopped};
use sha2::{Digest as _, Sha256};

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
    let paid = field(folder, &[&seller[..], &["payout", "2.5"]].concat(), "amount");
    assert_eq!(paid, "2.5");
    says(folder, &[&buyer[..], &["review", &order, "3", "half"]].concat());
    assert_eq!(server.shutdown().await, Stopped::Clean);
}

/// A market with something for each act, and the shell of an operator in it.
struct House {
    folder: tempfile::TempDir,
    server: Server,
    /// What stands for `{name}` in a line.
    names: Vec<(&'static str, String)>,
}

impl House {
    async fn open(operators: &[&'static str], needed: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = operators.iter().map(|who| (*who, new_key(folder.path(), who)));
        let mut names: Vec<_> = keys.collect();
        let dids: Vec<&str> = names.iter().map(|(_, did)| did.as_str()).collect();
        let settings = Settings {
            operator_dids: Some(dids.join(",")),
            operator_signatures: needed,
            ..Settings::local(&folder.path().join("data"))
        };
        let server = Server::start(settings, Overrides::default()).await.unwrap();
        names.extend(["seller", "buyer"].map(|who| (who, new_key(folder.path(), who))));
        let mut house = Self { folder, server, names };
        house.says("try --key seller.json faucet");
        house.says("try --key buyer.json faucet");
        let listing = house.json("try --key seller.json sell Tables --price 1");
        house.name("listing", &listing["id"]);
        house
    }

    fn name(&mut self, name: &'static str, id: &serde_json::Value) {
        self.names.push((name, id.as_str().unwrap().to_owned()));
    }

    fn order(&mut self, name: &'static str) {
        let order = self.json("try --key buyer.json buy {listing}");
        self.name(name, &order["order_id"]);
    }

    /// A line as an operator types it, and what it types when it is asked.
    fn run(&self, line: &str, typed: &str) -> Output {
        let mut line = line.to_owned();
        for (name, value) in &self.names {
            line = line.replace(&format!("{{{name}}}"), value);
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_marketplace-admin"));
        command.args(line.split_whitespace()).current_dir(self.folder.path());
        command.env("MARKETPLACE_URL", self.server.public_url());
        command.env("MARKETPLACE_KEY", "operator.json");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Who is not asked reads nothing.
        let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn says(&self, line: &str) -> String {
        let output = self.run(line, "");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, line: &str) -> serde_json::Value {
        let said = self.says(&format!("--json {line}"));
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{line}: {error}: {said}"))
    }

    fn complains(&self, line: &str, typed: &str, of: &str) {
        let output = self.run(line, typed);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.code() == Some(1) && text.contains(of), "{line}: {text}");
    }

    /// What operators did, newest first.
    fn trail(&self) -> Vec<serde_json::Value> {
        let trail = self.json("audit trail --limit 1000");
        trail["results"].as_array().unwrap().clone()
    }
}

fn new_key(folder: &Path, who: &str) -> String {
    says(folder, &["agent", "new", "--out", &format!("{who}.json")])
}

/// An act of operators, and where it shows.
struct Act {
    line: &'static str,
    action: &'static str,
    /// Whether it asks before it does it, because tokens move.
    asks: bool,
    /// What shows it, and where in there.
    look: (&'static str, &'static str),
    /// What is there then; nothing: something else than before.
    becomes: Option<&'static str>,
}

const fn act(
    line: &'static str,
    action: &'static str,
    asks: bool,
    look: (&'static str, &'static str),
    becomes: Option<&'static str>,
) -> Act {
    Act { line, action, asks, look, becomes }
}

const ACTS: [Act; 14] = [
    act(
        "orders extend {extended} --by 1h",
        "order.extend",
        false,
        ("orders show {extended}", "/expires_at"),
        None,
    ),
    act(
        "orders refund {refunded}",
        "order.refund",
        true,
        ("orders show {refunded}", "/status"),
        Some("REFUNDED"),
    ),
    act(
        "orders release {released}",
        "order.release",
        true,
        ("orders show {released}", "/status"),
        Some("COMPLETED"),
    ),
    act(
        "disputes abort {dispute}",
        "dispute.abort",
        true,
        ("disputes show {dispute}", "/phase"),
        Some("ABORTED"),
    ),
    act("listings delist {listing}", "listing.delist", false, ("", ""), None),
    act(
        "agents adjust {seller} -0.5",
        "agent.adjust",
        true,
        ("try --key seller.json wallet", "/available"),
        None,
    ),
    act("agents freeze {buyer}", "agent.freeze", false, ("", ""), None),
    act("agents unfreeze {buyer}", "agent.unfreeze", false, ("", ""), None),
    act(
        "fees propose --transaction-fee-percent 1",
        "fees.set",
        false,
        ("fees show", "/changes/0/transaction_fee_percent"),
        Some("1"),
    ),
    act(
        "settings propose dispute-bond 4",
        "settings.set",
        false,
        ("settings show", "/settings_changes/0/dispute_bond"),
        Some("4"),
    ),
    act(
        "api-key issue --did {buyer}",
        "api_key.bind",
        false,
        ("api-key list --did {buyer}", "/count"),
        Some("1"),
    ),
    act(
        "api-key import --did {buyer} --file foreign.txt",
        "api_key.bind",
        false,
        ("api-key list --did {buyer}", "/count"),
        Some("2"),
    ),
    act(
        "api-key revoke {foreign}",
        "api_key.revoke",
        false,
        ("api-key list --did {buyer}", "/results"),
        None,
    ),
    act("key rotate", "key.rotate", false, ("key show", "/keys/0/x"), None),
];

impl House {
    fn look(&self, act: &Act) -> String {
        let (line, at) = act.look;
        if line.is_empty() {
            return String::new();
        }
        let shown = self.json(line);
        let value = shown.pointer(at).cloned().unwrap_or_default();
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// Nothing is done without a reason, for a trial, or after a no; then it is, and is kept.
    fn drive(&self, act: &Act) {
        let (before, kept) = (self.look(act), self.trail().len());
        let unchanged = |why: &str| {
            let now = (self.look(act), self.trail().len());
            assert_eq!(now, (before.clone(), kept), "{} {why}", act.line);
        };
        let aimless = self.run(act.line, "yes\n");
        let said = String::from_utf8(aimless.stderr).unwrap();
        assert!(aimless.status.code() == Some(2) && said.contains("--reason"), "{said}");
        let line = format!("{} --reason {}-it-is", act.line, act.action);
        let tried = self.run(&format!("{line} --dry-run"), "");
        let said = String::from_utf8(tried.stderr).unwrap();
        assert!(tried.status.success() && said.contains("nothing was done"), "{said}");
        unchanged("was only tried");
        for no in ["", "no\n", "y\n"].into_iter().filter(|_| act.asks) {
            self.complains(&line, no, "nothing was done");
            unchanged("was answered with no");
        }
        self.json(&format!("{line} --yes"));
        let trail = self.trail();
        assert_eq!(trail.len(), kept + 1, "{line}");
        let of = |name: &str| trail[0][name].as_str().unwrap();
        assert_eq!((of("action"), of("reason")), (act.action, &*format!("{}-it-is", act.action)));
        let state = if act.action.ends_with(".set") { "scheduled" } else { "done" };
        assert_eq!(of("state"), state, "{line}");
        let operator = &self.names.iter().find(|(name, _)| *name == "operator").unwrap().1;
        assert_eq!(trail[0]["approvals"][0]["operator"].as_str(), Some(operator.as_str()));
        let after = self.look(act);
        match act.becomes {
            Some(expect) => assert_eq!(after, expect, "{line}"),
            None => assert!(act.look.0.is_empty() || after != before, "{line}: {after}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_needs_a_reason_can_be_tried_and_is_kept() {
    let mut house = House::open(&["operator"], 1).await;
    for name in ["extended", "refunded", "released", "disputed"] {
        house.order(name);
    }
    house.says("try --key seller.json deliver {disputed} rows");
    let open = "open {disputed} --category late --remedy half --reason late";
    let dispute = house.json(&format!("try --key buyer.json {open}"));
    house.name("dispute", &dispute["dispute_id"]);
    let foreign = "avreg_a-foreign-key";
    std::fs::write(house.folder.path().join("foreign.txt"), foreign).unwrap();
    let hash: [u8; 32] = Sha256::digest(foreign).into();
    house.name("foreign", &marketplace_wire::hex(&hash).into());
    for act in &ACTS {
        house.drive(act);
        match act.action {
            "listing.delist" => assert_eq!(house.server.marketplace().listing_count(), 0),
            "agent.freeze" => house.complains("try --key buyer.json faucet", "", "frozen"),
            "agent.unfreeze" => drop(house.says("try --key buyer.json wallet")),
            _ => {}
        }
    }
    house.looks_and_takes_back();
    assert_eq!(house.server.shutdown().await, Stopped::Clean);
}

impl House {
    /// What is not an act: tables, exports, completions; and what takes an act back.
    fn looks_and_takes_back(&mut self) {
        let trail = self.trail();
        let scheduled = |action: &str| {
            let found = trail.iter().find(|motion| motion["action"] == action).unwrap();
            found["motion_id"].clone()
        };
        self.name("fees", &scheduled("fees.set"));
        self.name("rule", &scheduled("settings.set"));
        let taken = self.json("fees cancel {fees} --reason no");
        assert_eq!(
            (&taken["state"], &taken["cancelled"]["reason"]),
            (&"cancelled".into(), &"no".into())
        );
        self.says("settings cancel {rule} --reason no");
        self.complains("settings cancel {rule} --reason no", "", "motion_over");
        for (page, changes) in [("fees show", "changes"), ("settings show", "settings_changes")] {
            assert_eq!(self.json(page)[changes], serde_json::json!([]), "{page}");
        }

        let table = self.says("audit trail");
        for act in &ACTS {
            assert!(table.contains(act.action), "{table}");
        }
        let orders = self.says("export orders");
        assert_eq!(orders.lines().count(), 4);
        let events = self.says("export events");
        assert!(events.contains("operator.decided") && events.contains("api_key.revoked"));
        self.says("export motions --out motions.jsonl");
        let kept = std::fs::read_to_string(self.folder.path().join("motions.jsonl")).unwrap();
        let kept =
            kept.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        assert_eq!(kept.count(), ACTS.len());
        self.complains("export motions --out motions.jsonl", "", "cannot make");
        for shell in ["bash", "zsh", "fish"] {
            let script = self.says(&format!("completions {shell}"));
            assert!(script.contains("withdrawals") && script.contains("delist"), "{script}");
        }
        assert!(self.says("disputes list").contains("ABORTED"));
        assert_eq!(self.json("withdrawals list")["count"], 0);
        let unknown = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002 --reason r --yes";
        let refused = [
            format!("withdrawals resolve {}", unknown.replacen(' ', " return ", 1)),
            format!("withdrawals explain {unknown}"),
            format!("outbox retry {unknown}"),
        ];
        for line in refused {
            self.complains(&line, "", "not_found");
        }
        assert!(self.json("audit books").is_object() && self.json("reserves").is_object());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_operator_is_asked_too() {
    let mut house = House::open(&["operator", "second"], 2).await;
    house.order("order");
    let proposed = house.says("orders refund {order} --reason fraud --yes");
    assert!(proposed.contains("approvals approve"), "{proposed}");
    house.name("motion", &house.trail()[0]["motion_id"]);
    assert!(house.says("approvals list").contains("order.refund"));
    let approve = "approvals approve {motion} --key second.json";
    let funded = |house: &House| house.json("orders show {order}")["status"] == "ESCROW_FUNDED";
    house.says(&format!("{approve} --dry-run"));
    house.complains(approve, "no\n", "nothing was done");
    assert!(funded(&house));
    house.complains("approvals approve {motion} --yes", "", "already_approved");
    let done = house.run(approve, "yes\n");
    assert!(done.status.success() && !funded(&house), "{done:?}");
    house.says("agents freeze {buyer} --reason fraud");
    house.name("freeze", &house.trail()[0]["motion_id"]);
    house.says("approvals cancel {freeze} --reason no --key second.json");
    house.complains("approvals approve {freeze} --key second.json", "", "motion_over");
    // What moves no tokens and is no rule needs nobody else.
    house.json("api-key issue --did {buyer} --reason r");
    let kept = &house.trail()[0];
    assert_eq!((&kept["state"], &kept["needed"]), (&"done".into(), &1.into()));
    assert_eq!(house.server.shutdown().await, Stopped::Clean);
}
