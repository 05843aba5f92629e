//! The marketplace as a library: what servers and embedding agents hold.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use marketplace_escrow::{Command, OrderRefusal};
use marketplace_fees::{Expectation, Quote};
use marketplace_listings::{AcceptancePolicy, Listing, Offer, OfferEdit, Pricing};
use marketplace_money::{Amount, CommandId, Did, ListingId, OrderId, Seconds, Timestamp};
use marketplace_ports::{Fetcher, Nonce, Notifier, PayoutPolicy, Store, Teg, TegBalance, TegError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::beside::Beside;
use crate::config::Config;
use crate::delivery::{DeliveryRequest, Prepared, check, validate};
use crate::edge::EdgeWatch;
use crate::escrow_limit::EscrowWatch;
use crate::executor::Executor;
use crate::ids::{Ids, command_id};
use crate::job::{Done, Idempotency, Job, TypedJob, Verb};
use crate::measured::measured;
use crate::measures::Measures;
use crate::overview::Counts;
use crate::publish::Publisher;
use crate::published::TreeCache;
use crate::refusal::{Error, Refusal};
use crate::rehearsal::Bench;
use crate::reputation::{ReputationCache, Standings};
use crate::trace;
use crate::verbs::{
    Balance, ChangeListing, ChangeOrder, Collateral, CompleteOrder, CreateListing, ListingChange,
    MoveCollateral, OrderView, Payment, Purchase, SellerStanding, SetPayout, Transfer, UseNonce,
};

/// An order that waits for a transfer waits so long.
const ORDER_WAITS: Seconds = Seconds::from_hours(1);
/// Commands of one job that wait at once, at most.
const MOST_ABREAST: usize = 64;

/// What the marketplace stands on.
#[derive(Clone)]
pub struct Edges {
    /// State.
    pub store: Arc<dyn Store>,
    /// Tokens.
    pub teg: Arc<dyn Teg>,
    /// Deliveries behind URLs.
    pub fetcher: Arc<dyn Fetcher>,
    /// Tells agents what happened to their orders; [`marketplace_ports::Silence`] tells nobody.
    pub notifier: Arc<dyn Notifier>,
    /// Names.
    pub ids: Arc<dyn Ids>,
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) edges: Edges,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) reputations: ReputationCache,
    pub(crate) standings: Standings,
    pub(crate) counts: Counts,
    pub(crate) edge: Arc<EdgeWatch>,
    pub(crate) escrow: EscrowWatch,
    pub(crate) trees: TreeCache,
    /// Where checks are tried.
    pub(crate) bench: Bench,
    /// Held by whoever makes the mirror look.
    pub(crate) refreshing: tokio::sync::Mutex<()>,
    /// One adjustment of a balance at a time.
    pub(crate) adjusting: tokio::sync::Mutex<()>,
    /// Until when this process said that transfers are awaited, in microseconds.
    pub(crate) awaited: AtomicI64,
    pub(crate) measures: Measures,
    queue: mpsc::Sender<Box<dyn Job>>,
    executor: JoinHandle<()>,
}

impl Inner {
    /// Commands that nobody has taken yet.
    pub(crate) fn queued(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// How many commands of one job may wait at once: they share commits, and leave room for others.
    pub(crate) fn abreast(&self) -> usize {
        (self.queue.max_capacity() / 4).clamp(1, MOST_ABREAST)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The queue closes with its last sender; what is in it is still served.
        tracing::debug!(finished = self.executor.is_finished(), "the marketplace is closed");
    }
}

/// A handle to a running marketplace; clones share it.
///
/// Every change goes command → decide → commit → effects. Callers are authenticated by whoever
/// holds the handle: a `Did` that is passed in is believed.
#[derive(Clone)]
pub struct Marketplace {
    pub(crate) inner: Arc<Inner>,
    pub(crate) beside: Option<Arc<Beside>>,
}

/// What a buyer asks for.
#[derive(Clone, Debug)]
pub struct PurchaseRequest {
    /// What.
    pub listing: ListingId,
    /// Another policy than the listing's.
    pub acceptance: Option<AcceptancePolicy>,
    /// At which price.
    pub expects: Expectation,
    /// How it pays.
    pub payment: Payment,
}

impl PurchaseRequest {
    /// Buys at the price of now, from the balance, under the listing's terms.
    #[must_use]
    pub const fn of(listing: ListingId) -> Self {
        Self { listing, acceptance: None, expects: Expectation::Nothing, payment: Payment::Balance }
    }
}

impl Marketplace {
    /// Starts the executor on the current tokio runtime. The store keeps everything; dropping the
    /// last handle stops the executor after what is queued, and loses nothing.
    ///
    /// Timers, the outbox and the TEG's history need a [`crate::Worker`]; see also
    /// [`Marketplace::open`].
    #[must_use]
    pub fn start(config: Config, edges: Edges) -> Self {
        let (queue, jobs) = mpsc::channel(config.queue_limit);
        let measures = Measures::default();
        let edge = Arc::new(EdgeWatch::new(edges.store.clone()));
        let edges = measured(edges, &measures, &edge);
        let publisher = Arc::new(Publisher::new(config.blend, edges.store.is_shared()));
        let executor = Executor {
            store: edges.store.clone(),
            notifier: edges.notifier.clone(),
            ids: edges.ids.clone(),
            publisher: publisher.clone(),
            measures: measures.clone(),
            batch_limit: config.batch_limit,
            in_flight: config.batches_in_flight.max(1),
        };
        let executor = tokio::spawn(executor.run(jobs));
        let reputations =
            ReputationCache::new(edges.teg.clone(), edges.store.clone(), measures.clone());
        let (escrow, trees, bench, awaited) = Default::default();
        let (refreshing, adjusting) = Default::default();
        let inner = Inner {
            config,
            edges,
            publisher,
            reputations,
            standings: Standings::default(),
            counts: Counts::default(),
            edge,
            escrow,
            trees,
            bench,
            refreshing,
            adjusting,
            awaited,
            measures,
            queue,
            executor,
        };
        Self { inner: Arc::new(inner), beside: None }
    }

