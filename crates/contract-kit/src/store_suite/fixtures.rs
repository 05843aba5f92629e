//! Rows with something in every field.

use std::sync::Arc;

use marketplace_escrow::{
    Actor, Announced, ChecksOutcome, Closed, Content, Delivery, Disputed, ExpiryPolicy,
    FailedCheck, Funded, Order, OrderTerms, Phase, SplitOffer, State, Work,
};
use marketplace_fees::{FeeSchedule, Price, Shares};
use marketplace_ledger::{Account, Entry, EntryDraft, EntryKind};
use marketplace_listings::{
    AcceptancePolicy, Listing, ListingStatus, Offer, Pricing, ServiceType, Terms,
};
use marketplace_money::{
    Amount, Deadline, Did, EntryId, ListingId, OrderId, Reputation, Seconds, Timestamp,
};
use marketplace_ports::{
    Agent, Change, ChangeSet, OrderReviews, PayoutPolicy, TegRecord, TegRecordState,
    TegTransactionId,
};
use marketplace_reputation::{Reviews, Side};

/// Quotes, line ends, other scripts, an emoji of several code points: whatever a text may have.
pub(crate) const TEXT: &str =
    "it's \"50 %\" \\ of {a}\n\tüñ 漢字 🧑‍🚀 \u{202e}x; DROP TABLE orders;--";

pub(crate) fn did(name: &str) -> Did {
    format!("did:key:z6Mk{name}").parse().expect("a DID")
}

pub(crate) fn nano(nano: i64) -> Amount {
    Amount::from_nano(nano)
}

pub(crate) fn agent_account(did: &Did) -> Account {
    Account::Agent(did.clone())
}

pub(crate) fn entry<const N: usize>(
    id: EntryId,
    kind: EntryKind,
    moves: [(Account, i64); N],
) -> Entry {
    let moves = moves.map(|(account, nano)| (account, Amount::from_nano(nano)));
    EntryDraft::new(kind, moves).expect("balanced").because(TEXT).named(id)
}

/// A transfer that an entry books.
pub(crate) fn teg_record(id: &str, entry: EntryId) -> TegRecord {
    TegRecord {
        id: TegTransactionId(id.to_owned()),
        version: 1,
        state: TegRecordState::Booked(entry),
        payer: Some(did("payer")),
        amount: nano(5),
        dust: 0,
        memo: TEXT.to_owned(),
        at: Timestamp::from_micros(3),
        used_for: None,
    }
}

/// A row that was not there before.
pub(crate) fn insert<T>(row: T) -> Change<T> {
    Change { read: 0, row: Arc::new(row) }
}

/// A row that replaces the version before it.
pub(crate) fn update<T>(read: u64, row: T) -> Change<T> {
    Change { read, row: Arc::new(row) }
}

pub(crate) fn with_order(change: Change<Order>) -> ChangeSet {
    ChangeSet { orders: vec![change], ..ChangeSet::default() }
}

pub(crate) fn with_listing(change: Change<Listing>) -> ChangeSet {
    ChangeSet { listings: vec![change], ..ChangeSet::default() }
}

pub(crate) fn with_agent(change: Change<Agent>) -> ChangeSet {
    ChangeSet { agents: vec![change], ..ChangeSet::default() }
}

pub(crate) fn agent(did: &Did) -> Agent {
    Agent {
        did: did.clone(),
        version: 1,
        payout: PayoutPolicy::Threshold(nano(5_000_000_001)),
        unfunded_orders: 3,
        listings: 4,
        reputation: Reputation::from_milli(-12_345),
        backing: nano(7_000_000_003),
    }
}

/// Reviews to which the seller has not given its own.
pub(crate) fn order_reviews(
    order: OrderId,
    buyer: &Did,
    seller: &Did,
    now: Timestamp,
) -> OrderReviews {
    let given = Reviews::of(order, now).give(Side::Buyer, 4, &TEXT.into(), now.plus_micros(5));
    let reviews = given.expect("the first review within the time");
    OrderReviews { version: 1, buyer: buyer.clone(), seller: seller.clone(), reviews }
}

pub(crate) fn listing(id: ListingId, provider: &Did, now: Timestamp) -> Listing {
    let terms = Terms {
        delivery: Seconds(7_201),
        revisions: 3,
        acceptance: AcceptancePolicy::Verified,
        checks: r#"{"checks":[{"max_bytes":10}]}"#.into(),
        pricing: Pricing::Reputation,
        exclusive: true,
    };
    let offer = Offer {
        service_type: ServiceType::DataProcessing,
        name: TEXT.to_owned(),
        description: TEXT.repeat(20),
        price: nano(5_000_000_001),
        metadata: r#"{"key":"värdé","n":1.50}"#.to_owned(),
        terms,
    };
    Listing {
        id,
        provider: provider.clone(),
        version: 1,
        offer,
        status: ListingStatus::Active,
        created_at: now.plus_micros(1),
        life: Deadline { from: now.plus_micros(2), due: now.plus_micros(99_999_999) },
        price_raised_at: Some(now.plus_micros(3)),
    }
}

/// The price with everything in it different.
pub(crate) fn price() -> Price {
    let price = FeeSchedule::ORIGINAL.price(
        nano(5_000_000_001),
        Pricing::Reputation,
        Reputation::from_milli(12_345),
    );
    price.expect("a price that fits")
}

