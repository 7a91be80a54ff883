-- What inspection learned of files, what models say of what may be stored, and which properties inspection set.

ALTER TABLE files ADD COLUMN quarantine TEXT COLLATE "C";

CREATE TABLE inspections (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    path TEXT COLLATE "C" NOT NULL,
    blob_id BIGINT NOT NULL REFERENCES blobs (id) ON DELETE CASCADE,
    -- The versions of the parsers that read the bytes, and of the lists that judged the imports.
    reader BIGINT NOT NULL,
    rules BIGINT NOT NULL,
    format TEXT COLLATE "C",
    format_version TEXT COLLATE "C",
    -- JSON: an object of facts; lists of imports, of references to other files, of what is wrong with the bytes, and of
    -- what was made of the imports and references.
    facts TEXT COLLATE "C" NOT NULL,
    imports TEXT COLLATE "C" NOT NULL,
    refs TEXT COLLATE "C" NOT NULL,
    findings TEXT COLLATE "C" NOT NULL,
    judged TEXT COLLATE "C" NOT NULL,
    -- The weight of the heaviest finding, or clean; and what the policy does with it.
    verdict TEXT COLLATE "C" NOT NULL,
    act TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (node_id, path)
);
CREATE INDEX inspections_blob ON inspections (blob_id);

CREATE TABLE policies (
    model_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    -- JSON.
    document TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (model_id)
);

-- The properties that inspection set, by name, so that it never overwrites one that a client set.
CREATE TABLE learned (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    -- JSON: the declared and the free properties.
    declared TEXT COLLATE "C" NOT NULL,
    custom TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (node_id)
);
