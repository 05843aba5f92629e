//! Orders that are driven by short scripts, with a ledger beside them that is checked at each step.
//!
//! A script is a list of steps between bars: `seller start | +2h | seller deliver | buyer accept`.
//! `+2h` lets time pass (units h, m, s, us), `down 2h` lets it pass with no server ready.

use std::collections::BTreeMap;

use marketplace_escrow::{
    Actor, ChecksOutcome, Command, Context, DeliveryInput, ExpiryPolicy, Money, Order, OrderEvent,
    OrderRefusal, OrderTerms, Phase, TRANSITIONS, TimerKind, Transition, apply, decide, evolve,
    posting,
};
use marketplace_fees::FeeSchedule;
use marketplace_ledger::{EntryDraft, EntryKind};
use marketplace_listings::{AcceptancePolicy, Listing, Offer, Pricing, ServiceType, Terms};
use marketplace_money::{Amount, Gap, Gaps, ListingId, OrderId, Reputation, Seconds, Timestamp};

pub(crate) const HOUR: i64 = 3_600_000_000;
/// When every order of these tests is placed and funded.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
pub(crate) const ROLES: [Actor; 6] = [
    Actor::Buyer,
    Actor::Seller,
    Actor::Timer,
    Actor::Ledger,
    Actor::Arbitration,
    Actor::Operators,
];

/// What is bought, and on which terms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deal {
    pub(crate) price: &'static str,
    pub(crate) acceptance: AcceptancePolicy,
    pub(crate) expiry: ExpiryPolicy,
    pub(crate) delivery: Seconds,
    pub(crate) revisions: u8,
}

/// 5 AVT, a day's work, one revision, the default policies.
pub(crate) const DEAL: Deal = Deal {
    price: "5",
    acceptance: AcceptancePolicy::BuyerConfirms,
    expiry: ExpiryPolicy::DeliveryGated,
    delivery: Seconds::from_hours(10),
    revisions: 1,
};
pub(crate) const AUTO: Deal = Deal { acceptance: AcceptancePolicy::AutoOnDelivery, ..DEAL };
pub(crate) const VERIFIED: Deal = Deal { acceptance: AcceptancePolicy::Verified, ..DEAL };
pub(crate) const RELEASE: Deal = Deal { expiry: ExpiryPolicy::Release, ..DEAL };

impl Deal {
    fn place(self) -> Order {
        let terms = Terms {
            delivery: self.delivery.min(Terms::LONGEST_DELIVERY),
            revisions: self.revisions,
            checks: "[{\"check\":\"sha256\"}]".into(),
            ..Terms::default()
        };
        let offer = Offer {
            service_type: ServiceType::Analysis,
            name: "Analysis".into(),
            description: String::new(),
            price: amount(self.price),
            metadata: "{}".into(),
            terms,
        };
        let id = ListingId::new("00000000-0000-0000-0000-0000000000aa".parse().unwrap());
        let listing = Listing::create(id, "did:seller".parse().unwrap(), offer, START).unwrap();
        let fees = FeeSchedule::ORIGINAL;
        let price = fees.price(listing.base_price(), Pricing::Fixed, Reputation::UNKNOWN).unwrap();
        let terms =
            OrderTerms::from_listing(&listing.offer.terms, Some(self.acceptance), self.expiry);
        let id = OrderId::new("00000000-0000-0000-0000-000000000001".parse().unwrap());
        let terms = OrderTerms { delivery: self.delivery, ..terms };
        Order::place(id, "did:buyer".parse().unwrap(), &listing, terms, price, START)
    }
}

/// An order, the time, our downtime, and the ledger as the order's events made it.
#[derive(Clone, Debug)]
pub(crate) struct Play {
    pub(crate) order: Order,
    pub(crate) now: Timestamp,
    pub(crate) gaps: Vec<Gap>,
    /// Every entry, as text.
    pub(crate) entries: Vec<String>,
    accounts: BTreeMap<String, i128>,
}

impl Play {
    /// Placed, not paid.
    pub(crate) fn placed(deal: Deal) -> Self {
        let order = deal.place();
        Self { order, now: START, gaps: vec![], entries: vec![], accounts: BTreeMap::new() }
    }

    /// Funded at once, as a purchase from the balance is.
    pub(crate) fn funded(deal: Deal) -> Self {
        let mut play = Self::placed(deal);
        play.run("ledger fund");
        play
    }

    /// Funded, then the script.
    pub(crate) fn after(deal: Deal, script: &str) -> Self {
        let mut play = Self::funded(deal);
        play.run(script);
        play
    }

    /// All steps, none of which may be refused.
    pub(crate) fn run(&mut self, script: &str) {
        for step in script.split('|').map(str::trim).filter(|step| !step.is_empty()) {
            if let Some(pause) = step.strip_prefix('+') {
                self.now = self.now.plus_micros(span(pause));
            } else if let Some(pause) = step.strip_prefix("down ") {
                self.outage(span(pause));
            } else {
                let (role, command) = parse(step);
                let done = self.act(role, &command);
                assert!(done.is_ok(), "{step} in {script}: {done:?}");
            }
        }
    }

