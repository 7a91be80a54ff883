DROP TABLE resumable_tails;
DROP TABLE resumable_parts;
DROP TABLE resumable_uploads;
