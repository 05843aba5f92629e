//! One worker of all reads our history at the TEG: it allows a thousand requests an hour.

use super::Worker;
use crate::refusal::Error;

impl Worker {
    /// Reads on from where the mirror stands.
    pub(super) async fn mirror_history(&self) -> Result<usize, Error> {
        self.marketplace.read_history().await
    }
}
