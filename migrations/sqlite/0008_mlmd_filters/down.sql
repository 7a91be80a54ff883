DROP INDEX nodes_uri;
DROP INDEX nodes_kind_name;
