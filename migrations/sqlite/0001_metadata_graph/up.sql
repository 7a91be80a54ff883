-- The metadata graph: types, nodes, their properties, and the relations between nodes.

CREATE TABLE types (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- 0 execution, 1 artifact, 2 context: ML Metadata's numbers.
    kind BIGINT NOT NULL CHECK (kind IN (0, 1, 2)),
    name TEXT NOT NULL,
    -- Empty where ML Metadata says unset, so that the unique key covers it.
    version TEXT NOT NULL DEFAULT '',
    description TEXT,
    external_id TEXT,
    -- ML Metadata's number of the system type this one extends.
    base_type BIGINT,
    -- An execution's signature as JSON.
    input_type TEXT,
    output_type TEXT
);
CREATE UNIQUE INDEX types_name ON types (kind, name, version);
CREATE UNIQUE INDEX types_external_id ON types (kind, external_id);

CREATE TABLE type_properties (
    type_id BIGINT NOT NULL REFERENCES types (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- 1 int, 2 double, 3 string, 4 struct, 5 proto, 6 boolean: ML Metadata's numbers.
    data_type BIGINT NOT NULL CHECK (data_type BETWEEN 1 AND 6),
    PRIMARY KEY (type_id, name)
);

CREATE TABLE nodes (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    kind BIGINT NOT NULL CHECK (kind IN (0, 1, 2)),
    type_id BIGINT NOT NULL REFERENCES types (id) ON DELETE RESTRICT,
    -- The one context that owns this node, and takes it along when it goes.
    home_id BIGINT REFERENCES nodes (id) ON DELETE CASCADE,
    name TEXT,
    external_id TEXT,
    uri TEXT,
    state BIGINT,
    -- Milliseconds since the epoch, here and everywhere.
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- Counts the changes of this node: the ETag, and the optimistic lock.
    revision BIGINT NOT NULL DEFAULT 1
);
-- A name is unique within its home. Two partial indexes, because NULL never equals NULL.
CREATE UNIQUE INDEX nodes_name_in_home ON nodes (type_id, home_id, name) WHERE home_id IS NOT NULL;
CREATE UNIQUE INDEX nodes_name ON nodes (type_id, name) WHERE home_id IS NULL;
CREATE UNIQUE INDEX nodes_external_id ON nodes (kind, external_id);
CREATE INDEX nodes_type ON nodes (type_id, id);
CREATE INDEX nodes_type_created ON nodes (type_id, created_at, id);
CREATE INDEX nodes_type_updated ON nodes (type_id, updated_at, id);
CREATE INDEX nodes_home ON nodes (home_id, id);
-- For the latest version of a model, and its versions by time, however many other models have.
CREATE INDEX nodes_home_created ON nodes (home_id, type_id, created_at, id);
CREATE INDEX nodes_home_updated ON nodes (home_id, type_id, updated_at, id);

CREATE TABLE properties (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    -- Whether the property is free (true) or declared by the node's type (false).
    custom BOOLEAN NOT NULL,
    name TEXT NOT NULL,
    -- The value's kind, numbered as in type_properties. A boolean is an int of 0 or 1, a struct is JSON text, a proto
    -- is its type URL as text and its bytes, and a double that is not a number is NULL, as SQLite has no NaN.
    kind BIGINT NOT NULL CHECK (kind BETWEEN 1 AND 6),
    int_value BIGINT,
    double_value DOUBLE,
    text_value TEXT,
    bytes_value BLOB,
    PRIMARY KEY (node_id, custom, name)
);
CREATE INDEX properties_int ON properties (name, int_value) WHERE int_value IS NOT NULL;
CREATE INDEX properties_double ON properties (name, double_value) WHERE double_value IS NOT NULL;
-- A prefix, because a B-tree entry is limited and a text is not.
CREATE INDEX properties_text ON properties (name, substr(text_value, 1, 128)) WHERE text_value IS NOT NULL;

CREATE TABLE members (
    context_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    PRIMARY KEY (context_id, node_id)
);
CREATE INDEX members_node ON members (node_id);

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    artifact_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    execution_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    -- ML Metadata's number of the event type.
    type BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- The steps of the path as JSON.
    path TEXT
);
CREATE UNIQUE INDEX events_artifact ON events (artifact_id, execution_id, type);
CREATE INDEX events_execution ON events (execution_id);
