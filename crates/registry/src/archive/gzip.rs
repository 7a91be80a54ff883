//! Gzip around a stream: unpacked in small steps, so that little input cannot become much output at once.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use futures_util::{Stream, StreamExt as _, stream};

use crate::domain::{Error, Result};

/// How many bytes are unpacked together, to at most about a thousand times as many.
const STEP: usize = 4096;

struct State<B> {
    body: B,
    rest: Bytes,
    decoder: Option<MultiGzDecoder<Vec<u8>>>,
}

/// What the gzipped stream unpacks to.
pub(crate) fn gunzip<B>(body: B) -> impl Stream<Item = Result<Bytes>> + Unpin
where
    B: Stream<Item = Result<Bytes>> + Unpin,
{
    let state = State { body, rest: Bytes::new(), decoder: Some(MultiGzDecoder::new(Vec::new())) };
    let unpacked = stream::unfold(state, |mut state| async {
        match step(&mut state).await {
            Ok(None) => None,
            Ok(Some(bytes)) => Some((Ok(bytes), state)),
            Err(error) => {
                state.decoder = None;
                Some((Err(error), state))
            }
        }
    });
    // A reader may poll again after the end.
    Box::pin(unpacked.fuse())
}

async fn step<B: Stream<Item = Result<Bytes>> + Unpin>(state: &mut State<B>) -> Result<Option<Bytes>> {
    let Some(decoder) = &mut state.decoder else { return Ok(None) };
    loop {
        while state.rest.is_empty() {
            let Some(chunk) = state.body.next().await else {
                decoder.try_finish().map_err(gzip_error)?;
                let last = std::mem::take(decoder.get_mut());
                state.decoder = None;
                return Ok((!last.is_empty()).then(|| last.into()));
            };
            state.rest = chunk?;
        }
        let some = state.rest.split_to(state.rest.len().min(STEP));
        decoder.write_all(&some).map_err(gzip_error)?;
        let unpacked = std::mem::take(decoder.get_mut());
        if !unpacked.is_empty() {
            return Ok(Some(unpacked.into()));
        }
    }
}

fn gzip_error(error: std::io::Error) -> Error {
    Error::invalid_body("the gzip is broken, or ends too early").caused_by(error)
}
