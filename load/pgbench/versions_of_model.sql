-- What the server sends for twenty versions of the large model, from any place on. pgbench keeps no rows, so that the ids of
-- the page are reckoned: its versions were made after it.
\set after :large_model + random(0, 20 * 249)
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" FROM "nodes" WHERE (("nodes"."type_id" IS NOT DISTINCT FROM 12) AND ("nodes"."home_id" = :large_model) AND ("nodes"."id" > :after)) ORDER BY "nodes"."id" ASC LIMIT 21;
SELECT "properties"."node_id", "properties"."custom", "properties"."name", "properties"."kind", "properties"."int_value", "properties"."double_value", "properties"."text_value", "properties"."bytes_value" FROM "properties" WHERE ("properties"."node_id" = ANY(ARRAY(SELECT generate_series(:after::bigint + 1, :after::bigint + 21, 1))));
COMMIT;
