DROP TABLE learned;
DROP TABLE policies;
DROP TABLE inspections;
ALTER TABLE files DROP COLUMN quarantine;
