DROP TABLE changes;
DROP TABLE jobs;
