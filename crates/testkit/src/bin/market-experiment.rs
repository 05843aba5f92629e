//! Plays markets with honest and malicious agents, under our rules and under naive ones, and shows
//! what came of them.

use std::process::ExitCode;

use clap::Parser;
use marketplace_money::Amount;
use marketplace_testkit::experiment::{Figures, Options, Rules, run, share, table};

/// What cheating costs, and whom: a population of honest and malicious agents under the real rules
/// of orders, disputes and reputation, beside a naive sum of ±1 and a plain majority.
#[derive(Parser)]
struct Arguments {
    /// All chance follows from it.
    #[arg(long, default_value_t = Options::DEFAULT.seed)]
    seed: u64,
    /// Agents at the beginning.
    #[arg(long, default_value_t = Options::DEFAULT.agents)]
    agents: u32,
    /// How long the market lasts.
    #[arg(long, default_value_t = Options::DEFAULT.days)]
    days: u32,
    /// How many of a hundred agents are malicious.
    #[arg(long, default_value_t = Options::DEFAULT.malicious)]
    malicious: u32,
    /// How many of a hundred buyers never look at what they get.
    #[arg(long, default_value_t = Options::DEFAULT.lazy)]
    lazy: u32,
    /// How much of a hundred of the jurors' stake votes together, a column for each.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 20, 40])]
    colluding: Vec<u32>,
    /// What may wait on a seller that nobody knows, in AVT, or `off`
    #[arg(long, default_value = "50")]
    exposure_base: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Arguments { seed, agents, days, malicious, lazy, .. } = arguments;
    let exposure_base = match arguments.exposure_base.as_str() {
        "off" => None,
        text => match text.parse::<Amount>() {
            Ok(amount) => Some(amount),
            Err(error) => {
                eprintln!("--exposure-base {text}: {error}");
                return ExitCode::FAILURE;
            }
        },
    };
    let mut markets: Vec<(String, Figures)> = Vec::new();
    let rules = Rules::Ours;
    let asked = Options { seed, agents, days, malicious, colluding: 0, lazy, exposure_base, rules };
    for colluding in &arguments.colluding {
        for (name, rules) in [("ours", Rules::Ours), ("naive", Rules::Naive)] {
            let options = Options { colluding: *colluding, rules, ..asked };
            markets.push((format!("{name}, {colluding} % collude"), run(&options)));
        }
    }
    println!("seed {seed}: {agents} agents, {malicious} % malicious, {days} days\n");
    print!("{}", table(&markets));
    let middle = arguments.colluding.get(arguments.colluding.len() / 2).copied();
    what_if(Options { colluding: middle.unwrap_or_default(), ..asked });
    ExitCode::SUCCESS
}

/// What honest agents would lose if one thing were another: what would improve the figure.
fn what_if(asked: Options) {
    let half = asked.exposure_base.map(|base| Amount::from_nano(base.nano() / 2));
    let changes = [
        ("as asked", asked),
        ("half the exposure base", Options { exposure_base: half, ..asked }),
        ("every buyer looks at what it gets", Options { lazy: 0, ..asked }),
        ("no jurors vote together", Options { colluding: 0, ..asked }),
        ("all three", Options { exposure_base: half, lazy: 0, colluding: 0, ..asked }),
    ];
    let colluding = asked.colluding;
    println!("\nwhat would lower what honest agents lose (aim: below 1 %; {colluding} % collude):");
    for (name, options) in changes {
        let figures = run(&options);
        println!("  {name:<36}{}", share(figures.loss()));
    }
}
