//! What to tell about a value that does not fit.

use std::collections::BTreeSet;

use super::{Compare, Rule};
use crate::excerpt::excerpt;
use crate::json::{At, Kind, Tree};

/// A value and the rule that it breaks.
pub(super) struct Failure<'e> {
    pub(super) at: At,
    pub(super) rule: &'e Rule,
}

/// The place, the rule, and a short excerpt of the value.
pub(super) fn describe(tree: &Tree<'_>, failure: Option<&Failure<'_>>) -> String {
    let Some(Failure { at, rule }) = failure else {
        return "the document does not fit the schema".to_owned();
    };
    let pointer = tree.pointer(*at);
    let place = if pointer.is_empty() { "the document" } else { &pointer };
    format!("{place}: {}; found {}", demand(tree, *at, rule), shown(tree, *at))
}

fn demand(tree: &Tree<'_>, at: At, rule: &Rule) -> String {
    match rule {
        Rule::Never => "nothing is allowed here".to_owned(),
        Rule::Type(types) => format!("expected {}", types.names()),
        Rule::OneOfValues { keyword, .. } => format!("is not a value that \"{keyword}\" allows"),
        Rule::Bound { keyword, compare, limit } => {
            let relation = match compare {
                Compare::AtLeast => "at least",
                Compare::Above => "above",
                Compare::AtMost => "at most",
                Compare::Below => "below",
            };
            format!("\"{keyword}\" wants {relation} {}", excerpt(&limit.to_string(), 40))
        }
        Rule::MultipleOf(divisor) => format!("is not a multiple of {divisor}"),
        Rule::Count { keyword, min, max, .. } => {
            format!("\"{keyword}\" is {}", if *max == usize::MAX { min } else { max })
        }
        Rule::Pattern(pattern) => {
            format!("the pattern \"{}\" is not in it", excerpt(pattern.source(), 60))
        }
        Rule::UniqueItems => "two items are equal".to_owned(),
        Rule::Required(names) => format!("\"{}\" is missing", missing(tree, at, names)),
        Rule::AnyOf(_) => "fits no schema of \"anyOf\"".to_owned(),
        Rule::OneOf(_) => "does not fit exactly one schema of \"oneOf\"".to_owned(),
        Rule::Not(_) => "fits the schema that \"not\" excludes".to_owned(),
        Rule::Contains { .. } => "too few or too many items fit \"contains\"".to_owned(),
        Rule::DependentRequired(_) => "\"dependentRequired\" names what is missing".to_owned(),
        _ => "does not fit the schema".to_owned(),
    }
}

/// The first name that is not there. One pass over the members, like the rule itself: each may be
/// many.
fn missing(tree: &Tree<'_>, at: At, names: &BTreeSet<String>) -> String {
    let mut missing: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    for (name, _) in tree.members(at) {
        missing.remove(&*tree.string(name));
    }
    excerpt(missing.first().unwrap_or(&""), 60)
}

fn shown(tree: &Tree<'_>, at: At) -> String {
    match tree.kind(at) {
        Kind::Array => format!("an array of length {}", tree.length(at)),
        Kind::Object => format!("an object of size {}", tree.length(at)),
        Kind::String => format!("\"{}\"", excerpt(&tree.string(at), 40)),
        _ => excerpt(tree.written(at), 40),
    }
}
