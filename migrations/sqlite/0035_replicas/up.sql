-- The processes that serve this registry, and when each of them said so last.

CREATE TABLE replicas (
    id TEXT PRIMARY KEY NOT NULL,
    version TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
