ALTER TABLE resumable_uploads DROP COLUMN concat;
