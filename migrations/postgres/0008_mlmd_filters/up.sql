-- For ML Metadata's filters, which name no type: by name, and by URI. A prefix, because a B-tree entry is limited.
CREATE INDEX nodes_kind_name ON nodes (kind, name);
CREATE INDEX nodes_uri ON nodes (substr(uri, 1, 128)) WHERE uri IS NOT NULL;
-- PostgreSQL has no use for the statistics of a partial index.
CREATE STATISTICS nodes_uri_start ON (substr(uri, 1, 128)) FROM nodes;
CREATE STATISTICS properties_text_start ON (substr(text_value, 1, 128)) FROM properties;
