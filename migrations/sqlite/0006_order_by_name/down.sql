DROP INDEX nodes_type_seen_name;
