//! The fake TEG's rules: what a request does, and what it is refused for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use marketplace_money::{Amount, Did, Reputation, Timestamp};
use marketplace_ports::{
    HistoryCursor, HistoryPage, TegBalance, TegError, TegTransactionId, TegTransfer, TransferFee,
    TransferOrder,
};
use uuid::Uuid;

use super::purses::{Purse, Purses};

/// What the faucet gives, once for each agent.
pub(crate) const FAUCET_GIFT: Amount = Amount::from_avt(1_000);
const MEMO_BYTES: usize = 256;
/// Of one nano-AVT.
const ATTO: u64 = 1_000_000_000;

/// What a caller asks that may move tokens or scores. The same request may come twice.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Transfer(TransferOrder),
    Pull(TransferOrder),
    Stake(Uuid, Amount),
    Unstake(Uuid),
    Signal(TegTransactionId, bool),
    Faucet(Did),
}

/// What was done.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Transfer(TegTransfer),
    Balance(TegBalance),
    Signaled,
}

/// What a key was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Used {
    Transfer(usize),
    Pull(usize),
    Stake(Amount),
    Unstake,
}

/// Who pays whom, for whose command.
struct Payment<'a> {
    order: &'a TransferOrder,
    caller: &'a Did,
    sender: &'a Did,
    receiver: &'a Did,
    /// What its key is used for, with its place among the transfers.
    used: fn(usize) -> Used,
}

#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) us: Did,
    pub(crate) fee: TransferFee,
    pub(crate) now: Timestamp,
    pub(crate) purses: Purses,
    transfers: Vec<TegTransfer>,
    /// Payments to us that are shown and not completed.
    pending: Vec<(Did, TransferOrder)>,
    failed: Vec<(Did, TransferOrder)>,
    /// What we hold below one nano-AVT, and whole ones that came together of that.
    our_dust: u64,
    keys: HashMap<(Did, Uuid), Used>,
    faucet: BTreeSet<Did>,
    signals: BTreeSet<TegTransactionId>,
    pub(crate) scores: BTreeMap<Did, i64>,
}

fn refused(code: &'static str, reason: impl Into<String>) -> TegError {
    TegError::Refused { code, reason: reason.into() }
}

fn pending_name(order: &TransferOrder) -> TegTransactionId {
    TegTransactionId(format!("announced-{}", order.key))
}

fn mismatch() -> TegError {
    refused(TegError::IDEMPOTENCY_MISMATCH, "the key was used for something else")
}

impl Books {
    pub(crate) fn new(us: Did) -> Self {
        Self {
            us,
            fee: TransferFee::default(),
            now: Timestamp::default(),
            purses: Purses::default(),
            transfers: Vec::new(),
            pending: Vec::new(),
            failed: Vec::new(),
            our_dust: 0,
            keys: HashMap::new(),
            faucet: BTreeSet::new(),
            signals: BTreeSet::new(),
            scores: BTreeMap::new(),
        }
    }

    /// Does what is asked, or what the same key did before.
    pub(crate) fn execute(&mut self, request: &Request) -> Result<Reply, TegError> {
        let us = self.us.clone();
        match request {
            Request::Transfer(order) => {
                let (sender, receiver) = (&us, &order.counterparty);
                let used = Used::Transfer;
                self.pay(&Payment { order, caller: &us, sender, receiver, used })
                    .map(Reply::Transfer)
            }
            Request::Pull(order) => {
                let (sender, receiver) = (&order.counterparty, &us);
                let used = Used::Pull;
                self.pay(&Payment { order, caller: &us, sender, receiver, used })
                    .map(Reply::Transfer)
            }
            Request::Stake(key, amount) => self.stake(*key, *amount).map(Reply::Balance),
            Request::Unstake(key) => self.unstake(*key).map(Reply::Balance),
            Request::Signal(id, positive) => self.signal(id, *positive).map(|()| Reply::Signaled),
            Request::Faucet(agent) => self.give_once(agent).map(Reply::Balance),
        }
    }

    /// A transfer between two agents for the command of the sender, whose key it is.
    pub(crate) fn transfer_between(
        &mut self,
        order: &TransferOrder,
        sender: &Did,
    ) -> Result<TegTransfer, TegError> {
        let (receiver, used) = (&order.counterparty, Used::Transfer);
        self.pay(&Payment { order, caller: sender, sender, receiver, used })
    }

    fn pay(&mut self, payment: &Payment<'_>) -> Result<TegTransfer, TegError> {
        check_fields(payment)?;
        let Payment { order, caller, sender, receiver, used } = *payment;
        match self.keys.get(&(caller.clone(), order.key)) {
            Some(before) => return self.repeated(before, payment),
            None => self.check_funds(sender, order.amount)?,
        }

        let fee = self.fee_on(order.amount)?;

        // From here on it must succeed.
        let transfer = TegTransfer {
            id: TegTransactionId(format!("transfer-{:09}", self.transfers.len() + 1)),
            sender: sender.clone(),
            receiver: receiver.clone(),
            amount: order.amount,
            fee,
            dust: 0,
            memo: order.memo.clone(),
            key: Some(order.key),
            at: self.now,
        };
        let from = Purse::Available(sender.clone());
        let to = Purse::Available(receiver.clone());
        self.purses.move_tokens(from.clone(), to, order.amount);
        self.purses.move_tokens(from, Purse::Treasury, fee);
        self.know(receiver);
        self.keys.insert((caller.clone(), order.key), used(self.transfers.len()));
        self.transfers.push(transfer.clone());
        Ok(transfer)
    }

