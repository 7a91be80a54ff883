-- What filters of lists look for across all models: aliases by name, the few files that are not clean or are quarantined, and formats.
CREATE INDEX aliases_name ON aliases (name, model_id);
CREATE INDEX inspections_verdict ON inspections (verdict, node_id) WHERE verdict <> 'clean';
CREATE INDEX inspections_format ON inspections (format, node_id) WHERE format IS NOT NULL;
CREATE INDEX files_quarantined ON files (node_id, path) WHERE quarantine IS NOT NULL;
-- The record of changes backwards, in a workspace and of all that belongs to a root.
CREATE INDEX changes_workspace ON changes (workspace_id, at, id);
CREATE INDEX changes_of_root ON changes (root_id, id);
