//! The history of a node, and the feed of all changes.

use std::num::NonZeroU32;

use actix_web::HttpResponse;
use actix_web::web::{Path, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::errors::{FeedErrors, ReadErrors};
use super::wire::{ChangeList, ChangeView};
use crate::domain::{ChangeRecord, Error, NodeId, PageSize, Result};
use crate::http::caller::Caller;
use crate::http::problem::Problem;

/// Which changes are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangesAfter {
    /// Changes after this one: the `next` of the previous page; 0 for the first page.
    #[serde(default)]
    #[param(minimum = 0)]
    after: i64,
    /// At most this many, and never more than 10000.
    #[serde(default = "super::hundred")]
    #[param(value_type = i64, minimum = 1, maximum = 4_294_967_295_u32)]
    limit: NonZeroU32,
}

impl ChangesAfter {
    fn read(&self) -> Result<(i64, PageSize)> {
        match self.after {
            after if after < 0 => Err(Error::invalid("after", format!("after `{after}` is negative"))),
            after => Ok((after, PageSize::new(self.limit.get()))),
        }
    }
}

/// Shows who changed a node, when, and what it was afterwards; a removed node too.
#[utoipa::path(
    get, path = "/nodes/{id}/history", operation_id = "getNodeHistory", tag = "history",
    params(("id" = String, Path, description = "Id of the node.", pattern = "^[1-9][0-9]{0,17}$"), ChangesAfter),
    responses(
        (status = 200, description = "Its changes, oldest first.", body = ChangeList),
        ReadErrors,
    ),
)]
pub async fn get_node_history(
    caller: Caller,
    id: Path<String>,
    page: Query<ChangesAfter>,
) -> Result<HttpResponse, Problem> {
    let node: NodeId = id.parse()?;
    let (after, limit) = page.read()?;
    let changes = caller.registry.history.node_history(&caller.context, node, after, limit).await?;
    let next = changes.last().map_or(after, |change| change.id);
    Ok(answer(changes, next))
}

/// Lists the changes of all nodes. Whoever follows `next` misses none.
#[utoipa::path(
    get, path = "/changes", operation_id = "listChanges", tag = "history",
    params(ChangesAfter),
    responses(
        (status = 200, description = "The changes, oldest first.", body = ChangeList),
        FeedErrors,
    ),
)]
pub async fn list_changes(caller: Caller, page: Query<ChangesAfter>) -> Result<HttpResponse, Problem> {
    let (after, limit) = page.read()?;
    let (changes, next) = caller.registry.history.changes(&caller.context, after, limit).await?;
    Ok(answer(changes, next))
}

fn answer(changes: Vec<ChangeRecord>, next: i64) -> HttpResponse {
    HttpResponse::Ok().json(ChangeList { items: changes.into_iter().map(ChangeView::from).collect(), next })
}
