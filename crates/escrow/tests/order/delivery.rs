//! Deliveries: inline, announced and fetched, failed, replaced; and what makes one unacceptable.

use marketplace_escrow::{
    Command, Content, DeliveryInput, Order, OrderEvent, OrderRefusal, State, Verb,
};
use marketplace_listings::Invalid;

use crate::common::{AUTO, DEAL, Play, inline};

/// The announcement that waits, as `3 x`.
fn waiting(order: &Order) -> Option<String> {
    let State::Funded(funded) = &order.state else { return None };
    let announced = funded.announced.as_ref()?;
    Some(format!("{} {}", announced.sha256[0], announced.uri.rsplit('/').next().unwrap()))
}

fn check(script: &str, place: &str, expect: Option<&str>) {
    let play = Play::after(DEAL, script);
    assert_eq!(play.place(), format!("ESCROW_FUNDED/{place}"), "{script}");
    assert_eq!(waiting(&play.order).as_deref(), expect, "{script}");
}

#[test]
fn announcements() {
    check("seller announce 3 x", "AWAITING_START", Some("3 x"));
    check("seller start | seller announce 3 x", "IN_PROGRESS", Some("3 x"));
    check("seller announce 3 x | seller announce 4 y", "AWAITING_START", Some("4 y"));
    check("seller announce 3 x | seller start", "IN_PROGRESS", Some("3 x"));
    check("seller announce 3 x | buyer offer-split 1", "AWAITING_START", Some("3 x"));
    check("seller announce 3 x | seller fetched 3 x", "DELIVERED", None);
    check("seller announce 3 x | seller fail 3 x", "AWAITING_START", None);
    // What the seller sends itself takes the place of what it announced.
    check("seller announce 3 x | seller deliver", "DELIVERED", None);
    let changes = "seller deliver | buyer request-changes";
    check(&format!("{changes} | seller announce 3 x"), "CHANGES_REQUESTED", Some("3 x"));
    check(&format!("{changes} | seller announce 3 x | seller fetched 3 x"), "DELIVERED", None);
    check(&format!("{changes} | seller announce 3 x | seller fail 3 x"), "CHANGES_REQUESTED", None);
}

fn refused(script: &str, step: &str, expect: &OrderRefusal) {
    let play = Play::after(DEAL, script);
    assert_eq!(play.refused(step).as_ref(), Some(expect), "{step} after {script}");
}

#[test]
fn fetched_bytes_count_only_while_their_announcement_stands() {
    let gone = OrderRefusal::NotAnnounced;
    refused("", "seller fetched 3 x", &gone);
    refused("", "seller fail 3 x", &gone);
    // Other bytes, another place, or both.
    for replaced in ["seller announce 4 x", "seller announce 3 y", "seller announce 4 y"] {
        let script = format!("seller announce 3 x | {replaced}");
        refused(&script, "seller fail 3 x", &gone);
    }
    refused("seller announce 3 x | seller announce 3 y", "seller fetched 3 x", &gone);
    refused("seller announce 3 x | seller fail 3 x", "seller fetched 3 x", &gone);
    // A delivery that is fetched a second time does not answer a request for changes.
    let again = "seller announce 3 x | seller fetched 3 x | buyer request-changes";
    refused(again, "seller fetched 3 x", &gone);
    refused(again, "seller fail 3 x", &gone);
    let inline = "seller announce 3 x | seller deliver | buyer request-changes";
    refused(inline, "seller fetched 3 x", &gone);
}

#[test]
fn bytes_that_do_not_match() {
    // Fetched from the place, but not what was announced there.
    refused("seller announce 3 x", "seller fetched 4 x", &OrderRefusal::HashMismatch);
    let bytes = |sha256: u8, claimed: Option<u8>, path: Option<&str>| {
        let uri = path.map(|path| format!("https://seller.example/{path}").into());
        let claimed_sha256 = claimed.map(|claimed| [claimed; 32]);
        let (media_type, note, checks) = (None, None, None);
        let sha256 = [sha256; 32];
        Command::Deliver(DeliveryInput::Bytes {
            sha256,
            claimed_sha256,
            size: 1,
            uri,
            media_type,
            note,
            checks,
        })
    };
    let play = Play::after(DEAL, "seller announce 3 x");
    let check = |command: Command, expect: Option<OrderRefusal>| {
        let got = play.ask(marketplace_escrow::Actor::Seller, &command);
        assert_eq!(got.err(), expect, "{command:?}");
    };
    check(bytes(3, Some(3), Some("x")), None);
    check(bytes(4, Some(3), Some("x")), Some(OrderRefusal::HashMismatch));
    check(bytes(4, Some(4), Some("x")), Some(OrderRefusal::NotAnnounced));
    check(bytes(3, Some(4), Some("x")), Some(OrderRefusal::NotAnnounced));
    check(bytes(3, Some(3), Some("y")), Some(OrderRefusal::NotAnnounced));
    // Inline, nothing has to be announced; a claim has to be true.
    check(bytes(5, None, None), None);
    check(bytes(5, Some(5), None), None);
    check(bytes(5, Some(3), None), Some(OrderRefusal::HashMismatch));
}

