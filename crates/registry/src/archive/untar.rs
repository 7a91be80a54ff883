//! The files of a tar, read from a stream as it arrives.

use std::fmt::Display;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use modelport_inspect::tar::{Extensions, Header, Kind, Layout, MAX_EXTENDED, padding};

use super::members::{Event, Sender, Unpacked, plain, refused, shown, unwanted};
use crate::domain::{Error, Result};

/// The zeros of a hole that are handed on together.
static HOLE: [u8; 1 << 18] = [0; 1 << 18];

/// Sends the files of the tar. Files with holes come out as they were.
///
/// Errors: InvalidBody when it is broken, ends too early, or has anything but files and folders; TooLarge.
pub(crate) async fn untar<B>(body: B, mut unpacked: Unpacked, out: &Sender) -> Result<()>
where
    B: Stream<Item = Result<Bytes>> + Unpin,
{
    let mut input = Input { body, rest: Bytes::new(), place: "its beginning".to_owned() };
    let mut said = Extensions::default();
    while let Some(header) = input.header().await? {
        if header.kind.is_extension() {
            unpacked.pass_by()?;
            let body = input.extension(header.size).await?;
            said.add(header.kind, &body).map_err(|broken| input.invalid(broken))?;
            continue;
        }
        let mut member = said.member(header).map_err(|broken| input.invalid(broken))?;
        input.place = format!("member `{}`", shown(&member.name));
        match member.kind {
            Kind::File | Kind::Sparse => {}
            Kind::Folder => {
                unpacked.pass_by()?;
                continue;
            }
            Kind::Link => return Err(refused(&member.name, "is a link")),
            _ => return Err(refused(&member.name, "is neither a file nor a folder")),
        }
        while member.wants_block() {
            let block = input.block().await?.ok_or_else(|| input.ends_early())?;
            member.add_block(&block).map_err(|broken| input.invalid(broken))?;
        }
        let layout = member.layout().map_err(|broken| input.invalid(broken))?;
        let path = unpacked.member(plain(&member.name), layout.size)?;
        send(out, Event::Member(path, layout.size)).await?;
        copy(&mut input, &member.name, &layout, &mut unpacked, out).await?;
        send(out, Event::End).await?;
    }
    if !said.is_empty() {
        return Err(input.invalid("an extended header is not followed by a member"));
    }
    input.end().await?;
    send(out, Event::Done).await
}

/// Sends the bytes of a member, zeros for its holes among them.
async fn copy<B>(
    input: &mut Input<B>,
    name: &[u8],
    layout: &Layout,
    unpacked: &mut Unpacked,
    out: &Sender,
) -> Result<()>
where
    B: Stream<Item = Result<Bytes>> + Unpin,
{
    let mut at = 0;
    for fragment in &layout.fragments {
        zeros(fragment.offset - at, name, unpacked, out).await?;
        let mut left = fragment.length;
        while left > 0 {
            let bytes = input.some(left).await?.ok_or_else(|| input.ends_early())?;
            left -= bytes.len() as u64;
            unpacked.add(name, bytes.len())?;
            send(out, Event::Bytes(bytes)).await?;
        }
        at = fragment.offset + fragment.length;
    }
    zeros(layout.size - at, name, unpacked, out).await?;
    input.skip(padding(layout.stored)).await
}

async fn zeros(mut left: u64, name: &[u8], unpacked: &mut Unpacked, out: &Sender) -> Result<()> {
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(HOLE.len());
        unpacked.add(name, length)?;
        send(out, Event::Bytes(Bytes::from_static(HOLE.get(..length).unwrap_or_default()))).await?;
        left -= length as u64;
    }
    Ok(())
}

async fn send(out: &Sender, event: Event) -> Result<()> {
    out.send(Ok(event)).await.map_err(|_| unwanted())
}

/// A stream of bytes, read in blocks.
struct Input<B> {
    body: B,
    rest: Bytes,
    /// Where it is, for messages.
    place: String,
}

impl<B: Stream<Item = Result<Bytes>> + Unpin> Input<B> {
    fn invalid(&self, why: impl Display) -> Error {
        Error::invalid_body(format!("the tar is broken at {}: {why}", self.place)).naming_place()
    }

    fn ends_early(&self) -> Error {
        self.invalid("it ends too early")
    }

    /// The next bytes, at most `most` of them; `None` at the end.
    async fn some(&mut self, most: u64) -> Result<Option<Bytes>> {
        while self.rest.is_empty() {
            match self.body.next().await {
                Some(chunk) => self.rest = chunk?,
                None => return Ok(None),
            }
        }
        let length = usize::try_from(most).unwrap_or(usize::MAX).min(self.rest.len());
        Ok(Some(self.rest.split_to(length)))
    }

    /// Exactly `length` bytes; `None` where there is none any more.
    async fn exactly(&mut self, length: u64) -> Result<Option<Bytes>> {
        let mut bytes = BytesMut::new();
        while (bytes.len() as u64) < length {
            match self.some(length - bytes.len() as u64).await? {
                Some(some) => bytes.extend_from_slice(&some),
                None if bytes.is_empty() => return Ok(None),
                None => return Err(self.ends_early()),
            }
        }
        Ok(Some(bytes.freeze()))
    }

    async fn block(&mut self) -> Result<Option<[u8; 512]>> {
        let block = self.exactly(512).await?;
        Ok(block.and_then(|block| block.as_ref().try_into().ok()))
    }

    async fn skip(&mut self, length: u64) -> Result<()> {
        let mut left = length;
        while left > 0 {
            let some = self.some(left).await?.ok_or_else(|| self.ends_early())?;
            left -= some.len() as u64;
        }
        Ok(())
    }

    /// The next header; `None` at the archive's end, which is a block of zeros.
    async fn header(&mut self) -> Result<Option<Header>> {
        let Some(block) = self.block().await? else {
            return Err(Error::invalid_body(format!("the tar has no end after {}", self.place)));
        };
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        match Header::parse(block) {
            Ok(Some(header)) => Ok(Some(header)),
            Ok(None) => Err(self.invalid("a header's checksum does not fit")),
            Err(broken) => Err(self.invalid(broken)),
        }
    }

    /// What an extended header of `size` bytes says.
    async fn extension(&mut self, size: u64) -> Result<Bytes> {
        if size > MAX_EXTENDED {
            return Err(self.invalid(format!("an extended header has more than {MAX_EXTENDED} bytes")));
        }
        let body = if size == 0 { Some(Bytes::new()) } else { self.exactly(size).await? };
        let body = body.ok_or_else(|| self.ends_early())?;
        self.skip(padding(size)).await?;
        Ok(body)
    }

    /// Reads what is left, which has to be zeros: another archive after this one would be lost.
    async fn end(&mut self) -> Result<()> {
        while let Some(bytes) = self.some(u64::MAX).await? {
            if bytes.iter().any(|byte| *byte != 0) {
                return Err(Error::invalid_body("the tar has bytes after its end"));
            }
        }
        Ok(())
    }
}
