-- The embedded TEG node's own books. Amounts are nano-AVT, times microseconds since 1970.

-- Whose node this is: a file is never served under another name, whose tokens would be missing.
CREATE TABLE node (
    node_id INTEGER PRIMARY KEY CHECK (node_id = 1),
    owner   TEXT NOT NULL
) STRICT;

CREATE TABLE agents (
    did        TEXT PRIMARY KEY,
    reputation INTEGER NOT NULL DEFAULT 0,
    faucet_at  INTEGER
) STRICT, WITHOUT ROWID;

-- Only the issuer is ever below zero: by what it brought into the world.
CREATE TABLE accounts (
    account_id INTEGER PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('issuer', 'treasury', 'available', 'staked')),
    agent      TEXT REFERENCES agents (did),
    balance    INTEGER NOT NULL DEFAULT 0
        CHECK (CASE kind WHEN 'issuer' THEN balance <= 0 ELSE balance >= 0 END),
    CHECK ((agent IS NULL) = (kind IN ('issuer', 'treasury')))
) STRICT;
CREATE UNIQUE INDEX accounts_of_agents ON accounts (agent, kind) WHERE agent IS NOT NULL;
CREATE UNIQUE INDEX accounts_of_the_system ON accounts (kind) WHERE agent IS NULL;

-- A key belongs to its caller: nobody can use up another's.
CREATE TABLE entries (
    sequence        INTEGER PRIMARY KEY,
    verb            TEXT NOT NULL CHECK (verb IN ('issue', 'transfer', 'pull', 'stake', 'unstake')),
    caller          TEXT,
    idempotency_key BLOB CHECK (length(idempotency_key) = 16),
    at_micros       INTEGER NOT NULL,
    CHECK ((caller IS NULL) = (idempotency_key IS NULL))
) STRICT;
CREATE UNIQUE INDEX entries_by_key ON entries (idempotency_key, caller)
    WHERE idempotency_key IS NOT NULL;

-- One row takes from one account what it gives to another: an entry cannot be out of balance.
CREATE TABLE movements (
    sequence     INTEGER NOT NULL REFERENCES entries (sequence),
    position     INTEGER NOT NULL,
    from_account INTEGER NOT NULL REFERENCES accounts (account_id),
    to_account   INTEGER NOT NULL REFERENCES accounts (account_id),
    amount       INTEGER NOT NULL CHECK (amount > 0),
    PRIMARY KEY (sequence, position),
    CHECK (from_account <> to_account)
) STRICT, WITHOUT ROWID;

CREATE TABLE transfers (
    sequence       INTEGER PRIMARY KEY REFERENCES entries (sequence),
    transaction_id BLOB NOT NULL UNIQUE CHECK (length(transaction_id) = 16),
    sender         TEXT NOT NULL REFERENCES agents (did),
    receiver       TEXT NOT NULL REFERENCES agents (did),
    amount         INTEGER NOT NULL CHECK (amount > 0),
    fee            INTEGER NOT NULL CHECK (fee >= 0),
    memo           TEXT NOT NULL CHECK (octet_length(memo) <= 256),
    CHECK (sender <> receiver)
) STRICT;
CREATE INDEX transfers_by_sender ON transfers (sender, sequence);
CREATE INDEX transfers_by_receiver ON transfers (receiver, sequence);

CREATE TABLE signals (
    sequence INTEGER PRIMARY KEY REFERENCES transfers (sequence),
    value    INTEGER NOT NULL CHECK (value IN (-1, 1))
) STRICT;

-- History is written once.
CREATE TRIGGER entries_are_not_edited BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
CREATE TRIGGER entries_are_not_deleted BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
CREATE TRIGGER movements_are_not_edited BEFORE UPDATE ON movements
BEGIN SELECT RAISE(ABORT, 'movements are append-only'); END;
CREATE TRIGGER movements_are_not_deleted BEFORE DELETE ON movements
BEGIN SELECT RAISE(ABORT, 'movements are append-only'); END;
CREATE TRIGGER transfers_are_not_edited BEFORE UPDATE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are append-only'); END;
CREATE TRIGGER transfers_are_not_deleted BEFORE DELETE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are append-only'); END;
