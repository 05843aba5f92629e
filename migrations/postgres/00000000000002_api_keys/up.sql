-- Secrets that stand for one agent: only their hashes, in hexadecimal. Times are microseconds.
CREATE TABLE api_keys (
    sha256     TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(sha256) = 64),
    version    BIGINT NOT NULL,
    agent      TEXT COLLATE "C" NOT NULL,
    label      TEXT NOT NULL,
    at         BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX api_keys_by_agent ON api_keys (agent);
