-- Background work, and the record of every change.

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    kind TEXT NOT NULL,
    -- JSON, read by the kind's own code.
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    -- Until when, and by which process, the job is being worked on.
    lease_until BIGINT,
    lease_owner TEXT
);
CREATE INDEX jobs_run_at ON jobs (run_at, id);

CREATE TABLE changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- The place in the feed, given once the change is committed, because ids are taken before and can be overtaken.
    position BIGINT,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    -- No reference: the history of a node outlives it.
    node_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    -- The node as it is afterwards, as JSON.
    document TEXT NOT NULL,
    request_id TEXT
);
CREATE INDEX changes_node ON changes (node_id, id);
CREATE UNIQUE INDEX changes_position ON changes (position);
CREATE INDEX changes_unplaced ON changes (id) WHERE position IS NULL;
