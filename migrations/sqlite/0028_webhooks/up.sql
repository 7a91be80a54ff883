-- URLs that are told what happens to the registered models of a workspace. Each reads the feed of changes, and what it is told is a job.

CREATE TABLE webhooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT,
    url TEXT NOT NULL,
    -- JSON: the names of what it is told.
    events TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    -- What signs deliveries, sealed.
    secret TEXT,
    -- Who made it or changed it last, as jobs have it: it is told what they may see.
    principal_id BIGINT,
    principal_groups TEXT,
    -- Up to where it read the feed.
    position BIGINT NOT NULL,
    -- How many deliveries failed since one arrived, and until when it is therefore left alone.
    failures BIGINT NOT NULL DEFAULT 0,
    retry_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX webhooks_workspace ON webhooks (workspace_id, id);

-- The webhook that a job delivers to. No reference: what was delivered outlives the webhook, as long as jobs are kept.
ALTER TABLE jobs ADD COLUMN webhook_id BIGINT;
CREATE INDEX jobs_webhook ON jobs (webhook_id, id) WHERE webhook_id IS NOT NULL;
-- What waits for a webhook, and what is under way to it.
CREATE INDEX jobs_webhook_open ON jobs (webhook_id) WHERE webhook_id IS NOT NULL AND finished_at IS NULL;
CREATE INDEX jobs_webhook_running ON jobs (webhook_id) WHERE lease_until IS NOT NULL;
-- What is due of a kind: of deliveries many have ended.
CREATE INDEX jobs_kind_due ON jobs (kind, run_at, id) WHERE finished_at IS NULL;
