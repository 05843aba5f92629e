//! The catalogue of planted bugs: a text file, so that a bug is added without touching code.

use anyhow::{Context, Result, ensure};

use super::{NETS, Net};
use crate::shell::root;

const FILE: &str = "xtask/planted-bugs.txt";

/// One change that breaks one rule.
pub(crate) struct Bug {
    pub(crate) name: String,
    /// From the top, with slashes.
    pub(crate) file: String,
    pub(crate) net: &'static Net,
    old: String,
    new: String,
}

impl Bug {
    /// The text with the bug in it.
    pub(crate) fn apply(&self, text: &str) -> Result<String> {
        let times = text.matches(&self.old).count();
        let Self { name, file, .. } = self;
        ensure!(
            times == 1,
            "planted bug {name} fits {times} places of {file}, not one: mend {FILE}"
        );
        Ok(text.replacen(&self.old, &self.new, 1))
    }
}

/// All of them.
pub(crate) fn catalogue() -> Result<Vec<Bug>> {
    let text = std::fs::read_to_string(root().join(FILE)).context(FILE)?;
    parse(&text)
}

fn parse(text: &str) -> Result<Vec<Bug>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let text = lines.collect::<Vec<_>>().join("\n");
    let entries = text.split("\n\n").map(str::trim_end).filter(|entry| !entry.trim().is_empty());
    entries.map(|entry| parse_entry(entry.trim_start_matches('\n'))).collect()
}

fn parse_entry(entry: &str) -> Result<Bug> {
    let mut lines = entry.lines();
    let mut header = |key: &str| {
        let line = lines.next().unwrap_or_default();
        let value = line.strip_prefix(key).and_then(|rest| rest.strip_prefix(": "));
        value.map(str::to_owned).with_context(|| format!("{FILE}: \"{line}\" should be {key}: …"))
    };
    let (name, file, net) = (header("bug")?, header("file")?, header("caught by")?);
    let found = NETS.iter().find(|known| known.name == net);
    let net = found.with_context(|| format!("{FILE}: nothing is called {net}"))?;
    let (mut old, mut new) = (String::new(), String::new());
    for line in lines {
        let side = match line.as_bytes().first() {
            Some(b'-') => &mut old,
            Some(b'+') => &mut new,
            _ => anyhow::bail!("{FILE}: \"{line}\" should begin with - or +"),
        };
        side.push_str(&line[1..]);
        side.push('\n');
    }
    ensure!(!old.is_empty() && old != new, "{FILE}: {name} changes nothing");
    Ok(Bug { name, file, net, old, new })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "\
# why
bug: fee kept
file: a.rs
caught by: simulate
-    a();
-    b();
+    a();
";

    #[test]
    fn every_bug_fits_the_code() {
        super::super::check_all_apply().unwrap();
    }

    #[test]
    fn a_bug_fits_one_place() {
        let bugs = parse(ENTRY).unwrap();
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(bugs[0].apply(text).ok().as_deref(), expect, "{text}");
        };
        check("{\n    a();\n    b();\n}", Some("{\n    a();\n}"));
        check("    a();\n    b();\n    a();\n    b();\n", None);
        check("", None);
    }

    #[test]
    fn what_is_no_bug() {
        for (from, to) in [("simulate", "luck"), ("bug: ", "bag: "), ("-    b();\n", "")] {
            assert!(parse(&ENTRY.replace(from, to)).is_err(), "{from} -> {to}");
        }
    }
}
