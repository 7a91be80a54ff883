//! Archive formats, tar and zip: files written as members of a stream, and members read out of one. Knows nothing of
//! versions, nor of what becomes of a member.

mod gzip;
mod members;
mod nest;
mod tar;
mod untar;
mod unzip;
mod zip;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use modelport_inspect::tar::Header;
use tokio::sync::mpsc;

use crate::blobs::Chunks;
use crate::domain::{Error, File, Result};

pub(super) use gzip::gunzip;
pub use members::Bounds;
pub(super) use members::{Events, Sender, Unpacked, channel};
pub(super) use nest::nest;
pub(super) use untar::untar;
pub(super) use unzip::unzip;

/// Whether these first bytes are the header of a tar.
pub fn is_tar(start: &[u8]) -> bool {
    Header::is_header(start)
}

/// The time that every member has: 1980-01-01T00:00:00Z, the earliest that a zip can name.
const MODIFIED: i64 = 315_532_800;

/// The rights that every member has.
const MODE: u32 = 0o644;

/// Opens a file to pack.
pub(super) type Opener = Box<dyn Fn(File) -> BoxFuture<'static, Result<Chunks>> + Send + Sync>;

/// The format in which files are sent together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Tar, with GNU's extensions where a path or size needs them.
    Tar,
    /// Zip without compression, with Zip64 where it is needed.
    Zip,
}

impl Packing {
    /// How many bytes the archive of the files has.
    pub(super) async fn length(self, files: &[File]) -> Result<u64> {
        match self {
            Self::Tar => tar::length(files).await,
            Self::Zip => zip::length(files),
        }
    }

    /// The archive of the files, each opened when its turn comes. The same files give the same bytes.
    ///
    /// The stream ends with an error when a file cannot be read to its end.
    pub(super) fn pack(self, open: Opener, files: Vec<File>) -> Chunks {
        let (sender, receiver) = mpsc::channel(1);
        let out = Out { open, sender };
        let written = async move {
            match self {
                Self::Tar => tar::write(&files, &out).await,
                Self::Zip => zip::write(&files, &out).await,
            }
        };
        streamed(written, receiver)
    }
}

/// What `writer` sends, which runs as long as the stream is read. Its error is the stream's; otherwise it says nothing of its
/// own.
pub(super) fn streamed<'a>(
    writer: impl Future<Output = Result<()>> + Send + 'a,
    receiver: mpsc::Receiver<Bytes>,
) -> BoxStream<'a, Result<Bytes>> {
    let failed = stream::once(writer).filter_map(|result| async { result.err().map(Err) });
    let received = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|bytes: Bytes| (Ok(bytes), receiver))
    });
    stream::select(failed, received).boxed()
}

/// Where a writer's bytes go to, and its files' bytes come from.
struct Out {
    open: Opener,
    sender: mpsc::Sender<Bytes>,
}

impl Out {
    /// Waits until the reader has taken what came before.
    async fn send(&self, bytes: impl Into<Bytes>) -> Result<()> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Ok(());
        }
        self.sender.send(bytes).await.map_err(|_| Error::internal("nobody reads the archive any more"))
    }

    async fn open(&self, file: &File) -> Result<Chunks> {
        (self.open)(file.clone()).await
    }
}
