-- Secrets that stand for one agent: only their hashes, in hexadecimal. Times are microseconds.
CREATE TABLE api_keys (
    sha256     TEXT PRIMARY KEY CHECK (length(sha256) = 64),
    version    INTEGER NOT NULL,
    agent      TEXT    NOT NULL,
    label      TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_agent ON api_keys (agent);
