//! Writes files as a tar: the crate writes the headers, and the bytes bypass it.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use tokio_tar::{Builder, EntryType, Header};

use super::{MODE, MODIFIED, Out};
use crate::domain::{Error, File, Result};

/// What members are padded to.
const BLOCK: u64 = 512;

/// Two blocks of zeros end a tar.
const END: [u8; 1024] = [0; 1024];

/// How many bytes the tar of the files has.
pub(super) async fn length(files: &[File]) -> Result<u64> {
    let mut length = END.len() as u64;
    for file in files {
        length += header(file).await?.len() as u64 + file.blob.size + padding(file.blob.size);
    }
    Ok(length)
}

/// Writes the tar of the files.
pub(super) async fn write(files: &[File], out: &Out) -> Result<()> {
    for file in files {
        out.send(header(file).await?).await?;
        let mut chunks = out.open(file).await?;
        while let Some(chunk) = chunks.try_next().await? {
            out.send(chunk).await?;
        }
        let padding = usize::try_from(padding(file.blob.size)).unwrap_or_default();
        out.send(Bytes::from_static(END.get(..padding).unwrap_or_default())).await?;
    }
    out.send(Bytes::from_static(&END)).await
}

/// The blocks that come before a file's bytes, those of a long path among them.
async fn header(file: &File) -> Result<Vec<u8>> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(file.blob.size);
    header.set_mode(MODE);
    header.set_mtime(MODIFIED.unsigned_abs());
    header.set_uid(0);
    header.set_gid(0);
    let mut builder = Builder::new_non_terminated(Vec::new());
    let written = builder.append_data(&mut header, file.path.as_str(), tokio::io::empty()).await;
    written.map_err(|error| {
        Error::internal(format!("`{}` cannot be a member of a tar archive", file.path)).caused_by(error)
    })?;
    Ok(std::mem::take(builder.get_mut()))
}

fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK) - size
}
