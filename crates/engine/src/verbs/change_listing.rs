//! A provider edits, pauses, resumes, renews or delists its listing.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_listings::{Listing, ListingStatus, OfferEdit};
use marketplace_money::{Did, ListingId};
use marketplace_ports::{Agent, Key, Subject, Timer};

use super::create_listing::EXPIRY;
use crate::desk::Desk;
use crate::events::listing_data;
use crate::job::Verb;
use crate::refusal::Refusal;

/// What changes.
#[derive(Clone, Debug)]
pub enum ListingChange {
    /// Words, price or terms.
    Edit(OfferEdit),
    /// Hide it.
    Pause,
    /// Show it again.
    Resume,
    /// Another thirty days.
    Renew,
    /// End it for good.
    Delist,
}

/// Changes a listing.
#[derive(Clone, Debug)]
pub(crate) struct ChangeListing {
    pub(crate) caller: Did,
    pub(crate) listing: ListingId,
    pub(crate) change: ListingChange,
    pub(crate) max_listings: i64,
}

impl Verb for ChangeListing {
    type Reply = Arc<Listing>;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Listing(self.listing));
        keys.insert(Key::Agent(self.caller.clone()));
        keys.insert(Key::ListingCount);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let before = desk.listing(self.listing).ok_or(Refusal::ListingNotFound)?;
        let (by, now) = (&self.caller, desk.now());
        let (after, event) = match &self.change {
            ListingChange::Edit(edit) => (before.edit(by, edit.clone(), now)?, "listing.edited"),
            ListingChange::Pause => (before.pause(by)?, "listing.paused"),
            ListingChange::Resume => (before.resume(by, now, desk.gaps())?, "listing.resumed"),
            ListingChange::Renew => (before.renew(by, now)?, "listing.renewed"),
            ListingChange::Delist => (before.delist(by)?, "listing.delisted"),
        };
        write(desk, &before, after, event, self.max_listings)
    }
}

/// Writes the next version of a listing with its count and clock.
pub(crate) fn write(
    desk: &mut Desk<'_>,
    before: &Listing,
    after: Listing,
    event: &'static str,
    max_listings: i64,
) -> Result<Arc<Listing>, Refusal> {
    let delta = i64::from(after.counts()) - i64::from(before.counts());
    if delta != 0 {
        desk.count_listings(delta, max_listings)?;
        let agent = desk.agent(&before.provider);
        let listings = agent.listings.saturating_add_signed(if delta > 0 { 1 } else { -1 });
        desk.write_agent(agent.version, Agent { listings, ..agent.as_ref().clone() });
    }
    let subject = Subject::Listing(after.id);
    if after.status == ListingStatus::Delisted || !after.counts() {
        desk.clear_timer(subject, EXPIRY);
    } else if after.life != before.life || !before.counts() {
        let (kind, sequence, due) = (EXPIRY, after.version, after.life.due);
        desk.set_timer(Timer { subject, kind, sequence, due });
    }
    desk.emit(subject, event, vec![after.provider.clone()], listing_data(&after));
    Ok(desk.write_listing(before.version, after))
}
