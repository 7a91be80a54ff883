-- Lists of every node of a kind, whatever its type.
CREATE INDEX nodes_kind ON nodes (kind, id);
CREATE INDEX nodes_kind_created ON nodes (kind, created_at, id);
CREATE INDEX nodes_kind_updated ON nodes (kind, updated_at, id);
