-- Where the events of each agent are, for those who go on with a stream from far back. Made in the
-- background from whole chunks of the log, one row for each agent in a chunk, so that a commit pays
-- nothing for it; the end of the log, which is not in it yet, is short and read through.
CREATE TABLE event_lists (
    did     TEXT    NOT NULL,
    -- The last position of the chunk.
    until   INTEGER NOT NULL,
    -- Two bytes for each event: how far behind the first position of the chunk.
    offsets BLOB    NOT NULL,
    PRIMARY KEY (did, until)
) STRICT, WITHOUT ROWID;

-- Chunks all of whose lists are written, by their last positions.
CREATE TABLE event_chunks (
    until INTEGER PRIMARY KEY
) STRICT;
