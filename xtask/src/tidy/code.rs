//! Rules for each file: a doc on top, bounded lengths, no float near money, no absolute path.

use anyhow::Result;

use super::exceptions::{Exceptions, FILE};
use super::functions::functions;
use super::{Finding, Source};

const LONGEST_FILE: usize = 600;
const LONGEST_FUNCTION: usize = 60;

/// Where no number with a fraction may be a float.
const EXACT: &[&str] = &[
    "crates/money/",
    "crates/ledger/",
    "crates/listings/",
    "crates/fees/",
    "crates/escrow/",
    "crates/disputes/",
    "crates/reputation/",
    "crates/acceptance/",
    "crates/ports/",
    "crates/engine/",
    "crates/store-rows/",
    "crates/store-sqlite/",
    "crates/store-postgres/",
    "crates/teg/",
    "crates/wire/",
    "crates/api/",
    "crates/boot/",
];
/// What Prometheus reads: its numbers are floats, and nothing is decided on them.
const GAUGES: &[&str] = &["crates/api/src/metrics.rs", "crates/engine/src/measures.rs"];

/// Folders of one machine. Written in parts, so that this file does not find itself.
const OWN_FOLDERS: &[(&str, &str)] =
    &[("/ho", "me/"), ("/ro", "ot/"), ("/Us", "ers/"), ("/wo", "rk/")];

pub(super) fn check(sources: &[Source]) -> Result<Vec<Finding>> {
    let mut exceptions = Exceptions::read(sources)?;
    let mut findings = Vec::new();
    for source in sources {
        findings.extend(absolute_paths(source));
        if source.path.ends_with(".rs") {
            findings.extend(check_rust(source, &mut exceptions));
        }
    }
    findings.extend(exceptions.unused());
    Ok(findings)
}

fn check_rust(source: &Source, exceptions: &mut Exceptions) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Source { path, text } = source;
    if !text.starts_with("//! ") {
        findings.push(Finding::new(path, "must begin with a //! line that says what it is"));
    }
    let length = text.lines().count();
    if length > LONGEST_FILE && !exceptions.allow(path, length) {
        let rule = format!("has {length} lines, at most {LONGEST_FILE}: split it, or see {FILE}");
        findings.push(Finding::new(path, rule));
    }
    for function in functions(text) {
        let place = format!("{path}#{}", function.name);
        if function.lines > LONGEST_FUNCTION && !exceptions.allow(&place, function.lines) {
            let rule = format!(
                "line {} has a function of {} lines, at most {LONGEST_FUNCTION}",
                function.line, function.lines
            );
            findings.push(Finding::new(place, rule));
        }
    }
    let is_exact = EXACT.iter().any(|folder| path.starts_with(&format!("{folder}src/")));
    if is_exact && !GAUGES.contains(&path.as_str()) {
        findings.extend(floats(source));
    }
    findings
}

fn floats(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        if ["f32", "f64"].iter().any(|float| is_used(code, float)) {
            let place = format!("{}:{}", source.path, index + 1);
            findings.push(Finding::new(place, "money and figures of the wire are never floats"));
        }
    }
    findings
}

/// Whether the type stands where a value can have it; a list of names of types has none.
fn is_used(code: &str, float: &str) -> bool {
    // A schema may say "number": what is sent is written by hand, from exact digits.
    if code.contains("value_type") {
        return false;
    }
    let before = [": ", "<", "&", "(", "as ", "-> "];
    let used = before.iter().any(|before| code.contains(&format!("{before}{float}")));
    used || code.contains(&format!("{float}::")) || code.contains(&format!("_{float}"))
}

fn absolute_paths(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let own = OWN_FOLDERS.iter().map(|(head, tail)| format!("{head}{tail}"));
        for folder in own.filter(|folder| starts_a_path(line, folder)) {
            let place = format!("{}:{}", source.path, index + 1);
            findings.push(Finding::new(place, format!("names {folder}, a folder of one machine")));
        }
    }
    findings
}

/// Whether the folder stands where a path begins, not in the middle of a longer one.
fn starts_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"._-/}".contains(c))
    })
}
