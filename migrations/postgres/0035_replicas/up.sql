-- The processes that serve this registry, and when each of them said so last.

CREATE TABLE replicas (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
