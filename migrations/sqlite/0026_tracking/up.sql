-- What training tools know of the graph: versions by number, runs by their own ids, parameters, and the models that runs log. The nodes
-- stay what everything is made of. Triggers fill the tables that follow from nodes and properties, so that whatever wrote a node, a
-- server of the previous release among it, is found by these tables, too.

INSERT INTO type_properties (type_id, name, data_type) VALUES
    (12, 'run_link', 3),
    (12, 'stage', 3),
    (18, 'artifact_location', 3),
    (19, 'artifact_uri', 3);

-- The highest number that a version of the model ever had. It outlives the version.
CREATE TABLE version_counters (
    model_id BIGINT PRIMARY KEY NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    last BIGINT NOT NULL
);
-- The number of each version: its name where that is a positive integer above those before, and the next one otherwise.
CREATE TABLE version_numbers (
    version_id BIGINT PRIMARY KEY NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    model_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    number BIGINT NOT NULL
);
CREATE UNIQUE INDEX version_numbers_number ON version_numbers (model_id, number);

CREATE TRIGGER nodes_version_number AFTER INSERT ON nodes WHEN NEW.type_id = 12 AND NEW.home_id IS NOT NULL BEGIN
    INSERT INTO version_counters (model_id, last) VALUES (
        NEW.home_id,
        max(1, CASE WHEN NEW.name GLOB '[1-9]*' AND NEW.name NOT GLOB '*[^0-9]*' AND length(NEW.name) <= 10
            AND CAST(NEW.name AS INTEGER) <= 2147483647 THEN CAST(NEW.name AS INTEGER) ELSE 0 END)
    ) ON CONFLICT (model_id) DO UPDATE SET last = max(
        last + 1,
        CASE WHEN NEW.name GLOB '[1-9]*' AND NEW.name NOT GLOB '*[^0-9]*' AND length(NEW.name) <= 10
            AND CAST(NEW.name AS INTEGER) <= 2147483647 THEN CAST(NEW.name AS INTEGER) ELSE 0 END
    );
    INSERT INTO version_numbers (version_id, model_id, number)
    SELECT NEW.id, model_id, last FROM version_counters WHERE model_id = NEW.home_id;
END;
-- Those that are there, one after the other, by the same rule.
CREATE TEMPORARY TABLE versions (id BIGINT, home_id BIGINT, name TEXT);
CREATE TEMPORARY TRIGGER versions_number AFTER INSERT ON versions BEGIN
    INSERT INTO version_counters (model_id, last) VALUES (
        NEW.home_id,
        max(1, CASE WHEN NEW.name GLOB '[1-9]*' AND NEW.name NOT GLOB '*[^0-9]*' AND length(NEW.name) <= 10
            AND CAST(NEW.name AS INTEGER) <= 2147483647 THEN CAST(NEW.name AS INTEGER) ELSE 0 END)
    ) ON CONFLICT (model_id) DO UPDATE SET last = max(
        last + 1,
        CASE WHEN NEW.name GLOB '[1-9]*' AND NEW.name NOT GLOB '*[^0-9]*' AND length(NEW.name) <= 10
            AND CAST(NEW.name AS INTEGER) <= 2147483647 THEN CAST(NEW.name AS INTEGER) ELSE 0 END
    );
    INSERT INTO version_numbers (version_id, model_id, number)
    SELECT NEW.id, model_id, last FROM version_counters WHERE model_id = NEW.home_id;
END;
INSERT INTO versions (id, home_id, name) SELECT id, home_id, name FROM nodes WHERE type_id = 12 AND home_id IS NOT NULL ORDER BY id;
DROP TABLE versions;

-- The names of runs may repeat. One that does stands after a UUID, which is the run's own id, and a colon. What looked so before is
-- told apart by such a UUID, made of the id of its node.
UPDATE nodes SET name = printf('00000000-0000-0000-%s-%s:%s', substr(printf('%016x', id), 1, 4), substr(printf('%016x', id), 5), name)
WHERE type_id = 19 AND substr(name, 37, 1) = ':';
DROP INDEX nodes_workspace_type_seen_name;
CREATE INDEX nodes_workspace_type_seen_name ON nodes (
    workspace_id,
    type_id,
    (coalesce(CASE WHEN (kind = 1 AND (home_id IS NULL OR type_id = 15) OR type_id = 19) AND type_id BETWEEN 11 AND 22
        AND substr(name, 37, 1) = ':' THEN substr(name, 38) ELSE name END, '')),
    id
);

