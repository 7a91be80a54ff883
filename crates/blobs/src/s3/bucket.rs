//! The bucket as a whole: whether it can be used, and its creation.

use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_bucket::HeadBucketError;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};

use super::Bucket;
use super::client::once;
use super::error::S3Error;
use crate::Key;
use modelport_domain::{Error, Result};

pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(3);
/// The region whose buckets must not name it when they are created.
const FIRST_REGION: &str = "us-east-1";

impl Bucket {
    /// Makes sure that the bucket can be used; creates it first when it is missing and `create` says so.
    pub(super) async fn prepare(&self, create: bool) -> Result<()> {
        match self.head().await {
            Err(error) if create && S3Error::of(&error) == S3Error::Missing => self.create().await?,
            Err(error) if S3Error::of(&error) == S3Error::Missing => {
                let message = format!("{self} does not exist; the setting to create the bucket is off");
                return Err(Error::unavailable(message).caused_by(error));
            }
            result => return result.map_err(|error| self.unusable(error)),
        }
        self.head().await.map_err(|error| self.unusable(error))
    }

    pub(super) async fn check(&self) -> Result<()> {
        self.head().await.map_err(|error| self.unusable(error))
    }

    async fn head(&self) -> Result<(), SdkError<HeadBucketError, HttpResponse>> {
        let request = self.client.head_bucket().bucket(self.name());
        request.customize().config_override(once(CHECK_TIMEOUT)).send().await.map(|_| ())
    }

    async fn create(&self) -> Result<()> {
        let region = self.client.config().region().map(AsRef::as_ref).filter(|region| *region != FIRST_REGION);
        let constraint = region.map(|region| {
            CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build()
        });
        let request = self.client.create_bucket().bucket(self.name()).set_create_bucket_configuration(constraint);
        match request.send().await {
            // Whether the other process created it for this account is checked by the next request.
            Err(error) if S3Error::of(&error) == S3Error::Raced => Ok(()),
            Err(error) => Err(Error::unavailable(format!("{self} cannot be created")).caused_by(error)),
            Ok(_) => Ok(()),
        }
    }

    fn unusable(&self, error: SdkError<HeadBucketError, HttpResponse>) -> Error {
        let message = match S3Error::of(&error) {
            S3Error::Missing | S3Error::NoBucket => format!("{self} does not exist"),
            S3Error::Forbidden => format!("{self} does not permit these credentials to use it"),
            S3Error::Unavailable => format!("{self} cannot be reached"),
            S3Error::NoUpload | S3Error::Range | S3Error::Raced | S3Error::Other => {
                format!("{self} cannot be used: the region or the endpoint may be wrong")
            }
        };
        Error::unavailable(message).caused_by(error)
    }

    /// Aborts every multipart upload to the object under `key`.
    pub(super) async fn abort_uploads(&self, key: &Key) -> Result<()> {
        let object = self.object(key);
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let request = self.client.list_multipart_uploads().bucket(self.name()).prefix(&object);
            let request = request.set_key_marker(key_marker.take()).set_upload_id_marker(id_marker.take());
            let listed = request.send().await.map_err(|error| self.bucket_error(error))?;
            for upload in listed.uploads().iter().filter(|upload| upload.key() == Some(&object)) {
                if let Some(id) = upload.upload_id() {
                    self.abort_upload(key, id).await?;
                }
            }
            if listed.is_truncated() != Some(true) {
                return Ok(());
            }
            key_marker = listed.next_key_marker().map(str::to_owned);
            id_marker = listed.next_upload_id_marker().map(str::to_owned);
        }
    }

    /// Aborts the multipart upload `id` to the object under `key`. A missing one is no error.
    pub(super) async fn abort_upload(&self, key: &Key, id: &str) -> Result<()> {
        let request = self.client.abort_multipart_upload().bucket(self.name()).key(self.object(key)).upload_id(id);
        self.unless(S3Error::NoUpload, request.send().await.map(|_| ()))
    }
}
