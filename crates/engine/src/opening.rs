//! What a server does before it serves: books the opening balance, fills the stake, builds the
//! catalog. Every step may be done by several servers at once and is done once.

use marketplace_ports::{HistoryCursor, TegError};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::marketplace::Marketplace;
use crate::refusal::{Error, Refusal};
use crate::verbs::OpenBooks;

/// Where the mirror of the TEG's history stands.
pub(crate) const HISTORY_CURSOR: &str = "teg-history-cursor";
const PAGE: u32 = 500;

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
        self.open_books().await?;
        if let Err(error) = self.fill_stake().await {
            tracing::warn!(%error, "the stake is not filled up");
        }
        self.build_catalog().await
    }

    async fn open_books(&self) -> Result<(), Error> {
        if self.store().note(HISTORY_CURSOR).await?.is_some() {
            return Ok(());
        }
        // Whatever is in the history before the opening is in the opening balance. The cursor is
        // taken first: a transfer that slips between is booked twice nowhere, but shows up in
        // the mirror and in the balance, so the balance must be read while nobody trades yet.
        let mut cursor = HistoryCursor::default();
        loop {
            let page = self.teg().history(&cursor, PAGE).await.map_err(teg_error)?;
            let end = page.transfers.is_empty();
            cursor = page.next;
            if end {
                break;
            }
        }
        let balance = self.teg().balance().await.map_err(teg_error)?;
        let holdings = balance.available.checked_add(balance.staked);
        let holdings = holdings.ok_or_else(|| Error::Fault("holdings out of range".to_owned()))?;
        match self.execute(OpenBooks { holdings }, None).await {
            Ok(_) | Err(Error::Refused(Refusal::AlreadyDone)) => {}
            Err(error) => return Err(error),
        }
        Ok(self.store().set_note(HISTORY_CURSOR, &cursor.0).await?)
    }

    /// Stakes what is missing. The key follows from what is staked already, so that several
    /// servers that start together stake once.
    async fn fill_stake(&self) -> Result<(), Error> {
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

    /// Reads all active listings into memory.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn build_catalog(&self) -> Result<(), Error> {
        let mut cursor = None;
        loop {
            let page = self.store().active_listings(cursor, PAGE).await?;
            for (listing, provider) in page.items {
                let catalog = &self.inner.publisher.catalog;
                catalog.set_reputation(&provider.did, provider.reputation);
                catalog.put(listing);
            }
            if page.next.is_none() {
                return Ok(());
            }
            cursor = page.next;
        }
    }
}
