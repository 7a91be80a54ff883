DROP TRIGGER properties_parameter_changed;
CREATE TRIGGER properties_parameter_changed AFTER UPDATE ON properties
    WHEN NOT NEW.custom AND NEW.name = 'value' AND NEW.text_value IS NOT NULL BEGIN
    INSERT INTO parameters (node_id, home_id, name, value)
    SELECT id, home_id, name, NEW.text_value FROM nodes
    WHERE id = NEW.node_id AND type_id = 17 AND home_id IS NOT NULL AND name IS NOT NULL
    ON CONFLICT (node_id) DO UPDATE SET value = excluded.value;
END;
DROP TRIGGER properties_parameter;
CREATE TRIGGER properties_parameter AFTER INSERT ON properties
    WHEN NOT NEW.custom AND NEW.name = 'value' AND NEW.text_value IS NOT NULL BEGIN
    INSERT INTO parameters (node_id, home_id, name, value)
    SELECT id, home_id, name, NEW.text_value FROM nodes
    WHERE id = NEW.node_id AND type_id = 17 AND home_id IS NOT NULL AND name IS NOT NULL
    ON CONFLICT (node_id) DO UPDATE SET value = excluded.value;
END;
DROP INDEX parameters_root;
ALTER TABLE parameters DROP COLUMN root_id;
DROP TRIGGER metrics_root;
DROP INDEX metrics_root;
ALTER TABLE metrics DROP COLUMN root_id;
