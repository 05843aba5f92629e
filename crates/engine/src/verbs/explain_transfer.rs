//! Operators explain a transfer of ours that fits nothing: it was paid from our own tokens.

use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_money::CommandId;
use marketplace_ports::{Subject, TegRecord, TegRecordState, TegTransactionId};

use crate::desk::Desk;
use crate::events::wallet_data;
use crate::refusal::Refusal;

/// Books an unmatched transfer against the operator's capital.
///
/// # Errors
/// When there is none, or it was explained before.
pub(crate) fn explain(
    desk: &mut Desk<'_>,
    transaction: &TegTransactionId,
    reason: &str,
) -> Result<(), Refusal> {
    let record = desk.teg_record(transaction).ok_or(Refusal::NotFound)?;
    if record.state != TegRecordState::Unmatched {
        return Err(Refusal::AlreadyDone);
    }
    let (from, to) = (Account::Capital, Account::Teg);
    let draft = EntryDraft::transfer(EntryKind::Capital, from, to, record.amount);
    let draft = draft.map_err(|_| Refusal::NotFound)?;
    let entry = desk.post(draft.because(format!("Transfer {}: {reason}", transaction.0)))?;
    let subject = Subject::Command(CommandId::new(desk.fresh()));
    let (state, used_for) = (TegRecordState::Booked(entry), Some(subject));
    desk.write_teg_record(TegRecord { state, used_for, ..record.as_ref().clone() });
    let texts = [("transaction_id", transaction.0.as_str()), ("reason", reason)];
    let data = wallet_data(&[("amount", record.amount)], &texts);
    desk.emit(subject, "reserves.transfer_explained", Vec::new(), data);
    Ok(())
}
