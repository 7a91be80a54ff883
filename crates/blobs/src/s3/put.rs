//! Cutting a body into parts and handing them to an upload. A part takes memory as it is filled.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;

use super::part::Part;
use super::upload::Upload;
use super::{S3Blobs, sizes};
use crate::batched_body::{BatchedBody, Digest};
use crate::serial_task::SerialTask;
use crate::{BodySize, Key, Stored};
use modelport_domain::{Error, Result};
use modelport_memory::{Memory, too_slow};

impl S3Blobs {
    pub(crate) async fn put<B, E>(&self, key: &Key, size: BodySize, body: B) -> Result<Stored>
    where
        B: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Error>,
    {
        let mut body = BatchedBody::new(body, size)?;
        let mut upload = Upload::start(Arc::clone(&self.0), key);
        match send(&mut body, size.exact, &self.0.memory, &mut upload).await {
            Ok(digest) => {
                upload.finish().await?;
                Ok(Stored { size: body.taken(), sha256: digest.end() })
            }
            Err(error) => {
                upload.abandon().await;
                Err(error)
            }
        }
    }
}

/// A full part is sent when the next byte has arrived: only then it is known not to be the last.
async fn send<B, E>(
    body: &mut BatchedBody<B>,
    known: Option<u64>,
    memory: &Memory,
    upload: &mut Upload,
) -> Result<Digest>
where
    B: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Error>,
{
    let mut digest = SerialTask::new(Digest::default());
    let mut index = 0;
    let mut part = Part::empty(memory);
    while part.share.await_client(body.fill()).await.unwrap_or_else(|| Err(too_slow()))? {
        if part.size >= sizes::part_size(index, known) {
            part.end(digest.idle().await?.end_part(), false);
            upload.send(std::mem::replace(&mut part, Part::empty(memory))).await?;
            index += 1;
        }
        let left = known.map_or(u64::MAX, |known| known.saturating_sub(index * sizes::part_size(index, Some(known))));
        let room = part.make_room(sizes::part_size(index, known).min(left)).await?;
        let batch = filled(body, &mut part, room).await?;
        let bytes = batch.clone();
        digest.run(move |digest| digest.update_part(&bytes)).await?;
        part.push(batch);
    }
    let mut digest = digest.finish().await?;
    part.end(digest.end_part(), true);
    upload.send(part).await?;
    Ok(digest)
}

/// As many bytes as there is room for, or those up to the end of the body. It begins with what is at hand.
async fn filled<B, E>(body: &mut BatchedBody<B>, part: &mut Part, room: usize) -> Result<Bytes>
where
    B: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Error>,
{
    // Copied together, so that it holds what has arrived and not the buffers it arrived in.
    let mut batch = BytesMut::with_capacity(room);
    loop {
        let bytes = body.take(room - batch.len());
        part.share.record_received(bytes.len());
        batch.extend_from_slice(&bytes);
        let is_full = batch.len() == room;
        if is_full || !part.share.await_client(body.fill()).await.unwrap_or_else(|| Err(too_slow()))? {
            return Ok(batch.freeze());
        }
    }
}
