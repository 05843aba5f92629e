-- History that is put away by policy. Its commits keep their rows in `batches`, and with them
-- their hashes; what goes into those hashes is kept here as two digests for each commit.

-- Up to here everything is put away.
CREATE TABLE retired (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    batch   INTEGER NOT NULL,
    posting INTEGER NOT NULL,
    event   INTEGER NOT NULL
) STRICT;
INSERT INTO retired VALUES (1, 0, 0, 0);

CREATE TABLE retired_digests (
    batch    INTEGER PRIMARY KEY,
    postings BLOB NOT NULL CHECK (length(postings) = 32),
    events   BLOB NOT NULL CHECK (length(events) = 32)
) STRICT;

-- What the postings that are put away sum to, where it is not zero.
CREATE TABLE openings (
    account TEXT PRIMARY KEY,
    amount  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- History is written once, and only what is put away goes.
DROP TRIGGER postings_are_not_deleted;
CREATE TRIGGER postings_are_not_deleted BEFORE DELETE ON postings
WHEN OLD.position > (SELECT posting FROM retired)
BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;
DROP TRIGGER events_are_not_deleted;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
WHEN OLD.position > (SELECT event FROM retired)
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