    /// The fee may have changed since: only what the caller wrote is compared.
    fn repeated(&self, before: &Used, payment: &Payment<'_>) -> Result<TegTransfer, TegError> {
        let (Used::Transfer(index) | Used::Pull(index)) = before else { return Err(mismatch()) };
        let done = &self.transfers[*index];
        let same = *before == (payment.used)(*index)
            && done.sender == *payment.sender
            && done.receiver == *payment.receiver
            && done.amount == payment.order.amount
            && done.memo == payment.order.memo;
        if same { Ok(done.clone()) } else { Err(mismatch()) }
    }

    fn fee_on(&self, amount: Amount) -> Result<Amount, TegError> {
        let beyond = || refused(TegError::INVALID_AMOUNT, "beyond all money");
        self.fee.on(amount).ok_or_else(beyond)
    }

    /// A payment to us that the TEG shows and has not completed.
    pub(crate) fn announce(&mut self, sender: &Did, order: &TransferOrder) -> TegTransactionId {
        self.pending.push((sender.clone(), order.clone()));
        pending_name(order)
    }

    /// Completes the oldest of these; says whether there was one that could be.
    pub(crate) fn complete_pending(&mut self) -> bool {
        if self.pending.is_empty() {
            return false;
        }
        let (sender, order) = self.pending.remove(0);
        let done = self.transfer_between(&order, &sender).is_ok();
        if !done {
            self.failed.push((sender, order.clone()));
        }
        if let Some(last) = self.transfers.last_mut().filter(|_| done) {
            last.id = pending_name(&order);
        }
        done
    }

    /// Lets the oldest of these fail; says whether there was one.
    pub(crate) fn fail_pending(&mut self) -> bool {
        let any = !self.pending.is_empty();
        self.failed.extend(self.pending.drain(..usize::from(any)));
        any
    }

    /// The last payment to us brought something below one nano-AVT too.
    pub(crate) fn add_dust(&mut self, id: &TegTransactionId, dust: u32) {
        if let Some(transfer) = self.transfers.iter_mut().find(|transfer| transfer.id == *id) {
            transfer.dust = dust;
            self.our_dust += u64::from(dust);
        }
    }

    fn check_funds(&self, sender: &Did, amount: Amount) -> Result<(), TegError> {
        let held = self.balance_of(sender).available;
        match amount.checked_add(self.fee_on(amount)?) {
            Some(needed) if held >= needed => Ok(()),
            _ => {
                let reason = format!("{sender} holds {held} AVT, not {amount} AVT and the fee");
                Err(refused(TegError::INSUFFICIENT_BALANCE, reason))
            }
        }
    }

    fn stake(&mut self, key: Uuid, amount: Amount) -> Result<TegBalance, TegError> {
        let us = self.us.clone();
        if !amount.is_positive() {
            return Err(refused(TegError::INVALID_AMOUNT, "a stake must be above zero"));
        }
        match self.keys.get(&(us.clone(), key)) {
            Some(Used::Stake(before)) if *before == amount => return Ok(self.balance_of(&us)),
            Some(_) => return Err(mismatch()),
            None if self.balance_of(&us).available < amount => {
                return Err(refused(TegError::INSUFFICIENT_BALANCE, "not enough to stake"));
            }
            None => {}
        }
        self.purses.move_tokens(Purse::Available(us.clone()), Purse::Staked(us.clone()), amount);
        self.keys.insert((us.clone(), key), Used::Stake(amount));
        Ok(self.balance_of(&us))
    }

    fn unstake(&mut self, key: Uuid) -> Result<TegBalance, TegError> {
        let us = self.us.clone();
        match self.keys.get(&(us.clone(), key)) {
            Some(Used::Unstake) => return Ok(self.balance_of(&us)),
            Some(_) => return Err(mismatch()),
            None => {}
        }
        let staked = self.balance_of(&us).staked;
        self.purses.move_tokens(Purse::Staked(us.clone()), Purse::Available(us.clone()), staked);
        self.keys.insert((us.clone(), key), Used::Unstake);
        Ok(self.balance_of(&us))
    }

