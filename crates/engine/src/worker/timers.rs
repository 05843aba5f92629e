//! Clocks that ran out.

use futures::future::join_all;
use marketplace_money::Did;
use marketplace_ports::{Subject, Timer};

use super::{BITE, Worker};
use crate::refusal::Error;
use crate::verbs::FireTimer;

impl Worker {
    /// Fires what is due; all of a bite share a commit.
    pub(super) async fn fire_timers(&self) -> Result<usize, Error> {
        let timers = self.marketplace.store().lease_timers(self.lease(), BITE).await?;
        let count = timers.len();
        let fired = join_all(timers.into_iter().map(|timer| self.fire(timer))).await;
        for outcome in fired {
            if let Err(error) = outcome {
                // Its lease ends, and it comes back.
                tracing::warn!(%error, "a timer did not fire");
            }
        }
        Ok(count)
    }

    async fn fire(&self, timer: Timer) -> Result<(), Error> {
        if let Subject::Dispute(id) = timer.subject {
            return self.tick_dispute(id, timer).await;
        }
        let agent = self.agent_of(timer.subject).await?;
        let max_listings = self.marketplace.config().max_listings;
        self.marketplace.execute(FireTimer { timer, agent, max_listings }, None).await.map(|_| ())
    }

    async fn agent_of(&self, subject: Subject) -> Result<Option<Did>, Error> {
        let store = self.marketplace.store();
        Ok(match subject {
            Subject::Order(id) => store.order(id).await?.map(|order| order.buyer.clone()),
            Subject::Listing(id) => store.listing(id).await?.map(|l| l.provider.clone()),
            Subject::Withdrawal(_)
            | Subject::Deposit(_)
            | Subject::Dispute(_)
            | Subject::Command(_) => None,
        })
    }
}
