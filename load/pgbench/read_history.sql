-- What the server sends for a hundred points of a run.
\set run :first_run + random(0, :runs - 1)
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" FROM "nodes" WHERE ("nodes"."id" = :run) LIMIT 1;
SELECT l.id, nodes.id, nodes.home_id, nodes.name, l.value, l.step, l.at FROM members AS m JOIN nodes ON nodes.id = m.node_id CROSS JOIN LATERAL (SELECT metric_points.id, metric_points.value, metric_points.step, metric_points.at FROM metric_points WHERE metric_points.node_id = m.node_id AND metric_points.id > 0 ORDER BY metric_points.id ASC LIMIT 101) AS l WHERE m.context_id = :run AND nodes.type_id = 16 AND coalesce((CASE WHEN nodes.kind = 1 AND (nodes.home_id IS NULL OR nodes.type_id = 15) AND nodes.type_id BETWEEN 11 AND 22 AND substr(nodes.name, 37, 1) = ':' THEN substr(nodes.name, 38) ELSE nodes.name END), '') LIKE '%%' ESCAPE '\' ORDER BY l.id ASC LIMIT 101;
SELECT "nodes"."id", "nodes"."home_id" FROM "nodes" WHERE (("nodes"."id" = ANY(ARRAY[:run]::bigint[])) AND ("nodes"."type_id" = 19));
COMMIT;
