-- Back to an empty database.
DROP TABLE notes, secrets, gaps, servers, counters, blobs, teg_transactions, nonces, idempotency,
    outbox, timers, event_audience, events, sums, payouts, balances, postings, deposits,
    withdrawals, agents, listings, checks, orders_not_completed, orders, chain, batches;
DROP FUNCTION history_is_written_once;
DROP FUNCTION batches_are_only_sealed;
DROP SEQUENCE batch_numbers;
