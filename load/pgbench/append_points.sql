-- What the server sends for a hundred points of a metric that is there.
\set run :first_run + random(0, :runs - 1)
\set step random(1, 1000000)
\set now 1795273503517
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" FROM "nodes" WHERE ("nodes"."id" = :run) LIMIT 1;
UPDATE "nodes" SET "revision" = ("nodes"."revision" + 1), "updated_at" = CASE WHEN updated_at < :now THEN :now ELSE updated_at + 1 END WHERE ((("nodes"."type_id" = 16) AND ("nodes"."home_id" = :run)) AND ("nodes"."name" = ANY(ARRAY['loss']))) RETURNING "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" \gset metric_
INSERT INTO "metric_points" ("node_id", "step", "at", "value", "is_nan") SELECT * FROM unnest(array_fill(:metric_id::bigint, ARRAY[100]), ARRAY(SELECT generate_series(:step::bigint, :step::bigint + 99)), array_fill(:now::bigint, ARRAY[100]), array_fill(0.5::double precision, ARRAY[100]), array_fill(false, ARRAY[100]));
INSERT INTO "metrics" ("node_id", "home_id", "root_id", "name", "value", "is_nan", "step", "at") SELECT * FROM unnest(ARRAY[:metric_id]::bigint[], ARRAY[:run]::bigint[], ARRAY(SELECT root_id FROM nodes WHERE id = :run), ARRAY['loss']::text[], ARRAY[0.5]::double precision[], ARRAY[false]::boolean[], ARRAY[:step]::bigint[], ARRAY[:now]::bigint[]) ON CONFLICT (node_id) DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan, step = excluded.step, at = excluded.at;
COMMIT;
