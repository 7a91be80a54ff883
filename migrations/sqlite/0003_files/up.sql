-- Aliases, and the bytes: files point at blobs, an upload holds the key of an object that nothing points at yet.

CREATE TABLE aliases (
    model_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    version_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    PRIMARY KEY (model_id, name)
);
CREATE INDEX aliases_version ON aliases (version_id);

CREATE TABLE blobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- 64 lower-case hexadecimal digits.
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    key TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX blobs_sha256 ON blobs (sha256);
CREATE UNIQUE INDEX blobs_key ON blobs (key);

CREATE TABLE files (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    blob_id BIGINT NOT NULL REFERENCES blobs (id) ON DELETE RESTRICT,
    media_type TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (node_id, path)
);
CREATE INDEX files_blob ON files (blob_id);

CREATE TABLE uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Moved forward while bytes arrive. Whoever deletes the row owns the object: the commit that links it, or the
    -- collector once this has stood still for the grace period.
    seen_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX uploads_key ON uploads (key);
CREATE INDEX uploads_seen ON uploads (seen_at);
