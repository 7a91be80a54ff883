//! Lists written: at once when they are short, batch by batch while they are read when they are not.

use actix_web::HttpResponse;
use actix_web::http::header;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;

use super::Edition;
use super::serialize::View;
use crate::domain::{Error, Node, PageSize, PageToken, Result};
use crate::http::answer::logged;
use crate::registry::pages::Pages;

/// What a list ends with, after its items.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct End {
    next_page_token: String,
    page_size: u32,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_size: Option<u64>,
}

/// A page of entities, or all of them. What is more than a batch is streamed: an error in the middle of it breaks the
/// answer off, so that nobody takes it for the whole list.
pub fn answer(pages: Pages, size: Option<PageSize>, edition: Edition) -> Result<HttpResponse> {
    let end = End {
        next_page_token: pages.first.next.as_ref().map(PageToken::encode).unwrap_or_default(),
        page_size: size.map_or(0, PageSize::get),
        size: 0,
        total_size: pages.first.total,
    };
    let mut writer = Writer { edition, end };
    let mut first = writer.items(&pages.first.items)?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, super::CONTENT_TYPE));
    let Some(rest) = pages.rest else {
        first.extend(writer.end()?);
        return Ok(response.body(first));
    };
    let following = stream::try_unfold((rest, Some(writer)), |(mut rest, writer)| async move {
        let Some(mut writer) = writer else { return Ok(None) };
        match rest.try_next().await? {
            Some(nodes) => Ok(Some((writer.items(&nodes)?, (rest, Some(writer))))),
            None => Ok(Some((writer.end()?, (rest, None)))),
        }
    });
    Ok(response.streaming(stream::once(async { Ok(first) }).chain(logged(following)).map_ok(Bytes::from)))
}

/// How long an item is, more or less, so that the text of a page seldom has to be moved while it grows.
const ITEM_BYTES: usize = 512;

struct Writer {
    edition: Edition,
    end: End,
}

impl Writer {
    /// The next items, after the list's beginning or what was written before.
    fn items(&mut self, nodes: &[Node]) -> Result<Vec<u8>> {
        let mut text = Vec::with_capacity(nodes.len() * ITEM_BYTES);
        if self.end.size == 0 {
            text.extend(b"{\"items\":[");
        }
        for node in nodes {
            if self.end.size > 0 {
                text.push(b',');
            }
            serde_json::to_writer(&mut text, &View { node, edition: self.edition }).map_err(unwritable)?;
            self.end.size += 1;
        }
        Ok(text)
    }

    fn end(&self) -> Result<Vec<u8>> {
        let members = serde_json::to_string(&self.end).map_err(unwritable)?;
        Ok(format!("],{}", members.trim_start_matches('{')).into_bytes())
    }
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::internal("a list cannot be written as JSON").caused_by(error)
}
