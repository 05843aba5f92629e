-- What is known of each transfer at the TEG, not only that it was booked; withdrawals that wait for
-- the operator, and when a transfer may first have reached the TEG.

CREATE TABLE teg_records (
    id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version  BIGINT NOT NULL CHECK (version > 0),
    state    TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'failed', 'unmatched', 'booked')),
    entry    TEXT COLLATE "C",
    payer    TEXT COLLATE "C",
    amount   BIGINT NOT NULL,
    dust     BIGINT NOT NULL CHECK (dust BETWEEN 0 AND 999999999),
    memo     TEXT NOT NULL,
    at       BIGINT NOT NULL,
    used_for TEXT COLLATE "C",
    CHECK ((state = 'booked') = (entry IS NOT NULL))
);
-- There was no server on PostgreSQL before this table: nothing to take over.
DROP TABLE teg_transactions;
CREATE INDEX teg_records_unmatched ON teg_records (id) WHERE state = 'unmatched';
CREATE INDEX teg_records_with_dust ON teg_records (dust) WHERE dust > 0;

ALTER TABLE withdrawals ADD COLUMN sent_at BIGINT;
ALTER TABLE withdrawals DROP CONSTRAINT withdrawals_state_check;
ALTER TABLE withdrawals ADD CONSTRAINT withdrawals_state_check
    CHECK (state IN ('in_flight', 'waiting', 'settled', 'returned'));
DROP INDEX withdrawals_in_flight;
CREATE INDEX withdrawals_of_agents ON withdrawals (agent) WHERE held > 0;
CREATE INDEX withdrawals_open ON withdrawals (id) WHERE held > 0;
