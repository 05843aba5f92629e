//! How the TEG answers, as this process sees it, and whether withdrawals go out.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use marketplace_ports::{TegError, TransferFee};

use crate::marketplace::Marketplace;
use crate::refusal::Error;

/// The note of what the TEG takes for transfers, for servers that start while it is silent.
const FEE: &str = "teg-transfer-fee";
/// So many calls in a row without an answer: nothing new is sent until one is answered.
const STOP_AFTER: u32 = 5;

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

/// Counts what the TEG leaves unanswered.
#[derive(Debug, Default)]
pub(crate) struct EdgeWatch {
    unanswered: AtomicU32,
    fee: Mutex<Option<TransferFee>>,
}

impl EdgeWatch {
    /// Takes note of a call, and passes its result on.
    pub(crate) fn saw<T>(&self, result: Result<T, TegError>) -> Result<T, TegError> {
        match &result {
            Err(TegError::Unavailable { .. } | TegError::Unknown { .. }) => {
                self.unanswered.fetch_add(1, Ordering::Relaxed);
            }
            // A refusal is an answer.
            Ok(_) | Err(TegError::Refused { .. } | TegError::Unsupported { .. }) => {
                self.unanswered.store(0, Ordering::Relaxed);
            }
        }
        result
    }

    /// What the TEG takes, as it said last.
    fn known_fee(&self) -> Option<TransferFee> {
        *self.fee.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn_fee(&self, fee: TransferFee) {
        *self.fee.lock().unwrap_or_else(PoisonError::into_inner) = Some(fee);
    }

    fn is_unreachable(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) >= STOP_AFTER
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
        Ok(self.inner.edge.is_unreachable().then_some(EdgeStop::Unreachable))
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
