-- Uploads of the tus protocol's Concatenation extension, by the words of their `Upload-Concat`: `partial` for a part of a file, which
-- never becomes a file itself, `final;` and the parts for the file. None for an upload of a whole file.
ALTER TABLE resumable_uploads ADD COLUMN concat TEXT COLLATE "C";
