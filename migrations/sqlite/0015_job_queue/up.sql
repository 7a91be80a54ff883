-- What a queue needs besides the jobs themselves: how each one stands, how far it is, and what came of it.

-- queued, running, succeeded, failed or cancelled.
ALTER TABLE jobs ADD COLUMN state TEXT NOT NULL DEFAULT 'queued';
-- On whose behalf it runs.
ALTER TABLE jobs ADD COLUMN actor TEXT NOT NULL DEFAULT 'anonymous';
ALTER TABLE jobs ADD COLUMN progress_done BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN progress_total BIGINT;
ALTER TABLE jobs ADD COLUMN progress_message TEXT;
-- JSON, written by the kind's own code.
ALTER TABLE jobs ADD COLUMN result TEXT;
-- Why it failed, or why it was put off the last time.
ALTER TABLE jobs ADD COLUMN error TEXT;
-- Whether whoever works on it is to stop.
ALTER TABLE jobs ADD COLUMN cancel_requested BOOLEAN NOT NULL DEFAULT FALSE;
-- The last sign of life of whoever works on it.
ALTER TABLE jobs ADD COLUMN heartbeat_at BIGINT;
ALTER TABLE jobs ADD COLUMN started_at BIGINT;
ALTER TABLE jobs ADD COLUMN finished_at BIGINT;

DROP INDEX jobs_run_at;
CREATE INDEX jobs_due ON jobs (run_at, id) WHERE finished_at IS NULL;
CREATE INDEX jobs_finished ON jobs (finished_at, id) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_kind ON jobs (kind, id);
CREATE INDEX jobs_state ON jobs (state, kind);
