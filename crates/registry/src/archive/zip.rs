//! Writes files as a zip without compression: the crate writes the headers, and the bytes bypass it.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt as _;
use rawzip::extra_fields::ExtraFieldId;
use rawzip::path::{EntryPath, ZipFilePath};
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, DataDescriptorOutput, Header, ZipArchiveWriter, ZipDataWriterConfig, ZipEntryWriter};

use super::{MODE, MODIFIED, Out};
use crate::domain::{Error, File, FilePath, Result};

/// The type of a regular file, beside its rights.
const REGULAR: u32 = 0o100_000;

/// What stands for a file's bytes where they only count.
static NOTHING: [u8; 1 << 20] = [0; 1 << 20];

/// How many bytes the zip of the files has: it is written without their bytes, which count anyway.
pub(super) fn length(files: &[File]) -> Result<u64> {
    let sink = Sink::default();
    sink.keep(false);
    let mut archive = ZipArchiveWriter::new(sink.clone());
    for file in files {
        let (mut entry, _) = begin(&mut archive, &file.path, CompressionMethod::STORE)?;
        let mut left = file.blob.size;
        while left > 0 {
            let some = usize::try_from(left).unwrap_or(usize::MAX).min(NOTHING.len());
            entry.write_all(NOTHING.get(..some).unwrap_or_default()).map_err(zip_error)?;
            left -= some as u64;
        }
        entry.finish(DataDescriptorOutput::new(0, file.blob.size)).map_err(zip_error)?;
    }
    archive.finish().map_err(zip_error)?;
    Ok(sink.written())
}

/// Writes the zip of the files. Their checksums follow their bytes, in data descriptors.
pub(super) async fn write(files: &[File], out: &Out) -> Result<()> {
    let sink = Sink::default();
    let mut archive = ZipArchiveWriter::new(sink.clone());
    for file in files {
        let (mut entry, _) = begin(&mut archive, &file.path, CompressionMethod::STORE)?;
        out.send(sink.take()).await?;
        let (mut crc, mut size) = (crc32fast::Hasher::new(), 0);
        let mut chunks = out.open(file).await?;
        sink.keep(false);
        while let Some(chunk) = chunks.try_next().await? {
            crc.update(&chunk);
            size += chunk.len() as u64;
            entry.write_all(&chunk).map_err(zip_error)?;
            out.send(chunk).await?;
        }
        sink.keep(true);
        entry.finish(DataDescriptorOutput::new(crc.finalize(), size)).map_err(zip_error)?;
    }
    archive.finish().map_err(zip_error)?;
    out.send(sink.take()).await
}

pub(super) fn begin<'a>(
    archive: &'a mut ZipArchiveWriter<Sink>,
    path: &FilePath,
    method: CompressionMethod,
) -> Result<(ZipEntryWriter<'a, Sink>, ZipDataWriterConfig)> {
    let text = path.as_str();
    // The crate knows of drive letters, which a colon is none of here; a path it would change is written as it is.
    let changed = ZipFilePath::from_str(text).as_str() != text;
    let member = if changed { EntryPath::verbatim(text.as_bytes()) } else { EntryPath::conformant(text) };
    let mut file = archive
        .new_file(member)
        .compression_method(method)
        .last_modified(UtcDateTime::from_unix(MODIFIED))
        .unix_permissions(REGULAR | MODE);
    if changed && !text.is_ascii() {
        let mut unicode = vec![1];
        unicode.extend(crc32fast::hash(text.as_bytes()).to_le_bytes());
        unicode.extend(text.as_bytes());
        file = file.extra_field(ExtraFieldId::INFO_ZIP_UNICODE_PATH, &unicode, Header::default()).map_err(zip_error)?;
    }
    file.start().map_err(zip_error)
}

pub(super) fn zip_error(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal("the zip cannot be written").caused_by(error)
}

/// Keeps what the crate writes, or only counts it where the bytes go their own way.
#[derive(Clone, Default)]
pub(super) struct Sink(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    drops: bool,
    written: u64,
}

impl Sink {
    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, keep: bool) {
        self.with(|kept| kept.drops = !keep);
    }

    pub(super) fn take(&self) -> Vec<u8> {
        self.with(|kept| std::mem::take(&mut kept.bytes))
    }

    fn written(&self) -> u64 {
        self.with(|kept| kept.written)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.with(|kept| {
            kept.written += bytes.len() as u64;
            if !kept.drops {
                kept.bytes.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
