-- A provider's listings in every status, in the order of their making.
CREATE INDEX listings_by_provider ON listings (provider, position);
