//! From a schema's text to rules.

use std::collections::{BTreeMap, BTreeSet};

use super::stack::{MAX_STACKED, stacks_too_high};
use super::{Compare, Counted, NodeId, Properties, Rule, Schema, TYPE_NAMES, TypeSet};
use crate::budget::Budget;
use crate::json::{At, Decimal, Kind, Tree, canonical};
use crate::pattern::{Pattern, PatternAllowance};

/// The names that 2020-12 goes by in `$schema`.
const DRAFTS: [&str; 2] = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2020-12/schema#",
];
/// Read and without effect.
const NOTES: [&str; 8] = [
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// What is wrong with a schema, and where it stands in the terms.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: At,
    pub(crate) message: String,
}

type Outcome<T> = Result<T, Fault>;

fn fault<T>(at: At, message: impl Into<String>) -> Outcome<T> {
    Err(Fault { at, message: message.into() })
}

/// Compiles the schema at `at`.
pub(crate) fn compile(
    tree: &Tree<'_>,
    at: At,
    patterns: &mut PatternAllowance,
) -> Result<Schema, Fault> {
    let mut compiler = Compiler { tree, patterns, named: BTreeMap::new(), nodes: Vec::new() };
    let root = compiler.reserve();
    let mut definitions = Vec::new();
    for keyword in ["$defs", "definitions"] {
        let Some(container) = tree.member(at, keyword) else { continue };
        for (name, schema) in compiler.members(container)? {
            let id = compiler.reserve();
            let pointer = format!("#/{keyword}/{}", name.replace('~', "~0").replace('/', "~1"));
            compiler.named.insert(pointer, id);
            definitions.push((id, schema));
        }
    }
    compiler.named.insert("#".to_owned(), root);
    compiler.fill(root, at, true)?;
    for (id, schema) in definitions {
        compiler.fill(id, schema, false)?;
    }
    let schema = Schema { nodes: compiler.nodes };
    if stacks_too_high(&schema) {
        return fault(
            at,
            format!(
                "the schema refers to itself without going into the data, or stacks more than \
                 {MAX_STACKED} subschemas on one value"
            ),
        );
    }
    Ok(schema)
}

struct Compiler<'t, 'a, 'p> {
    tree: &'t Tree<'a>,
    patterns: &'p mut PatternAllowance,
    /// What `$ref` may name.
    named: BTreeMap<String, NodeId>,
    nodes: Vec<Vec<Rule>>,
}

/// The keywords of one subschema; each is taken out when it is read, so that the rest is unknown.
type Fields = BTreeMap<String, At>;