/// An order that waits for its buyer's transfer.
pub(crate) fn order(id: OrderId, buyer: &Did, seller: &Did, now: Timestamp) -> Order {
    Order {
        id,
        version: 1,
        buyer: buyer.clone(),
        seller: seller.clone(),
        listing: ListingId::new(id.uuid()),
        listing_version: 7,
        service: TEXT.into(),
        terms: OrderTerms {
            delivery: Seconds(82_799),
            revisions: 2,
            acceptance: AcceptancePolicy::BuyerConfirms,
            checks: "".into(),
            expiry: ExpiryPolicy::DeliveryGated,
            exclusive: true,
        },
        price: price(),
        created_at: now,
        state: State::AwaitingFunds { payment: Deadline::after(now, Order::PAYMENT_DUE) },
    }
}

fn deadline(now: Timestamp, seconds: u32) -> Deadline {
    Deadline { from: now.plus_micros(i64::from(seconds)), due: now.plus(Seconds(seconds)) }
}

fn deliveries(now: Timestamp) -> [Delivery; 3] {
    let full = Delivery {
        sha256: [0xab; 32],
        content: Content::Inline,
        size: 262_144,
        media_type: Some("application/json; charset=utf-8".into()),
        note: Some(TEXT.into()),
        checks: Some(ChecksOutcome {
            passed: false,
            hash: [0xcd; 32],
            failed: [FailedCheck { index: 3, kind: "size".into(), reason: TEXT.into() }].into(),
        }),
        at: now.plus_micros(11),
    };
    let fetched = Delivery {
        content: Content::Fetched { uri: "https://example.org/a?b=c#d".into() },
        checks: Some(ChecksOutcome { passed: true, hash: [1; 32], failed: [].into() }),
        media_type: None,
        size: u64::from(u32::MAX) + 1,
        ..full.clone()
    };
    let nothing = Delivery {
        sha256: [0; 32],
        content: Content::None,
        size: 0,
        media_type: None,
        note: None,
        checks: None,
        at: now.plus_micros(12),
    };
    [full, fetched, nothing]
}

fn works(now: Timestamp) -> Vec<Work> {
    let [full, fetched, nothing] = deliveries(now);
    let mut works = vec![
        Work::AwaitingStart { delivery: deadline(now, 101) },
        Work::InProgress { delivery: deadline(now, 102) },
    ];
    for delivery in [full.clone(), fetched.clone(), nothing] {
        works.push(Work::Delivered { delivery, review: deadline(now, 103) });
    }
    for (delivery, note) in [(full, TEXT), (fetched, "")] {
        let redelivery = deadline(now, 104);
        works.push(Work::ChangesRequested { delivery, redelivery, note: note.into() });
    }
    let since = now.plus_micros(13);
    let disputed: Vec<Work> = works
        .iter()
        .map(|before| Work::Disputed(Box::new(Disputed { before: before.clone(), since })))
        .collect();
    works.extend(disputed);
    works
}

fn offers(now: Timestamp) -> [Option<SplitOffer>; 3] {
    let offer = |by, seller| Some(SplitOffer { by, seller, lapses: deadline(now, 105) });
    [None, offer(Actor::Buyer, nano(1)), offer(Actor::Seller, Amount::ZERO)]
}

fn announcements(now: Timestamp) -> [Option<Announced>; 3] {
    let full = Announced {
        sha256: [0xef; 32],
        uri: "https://example.org/🧑‍🚀".into(),
        media_type: Some("text/plain".into()),
        note: Some(TEXT.into()),
        at: now.plus_micros(14),
    };
    let bare = Announced { media_type: None, note: None, ..full.clone() };
    [None, Some(full), Some(bare)]
}

/// Funded orders in every state of work, closed ones in every phase, and one that waits for its
/// funds: with and without each part that may be missing.
pub(crate) fn states(now: Timestamp) -> Vec<State> {
    let mut states = vec![State::AwaitingFunds { payment: deadline(now, 100) }];
    for (index, work) in works(now).into_iter().enumerate() {
        for shift in 0..3 {
            states.push(State::Funded(Box::new(Funded {
                at: now.plus_micros(15),
                expiry: deadline(now, 106),
                revisions_left: u8::try_from(shift).unwrap_or_default(),
                first_delivered: (shift > 0).then(|| now.plus_micros(16)),
                offer: offers(now)[(index + shift) % 3].clone(),
                announced: announcements(now)[(index + 2 * shift) % 3].clone(),
                changed: now.plus_micros(15 + i64::try_from(shift).unwrap_or_default()),
                work: work.clone(),
            })));
        }
    }
    let whole = price();
    let shares: Vec<Option<Shares>> = [Amount::ZERO, nano(1_234_567), whole.price]
        .into_iter()
        .map(|seller| whole.split(seller))
        .chain([None])
        .collect();
    let [full, fetched, nothing] = deliveries(now).map(Some);
    let delivered = [full, fetched, nothing, None];
    let terminal = Phase::NAMES.iter().filter(|(phase, _)| phase.is_terminal());
    for (index, (phase, _)) in terminal.enumerate() {
        states.push(State::Closed(Box::new(Closed {
            phase: *phase,
            shares: shares[index % 4],
            funded_at: (index % 3 > 0).then(|| now.plus_micros(16)),
            expires: deadline(now, 90_000),
            at: now.plus_micros(17),
            delivery: delivered[(index / 2) % 4].clone(),
        })));
    }
    states
}
