-- Disputes and those who judge them. A dispute is its log; `disputes` has what queries look at.
-- Amounts are nano-AVT, times are microseconds.

CREATE TABLE disputes (
    position       BIGINT NOT NULL,
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version        BIGINT NOT NULL CHECK (version > 0),
    order_id       TEXT COLLATE "C" NOT NULL,
    buyer          TEXT COLLATE "C" NOT NULL,
    seller         TEXT COLLATE "C" NOT NULL,
    disputer       TEXT COLLATE "C" NOT NULL,
    phase          TEXT COLLATE "C" NOT NULL,
    held_by_buyer  BIGINT NOT NULL CHECK (held_by_buyer >= 0),
    held_by_seller BIGINT NOT NULL CHECK (held_by_seller >= 0),
    lost_at        BIGINT
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX disputes_by_position ON disputes (position);
CREATE INDEX disputes_of_orders ON disputes (order_id, position);
CREATE INDEX disputes_of_buyers ON disputes (buyer, position);
CREATE INDEX disputes_of_sellers ON disputes (seller, position);
CREATE INDEX disputes_lost ON disputes (disputer, lost_at) WHERE lost_at IS NOT NULL;
CREATE INDEX disputes_open ON disputes (position)
    WHERE phase NOT IN ('FINAL', 'WITHDRAWN', 'SETTLED', 'ABORTED');

-- One row for each version. `batch` is the number of the commit that made it.
CREATE TABLE dispute_log (
    dispute TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    batch   BIGINT NOT NULL,
    data    TEXT NOT NULL,
    PRIMARY KEY (dispute, version)
);

CREATE TABLE exhibits (
    dispute TEXT COLLATE "C" NOT NULL,
    name    BYTEA NOT NULL CHECK (length(name) = 32),
    bytes   BYTEA NOT NULL,
    PRIMARY KEY (dispute, name)
);

CREATE TABLE jurors (
    did           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version       BIGINT NOT NULL CHECK (version > 0),
    since         BIGINT NOT NULL,
    leaving       BIGINT,
    opted_out     BIGINT NOT NULL CHECK (opted_out IN (0, 1)),
    benches       TEXT NOT NULL,
    service_types TEXT NOT NULL
) WITH (fillfactor = 80);

CREATE TRIGGER dispute_log_is_not_edited BEFORE UPDATE OR DELETE ON dispute_log
FOR EACH ROW EXECUTE FUNCTION history_is_written_once('logs of disputes');
CREATE TRIGGER exhibits_are_not_edited BEFORE UPDATE OR DELETE ON exhibits
FOR EACH ROW EXECUTE FUNCTION history_is_written_once('exhibits');
