//! What is written as a row is read as the same value, whatever is in it.

use std::sync::Arc;

use marketplace_escrow::{
    Actor, Announced, ChecksOutcome, Closed, Content, Delivery, Disputed, ExpiryPolicy,
    FailedCheck, Funded, Order, OrderTerms, Phase, SplitOffer, State, Work,
};
use marketplace_fees::{Price, Shares};
use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_listings::{
    AcceptancePolicy, Listing, ListingStatus, Offer, Pricing, ServiceType, Terms,
};
use marketplace_money::{
    Amount, CommandId, Deadline, DepositId, Did, EntryId, EventId, ListingId, Multiplier, OrderId,
    Reputation, Seconds, Timestamp, WithdrawalId,
};
use marketplace_ports::{
    Agent, ApiKey, Deposit, DepositState, Effect, EffectKind, Event, IdempotencyKey,
    IdempotencyRecord, Notice, PayoutPolicy, SealedEvent, Subject, TegRecord, TegRecordState,
    TegTransactionId, Timer, Withdrawal, WithdrawalState,
};
use marketplace_store_rows::{
    AgentRow, ApiKeyRow, DepositRow, EffectRow, EventRow, IdempotencyRow, ListingRow, OrderChange,
    OrderRow, TegRecordRow, TimerRow, WithdrawalRow, postings_of,
};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

fn amount() -> impl Strategy<Value = Amount> {
    any::<i64>().prop_map(Amount::from_nano)
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_micros)
}

fn deadline() -> impl Strategy<Value = Deadline> {
    (time(), time()).prop_map(|(from, due)| Deadline { from, due })
}

fn id() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn did() -> impl Strategy<Value = Did> {
    "did:[a-z0-9-]{1,8}(:[A-Za-z0-9._@%-]{1,60}){0,2}".prop_map(|text| text.parse().expect("a DID"))
}

/// Everything that a text may have: quotes, control characters, other scripts, U+0000.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), any::<String>(), "[\"\\\\\u{0}-\u{1f}é漢🧑]{0,20}"]
}

fn shared() -> impl Strategy<Value = Arc<str>> {
    text().prop_map(Arc::from)
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let content = prop_oneof![
        Just(Content::Inline),
        shared().prop_map(|uri| Content::Fetched { uri }),
        Just(Content::None)
    ];
    let failed = (any::<u8>(), shared(), shared()).prop_map(|(index, kind, reason)| FailedCheck {
        index,
        kind,
        reason,
    });
    let failed = proptest::collection::vec(failed, 0..3).prop_map(Arc::from);
    let checks = (any::<bool>(), any::<[u8; 32]>(), failed)
        .prop_map(|(passed, hash, failed)| ChecksOutcome { passed, hash, failed });
    let sha256 = prop_oneof![Just([0; 32]), any::<[u8; 32]>()];
    (sha256, content, any::<u64>(), of(shared()), of(shared()), of(checks), time()).prop_map(
        |(sha256, content, size, media_type, note, checks, at)| Delivery {
            sha256,
            content,
            size,
            media_type,
            note,
            checks,
            at,
        },
    )
}

fn work() -> impl Strategy<Value = Work> {
    let living = prop_oneof![
        deadline().prop_map(|delivery| Work::AwaitingStart { delivery }),
        deadline().prop_map(|delivery| Work::InProgress { delivery }),
        (delivery(), deadline())
            .prop_map(|(delivery, review)| Work::Delivered { delivery, review }),
        (delivery(), deadline(), shared()).prop_map(|(delivery, redelivery, note)| {
            Work::ChangesRequested { delivery, redelivery, note }
        }),
    ];
    (living, of(time())).prop_map(|(before, since)| match since {
        Some(since) => Work::Disputed(Box::new(Disputed { before, since })),
        None => before,
    })
}

fn funded() -> impl Strategy<Value = State> {
    let offer = (select(vec![Actor::Buyer, Actor::Seller]), amount(), deadline())
        .prop_map(|(by, seller, lapses)| SplitOffer { by, seller, lapses });
    let announced = (any::<[u8; 32]>(), shared(), of(shared()), of(shared()), time()).prop_map(
        |(sha256, uri, media_type, note, at)| Announced { sha256, uri, media_type, note, at },
    );
    let times = (time(), of(time()), time());
    (times, deadline(), any::<u8>(), of(offer), of(announced), work()).prop_map(
        |((at, first_delivered, changed), expiry, revisions_left, offer, announced, work)| {
            State::Funded(Box::new(Funded {
                at,
                expiry,
                revisions_left,
                first_delivered,
                offer,
                announced,
                changed,
                work,
            }))
        },
    )
}

