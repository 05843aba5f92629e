//! What is wrong with the settings: all of it at once, each with what to do.

use std::fmt;

/// One setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The name of its environment variable, or the field of the agent card.
    pub setting: &'static str,
    /// What it must be, or what to do.
    pub problem: String,
}

/// The settings do not make a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { setting, problem }) in self.problems.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{setting}: {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}

/// Collects problems, so that an operator mends all of them in one go.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, setting: &'static str, problem: impl fmt::Display) {
        self.0.push(Problem { setting, problem: problem.to_string() });
    }

    /// The value, or a problem and the stand-in with which the other checks go on.
    pub(super) fn or<T, E: fmt::Display>(
        &mut self,
        setting: &'static str,
        value: Result<T, E>,
        stand_in: T,
    ) -> T {
        value.unwrap_or_else(|error| {
            self.add(setting, error);
            stand_in
        })
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, SettingsError> {
        if self.0.is_empty() { Ok(value) } else { Err(SettingsError { problems: self.0 }) }
    }
}

impl SettingsError {
    /// A single problem.
    pub(crate) fn of(setting: &'static str, problem: impl fmt::Display) -> Self {
        Self { problems: vec![Problem { setting, problem: problem.to_string() }] }
    }
}
