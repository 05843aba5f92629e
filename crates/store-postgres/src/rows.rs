//! The rows that commits write, and the statements that write them.
//!
//! Inserts are plain: what is not there was looked for a moment before. A taken key says that
//! somebody was faster, and the whole commit is tried again. Updates name the version that they
//! replace, although its row is locked.
//!
//! Parts of the one statement (`whole`) may read others of its parts by name: `made` is the
//! commit's number and time, `changed_orders` and `changed_balances` are what became of them.

use std::borrow::Cow;

use crate::arrays::arrays;

arrays! {
    /// Orders that are new.
    NewOrders => "INSERT INTO orders ({columns}) SELECT (made.number << 20) + u.position, {others} \
        FROM made, {rows}" {
        position: i64 as "bigint",
        id: String as "text",
        version: i64 as "bigint",
        buyer: String as "text",
        seller: String as "text",
        buyer_key: i64 as "bigint",
        seller_key: i64 as "bigint",
        listing: String as "text",
        status: Cow<'static, str> as "text",
        phase: Cow<'static, str> as "text",
        price: i64 as "bigint",
        fee: i64 as "bigint",
        total: i64 as "bigint",
        escrow: i64 as "bigint",
        created_at: i64 as "bigint",
        service: String as "text",
        terms: String as "text",
        checks: Option<Vec<u8>> as "bytea",
        state: String as "text",
    }
}

arrays! {
    /// The next versions of orders.
    ChangedOrders => "UPDATE orders SET version = u.version, status = u.status, phase = u.phase, \
        escrow = u.escrow, state = u.state FROM {few} \
        WHERE orders.id = u.id AND orders.version = u.read \
        RETURNING orders.position, orders.status, orders.escrow" {
        id: String as "text",
        read: i64 as "bigint",
        version: i64 as "bigint",
        status: &'static str as "text",
        phase: &'static str as "text",
        escrow: i64 as "bigint",
        state: String as "text",
    }
}

arrays! {
    /// New orders that are not completed.
    OpenOrders => "INSERT INTO orders_not_completed ({columns}) \
        SELECT (made.number << 20) + u.position, {others} \
        FROM made, {rows}" {
        position: i64 as "bigint",
        buyer_key: i64 as "bigint",
        seller_key: i64 as "bigint",
        status: &'static str as "text",
        escrow: i64 as "bigint",
    }
}

/// Orders that stay open otherwise than they were.
pub(crate) const MOVED_ORDERS: &str = "UPDATE orders_not_completed AS o \
     SET status = c.status, escrow = c.escrow FROM changed_orders AS c \
     WHERE o.position = c.position AND c.status <> 'COMPLETED' \
     AND (o.status <> c.status OR o.escrow <> c.escrow)";
/// Orders that are completed now.
pub(crate) const COMPLETED_ORDERS: &str = "DELETE FROM orders_not_completed AS o \
     USING changed_orders AS c WHERE o.position = c.position AND c.status = 'COMPLETED'";
/// Accounts that reach what is to be paid out.
pub(crate) const REACHED_PAYOUTS: &str = "INSERT INTO payouts (account) \
     SELECT c.account FROM changed_balances AS c \
     WHERE c.amount >= c.payout_at AND c.amount - c.delta < c.payout_at \
     ON CONFLICT (account) DO NOTHING";
/// Accounts that fall below it.
pub(crate) const LEFT_PAYOUTS: &str = "DELETE FROM payouts WHERE account = ANY(ARRAY(\
     SELECT account FROM changed_balances WHERE amount < payout_at AND amount - delta >= payout_at))";

arrays! {
    /// Executable checks, each text once.
    NewChecks => "INSERT INTO checks ({columns}) SELECT * FROM {rows} \
        ON CONFLICT (sha256) DO NOTHING" {
        sha256: Vec<u8> as "bytea",
        body: String as "text",
    }
}

