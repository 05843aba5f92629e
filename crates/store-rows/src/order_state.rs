//! The changing part of an order as JSON text.

use std::borrow::Cow;
use std::sync::Arc;

use marketplace_escrow::{
    Announced, ChecksOutcome, Closed, Content, Delivery, Disputed, FailedCheck, Funded, SplitOffer,
    State, Work,
};
use marketplace_fees::Shares;
use marketplace_money::{Amount, Deadline, Timestamp};
use serde::{Deserialize, Serialize};

use crate::RowError;
use crate::text::{Reader, from_hex, hex};

/// From and due, in microseconds.
type Span = (i64, i64);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateText<'a> {
    AwaitingFunds {
        payment: Span,
    },
    #[serde(borrow)]
    Funded(FundedText<'a>),
    Closed(ClosedText<'a>),
}

#[derive(Serialize, Deserialize)]
struct FundedText<'a> {
    at: i64,
    expiry: Span,
    revisions_left: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_delivered: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offer: Option<OfferText<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    announced: Option<AnnouncedText<'a>>,
    /// Where the rest does not say it, as it mostly does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<i64>,
    work: WorkText<'a>,
}

#[derive(Serialize, Deserialize)]
struct OfferText<'a> {
    by: Cow<'a, str>,
    seller: i64,
    lapses: Span,
}

#[derive(Serialize, Deserialize)]
struct AnnouncedText<'a> {
    sha256: Cow<'a, str>,
    uri: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Cow<'a, str>>,
    at: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WorkText<'a> {
    AwaitingStart {
        delivery: Span,
    },
    InProgress {
        delivery: Span,
    },
    Delivered {
        #[serde(borrow)]
        delivery: DeliveryText<'a>,
        review: Span,
    },
    ChangesRequested {
        delivery: DeliveryText<'a>,
        redelivery: Span,
        note: Cow<'a, str>,
    },
    Disputed {
        before: Box<WorkText<'a>>,
        since: i64,
    },
}

#[derive(Serialize, Deserialize)]
struct ClosedText<'a> {
    phase: Cow<'a, str>,
    /// To the seller, to the buyer, to the marketplace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shares: Option<(i64, i64, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    funded_at: Option<i64>,
    expires: Span,
    at: i64,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    delivery: Option<DeliveryText<'a>>,
}

#[derive(Serialize, Deserialize)]
struct DeliveryText<'a> {
    /// Absent when it is all zero, as for a delivery without content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<Cow<'a, str>>,
    content: ContentText<'a>,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    checks: Option<ChecksText<'a>>,
    at: i64,
}

#[derive(Serialize, Deserialize)]
struct ChecksText<'a> {
    passed: bool,
    hash: Cow<'a, str>,
    /// Place, kind, reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failed: Vec<(u8, Cow<'a, str>, Cow<'a, str>)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ContentText<'a> {
    Inline,
    Fetched(Cow<'a, str>),
    None,
}

fn span(deadline: Deadline) -> Span {
    (deadline.from.micros(), deadline.due.micros())
}

fn deadline((from, due): Span) -> Deadline {
    Deadline { from: Timestamp::from_micros(from), due: Timestamp::from_micros(due) }
}

fn optional(text: Option<&Arc<str>>) -> Option<Cow<'_, str>> {
    text.map(|text| Cow::Borrowed(text.as_ref()))
}

fn arc(text: Option<Cow<'_, str>>) -> Option<Arc<str>> {
    text.map(Arc::from)
}

pub(crate) fn to_text(state: &State) -> String {
    crate::text::json(&match state {
        State::AwaitingFunds { payment } => StateText::AwaitingFunds { payment: span(*payment) },
        State::Funded(funded) => StateText::Funded(FundedText {
            at: funded.at.micros(),
            expiry: span(funded.expiry),
            revisions_left: funded.revisions_left,
            first_delivered: funded.first_delivered.map(Timestamp::micros),
            offer: funded.offer.as_ref().map(|offer| OfferText {
                by: offer.by.name().into(),
                seller: offer.seller.nano(),
                lapses: span(offer.lapses),
            }),
            announced: funded.announced.as_ref().map(announced_text),
            changed: (funded.changed != funded.remembered()).then(|| funded.changed.micros()),
            work: work_text(&funded.work),
        }),
        State::Closed(closed) => StateText::Closed(ClosedText {
            phase: closed.phase.name().into(),
            shares: closed.shares.map(|s| (s.seller.nano(), s.buyer.nano(), s.fee.nano())),
            funded_at: closed.funded_at.map(Timestamp::micros),
            expires: span(closed.expires),
            at: closed.at.micros(),
            delivery: closed.delivery.as_ref().map(delivery_text),
        }),
    })
}

fn announced_text(announced: &Announced) -> AnnouncedText<'_> {
    AnnouncedText {
        sha256: hex(&announced.sha256).into(),
        uri: announced.uri.as_ref().into(),
        media_type: optional(announced.media_type.as_ref()),
        note: optional(announced.note.as_ref()),
        at: announced.at.micros(),
    }
}

fn work_text(work: &Work) -> WorkText<'_> {
    match work {
        Work::AwaitingStart { delivery } => WorkText::AwaitingStart { delivery: span(*delivery) },
        Work::InProgress { delivery } => WorkText::InProgress { delivery: span(*delivery) },
        Work::Delivered { delivery, review } => {
            WorkText::Delivered { delivery: delivery_text(delivery), review: span(*review) }
        }
        Work::ChangesRequested { delivery, redelivery, note } => WorkText::ChangesRequested {
            delivery: delivery_text(delivery),
            redelivery: span(*redelivery),
            note: note.as_ref().into(),
        },
        Work::Disputed(disputed) => WorkText::Disputed {
            before: Box::new(work_text(&disputed.before)),
            since: disputed.since.micros(),
        },
    }
}

