//! The bytes of a package: passed on as they arrive, and checked to begin and end as a zip archive does.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use reqwest::{Response, StatusCode};

use super::client::{Session, content_type};
use super::error::{GetiError, GetiResult};
use crate::domain::{Error, Result};

/// Where the end of a zip archive is looked for: its last record, with the longest comment (APPNOTE 4.3.16).
const ZIP_TAIL: usize = 22 + 0xffff;

impl Session {
    /// The bytes of a package as they arrive; they must begin and end as a zip archive does.
    pub(super) fn archive(
        &self,
        response: Response,
        mut on_progress: impl FnMut(u64) + Send + 'static,
    ) -> GetiResult<BoxStream<'static, Result<Bytes>>> {
        let server = self.name();
        match response.status() {
            // A project without media has nothing to make the package's sample from (Geti 2.11).
            StatusCode::NO_CONTENT => {
                return Err(GetiError::precondition(format!(
                    "Geti `{server}` has no package: the project has no media"
                )));
            }
            _ if content_type(&response).starts_with("text/html") => {
                let hint = "the login has expired, or the URL is not that of the API";
                return Err(GetiError::precondition(format!(
                    "Geti `{server}` sends a page in place of a package: {hint}"
                )));
            }
            _ => {}
        }
        let (mut check, session) = (ZipCheck::default(), self.clone());
        let state = Some((response, session));
        let chunks = stream::unfold(state, |state| async {
            let (mut response, session) = state?;
            let read = async { response.chunk().await.map_err(|error| session.broken_off(&error).error) };
            match session.stopping.or(read).await {
                Ok(None) => None,
                Ok(Some(chunk)) => Some((Ok(Some(chunk)), Some((response, session)))),
                Err(error) => Some((Err(error), None)),
            }
        });
        let ended = stream::iter([Ok(None)]);
        let checked = chunks.chain(ended).map(move |chunk: Result<Option<Bytes>>| {
            let chunk = chunk?;
            check.update(chunk.as_ref())?;
            on_progress(check.length);
            Ok(chunk.unwrap_or_default())
        });
        Ok(checked.boxed())
    }
}

/// Checks that bytes begin and end as a zip archive does, without keeping them.
#[derive(Default)]
struct ZipCheck {
    length: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl ZipCheck {
    /// The next bytes, or the end. A body without a length that breaks off looks as if it ended.
    fn update(&mut self, chunk: Option<&Bytes>) -> Result<()> {
        let Some(chunk) = chunk else {
            let has_end = self.tail.windows(4).any(|window| window == b"PK\x05\x06");
            let truncated = || Error::upstream_unavailable("a package of Geti broke off: its archive has no end");
            return if has_end { Ok(()) } else { Err(truncated()) };
        };
        self.length += chunk.len() as u64;
        if self.head.len() < 4 {
            self.head.extend(chunk.iter().take(4 - self.head.len()));
            if !b"PK\x03\x04".starts_with(&self.head) && !b"PK\x05\x06".starts_with(&self.head) {
                return Err(GetiError::precondition("a package of Geti is not a zip archive").error);
            }
        }
        let kept = chunk.len().saturating_sub(ZIP_TAIL);
        self.tail.extend_from_slice(chunk.get(kept..).unwrap_or_default());
        // Cut only once it has twice the size, because the rest is moved each time.
        if self.tail.len() > 2 * ZIP_TAIL {
            self.tail.drain(..self.tail.len() - ZIP_TAIL);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(chunks: &[&'static [u8]]) -> Result<()> {
        let mut archive = ZipCheck::default();
        chunks.iter().try_for_each(|chunk| archive.update(Some(&Bytes::from_static(chunk))))?;
        archive.update(None)
    }

    #[test]
    fn an_archive_has_both_ends() {
        assert!(seen(&[b"PK\x03\x04", b"bytes", b"PK\x05", b"\x06 and the rest"]).is_ok());
        assert!(seen(&[b"P", b"K", b"\x05\x06", b""]).is_ok());
        assert!(seen(&[b"PK\x03\x04", b"bytes"]).unwrap_err().message().contains("broke off"));
        assert!(seen(&[]).unwrap_err().message().contains("broke off"));
        assert!(seen(&[b"<html>"]).unwrap_err().message().contains("not a zip archive"));
        let mut long = vec![&[0_u8; 60_000][..]; 10];
        long.insert(0, b"PK\x03\x04");
        assert!(seen(&long).is_err());
        long.push(b"PK\x05\x06");
        long.push(&[1; 0xffff]);
        assert!(seen(&long).is_ok());
    }
}
