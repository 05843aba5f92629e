//! Every setting has a line in the README's table.

use super::{Finding, Source, sources};

const SETTINGS: &str = "crates/boot/src/settings/";
const PAGE: &str = "README.md";
const MARK: &str = "env = \"";

pub(super) fn check(all: &[Source]) -> Vec<Finding> {
    let page = all.iter().find(|source| source.path == PAGE);
    let page = page.map_or("", |page| page.text.as_str());
    declared(all)
        .into_iter()
        .filter(|name| !page.lines().any(|line| line.starts_with(&format!("| `{name}`"))))
        .map(|name| Finding::new(PAGE, format!("has no line for the setting {name}")))
        .collect()
}

/// The environment variables of all settings.
pub(crate) fn names() -> Vec<String> {
    // Where our files cannot be listed, tidy says so itself.
    sources().map(|all| declared(&all)).unwrap_or_default()
}

fn declared(all: &[Source]) -> Vec<String> {
    let own = all.iter().filter(|source| source.path.starts_with(SETTINGS));
    let marks = own.flat_map(|source| source.text.split(MARK).skip(1));
    marks.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}
