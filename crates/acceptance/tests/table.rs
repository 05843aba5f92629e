//! What each check says, as tables.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]
#![expect(clippy::needless_pass_by_value, reason = "terms are written where they are used")]

use std::collections::BTreeMap;

use marketplace_acceptance::{
    CheckKind, CheckResult, Checks, Digest, MAX_STEPS, Report, Stop, count_rows,
};
use serde_json::json;

fn run(terms: &serde_json::Value, delivery: &[u8]) -> Report {
    Checks::parse(&terms.to_string()).unwrap().run(delivery, &|| false)
}

/// One check, its answer, and a part of the detail.
fn check(terms: serde_json::Value, delivery: &str, passed: bool, detail: &str) {
    let report = run(&json!([terms]), delivery.as_bytes());
    let result = &report.results[0];
    assert_eq!(result.passed, passed, "{terms} on {delivery}: {}", result.detail);
    assert!(result.detail.contains(detail), "{terms} on {delivery}: {}", result.detail);
    assert_eq!(report.passed(), passed);
}

fn schema(schema: serde_json::Value) -> serde_json::Value {
    json!({"kind": "json_schema", "schema": schema})
}

#[test]
fn sha256() {
    let empty = Digest::of(b"").to_string();
    check(json!({"kind": "sha256", "hex": empty}), "", true, &empty);
    check(json!({"kind": "sha256", "hex": empty.to_uppercase()}), "", true, &empty);
    check(json!({"kind": "sha256", "hex": empty}), "x", false, "2d7116");
}

#[test]
fn size() {
    let terms = json!({"kind": "size", "min_bytes": 2, "max_bytes": 3});
    check(terms.clone(), "a", false, "1 bytes, agreed are 2 to 3");
    check(terms.clone(), "ab", true, "2 bytes");
    check(terms.clone(), "abc", true, "3 bytes");
    check(terms, "é é", false, "5 bytes");
    check(json!({"kind": "size", "max_bytes": 0}), "", true, "0 bytes");
    check(json!({"kind": "size", "min_bytes": 1e0}), "", false, "agreed are 1 to 1048576");
}

#[test]
fn rows() {
    let rows =
        |text: &str, expect: usize| assert_eq!(count_rows(text.as_bytes()), expect, "{text:?}");
    rows("", 0);
    rows("a", 1);
    rows("a\n", 1);
    rows("a\nb", 2);
    rows("a\r\nb\r\n", 2);
    rows("a\n\n \t\r\nb\n\n\n", 2);
    rows("id,text\n1,\"two\nlines\"\n", 3);
    rows("\u{a0}\n", 1);
    assert_eq!(count_rows(b"\xff\n\xfe"), 2);
    let terms = json!({"kind": "rows", "min": 2, "max": 2});
    check(terms.clone(), "{}\n{}\n", true, "2 rows");
    check(terms.clone(), "{}\n", false, "1 rows, agreed are 2 to 2");
    check(terms, "{}\n\n\n", false, "1 rows");
}

#[test]
fn matches() {
    let terms = json!({"kind": "matches", "pattern": r"^id,\w+\n"});
    check(terms.clone(), "id,name\n1,a\n", true, "found");
    check(terms, "name\n", false, "not found");
    let report = run(&json!([{"kind": "matches", "pattern": "^.x"}]), b"\xffx");
    assert!(!report.passed());
    assert!(run(&json!([{"kind": "matches", "pattern": "x$"}]), b"\xffx").passed());
}

#[test]
fn what_is_not_a_document() {
    let any = || schema(json!(true));
    check(any(), "{}", true, "fits");
    check(any(), "{", false, "not JSON at byte 1");
    check(any(), "", false, "not JSON at byte 0");
    check(any(), &"[".repeat(65), false, "64 deep");
    let report = run(&json!([any()]), b"[\"\xff\"]");
    assert_eq!(report.results[0].detail, "not UTF-8 at byte 2");
}

