//! Finds U+0000, which PostgreSQL cannot store: the in-memory store refuses it too, so that the
//! engine's way with a poisoned batch is tried in the simulator.

use marketplace_disputes::{Basis, DisputeEvent};
use marketplace_escrow::{Content, Delivery, Order, State, Work};
use marketplace_listings::Listing;
use marketplace_ports::{
    ChangeSet, DepositState, Docket, Effect, EffectChange, EffectKind, Event, WithdrawalState,
};

fn bad(text: &str) -> bool {
    text.contains('\0')
}

fn any_bad<'a>(texts: impl IntoIterator<Item = &'a str>) -> bool {
    texts.into_iter().any(bad)
}

/// Whether a text that the set would write has U+0000 in it.
pub(crate) fn is_poisoned(set: &ChangeSet) -> bool {
    let identities = set.idempotency.iter().any(|(key, record)| {
        any_bad([key.route.as_str(), key.key.as_str(), record.reply.as_str()])
    });
    identities
        || set.orders.iter().any(|change| in_order(&change.row))
        || set.listings.iter().any(|change| in_listing(&change.row))
        || set.withdrawals.iter().any(|change| in_withdrawal(&change.row.state))
        || set.deposits.iter().any(|change| in_deposit(&change.row.state))
        || set.disputes.iter().any(|change| in_dispute(&change.row))
        || set.api_keys.iter().any(|change| bad(&change.row.label))
        || set.motions.iter().any(|change| bad(&change.row.reason))
        || set.tasks.iter().any(|change| bad(&change.row.body))
        || set.reviews.iter().any(|change| {
            let reviews = &change.row.reviews;
            let given = reviews.by_buyer.iter().chain(&reviews.by_seller);
            any_bad(given.map(|review| review.text.as_ref()))
        })
        || set.entries.iter().any(|entry| bad(entry.reason()))
        || set.teg_records.iter().any(|c| bad(&c.row.id.0) || bad(&c.row.memo))
        || set.nonce.iter().any(|(nonce, _)| bad(&nonce.value))
        || set.events.iter().any(in_event)
        || set.effects.iter().any(in_effect)
}

fn in_order(order: &Order) -> bool {
    let state = match &order.state {
        State::AwaitingFunds { .. } => false,
        State::Closed(closed) => closed.delivery.as_ref().is_some_and(in_delivery),
        State::Funded(funded) => {
            let announced = funded.announced.iter().any(|announced| {
                bad(&announced.uri)
                    || any_bad(announced.media_type.as_deref())
                    || any_bad(announced.note.as_deref())
            });
            announced || in_work(&funded.work)
        }
    };
    state || bad(&order.service) || bad(&order.terms.checks)
}

fn in_work(work: &Work) -> bool {
    match work {
        Work::AwaitingStart { .. } | Work::InProgress { .. } => false,
        Work::Delivered { delivery, .. } => in_delivery(delivery),
        Work::ChangesRequested { delivery, note, .. } => in_delivery(delivery) || bad(note),
        Work::Disputed(disputed) => in_work(&disputed.before),
    }
}

fn in_delivery(delivery: &Delivery) -> bool {
    let uri = match &delivery.content {
        Content::Fetched { uri } => bad(uri),
        Content::Inline | Content::None => false,
    };
    uri || any_bad(delivery.media_type.as_deref()) || any_bad(delivery.note.as_deref())
}

fn in_listing(listing: &Listing) -> bool {
    let offer = &listing.offer;
    any_bad([&*offer.name, &*offer.description, &*offer.metadata, &*offer.terms.checks])
}

fn in_withdrawal(state: &WithdrawalState) -> bool {
    match state {
        WithdrawalState::InFlight => false,
        WithdrawalState::Settled(id) => bad(&id.0),
        WithdrawalState::Waiting { reason } | WithdrawalState::Returned { reason } => bad(reason),
    }
}

fn in_dispute(docket: &Docket) -> bool {
    let in_event = |event: &DisputeEvent| match event {
        DisputeEvent::EvidenceAdded(piece) => {
            bad(&piece.note) || any_bad(piece.media_type.as_deref())
        }
        DisputeEvent::GivenUp { reason, .. } => bad(reason),
        DisputeEvent::Ruled(ruling) => match &ruling.basis {
            Basis::Operators { reason, .. } => bad(reason),
            Basis::Rule { .. } | Basis::Panel { .. } => false,
        },
        _ => false,
    };
    bad(&docket.opened.reason) || docket.log.iter().any(|entry| entry.events.iter().any(in_event))
}

fn in_deposit(state: &DepositState) -> bool {
    match state {
        DepositState::Asked | DepositState::Unseen => false,
        DepositState::Credited(id) => bad(&id.0),
        DepositState::Refused { reason } => bad(reason),
    }
}

fn in_event(event: &Event) -> bool {
    bad(event.name) || bad(&event.data)
}

fn in_effect(change: &EffectChange) -> bool {
    match change {
        EffectChange::Done(_) => false,
        EffectChange::Retry { error, .. } => bad(error),
        EffectChange::Add(Effect { kind: EffectKind::FetchDelivery { uri, .. }, .. }) => bad(uri),
        EffectChange::Add(_) => false,
    }
}
