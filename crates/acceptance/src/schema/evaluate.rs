//! Holding a value against the rules. Every loop pays for its rounds.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::{Failure, describe};
use super::{Compare, Counted, NodeId, Properties, Rule, Schema, TypeSet};
use crate::budget::{Budget, Stop};
use crate::json::{At, Kind, Tree, canonical};

impl Schema {
    /// Nothing when the document fits; else where it first does not, and why.
    pub(crate) fn misfit(
        &self,
        tree: &Tree<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<Option<String>, Stop> {
        let mut evaluation = Evaluation { schema: self, tree, budget, failure: None };
        if evaluation.fits(NodeId(0), tree.root())? {
            return Ok(None);
        }
        Ok(Some(describe(tree, evaluation.failure.as_ref())))
    }
}

struct Evaluation<'e, 'a, 'b, 'c> {
    schema: &'e Schema,
    tree: &'e Tree<'a>,
    budget: &'b mut Budget<'c>,
    /// The last rule that was not met. A value that does not fit leaves at the first such rule, so
    /// that in the end this is the reason: rules that try several ways overwrite it.
    failure: Option<Failure<'e>>,
}

/// Steps for finding a name among `count` others.
fn look_up_steps(count: usize) -> usize {
    2 * (count | 1).ilog2() as usize
}

impl<'e> Evaluation<'e, '_, '_, '_> {
    fn fits(&mut self, id: NodeId, at: At) -> Result<bool, Stop> {
        self.budget.spend(4)?;
        let schema = self.schema;
        for rule in &schema.nodes[id.0] {
            self.budget.spend(4)?;
            if !self.meets(rule, at)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn meets(&mut self, rule: &'e Rule, at: At) -> Result<bool, Stop> {
        let met = match rule {
            Rule::Items { prefix, rest } => return self.items_fit(prefix, *rest, at),
            Rule::Properties(properties) => return self.properties_fit(properties, at),
            Rule::PropertyNames(schema) => return self.names_fit(*schema, at),
            Rule::DependentSchemas(schemas) => return self.dependent_fit(schemas, at),
            Rule::AllOf(schemas) => return self.all_fit(schemas, at),
            Rule::Reference(schema) => return self.fits(*schema, at),
            Rule::If { condition, then, otherwise } => {
                let branch = if self.fits(*condition, at)? { then } else { otherwise };
                return branch.map_or(Ok(true), |schema| self.fits(schema, at));
            }
            Rule::AnyOf(schemas) => self.count_fitting(schemas, at, 1)? == 1,
            Rule::OneOf(schemas) => self.count_fitting(schemas, at, 2)? == 1,
            Rule::Not(schema) => !self.fits(*schema, at)?,
            Rule::Contains { schema, min, max } => self.contains(*schema, *min, *max, at)?,
            _ => self.meets_alone(rule, at)?,
        };
        if !met {
            self.failure = Some(Failure { at, rule });
        }
        Ok(met)
    }

    /// Rules without subschemas.
    fn meets_alone(&mut self, rule: &Rule, at: At) -> Result<bool, Stop> {
        let kind = self.tree.kind(at);
        match rule {
            Rule::Type(types) => self.has_type(*types, at),
            Rule::OneOfValues { texts, has_containers, .. } => {
                if !has_containers && matches!(kind, Kind::Array | Kind::Object) {
                    return Ok(false);
                }
                self.budget.spend(look_up_steps(texts.len()))?;
                Ok(texts.contains(&canonical(self.tree, at, self.budget)?))
            }
            Rule::Bound { compare, limit, .. } if kind == Kind::Number => {
                self.budget.spend(8 + self.tree.length(at))?;
                let number = self.tree.number(at);
                Ok(match compare {
                    Compare::AtLeast => number >= *limit,
                    Compare::Above => number > *limit,
                    Compare::AtMost => number <= *limit,
                    Compare::Below => number < *limit,
                })
            }
            Rule::MultipleOf(divisor) if kind == Kind::Number => {
                self.budget.spend(40 + self.tree.length(at))?;
                Ok(self.tree.number(at).is_multiple_of(*divisor))
            }
            Rule::Count { of, min, max, .. } => self.count_is_within(*of, *min, *max, at),
            Rule::Pattern(pattern) if kind == Kind::String => {
                self.budget.spend(self.steps(at))?;
                pattern.is_in(self.tree.string(at).as_bytes(), self.budget)
            }
            Rule::UniqueItems if kind == Kind::Array => self.items_are_unique(at),
            Rule::Required(names) if kind == Kind::Object => {
                Ok(self.count_names(at, |name| names.contains(name), names.len())? == names.len())
            }
            Rule::DependentRequired(dependent) => self.has_dependent(dependent, at),
            Rule::Never => Ok(false),
            _ => Ok(true),
        }
    }

    fn has_type(&mut self, types: TypeSet, at: At) -> Result<bool, Stop> {
        Ok(match self.tree.kind(at) {
            Kind::Null => types.has("null"),
            Kind::True | Kind::False => types.has("boolean"),
            Kind::Number if types.has("number") => true,
            Kind::Number => {
                self.budget.spend(self.tree.length(at))?;
                types.has("integer") && self.tree.number(at).is_integer()
            }
            Kind::String => types.has("string"),
            Kind::Array => types.has("array"),
            Kind::Object => types.has("object"),
        })
    }

    fn count_is_within(
        &mut self,
        of: Counted,
        min: usize,
        max: usize,
        at: At,
    ) -> Result<bool, Stop> {
        let count = match (of, self.tree.kind(at)) {
            (Counted::Characters, Kind::String) => {
                self.budget.spend(self.steps(at))?;
                self.tree.string(at).chars().count()
            }
            (Counted::Items, Kind::Array) | (Counted::Properties, Kind::Object) => {
                self.tree.length(at)
            }
            _ => return Ok(true),
        };
        Ok((min..=max).contains(&count))
    }

    /// Compares canonical texts, sorted: no pair of items is compared twice.
    fn items_are_unique(&mut self, at: At) -> Result<bool, Stop> {
        let per_item = 8 + 2 * look_up_steps(self.tree.length(at));
        let mut texts = String::new();
        let mut spans = Vec::new();
        for item in self.tree.items(at) {
            self.budget.spend(per_item)?;
            let start = texts.len();
            texts.push_str(&canonical(self.tree, item, self.budget)?);
            spans.push(start..texts.len());
        }
        let text = |span: &std::ops::Range<usize>| &texts[span.clone()];
        spans.sort_unstable_by(|left, right| text(left).cmp(text(right)));
        Ok(spans.windows(2).all(|pair| text(&pair[0]) != text(&pair[1])))
    }

    fn count_names(
        &mut self,
        at: At,
        is_wanted: impl Fn(&str) -> bool,
        wanted: usize,
    ) -> Result<usize, Stop> {
        let mut found = 0;
        for (name, _) in self.tree.members(at) {
            self.budget.spend(8 + look_up_steps(wanted) + self.steps(name))?;
            found += usize::from(is_wanted(&self.tree.string(name)));
        }
        Ok(found)
    }

    fn has_dependent(
        &mut self,
        dependent: &BTreeMap<String, BTreeSet<String>>,
        at: At,
    ) -> Result<bool, Stop> {
        let mut demanded = Vec::new();
        for (name, _) in self.tree.members(at) {
            self.budget.spend(8 + look_up_steps(dependent.len()) + self.steps(name))?;
            demanded.extend(dependent.get(&*self.tree.string(name)));
        }
        for names in demanded {
            let found = self.count_names(at, |name| names.contains(name), names.len())?;
            if found < names.len() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn dependent_fit(&mut self, schemas: &BTreeMap<String, NodeId>, at: At) -> Result<bool, Stop> {
        for (name, _) in self.tree.members(at) {
            self.budget.spend(8 + look_up_steps(schemas.len()) + self.steps(name))?;
            if let Some(schema) = schemas.get(&*self.tree.string(name))
                && !self.fits(*schema, at)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn items_fit(&mut self, prefix: &[NodeId], rest: Option<NodeId>, at: At) -> Result<bool, Stop> {
        for (position, item) in self.tree.items(at).enumerate() {
            let Some(schema) = prefix.get(position).copied().or(rest) else { break };
            if !self.fits(schema, item)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn contains(&mut self, schema: NodeId, min: usize, max: usize, at: At) -> Result<bool, Stop> {
        if self.tree.kind(at) != Kind::Array {
            return Ok(true);
        }
        let mut count = 0;
        for item in self.tree.items(at) {
            count += usize::from(self.fits(schema, item)?);
            if count > max || (count >= min && max == usize::MAX) {
                break;
            }
        }
        Ok((min..=max).contains(&count))
    }

    fn properties_fit(&mut self, properties: &'e Properties, at: At) -> Result<bool, Stop> {
        let Properties { named, patterns, additional } = properties;
        for (name, value) in self.tree.members(at) {
            self.budget.spend(8 + look_up_steps(named.len()) + self.steps(name))?;
            let text = self.tree.string(name);
            let mut is_additional = true;
            if let Some(schema) = named.get(&*text) {
                is_additional = false;
                if !self.fits(*schema, value)? {
                    return Ok(false);
                }
            }
            for (pattern, schema) in patterns {
                if pattern.is_in(text.as_bytes(), self.budget)? {
                    is_additional = false;
                    if !self.fits(*schema, value)? {
                        return Ok(false);
                    }
                }
            }
            if let Some(schema) = additional
                && is_additional
                && !self.fits(*schema, value)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn names_fit(&mut self, schema: NodeId, at: At) -> Result<bool, Stop> {
        for (name, _) in self.tree.members(at) {
            if !self.fits(schema, name)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn all_fit(&mut self, schemas: &[NodeId], at: At) -> Result<bool, Stop> {
        for schema in schemas {
            if !self.fits(*schema, at)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How many fit; stops at `enough`.
    fn count_fitting(&mut self, schemas: &[NodeId], at: At, enough: usize) -> Result<usize, Stop> {
        let mut count = 0;
        for schema in schemas {
            count += usize::from(self.fits(*schema, at)?);
            if count == enough {
                break;
            }
        }
        Ok(count)
    }

    /// Steps for going through a scalar once.
    fn steps(&self, at: At) -> usize {
        let length = self.tree.length(at);
        if self.tree.is_escaped(at) { length } else { length / 2 }
    }
}
