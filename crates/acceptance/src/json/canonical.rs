//! One text for all ways to write the same value: for comparing and for hashing.
//!
//! No space; names sorted by their UTF-8 bytes, each once (the last one counts); strings escape
//! only `"`, `\` and control characters below U+0020 (as `\u00XX`, lower case); numbers are their
//! digits without leading and trailing zeros and, where needed, `e` and an exponent: `25e-1`.

use std::fmt::Write as _;

use super::tree::{At, Kind, Tree};
use crate::budget::{Budget, Stop};

/// The canonical text of the value at `at`.
pub(crate) fn canonical(tree: &Tree<'_>, at: At, budget: &mut Budget<'_>) -> Result<String, Stop> {
    let mut text = String::new();
    write_value(tree, at, &mut text, budget)?;
    Ok(text)
}

fn write_value(
    tree: &Tree<'_>,
    at: At,
    text: &mut String,
    budget: &mut Budget<'_>,
) -> Result<(), Stop> {
    budget.spend(6)?;
    match tree.kind(at) {
        Kind::Array => write_array(tree, at, text, budget)?,
        Kind::Object => write_object(tree, at, text, budget)?,
        Kind::Number => {
            budget.spend(4 + tree.length(at) / 2)?;
            // Writing to a string cannot fail.
            let _ = write!(text, "{}", tree.number(at));
        }
        Kind::String => {
            budget.spend(tree.length(at) / 2)?;
            write_string(&tree.string(at), text);
        }
        Kind::Null | Kind::True | Kind::False => text.push_str(tree.written(at)),
    }
    Ok(())
}

fn write_array(
    tree: &Tree<'_>,
    at: At,
    text: &mut String,
    budget: &mut Budget<'_>,
) -> Result<(), Stop> {
    text.push('[');
    for (position, item) in tree.items(at).enumerate() {
        if position > 0 {
            text.push(',');
        }
        write_value(tree, item, text, budget)?;
    }
    text.push(']');
    Ok(())
}

fn write_object(
    tree: &Tree<'_>,
    at: At,
    text: &mut String,
    budget: &mut Budget<'_>,
) -> Result<(), Stop> {
    let mut members = Vec::new();
    for (name, value) in tree.members(at) {
        budget.spend(20 + tree.length(name))?;
        members.push((tree.string(name), value));
    }
    members.sort_unstable();
    text.push('{');
    for (position, (name, value)) in members.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        write_string(name, text);
        text.push(':');
        write_value(tree, *value, text, budget)?;
    }
    text.push('}');
    Ok(())
}

fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\0'..='\u{1f}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(character));
            }
            _ => text.push(character),
        }
    }
    text.push('"');
}
