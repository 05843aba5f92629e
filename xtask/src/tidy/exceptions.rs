//! `.tidy-allow`: lengths that are known to be too long. A ratchet: they may shrink, not grow, and
//! an entry that is no longer needed must go.

use anyhow::{Context, Result};

use super::{Finding, Source};

pub(super) const FILE: &str = ".tidy-allow";

struct Exception {
    /// A file, or a file and a function with `#` between.
    place: String,
    lines: usize,
    needed: bool,
}

/// The exceptions and which of them were needed.
pub(super) struct Exceptions(Vec<Exception>);

impl Exceptions {
    /// Lines of `PLACE LINES reason`; `#` begins a comment.
    pub(super) fn read(sources: &[Source]) -> Result<Self> {
        let file = sources.iter().find(|source| source.path == FILE);
        let text = file.map_or("", |file| file.text.as_str());
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entries = lines.map(|line| {
            let mut words = line.splitn(3, ' ');
            let place = words.next().unwrap_or_default().to_owned();
            let lines = words.next().and_then(|number| number.parse().ok());
            let reason = words.next().map(str::trim).filter(|reason| !reason.is_empty());
            let (Some(lines), Some(_)) = (lines, reason) else {
                anyhow::bail!("{FILE}: \"{line}\" must be PLACE LINES reason");
            };
            Ok(Exception { place, lines, needed: false })
        });
        Ok(Self(entries.collect::<Result<_>>().context("cannot read the exceptions")?))
    }

    /// Whether so many lines are allowed here.
    pub(super) fn allow(&mut self, place: &str, lines: usize) -> bool {
        let found = self.0.iter_mut().find(|exception| exception.place == place);
        found.is_some_and(|exception| {
            exception.needed = true;
            lines <= exception.lines
        })
    }

    pub(super) fn unused(&self) -> impl Iterator<Item = Finding> {
        self.0.iter().filter(|exception| !exception.needed).map(|exception| {
            Finding::new(FILE, format!("{} needs no exception any more", exception.place))
        })
    }
}
