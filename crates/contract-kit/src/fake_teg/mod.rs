//! The fake TEG: a double-entry node in memory, whose faults a test plans.

mod books;
mod purses;

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use marketplace_money::{Amount, Did, Reputation};
use marketplace_ports::{
    HistoryCursor, HistoryPage, Teg, TegBalance, TegError, TegTransactionId, TegTransfer,
    TransferFee, TransferOrder,
};
use uuid::Uuid;

use crate::faults::{FaultPlan, lock};
use crate::{FaultPoint, ManualClock, TegFault};
use books::{Books, Reply, Request};

#[derive(Debug)]
struct Node {
    books: Books,
    /// Requests that will arrive a second time.
    duplicates: Vec<Request>,
}

/// A TEG in memory. Clones are handles to the same books. Every call of the port is made as the
/// agent that it was made for, which begins with nothing.
#[derive(Clone, Debug)]
pub struct FakeTeg {
    node: Arc<Mutex<Node>>,
    clock: ManualClock,
    faults: FaultPlan<TegFault>,
}

impl FakeTeg {
    /// What the faucet gives, once for each agent but us.
    pub const FAUCET_GIFT: Amount = books::FAUCET_GIFT;

    /// Empty books, used as `us`, stamped by `clock`. Transfers cost nothing.
    #[must_use]
    pub fn new(us: Did, clock: ManualClock) -> Self {
        let node = Node { books: Books::new(us), duplicates: Vec::new() };
        Self { node: Arc::new(Mutex::new(node)), clock, faults: FaultPlan::default() }
    }

    /// Asks `decide` at each call from now on what shall go wrong; replaces an earlier plan.
    pub fn plan_faults(&self, decide: impl FnMut(&FaultPoint) -> TegFault + Send + 'static) {
        self.faults.set(Some(Box::new(decide)));
    }

    /// Nothing goes wrong from now on.
    pub fn clear_faults(&self) {
        self.faults.set(None);
    }

    /// How often a method was called, such as `transfer`.
    #[must_use]
    pub fn calls(&self, call: &'static str) -> u64 {
        self.faults.calls(call)
    }

    /// What the sender of a transfer pays on top, from now on. Not below zero.
    pub fn set_transfer_fee(&self, fee: Amount) {
        self.node().books.fee = TransferFee::flat(fee);
    }

    /// The same with a share of the amount, from now on.
    pub fn set_fees(&self, fees: TransferFee) {
        self.node().books.fee = fees;
    }

    /// A payment of another agent that the history shows as not completed.
    pub fn announce(&self, sender: &Did, order: &TransferOrder) -> TegTransactionId {
        self.node().books.announce(sender, order)
    }

    /// Completes the oldest of these; says whether one was.
    pub fn complete_pending(&self) -> bool {
        self.node().books.complete_pending()
    }

    /// Lets the oldest of these fail; says whether one was.
    pub fn fail_pending(&self) -> bool {
        self.node().books.fail_pending()
    }

    /// Says that a payment brought us so many atto-AVT beyond its amount. Below one nano-AVT, and
    /// before anybody has read the history.
    pub fn add_dust(&self, id: &TegTransactionId, dust: u32) {
        self.node().books.add_dust(id, dust);
    }

    /// Makes new tokens for an agent, ourselves included. Above zero.
    pub fn issue(&self, agent: &Did, amount: Amount) {
        self.node().books.issue(agent, amount);
    }

    /// Sets an agent's raw score; it is known from then on.
    pub fn set_reputation(&self, agent: &Did, raw: i64) {
        self.node().books.scores.insert(agent.clone(), raw);
    }

    /// A transfer by another agent, with its own key, to `order.counterparty`.
    ///
    /// # Errors
    /// As [`Teg::transfer`].
    pub fn transfer_from(
        &self,
        sender: &Did,
        order: &TransferOrder,
    ) -> Result<TegTransfer, TegError> {
        self.node().books.transfer_between(order, sender)
    }

    /// All tokens that exist; only the faucet and [`Self::issue`] change it.
    #[must_use]
    pub fn total(&self) -> Amount {
        self.node().books.purses.total()
    }

