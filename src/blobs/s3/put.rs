//! Cutting a body into parts and handing them to an upload.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;

use super::part::Part;
use super::upload::Upload;
use super::{S3Blobs, sizes};
use crate::blobs::intake::{Digest, Intake};
use crate::blobs::lane::Lane;
use crate::blobs::{BodySize, Key, Stored};
use crate::domain::{Error, Result};

impl S3Blobs {
    pub(in crate::blobs) async fn put<B, E>(&self, key: &Key, size: BodySize, body: B) -> Result<Stored>
    where
        B: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Error>,
    {
        let mut intake = Intake::new(body, size)?;
        let mut upload = Upload::start(Arc::clone(&self.0), key);
        match send(&mut intake, size.exact, &mut upload).await {
            Ok(digest) => {
                upload.finish().await?;
                Ok(Stored { size: intake.taken(), sha256: digest.end() })
            }
            Err(error) => {
                upload.abandon().await;
                Err(error)
            }
        }
    }
}

/// A full part is sent when the next byte has arrived: only then it is known not to be the last.
async fn send<B, E>(intake: &mut Intake<B>, known: Option<u64>, upload: &mut Upload) -> Result<Digest>
where
    B: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Error>,
{
    let mut digest = Lane::new(Digest::default());
    let mut part = Part::default();
    let mut index = 0;
    while let Some(batch) = intake.next().await? {
        if part.size >= sizes::part_size(index, known) {
            part.end(digest.idle().await?.end_part(), false);
            upload.send(std::mem::take(&mut part)).await?;
            index += 1;
        }
        let bytes = batch.clone();
        digest.run(move |digest| digest.update_part(&bytes)).await?;
        part.push(batch);
    }
    let mut digest = digest.finish().await?;
    part.end(digest.end_part(), true);
    upload.send(part).await?;
    Ok(digest)
}