    /// One step; what it was refused with.
    pub(crate) fn refused(&self, step: &str) -> Option<OrderRefusal> {
        let (role, command) = parse(step);
        self.ask(role, &command).err()
    }

    pub(crate) fn outage(&mut self, micros: i64) {
        let until = self.now.plus_micros(micros);
        self.gaps.push(Gap { from: self.now, until });
        self.now = until;
    }

    pub(crate) fn gaps(&self) -> Gaps {
        Gaps::new(self.gaps.clone())
    }

    pub(crate) fn ask(
        &self,
        role: Actor,
        command: &Command,
    ) -> Result<Vec<OrderEvent>, OrderRefusal> {
        let gaps = self.gaps();
        decide(&self.order, role, command, &Context { now: self.now, gaps: &gaps })
    }

    /// Decides, posts and applies; then checks everything that must hold after every command.
    pub(crate) fn act(&mut self, role: Actor, command: &Command) -> Result<(), OrderRefusal> {
        let before = self.order.clone();
        let events = self.ask(role, command)?;
        let mut kinds = Vec::new();
        for event in &events {
            if let Some(draft) = posting(&self.order, event).unwrap() {
                kinds.push(draft.kind());
                self.book(&draft);
            }
            self.order = evolve(self.order.clone(), event);
            self.check_money();
        }
        let applied = apply(&before, &events);
        assert_eq!(applied.version, before.version + 1);
        self.order.version = applied.version;
        assert_eq!(self.order, applied, "apply folds evolve");
        let row = row_of(role, command, before.phase()).expect("only rows of the table happen");
        self.check_row(row, before.phase(), &kinds);
        self.check_timer();
        Ok(())
    }

    fn book(&mut self, draft: &EntryDraft) {
        let mut text = Vec::new();
        for posting in draft.postings() {
            let name = posting.account.to_string().replace(&self.order.id.to_string(), "1");
            let sign = if posting.delta.is_positive() { "+" } else { "" };
            text.push(format!("{name} {sign}{}", posting.delta));
            *self.accounts.entry(name).or_default() += i128::from(posting.delta.nano());
        }
        self.entries.push(format!("{}: {}", draft.kind(), text.join(", ")));
    }

    /// Stores keep no row for an order's account: they rely on [`Order::escrow`] being its balance.
    fn check_money(&self) {
        assert_eq!(self.accounts.values().sum::<i128>(), 0, "{:?}", self.entries);
        let held = self.accounts.get("order:1").copied().unwrap_or_default();
        assert_eq!(held, i128::from(self.order.escrow().nano()), "{:?}", self.entries);
        if self.order.phase().is_terminal() {
            assert_eq!(held, 0);
        }
    }

    fn check_row(&self, row: &Transition, from: Phase, kinds: &[EntryKind]) {
        let to = self.order.phase();
        assert!(row.targets(from).contains(&to), "{from} to {to} by {row:?}");
        let ways = [EntryKind::EscrowReleased, EntryKind::EscrowRefunded, EntryKind::EscrowSplit];
        let expect: &[EntryKind] = match row.money {
            Money::None => &[],
            Money::Fund => &[EntryKind::EscrowFunded],
            Money::Release => &ways[..1],
            Money::Refund => &ways[1..2],
            Money::Split => &ways,
            Money::ByAcceptancePolicy if to.is_terminal() => &ways[..1],
            Money::ByAcceptancePolicy => &[],
            Money::ByExpiryPolicy => match self.order.terms.expiry {
                ExpiryPolicy::DeliveryGated => &ways[1..2],
                ExpiryPolicy::Release => &ways[..1],
            },
            Money::ByDelivery if self.order.delivery().is_some() => &ways[1..],
            Money::ByDelivery => &ways[1..2],
        };
        assert_eq!(kinds.len(), usize::from(!expect.is_empty()), "{row:?}");
        assert!(kinds.iter().all(|kind| expect.contains(kind)), "{kinds:?} by {row:?}");
    }

    fn check_timer(&self) {
        let expect = match self.order.phase() {
            Phase::AwaitingFunds => Some(TimerKind::Payment),
            Phase::AwaitingStart | Phase::InProgress => Some(TimerKind::Expiry),
            Phase::Delivered => Some(TimerKind::Review),
            Phase::ChangesRequested => Some(TimerKind::Redelivery),
            Phase::Disputed => None,
            phase => {
                assert!(phase.is_terminal());
                None
            }
        };
        assert_eq!(self.order.timer().map(|timer| timer.kind), expect);
    }

    /// `COMPLETED/ACCEPTED`.
    pub(crate) fn place(&self) -> String {
        format!("{}/{}", self.order.status(), self.order.phase())
    }
}

