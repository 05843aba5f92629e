-- What the parties of an order say of each other, in the order in which the first of them spoke.
CREATE TABLE reviews (
    position     BIGINT  NOT NULL,
    order_id     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version      BIGINT  NOT NULL CHECK (version > 0),
    buyer        TEXT COLLATE "C" NOT NULL,
    seller       TEXT COLLATE "C" NOT NULL,
    closed_at    BIGINT  NOT NULL,
    buyer_stars  BIGINT,
    buyer_text   TEXT,
    buyer_at     BIGINT,
    seller_stars BIGINT,
    seller_text  TEXT,
    seller_at    BIGINT
);
CREATE INDEX reviews_by_buyer ON reviews (buyer, position);
CREATE INDEX reviews_by_seller ON reviews (seller, position);
