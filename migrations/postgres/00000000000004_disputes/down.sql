DROP TABLE jurors;
DROP TABLE exhibits;
DROP TABLE dispute_log;
DROP TABLE disputes;
