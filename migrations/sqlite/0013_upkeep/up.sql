-- Upkeep that one process does at a time, whichever replica it is: who has it, and how far it is.

CREATE TABLE upkeep (
    task TEXT PRIMARY KEY NOT NULL,
    -- Who does it, and until when nobody else may.
    lease TEXT NOT NULL DEFAULT '',
    lease_until BIGINT NOT NULL DEFAULT 0,
    -- When the pass began that is under way or was cut off; none between two.
    began_at BIGINT,
    -- The last row that this pass is done with.
    reached BIGINT NOT NULL DEFAULT 0,
    -- When the last whole pass ended.
    ended_at BIGINT
);
INSERT INTO upkeep (task) VALUES ('collect'), ('verify');

-- When the bytes were last read and compared with their digest, and what was wrong with them then.
ALTER TABLE blobs ADD COLUMN verified_at BIGINT;
ALTER TABLE blobs ADD COLUMN damage TEXT;
CREATE INDEX blobs_damage ON blobs (id) WHERE damage IS NOT NULL;