fn closed() -> impl Strategy<Value = State> {
    let phases: Vec<Phase> = Phase::NAMES.iter().map(|(phase, _)| *phase).collect();
    let shares = (amount(), amount(), amount()).prop_map(|(seller, buyer, fee)| Shares {
        seller,
        buyer,
        fee,
    });
    (select(phases), of(shares), of(time()), deadline(), time(), of(delivery())).prop_map(
        |(phase, shares, funded_at, expires, at, delivery)| {
            State::Closed(Box::new(Closed { phase, shares, funded_at, expires, at, delivery }))
        },
    )
}

fn state() -> impl Strategy<Value = State> {
    let awaiting = deadline().prop_map(|payment| State::AwaitingFunds { payment });
    prop_oneof![1 => awaiting, 3 => funded(), 3 => closed()]
}

fn order_terms() -> impl Strategy<Value = OrderTerms> {
    let policies: Vec<_> = AcceptancePolicy::NAMES.iter().map(|(policy, _)| *policy).collect();
    let expiries: Vec<_> = ExpiryPolicy::NAMES.iter().map(|(policy, _)| *policy).collect();
    let words = (select(policies), shared(), select(expiries));
    (any::<u32>(), any::<u8>(), words, any::<bool>()).prop_map(
        |(delivery, revisions, (acceptance, checks, expiry), exclusive)| OrderTerms {
            delivery: Seconds(delivery),
            revisions,
            acceptance,
            checks,
            expiry,
            exclusive,
        },
    )
}

fn order() -> impl Strategy<Value = Order> {
    let price = (amount(), any::<u32>(), amount(), amount(), amount()).prop_map(
        |(base, ppm, price, fee, total)| Price {
            base,
            multiplier: Multiplier::from_ppm(ppm),
            price,
            fee,
            total,
        },
    );
    let versions = (1_u64..1 << 62, 1_u64..1 << 62);
    (versions, id(), id(), did(), did(), shared(), order_terms(), price, time(), state()).prop_map(
        |(versions, id, listing, buyer, seller, service, terms, price, created_at, state)| Order {
            id: OrderId::new(id),
            version: versions.0,
            buyer,
            seller,
            listing: ListingId::new(listing),
            listing_version: versions.1,
            service,
            terms,
            price,
            created_at,
            state,
        },
    )
}

fn listing() -> impl Strategy<Value = Listing> {
    let types: Vec<_> = ServiceType::NAMES.iter().map(|(value, _)| *value).collect();
    let pricings: Vec<_> = Pricing::NAMES.iter().map(|(value, _)| *value).collect();
    let statuses: Vec<_> = ListingStatus::NAMES.iter().map(|(value, _)| *value).collect();
    let words = (select(types), text(), text(), text(), select(pricings));
    let offer = (words, order_terms(), amount()).prop_map(
        |((service_type, name, description, metadata, pricing), terms, price)| {
            let terms = Terms {
                delivery: terms.delivery,
                revisions: terms.revisions,
                acceptance: terms.acceptance,
                checks: terms.checks,
                pricing,
                exclusive: terms.exclusive,
            };
            Offer { service_type, name, description, price, metadata, terms }
        },
    );
    (id(), did(), 1_u64..1 << 62, offer, select(statuses), time(), deadline(), of(time())).prop_map(
        |(id, provider, version, offer, status, created_at, life, price_raised_at)| Listing {
            id: ListingId::new(id),
            provider,
            version,
            offer,
            status,
            created_at,
            life,
            price_raised_at,
        },
    )
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        id().prop_map(|id| Subject::Order(OrderId::new(id))),
        id().prop_map(|id| Subject::Listing(ListingId::new(id))),
        id().prop_map(|id| Subject::Withdrawal(WithdrawalId::new(id))),
        id().prop_map(|id| Subject::Deposit(DepositId::new(id))),
        id().prop_map(|id| Subject::Command(CommandId::new(id))),
    ]
}

