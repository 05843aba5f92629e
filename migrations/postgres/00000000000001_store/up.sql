-- The marketplace's state, journal, events, timers and outbox. Amounts are nano-AVT, times are
-- microseconds since 1970, ids are UUIDs as text. Keys are compared byte by byte (COLLATE "C"):
-- every server takes its locks in this order.
--
-- Three thoughts carry the tables:
--
-- - Every commit has a `number` from one sequence, taken while it holds all its locks. Positions
--   of orders, listings and postings are number * 2^20 + their place in the commit: unique and,
--   for what is under one lock, in the order of the commits, without a counter that anybody waits
--   for.
-- - What changes often (orders, balances, agents) has no index over a column that changes, and
--   pages with room: an update stays in its page and touches no index. What is open, which is
--   little, has tables of its own (`orders_not_completed`, `payouts`).
-- - What grows for ever (postings, events) is partitioned by month of its commit. The hashes of a
--   commit's postings and events are in its row, and the chain goes over these rows only: a month
--   may be put away without breaking the chain.
--
-- Names are long, and every commit writes many of them: indexes over names hold the first eight
-- bytes of the name's SHA-256 as a number (columns `…_key`). Two names may share a key: whoever
-- looks by a key compares the name too.

CREATE SEQUENCE batch_numbers;

-- One row for each commit. `outcomes` has a letter for each set: w written, c conflict. A row
-- without outcomes is the grave of a batch that was asked for and not found: it can never be
-- written any more. The sealer gives the position, the place of the last event in the feed, and
-- the hash over the hash before it and this row.
CREATE TABLE batches (
    number          BIGINT NOT NULL PRIMARY KEY,
    id              TEXT COLLATE "C" NOT NULL UNIQUE,
    at              BIGINT NOT NULL,
    outcomes        TEXT,
    postings        INTEGER NOT NULL,
    events          INTEGER NOT NULL,
    postings_digest BYTEA NOT NULL,
    events_digest   BYTEA NOT NULL,
    -- What the commit adds to accounts that no rule reads: revenue, capital, the TEG.
    sum_accounts    TEXT[] NOT NULL,
    sum_deltas      BIGINT[] NOT NULL,
    -- Who may see which of the commit's events: keys of names, a line, and from there on a bit for
    -- each line. The sealer moves it to `event_audience`.
    heard_by        BIGINT[] NOT NULL DEFAULT '{}',
    heard_from      INTEGER[] NOT NULL DEFAULT '{}',
    heard_lines     BIGINT[] NOT NULL DEFAULT '{}',
    position        BIGINT,
    last_event      BIGINT,
    hash            BYTEA,
    CHECK ((position IS NULL) = (hash IS NULL) AND (position IS NULL OR outcomes IS NOT NULL))
);
CREATE UNIQUE INDEX batches_by_position ON batches (position) WHERE position IS NOT NULL;
CREATE INDEX batches_by_last_event ON batches (last_event) WHERE last_event IS NOT NULL;
CREATE INDEX batches_to_seal ON batches (number) WHERE position IS NULL AND outcomes IS NOT NULL;

-- The end of the chain: one row, locked by whoever seals.
CREATE TABLE chain (
    one      BOOLEAN NOT NULL PRIMARY KEY DEFAULT TRUE CHECK (one),
    position BIGINT NOT NULL,
    event    BIGINT NOT NULL,
    hash     BYTEA NOT NULL
);
INSERT INTO chain (position, event, hash) VALUES (0, 0, decode(repeat('00', 32), 'hex'));

-- History up to here is put away by policy: commits in the order of the chain, and their events.
-- Their rows in `batches` stay, and so do their digests and hashes.
CREATE TABLE retired (
    one      BOOLEAN NOT NULL PRIMARY KEY DEFAULT TRUE CHECK (one),
    position BIGINT NOT NULL,
    event    BIGINT NOT NULL,
    at       BIGINT NOT NULL
);
INSERT INTO retired (position, event, at) VALUES (0, 0, 0);

-- What the postings that are put away sum to, where it is not zero.
CREATE TABLE openings (
    account TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    amount  BIGINT NOT NULL
);

