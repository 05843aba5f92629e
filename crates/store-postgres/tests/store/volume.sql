-- A marketplace of some age, as the planner's statistics see it: 30,000 orders of 2,000 agents, of
-- which 600 are open, with their postings, events and audiences. Only shapes matter: the texts are
-- short and the hashes are not real.
INSERT INTO batches (number, id, at, outcomes, postings, events, postings_digest, events_digest,
    sum_accounts, sum_deltas, position, last_event, hash)
SELECT n, 'batch' || n, n * 1000000, 'w', 5, 3, '\x00', '\x00', ARRAY['fees:transaction'],
    ARRAY[1], n, n * 3, decode(repeat('00', 32), 'hex')
FROM generate_series(1::bigint, 30000) n;
SELECT setval('batch_numbers', 30000);
UPDATE chain SET position = 30000, event = 90000;

INSERT INTO orders (position, id, version, buyer, seller, buyer_key, seller_key, listing, status, phase, price, fee,
    total, escrow, created_at, service, terms, state)
SELECT n * 1048576, md5('order' || n), 3, 'did:buyer' || n % 2000, 'did:seller' || n % 500,
    n % 2000, n % 500, md5('listing' || n % 5000), CASE WHEN n % 50 = 0 THEN 'ESCROW_FUNDED' ELSE 'COMPLETED' END,
    'ACCEPTED', 1, 1, 2, 0, n * 1000000, 'service', '{}', '{}'
FROM generate_series(1::bigint, 30000) n;
INSERT INTO orders_not_completed (position, buyer_key, seller_key, status, escrow)
SELECT position, buyer_key, seller_key, status, 2 FROM orders WHERE status <> 'COMPLETED';

INSERT INTO listings (position, id, version, provider, status, price, created_at, data)
SELECT n, md5('listing' || n), 1, 'did:seller' || n % 500,
    CASE WHEN n % 5 = 0 THEN 'active' ELSE 'expired' END, 1, n, '{}'
FROM generate_series(1::bigint, 20000) n;
UPDATE counters SET value = 4000;

INSERT INTO agents (did, version, payout, unfunded_orders, listings, reputation_milli)
SELECT 'did:' || kind || n, 1, 'manual', 0, 0, 0
FROM generate_series(0, 9999) n, (VALUES ('buyer'), ('seller')) k (kind);
INSERT INTO balances (account, amount, payout_at)
SELECT 'agent:' || did, 1000, CASE WHEN did LIKE '%77' THEN 1 END FROM agents;
INSERT INTO payouts SELECT account FROM balances WHERE amount >= payout_at;
INSERT INTO sums VALUES ('teg', -20000000), ('fees:transaction', 30000);

INSERT INTO postings (position, entry, line, lines, account, delta, kind, reason, at, batch,
    balance, account_key)
SELECT n * 1048576 + line, md5('entry' || n), line, 5, account, delta, 'purchase', 'because',
    n * 1000000, n, balance, key
FROM generate_series(1::bigint, 30000) n, LATERAL (VALUES
    (0, 'agent:did:buyer' || n % 2000, -2, 1000::bigint, n % 2000),
    (1, 'order:' || md5('order' || n), 2, NULL, NULL),
    (2, 'order:' || md5('order' || n), -2, NULL, NULL),
    (3, 'agent:did:seller' || n % 500, 1, 1000, 2000 + n % 500),
    (4, 'fees:transaction', 1, NULL, NULL)) l (line, account, delta, balance, key);

INSERT INTO events (batch, line, id, subject, name, audience, at, data, stored_at)
SELECT n, line, md5('event' || n || line), 'order:' || md5('order' || n), 'order.funded',
    '["did:buyer' || n % 2000 || '","did:seller' || n % 500 || '"]', n * 1000000, '{}', n * 1000000
FROM generate_series(1::bigint, 30000) n, generate_series(0, 2) line;
INSERT INTO event_audience (agent, position, lines)
SELECT agent, n * 3 - 2, 7 FROM generate_series(1::bigint, 30000) n,
    LATERAL (VALUES (n % 2000), (2000 + n % 500)) d (agent);

INSERT INTO timers (subject, kind, sequence, due)
SELECT 'order:' || md5('order' || n), 'expiry', 1, n * 1000000 FROM generate_series(1::bigint, 20000) n;
INSERT INTO outbox (id, work, due, attempts)
SELECT md5('work' || n), '{}', n * 1000000, 0 FROM generate_series(1::bigint, 20000) n;
INSERT INTO idempotency (id, caller, route, key, body_sha256, reply, expires_at)
SELECT decode(md5('a' || n) || md5('b' || n), 'hex'), 'did:buyer' || n % 2000, 'route', n::text,
    decode(repeat('00', 32), 'hex'), 'reply', n * 1000000
FROM generate_series(1::bigint, 20000) n;
INSERT INTO nonces (id, signer, value, expires_at)
SELECT decode(md5('c' || n) || md5('d' || n), 'hex'), 'did:buyer' || n % 2000, n::text, n * 1000000
FROM generate_series(1::bigint, 20000) n;
INSERT INTO withdrawals (id, version, agent, amount, fee, held, at, state)
SELECT md5('out' || n), 1, 'did:buyer' || n % 2000, 1, 1, CASE WHEN n % 100 = 0 THEN 2 ELSE 0 END,
    n, CASE WHEN n % 100 = 0 THEN 'in_flight' ELSE 'settled' END
FROM generate_series(1::bigint, 20000) n;
INSERT INTO deposits (id, version, agent, amount, at, state)
SELECT md5('in' || n), 1, 'did:buyer' || n % 2000, 1, n, 'credited' FROM generate_series(1::bigint, 20000) n;
INSERT INTO teg_records (id, version, state, entry, amount, dust, memo, at)
SELECT md5('transfer' || n), 1, 'booked', 'entry', 1, CASE WHEN n % 500 = 0 THEN 1 ELSE 0 END, '', n
FROM generate_series(1::bigint, 20000) n;
INSERT INTO blobs (order_id, sha256, bytes)
SELECT md5('order' || n), decode(repeat('00', 32), 'hex'), '\x00' FROM generate_series(1::bigint, 20000) n;
INSERT INTO checks (sha256, body)
SELECT decode(md5('e' || n) || md5('f' || n), 'hex'), 'checks' FROM generate_series(1::bigint, 20000) n;
INSERT INTO api_keys (sha256, version, agent, label, at)
SELECT md5('g' || n) || md5('h' || n), 1, 'did:buyer' || n % 2000, 'label', n
FROM generate_series(1::bigint, 20000) n;
ANALYZE;
