DROP TABLE multipart_parts;
DROP TABLE multipart_uploads;
