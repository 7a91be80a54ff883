-- What the server sends for a version by its name in its model.
\set i random(0, :versions - 1)
\set number :i * 7919 % 1000003
\set model :first_model + :i / 100
SELECT "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision", "properties"."node_id", "properties"."custom", "properties"."name", "properties"."kind", "properties"."int_value", "properties"."double_value", "properties"."text_value", "properties"."bytes_value" FROM ("nodes" LEFT OUTER JOIN "properties" ON ("properties"."node_id" = "nodes"."id")) WHERE ((("nodes"."type_id" = 12) AND ("nodes"."name" = 'v' || lpad(:number::text, 7, '0'))) AND ("nodes"."home_id" = :model));
