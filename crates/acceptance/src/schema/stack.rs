//! Bounds the recursion of the evaluation: it must go into the data, which has a bottom.

use super::{NodeId, Rule, Schema};

/// Most subschemas stacked on one value; times the nesting of deliveries it bounds the stack.
pub(super) const MAX_STACKED: usize = 16;

/// Whether some subschema stands on the same value as too many others, or as itself.
pub(super) fn stacks_too_high(schema: &Schema) -> bool {
    let mut heights = vec![None; schema.nodes.len()];
    (0..schema.nodes.len()).any(|id| height(schema, NodeId(id), 1, &mut heights).is_none())
}

/// How many subschemas stand on one value from here on; nothing when there are too many. `depth`
/// stops circles.
fn height(
    schema: &Schema,
    id: NodeId,
    depth: usize,
    heights: &mut [Option<usize>],
) -> Option<usize> {
    if depth > MAX_STACKED {
        return None;
    }
    if let Some(known) = heights[id.0] {
        return (depth + known <= MAX_STACKED + 1).then_some(known);
    }
    let mut tallest = 0;
    for below in schema.nodes[id.0].iter().flat_map(Rule::on_the_same_value) {
        tallest = tallest.max(height(schema, below, depth + 1, heights)?);
    }
    heights[id.0] = Some(tallest + 1);
    Some(tallest + 1)
}