arrays! {
    /// Listings that are new.
    NewListings => "INSERT INTO listings ({columns}) SELECT * FROM {rows}" {
        position: i64 as "bigint",
        id: String as "text",
        version: i64 as "bigint",
        provider: String as "text",
        status: String as "text",
        price: i64 as "bigint",
        created_at: i64 as "bigint",
        data: String as "text",
    }
}

arrays! {
    /// The next versions of listings.
    ChangedListings => "UPDATE listings SET version = u.version, status = u.status, \
        price = u.price, data = u.data FROM {few} \
        WHERE listings.id = u.id AND listings.version = u.read" {
        id: String as "text",
        read: i64 as "bigint",
        version: i64 as "bigint",
        status: String as "text",
        price: i64 as "bigint",
        data: String as "text",
    }
}

arrays! {
    /// Agents that are new.
    NewAgents => "INSERT INTO agents ({columns}) SELECT * FROM {rows}" {
        did: String as "text",
        version: i64 as "bigint",
        payout: String as "text",
        payout_threshold: Option<i64> as "bigint",
        unfunded_orders: i64 as "bigint",
        listings: i64 as "bigint",
        reputation_milli: i64 as "bigint",
        backing: i64 as "bigint",
    }
}

arrays! {
    /// The next versions of agents.
    ChangedAgents => "UPDATE agents SET version = u.version, payout = u.payout, \
        payout_threshold = u.payout_threshold, unfunded_orders = u.unfunded_orders, \
        listings = u.listings, reputation_milli = u.reputation_milli, \
        backing = u.backing \
        FROM {few} \
        WHERE agents.did = u.did AND agents.version = u.read" {
        did: String as "text",
        read: i64 as "bigint",
        version: i64 as "bigint",
        payout: String as "text",
        payout_threshold: Option<i64> as "bigint",
        unfunded_orders: i64 as "bigint",
        listings: i64 as "bigint",
        reputation_milli: i64 as "bigint",
        backing: i64 as "bigint",
    }
}

arrays! {
    /// Withdrawals that are new.
    NewWithdrawals => "INSERT INTO withdrawals ({columns}) SELECT * FROM {rows}" {
        id: String as "text",
        version: i64 as "bigint",
        agent: String as "text",
        amount: i64 as "bigint",
        fee: i64 as "bigint",
        held: i64 as "bigint",
        at: i64 as "bigint",
        sent_at: Option<i64> as "bigint",
        state: String as "text",
        detail: Option<String> as "text",
    }
}

arrays! {
    /// The next versions of withdrawals.
    ChangedWithdrawals => "UPDATE withdrawals SET version = u.version, agent = u.agent, \
        amount = u.amount, fee = u.fee, held = u.held, at = u.at, sent_at = u.sent_at, \
        state = u.state, detail = u.detail FROM {few} \
        WHERE withdrawals.id = u.id AND withdrawals.version = u.read" {
        id: String as "text",
        read: i64 as "bigint",
        version: i64 as "bigint",
        agent: String as "text",
        amount: i64 as "bigint",
        fee: i64 as "bigint",
        held: i64 as "bigint",
        at: i64 as "bigint",
        sent_at: Option<i64> as "bigint",
        state: String as "text",
        detail: Option<String> as "text",
    }
}

arrays! {
    /// Deposits that are new.
    NewDeposits => "INSERT INTO deposits ({columns}) SELECT * FROM {rows}" {
        id: String as "text",
        version: i64 as "bigint",
        agent: String as "text",
        amount: i64 as "bigint",
        at: i64 as "bigint",
        state: String as "text",
        detail: Option<String> as "text",
    }
}

arrays! {
    /// The next versions of deposits.
    ChangedDeposits => "UPDATE deposits SET version = u.version, agent = u.agent, \
        amount = u.amount, at = u.at, state = u.state, detail = u.detail \
        FROM {few} \
        WHERE deposits.id = u.id AND deposits.version = u.read" {
        id: String as "text",
        read: i64 as "bigint",
        version: i64 as "bigint",
        agent: String as "text",
        amount: i64 as "bigint",
        at: i64 as "bigint",
        state: String as "text",
        detail: Option<String> as "text",
    }
}