CREATE TABLE orders (
    position      BIGINT NOT NULL,
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version       BIGINT NOT NULL CHECK (version > 0),
    buyer         TEXT COLLATE "C" NOT NULL,
    seller        TEXT COLLATE "C" NOT NULL,
    buyer_key     BIGINT NOT NULL,
    seller_key    BIGINT NOT NULL,
    listing       TEXT COLLATE "C" NOT NULL,
    status        TEXT COLLATE "C" NOT NULL
        CHECK (status IN ('COMPLETED', 'ESCROW_FUNDED', 'REFUNDED', 'PENDING', 'EXPIRED')),
    phase         TEXT COLLATE "C" NOT NULL,
    price         BIGINT NOT NULL,
    fee           BIGINT NOT NULL,
    total         BIGINT NOT NULL,
    escrow        BIGINT NOT NULL CHECK (escrow >= 0),
    created_at    BIGINT NOT NULL,
    service       TEXT NOT NULL,
    terms         TEXT NOT NULL,
    checks        BYTEA,
    state         TEXT NOT NULL
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX orders_by_position ON orders (position);
CREATE INDEX orders_by_buyer ON orders (buyer_key, position);
CREATE INDEX orders_by_seller ON orders (seller_key, position);

-- Orders that are not COMPLETED, which is most of what anybody looks for by status.
CREATE TABLE orders_not_completed (
    position   BIGINT NOT NULL PRIMARY KEY,
    buyer_key  BIGINT NOT NULL,
    seller_key BIGINT NOT NULL,
    status     TEXT COLLATE "C" NOT NULL CHECK (status <> 'COMPLETED'),
    escrow     BIGINT NOT NULL CHECK (escrow >= 0)
);
CREATE INDEX orders_not_completed_by_buyer ON orders_not_completed (buyer_key, status, position);
CREATE INDEX orders_not_completed_by_seller ON orders_not_completed (seller_key, status, position);

-- Executable checks may be long and are the same for all orders of a listing.
CREATE TABLE checks (
    sha256 BYTEA NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),
    body   TEXT NOT NULL
);

CREATE TABLE listings (
    position   BIGINT NOT NULL,
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version    BIGINT NOT NULL CHECK (version > 0),
    provider   TEXT COLLATE "C" NOT NULL,
    status     TEXT COLLATE "C" NOT NULL
        CHECK (status IN ('active', 'paused', 'expired', 'delisted')),
    price      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    data       TEXT NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX listings_active ON listings (position) WHERE status = 'active';

CREATE TABLE agents (
    did              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version          BIGINT NOT NULL CHECK (version > 0),
    payout           TEXT COLLATE "C" NOT NULL
        CHECK (payout IN ('manual', 'immediate', 'threshold')),
    payout_threshold BIGINT,
    unfunded_orders  BIGINT NOT NULL CHECK (unfunded_orders >= 0),
    listings         BIGINT NOT NULL CHECK (listings >= 0),
    reputation_milli BIGINT NOT NULL,
    backing          BIGINT NOT NULL DEFAULT 0 CHECK (backing >= 0),
    CHECK ((payout = 'threshold') = (payout_threshold IS NOT NULL))
) WITH (fillfactor = 70);

CREATE TABLE withdrawals (
    id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version > 0),
    agent   TEXT COLLATE "C" NOT NULL,
    amount  BIGINT NOT NULL,
    fee     BIGINT NOT NULL,
    held    BIGINT NOT NULL CHECK (held >= 0),
    at      BIGINT NOT NULL,
    state   TEXT COLLATE "C" NOT NULL CHECK (state IN ('in_flight', 'settled', 'returned')),
    detail  TEXT
);
CREATE INDEX withdrawals_in_flight ON withdrawals (agent) WHERE state = 'in_flight';

CREATE TABLE deposits (
    id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version > 0),
    agent   TEXT COLLATE "C" NOT NULL,
    amount  BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    state   TEXT COLLATE "C" NOT NULL CHECK (state IN ('asked', 'credited', 'refused', 'unseen')),
    detail  TEXT
) WITH (fillfactor = 80);

-- The journal: the lines of an entry stand side by side, and share `at`, the time of the commit.
-- `balance` is the account's after the line, for accounts that have a balance; so is its key.
CREATE TABLE postings (
    position BIGINT NOT NULL,
    entry    TEXT COLLATE "C" NOT NULL,
    line     BIGINT NOT NULL,
    lines    BIGINT NOT NULL,
    account  TEXT COLLATE "C" NOT NULL,
    delta    BIGINT NOT NULL CHECK (delta <> 0),
    kind     TEXT COLLATE "C" NOT NULL,
    reason   TEXT NOT NULL,
    at       BIGINT NOT NULL,
    batch    BIGINT NOT NULL,
    balance  BIGINT,
    account_key BIGINT,
    PRIMARY KEY (position, at)
) PARTITION BY RANGE (at);
CREATE INDEX postings_by_account ON postings (account_key, position) WHERE account_key IS NOT NULL;
-- Months are made ahead; what falls between them is kept here.
CREATE TABLE postings_default PARTITION OF postings DEFAULT;

CREATE TABLE balances (
    account   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    amount    BIGINT NOT NULL CHECK (amount >= 0),
    -- For agents: the balance that is to be paid out.
    payout_at BIGINT,
    -- For agents: the escrow of the open orders that they sold.
    exposure  BIGINT NOT NULL DEFAULT 0 CHECK (exposure >= 0)
) WITH (fillfactor = 70);

-- Agents whose balance has reached what is to be paid out.
CREATE TABLE payouts (
    account TEXT COLLATE "C" NOT NULL PRIMARY KEY
);

