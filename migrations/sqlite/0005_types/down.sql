DELETE FROM types WHERE id <= 100;
UPDATE sqlite_sequence SET seq = 0 WHERE name = 'types';