    /// The deployment's economics.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Ourselves.
    #[must_use]
    pub fn did(&self) -> &Did {
        &self.inner.config.did
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.inner.edges.store
    }

    pub(crate) fn teg(&self) -> &Arc<dyn Teg> {
        &self.inner.edges.teg
    }

    /// The store's clock.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn now(&self) -> Result<Timestamp, Error> {
        Ok(self.store().now().await?)
    }

    pub(crate) async fn fresh_id(&self) -> Result<Uuid, Error> {
        Ok(self.inner.edges.ids.fresh(self.now().await?))
    }

    /// Queues a command and waits until it is committed or refused.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn execute<V: Verb>(
        &self,
        verb: V,
        idempotency: Option<Idempotency<V::Reply>>,
    ) -> Result<Done<V::Reply>, Error> {
        self.execute_shared(Arc::new(verb), idempotency).await
    }

    pub(crate) async fn execute_shared<V: Verb>(
        &self,
        verb: Arc<V>,
        idempotency: Option<Idempotency<V::Reply>>,
    ) -> Result<Done<V::Reply>, Error> {
        let (waiting, answer) = oneshot::channel();
        let command = self.next_command();
        let span = trace::command(command);
        let job = TypedJob::new(command, verb, idempotency, waiting, self.beside.clone());
        match self.inner.queue.try_send(Box::new(job)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(Error::unavailable("too many commands are waiting", 1));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return Err(Error::unavailable("the server is stopping", 5));
            }
        }
        let answer = answer.instrument(span).await;
        answer.unwrap_or_else(|_| Err(Error::unavailable("the command was dropped", 1)))
    }

    fn next_command(&self) -> CommandId {
        command_id(self.inner.edges.ids.as_ref(), self.inner.publisher.last_time())
    }

    /// Puts up a listing; the fee comes from the provider's balance or is pulled from the TEG.
    ///
    /// # Errors
    /// When the offer is invalid, the reputation negative, the marketplace full, or the fee not
    /// to be had.
    pub async fn list_service(
        &self,
        provider: &Did,
        offer: Offer,
        idempotency: Option<Idempotency<Arc<Listing>>>,
    ) -> Result<Done<Arc<Listing>>, Error> {
        validate(&offer.terms.checks).await?;
        offer.validate().map_err(Refusal::from)?;
        let config = self.config();
        let reputation = self.reputation(provider).await?;
        let verb = CreateListing {
            provider: provider.clone(),
            offer,
            reputation,
            tariff: self.tariff(),
            rules: self.house_rules(),
            max_listings: config.max_listings,
        };
        self.execute_funded(provider, verb, idempotency).await
    }

    /// Edits, pauses, resumes, renews or delists a listing.
    ///
    /// # Errors
    /// When the caller is not its provider, or the rules of listings say no.
    pub async fn change_listing(
        &self,
        caller: &Did,
        listing: ListingId,
        change: ListingChange,
        idempotency: Option<Idempotency<Arc<Listing>>>,
    ) -> Result<Done<Arc<Listing>>, Error> {
        if let ListingChange::Edit(OfferEdit { terms: Some(terms), .. }) = &change {
            validate(&terms.checks).await?;
        }
        let max_listings = self.config().max_listings;
        let verb = ChangeListing { caller: caller.clone(), listing, change, max_listings };
        self.execute(verb, idempotency).await
    }

    /// What a listing costs a buyer now, promised for five minutes.
    ///
    /// # Errors
    /// When the listing cannot be bought.
    pub async fn quote(&self, buyer: &Did, listing: ListingId) -> Result<Quote, Error> {
        let listing = self.store().listing(listing).await?.ok_or(Refusal::ListingNotFound)?;
        let view = self.store().load(&Default::default()).await?;
        if !listing.is_active(view.now, &view.gaps) {
            return Err(Refusal::ListingNotFound.into());
        }
        let reputation = match listing.offer.terms.pricing {
            Pricing::Fixed => Default::default(),
            Pricing::Reputation => self.reputation(&listing.provider).await?,
        };
        let fees = self.tariff().at(view.now);
        let quote = Quote::make(&fees, &listing, buyer.clone(), reputation, view.now);
        Ok(quote.map_err(Refusal::from)?)
    }

    /// Buys: the order and its escrow in one commit. What the balance lacks is pulled from the
    /// TEG where that is possible.
    ///
    /// # Errors
    /// When the listing cannot be bought, the price is another, or the tokens are not to be had;
    /// then there is no order.
    pub async fn purchase(
        &self,
        buyer: &Did,
        request: PurchaseRequest,
        idempotency: Option<Idempotency<OrderView>>,
    ) -> Result<Done<OrderView>, Error> {
        let config = self.config();
        let mut verb = Purchase {
            buyer: buyer.clone(),
            ours: config.did.clone(),
            listing: request.listing,
            acceptance: request.acceptance,
            expects: request.expects,
            payment: request.payment,
            tariff: self.tariff(),
            expiry: config.expiry,
            max_unfunded: config.max_unfunded_orders,
            room: self.escrow_room().await?,
            seller: None,
        };
        if let Some((seller, pricing)) = self.inner.publisher.catalog.seller(request.listing) {
            verb.seller = Some(self.seller_standing(seller, pricing).await?);
        }
        match self.buy(verb.clone(), idempotency.clone()).await {
            // This server's catalog had not seen this listing.
            Err(Error::Refused(Refusal::SellerNeeded)) => {
                let listing = self.store().listing(request.listing).await?;
                let listing = listing.ok_or(Refusal::ListingNotFound)?;
                let (seller, pricing) = (listing.provider.clone(), listing.offer.terms.pricing);
                verb.seller = Some(self.seller_standing(seller, pricing).await?);
                self.buy(verb, idempotency).await
            }
            done => done,
        }
    }

    async fn seller_standing(&self, did: Did, pricing: Pricing) -> Result<SellerStanding, Error> {
        let reputation = match pricing {
            Pricing::Fixed => Default::default(),
            Pricing::Reputation => self.reputation(&did).await?,
        };
        let (rules, backing) = (self.house_rules(), self.backing(&did).await?);
        Ok(SellerStanding { did, reputation, rules, backing })
    }

    async fn buy(
        &self,
        verb: Purchase,
        idempotency: Option<Idempotency<OrderView>>,
    ) -> Result<Done<OrderView>, Error> {
        match verb.payment.clone() {
            Payment::Prepaid(transaction) => {
                // On the heap: few purchases go this way, and all would carry its size around.
                Box::pin(self.execute_prepaid(&transaction, verb, idempotency)).await
            }
            Payment::Balance => {
                let buyer = verb.buyer.clone();
                self.execute_funded(&buyer, verb, idempotency).await
            }
            Payment::Transfer => {
                let done = Box::pin(self.execute(verb, idempotency)).await?;
                // Only the mirror's pace hangs on it.
                if let Err(error) = self.await_transfers(ORDER_WAITS).await {
                    tracing::warn!(%error, "nobody told the mirror that a transfer is awaited");
                }
                Ok(done)
            }
        }
    }

    /// A party acts on its order, in all ways but a delivery.
    ///
    /// # Errors
    /// When the table of the order machine has no such row now.
    pub async fn change_order(
        &self,
        caller: &Did,
        order: OrderId,
        command: Command,
        idempotency: Option<Idempotency<OrderView>>,
    ) -> Result<Done<OrderView>, Error> {
        let verb = ChangeOrder { caller: caller.clone(), order, command, bytes: None };
        self.change_or_concede(caller, order, verb, idempotency).await
    }

    /// The seller delivers.
    ///
    /// # Errors
    /// When the content does not fit its hash, or the order cannot take a delivery now.
    pub async fn deliver(
        &self,
        seller: &Did,
        order: OrderId,
        request: DeliveryRequest,
        idempotency: Option<Idempotency<OrderView>>,
    ) -> Result<Done<OrderView>, Error> {
        let (input, bytes) = self.prepare(seller, order, request).await?;
        let command = Command::Deliver(input);
        self.execute(ChangeOrder { caller: seller.clone(), order, command, bytes }, idempotency)
            .await
    }

    /// The original's `order_complete`: the provider delivers, the buyer accepts.
    ///
    /// # Errors
    /// As [`Marketplace::deliver`] and [`Marketplace::change_order`].
    pub async fn complete(
        &self,
        caller: &Did,
        order: OrderId,
        request: DeliveryRequest,
        idempotency: Option<Idempotency<OrderView>>,
    ) -> Result<Done<OrderView>, Error> {
        let (delivery, bytes) = self.prepare(caller, order, request).await?;
        let verb = CompleteOrder { caller: caller.clone(), order, delivery, bytes };
        self.change_or_concede(caller, order, verb, idempotency).await
    }

    /// Hashes inline bytes, and runs the order's checks on them before the command is queued.
    async fn prepare(
        &self,
        caller: &Did,
        order: OrderId,
        request: DeliveryRequest,
    ) -> Result<Prepared, Error> {
        let (input, bytes) = request.prepare()?;
        let Some(bytes) = bytes else { return Ok((input, None)) };
        // Only to the order's own parties do we lend our processor.
        let known = self.store().order(order).await?;
        let known = known.filter(|order| order.role_of(caller).is_some());
        let known = known.ok_or(Refusal::Order(OrderRefusal::NotFound))?;
        Ok((check(&known, input, &bytes).await?, Some(bytes)))
    }

    /// Sends tokens to another agent, inside the marketplace.
    ///
    /// # Errors
    /// When the balance does not cover it.
    pub async fn transfer(
        &self,
        transfer: Transfer,
        idempotency: Option<Idempotency<Balance>>,
    ) -> Result<Done<Balance>, Error> {
        self.execute(transfer, idempotency).await
    }

    /// Moves tokens from the caller's account at the TEG into its balance, where the TEG lets us
    /// pull.
    ///
    /// # Errors
    /// When the TEG refuses.
    pub async fn deposit(
        &self,
        agent: &Did,
        amount: Amount,
        idempotency: Option<Idempotency<Balance>>,
    ) -> Result<Done<Balance>, Error> {
        self.deposit_by_pull(agent, amount, idempotency).await
    }

    /// Says when the balance is paid out by itself.
    ///
    /// # Errors
    /// When a threshold is not above zero.
    pub async fn set_payout(
        &self,
        agent: &Did,
        policy: PayoutPolicy,
        idempotency: Option<Idempotency<PayoutPolicy>>,
    ) -> Result<Done<PayoutPolicy>, Error> {
        self.execute(SetPayout { agent: agent.clone(), policy }, idempotency).await
    }

    /// Locks collateral, or takes it back.
    ///
    /// # Errors
    /// When the balance does not cover it, or it is still needed.
    pub async fn move_collateral(
        &self,
        agent: &Did,
        way: MoveCollateral,
        amount: Amount,
        idempotency: Option<Idempotency<Balance>>,
    ) -> Result<Done<Balance>, Error> {
        let reputation = self.reputation(agent).await?;
        let required = self.house_rules().at(self.now().await?).collateral;
        let agent = agent.clone();
        self.execute(Collateral { agent, way, amount, reputation, required }, idempotency).await
    }

    /// Gives an agent play money at the TEG, where there is a faucet.
    ///
    /// # Errors
    /// When there is none, or the agent had its share.
    pub async fn faucet(&self, agent: &Did) -> Result<TegBalance, Error> {
        match self.teg().faucet(agent).await {
            Ok(balance) => Ok(balance),
            Err(TegError::Refused { code, reason }) => Err(Refusal::Teg { code, reason }.into()),
            Err(error @ TegError::Unsupported { .. }) => {
                let (code, reason) = (TegError::FAUCET_CLOSED, error.to_string());
                Err(Refusal::Teg { code, reason }.into())
            }
            Err(error) => Err(Error::unavailable(error, 5)),
        }
    }

    /// Uses up the nonce of a proof of identity.
    ///
    /// # Errors
    /// [`Refusal::NonceUsed`] when it was used before.
    pub async fn use_nonce(&self, nonce: Nonce, until: Timestamp) -> Result<(), Error> {
        self.execute(UseNonce { nonce, until }, None).await.map(|_| ())
    }
}
