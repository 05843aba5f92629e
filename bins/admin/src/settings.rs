//! `settings`: the reference of all settings. Written from the types that the programs read them
//! with, so that it cannot say anything else than they do.

use std::fmt::Write as _;

use clap::{Args, Command};
use marketplace_boot::Settings;
use marketplace_edge_node::EdgeSettings;

const HEAD: &str = "\
# Settings

Each setting is a flag, a variable, or both; the flag wins, and an empty variable is as good as
none. Written by `cargo xtask settings`: change the types, not this page.
";

/// As Markdown.
pub(crate) fn reference() -> String {
    let mut page = HEAD.to_owned();
    let about = "`marketplace-worker` reads the same, and `WORKER_LISTEN_ADDR` (`--worker-listen`, \
                 default `127.0.0.1:8021`): where it tells how it is.";
    section(
        &mut page,
        "marketplace-server",
        about,
        &Settings::augment_args(Command::new("server")),
    );
    let about = "The embedded TEG and registry as a server of their own: play money. `LOG_LEVEL` \
                 is as above.";
    section(&mut page, "marketplace-teg", about, &EdgeSettings::augment_args(Command::new("teg")));
    page
}

fn section(page: &mut String, title: &str, about: &str, command: &Command) {
    // Writing to a string cannot fail, here and below.
    let _ = write!(page, "\n## {title}\n\n{about}\n\n");
    page.push_str("| variable | flag | default | values | meaning |\n|---|---|---|---|---|\n");
    for argument in command.get_arguments() {
        let Some(flag) = argument.get_long() else { continue };
        let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
        let variable = argument.get_env().map(|name| name.to_string_lossy().into_owned());
        let variable = variable.unwrap_or_default();
        let given = argument.get_action().takes_values();
        let defaults: Vec<_> =
            argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let values: Vec<_> = argument
            .get_possible_values()
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        let name = argument.get_value_names().and_then(|names| names.first());
        let values = match (given, values.is_empty(), name) {
            (false, ..) => String::new(),
            (true, true, Some(name)) => name.to_string(),
            (true, ..) => values.join(", "),
        };
        let meaning = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            page,
            "| {} | `--{flag}` | {} | {values} | {} |",
            code(&variable),
            code(&if given { defaults.join(",") } else { String::new() }),
            meaning.replace('|', "\\|").replace('\n', " ")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_deploy_is_what_the_programs_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/SETTINGS.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == reference(), "deploy/SETTINGS.md is old: please type cargo xtask settings");
    }

    #[test]
    fn settings_and_their_lines() {
        let page = reference();
        let check = |line: &str| assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        check(
            "| `LISTEN_ADDR` | `--listen` | `127.0.0.1:8020` | ADDR:PORT | Address and port to serve |",
        );
        check(
            "| `TEG_GENESIS` | `--genesis` | `2000` | AVT | What the owner holds when the books are made, in AVT |",
        );
        assert!(page.contains("| `AUTH_MODE` | `--auth-mode` | `required` | `required`, `open` |"));
        assert!(page.contains("|  | `--no-faucet` |  |  |"));
    }
}
