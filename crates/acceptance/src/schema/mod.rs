//! JSON Schema (draft 2020-12), the part whose cost can be counted.

mod compile;
mod evaluate;
mod failure;
mod stack;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use compile::compile;

use crate::json::{Decimal, Divisor};
use crate::pattern::Pattern;

/// A compiled schema.
///
/// Known keywords: `type`, `enum`, `const`; `minimum`, `maximum`, `exclusiveMinimum`,
/// `exclusiveMaximum`, `multipleOf` (exact decimal arithmetic); `minLength`, `maxLength`, `pattern`;
/// `items`, `prefixItems`, `contains`, `minContains`, `maxContains`, `minItems`, `maxItems`,
/// `uniqueItems`; `properties`, `patternProperties`, `additionalProperties`, `propertyNames`,
/// `required`, `dependentRequired`, `dependentSchemas`, `minProperties`, `maxProperties`; `allOf`,
/// `anyOf`, `oneOf`, `not`, `if`, `then`, `else`; `$ref` to `#`, `#/$defs/NAME` or
/// `#/definitions/NAME`, recursive ones too; `$defs` and `definitions` at the top. Read and without
/// effect: `$schema` (2020-12 only) and `$id` at the top, `$comment`, `title`, `description`, `default`, `examples`,
/// `deprecated`, `readOnly`, `writeOnly`.
///
/// Refused at parse, each with a hint:
/// * unknown keywords: a typing error must not become a rule that checks nothing;
/// * `format`, `contentEncoding` and their like: the standard only annotates with them, and a
///   buyer would take them for checks;
/// * `unevaluatedItems`, `unevaluatedProperties`: they need the traces of every branch;
/// * `$anchor`, `$dynamicRef`, a nested `$id` and references to anywhere else: nothing is ever fetched;
/// * forms of earlier drafts (`items` as an array, `dependencies`), which 2020-12 ignores or reads
///   differently;
/// * references that lead back to themselves without going into the data, and more than 16
///   subschemas stacked on one value: both would only recurse.
#[derive(Debug)]
pub struct Schema {
    /// The root is the first.
    nodes: Vec<Vec<Rule>>,
}

/// Where a subschema stands in its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct NodeId(usize);

/// One thing that a subschema demands. A value of another type meets a rule about strings, numbers,
/// arrays or objects: that is what JSON Schema says.
#[derive(Debug)]
enum Rule {
    /// The schema `false`.
    Never,
    /// Bits of [`TypeSet`].
    Type(TypeSet),
    /// `enum` and `const`: canonical texts.
    OneOfValues {
        keyword: &'static str,
        texts: BTreeSet<String>,
        has_containers: bool,
    },
    Bound {
        keyword: &'static str,
        compare: Compare,
        limit: Decimal<'static>,
    },
    MultipleOf(Divisor),
    /// Lengths of strings (in characters) and arrays, sizes of objects.
    Count {
        keyword: &'static str,
        of: Counted,
        min: usize,
        max: usize,
    },
    Pattern(Pattern),
    UniqueItems,
    Items {
        prefix: Vec<NodeId>,
        rest: Option<NodeId>,
    },
    Contains {
        schema: NodeId,
        min: usize,
        max: usize,
    },
    Required(BTreeSet<String>),
    DependentRequired(BTreeMap<String, BTreeSet<String>>),
    Properties(Properties),
    PropertyNames(NodeId),
    DependentSchemas(BTreeMap<String, NodeId>),
    AllOf(Vec<NodeId>),
    AnyOf(Vec<NodeId>),
    OneOf(Vec<NodeId>),
    Not(NodeId),
    If {
        condition: NodeId,
        then: Option<NodeId>,
        otherwise: Option<NodeId>,
    },
    Reference(NodeId),
}

/// `properties`, `patternProperties` and `additionalProperties`, which depend on each other.
#[derive(Debug)]
struct Properties {
    named: BTreeMap<String, NodeId>,
    patterns: Vec<(Pattern, NodeId)>,
    additional: Option<NodeId>,
}

#[derive(Clone, Copy, Debug)]
enum Compare {
    AtLeast,
    Above,
    AtMost,
    Below,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    Characters,
    Items,
    Properties,
}

/// The types that a value may have, one bit for each name in [`TYPE_NAMES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct TypeSet(u8);

const TYPE_NAMES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

impl TypeSet {
    fn with(self, name: &str) -> Option<Self> {
        let position = TYPE_NAMES.iter().position(|known| *known == name)?;
        Some(Self(self.0 | 1 << position))
    }

    fn has(self, name: &str) -> bool {
        Self::default().with(name).is_some_and(|wanted| self.0 & wanted.0 != 0)
    }

    fn names(self) -> String {
        let names: Vec<&str> = TYPE_NAMES.into_iter().filter(|name| self.has(name)).collect();
        names.join(" or ")
    }
}

impl Rule {
    /// The subschemas that it applies to the same value, not to a part of it.
    fn on_the_same_value(&self) -> Vec<NodeId> {
        match self {
            Self::AllOf(ids) | Self::AnyOf(ids) | Self::OneOf(ids) => ids.clone(),
            Self::Not(id) | Self::Reference(id) => vec![*id],
            Self::If { condition, then, otherwise } => {
                [Some(*condition), *then, *otherwise].into_iter().flatten().collect()
            }
            Self::DependentSchemas(schemas) => schemas.values().copied().collect(),
            _ => Vec::new(),
        }
    }
}
