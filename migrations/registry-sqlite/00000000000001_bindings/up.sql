-- The embedded directory: the last claim of each agent, with the signature that proves it.
CREATE TABLE bindings (
    did        TEXT PRIMARY KEY,
    public_key BLOB NOT NULL CHECK (length(public_key) = 32),
    endpoint   TEXT CHECK (octet_length(endpoint) <= 2048),
    serial     INTEGER NOT NULL CHECK (serial >= 0),
    signature  BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT, WITHOUT ROWID;
