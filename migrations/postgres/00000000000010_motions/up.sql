-- What operators propose, who of them agrees, and what became of it; the body is JSON.
CREATE TABLE motions (
    id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    body    TEXT NOT NULL
);
