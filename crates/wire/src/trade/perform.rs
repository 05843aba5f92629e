//! Performs commands: no rules here, only the engine's.

use std::sync::Arc;

use marketplace_engine::{Done, Error, Idempotency, Marketplace, OrderView, Refusal};
use marketplace_escrow::OrderRefusal;
use marketplace_listings::{Listing, ListingStatus};
use marketplace_money::{Did, ListingId, OrderId};
use marketplace_ports::IdempotencyKey;
use sha2::{Digest, Sha256};

use super::{Command, Outcome};
use crate::{
    ListingBody, ListingPage, Problem, PurchaseInput, QuoteBody, Shown, WalletBody,
    purchase_request, quote_token,
};

/// A caller's promise that a repeated command is the same command.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// As the caller chose it.
    pub key: String,
    /// Over the command, without what changes when it is sent again.
    pub sha256: [u8; 32],
}

impl Attempt {
    /// An attempt under this key at a command that reads like this.
    #[must_use]
    pub fn new(key: String, command: &str) -> Self {
        Self { key, sha256: Sha256::digest(command.as_bytes()).into() }
    }
}

/// For whom commands are performed.
#[derive(Clone, Copy)]
pub struct Trader<'a> {
    /// The engine; what it writes beside is the binding's affair.
    pub marketplace: &'a Marketplace,
    /// Signs quotes.
    pub quote_key: &'a [u8; 32],
    /// The caller; nobody, where anybody may.
    pub did: Option<&'a Did>,
    /// Names the binding in idempotency records.
    pub route: &'a str,
}

/// Faults and refusals as problems. Faults go to the log, which knows more.
pub(super) fn told(error: &Error) -> Box<Problem> {
    match error {
        Error::Fault(reason) => tracing::error!(%reason, "the marketplace failed"),
        Error::Unavailable { reason, .. } => tracing::warn!(%reason, "not now"),
        Error::Refused(_) | Error::KeyReused => {}
    }
    Problem::from(error).into()
}

