-- The marketplace's state, journal, events, timers and outbox. Amounts are nano-AVT, times are
-- microseconds since 1970, ids are UUIDs as text.
--
-- What one commit writes should lie on few pages: each page that it touches is written to the log
-- as a whole, and that, not the statements, is what a commit costs. So rows are appended, in
-- tables whose key is a position; and an agent's orders and postings, most of which nobody ever
-- looks for, are chained from row to row (`bought_before`, `sold_before`, `previous`, their ends
-- in `balances`) instead of being found by an index that would change somewhere in its middle for
-- every order. Indexes are kept of what is open, which is little.

CREATE TABLE orders (
    position      INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    version       INTEGER NOT NULL CHECK (version > 0),
    buyer         TEXT    NOT NULL,
    seller        TEXT    NOT NULL,
    listing       TEXT    NOT NULL,
    status        TEXT    NOT NULL
        CHECK (status IN ('COMPLETED', 'ESCROW_FUNDED', 'REFUNDED', 'PENDING', 'EXPIRED')),
    phase         TEXT    NOT NULL,
    price         INTEGER NOT NULL,
    fee           INTEGER NOT NULL,
    total         INTEGER NOT NULL,
    escrow        INTEGER NOT NULL CHECK (escrow >= 0),
    created_at    INTEGER NOT NULL,
    service       TEXT    NOT NULL,
    terms         TEXT    NOT NULL,
    checks        BLOB,
    state         TEXT    NOT NULL,
    -- The order before this one of the same buyer, and of the same seller.
    bought_before INTEGER,
    sold_before   INTEGER
) STRICT;
CREATE INDEX orders_of_buyers_not_completed ON orders (buyer, status, position)
    WHERE status <> 'COMPLETED';
CREATE INDEX orders_of_sellers_not_completed ON orders (seller, status, position)
    WHERE status <> 'COMPLETED';

-- Executable checks may be long and are the same for all orders of a listing.
CREATE TABLE checks (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
    body   TEXT NOT NULL
) STRICT;

CREATE TABLE listings (
    position   INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    version    INTEGER NOT NULL CHECK (version > 0),
    provider   TEXT    NOT NULL,
    status     TEXT    NOT NULL CHECK (status IN ('active', 'paused', 'expired', 'delisted')),
    price      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    data       TEXT    NOT NULL
) STRICT;
CREATE INDEX listings_active ON listings (position) WHERE status = 'active';

