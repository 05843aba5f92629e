-- Tasks of agent protocols: what cannot be derived from orders. One row for each agent that sees
-- the task. Times are microseconds; the body is JSON.
CREATE TABLE tasks (
    key        TEXT COLLATE "C" PRIMARY KEY,
    version    BIGINT NOT NULL,
    owner      TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    body       TEXT NOT NULL
);
CREATE INDEX tasks_by_owner ON tasks (owner, changed_at DESC, key);
CREATE INDEX tasks_by_expiry ON tasks (expires_at);
