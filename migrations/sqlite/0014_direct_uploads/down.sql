ALTER TABLE resumable_uploads DROP COLUMN direct_part;
