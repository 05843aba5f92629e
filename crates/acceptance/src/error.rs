//! What is wrong with the text of the checks.

use std::fmt;

/// Why terms were refused. Its text names the check and the place, and says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckError {
    /// Which check, counted from 0; nothing when the text as a whole is wrong.
    pub index: Option<usize>,
    /// The place in the terms as a JSON pointer, at most 120 characters; long ones lose their
    /// beginning.
    pub place: String,
    /// What is wrong and what to do, at most 300 characters, without control characters.
    pub message: String,
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "check {index} (at {}): {}", self.place, self.message),
            None => write!(f, "acceptance checks: {}", self.message),
        }
    }
}

impl std::error::Error for CheckError {}
