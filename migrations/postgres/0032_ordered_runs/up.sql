-- The latest metrics and the parameters of an experiment in the order of their values: a page of runs that are ordered by one of them
-- reads no others.

-- All at once and before anything else, because servers of the previous release go on meanwhile.
LOCK TABLE nodes, properties, metrics, parameters IN ACCESS EXCLUSIVE MODE;

-- The model or experiment that the metric belongs to, as its node says; it never changes.
ALTER TABLE metrics ADD COLUMN root_id BIGINT;
UPDATE metrics SET root_id = nodes.root_id FROM nodes WHERE nodes.id = metrics.node_id;
CREATE INDEX metrics_root ON metrics (root_id, name, value, home_id);
-- The rows of servers that know of no roots.
CREATE FUNCTION metrics_find_root() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.root_id := (SELECT root_id FROM nodes WHERE id = NEW.node_id);
    RETURN NEW;
END $$;
CREATE TRIGGER metrics_root BEFORE INSERT ON metrics FOR EACH ROW WHEN (NEW.root_id IS NULL) EXECUTE FUNCTION metrics_find_root();

ALTER TABLE parameters ADD COLUMN root_id BIGINT;
UPDATE parameters SET root_id = nodes.root_id FROM nodes WHERE nodes.id = parameters.node_id;
-- Of long values the beginning, because an entry of an index has a largest size.
CREATE INDEX parameters_root ON parameters (root_id, name, (substr(value, 1, 128)));
CREATE OR REPLACE FUNCTION properties_parameter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO parameters (node_id, home_id, root_id, name, value)
    SELECT id, home_id, root_id, name, NEW.text_value FROM nodes
    WHERE id = NEW.node_id AND type_id = 17 AND home_id IS NOT NULL AND name IS NOT NULL
    ON CONFLICT (node_id) DO UPDATE SET value = excluded.value;
    RETURN NULL;
END $$;
