-- What the server sends for a new model.
\set n random(1, 9000000000000000000)
\set now 1795273503517
BEGIN ISOLATION LEVEL READ COMMITTED;
INSERT INTO "nodes" ("kind", "type_id", "home_id", "name", "external_id", "uri", "state", "created_at", "updated_at") VALUES (2, 11, NULL, 'made ' || :n::text, NULL, NULL, NULL, :now, :now) ON CONFLICT DO NOTHING RETURNING "nodes"."id", "nodes"."type_id", "nodes"."home_id", "nodes"."name", "nodes"."external_id", "nodes"."uri", "nodes"."state", "nodes"."created_at", "nodes"."updated_at", "nodes"."revision" \gset made_
INSERT INTO "properties" ("node_id", "custom", "name", "kind", "int_value", "double_value", "text_value", "bytes_value") SELECT * FROM unnest(ARRAY[:made_id, :made_id]::bigint[], ARRAY[false, false]::boolean[], ARRAY['owner', 'state']::text[], ARRAY[3, 3]::bigint[], ARRAY[NULL, NULL]::bigint[], ARRAY[NULL, NULL]::double precision[], ARRAY['ada', 'LIVE']::text[], ARRAY[NULL, NULL]::bytea[]);
INSERT INTO "changes" ("at", "actor", "action", "node_id", "revision", "document", "request_id") SELECT * FROM unnest(ARRAY[:now]::bigint[], ARRAY['anonymous']::text[], ARRAY['create']::text[], ARRAY[:made_id]::bigint[], ARRAY[1]::bigint[], ARRAY['{"createdAt": 1795273503517, "customProperties": {}, "externalId": null, "homeId": 1, "id": 1174, "name": "made 631381891", "properties": {"author": {"string": "ada"}, "state": {"string": "LIVE"}}, "revision": 1, "state": null, "type": "kf.RegisteredModel", "typeId": 12, "updatedAt": 1795273503517, "uri": null}']::text[], ARRAY['a7e12be0-a8cb-41f2-9f6b-89c4ac1dfdcc']::text[]);
COMMIT;
