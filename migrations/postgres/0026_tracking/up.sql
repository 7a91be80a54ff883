-- What training tools know of the graph: versions by number, runs by their own ids, parameters, and the models that runs log. The nodes
-- stay what everything is made of. Triggers fill the tables that follow from nodes and properties, so that whatever wrote a node, a
-- server of the previous release among it, is found by these tables, too.

-- All at once and before anything else, because servers of the previous release go on meanwhile.
LOCK TABLE nodes, properties IN ACCESS EXCLUSIVE MODE;

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

CREATE FUNCTION number_version(version BIGINT, model BIGINT, name TEXT) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    wanted BIGINT := 0;
    given BIGINT;
BEGIN
    IF name ~ '^[1-9][0-9]{0,9}$' AND name::bigint <= 2147483647 THEN
        wanted := name::bigint;
    END IF;
    INSERT INTO version_counters AS c (model_id, last) VALUES (model, greatest(1, wanted))
    ON CONFLICT (model_id) DO UPDATE SET last = greatest(c.last + 1, wanted)
    RETURNING last INTO given;
    INSERT INTO version_numbers (version_id, model_id, number) VALUES (version, model, given);
END $$;
CREATE FUNCTION nodes_number_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM number_version(NEW.id, NEW.home_id, NEW.name);
    RETURN NULL;
END $$;
CREATE TRIGGER nodes_version_number AFTER INSERT ON nodes FOR EACH ROW WHEN (NEW.type_id = 12 AND NEW.home_id IS NOT NULL)
    EXECUTE FUNCTION nodes_number_version();
DO $$
DECLARE
    version RECORD;
BEGIN
    FOR version IN SELECT id, home_id, name FROM nodes WHERE type_id = 12 AND home_id IS NOT NULL ORDER BY id LOOP
        PERFORM number_version(version.id, version.home_id, version.name);
    END LOOP;
END $$;

-- The names of runs may repeat. One that does stands after a UUID, which is the run's own id, and a colon. What looked so before is
-- told apart by such a UUID, made of the id of its node.
UPDATE nodes SET name = '00000000-0000-0000-' || substr(lpad(to_hex(id), 16, '0'), 1, 4) || '-'
    || substr(lpad(to_hex(id), 16, '0'), 5) || ':' || name
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
    run_id TEXT COLLATE "C" NOT NULL,
    -- When its node was made, where nobody says when it started.
    start_at BIGINT NOT NULL,
    end_at BIGINT,
    status TEXT COLLATE "C",
    archived BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX runs_run_id ON runs (run_id);
CREATE INDEX runs_start ON runs (experiment_id, archived, start_at DESC, run_id);
CREATE FUNCTION nodes_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO runs (node_id, experiment_id, run_id, start_at, end_at, status, archived)
    SELECT NEW.id, NEW.home_id,
        CASE WHEN substr(NEW.name, 37, 1) = ':' THEN replace(substr(NEW.name, 1, 36), '-', '') ELSE lpad(to_hex(NEW.id), 32, '0') END,
        coalesce(max(int_value) FILTER (WHERE name = 'start_time_since_epoch'), NEW.created_at),
        max(int_value) FILTER (WHERE name = 'end_time_since_epoch'),
        max(text_value) FILTER (WHERE name = 'status'),
        coalesce(bool_or(text_value = 'ARCHIVED') FILTER (WHERE name = 'state'), FALSE)
    FROM properties WHERE node_id = NEW.id AND NOT custom;
    RETURN NULL;
END $$;
CREATE TRIGGER nodes_run AFTER INSERT ON nodes FOR EACH ROW WHEN (NEW.type_id = 19 AND NEW.home_id IS NOT NULL)
    EXECUTE FUNCTION nodes_run();
CREATE FUNCTION properties_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    property RECORD;
BEGIN
    IF TG_OP = 'DELETE' THEN
        property := OLD;
        property.int_value := NULL;
        property.text_value := NULL;
    ELSE
        property := NEW;
    END IF;
    IF property.name = 'start_time_since_epoch' THEN
        UPDATE runs SET start_at = coalesce(property.int_value, (SELECT created_at FROM nodes WHERE id = property.node_id), start_at)
        WHERE node_id = property.node_id;
    ELSIF property.name = 'end_time_since_epoch' THEN
        UPDATE runs SET end_at = property.int_value WHERE node_id = property.node_id;
    ELSIF property.name = 'status' THEN
        UPDATE runs SET status = property.text_value WHERE node_id = property.node_id;
    ELSE
        UPDATE runs SET archived = coalesce(property.text_value = 'ARCHIVED', FALSE) WHERE node_id = property.node_id;
    END IF;
    RETURN NULL;
