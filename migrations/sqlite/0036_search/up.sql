-- What a search looks through: a row for each name, text and path, in lower case. Triggers fill it, so that whatever wrote a node, a
-- server of the previous release among it, is found.
CREATE TABLE search_texts (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    -- 0 the name, 1 a property, 3 the path of a file.
    source BIGINT NOT NULL,
    -- The name of the property, or the path; empty for a name.
    key TEXT NOT NULL,
    -- The first 500 characters, of which ASCII letters are in lower case.
    text TEXT NOT NULL,
    -- The type of the node; 0 for a file.
    kind BIGINT NOT NULL,
    -- Where the node is, as its row says.
    workspace_id BIGINT NOT NULL,
    root_id BIGINT NOT NULL
);
CREATE UNIQUE INDEX search_texts_node ON search_texts (node_id, source, key);
-- Names by their beginnings.
CREATE INDEX search_texts_name ON search_texts (workspace_id, kind, text, id DESC) WHERE source = 0;

-- The trigrams of the texts, and in `place` one of the kind and one of the workspace, so that what is rare in a place is found soon. It is
-- written for 64 texts at once, because each write costs as much as many texts: a search reads those after the last one that is in it
-- one by one.
CREATE VIRTUAL TABLE search_index USING fts5 (text, place, content = '', columnsize = 0, tokenize = 'trigram case_sensitive 1');
CREATE TABLE search_index_end (
    single BIGINT PRIMARY KEY NOT NULL CHECK (single = 1),
    -- The greatest id of a text that is in the index.
    last_id BIGINT NOT NULL
);
INSERT INTO search_index_end (single, last_id) VALUES (1, 0);
CREATE TRIGGER search_texts_added AFTER INSERT ON search_texts WHEN NEW.id % 64 = 0 BEGIN
    INSERT INTO search_index (rowid, text, place)
    SELECT id, text, printf('t%02d', kind) || 'w' || char(19968 + workspace_id / 4096 % 4096, 19968 + workspace_id % 4096)
    FROM search_texts WHERE id > (SELECT last_id FROM search_index_end) AND id <= NEW.id ORDER BY id;
    UPDATE search_index_end SET last_id = NEW.id;
END;
CREATE TRIGGER search_texts_changed AFTER UPDATE ON search_texts WHEN OLD.id <= (SELECT last_id FROM search_index_end) BEGIN
    INSERT INTO search_index (search_index, rowid, text, place) VALUES (
        'delete', OLD.id, OLD.text,
        printf('t%02d', OLD.kind) || 'w' || char(19968 + OLD.workspace_id / 4096 % 4096, 19968 + OLD.workspace_id % 4096)
    );
    INSERT INTO search_index (rowid, text, place) VALUES (
        NEW.id, NEW.text,
        printf('t%02d', NEW.kind) || 'w' || char(19968 + NEW.workspace_id / 4096 % 4096, 19968 + NEW.workspace_id % 4096)
    );
END;
CREATE TRIGGER search_texts_removed AFTER DELETE ON search_texts WHEN OLD.id <= (SELECT last_id FROM search_index_end) BEGIN
    INSERT INTO search_index (search_index, rowid, text, place) VALUES (
        'delete', OLD.id, OLD.text,
        printf('t%02d', OLD.kind) || 'w' || char(19968 + OLD.workspace_id / 4096 % 4096, 19968 + OLD.workspace_id % 4096)
    );
END;

-- Names: of models, versions, model and document artifacts, data sets, experiments, runs, environments and inference services. What stands
-- before a name that may repeat, a UUID and a colon, is no part of it.
CREATE TRIGGER nodes_search AFTER INSERT ON nodes
    WHEN NEW.name IS NOT NULL AND NEW.type_id IN (11, 12, 13, 14, 15, 18, 19, 20, 21) BEGIN
    INSERT INTO search_texts (node_id, source, key, text, kind, workspace_id, root_id) VALUES (
        NEW.id, 0, '',
        lower(substr(CASE WHEN (NEW.kind = 1 AND (NEW.home_id IS NULL OR NEW.type_id = 15) OR NEW.type_id = 19)
            AND substr(NEW.name, 37, 1) = ':' THEN substr(NEW.name, 38) ELSE NEW.name END, 1, 500)),
        NEW.type_id,
        -- A row that says neither is where its home is.
        coalesce(
            CASE WHEN NEW.root_id IS NULL THEN (SELECT workspace_id FROM nodes WHERE id = NEW.home_id) END, NEW.workspace_id
        ),
        coalesce(NEW.root_id, (SELECT root_id FROM nodes WHERE id = NEW.home_id), NEW.id)
    );
END;
CREATE TRIGGER nodes_search_renamed AFTER UPDATE OF name ON nodes
    WHEN OLD.name IS NOT NEW.name AND NEW.type_id IN (11, 12, 13, 14, 15, 18, 19, 20, 21) BEGIN
    DELETE FROM search_texts WHERE node_id = NEW.id AND source = 0;
    INSERT INTO search_texts (node_id, source, key, text, kind, workspace_id, root_id)
    SELECT NEW.id, 0, '',
        lower(substr(CASE WHEN (NEW.kind = 1 AND (NEW.home_id IS NULL OR NEW.type_id = 15) OR NEW.type_id = 19)
            AND substr(NEW.name, 37, 1) = ':' THEN substr(NEW.name, 38) ELSE NEW.name END, 1, 500)),
        NEW.type_id, NEW.workspace_id, coalesce(NEW.root_id, NEW.id)
    WHERE NEW.name IS NOT NULL;
