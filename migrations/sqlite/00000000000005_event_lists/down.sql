DROP TABLE event_chunks;
DROP TABLE event_lists;
