-- What the server sends for a point of a metric that is there.
\set run :first_run + random(0, :runs - 1)
\set step random(1, 1000000)
\set now 1795273503517
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" FROM "nodes" WHERE ("nodes"."id" = :run) LIMIT 1;
SELECT "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" FROM "nodes" WHERE ((("nodes"."type_id" = 16) AND ("nodes"."name" = 'loss')) AND ("nodes"."home_id" = :run)) LIMIT 1 \gset metric_
UPDATE "nodes" SET "revision" = ("nodes"."revision" + 1), "updated_at" = CASE WHEN updated_at < :now THEN :now ELSE updated_at + 1 END WHERE ((("nodes"."id" = :metric_id) AND ("nodes"."type_id" = 16)) AND ("nodes"."revision" BETWEEN 0 AND 9223372036854775807)) RETURNING "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision";
SELECT "properties"."node_id", "properties"."custom", "properties"."name", "properties"."kind", "properties"."int_value", "properties"."double_value", "properties"."text_value", "properties"."bytes_value" FROM "properties" WHERE ("properties"."node_id" = :metric_id);
SELECT "metrics"."node_id", "metrics"."home_id", "metrics"."name", "metrics"."value", "metrics"."is_nan", "metrics"."step", "metrics"."at" FROM "metrics" WHERE ("metrics"."node_id" = :metric_id);
INSERT INTO "metric_points" ("node_id", "step", "at", "value", "is_nan") SELECT * FROM unnest(ARRAY[:metric_id]::bigint[], ARRAY[:step]::bigint[], ARRAY[:now]::bigint[], ARRAY[0.5]::double precision[], ARRAY[false]::boolean[]);
INSERT INTO "metrics" ("node_id", "home_id", "root_id", "name", "value", "is_nan", "step", "at") SELECT * FROM unnest(ARRAY[:metric_id]::bigint[], ARRAY[:run]::bigint[], ARRAY(SELECT root_id FROM nodes WHERE id = :run), ARRAY['loss']::text[], ARRAY[0.5]::double precision[], ARRAY[false]::boolean[], ARRAY[:step]::bigint[], ARRAY[:now]::bigint[]) ON CONFLICT (node_id) DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan, step = excluded.step, at = excluded.at;
COMMIT;
