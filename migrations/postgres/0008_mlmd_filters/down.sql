DROP STATISTICS properties_text_start;
DROP STATISTICS nodes_uri_start;
DROP INDEX nodes_uri;
DROP INDEX nodes_kind_name;