END;
CREATE TRIGGER nodes_search_moved AFTER UPDATE OF workspace_id ON nodes WHEN OLD.workspace_id <> NEW.workspace_id BEGIN
    UPDATE search_texts SET workspace_id = NEW.workspace_id WHERE node_id = NEW.id;
END;

-- Texts: descriptions, cards and tasks.
CREATE TRIGGER properties_search AFTER INSERT ON properties
    WHEN NEW.text_value IS NOT NULL AND NEW.kind IN (3, 4) AND NOT NEW.custom AND NEW.name IN ('description', 'readme', 'tasks') BEGIN
    INSERT INTO search_texts (node_id, source, key, text, kind, workspace_id, root_id)
    SELECT NEW.node_id, 1, NEW.name,
        lower(substr(NEW.text_value, 1, 500)),
        type_id, workspace_id, coalesce(root_id, id)
    FROM nodes WHERE id = NEW.node_id AND type_id IN (11, 12, 13, 14, 15, 18, 19, 20, 21);
END;
CREATE TRIGGER properties_search_changed AFTER UPDATE ON properties WHEN NOT OLD.custom OR NOT NEW.custom BEGIN
    DELETE FROM search_texts
    WHERE node_id = OLD.node_id AND source = 1 AND key = OLD.name;
    INSERT INTO search_texts (node_id, source, key, text, kind, workspace_id, root_id)
    SELECT NEW.node_id, 1, NEW.name,
        lower(substr(NEW.text_value, 1, 500)),
        type_id, workspace_id, coalesce(root_id, id)
    FROM nodes WHERE id = NEW.node_id AND type_id IN (11, 12, 13, 14, 15, 18, 19, 20, 21)
        AND NEW.text_value IS NOT NULL AND NEW.kind IN (3, 4) AND NOT NEW.custom AND NEW.name IN ('description', 'readme', 'tasks');
END;
CREATE TRIGGER properties_search_removed AFTER DELETE ON properties
    WHEN OLD.text_value IS NOT NULL AND OLD.kind IN (3, 4) AND NOT OLD.custom AND OLD.name IN ('description', 'readme', 'tasks') BEGIN
    DELETE FROM search_texts
    WHERE node_id = OLD.node_id AND source = 1 AND key = OLD.name;
END;

-- Paths.
CREATE TRIGGER files_search AFTER INSERT ON files BEGIN
    INSERT INTO search_texts (node_id, source, key, text, kind, workspace_id, root_id)
    SELECT NEW.node_id, 3, NEW.path, lower(substr(NEW.path, 1, 500)), 0, workspace_id, coalesce(root_id, id)
    FROM nodes WHERE id = NEW.node_id;
END;
CREATE TRIGGER files_search_removed AFTER DELETE ON files BEGIN
    DELETE FROM search_texts WHERE node_id = OLD.node_id AND source = 3 AND key = OLD.path;
END;

-- What is there.
INSERT INTO search_texts (node_id, source, key, text, kind, workspace_id, root_id)
SELECT id, 0, '',
    lower(substr(CASE WHEN (kind = 1 AND (home_id IS NULL OR type_id = 15) OR type_id = 19) AND substr(name, 37, 1) = ':'
        THEN substr(name, 38) ELSE name END, 1, 500)),
    type_id, workspace_id, coalesce(root_id, id)
FROM nodes WHERE name IS NOT NULL AND type_id IN (11, 12, 13, 14, 15, 18, 19, 20, 21) ORDER BY id;
INSERT INTO search_texts (node_id, source, key, text, kind, workspace_id, root_id)
SELECT p.node_id, 1, p.name,
    lower(substr(p.text_value, 1, 500)),
    n.type_id, n.workspace_id, coalesce(n.root_id, n.id)
FROM properties AS p CROSS JOIN nodes AS n
WHERE n.id = p.node_id AND n.type_id IN (11, 12, 13, 14, 15, 18, 19, 20, 21)
    AND p.text_value IS NOT NULL AND p.kind IN (3, 4) AND NOT p.custom AND p.name IN ('description', 'readme', 'tasks')
ORDER BY p.node_id;
INSERT INTO search_texts (node_id, source, key, text, kind, workspace_id, root_id)
SELECT f.node_id, 3, f.path, lower(substr(f.path, 1, 500)), 0, n.workspace_id, coalesce(n.root_id, n.id)
FROM files AS f CROSS JOIN nodes AS n WHERE n.id = f.node_id ORDER BY f.node_id, f.path;

-- Labels, by their beginnings: the values of custom properties, and the names of those that are empty. MLflow's own tags are for machines.
CREATE INDEX properties_label ON properties (lower(substr(CASE WHEN text_value = '' THEN name ELSE text_value END, 1, 64)), node_id)
    WHERE custom AND text_value IS NOT NULL AND substr(name, 1, 7) <> 'mlflow.';

-- What people keep of a screen: how it is filtered, ordered and shown.
CREATE TABLE saved_views (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    -- Whose it is; 0 where it is shared with the workspace.
    owner_id BIGINT NOT NULL,
    screen TEXT NOT NULL,
    name TEXT NOT NULL,
    -- JSON: an object, which is the screen's own.
    query TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX saved_views_name ON saved_views (workspace_id, owner_id, screen, name);
