-- Each stake by itself, so that one of several can be given back.
CREATE TABLE stakes (
    sequence    INTEGER PRIMARY KEY REFERENCES entries (sequence),
    agent       TEXT NOT NULL REFERENCES agents (did),
    amount      INTEGER NOT NULL CHECK (amount > 0),
    -- The entry that gave it back.
    unstaked_by INTEGER REFERENCES entries (sequence)
) STRICT;
CREATE INDEX stakes_of_agents ON stakes (agent, sequence);

-- Before this table, giving back meant all of it.
INSERT INTO stakes (sequence, agent, amount, unstaked_by)
SELECT staked.sequence, staked.caller, movements.amount,
       (SELECT min(later.sequence) FROM entries AS later
         WHERE later.verb = 'unstake' AND later.caller = staked.caller
           AND later.sequence > staked.sequence)
  FROM entries AS staked
  JOIN movements ON movements.sequence = staked.sequence
 WHERE staked.verb = 'stake';

-- What an agent holds against another; a log, not a court.
CREATE TABLE disputes (
    dispute_id BLOB PRIMARY KEY CHECK (length(dispute_id) = 16),
    claimant   TEXT NOT NULL,
    defendant  TEXT NOT NULL,
    -- As it was sent, in JSON.
    body       TEXT NOT NULL,
    at_micros  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX disputes_of_claimants ON disputes (claimant, dispute_id);
CREATE INDEX disputes_of_defendants ON disputes (defendant, dispute_id);

-- A message has 256 characters, not bytes: the table is made anew with a wider check.
CREATE TABLE transfers_anew (
    sequence       INTEGER PRIMARY KEY REFERENCES entries (sequence),
    transaction_id BLOB NOT NULL UNIQUE CHECK (length(transaction_id) = 16),
    sender         TEXT NOT NULL REFERENCES agents (did),
    receiver       TEXT NOT NULL REFERENCES agents (did),
    amount         INTEGER NOT NULL CHECK (amount > 0),
    fee            INTEGER NOT NULL CHECK (fee >= 0),
    memo           TEXT NOT NULL CHECK (length(memo) <= 256),
    CHECK (sender <> receiver)
) STRICT;
INSERT INTO transfers_anew
SELECT sequence, transaction_id, sender, receiver, amount, fee, memo FROM transfers;
CREATE TABLE signals_anew (
    sequence INTEGER PRIMARY KEY REFERENCES transfers_anew (sequence),
    value    INTEGER NOT NULL CHECK (value IN (-1, 1))
) STRICT;
INSERT INTO signals_anew SELECT sequence, value FROM signals;
DROP TABLE signals;
DROP TABLE transfers;
ALTER TABLE transfers_anew RENAME TO transfers;
ALTER TABLE signals_anew RENAME TO signals;
CREATE INDEX transfers_by_sender ON transfers (sender, sequence);
CREATE INDEX transfers_by_receiver ON transfers (receiver, sequence);
CREATE TRIGGER transfers_are_not_edited BEFORE UPDATE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are append-only'); END;
CREATE TRIGGER transfers_are_not_deleted BEFORE DELETE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are append-only'); END;
