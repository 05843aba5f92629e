//! Texts made to run long, recurse deep or grow large. Each ends soon, without any clock: by the
//! count of steps, by a limit at parse, or because it turned out to be cheap.
//!
//! `cargo test -p marketplace-acceptance --test adversaries -- --nocapture` prints the times.
#![expect(clippy::disallowed_methods, reason = "this test measures time and bounds the stack")]
#![expect(clippy::needless_pass_by_value, reason = "schemas are written where they are used")]

use std::time::{Duration, Instant};

use marketplace_acceptance::{Checks, Report};
use serde_json::{Value, json};

/// Generous: a run has 100 ms by its caller's clock; what it takes without one is printed.
const LIMIT: Duration = Duration::from_secs(2);
/// Blocking pools give 2 MiB by default.
const STACK_BYTES: usize = 1 << 20;
const MEBIBYTE: usize = 1 << 20;

/// Parses and runs on a small stack, prints both times, and fails when one is long.
fn attack(name: &str, terms: &Value, delivery: &str) -> Option<Report> {
    assert!(delivery.len() <= MEBIBYTE, "{name}: {} bytes", delivery.len());
    let terms = terms.to_string();
    let work = || {
        let start = Instant::now();
        let checks = match Checks::parse(&terms) {
            Ok(checks) => checks,
            Err(error) => {
                println!("{name}: refused in {:?}: {error}", start.elapsed());
                assert!(start.elapsed() < LIMIT, "{name}: parse");
                return None;
            }
        };
        let parse = start.elapsed();
        let start = Instant::now();
        let report = checks.run(delivery.as_bytes(), &|| false);
        let run = start.elapsed();
        let (detail, end) = (&report.results[0].detail, report.stopped);
        println!("{name}: parse {parse:?}, run {run:?}, {end:?}, {detail:.60}");
        assert!(parse < LIMIT && run < LIMIT, "{name}: parse {parse:?}, run {run:?}");
        let start = Instant::now();
        let limited = checks.run(delivery.as_bytes(), &|| start.elapsed().as_millis() >= 100);
        assert!(start.elapsed() < LIMIT, "{name}: with a clock");
        assert!(limited.stopped.is_some() || limited == report, "{name}: same report");
        Some(report)
    };
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
        let attack = builder.spawn_scoped(scope, work).expect("a thread starts");
        attack.join().expect("no text makes it panic")
    })
}

fn schema(schema: Value) -> Value {
    json!([{"kind": "json_schema", "schema": schema}])
}

fn pattern(pattern: &str) -> Value {
    json!([{"kind": "matches", "pattern": pattern}])
}

/// `item` again and again in an array, as long as it fits.
fn array_of(item: &str) -> String {
    let count = (MEBIBYTE - 2) / (item.len() + 1);
    format!("[{}]", vec![item; count].join(","))
}

/// An object of so many members, named by numbers.
fn named(count: usize, value: &Value) -> Value {
    (0..count).map(|name| (format!("{name:x}"), value.clone())).collect()
}

fn distinct(wrap: impl Fn(usize) -> String) -> String {
    let mut text = String::from("[");
    for number in 0.. {
        let item = wrap(number);
        if text.len() + item.len() + 2 > MEBIBYTE {
            break;
        }
        text.push_str(&item);
        text.push(',');
    }
    text.pop();
    text + "]"
}

#[test]
fn exponential_combinations() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let mut definitions = serde_json::Map::new();
        for level in 0..7 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            let branches = vec![next; 200];
            definitions.insert(format!("d{level}"), json!({keyword: branches}));
        }
        let bottom = if keyword == "allOf" { "number" } else { "string" };
        definitions.insert("d7".into(), json!({"type": bottom}));
        let terms = schema(json!({"$ref": "#/$defs/d0", "$defs": definitions}));
        attack(&format!("{keyword} of {keyword}"), &terms, "1");
    }
    let itself = json!({"items": {"$ref": "#"}});
    let recursive =
        json!({"anyOf": [{"allOf": [itself, {"maxItems": 0}]}, itself, {"not": itself}]});
    let nest = "[".repeat(64) + &"]".repeat(64);
    attack("recursive branches on nested arrays", &schema(recursive.clone()), &nest);
    attack("recursive branches on wide arrays", &schema(recursive), &array_of("[[[0]]]"));
    let negated = (0..14).fold(itself, |inner, _| json!({"not": inner}));
    attack("tall stack on nested arrays", &schema(negated), &nest);
}