fn delivery_text(delivery: &Delivery) -> DeliveryText<'_> {
    DeliveryText {
        sha256: (delivery.sha256 != [0; 32]).then(|| hex(&delivery.sha256).into()),
        content: match &delivery.content {
            Content::Inline => ContentText::Inline,
            Content::Fetched { uri } => ContentText::Fetched(uri.as_ref().into()),
            Content::None => ContentText::None,
        },
        size: delivery.size,
        media_type: optional(delivery.media_type.as_ref()),
        note: optional(delivery.note.as_ref()),
        checks: delivery.checks.as_ref().map(checks_text),
        at: delivery.at.micros(),
    }
}

fn checks_text(checks: &ChecksOutcome) -> ChecksText<'_> {
    let failed = checks.failed.iter();
    ChecksText {
        passed: checks.passed,
        hash: hex(&checks.hash).into(),
        failed: failed
            .map(|check| (check.index, check.kind.as_ref().into(), check.reason.as_ref().into()))
            .collect(),
    }
}

fn funded(reader: Reader<'_>, text: FundedText<'_>) -> Result<Funded, RowError> {
    let at = Timestamp::from_micros(text.at);
    let mut funded = Funded {
        at,
        expiry: deadline(text.expiry),
        revisions_left: text.revisions_left,
        first_delivered: text.first_delivered.map(Timestamp::from_micros),
        offer: text.offer.map(|offer| split_offer(reader, &offer)).transpose()?,
        announced: text.announced.map(|text| announced(reader, text)).transpose()?,
        changed: at,
        work: work(reader, text.work)?,
    };
    funded.changed = text.changed.map_or_else(|| funded.remembered(), Timestamp::from_micros);
    Ok(funded)
}

pub(crate) fn from_text(reader: Reader<'_>, text: &str) -> Result<State, RowError> {
    Ok(match reader.json(text)? {
        StateText::AwaitingFunds { payment } => State::AwaitingFunds { payment: deadline(payment) },
        StateText::Funded(text) => State::Funded(Box::new(funded(reader, text)?)),
        StateText::Closed(closed) => State::Closed(Box::new(Closed {
            phase: reader.text(&closed.phase)?,
            shares: closed.shares.map(|(seller, buyer, fee)| Shares {
                seller: Amount::from_nano(seller),
                buyer: Amount::from_nano(buyer),
                fee: Amount::from_nano(fee),
            }),
            funded_at: closed.funded_at.map(Timestamp::from_micros),
            expires: deadline(closed.expires),
            at: Timestamp::from_micros(closed.at),
            delivery: closed.delivery.map(|text| delivery(reader, text)).transpose()?,
        })),
    })
}

fn split_offer(reader: Reader<'_>, offer: &OfferText<'_>) -> Result<SplitOffer, RowError> {
    Ok(SplitOffer {
        by: reader.text(&offer.by)?,
        seller: Amount::from_nano(offer.seller),
        lapses: deadline(offer.lapses),
    })
}

fn hash(reader: Reader<'_>, text: &str) -> Result<[u8; 32], RowError> {
    from_hex(text).ok_or_else(|| reader.error("a hash has 64 hexadecimal digits"))
}

fn announced(reader: Reader<'_>, text: AnnouncedText<'_>) -> Result<Announced, RowError> {
    Ok(Announced {
        sha256: hash(reader, &text.sha256)?,
        uri: Arc::from(text.uri),
        media_type: arc(text.media_type),
        note: arc(text.note),
        at: Timestamp::from_micros(text.at),
    })
}

fn work(reader: Reader<'_>, text: WorkText<'_>) -> Result<Work, RowError> {
    Ok(match text {
        WorkText::AwaitingStart { delivery } => {
            Work::AwaitingStart { delivery: deadline(delivery) }
        }
        WorkText::InProgress { delivery } => Work::InProgress { delivery: deadline(delivery) },
        WorkText::Delivered { delivery: text, review } => {
            Work::Delivered { delivery: delivery(reader, text)?, review: deadline(review) }
        }
        WorkText::ChangesRequested { delivery: text, redelivery, note } => Work::ChangesRequested {
            delivery: delivery(reader, text)?,
            redelivery: deadline(redelivery),
            note: Arc::from(note),
        },
        WorkText::Disputed { before, since } => Work::Disputed(Box::new(Disputed {
            before: work(reader, *before)?,
            since: Timestamp::from_micros(since),
        })),
    })
}

fn checks(reader: Reader<'_>, text: ChecksText<'_>) -> Result<ChecksOutcome, RowError> {
    let failed = text.failed.into_iter().map(|(index, kind, reason)| FailedCheck {
        index,
        kind: Arc::from(kind),
        reason: Arc::from(reason),
    });
    let hash = hash(reader, &text.hash)?;
    Ok(ChecksOutcome { passed: text.passed, hash, failed: failed.collect() })
}

fn delivery(reader: Reader<'_>, text: DeliveryText<'_>) -> Result<Delivery, RowError> {
    let sha256 = text.sha256.map(|sha256| hash(reader, &sha256)).transpose()?;
    let checks = text.checks.map(|text| checks(reader, text)).transpose()?;
    Ok(Delivery {
        sha256: sha256.unwrap_or_default(),
        content: match text.content {
            ContentText::Inline => Content::Inline,
            ContentText::Fetched(uri) => Content::Fetched { uri: Arc::from(uri) },
            ContentText::None => Content::None,
        },
        size: text.size,
        media_type: arc(text.media_type),
        note: arc(text.note),
        checks,
        at: Timestamp::from_micros(text.at),
    })
}
