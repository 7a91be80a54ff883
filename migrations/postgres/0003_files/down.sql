DROP TABLE uploads;
DROP TABLE files;
DROP TABLE blobs;
DROP TABLE aliases;
