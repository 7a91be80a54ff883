//! A bucket of another service, whose objects are read under names of its own.

use std::sync::Arc;

use super::Bucket;
use super::read::{Named, open};
use crate::{AccessKeys, Chunks, S3Location};
use modelport_domain::{ErrorKind, Result};

/// A bucket that is only read. The prefix of its location stands before every name.
pub struct ForeignBucket(Arc<Bucket>);

/// An object of such a bucket.
pub struct ForeignObject {
    /// How many bytes it has.
    pub size: u64,
    /// These bytes.
    pub bytes: Chunks,
}

impl ForeignBucket {
    /// Makes sure that the bucket is there. Errors: Unavailable.
    pub async fn open(location: &S3Location, keys: Option<&AccessKeys>) -> Result<Self> {
        let bucket = Bucket::connect(location, keys).await?;
        bucket.check().await?;
        Ok(Self(Arc::new(bucket)))
    }

    /// The object of that name; `None` when there is none.
    pub async fn get(&self, name: &str) -> Result<Option<ForeignObject>> {
        let named = Named { object: self.0.below_prefix(name), called: format!("object `{}`", name.escape_debug()) };
        match open(Arc::clone(&self.0), named, None).await {
            Ok((size, bytes)) => Ok(Some(ForeignObject { size, bytes })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
