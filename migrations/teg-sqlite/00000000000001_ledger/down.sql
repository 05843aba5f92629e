DROP TABLE signals;
DROP TABLE transfers;
DROP TABLE movements;
DROP TABLE entries;
DROP TABLE accounts;
DROP TABLE agents;
DROP TABLE node;
