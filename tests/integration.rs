//! Everything that needs a real service or a real file system, as one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod blobs;
