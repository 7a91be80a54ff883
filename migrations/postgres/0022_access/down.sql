-- Possible while no two workspaces have the same name in them.
ALTER TABLE resumable_uploads DROP COLUMN workspace_id;
ALTER TABLE resumable_uploads DROP COLUMN principal_id;
ALTER TABLE jobs DROP COLUMN token_id;
ALTER TABLE jobs DROP COLUMN workspace_id;
ALTER TABLE jobs DROP COLUMN principal_groups;
ALTER TABLE jobs DROP COLUMN principal_id;
DROP TRIGGER changes_root ON changes;
DROP FUNCTION changes_find_root;
DROP INDEX changes_removed;
ALTER TABLE changes DROP COLUMN actor_id;
ALTER TABLE changes DROP COLUMN root_id;
ALTER TABLE changes DROP COLUMN workspace_id;
DROP INDEX types_external_id;
DROP INDEX types_name;
DROP TRIGGER types_workspace ON types;
DROP FUNCTION types_in_default;
ALTER TABLE types DROP COLUMN workspace_id;
CREATE UNIQUE INDEX types_name ON types (kind, name, version);
CREATE UNIQUE INDEX types_external_id ON types (kind, external_id);
DROP TABLE restricted_roots;
DROP INDEX nodes_owner;
DROP INDEX nodes_root;
DROP INDEX nodes_workspace_kind_updated;
DROP INDEX nodes_workspace_kind_created;
DROP INDEX nodes_workspace_kind;
DROP INDEX nodes_workspace_type_seen_name;
DROP INDEX nodes_workspace_type_updated;
DROP INDEX nodes_workspace_type_created;
DROP INDEX nodes_workspace_type;
DROP INDEX nodes_external_id;
DROP INDEX nodes_name;
DROP TRIGGER nodes_root ON nodes;
DROP FUNCTION nodes_find_root;
ALTER TABLE nodes DROP COLUMN owner_id;
ALTER TABLE nodes DROP COLUMN root_id;
ALTER TABLE nodes DROP COLUMN workspace_id;
CREATE UNIQUE INDEX nodes_name ON nodes (type_id, name) WHERE home_id IS NULL;
CREATE UNIQUE INDEX nodes_external_id ON nodes (kind, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX nodes_type_created ON nodes (type_id, created_at, id);
CREATE INDEX nodes_type_updated ON nodes (type_id, updated_at, id);
CREATE INDEX nodes_type_seen_name ON nodes (
    type_id,
    (coalesce(CASE WHEN kind = 1 AND (home_id IS NULL OR type_id = 15) AND type_id BETWEEN 11 AND 22
        AND substr(name, 37, 1) = ':' THEN substr(name, 38) ELSE name END, '')),
    id
);
CREATE INDEX nodes_kind ON nodes (kind, id);
CREATE INDEX nodes_kind_created ON nodes (kind, created_at, id);
CREATE INDEX nodes_kind_updated ON nodes (kind, updated_at, id);
DROP TABLE access_epoch;
DROP TABLE api_tokens;
DROP TABLE bindings;
DROP TABLE principals;
DROP TABLE workspaces;
