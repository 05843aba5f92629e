-- Who else got the same bytes: an exclusive deliverable is sold once.
CREATE INDEX blobs_by_hash ON blobs (sha256, order_id);
