//! Rewrites a zip with all of its members below one more folder. Their bytes stay compressed as they are.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use modelport_inspect::Source;
use rawzip::time::UtcDateTime;
use rawzip::{DataDescriptorOutput, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchiveWriter};
use tokio::sync::mpsc;

use super::MODIFIED;
use super::members::{plain, refused, unwanted};
use super::unzip::{At, check_open};
use super::zip::{Sink, begin, zip_error};
use crate::domain::{Error, FilePath, Result};

/// How many packed bytes are handed on together.
const CHUNK: usize = 1 << 18;

/// Sends the zip again: the folder as its first member, and then its files below that folder, without entries for other folders.
///
/// Errors: InvalidBody when it is broken or encrypted, or when a member's name is no path; Unavailable when it cannot be
/// read.
pub(crate) fn nest(source: &dyn Source, folder: &FilePath, out: &mpsc::Sender<Bytes>) -> Result<()> {
    let at = At::new(source)?;
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let archive = at.archive(&mut buffer)?;
    let sink = Sink::default();
    let send = || {
        let bytes = Bytes::from(sink.take());
        if bytes.is_empty() { Ok(()) } else { out.blocking_send(bytes).map_err(|_| unwanted()) }
    };
    let mut nested = ZipArchiveWriter::new(sink.clone());
    let first = format!("{folder}/");
    nested.new_dir(&first).last_modified(UtcDateTime::from_unix(MODIFIED)).create().map_err(zip_error)?;
    let mut entries = archive.entries(&mut buffer);
    let mut chunk = vec![0; CHUNK];
    while let Some(entry) = entries.next_entry().map_err(|error| at.invalid("its directory", &error))? {
        if entry.is_dir() {
            continue;
        }
        let raw: &[u8] = entry.file_path().as_bytes();
        check_open(raw, entry.flags())?;
        let name = std::str::from_utf8(plain(raw)).map_err(|_| refused(raw, "has a name that is not UTF-8"))?;
        let path = format!("{folder}/{name}").parse().map_err(|error: Error| refused(raw, error.message()))?;
        let packed = archive.get_entry(entry.wayfinder()).map_err(|error| at.invalid(name, &error))?;
        let (mut member, _) = begin(&mut nested, &path, entry.compression_method())?;
        let mut packed = packed.reader();
        loop {
            let read = packed.read(&mut chunk).map_err(|error| at.invalid(name, &error))?;
            let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            member.write_all(bytes).map_err(zip_error)?;
            send()?;
        }
        member.finish(DataDescriptorOutput::new(entry.crc32(), entry.uncompressed_size_hint())).map_err(zip_error)?;
    }
    nested.finish().map_err(zip_error)?;
    send()
}