    /// What is wrong with the books, in words: always empty.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        self.node().books.purses.breaches()
    }

    /// The books after all requests that were under way a second time have arrived.
    fn node(&self) -> MutexGuard<'_, Node> {
        let mut node = lock(&self.node);
        node.books.now = self.clock.now();
        for request in std::mem::take(&mut node.duplicates) {
            // Its caller is gone: nobody hears the answer.
            let _ = node.books.execute(&request);
        }
        node
    }

    async fn write(&self, call: &'static str, request: Request) -> Result<Reply, TegError> {
        let fault = self.faults.at(call);
        match fault {
            TegFault::Refuse => {
                let reason = format!("planned: no {call}");
                Err(TegError::Refused { code: "planned_refusal", reason })
            }
            TegFault::UnavailableBefore => Err(unavailable(call)),
            TegFault::LostBefore => Err(lost(call)),
            TegFault::HangBefore => pending().await,
            TegFault::None => self.node().books.execute(&request),
            TegFault::LostAfter => {
                self.node().books.execute(&request)?;
                Err(lost(call))
            }
            TegFault::HangAfter => {
                let _ = self.node().books.execute(&request);
                pending().await
            }
            TegFault::Duplicate => {
                let mut node = self.node();
                let reply = node.books.execute(&request);
                node.duplicates.push(request);
                reply
            }
        }
    }

    async fn transferred(
        &self,
        call: &'static str,
        request: Request,
    ) -> Result<TegTransfer, TegError> {
        match self.write(call, request).await? {
            Reply::Transfer(transfer) => Ok(transfer),
            Reply::Balance(_) | Reply::Signaled => Err(lost(call)),
        }
    }

    async fn balanced(&self, call: &'static str, request: Request) -> Result<TegBalance, TegError> {
        match self.write(call, request).await? {
            Reply::Balance(balance) => Ok(balance),
            Reply::Transfer(_) | Reply::Signaled => Err(lost(call)),
        }
    }

    async fn read<T>(
        &self,
        call: &'static str,
        work: impl FnOnce(&Books) -> T + Send,
    ) -> Result<T, TegError> {
        match self.faults.at(call) {
            TegFault::None | TegFault::Duplicate => Ok(work(&self.node().books)),
            TegFault::HangBefore | TegFault::HangAfter => pending().await,
            TegFault::Refuse
            | TegFault::UnavailableBefore
            | TegFault::LostBefore
            | TegFault::LostAfter => Err(unavailable(call)),
        }
    }
}

fn unavailable(call: &str) -> TegError {
    TegError::Unavailable { reason: format!("planned: no answer to {call}"), retry_after: None }
}

fn lost(call: &str) -> TegError {
    TegError::Unknown { reason: format!("planned: the answer to {call} was lost") }
}

#[async_trait]
impl Teg for FakeTeg {
    async fn balance(&self) -> Result<TegBalance, TegError> {
        self.read("balance", |books| books.balance_of(&books.us)).await
    }

    async fn balance_of(&self, agent: &Did) -> Result<Option<TegBalance>, TegError> {
        self.read("balance_of", |books| Some(books.balance_of(agent))).await
    }

    async fn transfer(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        self.transferred("transfer", Request::Transfer(order.clone())).await
    }

    async fn pull(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        self.transferred("pull", Request::Pull(order.clone())).await
    }

    async fn find(&self, key: Uuid) -> Result<Option<TegTransfer>, TegError> {
        self.read("find", |books| books.find(key)).await
    }

    async fn history(&self, cursor: &HistoryCursor, limit: u32) -> Result<HistoryPage, TegError> {
        self.read("history", |books| books.history(cursor, limit)).await?
    }

    async fn stake(&self, key: Uuid, amount: Amount) -> Result<TegBalance, TegError> {
        self.balanced("stake", Request::Stake(key, amount)).await
    }

    async fn unstake(&self, key: Uuid) -> Result<TegBalance, TegError> {
        self.balanced("unstake", Request::Unstake(key)).await
    }

    async fn reputation(&self, agent: &Did) -> Result<Option<Reputation>, TegError> {
        self.read("reputation", |books| books.reputation(agent)).await
    }

    async fn signal(&self, transfer: &TegTransactionId, positive: bool) -> Result<(), TegError> {
        self.write("signal", Request::Signal(transfer.clone(), positive)).await.map(drop)
    }

    async fn transfer_fee(&self) -> Result<TransferFee, TegError> {
        self.read("transfer_fee", |books| books.fee).await
    }

    async fn faucet(&self, agent: &Did) -> Result<TegBalance, TegError> {
        self.balanced("faucet", Request::Faucet(agent.clone())).await
    }
}
