//! What a server does before it serves: books the opening balance, fills the stake, builds the
//! catalog. Every step may be done by several servers at once and is done once.

use std::sync::Arc;

use marketplace_money::Amount;
use marketplace_ports::{HistoryCursor, IdempotencyKey, Key, TegBalance, TegError, TegTransfer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::job::{Done, Idempotency, Render};
use crate::marketplace::Marketplace;
use crate::refusal::{Error, Refusal};
use crate::verbs::{Agree, OpenBooks};

/// Where the mirror of the TEG's history stands.
pub(crate) const HISTORY_CURSOR: &str = "teg-history-cursor";
const PAGE: u32 = 500;
const ATTO_PER_NANO: i128 = 1_000_000_000;
/// How often the opening balance is read until nothing moved meanwhile.
const OPENING_ATTEMPTS: usize = 10;

fn teg_error(error: TegError) -> Error {
    Error::unavailable(error, 5)
}

impl Marketplace {
    /// Prepares a started marketplace: books, stake, catalog. Repeating it changes nothing.
    ///
    /// # Errors
    /// When store or TEG do not answer. A shortfall of funds for the stake is a warning, not an
    /// error.
    pub async fn open(&self) -> Result<(), Error> {
        self.open_store().await?;
        self.build_catalog().await?;
        self.open_books().await?;
        if let Err(error) = self.fill_stake().await {
            tracing::warn!(%error, "the stake is not filled up");
        }
        Ok(())
    }

    /// The part of [`Self::open`] that asks nobody but the store, and takes no time: nothing can be
    /// found before [`Self::build_catalog`].
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn open_store(&self) -> Result<(), Error> {
        // Ids are ordered by the time that was seen last: without this, the first ones after a
        // start would be from 1970.
        self.inner.publisher.see_time(self.now().await?);
        self.mark_feed().await?;
        Ok(self.refresh_in_force().await?)
    }

    /// Books what we hold at the TEG as capital, once. The place in the history from which the
    /// mirror will book everything is remembered first; what came after that place is not
    /// capital, however often a crash makes us begin again. Where it was done before, the TEG is not
    /// asked.
    ///
    /// # Errors
    /// When store or TEG do not answer.
    pub async fn open_books(&self) -> Result<(), Error> {
        let start = match self.store().note(HISTORY_CURSOR).await? {
            Some(cursor) => HistoryCursor(cursor),
            None => {
                let (_, end) = self.history_from(&HistoryCursor::default()).await?;
                let start = self.agree_on_start(&end).await?;
                // A slow server sets the mirror back to the start: it repeats itself, and skips
                // nothing.
                self.store().set_note(HISTORY_CURSOR, &start.0).await?;
                start
            }
        };
        let key = Key::TegTransaction(OpenBooks::name());
        let view = self.store().load(&[key].into_iter().collect()).await?;
        if !view.teg_records.is_empty() {
            return Ok(());
        }
        for _ in 0..OPENING_ATTEMPTS {
            let (before, end) = self.history_from(&start).await?;
            let balance = self.teg().balance().await.map_err(teg_error)?;
            let (after, end_after) = self.history_from(&start).await?;
            if end != end_after || before != after {
                continue;
            }
            let (holdings, dust) = self.capital(balance, &after)?;
            match self.execute(OpenBooks { holdings, dust }, None).await {
                Ok(_) | Err(Error::Refused(Refusal::AlreadyDone)) => {}
                Err(error) => return Err(error),
            }
            // From now on withdrawals can be queued, whether the TEG answers or not.
            return self.transfer_fee().await.map(|_| ());
        }
        Err(Error::unavailable("our account at the TEG does not stand still", 5))
    }

    /// What we hold beyond what the lines brought: nano-AVT, and atto-AVT below that.
    fn capital(&self, balance: TegBalance, lines: &[TegTransfer]) -> Result<(Amount, u32), Error> {
        let nano = i128::from(balance.available.nano()) + i128::from(balance.staked.nano());
        let brought: i128 = lines.iter().map(|line| self.moved(line)).sum();
        let atto = nano * ATTO_PER_NANO + i128::from(balance.dust) - brought;
        let fault = |_| Error::Fault("holdings at the TEG are out of range".to_owned());
        let holdings = i64::try_from(atto.div_euclid(ATTO_PER_NANO)).map_err(fault)?;
        let dust = u32::try_from(atto.rem_euclid(ATTO_PER_NANO)).map_err(fault)?;
        Ok((Amount::from_nano(holdings), dust))
    }

    /// Of the servers that open the books together, the first says where they begin. Each with its
    /// own beginning, transfers between two of them would be booked by nobody.
    async fn agree_on_start(&self, proposed: &HistoryCursor) -> Result<HistoryCursor, Error> {
        let key = IdempotencyKey {
            caller: self.did().clone(),
            route: "opening".to_owned(),
            key: HISTORY_CURSOR.to_owned(),
        };
        let render: Render<String> = Arc::new(String::clone);
        let idempotency = Idempotency { key, body_sha256: [0; 32], render };
        let agree = Agree { text: proposed.0.clone() };
        Ok(HistoryCursor(match self.execute(agree, Some(idempotency)).await? {
            Done::Fresh(start) | Done::Repeated(start) => start,
        }))
    }

    /// The transfers after `cursor`, and the end of the history.
    pub(crate) async fn history_from(
        &self,
        cursor: &HistoryCursor,
    ) -> Result<(Vec<TegTransfer>, HistoryCursor), Error> {
        let (mut lines, mut cursor) = (Vec::new(), cursor.clone());
        loop {
            let page = self.teg().history(&cursor, PAGE).await.map_err(teg_error)?;
            if page.transfers.is_empty() {
                return Ok((lines, page.next));
            }
            lines.extend(page.transfers);
            cursor = page.next;
        }
    }

    /// Stakes what is missing. The key follows from what is staked already, so that several
    /// servers that start together stake once.
    ///
    /// # Errors
    /// When the TEG does not answer, or what is available does not cover what is missing.
    pub async fn fill_stake(&self) -> Result<(), Error> {
        let balance = self.teg().balance().await.map_err(teg_error)?;
        let wanted = self.config().stake;
        let Some(missing) = wanted.checked_sub(balance.staked).filter(|m| m.is_positive()) else {
            return Ok(());
        };
        if balance.available < missing {
            let reason = format!("{missing} AVT are missing, {} AVT are there", balance.available);
            return Err(Error::unavailable(reason, 60));
        }
        let mut hash = Sha256::new();
        hash.update(self.did().as_str());
        hash.update(wanted.nano().to_be_bytes());
        hash.update(balance.staked.nano().to_be_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        let key = Uuid::from_bytes(bytes);
        let staked = self.teg().stake(key, missing).await.map_err(teg_error)?;
        tracing::info!(staked = %staked.staked, "the stake is filled up");
        Ok(())
    }
}
