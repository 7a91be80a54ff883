-- What the server sends for versions by a string. pgbench keeps no rows, so that the ids of the page are reckoned.
\set n random(0, 9)
\set start :first_version + :n
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT CAST(0 AS BIGINT) AS lead, count(*) AS size FROM (SELECT 1 FROM properties AS p WHERE p.custom = TRUE AND p.name = 'stage' AND (p.kind = 3 AND (length(p.text_value) <= 128 AND p.text_value = 'stage-' || :n::text)) LIMIT 1000) AS l UNION ALL SELECT CAST(1 AS BIGINT), count(*) FROM (SELECT 1 FROM nodes WHERE nodes.type_id IN (12) LIMIT 1000) AS l;
SELECT CAST(0 AS BIGINT) AS list, l.node_id AS id FROM (SELECT p.node_id FROM properties AS p WHERE p.custom = TRUE AND p.name = 'stage' AND (p.kind = 3 AND (length(p.text_value) <= 128 AND p.text_value = 'stage-' || :n::text)) ORDER BY p.node_id LIMIT 101) AS l;
SELECT "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" FROM "nodes" WHERE ((("nodes"."type_id" = 12) AND EXISTS (SELECT 1 FROM properties AS p WHERE p.node_id = nodes.id AND p.custom = TRUE AND p.name = 'stage' AND (p.kind + 0 = 3 AND (length(p.text_value) <= 128 AND p.text_value = 'stage-' || :n::text)) LIMIT 1 OFFSET 0)) AND ("nodes"."id" = ANY(ARRAY(SELECT generate_series(:start::bigint, :start::bigint + 100 * 10, 10))))) ORDER BY "nodes"."id" ASC LIMIT 101;
SELECT "properties"."node_id", "properties"."custom", "properties"."name", "properties"."kind", "properties"."int_value", "properties"."double_value", "properties"."text_value", "properties"."bytes_value" FROM "properties" WHERE ("properties"."node_id" = ANY(ARRAY(SELECT generate_series(:start::bigint, :start::bigint + 100 * 10, 10))));
COMMIT;
