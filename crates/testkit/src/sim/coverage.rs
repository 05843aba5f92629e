//! What happened how often: a simulator that never crashes in a commit proves nothing about it.

use std::collections::BTreeMap;

/// Counts by name, such as `verb:accept`, `phase:SETTLED` or `fault:store:commit:LostAfter`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    pub(crate) fn count(&mut self, name: impl Into<String>) {
        self.add(name, 1);
    }

    pub(crate) fn add(&mut self, name: impl Into<String>, times: u64) {
        *self.0.entry(name.into()).or_default() += times;
    }

    /// Takes over the counts of another run.
    pub fn merge(&mut self, other: &Self) {
        for (name, times) in &other.0 {
            self.add(name.clone(), *times);
        }
    }

    /// How often something happened.
    #[must_use]
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// All counts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, times)| (name.as_str(), *times))
    }
}
