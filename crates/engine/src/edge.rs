//! How the TEG answers, as all processes see it together, and whether withdrawals go out.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use marketplace_money::{Seconds, Timestamp};
use marketplace_ports::{Store, StoreError, TegError, TransferFee};
use tokio::time::Instant;

use crate::marketplace::Marketplace;
use crate::refusal::Error;

/// The note of what the TEG takes for transfers, for servers that start while it is silent.
const FEE: &str = "teg-transfer-fee";
/// So many calls in a row without an answer: nothing new is sent until one is answered.
const STOP_AFTER: u32 = 5;
/// The note that says so to all servers and workers: since when, or nothing.
const SILENT: &str = "teg-silent";
/// While it lasts, the note is written again after so long.
const SAY_AGAIN: Seconds = Seconds(60);
/// A note that nobody wrote again for so long is worth nothing: who wrote it is gone.
const STALE: Seconds = Seconds(300);
/// Who is answered looks this often whether another says otherwise.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Why no withdrawal goes out. What is asked for is queued; everything else goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdgeStop {
    /// The TEG does not answer.
    Unreachable,
    /// What the TEG holds for us is not what our books say.
    Breach(String),
}

impl EdgeStop {
    /// Stable, for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "teg_unreachable",
            Self::Breach(_) => "reserves_breach",
        }
    }
}

impl fmt::Display for EdgeStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the TEG does not answer"),
            // The details are for operators.
            Self::Breach(_) => f.write_str("the reserves are being examined"),
        }
    }
}

/// What all servers and workers know of the TEG's silence, and what this process saw of it.
///
/// Whoever is left without an answer again and again says so in the store, and whoever is answered
/// ends it: a server that calls the TEG seldom is told by the workers.
pub(crate) struct EdgeWatch {
    store: Arc<dyn Store>,
    unanswered: AtomicU32,
    told: Mutex<Told>,
    fee: Mutex<Option<TransferFee>>,
}

/// When this process had to do with the note.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// It wrote that the TEG is silent.
    silent: Option<Timestamp>,
    /// It looked what the others say, while it was answered.
    looked: Option<Instant>,
}

impl EdgeWatch {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, unanswered: AtomicU32::new(0), told: Mutex::default(), fee: Mutex::default() }
    }

    /// Takes note of a call, and passes its result on.
    pub(crate) async fn saw<T>(&self, result: Result<T, TegError>) -> Result<T, TegError> {
        let told = match &result {
            Err(TegError::Unavailable { .. } | TegError::Unknown { .. }) => self.unanswered().await,
            // A refusal is an answer.
            Ok(_) | Err(TegError::Refused { .. }) => self.answered().await,
            // Nobody was asked.
            Err(TegError::Unsupported { .. }) => Ok(()),
        };
        if let Err(error) = told {
            *self.told() = Told::default();
            tracing::warn!(%error, "what is known of the TEG's silence cannot be shared now");
        }
        result
    }

    /// Says so when it is one too many, and again while it lasts, seldom.
    async fn unanswered(&self) -> Result<(), StoreError> {
        if self.unanswered.fetch_add(1, Ordering::Relaxed) + 1 < STOP_AFTER {
            return Ok(());
        }
        let now = self.store.now().await?;
        {
            let mut told = self.told();
            if told.silent.is_some_and(|at| now < at.plus(SAY_AGAIN)) {
                return Ok(());
            }
            told.silent = Some(now);
        }
        self.store.set_note(SILENT, &now.micros().to_string()).await
    }

    /// Ends what anybody said, if it is time to look.
    async fn answered(&self) -> Result<(), StoreError> {
        self.unanswered.store(0, Ordering::Relaxed);
        {
            let mut told = self.told();
            let fresh = told.looked.is_some_and(|at| at.elapsed() < LOOK_AGAIN);
            if fresh && told.silent.is_none() {
                return Ok(());
            }
            *told = Told { silent: None, looked: Some(Instant::now()) };
        }
        if self.store.note(SILENT).await?.is_some_and(|note| !note.is_empty()) {
            self.store.set_note(SILENT, "").await?;
            tracing::info!("the TEG answers again");
        }
        Ok(())
    }

    /// Whether anybody said so, and not too long ago.
    async fn is_silent(&self) -> Result<bool, StoreError> {
        let note = self.store.note(SILENT).await?;
        let Some(said) = note.and_then(|note| note.parse().ok()) else { return Ok(false) };
        let said = Timestamp::from_micros(said);
        Ok(self.store.now().await? < said.plus(STALE))
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the TEG takes, as it said last.
    fn known_fee(&self) -> Option<TransferFee> {
        *self.fee.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn_fee(&self, fee: TransferFee) {
        *self.fee.lock().unwrap_or_else(PoisonError::into_inner) = Some(fee);
    }
}

impl Marketplace {
    /// Remembers what the TEG takes, also for other servers and after a restart.
    pub(crate) async fn remember_fee(&self, fee: TransferFee) -> Result<(), Error> {
        let watch = &self.inner.edge;
        if watch.known_fee() != Some(fee) {
            self.store().set_note(FEE, &written(&fee)).await?;
            watch.learn_fee(fee);
        }
        Ok(())
    }

    /// What the TEG takes, as it said last, to whichever server.
    pub(crate) async fn remembered_fee(&self) -> Result<Option<TransferFee>, Error> {
        if let Some(fee) = self.inner.edge.known_fee() {
            return Ok(Some(fee));
        }
        Ok(self.store().note(FEE).await?.as_deref().and_then(read))
    }

    /// Why no withdrawal goes out now; nothing when they do.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn edge_stop(&self) -> Result<Option<EdgeStop>, Error> {
        let last = self.last_reconciliation().await?;
        if let Some(breach) = last.and_then(|last| last.breach) {
            return Ok(Some(EdgeStop::Breach(breach)));
        }
        Ok(self.inner.edge.is_silent().await?.then_some(EdgeStop::Unreachable))
    }
}

fn written(fee: &TransferFee) -> String {
    let most = fee.most.map_or_else(String::new, |most| most.to_string());
    format!("{}|{}|{}|{most}", fee.flat, fee.millionths, fee.least)
}

fn read(note: &str) -> Option<TransferFee> {
    let mut parts = note.split('|');
    let mut next = || parts.next();
    let (flat, millionths) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let least = next()?.parse().ok()?;
    let most = match next()? {
        "" => None,
        most => Some(most.parse().ok()?),
    };
    Some(TransferFee { flat, millionths, least, most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_written_and_read() {
        let flat = TransferFee::flat("0.25".parse().unwrap());
        let most = Some("10".parse().unwrap());
        let share = TransferFee { millionths: 1_000, least: flat.flat, most, ..flat };
        for fee in [TransferFee::default(), flat, share] {
            assert_eq!(read(&written(&fee)), Some(fee));
        }
        for note in ["", "1", "1|2|3", "1|x|3|", "1|2|3|x"] {
            assert_eq!(read(note), None, "{note}");
        }
    }
}
