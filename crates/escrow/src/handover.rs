//! How a delivery is judged.

use std::sync::Arc;

use marketplace_listings::{AcceptancePolicy, Invalid};
use marketplace_money::Deadline;

use crate::decide::shares;
use crate::{
    Announced, ChecksOutcome, Content, Context, Delivery, DeliveryInput, Money, Order, OrderEvent,
    OrderRefusal, State, Target, Transition,
};

/// A party's words: bounded, and nothing that deceives a reader.
pub(crate) fn check_note(field: &'static str, note: Option<&Arc<str>>) -> Result<(), OrderRefusal> {
    let Some(note) = note else { return Ok(()) };
    let too_long = note.chars().nth(DeliveryInput::LONGEST_NOTE).is_some();
    if too_long || note.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        let problem = "must be at most 2000 characters without control characters";
        return Err(Invalid::new(field, problem).into());
    }
    Ok(())
}

/// A media type is sent as a header to whoever fetches the delivery.
fn check_media_type(media_type: Option<&Arc<str>>) -> Result<(), OrderRefusal> {
    let visible = |text: &Arc<str>| text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    let longest = DeliveryInput::LONGEST_MEDIA_TYPE;
    if media_type.is_some_and(|text| text.len() > longest || !visible(text)) {
        let problem = "must be at most 255 visible ASCII characters";
        return Err(Invalid::new("delivery.media_type", problem).into());
    }
    Ok(())
}

/// Whether the URI may be fetched at all is decided by who fetches it.
fn check_uri(uri: &str) -> Result<(), OrderRefusal> {
    let known = uri.starts_with("https://") || uri.starts_with("http://");
    let visible = uri.bytes().all(|b| b.is_ascii_graphic());
    if !known || !visible || uri.len() > DeliveryInput::LONGEST_URI {
        let problem = "must be an http or https URL of at most 2048 ASCII characters";
        return Err(Invalid::new("delivery.uri", problem).into());
    }
    Ok(())
}

fn check_size(size: u64, fetched: bool) -> Result<(), OrderRefusal> {
    let (field, largest, problem) = if fetched {
        ("delivery.uri", DeliveryInput::LARGEST_FETCHED, "must lead to at most 10 MiB")
    } else {
        ("delivery.inline", DeliveryInput::LARGEST_INLINE as u64, "must be at most 256 KiB")
    };
    if size > largest { Err(Invalid::new(field, problem).into()) } else { Ok(()) }
}

/// The announcement of `uri` (and, where given, of these bytes) that waits to be fetched. What was
/// fetched for an older one counts for nothing: the seller has replaced it.
pub(crate) fn standing<'a>(
    order: &'a Order,
    uri: &str,
    sha256: Option<&[u8; 32]>,
) -> Result<&'a Announced, OrderRefusal> {
    let announced = match &order.state {
        State::Funded(funded) => funded.announced.as_ref(),
        State::AwaitingFunds { .. } | State::Closed(_) => None,
    };
    let same = |announced: &&Announced| {
        *announced.uri == *uri && sha256.is_none_or(|sha256| announced.sha256 == *sha256)
    };
    announced.filter(same).ok_or(OrderRefusal::NotAnnounced)
}

/// The events of a delivery that came in time.
pub(crate) fn deliver(
    order: &Order,
    row: &Transition,
    input: &DeliveryInput,
    cx: &Context<'_>,
) -> Result<Vec<OrderEvent>, OrderRefusal> {
    let delivery = match input {
        DeliveryInput::Uri { sha256, uri, media_type, note } => {
            check_words(media_type.as_ref(), note.as_ref())?;
            check_uri(uri)?;
            return Ok(vec![OrderEvent::DeliveryAnnounced(Announced {
                sha256: *sha256,
                uri: uri.clone(),
                media_type: media_type.clone(),
                note: note.clone(),
                at: cx.now,
            })]);
        }
        DeliveryInput::Nothing { note } => without_content(order, note.as_ref(), cx)?,
        DeliveryInput::Bytes { sha256, claimed_sha256, size, uri, media_type, note, checks } => {
            check_words(media_type.as_ref(), note.as_ref())?;
            check_size(*size, uri.is_some())?;
            let expected = match uri {
                Some(uri) => Some(standing(order, uri, claimed_sha256.as_ref())?.sha256),
                None => *claimed_sha256,
            };
            if expected.is_some_and(|expected| expected != *sha256) {
                return Err(OrderRefusal::HashMismatch);
            }
            let fetched = uri.clone().map(|uri| Content::Fetched { uri });
            Delivery {
                sha256: *sha256,
                content: fetched.unwrap_or(Content::Inline),
                size: *size,
                media_type: media_type.clone(),
                note: note.clone(),
                checks: checks.clone(),
                at: cx.now,
            }
        }
    };
    let at_once = accepted_at_once(order, delivery.checks.as_ref());
    let mut events = vec![OrderEvent::Delivered { delivery, review: review(order, cx) }];
    if let (true, Target::ByAcceptancePolicy(_, phase)) = (at_once, row.to) {
        let shares = shares(order, Money::Release, None)?;
        events.push(OrderEvent::Closed { phase, shares, at: cx.now });
    }
    Ok(events)
}

fn check_words(media_type: Option<&Arc<str>>, note: Option<&Arc<str>>) -> Result<(), OrderRefusal> {
    check_media_type(media_type)?;
    check_note("delivery.note", note)
}

fn without_content(
    order: &Order,
    note: Option<&Arc<str>>,
    cx: &Context<'_>,
) -> Result<Delivery, OrderRefusal> {
    check_words(None, note)?;
    if order.terms.acceptance != AcceptancePolicy::AutoOnDelivery {
        return Err(OrderRefusal::ContentRequired);
    }
    Ok(Delivery {
        sha256: [0; 32],
        content: Content::None,
        size: 0,
        media_type: None,
        note: note.cloned(),
        checks: None,
        at: cx.now,
    })
}

/// Checks that passed say nothing where there are none to pass.
fn accepted_at_once(order: &Order, checks: Option<&ChecksOutcome>) -> bool {
    match order.terms.acceptance {
        AcceptancePolicy::AutoOnDelivery => true,
        AcceptancePolicy::Verified => {
            !order.terms.checks.is_empty() && checks.is_some_and(|checks| checks.passed)
        }
        AcceptancePolicy::BuyerConfirms => false,
    }
}

/// Until the end of the order's life, and at least an hour.
fn review(order: &Order, cx: &Context<'_>) -> Deadline {
    let least = cx.now.plus(Order::SHORTEST_REVIEW);
    let due = order.expires().effective(cx.gaps).max(least);
    Deadline { from: cx.now, due }
}
