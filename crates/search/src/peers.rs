//! What a price is worth among the listings of its kind.

use crate::document::ServiceKind;
use crate::index::Index;
use crate::score::FULL;
use crate::slots::Slot;

/// Prices that part each kind into eight groups, read once for a question.
pub(crate) struct Peers([[i64; 7]; ServiceKind::ALL.len()]);

impl Peers {
    /// Only the kind that is asked for is looked at, if one is.
    pub(crate) fn of(index: &Index, only: Option<ServiceKind>) -> Self {
        let mut groups = [[i64::MAX; 7]; ServiceKind::ALL.len()];
        for kind in ServiceKind::ALL {
            if only.is_none_or(|only| only == kind) {
                groups[kind.place()] = index.kinds[kind.place()].price_octiles(&index.slots);
            }
        }
        Self(groups)
    }

    /// A share: all of it in the cheapest eighth of its kind, nothing in the dearest.
    pub(crate) fn share(&self, slot: &Slot) -> u32 {
        let bounds = &self.0[slot.service_type.place()];
        let exceeded = bounds.iter().filter(|&&bound| bound < slot.price.nano()).count();
        FULL - u32::try_from(exceeded).unwrap_or(7) * (FULL / 7)
    }
}