proptest! {
    #[test]
    fn orders(order in order(), sha256 in any::<[u8; 32]>()) {
        let row = OrderRow::new(&order, Some(sha256));
        prop_assert_eq!(row.checks.as_deref(), Some(&sha256[..]));
        prop_assert!(row.agrees_with(&order));
        prop_assert_eq!(row.order(order.terms.checks.clone()), Ok(order));
    }

    #[test]
    fn changes_of_orders(before in order(), after in order()) {
        let after = Order { id: before.id, version: after.version, state: after.state, ..before.clone() };
        let change = OrderChange::new(&after);
        let mut row = OrderRow::new(&before, None);
        prop_assert_eq!(&change.id, &row.id);
        (row.version, row.status, row.phase) = (change.version, change.status.into(), change.phase.into());
        (row.escrow, row.state) = (change.escrow, change.state);
        prop_assert!(row.agrees_with(&after));
        prop_assert_eq!(row.order(after.terms.checks.clone()), Ok(after));
    }

    #[test]
    fn listings(listing in listing()) {
        prop_assert_eq!(ListingRow::new(&listing).listing(), Ok(listing));
    }

    #[test]
    fn agents(did in did(), version in 1_u64..1 << 62, counts in any::<(u32, u32)>(), milli in -100_000_i64..=100_000, policy in 0..3, least in amount()) {
        let payout = match policy {
            0 => PayoutPolicy::Manual,
            1 => PayoutPolicy::Immediate,
            _ => PayoutPolicy::Threshold(least),
        };
        let reputation = Reputation::from_milli(milli);
        let backing = Amount::from_nano(milli.saturating_abs());
        let agent = Agent {
            did,
            version,
            payout,
            unfunded_orders: counts.0,
            listings: counts.1,
            reputation,
            backing,
        };
        prop_assert_eq!(AgentRow::new(&agent).agent(), Ok(agent));
    }

    #[test]
    fn withdrawals(id in id(), version in 1_u64..1 << 62, agent in did(), amounts in (amount(), amount()), at in time(), sent_at in of(time()), state in 0..4, words in text()) {
        let state = match state {
            0 => WithdrawalState::InFlight,
            3 => WithdrawalState::Waiting { reason: words },
            1 => WithdrawalState::Settled(TegTransactionId(words)),
            _ => WithdrawalState::Returned { reason: words },
        };
        let withdrawal = Withdrawal { id: WithdrawalId::new(id), version, agent, amount: amounts.0, fee: amounts.1, at, sent_at, state };
        let row = WithdrawalRow::new(&withdrawal);
        prop_assert_eq!(row.held, withdrawal.held().nano());
        prop_assert_eq!(row.withdrawal(), Ok(withdrawal));
    }

    #[test]
    fn transfers_at_the_teg(id in text(), version in 1_u64..1 << 62, entry in id(), payer in of(did()), amount in amount(), dust in 0_u32..1_000_000_000, at in time(), state in 0..4, memo in text(), used in of(id())) {
        let state = match state {
            0 => TegRecordState::Pending,
            1 => TegRecordState::Unmatched,
            2 => TegRecordState::Failed,
            _ => TegRecordState::Booked(EntryId::new(entry)),
        };
        let used_for = used.map(|id| Subject::Order(OrderId::new(id)));
        let record = TegRecord { id: TegTransactionId(id), version, state, payer, amount, dust, memo, at, used_for };
        prop_assert_eq!(TegRecordRow::new(&record).record(), Ok(record));
    }

    #[test]
    fn deposits(id in id(), version in 1_u64..1 << 62, agent in did(), amount in amount(), at in time(), state in 0..4, words in text()) {
        let state = match state {
            0 => DepositState::Asked,
            1 => DepositState::Credited(TegTransactionId(words)),
            2 => DepositState::Refused { reason: words },
            _ => DepositState::Unseen,
        };
        let deposit = Deposit { id: DepositId::new(id), version, agent, amount, at, state };
        prop_assert_eq!(DepositRow::new(&deposit).deposit(), Ok(deposit));
    }

    #[test]
    fn entries(id in id(), to in did(), nano in 1..i64::MAX, reason in text(), at in time()) {
        let moves = [(Account::Teg, -nano), (Account::Agent(to), nano - 1), (Account::Suspense, 1)];
        let moves = moves.map(|(account, nano)| (account, Amount::from_nano(nano)));
        let entry = EntryDraft::new(EntryKind::Deposit, moves).unwrap().because(reason).named(EntryId::new(id));
        let rows: Vec<_> = postings_of(&entry, at).collect();
        prop_assert_eq!(rows.len(), entry.postings().len());
        for (index, ((account, row), posting)) in rows.iter().zip(entry.postings()).enumerate() {
            prop_assert_eq!(*account, &posting.account);
            prop_assert_eq!(row.account(), Ok(posting.account.clone()));
            prop_assert_eq!((row.entry(), row.kind(), row.delta()), (Ok(entry.id), Ok(entry.kind()), posting.delta));
            prop_assert_eq!((row.line, row.lines), (i64::try_from(index).unwrap(), i64::try_from(rows.len()).unwrap()));
            prop_assert_eq!((row.reason.as_str(), row.at), (entry.reason(), at.micros()));
        }
    }

    #[test]
    fn events(id in id(), subject in subject(), audience in proptest::collection::vec(did(), 0..4), at in time(), data in text(), position in 1..i64::MAX) {
        let event = Event { id: EventId::new(id), subject, name: "order.funded", audience: audience.clone(), at, data: data.clone() };
        let sealed = SealedEvent { position: u64::try_from(position).unwrap(), id: event.id, subject, name: "order.funded".into(), audience, at, data };
        prop_assert_eq!(EventRow::new(event).sealed(position), Ok(sealed));
    }

    #[test]
    fn timers(subject in subject(), kind in select(vec!["expiry", "review"]), sequence in 0_u64..1 << 62, due in time()) {
        let timer = Timer { subject, kind, sequence, due };
        prop_assert_eq!(TimerRow::new(&timer).timer(), Ok(timer));
    }

    #[test]
    fn api_keys(sha256 in any::<[u8; 32]>(), version in 1_u64..1 << 62, agent in did(), label in text(), at in time(), revoked_at in of(time())) {
        let key = ApiKey { sha256, version, agent, label, at, revoked_at };
        prop_assert_eq!(ApiKeyRow::new(&key).api_key(), Ok(key));
    }

    #[test]
    fn effects(ids in (id(), id()), kind in 0..5, notice in select(Notice::NAMES.map(|(notice, _)| notice).to_vec()), agent in did(), sha256 in any::<[u8; 32]>(), uri in shared(), due in time(), attempts in any::<u32>()) {
        let kind = match kind {
            0 => EffectKind::SendWithdrawal(WithdrawalId::new(ids.1)),
            1 => EffectKind::ResolveDeposit(DepositId::new(ids.1)),
            2 => EffectKind::Notify { order: OrderId::new(ids.1), agent, notice },
            3 => EffectKind::Signal {
                withdrawal: WithdrawalId::new(ids.0),
                order: OrderId::new(ids.1),
            },
            _ => EffectKind::FetchDelivery { order: OrderId::new(ids.1), sha256, uri },
        };
        let effect = Effect { id: ids.0, kind, due, attempts };
        prop_assert_eq!(EffectRow::new(&effect).effect(), Ok(effect));
    }

    #[test]
    fn answers(caller in did(), words in (text(), text(), text()), body_sha256 in any::<[u8; 32]>(), expires_at in time()) {
        let record = IdempotencyRecord { body_sha256, reply: words.2, expires_at };
        let key = IdempotencyKey { caller, route: words.0, key: words.1 };
        let row = IdempotencyRow::new(&key, &record);
        prop_assert_eq!((row.caller.as_str(), &row.route, &row.key), (key.caller.as_str(), &key.route, &key.key));
        prop_assert_eq!(row.record(), Ok(record));
    }

    /// A row that somebody else wrote is an error that names it, never a panic.
    #[test]
    fn foreign_rows_are_refused(order in order(), field in 0..6, garbage in "[^0-9]{1,20}") {
        let mut row = OrderRow::new(&order, None);
        *match field {
            0 => &mut row.id,
            1 => &mut row.buyer,
            2 => &mut row.seller,
            3 => &mut row.listing,
            4 => &mut row.terms,
            _ => &mut row.state,
        } = garbage;
        let error = row.order("".into()).unwrap_err();
        prop_assert_eq!((error.table, error.id), ("orders", row.id));
    }
}