#[test]
fn what_is_kept_of_a_delivery() {
    let kept = |script: &str| Play::after(DEAL, script).order.delivery().cloned().unwrap();
    let inline = kept("+1h | seller deliver 4");
    assert_eq!((inline.sha256, inline.content, inline.size), ([4; 32], Content::Inline, 7));
    assert_eq!(crate::common::offset(inline.at), "+1h");
    // It counts from when the bytes were here.
    let fetched = kept("seller announce 3 x | +2h | seller fetched 3 x");
    let uri = "https://seller.example/x".into();
    assert_eq!((fetched.sha256, fetched.content), ([3; 32], Content::Fetched { uri }));
    assert_eq!(crate::common::offset(fetched.at), "+2h");
    // The last one counts.
    let last = kept("seller deliver 4 | buyer request-changes | seller deliver 5");
    assert_eq!(last.sha256, [5; 32]);
    let open = kept("seller deliver 4 | buyer request-changes | seller announce 5 x");
    assert_eq!(open.sha256, [4; 32]);
}

#[test]
fn a_closed_order_forgets_what_was_announced() {
    for script in
        ["seller announce 3 x | buyer cancel", "seller announce 3 x | +24h | timer expire"]
    {
        let play = Play::after(DEAL, script);
        assert_eq!(play.order.delivery(), None);
        let phase = play.order.phase();
        let closed = OrderRefusal::WrongPhase { verb: Verb::Deliver, phase };
        assert_eq!(play.refused("seller fetched 3 x"), Some(closed.clone()));
        assert_eq!(play.refused("seller fail 3 x"), Some(closed));
    }
}

/// `input` is refused for `field`; with `None` it is accepted.
fn limit(input: DeliveryInput, field: Option<&str>) {
    let mut play = Play::after(AUTO, "seller announce 1 x");
    let text = format!("{input:.200?}");
    match play.act(marketplace_escrow::Actor::Seller, &Command::Deliver(input)) {
        Ok(()) => assert_eq!(None, field, "{text}"),
        Err(OrderRefusal::Invalid(Invalid { field: got, .. })) => {
            assert_eq!(Some(got), field, "{text}");
        }
        Err(other) => panic!("{other:?} for {text}"),
    }
}

fn bytes(size: u64, media_type: &str, note: &str, fetched: bool) -> DeliveryInput {
    DeliveryInput::Bytes {
        sha256: [1; 32],
        claimed_sha256: None,
        size,
        uri: fetched.then(|| "https://seller.example/x".into()),
        media_type: Some(media_type.into()),
        note: Some(note.into()),
        checks: None,
    }
}

#[test]
fn limits_of_bytes_and_words() {
    limit(bytes(0, "", "", false), None);
    limit(bytes(256 * 1024, "text/plain; charset=utf-8", "ok\nok\tok", false), None);
    limit(bytes(256 * 1024 + 1, "", "", false), Some("delivery.inline"));
    limit(bytes(10 * 1024 * 1024, "", "", true), None);
    limit(bytes(10 * 1024 * 1024 + 1, "", "", true), Some("delivery.uri"));
    limit(bytes(1, &"x".repeat(255), "", false), None);
    limit(bytes(1, &"x".repeat(256), "", false), Some("delivery.media_type"));
    for hostile in ["text/plain\r\nSet-Cookie: a=b", "text/\0plain", "téxt/plain"] {
        limit(bytes(1, hostile, "", false), Some("delivery.media_type"));
    }
    limit(bytes(1, "", &"ä".repeat(2_000), false), None);
    limit(bytes(1, "", &"ä".repeat(2_001), false), Some("delivery.note"));
    for hostile in ["\0", "a\u{1b}[31m", "\u{85}"] {
        limit(bytes(1, "", hostile, false), Some("delivery.note"));
        limit(DeliveryInput::Nothing { note: Some(hostile.into()) }, Some("delivery.note"));
    }
}

#[test]
fn limits_of_a_uri() {
    let uri = |uri: &str| DeliveryInput::Uri {
        sha256: [1; 32],
        uri: uri.into(),
        media_type: None,
        note: None,
    };
    let long = |length: usize| {
        let head = "https://seller.example/";
        format!("{head}{}", "x".repeat(length - head.len()))
    };
    for text in ["http://seller.example", "https://seller.example/a?b=c#d", &long(2_048)] {
        limit(uri(text), None);
    }
    for text in [
        "",
        "seller.example",
        "ftp://seller.example",
        "file:///etc/passwd",
        "HTTPS://seller.example",
        "https://seller.example/a b",
        "https://seller.example/\n",
        "https://müller.example",
        "javascript:alert(1)",
        " https://seller.example",
        &long(2_049),
    ] {
        limit(uri(text), Some("delivery.uri"));
    }
}

#[test]
fn a_failed_fetch_is_one_event_and_no_phase() {
    let play = Play::after(DEAL, "seller announce 3 x");
    let (role, command) = crate::common::parse("seller fail 3 x");
    assert_eq!(play.ask(role, &command), Ok(vec![OrderEvent::DeliveryFailed]));
    let delivered = play.ask(role, &Command::Deliver(inline(1, None))).unwrap();
    assert_eq!(delivered.iter().map(OrderEvent::name).collect::<Vec<_>>(), ["order.delivered"]);
}