CREATE TABLE agents (
    did              TEXT PRIMARY KEY,
    version          INTEGER NOT NULL CHECK (version > 0),
    payout           TEXT    NOT NULL CHECK (payout IN ('manual', 'immediate', 'threshold')),
    payout_threshold INTEGER,
    unfunded_orders  INTEGER NOT NULL CHECK (unfunded_orders >= 0),
    listings         INTEGER NOT NULL CHECK (listings >= 0),
    reputation_milli INTEGER NOT NULL,
    backing          INTEGER NOT NULL DEFAULT 0 CHECK (backing >= 0),
    CHECK ((payout = 'threshold') = (payout_threshold IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE withdrawals (
    id      TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version > 0),
    agent   TEXT    NOT NULL,
    amount  INTEGER NOT NULL,
    fee     INTEGER NOT NULL,
    held    INTEGER NOT NULL CHECK (held >= 0),
    at      INTEGER NOT NULL,
    state   TEXT    NOT NULL CHECK (state IN ('in_flight', 'settled', 'returned')),
    detail  TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX withdrawals_in_flight ON withdrawals (agent) WHERE state = 'in_flight';

CREATE TABLE deposits (
    id      TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version > 0),
    agent   TEXT    NOT NULL,
    amount  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    state   TEXT    NOT NULL CHECK (state IN ('asked', 'credited', 'refused', 'unseen')),
    detail  TEXT
) STRICT, WITHOUT ROWID;

-- The journal: the lines of an entry stand side by side. `balance` is the account's after the
-- line, `previous` the line of the same account before it, for accounts that have a balance.
CREATE TABLE postings (
    position INTEGER PRIMARY KEY,
    entry    TEXT    NOT NULL,
    line     INTEGER NOT NULL,
    lines    INTEGER NOT NULL,
    account  TEXT    NOT NULL,
    delta    INTEGER NOT NULL CHECK (delta <> 0),
    kind     TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    batch    INTEGER NOT NULL,
    balance  INTEGER,
    previous INTEGER
) STRICT;

CREATE TABLE balances (
    account      TEXT PRIMARY KEY,
    amount       INTEGER NOT NULL CHECK (amount >= 0),
    last_posting INTEGER,
    -- For agents: the last order on each side, and the balance that is to be paid out.
    last_bought  INTEGER,
    last_sold    INTEGER,
    payout_at    INTEGER,
    -- For agents: the escrow of the open orders that they sold.
    exposure     INTEGER NOT NULL DEFAULT 0 CHECK (exposure >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX balances_to_pay_out ON balances (account) WHERE amount >= payout_at;

-- Sums over the journal of the accounts that no rule reads: revenue, capital, the TEG.
CREATE TABLE sums (
    account TEXT PRIMARY KEY,
    amount  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    audience TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    data     TEXT    NOT NULL,
    batch    INTEGER NOT NULL
) STRICT;

CREATE TABLE timers (
    subject      TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    sequence     INTEGER NOT NULL,
    due          INTEGER NOT NULL,
    leased_until INTEGER NOT NULL DEFAULT 0,
    lease_owner  TEXT,
    PRIMARY KEY (subject, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX timers_by_due ON timers (due);

CREATE TABLE outbox (
    id           TEXT PRIMARY KEY,
    work         TEXT    NOT NULL,
    due          INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    error        TEXT,
    leased_until INTEGER NOT NULL DEFAULT 0,
    lease_owner  TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_by_due ON outbox (due);

-- Answers and nonces are forgotten from the front: what was written first expires first.
CREATE TABLE idempotency (
    position    INTEGER PRIMARY KEY,
    caller      TEXT    NOT NULL,
    route       TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    body_sha256 BLOB    NOT NULL CHECK (length(body_sha256) = 32),
    reply       TEXT    NOT NULL,
    expires_at  INTEGER NOT NULL,
    UNIQUE (caller, route, key)
) STRICT;

CREATE TABLE nonces (
    position   INTEGER PRIMARY KEY,
    signer     TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (signer, value)
) STRICT;

CREATE TABLE teg_transactions (
    id    TEXT PRIMARY KEY,
    entry TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
    order_id TEXT NOT NULL,
    sha256   BLOB NOT NULL CHECK (length(sha256) = 32),
    bytes    BLOB NOT NULL,
    PRIMARY KEY (order_id, sha256)
) STRICT;

CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE servers (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE gaps (
    from_at  INTEGER PRIMARY KEY,
    until_at INTEGER NOT NULL CHECK (until_at > from_at)
) STRICT;

CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL CHECK (length(value) = 32)
) STRICT, WITHOUT ROWID;

CREATE TABLE notes (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each commit. `outcomes` has a letter for each set: w written, c conflict. `hash` is
-- over the hash before it, this row, and the postings and events of the commit.
CREATE TABLE batches (
    position INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    at       INTEGER NOT NULL,
    outcomes TEXT    NOT NULL,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- History is written once.
CREATE TRIGGER postings_are_not_edited BEFORE UPDATE ON postings
BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;
CREATE TRIGGER postings_are_not_deleted BEFORE DELETE ON postings
BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;
CREATE TRIGGER events_are_not_edited BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER batches_are_not_edited BEFORE UPDATE ON batches
BEGIN SELECT RAISE(ABORT, 'batches are append-only'); END;
CREATE TRIGGER batches_are_not_deleted BEFORE DELETE ON batches
BEGIN SELECT RAISE(ABORT, 'batches are append-only'); END;