-- Runs, with what they are found and ordered by.
CREATE TABLE runs (
    node_id BIGINT PRIMARY KEY NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    experiment_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    -- 32 hexadecimal digits: the UUID before its name, or else the id of its node.
    run_id TEXT NOT NULL,
    -- When its node was made, where nobody says when it started.
    start_at BIGINT NOT NULL,
    end_at BIGINT,
    status TEXT,
    archived BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX runs_run_id ON runs (run_id);
CREATE INDEX runs_start ON runs (experiment_id, archived, start_at DESC, run_id);
CREATE TRIGGER nodes_run AFTER INSERT ON nodes WHEN NEW.type_id = 19 AND NEW.home_id IS NOT NULL BEGIN
    INSERT INTO runs (node_id, experiment_id, run_id, start_at, archived) VALUES (
        NEW.id,
        NEW.home_id,
        CASE WHEN substr(NEW.name, 37, 1) = ':' THEN replace(substr(NEW.name, 1, 36), '-', '') ELSE printf('%032x', NEW.id) END,
        NEW.created_at,
        FALSE
    );
END;
CREATE TRIGGER properties_run AFTER INSERT ON properties
    WHEN NOT NEW.custom AND NEW.name IN ('start_time_since_epoch', 'end_time_since_epoch', 'status', 'state') BEGIN
    UPDATE runs SET
        start_at = CASE WHEN NEW.name <> 'start_time_since_epoch' THEN start_at
            ELSE coalesce(NEW.int_value, (SELECT created_at FROM nodes WHERE id = NEW.node_id), start_at) END,
        end_at = CASE WHEN NEW.name <> 'end_time_since_epoch' THEN end_at ELSE NEW.int_value END,
        status = CASE WHEN NEW.name <> 'status' THEN status ELSE NEW.text_value END,
        archived = CASE WHEN NEW.name <> 'state' THEN archived ELSE coalesce(NEW.text_value = 'ARCHIVED', FALSE) END
    WHERE node_id = NEW.node_id;
END;
CREATE TRIGGER properties_run_changed AFTER UPDATE ON properties
    WHEN NOT NEW.custom AND NEW.name IN ('start_time_since_epoch', 'end_time_since_epoch', 'status', 'state') BEGIN
    UPDATE runs SET
        start_at = CASE WHEN NEW.name <> 'start_time_since_epoch' THEN start_at
            ELSE coalesce(NEW.int_value, (SELECT created_at FROM nodes WHERE id = NEW.node_id), start_at) END,
        end_at = CASE WHEN NEW.name <> 'end_time_since_epoch' THEN end_at ELSE NEW.int_value END,
        status = CASE WHEN NEW.name <> 'status' THEN status ELSE NEW.text_value END,
        archived = CASE WHEN NEW.name <> 'state' THEN archived ELSE coalesce(NEW.text_value = 'ARCHIVED', FALSE) END
    WHERE node_id = NEW.node_id;
END;
CREATE TRIGGER properties_run_removed AFTER DELETE ON properties
    WHEN NOT OLD.custom AND OLD.name IN ('start_time_since_epoch', 'end_time_since_epoch', 'status', 'state') BEGIN
    UPDATE runs SET
        start_at = CASE WHEN OLD.name <> 'start_time_since_epoch' THEN start_at
            ELSE coalesce((SELECT created_at FROM nodes WHERE id = OLD.node_id), start_at) END,
        end_at = CASE WHEN OLD.name <> 'end_time_since_epoch' THEN end_at ELSE NULL END,
        status = CASE WHEN OLD.name <> 'status' THEN status ELSE NULL END,
        archived = CASE WHEN OLD.name <> 'state' THEN archived ELSE FALSE END
    WHERE node_id = OLD.node_id;
END;
INSERT INTO runs (node_id, experiment_id, run_id, start_at, end_at, status, archived)
SELECT n.id, n.home_id,
    CASE WHEN substr(n.name, 37, 1) = ':' THEN replace(substr(n.name, 1, 36), '-', '') ELSE printf('%032x', n.id) END,
    coalesce(s.int_value, n.created_at), e.int_value, t.text_value, coalesce(a.text_value = 'ARCHIVED', FALSE)
FROM nodes AS n
LEFT JOIN properties AS s ON s.node_id = n.id AND NOT s.custom AND s.name = 'start_time_since_epoch'
LEFT JOIN properties AS e ON e.node_id = n.id AND NOT e.custom AND e.name = 'end_time_since_epoch'
LEFT JOIN properties AS t ON t.node_id = n.id AND NOT t.custom AND t.name = 'status'
LEFT JOIN properties AS a ON a.node_id = n.id AND NOT a.custom AND a.name = 'state'
WHERE n.type_id = 19 AND n.home_id IS NOT NULL;

-- The parameters of runs and versions.
CREATE TABLE parameters (
    node_id BIGINT PRIMARY KEY NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    home_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL
);
CREATE UNIQUE INDEX parameters_home ON parameters (home_id, name);
CREATE TRIGGER properties_parameter AFTER INSERT ON properties
    WHEN NOT NEW.custom AND NEW.name = 'value' AND NEW.text_value IS NOT NULL BEGIN
    INSERT INTO parameters (node_id, home_id, name, value)
    SELECT id, home_id, name, NEW.text_value FROM nodes
    WHERE id = NEW.node_id AND type_id = 17 AND home_id IS NOT NULL AND name IS NOT NULL
    ON CONFLICT (node_id) DO UPDATE SET value = excluded.value;
END;
CREATE TRIGGER properties_parameter_changed AFTER UPDATE ON properties
    WHEN NOT NEW.custom AND NEW.name = 'value' AND NEW.text_value IS NOT NULL BEGIN
    INSERT INTO parameters (node_id, home_id, name, value)
    SELECT id, home_id, name, NEW.text_value FROM nodes
    WHERE id = NEW.node_id AND type_id = 17 AND home_id IS NOT NULL AND name IS NOT NULL
    ON CONFLICT (node_id) DO UPDATE SET value = excluded.value;
END;
CREATE TRIGGER properties_parameter_removed AFTER DELETE ON properties WHEN NOT OLD.custom AND OLD.name = 'value' BEGIN
    DELETE FROM parameters WHERE node_id = OLD.node_id;
END;
INSERT INTO parameters (node_id, home_id, name, value)
SELECT n.id, n.home_id, n.name, p.text_value
FROM nodes AS n JOIN properties AS p ON p.node_id = n.id AND NOT p.custom AND p.name = 'value'
WHERE n.type_id = 17 AND n.home_id IS NOT NULL AND n.name IS NOT NULL AND p.text_value IS NOT NULL;

-- Which data sets and models a run read, and which models it made.
CREATE TABLE run_uses (
    run_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('input', 'output')),
    artifact_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    step BIGINT NOT NULL,
    -- JSON: an array of pairs.
    tags TEXT NOT NULL,
    PRIMARY KEY (run_id, role, artifact_id)
);
CREATE INDEX run_uses_artifact ON run_uses (artifact_id);

-- Model artifacts that runs log.
CREATE TABLE logged_models (
    node_id BIGINT PRIMARY KEY NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    experiment_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    -- `m-` and 32 hexadecimal digits.
    model_id TEXT NOT NULL,
    source_run_id BIGINT REFERENCES nodes (id) ON DELETE SET NULL
);
CREATE UNIQUE INDEX logged_models_model_id ON logged_models (model_id);
CREATE INDEX logged_models_experiment ON logged_models (experiment_id, node_id);
CREATE INDEX logged_models_source_run ON logged_models (source_run_id) WHERE source_run_id IS NOT NULL;
CREATE TABLE logged_model_params (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (node_id, name)
);
-- The latest value of each metric of a logged model, by the run that measured it and the data set that it was measured on; empty for none.
CREATE TABLE logged_model_metrics (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    dataset_name TEXT NOT NULL,
    dataset_digest TEXT NOT NULL,
    run_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    value DOUBLE,
    is_nan BOOLEAN NOT NULL,
    step BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (node_id, name, dataset_name, dataset_digest, run_id)
);
CREATE INDEX logged_model_metrics_run ON logged_model_metrics (run_id);
