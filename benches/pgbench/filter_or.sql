-- What the server sends for versions by either of two properties. pgbench keeps no rows, so that the ids of the page are reckoned.
\set n random(0, 9)
\set e random(0, 99)
\set start :first_version + :n
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" FROM "nodes" WHERE (("nodes"."type_id" = 12) AND (nodes.id IN (SELECT p.node_id FROM properties AS p WHERE p.custom = TRUE AND p.name = 'stage' AND (p.kind = 3 AND p.text_value IS NOT NULL AND substr(p.text_value, 1, 128) = 'stage-' || :n::text)) OR nodes.id IN (SELECT p.node_id FROM properties AS p WHERE p.custom = TRUE AND p.name = 'epochs' AND (p.kind = 1 AND p.int_value = :e OR p.kind = 2 AND p.double_value = :e)))) ORDER BY "nodes"."id" ASC LIMIT 101;
SELECT "properties"."node_id", "properties"."custom", "properties"."name", "properties"."kind", "properties"."int_value", "properties"."double_value", "properties"."text_value", "properties"."bytes_value" FROM "properties" WHERE ("properties"."node_id" = ANY(ARRAY(SELECT generate_series(:start::bigint, :start::bigint + 100 * 10, 10))));
COMMIT;
