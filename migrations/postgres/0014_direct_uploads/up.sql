-- Uploads whose bytes the client sends to the bucket: how large each part is, of which the last may be shorter. None where the
-- bytes come through the server. One without a multipart upload is sent as a whole.
ALTER TABLE resumable_uploads ADD COLUMN direct_part BIGINT;
