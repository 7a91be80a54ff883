//! What comes out of an archive, whichever its format, and the bounds that it is held to while it does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::mpsc;

use crate::domain::{Error, FilePath, Result};

/// Up to this many unpacked bytes the compression ratio does not matter.
const MIN_BOMB_BYTES: u64 = 1 << 20;

/// What an archive may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The most files.
    pub members: u64,
    /// The most bytes of all files together, and of the archive itself.
    pub bytes: u64,
    /// How many times the archive's own bytes all files together may have.
    pub ratio: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { members: 10_000, bytes: 1 << 40, ratio: 200 }
    }
}

/// A step of reading an archive.
pub(crate) enum Event {
    /// A file begins.
    Member(FilePath, u64),
    /// The next of its bytes.
    Bytes(Bytes),
    /// It has ended.
    End,
    /// So has the archive.
    Done,
}

/// Where a reader of archives sends what it finds.
pub(crate) type Sender = mpsc::Sender<Result<Event>>;

/// What a reader of archives has found.
pub(crate) struct Events(mpsc::Receiver<Result<Event>>);

/// A channel from a reader of archives to the code that stores the members.
pub(crate) fn channel() -> (Sender, Events) {
    let (sender, receiver) = mpsc::channel(2);
    (sender, Events(receiver))
}

/// The error of a reader whose receiver is gone.
pub(super) fn unwanted() -> Error {
    Error::internal("nobody reads the archive any more")
}

impl Events {
    async fn next(&mut self) -> Result<Event> {
        self.0.recv().await.unwrap_or_else(|| Err(Error::internal("the archive's reader has gone")))
    }

    /// The next file, once the last one is read to its end; `None` at the end of the archive.
    pub(crate) async fn member(&mut self) -> Result<Option<(FilePath, u64)>> {
        loop {
            match self.next().await? {
                Event::Member(path, size) => return Ok(Some((path, size))),
                Event::Done => return Ok(None),
                Event::Bytes(_) | Event::End => {}
            }
        }
    }

    /// The bytes of the file that [`Events::member`] returned.
    pub(crate) fn bytes(&mut self) -> impl Stream<Item = Result<Bytes>> + Unpin {
        Box::pin(stream::unfold(Some(self), |events| async {
            let events = events?;
            match events.next().await {
                Ok(Event::Bytes(bytes)) => Some((Ok(bytes), Some(events))),
                Ok(Event::End) => None,
                Ok(Event::Member(..) | Event::Done) => Some((Err(Error::internal("a member has no end")), None)),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }
}

/// The progress of unpacking an archive, checked against its bounds.
pub(crate) struct Unpacked {
    bounds: Bounds,
    packed: Arc<AtomicU64>,
    bytes: u64,
    paths: BTreeSet<String>,
    passed_by: u64,
}

impl Unpacked {
    /// Nothing yet; `packed` says how many of the archive's own bytes are known.
    pub(crate) fn new(bounds: Bounds, packed: Arc<AtomicU64>) -> Self {
        Self { bounds, packed, bytes: 0, paths: BTreeSet::new(), passed_by: 0 }
    }

    /// Refuses an archive whose number of members is above the limit.
    pub(super) fn expect(&self, members: u64) -> Result<()> {
        if members > self.bounds.members {
            let message = format!("the archive has more than {} members", self.bounds.members);
            return Err(exhausted(message));
        }
        Ok(())
    }

    /// Counts a folder, or a header that describes other members. A member may have three of those, and a folder.
    pub(super) fn pass_by(&mut self) -> Result<()> {
        self.passed_by += 1;
        self.expect(self.passed_by.div_ceil(4))
    }

    /// The path of a file that begins.
    ///
    /// Errors: InvalidBody where it is none, or where another has it; TooLarge.
    pub(super) fn member(&mut self, name: &[u8], size: u64) -> Result<FilePath> {
        let text = std::str::from_utf8(name).map_err(|_| refused(name, "has a name that is not UTF-8"))?;
        let path: FilePath = text.parse().map_err(|error: Error| refused(name, error.message()))?;
        if self.paths.contains(text) {
            return Err(refused(name, "is there twice"));
        }
        let below = format!("{text}/");
        let inside = self.paths.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below));
        let mut folders = text.match_indices('/').filter_map(|(end, _)| text.get(..end));
        if inside || folders.any(|folder| self.paths.contains(folder)) {
            return Err(refused(name, "is a file and a folder, or lies in a file"));
        }
        self.expect(self.paths.len() as u64 + 1)?;
        if size > self.bounds.bytes.saturating_sub(self.bytes) {
            return Err(self.too_much());
        }
        self.paths.insert(text.to_owned());
        Ok(path)
    }

    /// Counts bytes of the member.
    pub(super) fn add(&mut self, name: &[u8], bytes: usize) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.bytes > self.bounds.bytes {
            return Err(self.too_much());
        }
        let most = self.packed.load(Ordering::Relaxed).saturating_mul(self.bounds.ratio);
        if self.bytes > most.max(MIN_BOMB_BYTES) {
            let (name, ratio) = (shown(name), self.bounds.ratio);
            let message = format!("the archive unpacks to more than {ratio} times its size, at member `{name}`");
            return Err(exhausted(message).naming_place());
        }
        Ok(())
    }

    fn too_much(&self) -> Error {
        exhausted(format!("the archive unpacks to more than {} bytes", self.bounds.bytes))
    }
}

fn exhausted(message: String) -> Error {
    Error::too_large(message).on_field("body")
}

/// A member's name for a message.
pub(super) fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).escape_debug().take(200).collect()
}

/// The name without the `./` that stands for the folder that was packed.
pub(super) fn plain(name: &[u8]) -> &[u8] {
    let mut name = name;
    while let Some(rest) = name.strip_prefix(b"./") {
        let slashes = rest.iter().take_while(|byte| **byte == b'/').count();
        name = rest.get(slashes..).unwrap_or_default();
    }
    name
}

/// A member that cannot be stored.
pub(super) fn refused(name: &[u8], why: &str) -> Error {
    Error::invalid_body(format!("member `{}` {why}", shown(name))).naming_place()
}
