-- What the server sends for a version by its name in its model.
\set i random(0, :versions - 1)
\set number :i * 7919 % 1000003
\set model :first_model + :i / 100
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" FROM "nodes" WHERE ((("nodes"."type_id" = 12) AND ("nodes"."name" = 'v' || lpad(:number::text, 7, '0'))) AND ("nodes"."home_id" = :model)) LIMIT 1 \gset found_
SELECT "properties"."node_id", "properties"."custom", "properties"."name", "properties"."kind", "properties"."int_value", "properties"."double_value", "properties"."text_value", "properties"."bytes_value" FROM "properties" WHERE ("properties"."node_id" = :found_id);
COMMIT;
