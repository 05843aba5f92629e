-- Disputes and those who judge them. A dispute is its log; `disputes` has what queries look at. Amounts are nano-AVT, times are microseconds.

CREATE TABLE disputes (
    position       INTEGER PRIMARY KEY,
    id             TEXT    NOT NULL UNIQUE,
    version        INTEGER NOT NULL CHECK (version > 0),
    order_id       TEXT    NOT NULL,
    buyer          TEXT    NOT NULL,
    seller         TEXT    NOT NULL,
    disputer       TEXT    NOT NULL,
    phase          TEXT    NOT NULL,
    held_by_buyer  INTEGER NOT NULL CHECK (held_by_buyer >= 0),
    held_by_seller INTEGER NOT NULL CHECK (held_by_seller >= 0),
    lost_at        INTEGER
) STRICT;
CREATE INDEX disputes_of_orders ON disputes (order_id, position);
CREATE INDEX disputes_of_buyers ON disputes (buyer, position);
CREATE INDEX disputes_of_sellers ON disputes (seller, position);
CREATE INDEX disputes_lost ON disputes (disputer, lost_at) WHERE lost_at IS NOT NULL;
CREATE INDEX disputes_open ON disputes (position)
    WHERE phase NOT IN ('FINAL', 'WITHDRAWN', 'SETTLED', 'ABORTED');

-- One row for each version. `batch` is the commit that made it.
CREATE TABLE dispute_log (
    dispute TEXT    NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    batch   INTEGER NOT NULL,
    data    TEXT    NOT NULL,
    PRIMARY KEY (dispute, version)
) STRICT, WITHOUT ROWID;

-- Of each commit in the log, where its postings are, and the digests that went into its hash.
CREATE TABLE dispute_commits (
    batch         INTEGER PRIMARY KEY,
    first_posting INTEGER NOT NULL,
    last_posting  INTEGER NOT NULL,
    postings      BLOB    NOT NULL CHECK (length(postings) = 32),
    events        BLOB    NOT NULL CHECK (length(events) = 32)
) STRICT;

CREATE TABLE exhibits (
    dispute TEXT NOT NULL,
    name    BLOB NOT NULL CHECK (length(name) = 32),
    bytes   BLOB NOT NULL,
    PRIMARY KEY (dispute, name)
) STRICT;

CREATE TABLE jurors (
    did           TEXT PRIMARY KEY,
    version       INTEGER NOT NULL CHECK (version > 0),
    since         INTEGER NOT NULL,
    leaving       INTEGER,
    opted_out     INTEGER NOT NULL CHECK (opted_out IN (0, 1)),
    benches       TEXT    NOT NULL,
    service_types TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER dispute_log_is_not_edited BEFORE UPDATE ON dispute_log
BEGIN SELECT RAISE(ABORT, 'the log of a dispute is append-only'); END;
CREATE TRIGGER dispute_log_is_not_deleted BEFORE DELETE ON dispute_log
BEGIN SELECT RAISE(ABORT, 'the log of a dispute is append-only'); END;
CREATE TRIGGER exhibits_are_not_edited BEFORE UPDATE ON exhibits
BEGIN SELECT RAISE(ABORT, 'exhibits are append-only'); END;
CREATE TRIGGER exhibits_are_not_deleted BEFORE DELETE ON exhibits
BEGIN SELECT RAISE(ABORT, 'exhibits are append-only'); END;
