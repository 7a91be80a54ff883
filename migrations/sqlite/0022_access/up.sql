-- Who may do what: workspaces, principals, bindings, tokens; and where each node belongs.

CREATE TABLE workspaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- A label of DNS, so that it can be a namespace of Kubernetes, too.
    slug TEXT NOT NULL,
    title TEXT,
    created_at BIGINT NOT NULL,
    -- Since when nothing can be made or changed in it.
    archived_at BIGINT,
    -- What the makers of models, experiments and environments have of them; NULL is nothing.
    owner_role TEXT
);
CREATE UNIQUE INDEX workspaces_slug ON workspaces (slug);
INSERT INTO workspaces (id, slug, created_at, owner_role) VALUES (1, 'default', 0, 'admin');

CREATE TABLE principals (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('user', 'service', 'kubernetes', 'certificate')),
    -- The name of the issuer of its credentials in the settings; empty for this registry.
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    handle TEXT NOT NULL,
    display_name TEXT,
    email TEXT,
    workspace_id BIGINT REFERENCES workspaces (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    -- Credentials that were issued before then count no longer.
    valid_from BIGINT NOT NULL DEFAULT 0,
    disabled_at BIGINT,
    seen_at BIGINT
);
CREATE UNIQUE INDEX principals_subject ON principals (issuer, subject);
CREATE UNIQUE INDEX principals_handle ON principals (handle);
CREATE INDEX principals_workspace ON principals (workspace_id) WHERE workspace_id IS NOT NULL;

CREATE TABLE bindings (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('principal', 'group', 'authenticated', 'everyone')),
    principal_id BIGINT REFERENCES principals (id) ON DELETE CASCADE,
    group_issuer TEXT,
    group_name TEXT,
    role TEXT NOT NULL,
    scope_kind TEXT NOT NULL CHECK (scope_kind IN ('registry', 'workspace', 'root')),
    workspace_id BIGINT REFERENCES workspaces (id) ON DELETE CASCADE,
    root_id BIGINT REFERENCES nodes (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    created_by BIGINT REFERENCES principals (id) ON DELETE SET NULL,
    expires_at BIGINT,
    CHECK ((subject_kind = 'principal') = (principal_id IS NOT NULL)),
    CHECK ((subject_kind = 'group') = (group_issuer IS NOT NULL AND group_name IS NOT NULL)),
    CHECK ((scope_kind = 'workspace') = (workspace_id IS NOT NULL)),
    CHECK ((scope_kind = 'root') = (root_id IS NOT NULL))
);
-- A role is bound once to somebody in a scope.
CREATE UNIQUE INDEX bindings_once ON bindings (
    subject_kind, coalesce(principal_id, 0), coalesce(group_issuer, ''), coalesce(group_name, ''),
    role, coalesce(workspace_id, 0), coalesce(root_id, 0)
);
CREATE INDEX bindings_principal ON bindings (principal_id) WHERE principal_id IS NOT NULL;
CREATE INDEX bindings_group ON bindings (group_issuer, group_name) WHERE group_name IS NOT NULL;
CREATE INDEX bindings_workspace ON bindings (workspace_id) WHERE workspace_id IS NOT NULL;
CREATE INDEX bindings_root ON bindings (root_id) WHERE root_id IS NOT NULL;
CREATE INDEX bindings_created_by ON bindings (created_by) WHERE created_by IS NOT NULL;

CREATE TABLE api_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- The part of the token that is no secret, by which it is found.
    public_id TEXT NOT NULL,
    -- The SHA-256 of the secret part, in hexadecimal digits.
    hash TEXT NOT NULL,
    principal_id BIGINT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- JSON: what the token leaves of its owner's rights. The names of permissions; the ids of workspaces and of roots, NULL for all.
    permissions TEXT NOT NULL,
    workspaces TEXT,
    roots TEXT,
    created_at BIGINT NOT NULL,
    created_by BIGINT REFERENCES principals (id) ON DELETE SET NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX api_tokens_public_id ON api_tokens (public_id);
CREATE INDEX api_tokens_principal ON api_tokens (principal_id);
CREATE INDEX api_tokens_created_by ON api_tokens (created_by) WHERE created_by IS NOT NULL;