/// The row of the table, found without the help of `decide`.
pub(crate) fn row_of(role: Actor, command: &Command, from: Phase) -> Option<&'static Transition> {
    TRANSITIONS.iter().find(|row| {
        let actor = match row.actor {
            Actor::Party | Actor::OtherParty => [Actor::Buyer, Actor::Seller].contains(&role),
            actor => actor == role,
        };
        row.verb == command.verb() && actor && row.from.contains(&from)
    })
}

pub(crate) fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

/// `2h`, `90m`, `1us` in microseconds.
pub(crate) fn span(text: &str) -> i64 {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap();
    let unit = match &text[split..] {
        "h" => HOUR,
        "m" => HOUR / 60,
        "s" => HOUR / 3_600,
        "us" => 1,
        unit => panic!("no unit {unit}"),
    };
    text[..split].parse::<i64>().unwrap() * unit
}

/// From [`START`], in the largest unit that is exact: `+90m`.
pub(crate) fn offset(instant: Timestamp) -> String {
    let micros = instant.since(START);
    let units = [(HOUR, "h"), (HOUR / 60, "m"), (HOUR / 3_600, "s"), (1, "us")];
    let (unit, name) = units.into_iter().find(|(unit, _)| micros % unit == 0).unwrap();
    format!("+{}{name}", micros / unit)
}

/// `seller offer-split 2`.
pub(crate) fn parse(step: &str) -> (Actor, Command) {
    let (role, rest) = step.split_once(' ').unwrap();
    let (verb, argument) = rest.split_once(' ').unwrap_or((rest, ""));
    let seller = || amount(argument);
    let command = match verb {
        "fund" => Command::Fund,
        "lapse-payment" => Command::LapsePayment,
        "cancel" => Command::Cancel,
        "start" => Command::Start,
        "decline" => Command::Decline,
        "deliver" if argument.is_empty() => Command::Deliver(inline(1, None)),
        "deliver" => Command::Deliver(delivered(argument)),
        "announce" => Command::Deliver(announced(argument)),
        "fetched" => Command::Deliver(fetched(argument)),
        "fail" => {
            let (content, uri) = announcement(argument);
            Command::FailDelivery { sha256: [content; 32], uri: uri.into() }
        }
        "accept" => Command::Accept,
        "request-changes" => Command::RequestChanges { note: "please".into() },
        "lapse-redelivery" => Command::LapseRedelivery,
        "claim-non-delivery" => Command::ClaimNonDelivery,
        "offer-split" => Command::OfferSplit { seller: seller() },
        "accept-split" if argument.is_empty() => Command::AcceptSplit { expected: None },
        "accept-split" => Command::AcceptSplit { expected: Some(seller()) },
        "lapse-review" => Command::LapseReview,
        "expire" => Command::Expire,
        "dispute" => Command::Dispute,
        "rule" => Command::Rule { seller: seller() },
        "resume" => Command::Resume,
        "settle-dispute" => Command::SettleDispute { seller: seller() },
        "abort-dispute" => Command::AbortDispute,
        "intervene" => Command::Intervene { seller: seller() },
        "extend" => Command::Extend { by: Seconds(argument.parse().unwrap()) },
        verb => panic!("no verb {verb}"),
    };
    (role.parse().unwrap(), command)
}

pub(crate) fn inline(content: u8, passed: Option<bool>) -> DeliveryInput {
    DeliveryInput::Bytes {
        sha256: [content; 32],
        claimed_sha256: None,
        size: 7,
        uri: None,
        media_type: Some("text/plain".into()),
        note: None,
        checks: passed.map(checked),
    }
}

fn checked(passed: bool) -> ChecksOutcome {
    ChecksOutcome { passed, hash: [9; 32], failed: [].into() }
}

fn delivered(argument: &str) -> DeliveryInput {
    match argument {
        "nothing" => DeliveryInput::Nothing { note: None },
        "passed" => inline(1, Some(true)),
        "failed" => inline(1, Some(false)),
        content => inline(content.parse().unwrap(), None),
    }
}

/// `3 x` is content 3 at `https://seller.example/x`.
fn announcement(argument: &str) -> (u8, String) {
    let (content, path) = argument.split_once(' ').unwrap();
    (content.parse().unwrap(), format!("https://seller.example/{path}"))
}

fn announced(argument: &str) -> DeliveryInput {
    let (content, uri) = announcement(argument);
    DeliveryInput::Uri { sha256: [content; 32], uri: uri.into(), media_type: None, note: None }
}

/// `3 x` with `>passed` or `>failed` behind it, as the worker hands it in.
fn fetched(argument: &str) -> DeliveryInput {
    let (argument, checks) = argument.split_once('>').unwrap_or((argument, ""));
    let (content, uri) = announcement(argument);
    DeliveryInput::Bytes {
        sha256: [content; 32],
        claimed_sha256: None,
        size: 7,
        uri: Some(uri.into()),
        media_type: None,
        note: None,
        checks: (!checks.is_empty()).then(|| checked(checks == "passed")),
    }
}
