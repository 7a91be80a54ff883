-- Resumable uploads, so that any replica can go on where another one stopped. The object itself is held by the row of the
-- same key in uploads, whose seen_at is moved to the time at which the upload expires.

CREATE TABLE resumable_uploads (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    model TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    media_type TEXT COLLATE "C",
    sha256 TEXT COLLATE "C",
    -- Whether a missing model, version or model artifact is made.
    creates BOOLEAN NOT NULL,
    -- The client's own words, which it is told again.
    metadata TEXT COLLATE "C" NOT NULL,
    length BIGINT NOT NULL,
    -- How many bytes the state of the digest covers; in a bucket, how many there are.
    position BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    -- How many bytes are in parts of the multipart upload, and how many parts; what follows is in resumable_tails.
    sent BIGINT NOT NULL,
    parts BIGINT NOT NULL,
    multipart TEXT COLLATE "C",
    -- Where the bytes begin whose checksum nobody has compared yet: without their request's end they do not count.
    unverified_from BIGINT,
    -- Who writes, and until when nobody else may.
    lease TEXT COLLATE "C" NOT NULL,
    lease_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE UNIQUE INDEX resumable_uploads_key ON resumable_uploads (key);
CREATE INDEX resumable_uploads_expires ON resumable_uploads (expires_at);

CREATE TABLE resumable_parts (
    upload_id TEXT COLLATE "C" NOT NULL REFERENCES resumable_uploads (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    tag TEXT COLLATE "C" NOT NULL,
    checksum TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (upload_id, number)
);

-- What is too short to be a part yet.
CREATE TABLE resumable_tails (
    upload_id TEXT COLLATE "C" NOT NULL REFERENCES resumable_uploads (id) ON DELETE CASCADE,
    start BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (upload_id, start)
);
