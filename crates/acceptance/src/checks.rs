//! The checks of a listing: from the text of its terms to compiled form.

use std::ops::RangeInclusive;

use crate::budget::Budget;
use crate::digest::Digest;
use crate::error::CheckError;
use crate::excerpt::excerpt;
use crate::json::{At, Kind, ReadError, Repeated, Tree, canonical, read};
use crate::pattern::{Pattern, PatternAllowance};
use crate::run::MAX_DELIVERY_BYTES;
use crate::schema::{self, Schema};

/// Most checks in one set.
pub const MAX_CHECKS: usize = 16;
/// Longest text of one set, in bytes.
pub const MAX_TERMS_BYTES: usize = 64 * 1024;

/// One check, compiled.
#[derive(Debug)]
pub enum Check {
    /// The delivery is JSON that fits the schema.
    JsonSchema(Schema),
    /// The delivery has this SHA-256.
    Sha256(Digest),
    /// The delivery's length in bytes is within.
    Size(Range),
    /// The number of rows is within, see [`crate::count_rows`].
    Rows(Range),
    /// The pattern is found in the delivery.
    Matches(Pattern),
}

/// Bounds of a count, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range(pub(crate) RangeInclusive<usize>);

impl Range {
    /// The least count that passes.
    #[must_use]
    pub fn min(&self) -> usize {
        *self.0.start()
    }

    /// The greatest count that passes.
    #[must_use]
    pub fn max(&self) -> usize {
        *self.0.end()
    }
}

/// What kind of check it is, as the terms name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckKind {
    /// `json_schema`
    JsonSchema,
    /// `sha256`
    Sha256,
    /// `size`
    Size,
    /// `rows`
    Rows,
    /// `matches`
    Matches,
}

impl CheckKind {
    /// The name in the terms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JsonSchema => "json_schema",
            Self::Sha256 => "sha256",
            Self::Size => "size",
            Self::Rows => "rows",
            Self::Matches => "matches",
        }
    }
}

impl std::fmt::Display for CheckKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Check {
    /// What kind of check it is.
    #[must_use]
    pub const fn kind(&self) -> CheckKind {
        match self {
            Self::JsonSchema(_) => CheckKind::JsonSchema,
            Self::Sha256(_) => CheckKind::Sha256,
            Self::Size(_) => CheckKind::Size,
            Self::Rows(_) => CheckKind::Rows,
            Self::Matches(_) => CheckKind::Matches,
        }
    }
}

/// All checks of a listing: at least one, at most [`MAX_CHECKS`].
#[derive(Debug)]
pub struct Checks {
    checks: Vec<Check>,
    hash: Digest,
}

impl Checks {
    /// Parses and compiles the terms' text, see the crate's page for its form. Nasty patterns can
    /// make this take some hundred milliseconds: call it on a blocking pool and keep the result.
    ///
    /// # Errors
    /// Names the check and the place, and says what to write instead.
    pub fn parse(json: &str) -> Result<Self, CheckError> {
        if json.len() > MAX_TERMS_BYTES {
            return Err(whole(format!("the text has at most {MAX_TERMS_BYTES} bytes")));
        }
        let mut budget = Budget::unlimited();
        let tree =
            read(json, Repeated::Refused, &mut budget).map_err(|error| whole(not_json(&error)))?;
        let terms = Terms { tree: &tree };
        if tree.kind(tree.root()) != Kind::Array {
            return Err(whole(
                "write an array of checks: [{\"kind\":\"size\",\"max_bytes\":1000}]",
            ));
        }
        if !(1..=MAX_CHECKS).contains(&tree.length(tree.root())) {
            return Err(whole(format!("name 1 to {MAX_CHECKS} checks")));
        }
        let mut patterns = PatternAllowance::new();
        let mut checks = Vec::new();
        for at in tree.items(tree.root()) {
            checks.push(terms.check(at, &mut patterns)?);
        }
        let canonical =
            canonical(&tree, tree.root(), &mut budget).expect("an unlimited budget does not end");
        Ok(Self { checks, hash: Digest::of(canonical.as_bytes()) })
    }

    /// The checks in the order of the terms.
    #[must_use]
    pub fn as_slice(&self) -> &[Check] {
        &self.checks
    }

    /// SHA-256 of the terms' canonical text: space, the order of fields and the way that numbers
    /// and strings are written make no difference. The canonical text has no space, names sorted
    /// by their UTF-8 bytes, escapes only for `"`, `\` and control characters (`\u00XX`), and
    /// numbers as digits without zeros at the ends, then `e` and an exponent unless it is 0.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.hash
    }
}

