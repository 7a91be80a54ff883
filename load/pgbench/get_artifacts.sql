-- What the server sends for ten artifacts of ML Metadata.
\set a0 random(:first_artifact, :end_artifact - 1)
\set a1 random(:first_artifact, :end_artifact - 1)
\set a2 random(:first_artifact, :end_artifact - 1)
\set a3 random(:first_artifact, :end_artifact - 1)
\set a4 random(:first_artifact, :end_artifact - 1)
\set a5 random(:first_artifact, :end_artifact - 1)
\set a6 random(:first_artifact, :end_artifact - 1)
\set a7 random(:first_artifact, :end_artifact - 1)
\set a8 random(:first_artifact, :end_artifact - 1)
\set a9 random(:first_artifact, :end_artifact - 1)
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" FROM "nodes" WHERE (("nodes"."id" = ANY(ARRAY[:a0, :a1, :a2, :a3, :a4, :a5, :a6, :a7, :a8, :a9]::bigint[])) AND ("nodes"."kind" = 1));
SELECT "properties"."node_id", "properties"."custom", "properties"."name", "properties"."kind", "properties"."int_value", "properties"."double_value", "properties"."text_value", "properties"."bytes_value" FROM "properties" WHERE ("properties"."node_id" = ANY(ARRAY[:a0, :a1, :a2, :a3, :a4, :a5, :a6, :a7, :a8, :a9]::bigint[]));
SELECT "types"."id", "types"."kind", "types"."name", "types"."version", "types"."description", "types"."external_id", "types"."base_type", "types"."input_type", "types"."output_type", "type_properties"."name", "type_properties"."data_type" FROM ("types" LEFT OUTER JOIN "type_properties" ON ("type_properties"."type_id" = "types"."id")) WHERE ("types"."id" = :data_type);
COMMIT;
