DROP INDEX nodes_kind;
DROP INDEX nodes_kind_created;
DROP INDEX nodes_kind_updated;
