-- Tasks of agent protocols: what cannot be derived from orders. One row for each agent that sees
-- the task. Times are microseconds; the body is JSON.
CREATE TABLE tasks (
    key        TEXT PRIMARY KEY,
    version    INTEGER NOT NULL,
    owner      TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;
CREATE INDEX tasks_by_owner ON tasks (owner, changed_at DESC, key);
CREATE INDEX tasks_by_expiry ON tasks (expires_at);
