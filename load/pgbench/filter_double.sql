-- What the server sends for versions by a range of a double. pgbench keeps no rows, so that the ids of the page are reckoned.
\set low random(0, 9899)
\set least :low / 10000.0
\set most :least + 0.01
\set start :first_version + :low % 10
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT CAST(0 AS BIGINT) AS scan, count(*) AS size FROM (SELECT 1 FROM properties AS p WHERE p.custom = TRUE AND p.name = 'accuracy' AND (p.kind = 2 AND p.double_value >= :least AND p.double_value <= :most) LIMIT 20000) AS l UNION ALL SELECT CAST(1 AS BIGINT), count(*) FROM (SELECT 1 FROM nodes WHERE nodes.type_id IN (12) LIMIT 1000) AS l;
WITH l AS (SELECT CAST(0 AS BIGINT) AS list, r.node_id AS id FROM (SELECT p.node_id FROM properties AS p WHERE p.custom = TRUE AND p.name = 'accuracy' AND (p.kind = 2 AND p.double_value >= :least AND p.double_value <= :most) LIMIT 20000) AS r) SELECT f.list, f.id FROM (SELECT CAST(-1 AS BIGINT) AS list, o.id FROM (SELECT l.id FROM l ORDER BY l.id ASC LIMIT 101 OFFSET 0) AS o WHERE TRUE LIMIT 101) AS f;
SELECT "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" FROM "nodes" WHERE (("nodes"."type_id" = 12) AND ("nodes"."id" = ANY(ARRAY(SELECT generate_series(:start::bigint, :start::bigint + 100 * 10, 10))))) ORDER BY "nodes"."id" ASC LIMIT 101;
SELECT "properties"."node_id", "properties"."custom", "properties"."name", "properties"."kind", "properties"."int_value", "properties"."double_value", "properties"."text_value", "properties"."bytes_value" FROM "properties" WHERE ("properties"."node_id" = ANY(ARRAY(SELECT generate_series(:start::bigint, :start::bigint + 100 * 10, 10))));
COMMIT;
