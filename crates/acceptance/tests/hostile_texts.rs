//! No text makes it panic, and no detail shows what it must not.

use marketplace_acceptance::{Checks, MAX_DETAIL_CHARS};
use proptest::prelude::*;

/// Words of the terms' language, well and badly put together.
fn words() -> impl Strategy<Value = String> {
    let words = vec![
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"kind\":",
        "\"json_schema\"",
        "\"schema\":",
        "\"sha256\"",
        "\"size\"",
        "\"rows\"",
        "\"matches\"",
        "\"pattern\":",
        "\"min\":",
        "\"max\":",
        "\"hex\":",
        "\"$ref\":",
        "\"#\"",
        "\"#/$defs/a\"",
        "\"$defs\":",
        "\"a\":",
        "\"items\":",
        "\"allOf\":",
        "\"anyOf\":",
        "\"not\":",
        "\"properties\":",
        "\"enum\":",
        "\"type\":",
        "\"array\"",
        "\"minimum\":",
        "\"multipleOf\":",
        "true",
        "false",
        "null",
        "0",
        "-1.5e9",
        "1e999999999999",
        "\"\\ud800\"",
        "\"(a*)*\"",
        " ",
        "\n",
        "\u{202e}",
    ];
    prop::collection::vec(prop::sample::select(words), 0..40).prop_map(|words| words.concat())
}

fn a_check_with(schema: &str) -> String {
    format!("[{{\"kind\":\"json_schema\",\"schema\":{schema}}}]")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_terms_panic(text in words(), delivery in words()) {
        for terms in [text.clone(), a_check_with(&text), a_check_with(&format!("{{{text}}}"))] {
            match Checks::parse(&terms) {
                Ok(checks) => {
                    let _ = checks.run(delivery.as_bytes(), &|| false).hash();
                }
                Err(error) => {
                    prop_assert!(error.message.chars().count() <= 300);
                    prop_assert!(!error.to_string().chars().any(char::is_control), "{}", error);
                }
            }
        }
    }

    #[test]
    fn no_delivery_panics(delivery in prop::collection::vec(any::<u8>(), 0..300), text in words()) {
        let terms = r#"[
            {"kind":"json_schema","schema":{
                "type":["array","object","string"], "items":{"type":["number","string"]},
                "uniqueItems":true, "additionalProperties":{"multipleOf":0.1,"pattern":"^a+$"},
                "propertyNames":{"maxLength":3}, "enum":["a",[],{}]}},
            {"kind":"rows","min":1,"max":2}, {"kind":"size","max_bytes":20},
            {"kind":"matches","pattern":"^[^a]*\\ba\\b"}
        ]"#;
        let checks = Checks::parse(terms).unwrap();
        for delivery in [delivery.as_slice(), text.as_bytes()] {
            let report = checks.run(delivery, &|| false);
            prop_assert_eq!(report.results.len(), 4);
            for result in &report.results {
                prop_assert!(result.detail.chars().count() <= MAX_DETAIL_CHARS);
                prop_assert!(!result.detail.chars().any(char::is_control));
                assert!(!result.detail.contains('\u{202e}'));
            }
        }
    }
}

#[test]
fn long_and_deceiving_texts_are_cut() {
    let key = "\\u001b[31m\\u202e".to_owned() + &"k".repeat(100_000);
    let delivery = format!("{{\"{key}\":{{\"{key}\":\"{}\"}}}}", "\\u0000v".repeat(100_000));
    let terms = a_check_with(r#"{"additionalProperties":{"additionalProperties":{"const":1}}}"#);
    let report = Checks::parse(&terms).unwrap().run(delivery.as_bytes(), &|| false);
    let detail = &report.results[0].detail;
    assert!(detail.contains("\"const\"") && detail.len() < 400, "{detail}");
    assert!(!detail.contains(['\u{1b}', '\u{202e}', '\0']), "{detail}");
}
