//! Every act of operators, as one types it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use marketplace_boot::{Overrides, Server, Settings, Stopped};
use sha2::{Digest as _, Sha256};

use super::says;

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
