DROP INDEX properties_long_text;
DROP INDEX properties_text;
CREATE INDEX properties_text ON properties (name, substr(text_value, 1, 128)) WHERE text_value IS NOT NULL;
DROP INDEX properties_double;
CREATE INDEX properties_double ON properties (name, double_value) WHERE double_value IS NOT NULL;
DROP INDEX properties_int;
CREATE INDEX properties_int ON properties (name, int_value) WHERE int_value IS NOT NULL;
