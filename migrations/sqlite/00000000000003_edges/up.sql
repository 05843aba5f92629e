-- What is known of each transfer at the TEG, not only that it was booked; withdrawals that wait for
-- the operator, and when a transfer may first have reached the TEG.

CREATE TABLE teg_records (
    id       TEXT    PRIMARY KEY,
    version  INTEGER NOT NULL CHECK (version > 0),
    state    TEXT    NOT NULL CHECK (state IN ('pending', 'failed', 'unmatched', 'booked')),
    entry    TEXT,
    payer    TEXT,
    amount   INTEGER NOT NULL,
    dust     INTEGER NOT NULL CHECK (dust BETWEEN 0 AND 999999999),
    memo     TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    used_for TEXT,
    CHECK ((state = 'booked') = (entry IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- What was booked before: the journal tells who paid how much. Its memos are not known any more.
INSERT INTO teg_records (id, version, state, entry, payer, amount, dust, memo, at, used_for)
SELECT
    t.id, 1, 'booked', t.entry,
    (SELECT substr(a.account, 7) FROM postings a
        WHERE p.delta < 0 AND a.entry = p.entry AND a.kind = 'deposit'
            AND a.position BETWEEN p.position - 8 AND p.position + 8
            AND substr(a.account, 1, 6) = 'agent:'),
    COALESCE(abs(p.delta), 0), 0, '', COALESCE(p.at, 0), NULL
FROM teg_transactions t LEFT JOIN postings p ON p.entry = t.entry AND p.account = 'teg';
DROP TABLE teg_transactions;

CREATE INDEX teg_records_unmatched ON teg_records (id) WHERE state = 'unmatched';
CREATE INDEX teg_records_with_dust ON teg_records (dust) WHERE dust > 0;

CREATE TABLE withdrawals_new (
    id      TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version > 0),
    agent   TEXT    NOT NULL,
    amount  INTEGER NOT NULL,
    fee     INTEGER NOT NULL,
    held    INTEGER NOT NULL CHECK (held >= 0),
    at      INTEGER NOT NULL,
    sent_at INTEGER,
    state   TEXT    NOT NULL CHECK (state IN ('in_flight', 'waiting', 'settled', 'returned')),
    detail  TEXT
) STRICT, WITHOUT ROWID;
-- Whether those in flight were sent is not known: they may have been.
INSERT INTO withdrawals_new
SELECT
    id, version, agent, amount, fee, held, at,
    CASE WHEN state = 'in_flight' THEN at END, state, detail
FROM withdrawals;
DROP TABLE withdrawals;
ALTER TABLE withdrawals_new RENAME TO withdrawals;
CREATE INDEX withdrawals_of_agents ON withdrawals (agent) WHERE held > 0;
CREATE INDEX withdrawals_open ON withdrawals (id) WHERE held > 0;
