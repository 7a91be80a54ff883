DELETE FROM upkeep WHERE task = 'sessions';
DROP TABLE sessions;
