//! The agent card: the economics of a deployment, and what it shows of itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use marketplace_money::{Amount, BasisPoints};
use serde_json::Value;

/// As it lies at the top of the repository.
const BUILT_IN: &str = include_str!("../../../../agent_card.json");
/// The name that is looked for in the working folder.
const FILE_NAME: &str = "agent_card.json";

/// The card's JSON, its numbers kept as they were written: none ever becomes a float.
#[derive(Clone, Debug)]
pub struct AgentCard {
    json: Value,
    source: String,
}

/// Why a card cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardError(String);

impl fmt::Display for CardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CardError {}

impl AgentCard {
    /// The card of this build.
    ///
    /// # Errors
    /// Never, while the repository's own card is JSON; a test sees to it.
    pub fn built_in() -> Result<Self, CardError> {
        Self::parse(BUILT_IN, "the card built in".to_owned())
    }

    /// The card at `path`; without one, `agent_card.json` of the working folder where there is one,
    /// else the card built in.
    ///
    /// # Errors
    /// When the file cannot be read or is no JSON object.
    pub fn load(path: Option<&Path>) -> Result<Self, CardError> {
        let path = match path {
            Some(path) => path.to_owned(),
            None if Path::new(FILE_NAME).is_file() => PathBuf::from(FILE_NAME),
            None => return Self::built_in(),
        };
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| CardError(format!("{shown} cannot be read: {error}")))?;
        Self::parse(&text, shown)
    }

    fn parse(text: &str, source: String) -> Result<Self, CardError> {
        match serde_json::from_str(text) {
            Ok(json @ Value::Object(_)) => Ok(Self { json, source }),
            Ok(_) => Err(CardError(format!("{source} must hold a JSON object"))),
            Err(error) => Err(CardError(format!("{source} is not JSON: {error}"))),
        }
    }

    /// Where it came from, for the operator.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// All of it.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// A text at a JSON pointer.
    pub(super) fn text(&self, pointer: &str) -> Result<&str, CardError> {
        self.json
            .pointer(pointer)
            .and_then(Value::as_str)
            .ok_or_else(|| CardError(format!("{pointer} must be a text in {}", self.source)))
    }

    /// A number at a JSON pointer, read from its text.
    pub(super) fn number<T>(&self, pointer: &str) -> Result<T, CardError>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let text = match self.json.pointer(pointer) {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) => text.clone(),
            _ => {
                return Err(CardError(format!("{pointer} must be a number in {}", self.source)));
            }
        };
        text.parse()
            .map_err(|error| CardError(format!("{pointer} in {}: \"{text}\" {error}", self.source)))
    }

    pub(super) fn amount(&self, pointer: &str) -> Result<Amount, CardError> {
        self.number(pointer)
    }

    pub(super) fn percent(&self, pointer: &str) -> Result<BasisPoints, CardError> {
        self.number(pointer)
    }

    /// The texts of a list.
    pub(super) fn texts(&self, pointer: &str) -> Result<Vec<&str>, CardError> {
        let list = self.json.pointer(pointer).and_then(Value::as_array);
        let texts = list.and_then(|list| list.iter().map(Value::as_str).collect());
        texts.ok_or_else(|| {
            CardError(format!("{pointer} must be a list of texts in {}", self.source))
        })
    }
}
