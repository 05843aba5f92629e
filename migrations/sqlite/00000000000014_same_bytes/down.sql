DROP INDEX IF EXISTS blobs_by_hash;
