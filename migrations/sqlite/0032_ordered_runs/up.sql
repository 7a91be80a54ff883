-- The latest metrics and the parameters of an experiment in the order of their values: a page of runs that are ordered by one of them
-- reads no others.

-- The model or experiment that the metric belongs to, as its node says; it never changes.
ALTER TABLE metrics ADD COLUMN root_id BIGINT;
UPDATE metrics SET root_id = (SELECT root_id FROM nodes WHERE id = metrics.node_id);
CREATE INDEX metrics_root ON metrics (root_id, name, value, home_id);
-- The rows of servers that know of no roots.
CREATE TRIGGER metrics_root AFTER INSERT ON metrics WHEN NEW.root_id IS NULL BEGIN
    UPDATE metrics SET root_id = (SELECT root_id FROM nodes WHERE id = NEW.node_id) WHERE node_id = NEW.node_id;
END;

ALTER TABLE parameters ADD COLUMN root_id BIGINT;
UPDATE parameters SET root_id = (SELECT root_id FROM nodes WHERE id = parameters.node_id);
-- Of long values the beginning, because an entry of an index has a largest size.
CREATE INDEX parameters_root ON parameters (root_id, name, substr(value, 1, 128));
DROP TRIGGER properties_parameter;
CREATE TRIGGER properties_parameter AFTER INSERT ON properties
    WHEN NOT NEW.custom AND NEW.name = 'value' AND NEW.text_value IS NOT NULL BEGIN
    INSERT INTO parameters (node_id, home_id, root_id, name, value)
    SELECT id, home_id, root_id, name, NEW.text_value FROM nodes
    WHERE id = NEW.node_id AND type_id = 17 AND home_id IS NOT NULL AND name IS NOT NULL
    ON CONFLICT (node_id) DO UPDATE SET value = excluded.value;
END;
DROP TRIGGER properties_parameter_changed;
CREATE TRIGGER properties_parameter_changed AFTER UPDATE ON properties
    WHEN NOT NEW.custom AND NEW.name = 'value' AND NEW.text_value IS NOT NULL BEGIN
    INSERT INTO parameters (node_id, home_id, root_id, name, value)
    SELECT id, home_id, root_id, name, NEW.text_value FROM nodes
    WHERE id = NEW.node_id AND type_id = 17 AND home_id IS NOT NULL AND name IS NOT NULL
    ON CONFLICT (node_id) DO UPDATE SET value = excluded.value;
END;
