//! Bytes: S3 and local files.
