-- Files that arrive in numbered parts, in any order and several at once, by whoever has their upload's secret. Such an upload is a row of
-- resumable_uploads that has no bytes itself and says in concat that it is one of these; its parts are partial uploads. All of them expire
-- together.
CREATE TABLE multipart_uploads (
    upload_id TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES resumable_uploads (id) ON DELETE CASCADE,
    -- What the file goes to, as the registry writes its targets.
    target TEXT COLLATE "C" NOT NULL,
    -- How many parts there are to be.
    parts BIGINT NOT NULL,
    -- The SHA-256 of the secret.
    secret TEXT COLLATE "C" NOT NULL,
    -- The token that whoever began the upload presented: parts are taken for as long as it counts.
    token_id BIGINT
);
CREATE TABLE multipart_parts (
    upload_id TEXT COLLATE "C" NOT NULL REFERENCES multipart_uploads (upload_id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    -- The partial upload that has its bytes.
    part_id TEXT COLLATE "C" NOT NULL REFERENCES resumable_uploads (id) ON DELETE CASCADE,
    PRIMARY KEY (upload_id, number)
);
CREATE UNIQUE INDEX multipart_parts_part ON multipart_parts (part_id);
