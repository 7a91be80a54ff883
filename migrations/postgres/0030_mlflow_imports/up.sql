-- What an import from another tracking server made here, so that the next one goes on where this one ended.
CREATE TABLE imported_nodes (
    node_id BIGINT PRIMARY KEY NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    -- The SHA-256 of what the other server said of it when all of that was here; empty before.
    digest TEXT COLLATE "C" NOT NULL
);
