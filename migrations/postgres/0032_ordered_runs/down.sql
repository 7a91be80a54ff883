CREATE OR REPLACE FUNCTION properties_parameter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO parameters (node_id, home_id, name, value)
    SELECT id, home_id, name, NEW.text_value FROM nodes
    WHERE id = NEW.node_id AND type_id = 17 AND home_id IS NOT NULL AND name IS NOT NULL
    ON CONFLICT (node_id) DO UPDATE SET value = excluded.value;
    RETURN NULL;
END $$;
DROP INDEX parameters_root;
ALTER TABLE parameters DROP COLUMN root_id;
DROP TRIGGER metrics_root ON metrics;
DROP FUNCTION metrics_find_root();
DROP INDEX metrics_root;
ALTER TABLE metrics DROP COLUMN root_id;
