DROP INDEX blobs_damage;
ALTER TABLE blobs DROP COLUMN damage;
ALTER TABLE blobs DROP COLUMN verified_at;
DROP TABLE upkeep;