    fn signal(&mut self, id: &TegTransactionId, positive: bool) -> Result<(), TegError> {
        let found = self.transfers.iter().find(|transfer| transfer.id == *id);
        let Some(transfer) = found else {
            return Err(refused(TegError::UNKNOWN_TRANSFER, "there is no such transfer"));
        };
        if transfer.sender != self.us {
            return Err(refused(TegError::NOT_THE_SENDER, "only the sender rates the receiver"));
        }
        let receiver = transfer.receiver.clone();
        if !self.signals.insert(id.clone()) {
            return Err(refused(TegError::ALREADY_SIGNALED, "this transfer was rated before"));
        }
        let score = self.scores.entry(receiver).or_default();
        *score = score.saturating_add(if positive { 1 } else { -1 });
        Ok(())
    }

    fn give_once(&mut self, agent: &Did) -> Result<TegBalance, TegError> {
        // What we hold must be explained by our own books, and the faucet is in no history.
        if *agent == self.us {
            return Err(refused(TegError::FAUCET_CLOSED, "the faucet gives nothing to us"));
        }
        if !self.faucet.insert(agent.clone()) {
            return Err(refused(TegError::FAUCET_USED, "this agent had its tokens"));
        }
        self.issue(agent, FAUCET_GIFT);
        Ok(self.balance_of(agent))
    }

    /// New tokens from nowhere.
    pub(crate) fn issue(&mut self, agent: &Did, amount: Amount) {
        self.know(agent);
        self.purses.move_tokens(Purse::Issuer, Purse::Available(agent.clone()), amount);
    }

    fn know(&mut self, agent: &Did) {
        self.scores.entry(agent.clone()).or_default();
    }

    pub(crate) fn balance_of(&self, agent: &Did) -> TegBalance {
        let whole = |atto: u64| Amount::from_nano(i64::try_from(atto / ATTO).unwrap_or(0));
        let atto = if *agent == self.us { self.our_dust } else { 0 };
        let available = self.purses.held(&Purse::Available(agent.clone()));
        TegBalance {
            available: available.checked_add(whole(atto)).unwrap_or(available),
            staked: self.purses.held(&Purse::Staked(agent.clone())),
            dust: u32::try_from(atto % ATTO).unwrap_or(0),
        }
    }

    pub(crate) fn reputation(&self, agent: &Did) -> Option<Reputation> {
        self.scores.get(agent).map(|raw| Reputation::from_raw(*raw, 1))
    }

    pub(crate) fn find(&self, key: Uuid) -> Option<TegTransfer> {
        match self.keys.get(&(self.us.clone(), key))? {
            Used::Transfer(index) | Used::Pull(index) => Some(self.transfers[*index].clone()),
            Used::Stake(_) | Used::Unstake => None,
        }
    }

    pub(crate) fn history(
        &self,
        cursor: &HistoryCursor,
        limit: u32,
    ) -> Result<HistoryPage, TegError> {
        let position = if cursor.0.is_empty() { Ok(0) } else { cursor.0.parse::<usize>() };
        let begin = match position {
            Ok(begin) if begin <= self.transfers.len() => begin,
            _ => return Err(refused(TegError::INVALID_CURSOR, "this TEG gave no such cursor")),
        };
        let mut page = HistoryPage { next: cursor.clone(), ..HistoryPage::default() };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let ours = self
            .transfers
            .iter()
            .enumerate()
            .skip(begin)
            .filter(|(_, transfer)| transfer.sender == self.us || transfer.receiver == self.us);
        for (index, transfer) in ours.take(limit) {
            page.next = HistoryCursor((index + 1).to_string());
            page.transfers.push(self.shown(index, transfer));
        }
        let shown = |list: &[(Did, TransferOrder)]| {
            list.iter().map(|(sender, order)| self.announced(sender, order)).collect()
        };
        page.pending = shown(&self.pending);
        page.failed = shown(&self.failed);
        Ok(page)
    }

    fn announced(&self, sender: &Did, order: &TransferOrder) -> TegTransfer {
        TegTransfer {
            id: pending_name(order),
            sender: sender.clone(),
            receiver: order.counterparty.clone(),
            amount: order.amount,
            fee: Amount::ZERO,
            dust: 0,
            memo: order.memo.clone(),
            key: None,
            at: self.now,
        }
    }

    /// The key is the caller's own business: shown to us, it could be taken for one of ours.
    fn shown(&self, index: usize, transfer: &TegTransfer) -> TegTransfer {
        let own = transfer.key.and_then(|key| self.keys.get(&(self.us.clone(), key)));
        let own =
            own.is_some_and(|used| *used == Used::Transfer(index) || *used == Used::Pull(index));
        TegTransfer { key: transfer.key.filter(|_| own), ..transfer.clone() }
    }
}

fn check_fields(payment: &Payment<'_>) -> Result<(), TegError> {
    if !payment.order.amount.is_positive() {
        return Err(refused(TegError::INVALID_AMOUNT, "an amount must be above zero"));
    }
    let memo = &payment.order.memo;
    if memo.len() > MEMO_BYTES || memo.contains('\0') {
        return Err(refused(TegError::INVALID_MEMO, "at most 256 bytes, without U+0000"));
    }
    if payment.sender == payment.receiver {
        return Err(refused(TegError::SELF_TRANSFER, "payer and receiver are the same agent"));
    }
    Ok(())
}