arrays! {
    /// API keys that are new.
    NewApiKeys => "INSERT INTO api_keys ({columns}) SELECT * FROM {rows}" {
        sha256: String as "text",
        version: i64 as "bigint",
        agent: String as "text",
        label: String as "text",
        at: i64 as "bigint",
        revoked_at: Option<i64> as "bigint",
    }
}

arrays! {
    /// The next versions of API keys.
    ChangedApiKeys => "UPDATE api_keys SET version = u.version, agent = u.agent, \
        label = u.label, at = u.at, revoked_at = u.revoked_at \
        FROM {few} \
        WHERE api_keys.sha256 = u.sha256 AND api_keys.version = u.read" {
        sha256: String as "text",
        read: i64 as "bigint",
        version: i64 as "bigint",
        agent: String as "text",
        label: String as "text",
        at: i64 as "bigint",
        revoked_at: Option<i64> as "bigint",
    }
}

arrays! {
    /// New motions of the operators.
    NewMotions => "INSERT INTO motions ({columns}) SELECT * FROM {rows}" {
        id: String as "text",
        version: i64 as "bigint",
        body: String as "text",
    }
}

arrays! {
    /// The next versions of motions.
    ChangedMotions => "UPDATE motions SET version = u.version, body = u.body \
        FROM {few} \
        WHERE motions.id = u.id AND motions.version = u.read" {
        id: String as "text",
        read: i64 as "bigint",
        version: i64 as "bigint",
        body: String as "text",
    }
}

arrays! {
    /// Tasks that are new.
    NewTasks => "INSERT INTO tasks ({columns}) SELECT * FROM {rows}" {
        key: String as "text",
        version: i64 as "bigint",
        owner: String as "text",
        changed_at: i64 as "bigint",
        expires_at: i64 as "bigint",
        body: String as "text",
    }
}

arrays! {
    /// The next versions of tasks.
    ChangedTasks => "UPDATE tasks SET version = u.version, changed_at = u.changed_at, \
        expires_at = u.expires_at, body = u.body FROM {few} \
        WHERE tasks.key = u.key AND tasks.version = u.read" {
        key: String as "text",
        read: i64 as "bigint",
        version: i64 as "bigint",
        changed_at: i64 as "bigint",
        expires_at: i64 as "bigint",
        body: String as "text",
    }
}

arrays! {
    /// Transfers at the TEG that are new to us.
    NewTegRecords => "INSERT INTO teg_records ({columns}) SELECT * FROM {rows}" {
        id: String as "text",
        version: i64 as "bigint",
        state: String as "text",
        entry: Option<String> as "text",
        payer: Option<String> as "text",
        amount: i64 as "bigint",
        dust: i64 as "bigint",
        memo: String as "text",
        at: i64 as "bigint",
        used_for: Option<String> as "text",
    }
}

arrays! {
    /// The next versions of what we know of transfers at the TEG.
    ChangedTegRecords => "UPDATE teg_records SET version = u.version, state = u.state, \
        entry = u.entry, payer = u.payer, amount = u.amount, dust = u.dust, memo = u.memo, \
        at = u.at, used_for = u.used_for FROM {few} \
        WHERE teg_records.id = u.id AND teg_records.version = u.read" {
        id: String as "text",
        read: i64 as "bigint",
        version: i64 as "bigint",
        state: String as "text",
        entry: Option<String> as "text",
        payer: Option<String> as "text",
        amount: i64 as "bigint",
        dust: i64 as "bigint",
        memo: String as "text",
        at: i64 as "bigint",
        used_for: Option<String> as "text",
    }
}

