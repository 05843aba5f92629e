//! Proves the TEG suite: a TEG with one bug planted, and the case that must notice it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use marketplace_money::{Amount, Did, Reputation};
use marketplace_ports::{
    HistoryCursor, HistoryPage, Teg, TegBalance, TegError, TegTransactionId, TegTransfer,
    TransferFee, TransferOrder,
};
use uuid::Uuid;

use crate::TegUnderTest;

macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident => $case:ident,)*) => {
        /// Something that a TEG does wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PlantedTegBug {
            $($(#[$doc])* $bug,)*
        }

        impl PlantedTegBug {
            /// All of them, each with the case of the suite that must fail.
            pub const ALL: &[(Self, &'static str)] = &[$((Self::$bug, stringify!($case)),)*];
        }
    };
}

bugs! {
    /// Moves tokens each time that a key is sent.
    KeyIgnored => a_key_moves_tokens_once,
    /// Looks whether a key was used, and moves tokens a moment later.
    KeyCheckedTooEarly => a_key_sent_at_once_moves_tokens_once,
    /// Answers another request with what its key did first.
    MismatchIgnored => a_key_with_other_fields_is_refused,
    /// Pays from nothing.
    OverdraftAllowed => nobody_pays_more_than_it_holds,
    /// Cuts long memos.
    MemoCut => malformed_orders_are_refused,
    /// Does not say what a transfer cost.
    FeeHidden => a_transfer_moves_tokens,
    /// Finds nothing by its key.
    FindForgets => a_transfer_is_found_by_its_key,
    /// Shows a key with every transfer.
    OthersKeysShown => anothers_key_is_not_ours,
    /// Gives the newest transfer first.
    HistoryReversed => the_history_shows_our_transfers_in_order,
    /// Does not show what others sent to us.
    HistoryWithoutDeposits => the_history_shows_our_transfers_in_order,
    /// Always begins at the beginning.
    HistoryBeginsAnew => the_history_comes_in_pages,
    /// Begins at the beginning for a cursor that nobody gave.
    InventedCursorAccepted => cursors_of_nothing,
    /// Gives play money again and again.
    FaucetGivesAgain => the_faucet_gives_once,
    /// Locks tokens each time that a key is sent.
    StakeKeyIgnored => a_stake_is_locked_once,
    /// Unlocks tokens each time that a key is sent.
    UnstakeKeyIgnored => a_late_unstake_undoes_nothing,
    /// Takes any number of ratings, and counts the first.
    RatedAgain => a_transfer_is_rated_once,
    /// Takes ratings and forgets them.
    RatingForgotten => a_transfer_is_rated_once,
    /// Knows everybody.
    StrangersHaveStanding => strangers_have_nothing,
}

/// A TEG with a bug, or with none, before a TEG that has none.
pub struct BuggyTeg {
    inner: Arc<dyn Teg>,
    us: Did,
    bug: Option<PlantedTegBug>,
    keys: AtomicU64,
}

impl BuggyTeg {
    fn has(&self, bug: PlantedTegBug) -> bool {
        self.bug == Some(bug)
    }

    /// Distinct from all keys of the suite, which count up from a small one.
    fn fresh_key(&self) -> Uuid {
        Uuid::from_u128(u128::MAX - u128::from(self.keys.fetch_add(1, Ordering::SeqCst)))
    }

    /// The order as the inner TEG gets it.
    async fn distorted(&self, order: &TransferOrder) -> Result<TransferOrder, TegError> {
        let mut order = order.clone();
        match self.bug {
            Some(PlantedTegBug::KeyIgnored) => order.key = self.fresh_key(),
            Some(PlantedTegBug::KeyCheckedTooEarly) => {
                let is_new = self.inner.find(order.key).await?.is_none();
                tokio::task::yield_now().await;
                if is_new && self.inner.find(order.key).await?.is_some() {
                    order.key = self.fresh_key();
                }
            }
            Some(PlantedTegBug::MemoCut) => order.memo = order.memo.chars().take(64).collect(),
            _ => {}
        }
        Ok(order)
    }

    async fn answer(
        &self,
        order: &TransferOrder,
        answer: Result<TegTransfer, TegError>,
    ) -> Result<TegTransfer, TegError> {
        let code = match &answer {
            Err(TegError::Refused { code, .. }) => *code,
            _ => "",
        };
        let before = self.inner.find(order.key).await?;
        if let (TegError::IDEMPOTENCY_MISMATCH, true, Some(before)) =
            (code, self.has(PlantedTegBug::MismatchIgnored), before)
        {
            return Ok(before);
        }
        if code == TegError::INSUFFICIENT_BALANCE && self.has(PlantedTegBug::OverdraftAllowed) {
            return Ok(TegTransfer {
                id: TegTransactionId(order.key.to_string()),
                sender: self.us.clone(),
                receiver: order.counterparty.clone(),
                amount: order.amount,
                fee: Amount::ZERO,
                dust: 0,
                memo: order.memo.clone(),
                key: Some(order.key),
                at: marketplace_money::Timestamp::default(),
            });
        }
        let mut transfer = answer?;
        if self.has(PlantedTegBug::FeeHidden) {
            transfer.fee = Amount::from_nano(transfer.fee.nano() - 1);
        }
        Ok(transfer)
    }

    fn refused(code: &str, result: &Result<impl Sized, TegError>) -> bool {
        matches!(result, Err(TegError::Refused { code: found, .. }) if *found == code)
    }
}

#[async_trait]
impl Teg for BuggyTeg {
    async fn balance(&self) -> Result<TegBalance, TegError> {
        self.inner.balance().await
    }

    async fn balance_of(&self, agent: &Did) -> Result<Option<TegBalance>, TegError> {
        self.inner.balance_of(agent).await
    }

    async fn transfer(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        let answer = self.inner.transfer(&self.distorted(order).await?).await;
        self.answer(order, answer).await
    }

    async fn pull(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        let answer = self.inner.pull(&self.distorted(order).await?).await;
        self.answer(order, answer).await
    }

    async fn find(&self, key: Uuid) -> Result<Option<TegTransfer>, TegError> {
        let found = self.inner.find(key).await?;
        Ok(found.filter(|_| !self.has(PlantedTegBug::FindForgets)))
    }

    async fn history(&self, cursor: &HistoryCursor, limit: u32) -> Result<HistoryPage, TegError> {
        let begin = HistoryCursor::default();
        let anew = self.has(PlantedTegBug::HistoryBeginsAnew);
        let mut page = self.inner.history(if anew { &begin } else { cursor }, limit).await;
        if self.has(PlantedTegBug::InventedCursorAccepted)
            && Self::refused(TegError::INVALID_CURSOR, &page)
        {
            page = self.inner.history(&begin, limit).await;
        }
        let mut page = page?;
        match self.bug {
            Some(PlantedTegBug::HistoryReversed) => page.transfers.reverse(),
            Some(PlantedTegBug::HistoryWithoutDeposits) => {
                page.transfers.retain(|transfer| transfer.key.is_some());
            }
            Some(PlantedTegBug::OthersKeysShown) => {
                for transfer in &mut page.transfers {
                    transfer.key.get_or_insert(Uuid::nil());
                }
            }
            _ => {}
        }
        Ok(page)
    }

    async fn stake(&self, key: Uuid, amount: Amount) -> Result<TegBalance, TegError> {
        let anew = self.has(PlantedTegBug::StakeKeyIgnored);
        self.inner.stake(if anew { self.fresh_key() } else { key }, amount).await
    }

    async fn unstake(&self, key: Uuid) -> Result<TegBalance, TegError> {
        let anew = self.has(PlantedTegBug::UnstakeKeyIgnored);
        self.inner.unstake(if anew { self.fresh_key() } else { key }).await
    }

    async fn reputation(&self, agent: &Did) -> Result<Option<Reputation>, TegError> {
        let standing = self.inner.reputation(agent).await?;
        let everybody = self.has(PlantedTegBug::StrangersHaveStanding);
        Ok(standing.or(everybody.then_some(Reputation::UNKNOWN)))
    }

    async fn signal(&self, transfer: &TegTransactionId, positive: bool) -> Result<(), TegError> {
        if self.has(PlantedTegBug::RatingForgotten) {
            return Ok(());
        }
        let result = self.inner.signal(transfer, positive).await;
        let again = self.has(PlantedTegBug::RatedAgain)
            && Self::refused(TegError::ALREADY_SIGNALED, &result);
        if again { Ok(()) } else { result }
    }

    async fn transfer_fee(&self) -> Result<TransferFee, TegError> {
        self.inner.transfer_fee().await
    }

    async fn faucet(&self, agent: &Did) -> Result<TegBalance, TegError> {
        let result = self.inner.faucet(agent).await;
        let again = self.has(PlantedTegBug::FaucetGivesAgain)
            && Self::refused(TegError::FAUCET_USED, &result);
        if again {
            return self.inner.balance_of(agent).await.map(Option::unwrap_or_default);
        }
        result
    }
}

/// Any TEG under its suite, with a bug planted before it.
pub struct BuggyTegUnderTest<S> {
    subject: S,
    bug: Option<PlantedTegBug>,
    /// Empty while the TEG is opened again: a file has one user at a time.
    teg: Option<Arc<BuggyTeg>>,
}

impl<S: TegUnderTest> BuggyTegUnderTest<S> {
    /// Plants `bug`, or nothing.
    #[must_use]
    pub fn new(subject: S, bug: Option<PlantedTegBug>) -> Self {
        let teg = Some(Self::plant(&subject, bug));
        Self { subject, bug, teg }
    }

    fn plant(subject: &S, bug: Option<PlantedTegBug>) -> Arc<BuggyTeg> {
        let (inner, us) = (subject.teg(), subject.us());
        Arc::new(BuggyTeg { inner, us, bug, keys: AtomicU64::new(0) })
    }
}

#[async_trait]
impl<S: TegUnderTest> TegUnderTest for BuggyTegUnderTest<S> {
    fn teg(&self) -> Arc<dyn Teg> {
        self.teg.clone().expect("nobody asks while the TEG is opened again")
    }

    fn us(&self) -> Did {
        self.subject.us()
    }

    async fn transfer_from(&mut self, sender: &Did, order: &TransferOrder) -> TegTransactionId {
        self.subject.transfer_from(sender, order).await
    }

    async fn reopen(&mut self) {
        self.teg = None;
        self.subject.reopen().await;
        self.teg = Some(Self::plant(&self.subject, self.bug));
    }
}
