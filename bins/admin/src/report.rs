//! How results are shown.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

/// A table with these titles.
pub(crate) fn table(titles: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(titles.to_vec());
    table
}

/// A value of the server, which agents wrote: on a terminal it must not act.
pub(crate) fn inert(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// What a motion is about, as words: `dispute_id 0197…, finding half`.
pub(crate) fn subject(motion: &Value) -> String {
    let fields = motion["subject"].as_object().into_iter().flatten();
    let words = fields.map(|(name, value)| match value.as_array().map(Vec::as_slice) {
        Some(all @ [first, _, ..]) => {
            format!("{name} {} and {} more", inert(first), all.len() - 1)
        }
        Some([only]) => format!("{name} {}", inert(only)),
        _ => format!("{name} {}", inert(value)),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// A row for each value, however deep it is: what is in `name` is named `name.part`, and what has a
/// name and a value by that name.
pub(crate) fn add_rows(lines: &mut Table, name: &str, value: &Value) {
    match value {
        Value::Object(parts) => {
            for (part, value) in parts {
                add_rows(lines, &format!("{name}.{part}"), value);
            }
        }
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (place, value) in (1..).zip(items) {
                match (&value["name"], &value["value"]) {
                    (Value::String(_), said) if !said.is_null() => {
                        add_rows(lines, &format!("{name}.{}", inert(&value["name"])), said);
                    }
                    _ => add_rows(lines, &format!("{name}.{place}"), value),
                }
            }
        }
        Value::Array(items) => {
            let words: Vec<String> = items.iter().map(inert).collect();
            lines.add_row([name.to_owned(), words.join(", ")]);
        }
        value => {
            lines.add_row([name.to_owned(), inert(value)]);
        }
    }
}

/// Everything that the server says of one thing, and what may be done with it.
pub(crate) fn show(thing: &Value, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        println!("{thing:#}");
        return Ok(());
    }
    let fields = thing.as_object().ok_or_else(|| anyhow::anyhow!("the server sent nothing"))?;
    let mut lines = table(&["field", "value"]);
    for (name, value) in fields.iter().filter(|(name, _)| *name != "available_actions") {
        add_rows(&mut lines, name, value);
    }
    let actions = thing["available_actions"].as_array().map(Vec::as_slice).unwrap_or_default();
    for action in actions {
        let costs = ["bond", "fee"].map(|cost| match &action[cost] {
            Value::Null => String::new(),
            amount => format!(", {cost} {} AVT", inert(amount)),
        });
        let until = match &action["until"] {
            Value::Null => String::new(),
            until => format!(", until {}", inert(until)),
        };
        // As the commands are spelt.
        let name = inert(&action["action"]).replace('_', "-");
        let words = format!("{name}{}{until}", costs.concat());
        lines.add_row(["you may".to_owned(), words]);
    }
    println!("{lines}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deep_has_a_row_of_its_own() {
        let mut lines = table(&["field", "value"]);
        let value = serde_json::json!({
            "b": [{ "c": "d" }, { "c": 2 }], "e": ["f", "g"], "h": [],
            "i": [{ "name": "j", "value": "k" }],
        });
        add_rows(&mut lines, "a", &value);
        let text = lines.to_string();
        for part in ["a.b.1.c", "a.b.2.c", "a.e", "f, g", "a.i.j "] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("a.h"), "{text}");
    }

    #[test]
    fn no_text_moves_the_cursor() {
        let check = |value: Value, expect: &str| assert_eq!(inert(&value), expect, "{value}");
        check(Value::from("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
        check(Value::from("line\nline"), "line\u{fffd}line");
        check(Value::Null, "");
        check(serde_json::json!(["a"]), "[\"a\"]");
    }
}
