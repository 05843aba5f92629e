//! Transfers between two agents: what the rules say, and what is written.

use diesel::prelude::*;
use marketplace_money::{Amount, Did, Timestamp};
use marketplace_ports::{TegError, TegTransactionId, TegTransfer};
use uuid::Uuid;

use crate::book::{self, Account, Movement, Purse, Request, Verb};
use crate::failure::Failure;
use crate::history;
use crate::schema::transfers;
use crate::settings::EmbeddedTegSettings;

/// Of the port.
pub(crate) const MEMO_BYTES: usize = 256;
/// Of the published API: 256 characters, none of which has more than four bytes.
pub(crate) const MESSAGE_BYTES: usize = 1_024;

/// A transfer that somebody asked for.
#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    /// [`Verb::Transfer`] by the sender, or [`Verb::Pull`] by the receiver.
    pub(crate) verb: Verb,
    pub(crate) key: Uuid,
    pub(crate) sender: Did,
    pub(crate) receiver: Did,
    pub(crate) amount: Amount,
    pub(crate) memo: String,
    pub(crate) longest_memo: usize,
    /// Instead of the node's own fee.
    pub(crate) fee: Option<Amount>,
}

impl Instruction {
    fn request(&self) -> Request<'_> {
        let caller = if self.verb == Verb::Pull { &self.receiver } else { &self.sender };
        Request { caller, key: self.key }
    }
}

/// Moves the tokens, or answers what the same key did before. Refusals, in this order: invalid
/// amount, invalid memo, self transfer, idempotency mismatch, insufficient balance.
pub(crate) fn send(
    conn: &mut SqliteConnection,
    settings: &EmbeddedTegSettings,
    order: &Instruction,
) -> Result<TegTransfer, Failure> {
    check_fields(order)?;
    let request = order.request();
    if let Some(sequence) = book::find_repeated(conn, request, order.verb)? {
        return repeated(conn, sequence, order);
    }
    let fee = order.fee.unwrap_or(settings.transfer_fee);
    let payer = funded(conn, order, fee)?;

    // From here on it must succeed.
    let at = (settings.clock)();
    let receiver = book::find_or_open(conn, &Account::Available(order.receiver.clone()))?;
    let mut steps = vec![Movement { from: payer.id, to: receiver.id, amount: order.amount }];
    if fee.is_positive() {
        let treasury = book::find_or_open(conn, &Account::Treasury)?;
        steps.push(Movement { from: payer.id, to: treasury.id, amount: fee });
    }
    let sequence = book::post(conn, order.verb, Some(request), at, &steps)?;
    let id = transaction_id(at, sequence);
    diesel::insert_into(transfers::table)
        .values((
            transfers::sequence.eq(sequence),
            transfers::transaction_id.eq(id.as_bytes().as_slice()),
            transfers::sender.eq(order.sender.as_str()),
            transfers::receiver.eq(order.receiver.as_str()),
            transfers::amount.eq(order.amount.nano()),
            transfers::fee.eq(fee.nano()),
            transfers::memo.eq(&order.memo),
        ))
        .execute(conn)?;
    Ok(TegTransfer {
        id: TegTransactionId(id.to_string()),
        sender: order.sender.clone(),
        receiver: order.receiver.clone(),
        amount: order.amount,
        fee,
        dust: 0,
        memo: order.memo.clone(),
        key: Some(order.key),
        at,
    })
}

fn check_fields(order: &Instruction) -> Result<(), Failure> {
    if !order.amount.is_positive() {
        let reason = format!("an amount must be above zero, not {} AVT", order.amount);
        return Err(Failure::refused(TegError::INVALID_AMOUNT, reason));
    }
    if order.memo.len() > order.longest_memo || order.memo.chars().count() > 256 {
        let reason = format!("the memo has {} bytes, at most 256 fit", order.memo.len());
        return Err(Failure::refused(TegError::INVALID_MEMO, reason));
    }
    if order.memo.contains('\0') {
        return Err(Failure::refused(TegError::INVALID_MEMO, "the memo has U+0000 in it"));
    }
    if order.sender == order.receiver {
        let reason = "payer and receiver are the same agent";
        return Err(Failure::refused(TegError::SELF_TRANSFER, reason));
    }
    Ok(())
}

/// The fee may have changed since: only what the caller wrote is compared.
fn repeated(
    conn: &mut SqliteConnection,
    sequence: i64,
    order: &Instruction,
) -> Result<TegTransfer, Failure> {
    let before = history::load(conn, sequence, order.request().caller)?;
    let same = before.sender == order.sender
        && before.receiver == order.receiver
        && before.amount == order.amount
        && before.memo == order.memo;
    if same { Ok(before) } else { Err(Failure::mismatch()) }
}

/// The payer's purse, when it holds the amount and the fee.
fn funded(conn: &mut SqliteConnection, order: &Instruction, fee: Amount) -> Result<Purse, Failure> {
    let purse = book::find(conn, &Account::Available(order.sender.clone()))?;
    let needed = order.amount.checked_add(fee);
    match (purse, needed) {
        (Some(purse), Some(needed)) if purse.balance >= needed => Ok(purse),
        (purse, _) => {
            let held = purse.map_or(Amount::ZERO, |purse| purse.balance);
            let (sender, amount) = (&order.sender, order.amount);
            let reason = format!("{sender} holds {held} AVT, not {amount} AVT and a fee of {fee}");
            Err(Failure::refused(TegError::INSUFFICIENT_BALANCE, reason))
        }
    }
}

/// Looks like any UUID, grows with time as an index likes it, and is unique by the sequence in it.
pub(crate) fn transaction_id(at: Timestamp, sequence: i64) -> Uuid {
    let millis = u64::try_from(at.micros() / 1_000).unwrap_or_default();
    let mut tail = [0; 10];
    tail[2..].copy_from_slice(&sequence.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}
