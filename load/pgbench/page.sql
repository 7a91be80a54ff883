-- What the server sends for the versions of a model. pgbench keeps no rows, so that the ids of the page are reckoned.
\set number random(0, :full_models - 1)
\set model :first_model + :number
\set start :first_version + 100 * :number
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" FROM "nodes" WHERE (("nodes"."type_id" IS NOT DISTINCT FROM 12) AND ("nodes"."home_id" = :model)) ORDER BY "nodes"."id" ASC LIMIT 101;
SELECT "properties"."node_id", "properties"."custom", "properties"."name", "properties"."kind", "properties"."int_value", "properties"."double_value", "properties"."text_value", "properties"."bytes_value" FROM "properties" WHERE ("properties"."node_id" = ANY(ARRAY(SELECT generate_series(:start::bigint, :start::bigint + 100 * 1, 1))));
COMMIT;
