DROP INDEX IF EXISTS postings_of_transfers;