-- Sums over the sealed journal of the accounts that no rule reads.
CREATE TABLE sums (
    account TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    amount  BIGINT NOT NULL
) WITH (fillfactor = 50);

-- Facts in the order of their commit: the feed's position of an event is its batch's `last_event`
-- less the events behind it. `stored_at` is the time of the commit, `at` what the event says.
CREATE TABLE events (
    batch     BIGINT NOT NULL,
    line      INTEGER NOT NULL,
    id        TEXT COLLATE "C" NOT NULL,
    subject   TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    audience  TEXT NOT NULL,
    at        BIGINT NOT NULL,
    data      TEXT NOT NULL,
    stored_at BIGINT NOT NULL,
    PRIMARY KEY (batch, line, stored_at)
) PARTITION BY RANGE (stored_at);
CREATE TABLE events_default PARTITION OF events DEFAULT;

-- Who may see what of the feed, by the key of the name: from a position on a bit for each event,
-- the lowest for the one at the position itself. Written by the sealer.
CREATE TABLE event_audience (
    agent    BIGINT NOT NULL,
    position BIGINT NOT NULL,
    lines    BIGINT NOT NULL,
    PRIMARY KEY (agent, position)
);

CREATE TABLE timers (
    subject      TEXT COLLATE "C" NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    sequence     BIGINT NOT NULL,
    due          BIGINT NOT NULL,
    leased_until BIGINT NOT NULL DEFAULT 0,
    lease_owner  TEXT,
    PRIMARY KEY (subject, kind)
) WITH (fillfactor = 80);
CREATE INDEX timers_by_due ON timers (due);

CREATE TABLE outbox (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    work         TEXT NOT NULL,
    due          BIGINT NOT NULL,
    attempts     BIGINT NOT NULL,
    error        TEXT,
    leased_until BIGINT NOT NULL DEFAULT 0,
    lease_owner  TEXT
) WITH (fillfactor = 80);
CREATE INDEX outbox_by_due ON outbox (due);

-- Periodic jobs, and who does each of them now.
CREATE TABLE jobs (
    name         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner        TEXT NOT NULL,
    leased_until BIGINT NOT NULL
);

-- Answers and nonces are forgotten when their time is over. `id` is the SHA-256 over the lengths
-- and bytes of what names them: one short key instead of three long ones.
CREATE TABLE idempotency (
    id          BYTEA NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    caller      TEXT COLLATE "C" NOT NULL,
    route       TEXT NOT NULL,
    key         TEXT NOT NULL,
    body_sha256 BYTEA NOT NULL CHECK (length(body_sha256) = 32),
    reply       TEXT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

CREATE TABLE nonces (
    id         BYTEA NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    signer     TEXT COLLATE "C" NOT NULL,
    value      TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX nonces_by_expiry ON nonces (expires_at);

CREATE TABLE teg_transactions (
    id    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    entry TEXT COLLATE "C" NOT NULL
);

CREATE TABLE blobs (
    order_id TEXT COLLATE "C" NOT NULL,
    sha256   BYTEA NOT NULL CHECK (length(sha256) = 32),
    bytes    BYTEA NOT NULL,
    PRIMARY KEY (order_id, sha256)
);

CREATE TABLE counters (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
) WITH (fillfactor = 50);
INSERT INTO counters (name, value) VALUES ('listings', 0);

CREATE TABLE servers (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE gaps (
    from_at  BIGINT NOT NULL PRIMARY KEY,
    until_at BIGINT NOT NULL CHECK (until_at > from_at)
);

CREATE TABLE secrets (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL CHECK (length(value) = 32)
);

CREATE TABLE notes (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- History is written once. A whole month that policy puts away is a partition that is detached.
CREATE FUNCTION history_is_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% are append-only', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER postings_are_not_edited BEFORE UPDATE OR DELETE ON postings
FOR EACH ROW EXECUTE FUNCTION history_is_written_once('postings');
CREATE TRIGGER events_are_not_edited BEFORE UPDATE OR DELETE ON events
FOR EACH ROW EXECUTE FUNCTION history_is_written_once('events');

-- A batch is changed once, when it is sealed; a grave may be cleared away.
CREATE FUNCTION batches_are_only_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.outcomes IS NULL THEN RETURN OLD; END IF;
    ELSIF OLD.position IS NULL AND NEW.position IS NOT NULL
        AND ROW(OLD.number, OLD.id, OLD.at, OLD.outcomes, OLD.postings, OLD.events,
                OLD.postings_digest, OLD.events_digest, OLD.sum_accounts, OLD.sum_deltas)
          = ROW(NEW.number, NEW.id, NEW.at, NEW.outcomes, NEW.postings, NEW.events,
                NEW.postings_digest, NEW.events_digest, NEW.sum_accounts, NEW.sum_deltas) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'batches are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER batches_are_not_edited BEFORE UPDATE OR DELETE ON batches
FOR EACH ROW EXECUTE FUNCTION batches_are_only_sealed();