END $$;
-- The run's own row is made at the end of the statement that made its node, with the properties of the same statement.
CREATE TRIGGER properties_run AFTER INSERT OR UPDATE ON properties FOR EACH ROW
    WHEN (NOT NEW.custom AND NEW.name IN ('start_time_since_epoch', 'end_time_since_epoch', 'status', 'state'))
    EXECUTE FUNCTION properties_run();
CREATE TRIGGER properties_run_removed AFTER DELETE ON properties FOR EACH ROW
    WHEN (NOT OLD.custom AND OLD.name IN ('start_time_since_epoch', 'end_time_since_epoch', 'status', 'state'))
    EXECUTE FUNCTION properties_run();
INSERT INTO runs (node_id, experiment_id, run_id, start_at, end_at, status, archived)
SELECT n.id, n.home_id,
    CASE WHEN substr(n.name, 37, 1) = ':' THEN replace(substr(n.name, 1, 36), '-', '') ELSE lpad(to_hex(n.id), 32, '0') END,
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
    name TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX parameters_home ON parameters (home_id, name);
CREATE FUNCTION properties_parameter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO parameters (node_id, home_id, name, value)
    SELECT id, home_id, name, NEW.text_value FROM nodes
    WHERE id = NEW.node_id AND type_id = 17 AND home_id IS NOT NULL AND name IS NOT NULL
    ON CONFLICT (node_id) DO UPDATE SET value = excluded.value;
    RETURN NULL;
END $$;
CREATE TRIGGER properties_parameter AFTER INSERT OR UPDATE ON properties FOR EACH ROW
    WHEN (NOT NEW.custom AND NEW.name = 'value' AND NEW.text_value IS NOT NULL) EXECUTE FUNCTION properties_parameter();
CREATE FUNCTION properties_parameter_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM parameters WHERE node_id = OLD.node_id;
    RETURN NULL;
END $$;
CREATE TRIGGER properties_parameter_removed AFTER DELETE ON properties FOR EACH ROW
    WHEN (NOT OLD.custom AND OLD.name = 'value') EXECUTE FUNCTION properties_parameter_removed();
INSERT INTO parameters (node_id, home_id, name, value)
SELECT n.id, n.home_id, n.name, p.text_value
FROM nodes AS n JOIN properties AS p ON p.node_id = n.id AND NOT p.custom AND p.name = 'value'
WHERE n.type_id = 17 AND n.home_id IS NOT NULL AND n.name IS NOT NULL AND p.text_value IS NOT NULL;

-- Which data sets and models a run read, and which models it made.
CREATE TABLE run_uses (
    run_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    role TEXT COLLATE "C" NOT NULL CHECK (role IN ('input', 'output')),
    artifact_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    step BIGINT NOT NULL,
    -- JSON: an array of pairs.
    tags TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (run_id, role, artifact_id)
);
CREATE INDEX run_uses_artifact ON run_uses (artifact_id);

-- Model artifacts that runs log.
CREATE TABLE logged_models (
    node_id BIGINT PRIMARY KEY NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    experiment_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    -- `m-` and 32 hexadecimal digits.
    model_id TEXT COLLATE "C" NOT NULL,
    source_run_id BIGINT REFERENCES nodes (id) ON DELETE SET NULL
);
CREATE UNIQUE INDEX logged_models_model_id ON logged_models (model_id);
CREATE INDEX logged_models_experiment ON logged_models (experiment_id, node_id);
CREATE INDEX logged_models_source_run ON logged_models (source_run_id) WHERE source_run_id IS NOT NULL;
CREATE TABLE logged_model_params (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (node_id, name)
);
-- The latest value of each metric of a logged model, by the run that measured it and the data set that it was measured on; empty for none.
CREATE TABLE logged_model_metrics (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    dataset_name TEXT COLLATE "C" NOT NULL,
    dataset_digest TEXT COLLATE "C" NOT NULL,
    run_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    value DOUBLE PRECISION,
    is_nan BOOLEAN NOT NULL,
    step BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (node_id, name, dataset_name, dataset_digest, run_id)
);
CREATE INDEX logged_model_metrics_run ON logged_model_metrics (run_id);