impl Compiler<'_, '_, '_> {
    fn reserve(&mut self) -> NodeId {
        self.nodes.push(Vec::new());
        NodeId(self.nodes.len() - 1)
    }

    fn subschema(&mut self, at: At) -> Outcome<NodeId> {
        let id = self.reserve();
        self.fill(id, at, false)?;
        Ok(id)
    }

    fn fill(&mut self, id: NodeId, at: At, is_root: bool) -> Outcome<()> {
        let rules = match self.tree.kind(at) {
            Kind::True => Vec::new(),
            Kind::False => vec![Rule::Never],
            Kind::Object => self.rules(at, is_root)?,
            _ => return fault(at, "a schema is an object, true or false"),
        };
        self.nodes[id.0] = rules;
        Ok(())
    }

    /// The rules of one subschema, cheap ones first.
    fn rules(&mut self, at: At, is_root: bool) -> Outcome<Vec<Rule>> {
        let mut fields: Fields = self.members(at)?.into_iter().collect();
        if is_root {
            self.skip_head(&mut fields)?;
        }
        fields.retain(|keyword, _| !NOTES.contains(&keyword.as_str()));
        let mut rules = Vec::new();
        self.values(&mut fields, &mut rules)?;
        self.numbers(&mut fields, &mut rules)?;
        self.counts(&mut fields, &mut rules)?;
        self.names(&mut fields, &mut rules)?;
        if let Some(at) = fields.remove("pattern") {
            rules.push(Rule::Pattern(self.pattern(at)?));
        }
        self.parts(&mut fields, &mut rules)?;
        self.combinations(&mut fields, &mut rules)?;
        match fields.into_iter().next() {
            Some((keyword, at)) => fault(at, refusal(&keyword)),
            None => Ok(rules),
        }
    }

    fn skip_head(&self, fields: &mut Fields) -> Outcome<()> {
        // References are read relative to the top whatever its name is.
        for keyword in ["$defs", "definitions", "$id"] {
            fields.remove(keyword);
        }
        match fields.remove("$schema") {
            Some(at) if !DRAFTS.contains(&&*self.text(at)?) => {
                fault(at, format!("only draft 2020-12 is known: write \"{}\"", DRAFTS[0]))
            }
            _ => Ok(()),
        }
    }

    fn values(&self, fields: &mut Fields, rules: &mut Vec<Rule>) -> Outcome<()> {
        if let Some(at) = fields.remove("type") {
            let names = if self.tree.kind(at) == Kind::Array { self.items(at)? } else { vec![at] };
            if names.is_empty() {
                return fault(at, "name at least one type");
            }
            let mut types = TypeSet::default();
            for name in names {
                types = match types.with(&self.text(name)?) {
                    Some(types) => types,
                    None => {
                        return fault(name, format!("types are: {}", TYPE_NAMES.join(", ")));
                    }
                };
            }
            rules.push(Rule::Type(types));
        }
        if let Some(at) = fields.remove("const") {
            rules.push(self.one_of_values("const", &[at]));
        }
        if let Some(at) = fields.remove("enum") {
            let values = self.items(at)?;
            rules.push(self.one_of_values("enum", &values));
        }
        Ok(())
    }

    fn one_of_values(&self, keyword: &'static str, values: &[At]) -> Rule {
        let mut budget = Budget::unlimited();
        let text = |at: &At| {
            canonical(self.tree, *at, &mut budget).expect("an unlimited budget does not end")
        };
        let texts: BTreeSet<String> = values.iter().map(text).collect();
        let has_containers = texts.iter().any(|text| text.starts_with(['[', '{']));
        Rule::OneOfValues { keyword, texts, has_containers }
    }

    fn numbers(&self, fields: &mut Fields, rules: &mut Vec<Rule>) -> Outcome<()> {
        let bounds = [
            ("minimum", Compare::AtLeast),
            ("exclusiveMinimum", Compare::Above),
            ("maximum", Compare::AtMost),
            ("exclusiveMaximum", Compare::Below),
        ];
        for (keyword, compare) in bounds {
            if let Some(at) = fields.remove(keyword) {
                let limit = self.number(at)?.into_owned();
                rules.push(Rule::Bound { keyword, compare, limit });
            }
        }
        if let Some(at) = fields.remove("multipleOf") {
            match self.number(at)?.to_divisor() {
                Some(divisor) => rules.push(Rule::MultipleOf(divisor)),
                None => return fault(at, "multipleOf is above 0 and has at most 18 digits"),
            }
        }
        Ok(())
    }

    fn counts(&self, fields: &mut Fields, rules: &mut Vec<Rule>) -> Outcome<()> {
        let limits = [
            ("minLength", "maxLength", Counted::Characters),
            ("minItems", "maxItems", Counted::Items),
            ("minProperties", "maxProperties", Counted::Properties),
        ];
        for (lowest, highest, of) in limits {
            if let Some(at) = fields.remove(lowest) {
                let min = self.count(at)?;
                rules.push(Rule::Count { keyword: lowest, of, min, max: usize::MAX });
            }
            if let Some(at) = fields.remove(highest) {
                let max = self.count(at)?;
                rules.push(Rule::Count { keyword: highest, of, min: 0, max });
            }
        }
        Ok(())
    }

    fn names(&self, fields: &mut Fields, rules: &mut Vec<Rule>) -> Outcome<()> {
        if let Some(at) = fields.remove("required") {
            rules.push(Rule::Required(self.texts(at)?));
        }
        if let Some(at) = fields.remove("dependentRequired") {
            let mut dependent = BTreeMap::new();
            for (name, required) in self.members(at)? {
                dependent.insert(name, self.texts(required)?);
            }
            rules.push(Rule::DependentRequired(dependent));
        }
        Ok(())
    }

    /// Keywords that look into arrays and objects.
    fn parts(&mut self, fields: &mut Fields, rules: &mut Vec<Rule>) -> Outcome<()> {
        if let Some(at) = fields.remove("uniqueItems") {
            match self.tree.kind(at) {
                Kind::True => rules.push(Rule::UniqueItems),
                Kind::False => {}
                _ => return fault(at, "uniqueItems is true or false"),
            }
        }
        let prefix = self.optional_list(fields.remove("prefixItems"))?;
        let rest = self.optional(fields.remove("items"))?;
        if !prefix.is_empty() || rest.is_some() {
            rules.push(Rule::Items { prefix, rest });
        }
        let contains = fields.remove("contains");
        let min = fields.remove("minContains").map_or(Ok(1), |at| self.count(at))?;
        let max = fields.remove("maxContains").map_or(Ok(usize::MAX), |at| self.count(at))?;
        if let Some(schema) = self.optional(contains)? {
            rules.push(Rule::Contains { schema, min, max });
        }
        let named = self.optional_map(fields.remove("properties"))?;
        let patterns = self.pattern_properties(fields.remove("patternProperties"))?;
        let additional = self.optional(fields.remove("additionalProperties"))?;
        if !named.is_empty() || !patterns.is_empty() || additional.is_some() {
            rules.push(Rule::Properties(Properties { named, patterns, additional }));
        }
        if let Some(schema) = self.optional(fields.remove("propertyNames"))? {
            rules.push(Rule::PropertyNames(schema));
        }
        Ok(())
    }

    /// Keywords that apply more schemas to the same value.
    fn combinations(&mut self, fields: &mut Fields, rules: &mut Vec<Rule>) -> Outcome<()> {
        if let Some(at) = fields.remove("$ref") {
            match self.named.get(&*self.text(at)?) {
                Some(id) => rules.push(Rule::Reference(*id)),
                None => {
                    return fault(
                        at,
                        "a reference is \"#\" or \"#/$defs/NAME\" of the same schema: nothing is \
                         fetched, put what it names under $defs at the top",
                    );
                }
            }
        }
        type Combine = fn(Vec<NodeId>) -> Rule;
        let lists: [(&str, Combine); 3] =
            [("allOf", Rule::AllOf), ("anyOf", Rule::AnyOf), ("oneOf", Rule::OneOf)];
        for (keyword, combine) in lists {
            let Some(at) = fields.remove(keyword) else { continue };
            let schemas = self.optional_list(Some(at))?;
            rules.push(combine(schemas));
        }
        if let Some(schema) = self.optional(fields.remove("not"))? {
            rules.push(Rule::Not(schema));
        }
        let condition = self.optional(fields.remove("if"))?;
        let then = self.optional(fields.remove("then"))?;
        let otherwise = self.optional(fields.remove("else"))?;
        if let Some(condition) = condition {
            rules.push(Rule::If { condition, then, otherwise });
        }
        let schemas = self.optional_map(fields.remove("dependentSchemas"))?;
        if !schemas.is_empty() {
            rules.push(Rule::DependentSchemas(schemas));
        }
        Ok(())
    }

    fn optional(&mut self, at: Option<At>) -> Outcome<Option<NodeId>> {
        at.map(|at| self.subschema(at)).transpose()
    }

    fn optional_list(&mut self, at: Option<At>) -> Outcome<Vec<NodeId>> {
        let Some(at) = at else { return Ok(Vec::new()) };
        let schemas = self.items(at)?;
        if schemas.is_empty() {
            return fault(at, "expected an array of at least one schema");
        }
        schemas.into_iter().map(|schema| self.subschema(schema)).collect()
    }

    fn optional_map(&mut self, at: Option<At>) -> Outcome<BTreeMap<String, NodeId>> {
        let Some(at) = at else { return Ok(BTreeMap::new()) };
        let members = self.members(at)?.into_iter();
        members.map(|(name, schema)| Ok((name, self.subschema(schema)?))).collect()
    }

    fn pattern_properties(&mut self, at: Option<At>) -> Outcome<Vec<(Pattern, NodeId)>> {
        let Some(at) = at else { return Ok(Vec::new()) };
        let mut patterns = Vec::new();
        for (source, schema) in self.members(at)? {
            let pattern = self.compile_pattern(&source, schema)?;
            patterns.push((pattern, self.subschema(schema)?));
        }
        Ok(patterns)
    }

    fn pattern(&mut self, at: At) -> Outcome<Pattern> {
        let source = self.text(at)?;
        self.compile_pattern(&source, at)
    }

    fn compile_pattern(&mut self, source: &str, at: At) -> Outcome<Pattern> {
        self.patterns.compile(source).map_err(|message| Fault { at, message })
    }
}

