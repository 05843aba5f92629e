//! `cargo xtask verify NAME`: the heavy runs, too long for every submission.

use anyhow::{Context, Result, bail};

use crate::{agents, deploy, page, planted, properties, readme, shell};

struct Check {
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<()>,
}

/// By so many per cent a process may grow from the middle third of a run to the last one. In 300 s
/// agents put up some thousand listings, which are in memory: a quarter was measured over PostgreSQL.
const MOST_GROWTH: u32 = 35;

/// Add a heavy run here.
const CHECKS: &[Check] = &[
    Check {
        name: "seeds",
        about: "10,000 seeds of the simulator",
        run: || shell::testkit("simulate", &words("--seeds 10000")),
    },
    Check {
        name: "properties",
        about: "the property tests with 20 seeds that nobody has seen",
        run: properties::explore,
    },
    Check {
        name: "disputes",
        about: "1,000,000 random paths through the dispute machine; what rules and packets cost",
        run: || {
            shell::disputes(&["walks", "1000000"])?;
            shell::disputes(&["figures"])
        },
    },
    Check {
        name: "kill",
        about: "kill -9 under load, 20 times in a row",
        run: || shell::with_server("chaos-kill", &words("--kills 20")),
    },
    Check {
        name: "edges",
        about: "2,000 orders over a TEG that fails in every way, kill -9 of server and TEG",
        run: || {
            shell::with_server("chaos-edges", &[])?;
            shell::with_server("chaos-edges", &words("--by-send --orders 500 --kills 6 --seed 2"))
        },
    },
    Check {
        name: "replicas",
        about: "kill -9 of three servers, two workers and PostgreSQL under load",
        run: || shell::with_server("chaos-replicas", &[]),
    },
    Check {
        name: "rolling",
        about: "two versions side by side: servers updated one by one, five times, under 16 agents that lose nothing",
        run: deploy::rolling,
    },
    Check {
        name: "load",
        about: "lifecycles over HTTP, 100 sellers and then one",
        run: || {
            shell::with_server("bench-lifecycle", &[])?;
            shell::with_server("bench-lifecycle", &words("--sellers 1"))
        },
    },
    Check {
        name: "load-agents",
        about: "50 agents who trade at random for 300 s, over a file and over PostgreSQL",
        run: || {
            let limits = format!("--p99-limit 50 --memory-growth {MOST_GROWTH}");
            shell::with_server("load", &words(&limits))?;
            let postgres = format!("--store postgres --think-ms 50 {limits}");
            shell::with_server("load", &words(&postgres))
        },
    },
    Check {
        name: "load-many",
        about: "5,000 agents who trade at random, over a file and over PostgreSQL",
        run: || {
            let many = "--agents 5000 --think-ms 2000 --seconds 60 --memory-limit 1024";
            shell::with_server("load", &words(many))?;
            shell::with_server("load", &words(&format!("{many} --store postgres")))
        },
    },
    Check {
        name: "load-streams",
        about: "10,000 streams of events on one server, beside 50 agents who trade",
        run: || {
            let idle = "--streams 10000 --think-ms 50 --seconds 60 --memory-limit 1024";
            shell::with_server("load", &words(idle))
        },
    },
    Check {
        name: "memory",
        about: "resident memory, idle and with 1,000,000 orders",
        run: || shell::with_server("verify-memory", &[]),
    },
    Check {
        name: "flat",
        about: "cost of a command from 1,000 to 1,000,000 orders",
        run: || shell::with_server("bench-engine", &words("--orders 1000000")),
    },
    Check {
        name: "scale",
        about: "costs with 2,000,000 orders of 10,000 listings in PostgreSQL beside 100,000 of 1,000",
        run: || shell::scale(&[]),
    },
    Check {
        name: "search",
        about: "the index over tantivy's lists against the naive scan",
        run: || {
            let own = ["test", "--package", "marketplace-search", "--features", "tantivy"];
            shell::run(shell::cargo(own).args(["--test", "oracle"]))
        },
    },
    Check {
        name: "agents",
        about: "clients as they are on PyPI over the built server, and 10,000 bodies of noise",
        run: agents::run_long,
    },
    Check {
        name: "page",
        about: "speed of the page: largest paint, bytes of script, key to results of 10,000 listings",
        run: page::metrics,
    },
    Check {
        name: "streams",
        about: "2,000 streams on one server, each event at all of them within 100 ms; then it is killed",
        run: agents::run_streams,
    },
    Check {
        name: "readme",
        about: "the flow of the README, as it stands there",
        run: readme::build_and_run,
    },
    Check {
        name: "planted-bugs",
        about: "broken rules, each of which must be caught",
        run: || planted::run(&planted::PlantedArgs::default()),
    },
];

/// Runs a check, or all; `passed` is for the check that has a size to choose.
pub(crate) fn run(name: Option<&str>, passed: &[String]) -> Result<()> {
    if name == Some("scale") && !passed.is_empty() {
        return shell::scale(passed);
    }
    if !passed.is_empty() {
        bail!("only scale takes more arguments");
    }
    let Some(name) = name else {
        for check in CHECKS {
            println!("{:<14}{}", check.name, check.about);
        }
        println!("{:<14}all of these", "all");
        return Ok(());
    };
    let chosen: Vec<&Check> =
        CHECKS.iter().filter(|check| name == "all" || name == check.name).collect();
    if chosen.is_empty() {
        bail!("no check is named {name}: cargo xtask verify lists them");
    }
    for check in chosen {
        eprintln!("== verify {}: {}", check.name, check.about);
        (check.run)().with_context(|| format!("verify {}", check.name))?;
    }
    Ok(())
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
