//! What an error of S3 means to a caller.

use std::error::Error as StdError;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::Bucket;
use modelport_domain::{Error, Result};

/// The causes that are worth telling apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum S3Error {
    /// There is no such object. A HEAD request cannot tell that from a missing bucket.
    Missing,
    /// There is no such bucket.
    NoBucket,
    /// There is no such multipart upload: it was completed or aborted.
    NoUpload,
    /// The range is not within the object.
    Range,
    /// The credentials do not permit it.
    Forbidden,
    /// Another process is doing the same right now, or has just done it.
    Raced,
    /// No answer, or one that says to try later.
    Unavailable,
    /// Anything else.
    Other,
}

impl S3Error {
    pub(super) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        let response = match error {
            SdkError::ServiceError(context) => context.raw(),
            SdkError::ConstructionFailure(_) => return Self::Other,
            _ => return Self::Unavailable,
        };
        match (response.status().as_u16(), error.code().unwrap_or_default()) {
            (_, "NoSuchBucket") => Self::NoBucket,
            (_, "NoSuchUpload") => Self::NoUpload,
            (416, _) | (_, "InvalidRange") => Self::Range,
            (404, _) => Self::Missing,
            // 499 is what MinIO answers to the requests that it drops when it stops.
            (429 | 499.., _) | (_, "RequestTimeout" | "SlowDown" | "Throttling" | "ThrottlingException") => {
                Self::Unavailable
            }
            (_, "BucketAlreadyOwnedByYou" | "BucketAlreadyExists" | "OperationAborted") => Self::Raced,
            (401 | 403, _) => Self::Forbidden,
            _ => Self::Other,
        }
    }
}

impl Bucket {
    /// What `error` means where no object is asked for.
    pub(super) fn bucket_error<E>(&self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        match S3Error::of(&error) {
            S3Error::NoBucket => Error::unavailable(format!("{self} does not exist")),
            S3Error::Unavailable => Error::unavailable(format!("{self} cannot be used at the moment")),
            S3Error::Forbidden => Error::unavailable(format!("{self} does not permit this server to do its work")),
            S3Error::Missing | S3Error::NoUpload | S3Error::Range | S3Error::Raced | S3Error::Other => {
                Error::internal(format!("{self} refused a request"))
            }
        }
        .caused_by(error)
    }

    /// What an error of that kind means where the object is asked for.
    pub(super) fn object_error<E>(&self, called: &str, kind: S3Error, error: SdkError<E, HttpResponse>) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        match kind {
            S3Error::Missing => Error::not_found(called).caused_by(error),
            _ => self.bucket_error(error),
        }
    }

    /// Takes an error of the `expected` kind for a success.
    pub(super) fn unless<T: Default, E>(
        &self,
        expected: S3Error,
        result: Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<T>
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        match result {
            Err(error) if S3Error::of(&error) == expected => Ok(T::default()),
            result => result.map_err(|error| self.bucket_error(error)),
        }
    }
}
