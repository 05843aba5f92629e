//! Our verdicts and those of the `jsonschema` crate are the same, on random schemas and documents.
//!
//! The crate is the judge here and not the worker in the product: it cannot be interrupted, with
//! `serde_json/arbitrary_precision` it panics at `1e400`, and with its own feature for long numbers
//! `multipleOf` runs for minutes on one long number.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

use marketplace_acceptance::Checks;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Small enough to meet again and again.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..6_i64).prop_map(Value::from),
        prop::sample::select(vec!["1.0", "0.5", "2e0", "-1.5", "15e-1", "0.25"])
            .prop_map(|text| serde_json::from_str(text).unwrap()),
        prop::sample::select(vec!["", "a", "ab", "b1", "é", "abc"]).prop_map(Value::from),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "ab", "b1"]).prop_map(str::to_owned)
}

fn document() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

fn keyword_alone() -> impl Strategy<Value = Value> {
    let types = ["null", "boolean", "integer", "number", "string", "array", "object"];
    let kind = || prop::sample::select(types.to_vec());
    let number = || {
        let texts = vec!["-1", "0", "1", "1.5", "2.0", "0.5"];
        prop::sample::select(texts).prop_map(|text| serde_json::from_str::<Value>(text).unwrap())
    };
    let count = || 0..4_u32;
    let names = || prop::collection::btree_set(name(), 0..3);
    let limit =
        prop::sample::select(vec!["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]);
    let counted = prop::sample::select(vec![
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
    ]);
    let divisors = vec!["0.5", "1", "1.5", "2", "0.25"];
    let pattern = prop::sample::select(vec!["^a", "b$", r"^\w\d$", "^.$", r"^[^a]*$", r"\bab\b"]);
    prop_oneof![
        kind().prop_map(|kind| json!({"type": kind})),
        (kind(), kind())
            .prop_filter("two types", |(a, b)| a != b)
            .prop_map(|(a, b)| json!({"type": [a, b]})),
        document().prop_map(|value| json!({"const": value})),
        prop::collection::vec(document(), 1..4).prop_map(|values| json!({"enum": values})),
        (limit, number()).prop_map(|(keyword, limit)| json!({keyword: limit})),
        (counted, count()).prop_map(|(keyword, count)| json!({keyword: count})),
        prop::sample::select(divisors)
            .prop_map(|text| json!({"multipleOf": serde_json::from_str::<Value>(text).unwrap()})),
        pattern.prop_map(|pattern| json!({"pattern": pattern})),
        any::<bool>().prop_map(|unique| json!({"uniqueItems": unique})),
        names().prop_map(|names| json!({"required": names})),
        (name(), names()).prop_map(|(name, names)| json!({"dependentRequired": {name: names}})),
    ]
}

fn keyword_with(inner: &BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let one = prop::sample::select(vec!["items", "additionalProperties", "propertyNames", "not"]);
    let list = prop::sample::select(vec!["prefixItems", "allOf", "anyOf", "oneOf"]);
    let schemas = || prop::collection::vec(inner.clone(), 1..4);
    let map = || prop::collection::btree_map(name(), inner.clone(), 0..3);
    let pattern = prop::sample::select(vec!["^a", "b", "1$"]);
    prop_oneof![
        (one, inner.clone()).prop_map(|(keyword, schema)| json!({keyword: schema})),
        (list, schemas()).prop_map(|(keyword, schemas)| json!({keyword: schemas})),
        map().prop_map(|map| json!({"properties": map})),
        map().prop_map(|map| json!({"dependentSchemas": map})),
        (pattern, inner.clone())
            .prop_map(|(pattern, schema)| json!({"patternProperties": {pattern: schema}})),
        (inner.clone(), 0..3_u32, 0..4_u32).prop_map(
            |(schema, min, max)| json!({"contains": schema, "minContains": min, "maxContains": max})
        ),
        inner.clone().prop_map(|schema| json!({"contains": schema})),
        (inner.clone(), inner.clone(), inner.clone())
            .prop_map(|(a, b, c)| json!({"if": a, "then": b, "else": c})),
    ]
    .boxed()
}

fn merged(parts: Vec<Value>) -> Value {
    let mut whole = serde_json::Map::new();
    for part in parts {
        if let Value::Object(map) = part {
            whole.extend(map);
        }
    }
    Value::Object(whole)
}

fn subschema() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        1 => any::<bool>().prop_map(Value::from),
        1 => prop::sample::select(vec!["#/$defs/one", "#/$defs/two"])
            .prop_map(|reference| json!({"$ref": reference})),
        6 => prop::collection::vec(keyword_alone(), 0..3).prop_map(merged),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let parts = prop_oneof![
            2 => keyword_with(&inner.boxed()),
            1 => keyword_alone().boxed(),
        ];
        prop::collection::vec(parts, 1..4).prop_map(merged)
    })
    .boxed()
}

fn schema() -> impl Strategy<Value = Value> {
    let definition = || prop::collection::vec(keyword_alone(), 0..2).prop_map(merged);
    (subschema(), definition(), definition(), any::<bool>()).prop_map(|(root, one, two, recurs)| {
        let mut two = two;
        if recurs {
            two["items"] = json!({"$ref": "#/$defs/two"});
            two["additionalProperties"] = json!({"$ref": "#/$defs/two"});
        }
        let definitions = json!({"$defs": {"one": one, "two": two}});
        let root = if root.is_object() { root } else { json!({"allOf": [root]}) };
        merged(vec![root, definitions])
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3_000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn same_verdict(schema in schema(), documents in prop::collection::vec(document(), 1..8)) {
        compare(&schema, &documents);
    }

    /// Most random schemas fail early; these reach the edges of every keyword.
    #[test]
    fn same_verdict_on_one_keyword(
        keyword in prop_oneof![
            keyword_alone().boxed(),
            keyword_with(&keyword_alone().boxed()),
        ],
        documents in prop::collection::vec(document(), 8..16),
    ) {
        compare(&keyword, &documents);
    }
}

fn compare(schema: &Value, documents: &[Value]) {
    let judge = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .build(schema)
        .unwrap();
    let terms = json!([{"kind": "json_schema", "schema": schema}]).to_string();
    let checks = Checks::parse(&terms).unwrap();
    for document in documents {
        let report = checks.run(document.to_string().as_bytes(), &|| false);
        let (ours, theirs) = (report.passed(), judge.is_valid(document));
        assert_eq!(ours, theirs, "{schema} on {document}: {:?}", report.results);
    }
}