-- Counts explicit changes of bindings, tokens, principals, owners and restrictions, so that replicas know when what they remember of them is old.
CREATE TABLE access_epoch (
    single BIGINT PRIMARY KEY NOT NULL CHECK (single = 1),
    epoch BIGINT NOT NULL
);
INSERT INTO access_epoch (single, epoch) VALUES (1, 1);

ALTER TABLE nodes ADD COLUMN workspace_id BIGINT NOT NULL DEFAULT 1;
-- The model, experiment or environment that the node belongs to or is; itself where it belongs to none.
ALTER TABLE nodes ADD COLUMN root_id BIGINT;
-- Who made a root.
ALTER TABLE nodes ADD COLUMN owner_id BIGINT REFERENCES principals (id) ON DELETE SET NULL;
UPDATE nodes SET root_id = id WHERE home_id IS NULL;
UPDATE nodes SET root_id = home_id WHERE root_id IS NULL AND home_id IN (SELECT id FROM nodes WHERE home_id IS NULL);
UPDATE nodes SET root_id = (
    WITH RECURSIVE above (id, home_id) AS (
        SELECT h.id, h.home_id FROM nodes AS h WHERE h.id = nodes.home_id
        UNION ALL
        SELECT h.id, h.home_id FROM nodes AS h JOIN above ON h.id = above.home_id
    )
    SELECT id FROM above WHERE home_id IS NULL
) WHERE root_id IS NULL;

-- New roots, and the rows of servers that know of no roots.
CREATE TRIGGER nodes_root AFTER INSERT ON nodes WHEN NEW.root_id IS NULL AND NEW.home_id IS NULL BEGIN
    UPDATE nodes SET root_id = NEW.id WHERE id = NEW.id;
END;
CREATE TRIGGER nodes_root_of_home AFTER INSERT ON nodes WHEN NEW.root_id IS NULL AND NEW.home_id IS NOT NULL BEGIN
    UPDATE nodes
    SET root_id = coalesce((SELECT root_id FROM nodes AS home WHERE home.id = NEW.home_id), NEW.id),
        workspace_id = coalesce((SELECT workspace_id FROM nodes AS home WHERE home.id = NEW.home_id), NEW.workspace_id)
    WHERE id = NEW.id;
END;

-- Names and ids of other systems are unique within a workspace.
DROP INDEX nodes_name;
CREATE UNIQUE INDEX nodes_name ON nodes (type_id, name, workspace_id) WHERE home_id IS NULL;
DROP INDEX nodes_external_id;
CREATE UNIQUE INDEX nodes_external_id ON nodes (kind, external_id, workspace_id) WHERE external_id IS NOT NULL;
-- Lists of one workspace, as those of all that were there before.
CREATE INDEX nodes_workspace_type ON nodes (workspace_id, type_id, id);
CREATE INDEX nodes_workspace_type_created ON nodes (workspace_id, type_id, created_at, id);
CREATE INDEX nodes_workspace_type_updated ON nodes (workspace_id, type_id, updated_at, id);
CREATE INDEX nodes_workspace_type_seen_name ON nodes (
    workspace_id,
    type_id,
    (coalesce(CASE WHEN kind = 1 AND (home_id IS NULL OR type_id = 15) AND type_id BETWEEN 11 AND 22
        AND substr(name, 37, 1) = ':' THEN substr(name, 38) ELSE name END, '')),
    id
);
CREATE INDEX nodes_workspace_kind ON nodes (workspace_id, kind, id);
CREATE INDEX nodes_workspace_kind_created ON nodes (workspace_id, kind, created_at, id);
CREATE INDEX nodes_workspace_kind_updated ON nodes (workspace_id, kind, updated_at, id);
-- Of all workspaces together nothing is listed but by the server itself, which asks for no such order.
DROP INDEX nodes_type_created;
DROP INDEX nodes_type_updated;
DROP INDEX nodes_type_seen_name;
DROP INDEX nodes_kind;
DROP INDEX nodes_kind_created;
DROP INDEX nodes_kind_updated;
-- What belongs to a root, and the roots of an owner.
CREATE INDEX nodes_root ON nodes (root_id, type_id, id);
CREATE INDEX nodes_owner ON nodes (owner_id, type_id, id) WHERE owner_id IS NOT NULL;

-- The roots that bindings of their workspaces below admin do not reach. Not a column: the record of changes outlives a root, and stays
-- restricted with it.
CREATE TABLE restricted_roots (
    root_id BIGINT PRIMARY KEY NOT NULL
);

