DROP INDEX listings_by_provider;