#[test]
fn schema_keywords() {
    let fits =
        |keywords: serde_json::Value, text: &str| check(schema(keywords), text, true, "fits");
    let fails = |keywords: serde_json::Value, text: &str, detail: &str| {
        check(schema(keywords), text, false, detail);
    };
    fits(json!({"type": "integer"}), "1.0");
    fits(json!({"type": "integer"}), "1e400");
    fails(json!({"type": "integer"}), "1e-400", "expected integer; found 1e-400");
    fails(json!({"type": ["null", "array"]}), "{}", "expected null or array; found an object");
    fits(json!({"const": {"a": 1, "b": [2]}}), r#"{"b":[2.0],"a":1e0}"#);
    fails(json!({"const": 1}), "true", "\"const\"");
    fails(json!({"enum": [1, "a"]}), "[1]", "\"enum\" allows; found an array of length 1");
    fails(json!({"minimum": 0.3}), "0.29999999999999999999", "\"minimum\" wants at least 3e-1");
    fits(json!({"exclusiveMaximum": 9007199254740993i64}), "9007199254740992.9");
    fails(json!({"multipleOf": 0.01}), "4.351", "multiple of 1e-2");
    fits(json!({"maxLength": 2}), r#""\ud83d\ude00é""#);
    fails(json!({"minLength": 2}), r#""a""#, "\"minLength\" is 2; found \"a\"");
    fails(json!({"pattern": "^a"}), r#""ba""#, "pattern \"^a\"");
    fails(json!({"items": false}), "[[]]", "/0: nothing is allowed");
    fails(json!({"prefixItems": [true], "items": {"type": "null"}}), "[1,2]", "/1: expected null");
    fails(json!({"uniqueItems": true}), "[1,[2],{\"a\":1},{\"a\":1.0}]", "equal");
    fits(json!({"uniqueItems": true}), "[1,\"1\",[1],true,{\"a\":1}]");
    fails(json!({"contains": {"const": 1}, "maxContains": 1}), "[1,1]", "\"contains\"");
    fails(json!({"required": ["a", "b"]}), r#"{"a":1}"#, "the document: \"b\" is missing");
    fails(
        json!({"properties": {"x": {"items": {"required": ["id"]}}}}),
        r#"{"x":[{"id":1},{}]}"#,
        "/x/1: \"id\" is missing",
    );
    fails(
        json!({"patternProperties": {"^n_": {"type": "number"}}, "additionalProperties": false}),
        r#"{"n_1":1,"other":2}"#,
        "/other: nothing is allowed here; found 2",
    );
    fails(json!({"propertyNames": {"maxLength": 1}}), r#"{"ab":1}"#, "/ab: \"maxLength\" is 1");
    fails(json!({"dependentRequired": {"a": ["b"]}}), r#"{"a":1}"#, "dependentRequired");
    fails(json!({"dependentSchemas": {"a": {"maxProperties": 1}}}), r#"{"a":1,"b":2}"#, "is 1");
    fails(json!({"anyOf": [{"type": "null"}, {"const": 1}]}), "2", "\"anyOf\"; found 2");
    fails(json!({"oneOf": [true, true]}), "2", "\"oneOf\"");
    fails(json!({"not": {"type": "number"}}), "2", "\"not\"");
    fails(json!({"if": {"minimum": 5}, "else": {"const": 1}}), "2", "\"const\"");
}

#[test]
fn bounds_at_their_edges() {
    let edges = [
        ("minimum", [false, true, true]),
        ("exclusiveMinimum", [false, false, true]),
        ("maximum", [true, true, false]),
        ("exclusiveMaximum", [true, false, false]),
        ("minLength", [false, true, true]),
        ("maxLength", [true, true, false]),
        ("minItems", [false, true, true]),
        ("maxItems", [true, true, false]),
        ("minProperties", [false, true, true]),
        ("maxProperties", [true, true, false]),
    ];
    for (keyword, expect) in edges {
        for (value, fits) in (1..=3).zip(expect) {
            let document = match keyword {
                "minLength" | "maxLength" => json!("é".repeat(value)),
                "minItems" | "maxItems" => json!(vec![0; value]),
                "minProperties" | "maxProperties" => {
                    json!((0..value).map(|i| (i.to_string(), i)).collect::<BTreeMap<_, _>>())
                }
                _ => json!(value),
            };
            let detail = if fits { "fits" } else { keyword };
            check(schema(json!({ keyword: 2 })), &document.to_string(), fits, detail);
        }
    }
}

#[test]
fn the_last_of_equal_names_counts() {
    let one = || schema(json!({"properties": {"a": {"const": 1}}, "maxProperties": 1}));
    check(one(), r#"{"a":2,"\u0061":1}"#, true, "fits");
    check(one(), r#"{"a":1,"a":2}"#, false, "/a: is not a value");
}

#[test]
fn recursive_schemas() {
    let tree = || {
        schema(json!({
            "$ref": "#/$defs/node~1tree",
            "$defs": {"node/tree": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node~1tree"}},
                },
            }},
        }))
    };
    check(tree(), r#"{"name":"a","children":[{"name":"b","children":[]}]}"#, true, "fits");
    check(tree(), r#"{"name":"a","children":[{"nam":"b"}]}"#, false, "/children/0: \"name\"");
    check(schema(json!({"items": {"$ref": "#"}, "type": "array"})), "[[],[[1]]]", false, "/1/0/0");
}

#[test]
fn what_terms_are_refused_and_why() {
    let refused = |terms: &str, index: Option<usize>, place: &str, message: &str| {
        let error = Checks::parse(terms).unwrap_err();
        assert_eq!((error.index, error.place.as_str()), (index, place), "{terms}: {error}");
        assert!(error.message.contains(message), "{terms}: {error}");
    };
    refused("", None, "", "at byte 0: expected a value");
    refused("{}", None, "", "an array of checks");
    refused("[]", None, "", "1 to 16");
    let many = json!(vec![json!({"kind": "size", "max_bytes": 1}); 17]).to_string();
    refused(&many, None, "", "1 to 16");
    refused(&format!("[{}]", " ".repeat(65_536)), None, "", "65536 bytes");
    refused("[1]", Some(0), "/0", "an object");
    refused("[{}]", Some(0), "/0", "add \"kind\": one of: json_schema");
    refused(r#"[{"kind":1}]"#, Some(0), "/0/kind", "is a string");
    refused(r#"[{"kind":"shell\u0007"}]"#, Some(0), "/0", "the kind \"shell\u{fffd}\" is not");
    refused(r#"[{"kind":"size","max":1}]"#, Some(0), "/0/max", "there are: kind, min_bytes");
    refused(r#"[{"kind":"size"}]"#, Some(0), "/0", "add \"min_bytes\" or \"max_bytes\"");
    refused(
        r#"[{"kind":"size","kind":"rows","min":1}]"#,
        None,
        "",
        "at byte 37: the object that ends here has a name twice",
    );
    refused(r#"[{"kind":"rows","min":3,"max":2}]"#, Some(0), "/0", "nothing would pass");
    refused(r#"[{"kind":"rows","min":-1}]"#, Some(0), "/0/min", "from 0 to 1048576");
    refused(r#"[{"kind":"rows","min":1.5}]"#, Some(0), "/0/min", "whole number");
    refused(r#"[{"kind":"size","min_bytes":1e7}]"#, Some(0), "/0/min_bytes", "1048576");
    refused(r#"[{"kind":"sha256"}]"#, Some(0), "/0", "add \"hex\": 64");
    refused(r#"[{"kind":"sha256","hex":"ab"}]"#, Some(0), "/0", "64 hexadecimal digits");
    refused(r#"[{"kind":"matches","pattern":"("}]"#, Some(0), "/0", "unclosed group");
    refused(
        r#"[{"kind":"size","max_bytes":1},{"kind":"json_schema"}]"#,
        Some(1),
        "/1",
        "add \"schema\"",
    );
}

#[test]
fn what_schemas_are_refused_and_why() {
    let refused = |keywords: serde_json::Value, place: &str, message: &str| {
        let terms = json!([schema(keywords)]).to_string();
        let error = Checks::parse(&terms).unwrap_err();
        assert_eq!(error.place, format!("/0/schema{place}"), "{terms}: {error}");
        assert!(error.message.contains(message), "{terms}: {error}");
    };
    refused(json!(1), "", "an object, true or false");
    refused(json!({"typ": "null"}), "/typ", "spelling");
    refused(json!({"format": "date"}), "/format", "write a pattern");
    refused(json!({"type": "text"}), "/type", "types are: null");
    refused(json!({"type": []}), "/type", "at least one");
    refused(json!({"items": [true]}), "/items", "a schema is an object");
    refused(json!({"dependencies": {}}), "/dependencies", "dependentRequired");
    refused(json!({"minLength": -1}), "/minLength", "whole number");
    refused(json!({"multipleOf": 0}), "/multipleOf", "above 0");
    refused(json!({"pattern": "(?=a)"}), "/pattern", "look-around");
    refused(json!({"anyOf": []}), "/anyOf", "at least one schema");
    refused(json!({"required": "a"}), "/required", "an array");
    refused(
        json!({"properties": {"a": {"unevaluatedItems": false}}}),
        "/properties/a/unevaluatedItems",
        "not known here",
    );
    refused(json!({"properties": {"a": {"$defs": {}}}}), "/properties/a/$defs", "at the top");
    refused(json!({"$schema": "http://json-schema.org/draft-07/schema#"}), "/$schema", "2020-12");
    for reference in [
        "http://example.com/a.json",
        "file:///etc/passwd",
        "#/properties/a",
        "other.json",
        "#/$defs/none",
        "",
        "#a",
    ] {
        refused(json!({"$ref": reference}), "/$ref", "nothing is fetched");
    }
    let circle = "refers to itself without going into the data";
    refused(json!({"$ref": "#"}), "", circle);
    refused(json!({"anyOf": [{"type": "null"}, {"not": {"$ref": "#"}}]}), "", circle);
    refused(
        json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"if": {"$ref": "#/$defs/a"}}}}),
        "",
        circle,
    );
    let tower = (0..16).fold(json!(true), |inner, _| json!({"allOf": [inner]}));
    refused(tower, "", "more than 16");
    let tower = (0..15).fold(json!(true), |inner, _| json!({"allOf": [inner]}));
    assert!(run(&json!([schema(tower)]), b"1").passed());
}

#[test]
fn what_has_no_effect_is_read() {
    let notes = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/a",
        "$comment": "", "title": "T", "description": "D", "default": 1, "examples": [1],
        "deprecated": true, "readOnly": false, "writeOnly": false, "definitions": {"x": false},
        "type": "number",
    });
    check(schema(notes), "1", true, "fits");
}

#[test]
fn reports_and_their_hashes() {
    let terms = json!([{"kind": "size", "max_bytes": 5}, {"kind": "rows", "min": 2}]);
    let report = run(&terms, b"a\nb");
    assert!(report.passed());
    let expect = format!(
        "marketplace-acceptance 1\nchecks {}\ndelivery {}\nsize passed 3 bytes\nrows passed 2 \
         rows\n",
        Digest::of(br#"[{"kind":"size","max_bytes":5},{"kind":"rows","min":2}]"#),
        Digest::of(b"a\nb"),
    );
    assert_eq!(report.canonical_text(), expect);
    assert_eq!(report.hash(), Digest::of(expect.as_bytes()));
    let spaced = r#"[ {"max_bytes":5.0,"kind":"si\u007ae"}, {"min":2,"kind":"rows"} ]"#;
    assert_eq!(Checks::parse(spaced).unwrap().run(b"a\nb", &|| false), report);
    assert_ne!(run(&terms, b"a\nc").hash(), report.hash());
    let others = json!([{"kind": "size", "max_bytes": 6}, {"kind": "rows", "min": 2}]);
    assert_ne!(run(&others, b"a\nb").hash(), report.hash());
    let stopped = Some(Stop::TimeIsUp);
    assert!(!Report { stopped, ..report }.passed());
    let none: Vec<CheckResult> = Vec::new();
    assert!(!Report { results: none, ..run(&terms, b"a\nb") }.passed());
    let failed = run(&terms, b"a");
    assert_eq!(failed.results.iter().map(|r| r.passed).collect::<Vec<_>>(), [true, false]);
    assert!(!failed.passed());
}

#[test]
fn a_run_whose_time_is_up_has_not_passed() {
    let terms = json!([{"kind": "size", "max_bytes": 5}, {"kind": "rows", "min": 1}]).to_string();
    let checks = Checks::parse(&terms).unwrap();
    let asked = std::cell::Cell::new(0);
    let report = checks.run(b"a", &|| asked.replace(asked.get() + 1) > 0);
    assert_eq!(report.stopped, Some(Stop::TimeIsUp));
    assert!(report.results[0].passed && !report.results[1].passed && !report.passed());
    assert_eq!(report.results[1].detail, "gave up: time is up");
    let report = checks.run(b"a", &|| true);
    assert_eq!(report.results[1].detail, "not run: time is up");
    assert!(report.canonical_text().contains("\nstopped time_is_up\n"));
}

#[test]
fn a_run_with_too_much_work_says_so_everywhere_alike() {
    let checks: Vec<_> = (0..8).map(|_| schema(json!({"items": {"type": "null"}}))).collect();
    let mut terms = vec![schema(json!({"items": {"allOf": vec![json!({"minimum": 0}); 100]}}))];
    terms.extend(checks);
    terms.push(json!({"kind": "size", "min_bytes": 1}));
    let delivery = format!("[{}0]", "0,".repeat(500_000));
    let report = run(&json!(terms), delivery.as_bytes());
    assert_eq!(report.stopped, Some(Stop::TooMuchWork));
    let wanted = format!("gave up: the checks need more than {MAX_STEPS} steps together");
    assert_eq!(report.results[0].detail, wanted);
    for result in &report.results[1..] {
        assert!(!result.passed && result.detail.starts_with("not run"), "{result:?}");
    }
    assert!(report.canonical_text().contains("\nstopped too_much_work\n"));
    assert_eq!(report, run(&json!(terms), delivery.as_bytes()));
}

#[test]
fn a_delivery_above_the_limit_passes_nothing() {
    let terms = json!([{"kind": "size", "min_bytes": 1}, schema(json!(true))]);
    let report = run(&terms, &vec![b'1'; (1 << 20) + 1]);
    assert!(report.results.iter().all(|result| !result.passed));
    assert_eq!(report.results[1].detail, "1048577 bytes, checks read at most 1048576");
    assert!(run(&terms, &vec![b'1'; 1 << 20]).passed());
}

#[test]
fn kinds_have_the_names_of_the_terms() {
    let kinds = [CheckKind::JsonSchema, CheckKind::Sha256, CheckKind::Size, CheckKind::Rows];
    let names: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["json_schema", "sha256", "size", "rows"]);
}