arrays! {
    /// Reviews of orders that had none.
    NewReviews => "INSERT INTO reviews ({columns}) SELECT * FROM {rows}" {
        position: i64 as "bigint",
        order_id: String as "text",
        version: i64 as "bigint",
        buyer: String as "text",
        seller: String as "text",
        closed_at: i64 as "bigint",
        buyer_stars: Option<i64> as "bigint",
        buyer_text: Option<String> as "text",
        buyer_at: Option<i64> as "bigint",
        seller_stars: Option<i64> as "bigint",
        seller_text: Option<String> as "text",
        seller_at: Option<i64> as "bigint",
    }
}

arrays! {
    /// The next versions of reviews.
    ChangedReviews => "UPDATE reviews SET version = u.version, \
        buyer_stars = u.buyer_stars, buyer_text = u.buyer_text, buyer_at = u.buyer_at, \
        seller_stars = u.seller_stars, seller_text = u.seller_text, seller_at = u.seller_at \
        FROM {few} \
        WHERE reviews.order_id = u.order_id AND reviews.version = u.read" {
        order_id: String as "text",
        read: i64 as "bigint",
        version: i64 as "bigint",
        buyer_stars: Option<i64> as "bigint",
        buyer_text: Option<String> as "text",
        buyer_at: Option<i64> as "bigint",
        seller_stars: Option<i64> as "bigint",
        seller_text: Option<String> as "text",
        seller_at: Option<i64> as "bigint",
    }
}

arrays! {
    /// Balances of accounts that had none.
    NewBalances => "INSERT INTO balances ({columns}) SELECT * FROM {rows}" {
        account: String as "text",
        amount: i64 as "bigint",
        payout_at: Option<i64> as "bigint",
        exposure: i64 as "bigint",
    }
}

arrays! {
    /// What a commit adds to each balance, in one sum: `slot` counts them from one. None ends below
    /// zero, and no more waits on a seller than may.
    ChangedBalances => "UPDATE balances SET amount = balances.amount + u.delta, \
        exposure = balances.exposure + u.exposed \
        FROM {few} WHERE balances.account = u.account \
        AND balances.amount + u.delta >= 0 \
        AND (u.ceiling IS NULL OR balances.exposure + u.exposed <= u.ceiling) \
        RETURNING u.slot, balances.account, balances.amount, u.delta, balances.payout_at" {
        account: String as "text",
        slot: i32 as "integer",
        delta: i64 as "bigint",
        exposed: i64 as "bigint",
        ceiling: Option<i64> as "bigint",
    }
}

arrays! {
    /// From which balance on agents are paid out now.
    ChangedPolicies => "UPDATE balances SET payout_at = u.payout_at \
        FROM {few} WHERE balances.account = u.account" {
        account: String as "text",
        payout_at: Option<i64> as "bigint",
    }
}

arrays! {
    /// Listings that were relied on in this version. They stay in it until the commit.
    ReliedListings => "SELECT 1 FROM {few} JOIN listings l \
        ON l.id = u.id AND l.version = u.version FOR SHARE OF l" {
        id: String as "text",
        version: i64 as "bigint",
    }
}

arrays! {
    /// Accounts that are to be paid out from now on.
    NewPayouts => "INSERT INTO payouts ({columns}) SELECT * FROM {rows} \
        ON CONFLICT (account) DO NOTHING" {
        account: String as "text",
    }
}

arrays! {
    /// Accounts that are not.
    EndedPayouts => "DELETE FROM payouts WHERE account = ANY({arrays})" {
        account: String as "text",
    }
}

arrays! {
    /// Lines of the journal. The balance after a line is what the commit makes of the balance in
    /// `slot`, less what later lines of the commit still add.
    NewPostings => "INSERT INTO postings (position, entry, line, lines, account, delta, kind, \
        reason, at, batch, balance, account_key) SELECT (made.number << 20) + u.place, u.entry, \
        u.line, u.lines, u.account, u.delta, u.kind, u.reason, made.at, made.number, \
        coalesce(made.balances[u.slot], 0) - u.later, u.account_key \
        FROM made, {rows}" {
        place: i64 as "bigint",
        entry: String as "text",
        line: i64 as "bigint",
        lines: i64 as "bigint",
        account: String as "text",
        delta: i64 as "bigint",
        kind: Cow<'static, str> as "text",
        reason: String as "text",
        slot: Option<i32> as "integer",
        later: Option<i64> as "bigint",
        account_key: Option<i64> as "bigint",
    }
}

