-- Who sent whom how much: the jurors of one funder are found by it, however much else is on their
-- statements. Transfers from agent to agent only, which are few beside what orders book.
CREATE INDEX postings_of_transfers ON postings (account_key, at) WHERE kind = 'transfer';
