-- What the parties of an order say of each other, in the order in which the first of them spoke.
CREATE TABLE reviews (
    position     INTEGER PRIMARY KEY,
    order_id     TEXT    NOT NULL UNIQUE,
    version      INTEGER NOT NULL CHECK (version > 0),
    buyer        TEXT    NOT NULL,
    seller       TEXT    NOT NULL,
    closed_at    INTEGER NOT NULL,
    buyer_stars  INTEGER,
    buyer_text   TEXT,
    buyer_at     INTEGER,
    seller_stars INTEGER,
    seller_text  TEXT,
    seller_at    INTEGER
) STRICT;
CREATE INDEX reviews_by_buyer ON reviews (buyer, position);
CREATE INDEX reviews_by_seller ON reviews (seller, position);
