DROP TABLE logged_model_metrics;
DROP TABLE logged_model_params;
DROP TABLE logged_models;
DROP TABLE run_uses;
DROP TRIGGER properties_parameter_removed ON properties;
DROP FUNCTION properties_parameter_removed();
DROP TRIGGER properties_parameter ON properties;
DROP FUNCTION properties_parameter();
DROP TABLE parameters;
DROP TRIGGER properties_run_removed ON properties;
DROP TRIGGER properties_run ON properties;
DROP FUNCTION properties_run();
DROP TRIGGER nodes_run ON nodes;
DROP FUNCTION nodes_run();
DROP TABLE runs;
DROP INDEX nodes_workspace_type_seen_name;
CREATE INDEX nodes_workspace_type_seen_name ON nodes (
    workspace_id,
    type_id,
    (coalesce(CASE WHEN kind = 1 AND (home_id IS NULL OR type_id = 15) AND type_id BETWEEN 11 AND 22
        AND substr(name, 37, 1) = ':' THEN substr(name, 38) ELSE name END, '')),
    id
);
DROP TRIGGER nodes_version_number ON nodes;
DROP FUNCTION nodes_number_version();
DROP FUNCTION number_version(BIGINT, BIGINT, TEXT);
DROP TABLE version_numbers;
DROP TABLE version_counters;
DELETE FROM properties WHERE NOT custom AND (
    name IN ('run_link', 'stage') AND node_id IN (SELECT id FROM nodes WHERE type_id = 12)
    OR name = 'artifact_location' AND node_id IN (SELECT id FROM nodes WHERE type_id = 18)
    OR name = 'artifact_uri' AND node_id IN (SELECT id FROM nodes WHERE type_id = 19)
);
DELETE FROM type_properties
WHERE (type_id, name) IN ((12, 'run_link'), (12, 'stage'), (18, 'artifact_location'), (19, 'artifact_uri'));