#[test]
fn the_deepest_recursion_fits_a_small_stack() {
    // On every level: 16 subschemas on one value, of the kinds with the largest frames.
    let mut tower = json!({"properties": {"": {"$ref": "#"}}, "items": {"$ref": "#"}});
    for level in 0..13 {
        tower = match level % 4 {
            0 => json!({"anyOf": [tower]}),
            1 => json!({"if": true, "then": tower}),
            2 => json!({"oneOf": [tower]}),
            _ => json!({"dependentSchemas": {"": tower}, "allOf": [tower]}),
        };
    }
    let nest = "[".repeat(64) + &"]".repeat(64);
    let objects = "{\"\":".repeat(64) + "1" + &"}".repeat(64);
    assert!(attack("tower on arrays", &schema(tower.clone()), &nest).unwrap().passed());
    assert!(attack("tower on objects", &schema(tower), &objects).is_some());
    let deep = (0..61).fold(json!(true), |inner, _| json!({"items": inner}));
    assert!(attack("deep schema", &schema(deep), &nest).unwrap().passed());
    let deep = (0..30_000).fold(String::new(), |text, _| text + "[");
    assert!(Checks::parse(&deep).is_err());
}

#[test]
fn many_rules_on_many_values() {
    let zeros = array_of("0");
    let bounds: Vec<Value> = (0..2_000).map(|limit| json!({"minimum": -limit})).collect();
    attack("2000 bounds", &schema(json!({"items": {"allOf": bounds}})), &zeros);
    let values: Vec<u32> = (1..10_000).collect();
    attack("10000 values", &schema(json!({"not": {"contains": {"enum": values}}})), &zeros);
    let values: Vec<Value> = (0..1_000).map(|i| json!({"enum": [[i], {"a": i}]})).collect();
    attack("1000 enums on the root", &schema(json!({"not": {"anyOf": values}})), &zeros);
    let names: Vec<String> = (0..5_000).map(|name| format!("{name:x}")).collect();
    attack(
        "5000 names required",
        &schema(json!({"items": {"not": {"required": names}}})),
        &array_of(r#"{"1":0,"2":0}"#),
    );
    let object = named(80_000, &json!(0)).to_string();
    let names: Vec<String> = (0..5_000).chain([99_999]).map(|name| format!("{name:x}")).collect();
    attack("one of 5000 names missing", &schema(json!({"required": names})), &object);
    let dependent = named(900, &json!(["0", "1", "2"]));
    attack("names that demand names", &schema(json!({"dependentRequired": dependent})), &object);
    let dependent = named(900, &json!({"minProperties": 5}));
    attack("names that demand schemas", &schema(json!({"dependentSchemas": dependent})), &object);
    let patterns = named(400, &json!(false)).as_object().unwrap().clone();
    let patterns: Value =
        patterns.into_iter().map(|(name, no)| (format!("^x{name}"), no)).collect();
    attack("400 patterns for names", &schema(json!({"patternProperties": patterns})), &object);
}

#[test]
fn equal_items() {
    let unique = || schema(json!({"uniqueItems": true}));
    attack("unique numbers", &unique(), &distinct(|number| number.to_string()));
    attack("unique arrays", &unique(), &distinct(|number| format!("[{number}]")));
    attack(
        "unique objects",
        &unique(),
        &distinct(|number| format!("{{\"a\":{{\"b\":{number}}}}}")),
    );
    attack(
        "unique long prefixes",
        &unique(),
        &distinct(|number| format!("\"{}{number}\"", "a".repeat(1_000))),
    );
    attack("empty objects", &unique(), &array_of("{}"));
    let nested = json!({"uniqueItems": true, "items": {"$ref": "#"}});
    let half = format!("[{}0]", "{},".repeat(MEBIBYTE / 7));
    let nest = (0..62).fold(half, |inner, level| format!("[{inner},{level}]"));
    attack("unique on every level", &schema(nested), &nest);
}

#[test]
fn huge_numbers_and_strings() {
    let digits = "9".repeat(MEBIBYTE - 10);
    for number in [digits.clone(), format!("0.{digits}"), format!("-1e{digits}"), "1e400".into()] {
        for rule in [
            json!({"multipleOf": 0.1}),
            json!({"multipleOf": 999_999_999_999_999_998_u64}),
            json!({"minimum": 5}),
            json!({"type": "integer"}),
            json!({"const": 1}),
            json!({"allOf": vec![json!({"multipleOf": 7.5}); 100]}),
        ] {
            let name = format!("{number:.5} with {:.40}", rule.to_string());
            attack(&name, &schema(rule), &number);
        }
    }
    let escapes = format!("\"{}\"", "\\u0041".repeat(MEBIBYTE / 6 - 1));
    let lengths = vec![json!({"minLength": 5}); 500];
    attack("500 lengths of one string", &schema(json!({"allOf": lengths})), &escapes);
    let name = format!("{{{escapes}:0}}");
    let names = vec![json!({"propertyNames": {"minLength": 5}, "required": ["a"]}); 500];
    attack("500 looks at one name", &schema(json!({"not": {"anyOf": names}})), &name);
    let same = format!("{{{}\"a\":0}}", "\"a\":0,".repeat(MEBIBYTE / 6 - 2));
    attack("one name again and again", &schema(json!({"maxProperties": 1})), &same);
    let required = json!({"anyOf": vec![json!({"required": ["b"]}); 3_000]});
    attack("3000 looks for a name among them", &schema(required), &same);
    let same = (0..60).fold("{}".to_owned(), |inner, _| format!(r#"{{"a":0,"b":{inner},"a":1}}"#));
    attack("one name again on every level", &schema(json!(true)), &array_of(&same));
    let integers = vec![json!({"type": "integer"}); 2_800];
    let terms = schema(json!({"allOf": integers}));
    attack("2800 looks at one number", &terms, &digits);
    attack("2800 looks at one long fraction", &terms, &format!("1.{digits}e{}", "1".repeat(7)));
}

#[test]
fn nasty_patterns() {
    let mut random = 12_345_u64;
    let text: String = (0..MEBIBYTE - 2)
        .map(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if random & 1 == 0 { 'a' } else { 'b' }
        })
        .collect();
    let nested = |depth: usize| "(".repeat(depth) + "a" + &"+)*".repeat(depth);
    let patterns = [
        "(a+)+$c".to_owned(),
        "(a|aa)*c".to_owned(),
        "(.*)(.*)(.*)(.*)(.*)(.*)[^b]c".to_owned(),
        "(a|b)*a(a|b){9}c".to_owned(),
        "(a|b)*a(a|b){12}c".to_owned(),
        "(a|b)*a(a|b){100}c".to_owned(),
        "((a{1,30}){1,30}){1,30}".to_owned(),
        "((a{0,30}){0,30}){0,30}b{5}c".to_owned(),
        "(?:){4294967295}".to_owned(),
        "((){1000}){1000}".to_owned(),
        "(?i)".to_owned() + &r"\pL".repeat(8),
        "(?i)[".to_owned() + &r"\x00-\x{10ffff}".repeat(60) + "]{9}",
        "(?i)".to_owned() + &r"[^\x00-\x{10fffe}a]".repeat(16),
        "(?i)".to_owned() + &r"[^\x00-\x{10fffe}a]".repeat(17),
        r"[\w\W]{500}c".to_owned(),
        "(?s).{999}c".to_owned(),
        ".*a".repeat(300),
        "a?".repeat(300) + &"a".repeat(300),
        nested(40),
        r"(\b|a)*c".to_owned(),
        "^.{1,1000}$".to_owned(),
        r"(\S+\s+){1,90}c".to_owned(),
        (0..150).map(|i| format!("a{i}b")).collect::<Vec<_>>().join("|"),
        (0..90).map(|i| format!("[a{i}]*ab{i}")).collect::<Vec<_>>().join("|"),
    ];
    for source in &patterns {
        attack(&format!("{source:.40}"), &pattern(source), &text);
        let in_schema = schema(json!({"pattern": source}));
        attack("  as a schema", &in_schema, &format!("\"{text}\""));
    }
    let many: Vec<Value> =
        (0..16).map(|i| json!({"kind": "matches", "pattern": format!("(a|b)*c{i}")})).collect();
    attack("16 patterns", &json!(many), &text);
    let many: Vec<Value> =
        (0..200).map(|i| json!({"pattern": format!("(a|b){{5}}c{i}")})).collect();
    attack("200 patterns on one string", &schema(json!({"anyOf": many})), &format!("\"{text}\""));
    let many: Vec<Value> = (0..3)
        .map(|_| json!({"kind": "matches", "pattern": "(a|b)*a(a|b){11}c"}))
        .chain((0..13).map(|_| json!({"kind": "matches", "pattern": "(a|b)*a(a|b){90}"})))
        .collect();
    attack("many costly patterns", &json!(many), &text);
}

#[test]
fn large_documents() {
    let any = || json!([{"kind": "json_schema", "schema": true}, {"kind": "rows", "min": 1}]);
    for item in ["0", "[]", "{}", "\"\"", "{\"\":{}}", "{\"a\":0,\"b\":0}", "\n", "[[[[0]]]]"] {
        attack(&format!("array of {item:?}"), &any(), &array_of(item));
    }
    attack("brackets", &any(), &"[".repeat(MEBIBYTE));
    attack("line feeds", &json!([{"kind": "rows", "max": 0}]), &"\n".repeat(MEBIBYTE));
    let wide: Value =
        (0..4_000).map(|i| (format!("{i}"), json!({}))).collect::<serde_json::Map<_, _>>().into();
    attack("a wide schema", &schema(json!({"properties": wide})), &array_of("{\"1\":0}"));
}
