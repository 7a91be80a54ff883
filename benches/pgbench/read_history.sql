-- What the server sends for a hundred points of a run.
\set run :first_run + random(0, :runs - 1)
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" FROM "nodes" WHERE ("nodes"."id" = :run) LIMIT 1;
SELECT "metric_points"."id", "nodes"."id", "nodes"."home_id", "nodes"."name", "metric_points"."value", "metric_points"."step", "metric_points"."at" FROM ("metric_points" INNER JOIN "nodes" ON ("metric_points"."node_id" = "nodes"."id")) WHERE (("nodes"."type_id" = 16) AND ("nodes"."id" = ANY(SELECT "members"."node_id" FROM "members" WHERE ("members"."context_id" = :run)))) ORDER BY "metric_points"."id" ASC LIMIT 101;
SELECT "nodes"."id", "nodes"."home_id" FROM "nodes" WHERE (("nodes"."id" = ANY(ARRAY[:run]::bigint[])) AND ("nodes"."type_id" = 19));
COMMIT;
