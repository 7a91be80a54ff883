//! The files of a tar, read from a stream as it arrives.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};
use tokio_tar::{Archive, EntryType};

use super::members::{Event, Sender, Unpacked, refused, shown, unwanted};
use crate::domain::{Error, Result};

/// How many bytes may lie between two files: headers, long names, extensions; all of them are kept in memory.
const BETWEEN: u64 = 1 << 20;

/// How many bytes of a file are handed on together.
const CHUNK: usize = 1 << 18;

/// A tar ends with at least one block of zeros.
const BLOCK: u64 = 512;

/// Sends the files of the tar.
///
/// Errors: InvalidArgument when it is broken, ends too early, or has anything but files and folders; ResourceExhausted.
pub(in crate::registry) async fn untar<B>(body: B, mut unpacked: Unpacked, out: &Sender) -> Result<()>
where
    B: Stream<Item = Result<Bytes>> + Unpin,
{
    let meter = Meter::default();
    let mut archive = Archive::new(Metered { body, rest: Bytes::new(), meter: meter.clone() });
    let mut entries = archive.entries().map_err(|error| meter.broken("its begin", error))?;
    let mut last = "its begin".to_owned();
    loop {
        meter.allow(BETWEEN);
        let Some(entry) = entries.next().await else { break };
        let mut entry = entry.map_err(|error| meter.broken(&last, error))?;
        let name = entry.path_bytes().map_err(|error| meter.broken(&last, error))?.into_owned();
        last = format!("member `{}`", shown(&name));
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous if !name.ends_with(b"/") => {}
            EntryType::Directory | EntryType::XGlobalHeader | EntryType::Regular => continue,
            EntryType::Symlink | EntryType::Link => return Err(refused(&name, "is a link")),
            _ => return Err(refused(&name, "is neither a file nor a folder")),
        }
        let size = entry.effective_size();
        let path = unpacked.member(plain(&name), size)?;
        send(out, Event::Member(path, size)).await?;
        meter.allow(u64::MAX);
        let mut read = 0;
        loop {
            let mut chunk = BytesMut::with_capacity(CHUNK);
            while chunk.len() < CHUNK {
                let some = entry.read_buf(&mut chunk).await.map_err(|error| meter.broken(&last, error))?;
                if some == 0 {
                    break;
                }
            }
            if chunk.is_empty() {
                break;
            }
            read += chunk.len() as u64;
            unpacked.add(&name, chunk.len())?;
            send(out, Event::Bytes(chunk.freeze())).await?;
        }
        if read != size {
            return Err(refused(&name, "ends too early"));
        }
        send(out, Event::End).await?;
    }
    drop(entries);
    let mut rest = archive.into_inner().map_err(|_| Error::internal("the tar is still being read"))?;
    let mut some = [0; 4096];
    while rest.read(&mut some).await.map_err(|error| meter.broken(&last, error))? > 0 {}
    if meter.zeros() < BLOCK {
        return Err(Error::invalid("body", format!("the tar has no end after {last}")));
    }
    send(out, Event::Done).await
}

async fn send(out: &Sender, event: Event) -> Result<()> {
    out.send(Ok(event)).await.map_err(|_| unwanted())
}

/// The name without the `./` that stands for the folder that was packed.
fn plain(name: &[u8]) -> &[u8] {
    let mut name = name;
    while let Some(rest) = name.strip_prefix(b"./") {
        name = rest;
    }
    name
}

/// What passes by on its way to the crate.
#[derive(Clone, Default)]
struct Meter(Arc<Mutex<Passed>>);

#[derive(Default)]
struct Passed {
    allowed: u64,
    zeros: u64,
    fault: Option<Error>,
}

impl Meter {
    fn with<T>(&self, act: impl FnOnce(&mut Passed) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on so many bytes may pass; and zeros are counted anew.
    fn allow(&self, bytes: u64) {
        self.with(|passed| (passed.allowed, passed.zeros) = (bytes, 0));
    }

    /// How many of the last bytes were zeros.
    fn zeros(&self) -> u64 {
        self.with(|passed| passed.zeros)
    }

    /// The error of whoever the bytes came from, where it has one.
    fn broken(&self, place: &str, error: io::Error) -> Error {
        let fault = self.with(|passed| passed.fault.take());
        fault.unwrap_or_else(|| {
            Error::invalid("body", format!("the tar is broken at {place}: {error}")).caused_by(error)
        })
    }
}

/// A stream of bytes as the crate reads it.
struct Metered<B> {
    body: B,
    rest: Bytes,
    meter: Meter,
}

impl<B: Stream<Item = Result<Bytes>> + Unpin> AsyncRead for Metered<B> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match std::task::ready!(self.body.poll_next_unpin(cx)) {
                Some(Ok(chunk)) => self.rest = chunk,
                Some(Err(error)) => {
                    self.meter.with(|passed| passed.fault = Some(error));
                    return Poll::Ready(Err(io::Error::other("the body broke off")));
                }
                None => return Poll::Ready(Ok(())),
            }
        }
        let some = self.rest.len().min(buf.remaining());
        let bytes = self.rest.split_to(some);
        let within = self.meter.with(|passed| {
            let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
            passed.zeros = if zeros == some { passed.zeros + zeros as u64 } else { zeros as u64 };
            let within = passed.allowed >= some as u64;
            passed.allowed = passed.allowed.saturating_sub(some as u64);
            within
        });
        if !within {
            return Poll::Ready(Err(io::Error::other("too many bytes that belong to no file")));
        }
        buf.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}