/// Reading single values.
impl Compiler<'_, '_, '_> {
    fn text(&self, at: At) -> Outcome<String> {
        match self.tree.kind(at) {
            Kind::String => Ok(self.tree.string(at).into_owned()),
            _ => fault(at, "expected a string"),
        }
    }

    fn texts(&self, at: At) -> Outcome<BTreeSet<String>> {
        self.items(at)?.into_iter().map(|item| self.text(item)).collect()
    }

    fn number(&self, at: At) -> Outcome<Decimal<'_>> {
        match self.tree.kind(at) {
            Kind::Number => Ok(self.tree.number(at)),
            _ => fault(at, "expected a number"),
        }
    }

    fn count(&self, at: At) -> Outcome<usize> {
        match self.number(at)?.to_count() {
            Some(count) => Ok(count),
            None => fault(at, "expected a whole number from 0 to 999999999"),
        }
    }

    fn items(&self, at: At) -> Outcome<Vec<At>> {
        match self.tree.kind(at) {
            Kind::Array => Ok(self.tree.items(at).collect()),
            _ => fault(at, "expected an array"),
        }
    }

    fn members(&self, at: At) -> Outcome<Vec<(String, At)>> {
        match self.tree.kind(at) {
            Kind::Object => {
                let members = self.tree.members(at);
                Ok(members.map(|(name, value)| (self.tree.string(name).into(), value)).collect())
            }
            _ => fault(at, "expected an object"),
        }
    }
}

/// Why a keyword is refused, and what to write instead.
fn refusal(keyword: &str) -> String {
    match keyword {
        "format" => "\"format\" checks nothing in JSON Schema: write a pattern".to_owned(),
        "contentEncoding" | "contentMediaType" | "contentSchema" => {
            format!("\"{keyword}\" checks nothing in JSON Schema: leave it out")
        }
        "unevaluatedItems" | "unevaluatedProperties" => {
            format!("\"{keyword}\" is not known here: write items or additionalProperties")
        }
        "dependencies" => "write dependentRequired or dependentSchemas".to_owned(),
        "additionalItems" => "write prefixItems and items".to_owned(),
        "$defs" | "definitions" | "$schema" | "$id" => {
            format!("\"{keyword}\" belongs at the top of the schema")
        }
        "$anchor" | "$dynamicAnchor" | "$dynamicRef" | "$vocabulary" => {
            format!("\"{keyword}\" is not known here: leave it out and refer with \"#/$defs/NAME\"")
        }
        _ => "not a keyword that is known here: see its spelling, or leave it out".to_owned(),
    }
}
