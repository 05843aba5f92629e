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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_moves_the_cursor() {
        let check = |value: Value, expect: &str| assert_eq!(inert(&value), expect, "{value}");
        check(Value::from("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
        check(Value::from("line\nline"), "line\u{fffd}line");
        check(Value::Null, "");
        check(serde_json::json!(["a"]), "[\"a\"]");
    }
}
