-- What inspection learned of files, what models say of what may be stored, and which properties inspection set.

ALTER TABLE files ADD COLUMN quarantine TEXT;

CREATE TABLE inspections (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    blob_id BIGINT NOT NULL REFERENCES blobs (id) ON DELETE CASCADE,
    -- The versions of the parsers that read the bytes, and of the lists that judged the imports.
    reader BIGINT NOT NULL,
    rules BIGINT NOT NULL,
    format TEXT,
    format_version TEXT,
    -- JSON: an object of facts; lists of imports, of references to other files, of what is wrong with the bytes, and of
    -- what was made of the imports and references.
    facts TEXT NOT NULL,
    imports TEXT NOT NULL,
    refs TEXT NOT NULL,
    findings TEXT NOT NULL,
    judged TEXT NOT NULL,
    -- The weight of the heaviest finding, or clean; and what the policy does with it.
    verdict TEXT NOT NULL,
    act TEXT NOT NULL,
    PRIMARY KEY (node_id, path)
);
CREATE INDEX inspections_blob ON inspections (blob_id);

CREATE TABLE policies (
    model_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    -- JSON.
    document TEXT NOT NULL,
    PRIMARY KEY (model_id)
);

-- The properties that inspection set, by name, so that it never overwrites one that a client set.
CREATE TABLE learned (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    -- JSON: the declared and the free properties.
    declared TEXT NOT NULL,
    custom TEXT NOT NULL,
    PRIMARY KEY (node_id)
);
