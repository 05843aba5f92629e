//! Whether a transfer at the TEG pays for what its sender names it for. Pure.

use marketplace_listings::Invalid;
use marketplace_money::{Amount, Did, ListingId, OrderId};
use marketplace_ports::{TegRecord, TegRecordState, TegTransactionId};
use uuid::Uuid;

use crate::refusal::Refusal;

/// The TEG's names are shorter; anything beyond is nobody's transfer.
const LONGEST_NAME: usize = 128;

/// What a transfer is named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A purchase of this listing, for at least so much.
    Listing(ListingId, Amount),
    /// The caller's balance.
    Wallet,
}

/// Ids that a memo contains. A DID may have digits that look like one: both sides' are no ids.
pub(crate) fn ids_in(memo: &str, dids: [&Did; 2]) -> Vec<Uuid> {
    let mut memo = memo.to_owned();
    for did in dids {
        memo = memo.replace(did.as_str(), " ");
    }
    let parts = memo.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
    parts.filter(|part| part.len() == 36).filter_map(|part| part.parse().ok()).collect()
}

/// The orders that a memo may name.
pub(crate) fn orders_in(memo: &str, dids: [&Did; 2]) -> Vec<OrderId> {
    ids_in(memo, dids).into_iter().map(OrderId::new).collect()
}

/// Whether a text may be the name of a transfer.
pub(crate) fn check_name(id: &TegTransactionId) -> Result<(), Refusal> {
    let fits =
        (1..=LONGEST_NAME).contains(&id.0.len()) && id.0.bytes().all(|b| b.is_ascii_graphic());
    let invalid = || Invalid::new("transaction_id", "must have 1 to 128 visible ASCII characters");
    if fits { Ok(()) } else { Err(invalid().into()) }
}

/// Checks a transfer that `caller` names, in the order in which refusals are told: nobody learns
/// anything of a transfer that is not its own.
pub(crate) fn check(
    record: Option<&TegRecord>,
    caller: &Did,
    ours: &Did,
    purpose: Purpose,
) -> Result<(), Refusal> {
    let record = record.ok_or(Refusal::PaymentNotSeen)?;
    if record.payer.as_ref() != Some(caller) {
        return Err(Refusal::PaymentForeign);
    }
    match record.state {
        TegRecordState::Pending => return Err(Refusal::PaymentPending),
        TegRecordState::Failed => return Err(Refusal::PaymentFailed),
        TegRecordState::Unmatched => return Err(Refusal::PaymentForeign),
        TegRecordState::Booked(_) => {}
    }
    if let Some(used_for) = record.used_for {
        return Err(Refusal::PaymentUsed { used_for });
    }
    let ids = ids_in(&record.memo, [caller, ours]);
    match purpose {
        // A memo without an id leaves it to the sender what the transfer is for.
        Purpose::Listing(listing, _) if ids.is_empty() || ids.contains(&listing.uuid()) => {}
        Purpose::Wallet if ids.is_empty() => {}
        Purpose::Listing(..) | Purpose::Wallet => return Err(Refusal::PaymentForAnother),
    }
    match purpose {
        Purpose::Listing(_, need) if record.amount < need => {
            Err(Refusal::PaymentTooSmall { need, paid: record.amount })
        }
        Purpose::Listing(..) | Purpose::Wallet => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use marketplace_money::{CommandId, EntryId, Timestamp};
    use marketplace_ports::Subject;

    use super::*;

    const LISTING: &str = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002";
    const OTHER: &str = "0197f3a2-7c1e-7aaa-8b1b-0242ac120003";

    fn did(text: &str) -> Did {
        text.parse().unwrap()
    }

    fn paid(memo: &str) -> TegRecord {
        TegRecord {
            id: TegTransactionId("t".into()),
            version: 1,
            state: TegRecordState::Booked(EntryId::new(Uuid::nil())),
            payer: Some(did("did:x:buyer")),
            amount: Amount::from_avt(5),
            dust: 0,
            memo: memo.to_owned(),
            at: Timestamp::default(),
            used_for: None,
        }
    }

    #[test]
    fn each_reason_has_its_own_answer_in_this_order() {
        let (us, listing) = (did("did:x:us"), LISTING.parse().unwrap());
        let check = |record: Option<TegRecord>, purpose: Purpose, expect: Result<(), &str>| {
            let found = check(record.as_ref(), &did("did:x:buyer"), &us, purpose);
            assert_eq!(
                found.as_ref().map_err(Refusal::code),
                expect.as_ref().map(|()| &()).map_err(|code| *code),
                "{record:?}"
            );
        };
        let buy = |avt| Purpose::Listing(listing, Amount::from_avt(avt));
        let bound = format!("escrow:{LISTING}:1");
        let used = Some(Subject::Command(CommandId::new(Uuid::nil())));
        check(Some(paid(&bound)), buy(5), Ok(()));
        check(Some(paid("")), buy(4), Ok(()));
        check(Some(paid(OTHER)), Purpose::Wallet, Err("payment_for_another"));
        check(Some(paid("for my wallet")), Purpose::Wallet, Ok(()));
        check(Some(paid(&format!("{OTHER} {LISTING}"))), buy(5), Ok(()));
        check(Some(paid(&bound)), buy(6), Err("payment_too_small"));
        check(Some(paid(OTHER)), buy(6), Err("payment_for_another"));
        let spent = TegRecord { used_for: used, ..paid(OTHER) };
        check(Some(spent.clone()), buy(6), Err("payment_used"));
        let pending = TegRecord { state: TegRecordState::Pending, ..spent };
        check(Some(pending.clone()), buy(6), Err("payment_pending"));
        let failed = TegRecord { state: TegRecordState::Failed, ..pending.clone() };
        check(Some(failed), buy(6), Err("payment_failed"));
        let foreign = TegRecord { payer: Some(did("did:x:other")), ..pending.clone() };
        check(Some(foreign), buy(6), Err("payment_foreign"));
        check(Some(TegRecord { payer: None, ..pending }), buy(6), Err("payment_foreign"));
        check(None, buy(6), Err("payment_not_seen"));
    }

    #[test]
    fn a_did_with_an_id_in_it_binds_nothing() {
        let buyer = did(&format!("did:x:{OTHER}"));
        assert!(ids_in(&format!("from {buyer}"), [&buyer, &buyer]).is_empty());
        let memo = format!("from {buyer} for listing:{LISTING}.");
        assert_eq!(ids_in(&memo, [&buyer, &buyer]), [LISTING.parse::<Uuid>().unwrap()]);
    }
}