impl Trader<'_> {
    /// Performs a command.
    ///
    /// # Errors
    /// When the rules refuse it, or nobody is named where somebody must be.
    pub async fn perform(
        &self,
        command: Command,
        attempt: Option<Attempt>,
    ) -> Result<Outcome, Box<Problem>> {
        match command {
            Command::Search(input) => {
                let query = input.query().map_err(|refusal| Box::new(Problem::from(&refusal)))?;
                let found = self.marketplace.search(&query);
                let found = found.map_err(|error| Box::new(Problem::from(&error)))?;
                let (_, gaps) = self.marketplace.clock().await.map_err(|error| told(&error))?;
                let highlighter = input.highlights().then(|| self.marketplace.highlighter(&query));
                let shown =
                    Shown { explanations: input.explains(), highlighter: highlighter.as_ref() };
                Ok(Outcome::Found(Box::new(ListingPage::new(&found, shown, &gaps))))
            }
            Command::ShowListing(id) => self.show_listing(id).await,
            Command::Quote(listing) => {
                let quote = self
                    .marketplace
                    .quote(self.caller()?, listing)
                    .await
                    .map_err(|error| told(&error))?;
                let signed = quote_token::sign(self.quote_key, &quote);
                let expiry = self.marketplace.config().expiry.to_string();
                Ok(Outcome::Quoted(Box::new(QuoteBody::new(&quote, signed, expiry))))
            }
            Command::ShowOrder(order) => self.order(order).await,
            Command::ShowDispute(which) => self.show_dispute(which).await,
            Command::Wallet => {
                let did = self.caller()?;
                let wallet = self.marketplace.wallet(did).await.map_err(|error| told(&error))?;
                let stop = self.marketplace.edge_stop().await.map_err(|error| told(&error))?;
                Ok(Outcome::Wallet(Box::new(WalletBody::new(did, &wallet, stop.as_ref()))))
            }
            command => self.change(command, attempt).await,
        }
    }

    pub(super) fn caller(&self) -> Result<&Did, Box<Problem>> {
        self.did.ok_or_else(|| {
            let detail = "Say who you are: send a Bearer token";
            Problem::new(&crate::codes::TOKEN_MISSING, detail).into()
        })
    }

    async fn change(
        &self,
        command: Command,
        attempt: Option<Attempt>,
    ) -> Result<Outcome, Box<Problem>> {
        let did = self.caller()?;
        if self.marketplace.is_frozen(did) {
            return Err(crate::frozen().into());
        }
        let on_order =
            || self.attempt(did, attempt.as_ref(), |view: &OrderView| view.order.id.to_string());
        let done = match command {
            Command::List(offer) => {
                let attempt = self.attempt(did, attempt.as_ref(), |listing: &Arc<Listing>| {
                    listing.id.to_string()
                });
                let listed = self.marketplace.list_service(did, *offer, attempt).await;
                return self.listed(listed.map_err(|error| told(&error))?).await;
            }
            Command::Purchase(input) => {
                let request = self.request(&input)?;
                self.marketplace.purchase(did, request, on_order()).await
            }
            Command::Deliver(order, request) => {
                self.marketplace.deliver(did, order, *request, on_order()).await
            }
            Command::Complete(order, request) => {
                self.marketplace.complete(did, order, *request, on_order()).await
            }
            Command::Change(order, change) => {
                self.marketplace.change_order(did, order, change, on_order()).await
            }
            Command::OpenDispute(request, evidence) => {
                let evidence = evidence.map(|evidence| *evidence);
                return self.open_dispute(did, *request, evidence, attempt.as_ref()).await;
            }
            Command::ActOnDispute(which, step) => {
                return self.act_on_dispute(did, which, *step, attempt.as_ref()).await;
            }
            // Read by `perform`.
            _ => return Err(Problem::internal().into()),
        };
        match done.map_err(|error| told(&error))? {
            Done::Fresh(view) => Ok(Outcome::Order(Box::new(view))),
            Done::Repeated(id) => match id.parse() {
                Ok(order) => self.order(order).await,
                Err(_) => Err(Problem::internal().into()),
            },
        }
    }

    fn request(
        &self,
        input: &PurchaseInput,
    ) -> Result<marketplace_engine::PurchaseRequest, Box<Problem>> {
        let quote = input.quote.as_deref();
        let quote = quote.map(|text| quote_token::verify(self.quote_key, text)).transpose();
        let read = quote.and_then(|quote| {
            let policy = input.acceptance_policy.as_deref();
            let payment = input.payment.as_ref().map(|payment| &payment.0);
            let total = input.expected_total.as_ref();
            purchase_request(&input.listing_id, policy, total, quote, payment)
        });
        read.map_err(|refusal| Box::new(Problem::from(&refusal)))
    }

    pub(super) fn attempt<R>(
        &self,
        did: &Did,
        attempt: Option<&Attempt>,
        name: impl Fn(&R) -> String + Send + Sync + 'static,
    ) -> Option<Idempotency<R>> {
        let attempt = attempt?;
        let (route, key) = (self.route.to_owned(), attempt.key.clone());
        Some(Idempotency {
            key: IdempotencyKey { caller: did.clone(), route, key },
            body_sha256: attempt.sha256,
            // What stands now is shown again, not what stood then.
            render: Arc::new(name),
        })
    }

    async fn listed(&self, done: Done<Arc<Listing>>) -> Result<Outcome, Box<Problem>> {
        match done {
            Done::Fresh(listing) => self.listing(&listing).await,
            Done::Repeated(id) => match id.parse() {
                Ok(id) => self.show_listing(id).await,
                Err(_) => Err(Problem::internal().into()),
            },
        }
    }

    async fn show_listing(&self, id: ListingId) -> Result<Outcome, Box<Problem>> {
        let listing = self.marketplace.listing(id).await.map_err(|error| told(&error))?;
        let may_see = |listing: &Arc<Listing>| {
            listing.status == ListingStatus::Active || self.did == Some(&listing.provider)
        };
        let none = || told(&Error::Refused(Refusal::ListingNotFound));
        let listing = listing.filter(may_see).ok_or_else(none)?;
        self.listing(&listing).await
    }

    async fn listing(&self, listing: &Listing) -> Result<Outcome, Box<Problem>> {
        let reputation = self
            .marketplace
            .reputation_of(&listing.provider)
            .await
            .map_err(|error| told(&error))?;
        let (_, gaps) = self.marketplace.clock().await.map_err(|error| told(&error))?;
        Ok(Outcome::Listing(Box::new(ListingBody::new(listing, reputation, &gaps))))
    }

    /// An order for its parties. Everybody else hears what is said of one that does not exist.
    async fn order(&self, id: OrderId) -> Result<Outcome, Box<Problem>> {
        let did = self.caller()?;
        let view = self.marketplace.order(id).await.map_err(|error| told(&error))?;
        let view = view.filter(|view| view.order.role_of(did).is_some());
        let view = view
            .ok_or(Error::Refused(OrderRefusal::NotFound.into()))
            .map_err(|error| told(&error))?;
        Ok(Outcome::Order(Box::new(view)))
    }
}
