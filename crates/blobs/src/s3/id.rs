//! The id that a bucket carries, in an object beside the others.

use aws_sdk_s3::primitives::ByteStream;

use super::Bucket;
use super::bucket::CHECK_TIMEOUT;
use super::client::once;
use super::error::S3Error;
use crate::{ID_NAME, MAX_ID_BYTES};
use modelport_domain::{Error, Result};

impl Bucket {
    /// The id; `None` where there is none below the prefix.
    pub(super) async fn id(&self) -> Result<Option<String>> {
        let request = self.client.get_object().bucket(self.name()).key(self.below_prefix(ID_NAME));
        let object = match request.customize().config_override(once(CHECK_TIMEOUT)).send().await {
            Ok(object) => object,
            Err(error) if S3Error::of(&error) == S3Error::Missing => return Ok(None),
            Err(error) => return Err(self.bucket_error(error)),
        };
        if object.content_length().is_none_or(|length| !(0..=MAX_ID_BYTES.cast_signed()).contains(&length)) {
            return Ok(Some(String::new()));
        }
        let broken =
            |error| Error::unavailable(format!("{self} broke off while `{ID_NAME}` was read")).caused_by(error);
        let text = object.body.collect().await.map_err(broken)?.into_bytes();
        Ok(Some(String::from_utf8_lossy(&text).trim().to_owned()))
    }

    /// Gives the bucket an id, unless it has one.
    pub(super) async fn set_id(&self, id: &str) -> Result<()> {
        let request = || {
            let body = ByteStream::from(format!("{id}\n").into_bytes());
            self.client.put_object().bucket(self.name()).key(self.below_prefix(ID_NAME)).body(body)
        };
        let Err(error) = request().if_none_match("*").send().await else { return Ok(()) };
        match error.raw_response().map(|response| response.status().as_u16()) {
            // It has one already, or is just getting one.
            Some(409 | 412) => Ok(()),
            // Some servers know no conditional writes.
            Some(400 | 501) => request().send().await.map(drop).map_err(|error| self.bucket_error(error)),
            _ => Err(self.bucket_error(error)),
        }
    }
}
