DROP TABLE object_store;