-- Types that users of ML Metadata make are their workspace's own; NULL is every workspace's.
ALTER TABLE types ADD COLUMN workspace_id BIGINT;
UPDATE types SET workspace_id = 1 WHERE id > 100;
-- The types of servers that know of no workspaces.
CREATE TRIGGER types_workspace AFTER INSERT ON types WHEN NEW.workspace_id IS NULL AND NEW.id > 100 BEGIN
    UPDATE types SET workspace_id = 1 WHERE id = NEW.id;
END;
DROP INDEX types_name;
CREATE UNIQUE INDEX types_name ON types (kind, name, version, coalesce(workspace_id, 0));
DROP INDEX types_external_id;
CREATE UNIQUE INDEX types_external_id ON types (kind, external_id, coalesce(workspace_id, 0));

-- The feed is filtered by where a node was, which may be gone. Who did it is named by an id, so that a person can be forgotten.
ALTER TABLE changes ADD COLUMN workspace_id BIGINT NOT NULL DEFAULT 1;
ALTER TABLE changes ADD COLUMN root_id BIGINT;
ALTER TABLE changes ADD COLUMN actor_id BIGINT;
UPDATE changes SET root_id = (SELECT root_id FROM nodes WHERE nodes.id = changes.node_id);
-- What was removed before belongs to what its home did, as far as the record says where that was. What is left is as restricted as
-- anything.
UPDATE changes SET root_id = node_id WHERE root_id IS NULL AND json_type(document, '$.homeId') = 'null';
UPDATE changes SET root_id = coalesce(
    (SELECT n.root_id FROM nodes AS n WHERE n.id = json_extract(document, '$.homeId')),
    (SELECT max(h.root_id) FROM changes AS h WHERE h.node_id = json_extract(changes.document, '$.homeId'))
) WHERE root_id IS NULL;
UPDATE changes SET root_id = coalesce(
    (SELECT n.root_id FROM nodes AS n WHERE n.id = json_extract(document, '$.homeId')),
    (SELECT max(h.root_id) FROM changes AS h WHERE h.node_id = json_extract(changes.document, '$.homeId'))
) WHERE root_id IS NULL;
UPDATE changes SET root_id = coalesce(
    (SELECT n.root_id FROM nodes AS n WHERE n.id = json_extract(document, '$.homeId')),
    (SELECT max(h.root_id) FROM changes AS h WHERE h.node_id = json_extract(changes.document, '$.homeId'))
) WHERE root_id IS NULL;
-- Of removed nodes that change their root: they are found by the entries of their removal.
CREATE INDEX changes_removed ON changes (root_id, node_id) WHERE action = 'delete';
-- The entries of servers that know of no roots.
CREATE TRIGGER changes_root AFTER INSERT ON changes WHEN NEW.root_id IS NULL BEGIN
    UPDATE changes
    SET root_id = coalesce(
            (SELECT n.root_id FROM nodes AS n WHERE n.id = NEW.node_id),
            (SELECT before.root_id FROM changes AS before
             WHERE before.node_id = NEW.node_id AND before.root_id IS NOT NULL ORDER BY before.id DESC LIMIT 1)),
        workspace_id = coalesce(
            (SELECT n.workspace_id FROM nodes AS n WHERE n.id = NEW.node_id),
            (SELECT before.workspace_id FROM changes AS before
             WHERE before.node_id = NEW.node_id AND before.root_id IS NOT NULL ORDER BY before.id DESC LIMIT 1),
            NEW.workspace_id)
    WHERE id = NEW.id;
END;

-- 0 is somebody unknown. NULL is the server itself, and everybody where there are no accounts.
ALTER TABLE jobs ADD COLUMN principal_id BIGINT;
-- The groups by which it was allowed, as JSON.
ALTER TABLE jobs ADD COLUMN principal_groups TEXT;
-- The token by which it was asked for.
ALTER TABLE jobs ADD COLUMN token_id BIGINT;
ALTER TABLE jobs ADD COLUMN workspace_id BIGINT NOT NULL DEFAULT 1;
ALTER TABLE resumable_uploads ADD COLUMN principal_id BIGINT;
ALTER TABLE resumable_uploads ADD COLUMN workspace_id BIGINT NOT NULL DEFAULT 1;
