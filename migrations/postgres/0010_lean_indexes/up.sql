-- Most nodes have no home and no external id: they need no places in the indexes of those.
DROP INDEX nodes_external_id;
CREATE UNIQUE INDEX nodes_external_id ON nodes (kind, external_id) WHERE external_id IS NOT NULL;
DROP INDEX nodes_home;
CREATE INDEX nodes_home ON nodes (home_id, id) WHERE home_id IS NOT NULL;
DROP INDEX nodes_home_created;
CREATE INDEX nodes_home_created ON nodes (home_id, type_id, created_at, id) WHERE home_id IS NOT NULL;
DROP INDEX nodes_home_updated;
CREATE INDEX nodes_home_updated ON nodes (home_id, type_id, updated_at, id) WHERE home_id IS NOT NULL;
