//! Contributor tasks: `cargo xtask dev` serves, `cargo xtask test` tests everything, the rest is
//! listed by `cargo xtask help`.

mod agents;
mod demo;
mod deploy;
mod dev;
mod machine;
mod needs;
mod page;
mod planted;
mod properties;
mod python;
mod readme;
mod shell;
mod suite;
mod temporary;
mod tidy;
mod verify;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", about = "Contributor tasks.")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Serve a marketplace with demo agents on this machine: the way to try it
    Dev(dev::DevArgs),
    /// Set up what is needed and run all tests; what CI runs
    Test {
        /// Begins at this step, after a run that failed there
        #[arg(long, value_name = "STEP")]
        from: Option<String>,
    },
    /// Run a heavy check by name; without a name, list them
    Verify {
        /// Which one, or `all`
        name: Option<String>,
        /// For `scale`: its own arguments, such as --orders
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check the rules of the house: crate arrows, module docs, lengths, settings in the README
    Tidy,
    /// Print the machines of orders and disputes and the money table of disputes
    StateMachine(machine::MachineArgs),
    /// Run the whole flow over HTTP, with every balance before and after
    Demo(Passed),
    /// Let agents trade at random against servers, and print what it took: `--help` has the options
    Load(Passed),
    /// Run the deterministic simulator
    Simulate(Passed),
    /// Play markets with honest and malicious agents, and show what cheating costs
    MarketExperiment(Passed),
    /// Break rules one by one and see that each break is caught
    PlantedBugs(planted::PlantedArgs),
    /// Write deploy/SETTINGS.md, the reference of all settings, from the programs
    Settings,
    /// Write the database that a release leaves, which later versions must open: before each release
    ReleaseData,
    /// Build the page for people, which the next build of the server embeds; needs Node
    Page,
    /// Take pictures of every page, narrow and wide, light and dark
    Screenshots,
    /// Measure, release build
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
}

#[derive(Subcommand)]
enum Bench {
    /// Whole lifecycles over HTTP, with an in-memory baseline in the same run
    Lifecycle(Passed),
    /// Commands in process on a durable store
    Engine(Passed),
    /// How good searches and suggestions are, on a market of which it is known what is good
    SearchQuality(Passed),
    /// Searches over HTTP among 1,000,000 listings, beside PostgreSQL's full text search
    SearchSpeed(Passed),
    /// Rules of tier 1 and whole verdict packets, each against its limit
    Disputes,
}

/// Arguments for the program behind a task.
#[derive(Args)]
struct Passed {
    /// Passed on as they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Dev(args) => dev::run(&args),
        Task::Test { from } => suite::run_all(from.as_deref()),
        Task::Verify { name, args } => verify::run(name.as_deref(), &args),
        Task::Tidy => tidy::run(),
        Task::StateMachine(args) => machine::run(&args),
        Task::Settings => deploy::write_settings(),
        Task::ReleaseData => suite::write_release_data(),
        Task::Page => page::build(),
        Task::Screenshots => page::screenshots(),
        Task::Demo(passed) => demo::run(&passed.args),
        Task::Load(passed) => shell::with_server("load", &passed.args),
        Task::Simulate(passed) => shell::testkit("simulate", &passed.args),
        Task::MarketExperiment(passed) => shell::testkit("market-experiment", &passed.args),
        Task::PlantedBugs(args) => planted::run(&args),
        Task::Bench { what: Bench::Lifecycle(passed) } => {
            shell::with_server("bench-lifecycle", &passed.args)
        }
        Task::Bench { what: Bench::SearchQuality(passed) } => {
            let own = ["run", "--release", "--package", "marketplace-search", "--example"];
            shell::run(shell::cargo(own).args(["search_quality", "--"]).args(&passed.args))
        }
        Task::Bench { what: Bench::SearchSpeed(passed) } => {
            shell::with_server("bench-search", &passed.args)
        }
        Task::Bench { what: Bench::Disputes } => shell::disputes(&["figures"]),
        Task::Bench { what: Bench::Engine(passed) } => {
            shell::with_server("bench-engine", &passed.args)
        }
    }
}
