-- The audit trail: who read, was refused, or changed who may do what. It names people and nodes by their ids and refers to nothing, because it
-- outlives them.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- When it began, and when the last of the requests that it stands for was.
    at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    principal_id BIGINT,
    token_id BIGINT,
    workspace_id BIGINT,
    root_id BIGINT,
    node_id BIGINT,
    path TEXT,
    blob_id BIGINT,
    bytes BIGINT,
    requests BIGINT NOT NULL DEFAULT 1,
    door TEXT,
    request_id TEXT,
    peer TEXT,
    agent TEXT,
    -- JSON: what else there is to say.
    details TEXT
);
CREATE INDEX audit_at ON audit (at, id);
CREATE INDEX audit_workspace ON audit (workspace_id, at, id) WHERE workspace_id IS NOT NULL;
CREATE INDEX audit_root ON audit (root_id, at, id) WHERE root_id IS NOT NULL;
CREATE INDEX audit_principal ON audit (principal_id, at, id) WHERE principal_id IS NOT NULL;
CREATE INDEX audit_not_done ON audit (at, id) WHERE outcome <> 'done';

-- Entries are removed only by a transaction that puts a row here, and takes it out before it ends.
CREATE TABLE audit_upkeep (
    single BIGINT PRIMARY KEY NOT NULL CHECK (single = 1)
);

CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit WHEN NOT EXISTS (SELECT 1 FROM audit_upkeep) BEGIN
    SELECT RAISE(ABORT, 'the audit trail only grows');
END;
-- An entry may come to stand for more requests. Nothing else of it ever changes.
CREATE TRIGGER audit_only_grows BEFORE UPDATE ON audit WHEN NOT (
    NEW.ended_at >= OLD.ended_at
    AND NEW.requests >= OLD.requests
    AND coalesce(NEW.bytes, 0) >= coalesce(OLD.bytes, 0)
    AND NEW.id IS OLD.id AND NEW.at IS OLD.at AND NEW.action IS OLD.action AND NEW.outcome IS OLD.outcome
    AND NEW.principal_id IS OLD.principal_id AND NEW.token_id IS OLD.token_id AND NEW.workspace_id IS OLD.workspace_id
    AND NEW.root_id IS OLD.root_id AND NEW.node_id IS OLD.node_id AND NEW.path IS OLD.path AND NEW.blob_id IS OLD.blob_id
    AND NEW.door IS OLD.door AND NEW.request_id IS OLD.request_id AND NEW.peer IS OLD.peer AND NEW.agent IS OLD.agent
    AND NEW.details IS OLD.details
) BEGIN
    SELECT RAISE(ABORT, 'the audit trail only grows');
END;

INSERT INTO upkeep (task) VALUES ('audit');
