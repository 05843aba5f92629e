DROP TABLE motions;