fn whole(message: impl Into<String>) -> CheckError {
    CheckError { index: None, place: String::new(), message: message.into() }
}

fn not_json(error: &ReadError) -> String {
    match error {
        ReadError::NotJson { byte, problem } => {
            format!("not well written at byte {byte}: {problem}")
        }
        ReadError::Stopped(_) => "too long".to_owned(),
    }
}

struct Terms<'t, 'a> {
    tree: &'t Tree<'a>,
}

impl Terms<'_, '_> {
    fn check(&self, at: At, patterns: &mut PatternAllowance) -> Result<Check, CheckError> {
        let kinds = "json_schema, sha256, size, rows, matches";
        if self.tree.kind(at) != Kind::Object {
            return Err(self.error(at, "a check is an object with a \"kind\""));
        }
        let kind = self.text(at, "kind", &format!("one of: {kinds}"))?;
        match kind.as_str() {
            "json_schema" => {
                let [schema] = self.fields(at, ["schema"])?;
                let schema = schema.ok_or_else(|| self.error(at, "add \"schema\""))?;
                schema::compile(self.tree, schema, patterns)
                    .map(Check::JsonSchema)
                    .map_err(|fault| self.error(fault.at, &fault.message))
            }
            "sha256" => {
                let [_] = self.fields(at, ["hex"])?;
                let hex = self.text(at, "hex", "64 hexadecimal digits")?;
                let digest =
                    hex.parse().map_err(|error| self.error(at, &format!("hex {error}")))?;
                Ok(Check::Sha256(digest))
            }
            "size" => self.range(at, ["min_bytes", "max_bytes"]).map(Check::Size),
            "rows" => self.range(at, ["min", "max"]).map(Check::Rows),
            "matches" => {
                let [_] = self.fields(at, ["pattern"])?;
                let source = self.text(at, "pattern", "a regular expression")?;
                let pattern = patterns.compile(&source);
                pattern.map(Check::Matches).map_err(|message| self.error(at, &message))
            }
            other => {
                let other = excerpt(other, 40);
                Err(self.error(at, &format!("the kind \"{other}\" is not one of: {kinds}")))
            }
        }
    }

    /// The values of the fields that a kind knows, and no others.
    fn fields<const COUNT: usize>(
        &self,
        at: At,
        known: [&str; COUNT],
    ) -> Result<[Option<At>; COUNT], CheckError> {
        for (name, _) in self.tree.members(at) {
            let text = self.tree.string(name);
            if text != "kind" && !known.contains(&&*text) {
                let known = known.join(", ");
                return Err(
                    self.error(name, &format!("not a field here; there are: kind, {known}"))
                );
            }
        }
        Ok(known.map(|name| self.tree.member(at, name)))
    }

    fn text(&self, at: At, field: &str, form: &str) -> Result<String, CheckError> {
        match self.tree.member(at, field) {
            Some(value) if self.tree.kind(value) == Kind::String => {
                Ok(self.tree.string(value).into_owned())
            }
            Some(value) => Err(self.error(value, &format!("\"{field}\" is a string, {form}"))),
            None => Err(self.error(at, &format!("add \"{field}\": {form}"))),
        }
    }

    fn range(&self, at: At, names: [&str; 2]) -> Result<Range, CheckError> {
        let bounds = self.fields(at, names)?;
        if bounds.iter().all(Option::is_none) {
            return Err(self.error(at, &format!("add \"{}\" or \"{}\"", names[0], names[1])));
        }
        let bound = |value: Option<At>, default: usize| match value {
            None => Ok(default),
            Some(value) => Some(value)
                .filter(|value| self.tree.kind(*value) == Kind::Number)
                .and_then(|value| self.tree.number(value).to_count())
                .filter(|count| *count <= MAX_DELIVERY_BYTES)
                .ok_or_else(|| {
                    let form = format!("expected a whole number from 0 to {MAX_DELIVERY_BYTES}");
                    self.error(value, &form)
                }),
        };
        let (min, max) = (bound(bounds[0], 0)?, bound(bounds[1], MAX_DELIVERY_BYTES)?);
        if min > max {
            let order = format!("\"{}\" is above \"{}\": nothing would pass", names[0], names[1]);
            return Err(self.error(at, &order));
        }
        Ok(Range(min..=max))
    }

    fn error(&self, at: At, message: &str) -> CheckError {
        let index = self.tree.items(self.tree.root()).position(|check| self.tree.holds(check, at));
        CheckError { index, place: self.tree.pointer(at), message: excerpt(message, 300) }
    }
}
