-- Agent cards as their agents published them. Times are microseconds.
CREATE TABLE cards (
    id         TEXT PRIMARY KEY,
    -- `humanReadableId` of the card; nobody takes the name of another.
    name       TEXT    NOT NULL UNIQUE,
    owner      TEXT    NOT NULL,
    data       TEXT    NOT NULL,
    is_active  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cards_by_owner ON cards (owner);
