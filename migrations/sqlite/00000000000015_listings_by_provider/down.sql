DROP INDEX IF EXISTS listings_by_provider;
