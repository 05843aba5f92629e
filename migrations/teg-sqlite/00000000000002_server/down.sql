DROP TABLE disputes;
DROP TABLE stakes;
