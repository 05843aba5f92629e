CREATE TABLE teg_transactions (
    id    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    entry TEXT COLLATE "C" NOT NULL
);
INSERT INTO teg_transactions SELECT id, entry FROM teg_records WHERE entry IS NOT NULL;
DROP TABLE teg_records;

DROP INDEX withdrawals_of_agents;
DROP INDEX withdrawals_open;
UPDATE withdrawals SET state = 'in_flight', detail = NULL WHERE state = 'waiting';
ALTER TABLE withdrawals DROP CONSTRAINT withdrawals_state_check;
ALTER TABLE withdrawals ADD CONSTRAINT withdrawals_state_check
    CHECK (state IN ('in_flight', 'settled', 'returned'));
ALTER TABLE withdrawals DROP COLUMN sent_at;
CREATE INDEX withdrawals_in_flight ON withdrawals (agent) WHERE state = 'in_flight';
