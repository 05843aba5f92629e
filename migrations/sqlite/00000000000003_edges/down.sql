CREATE TABLE teg_transactions (
    id    TEXT PRIMARY KEY,
    entry TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO teg_transactions SELECT id, entry FROM teg_records WHERE entry IS NOT NULL;
DROP TABLE teg_records;

CREATE TABLE withdrawals_old (
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
INSERT INTO withdrawals_old
SELECT
    id, version, agent, amount, fee, held, at,
    CASE WHEN state = 'waiting' THEN 'in_flight' ELSE state END,
    CASE WHEN state = 'waiting' THEN NULL ELSE detail END
FROM withdrawals;
DROP TABLE withdrawals;
ALTER TABLE withdrawals_old RENAME TO withdrawals;
CREATE INDEX withdrawals_in_flight ON withdrawals (agent) WHERE state = 'in_flight';
