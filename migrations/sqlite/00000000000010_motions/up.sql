-- What operators propose, who of them agrees, and what became of it; the body is JSON.
CREATE TABLE motions (
    id      TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
