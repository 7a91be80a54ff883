-- What has a value, in the order of ids: a page of them is read without sorting the others, and without the table's rows.
DROP INDEX properties_int;
CREATE INDEX properties_int ON properties (name, kind, custom, int_value, node_id) WHERE int_value IS NOT NULL;
DROP INDEX properties_double;
CREATE INDEX properties_double ON properties (name, kind, custom, double_value, node_id) WHERE double_value IS NOT NULL;
-- A B-tree entry is limited and a text is not, so that long ones have an index of their beginnings. It is another one because
-- PostgreSQL reads no row from an index that has an expression.
DROP INDEX properties_text;
CREATE INDEX properties_text ON properties (name, kind, custom, text_value, node_id) WHERE length(text_value) <= 128;
CREATE INDEX properties_long_text ON properties (name, kind, custom, substr(text_value, 1, 128), node_id) WHERE length(text_value) > 128;
-- A value says much about the name that it belongs to.
DROP STATISTICS properties_text_start;
CREATE STATISTICS properties_text_length ON (length(text_value)) FROM properties;
CREATE STATISTICS properties_named_int (dependencies) ON name, int_value FROM properties;
CREATE STATISTICS properties_named_double (dependencies) ON name, double_value FROM properties;
CREATE STATISTICS properties_named_text (dependencies) ON name, text_value FROM properties;