arrays! {
    /// Facts.
    NewEvents => "INSERT INTO events (batch, stored_at, {columns}) \
        SELECT made.number, made.at, u.* FROM made, {rows}" {
        line: i32 as "integer",
        id: String as "text",
        subject: String as "text",
        name: Cow<'static, str> as "text",
        audience: String as "text",
        at: i64 as "bigint",
        data: String as "text",
    }
}

arrays! {
    /// Timers of what is new.
    FirstTimers => "INSERT INTO timers ({columns}) SELECT * FROM {rows}" {
        subject: String as "text",
        kind: Cow<'static, str> as "text",
        sequence: i64 as "bigint",
        due: i64 as "bigint",
    }
}

arrays! {
    /// Timers. Set again, a timer is nobody's.
    NewTimers => "INSERT INTO timers ({columns}) SELECT * FROM {rows} \
        ON CONFLICT (subject, kind) DO UPDATE SET sequence = excluded.sequence, \
        due = excluded.due, leased_until = 0, lease_owner = NULL" {
        subject: String as "text",
        kind: Cow<'static, str> as "text",
        sequence: i64 as "bigint",
        due: i64 as "bigint",
    }
}

arrays! {
    /// Timers that are taken away.
    /// `name` is the kind and the subject.
    ClearedTimers => "DELETE FROM timers WHERE subject = ANY({array.subject}) \
        AND kind || ' ' || subject = ANY({array.name})" {
        subject: String as "text",
        name: String as "text",
    }
}

arrays! {
    /// Work that is new.
    NewEffects => "INSERT INTO outbox ({columns}) SELECT * FROM {rows}" {
        id: String as "text",
        work: String as "text",
        due: i64 as "bigint",
        attempts: i64 as "bigint",
    }
}

arrays! {
    /// Work that failed and is anybody's again.
    RetriedEffects => "UPDATE outbox SET due = u.due, attempts = u.attempts, error = u.error, \
        leased_until = 0, lease_owner = NULL FROM {few} \
        WHERE outbox.id = u.id" {
        id: String as "text",
        due: i64 as "bigint",
        attempts: i64 as "bigint",
        error: String as "text",
    }
}

arrays! {
    /// Work that is done.
    FinishedEffects => "DELETE FROM outbox WHERE id = ANY({arrays})" {
        id: String as "text",
    }
}

arrays! {
    /// Answers to remember.
    NewAnswers => "INSERT INTO idempotency ({columns}) SELECT * FROM {rows}" {
        id: Vec<u8> as "bytea",
        caller: String as "text",
        route: String as "text",
        key: String as "text",
        body_sha256: Vec<u8> as "bytea",
        reply: String as "text",
        expires_at: i64 as "bigint",
    }
}

arrays! {
    /// Nonces used up.
    NewNonces => "INSERT INTO nonces ({columns}) SELECT * FROM {rows}" {
        id: Vec<u8> as "bytea",
        signer: String as "text",
        value: String as "text",
        expires_at: i64 as "bigint",
    }
}

arrays! {
    /// Bytes of deliveries; the same may be handed in again.
    NewBlobs => "INSERT INTO blobs ({columns}) SELECT * FROM {rows} \
        ON CONFLICT (order_id, sha256) DO NOTHING" {
        order_id: String as "text",
        sha256: Vec<u8> as "bytea",
        bytes: Vec<u8> as "bytea",
    }
}

/// What the number of listings changes by; the row is locked.
pub(crate) const MOVE_LISTING_COUNT: &str =
    "UPDATE counters SET value = value + $1 WHERE name = 'listings'";
