-- What each workspace holds and how much it may hold. Triggers count, so that nothing is forgotten: neither what goes along with a node that
-- is removed, nor what servers of the previous release write. A file counts with its full size, whether its bytes are stored for others, too.

-- What a workspace may hold; NULL is any number.
CREATE TABLE quotas (
    workspace_id BIGINT PRIMARY KEY NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    bytes BIGINT,
    files BIGINT,
    -- Models, experiments and serving environments.
    roots BIGINT
);

-- What a workspace holds.
CREATE TABLE workspace_usage (
    workspace_id BIGINT PRIMARY KEY NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    bytes BIGINT NOT NULL DEFAULT 0,
    files BIGINT NOT NULL DEFAULT 0,
    roots BIGINT NOT NULL DEFAULT 0
);

-- Empty here: with a single writer nobody waits for others, and workspace_usage is changed at once. A transaction that is above a quota has in
-- it what it would have added, until it is rolled back.
CREATE TABLE usage_deltas (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    workspace_id BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    files BIGINT NOT NULL,
    roots BIGINT NOT NULL
);
CREATE INDEX usage_deltas_workspace ON usage_deltas (workspace_id, id);

CREATE TRIGGER workspaces_usage AFTER INSERT ON workspaces BEGIN
    INSERT INTO workspace_usage (workspace_id) VALUES (NEW.id);
END;

CREATE TRIGGER files_usage_added AFTER INSERT ON files BEGIN
    UPDATE workspace_usage
    SET bytes = bytes + coalesce((SELECT size FROM blobs WHERE id = NEW.blob_id), 0), files = files + 1
    WHERE workspace_id = (SELECT workspace_id FROM nodes WHERE id = NEW.node_id);
END;
CREATE TRIGGER files_usage_replaced AFTER UPDATE OF blob_id ON files WHEN OLD.blob_id <> NEW.blob_id BEGIN
    UPDATE workspace_usage
    SET bytes = bytes + coalesce((SELECT size FROM blobs WHERE id = NEW.blob_id), 0)
        - coalesce((SELECT size FROM blobs WHERE id = OLD.blob_id), 0)
    WHERE workspace_id = (SELECT workspace_id FROM nodes WHERE id = NEW.node_id);
END;
-- The files that go along with their node find none any more: that trigger counts them.
CREATE TRIGGER files_usage_removed AFTER DELETE ON files BEGIN
    UPDATE workspace_usage
    SET bytes = bytes - coalesce((SELECT size FROM blobs WHERE id = OLD.blob_id), 0), files = files - 1
    WHERE workspace_id = (SELECT workspace_id FROM nodes WHERE id = OLD.node_id);
END;

-- Registered models, experiments and serving environments.
CREATE TRIGGER nodes_usage_added AFTER INSERT ON nodes WHEN NEW.home_id IS NULL AND NEW.type_id IN (11, 18, 20) BEGIN
    UPDATE workspace_usage SET roots = roots + 1 WHERE workspace_id = NEW.workspace_id;
END;
-- A node that is removed, or moves to another workspace, takes its files along. Metrics and parameters, of which there are most, have none.
CREATE TRIGGER nodes_usage_removed BEFORE DELETE ON nodes
WHEN OLD.kind = 1 AND OLD.type_id NOT IN (16, 17) OR OLD.home_id IS NULL AND OLD.type_id IN (11, 18, 20) BEGIN
    UPDATE workspace_usage
    SET bytes = bytes - coalesce((SELECT sum(size) FROM files JOIN blobs ON blobs.id = blob_id WHERE node_id = OLD.id), 0),
        files = files - (SELECT count(*) FROM files WHERE node_id = OLD.id),
        roots = roots - (OLD.home_id IS NULL AND OLD.type_id IN (11, 18, 20))
    WHERE workspace_id = OLD.workspace_id;
END;
CREATE TRIGGER nodes_usage_moved AFTER UPDATE OF workspace_id ON nodes WHEN OLD.workspace_id <> NEW.workspace_id BEGIN
    UPDATE workspace_usage
    SET bytes = bytes - coalesce((SELECT sum(size) FROM files JOIN blobs ON blobs.id = blob_id WHERE node_id = OLD.id), 0),
        files = files - (SELECT count(*) FROM files WHERE node_id = OLD.id),
        roots = roots - (OLD.home_id IS NULL AND OLD.type_id IN (11, 18, 20))
    WHERE workspace_id = OLD.workspace_id;
    UPDATE workspace_usage
    SET bytes = bytes + coalesce((SELECT sum(size) FROM files JOIN blobs ON blobs.id = blob_id WHERE node_id = NEW.id), 0),
        files = files + (SELECT count(*) FROM files WHERE node_id = NEW.id),
        roots = roots + (NEW.home_id IS NULL AND NEW.type_id IN (11, 18, 20))
    WHERE workspace_id = NEW.workspace_id;
END;

-- What adds something ends where it is above the quota. FAIL leaves what the statement did, so that it can be asked how much that was.
CREATE TRIGGER workspace_usage_quota AFTER UPDATE ON workspace_usage
WHEN NEW.bytes > OLD.bytes OR NEW.files > OLD.files OR NEW.roots > OLD.roots BEGIN
    INSERT INTO usage_deltas (workspace_id, bytes, files, roots)
    SELECT NEW.workspace_id, NEW.bytes - OLD.bytes, NEW.files - OLD.files, NEW.roots - OLD.roots
    FROM quotas
    WHERE workspace_id = NEW.workspace_id
        AND (NEW.bytes > max(OLD.bytes, bytes) OR NEW.files > max(OLD.files, files) OR NEW.roots > max(OLD.roots, roots));
    SELECT RAISE(FAIL, 'quota_bytes') FROM quotas WHERE workspace_id = NEW.workspace_id AND NEW.bytes > max(OLD.bytes, bytes);
    SELECT RAISE(FAIL, 'quota_files') FROM quotas WHERE workspace_id = NEW.workspace_id AND NEW.files > max(OLD.files, files);
    SELECT RAISE(FAIL, 'quota_roots') FROM quotas WHERE workspace_id = NEW.workspace_id AND NEW.roots > max(OLD.roots, roots);
END;

-- What there is already.
INSERT INTO workspace_usage (workspace_id, bytes, files, roots)
SELECT workspaces.id, coalesce(stored.bytes, 0), coalesce(stored.files, 0), coalesce(registered.roots, 0)
FROM workspaces
LEFT JOIN (
    SELECT nodes.workspace_id, sum(blobs.size) AS bytes, count(*) AS files
    FROM files JOIN nodes ON nodes.id = files.node_id JOIN blobs ON blobs.id = files.blob_id
    GROUP BY nodes.workspace_id
) AS stored ON stored.workspace_id = workspaces.id
LEFT JOIN (
    SELECT workspace_id, count(*) AS roots FROM nodes WHERE home_id IS NULL AND type_id IN (11, 18, 20)
    GROUP BY workspace_id
) AS registered ON registered.workspace_id = workspaces.id;
