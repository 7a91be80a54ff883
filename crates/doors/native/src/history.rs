//! The history of a node, and the feed of all changes.

use std::num::NonZeroU32;

use actix_web::web::{Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::IntoParams;

use super::answers;
use super::changes::{ChangeList, ChangeView};
use super::enums::{ActionName, OrderOfChanges};
use super::errors::{FeedErrors, ReadErrors};
use super::request::KnownHeaders;
use crate::domain::change::ChangesFrom;
use crate::domain::value::{check_text, find_named};
use crate::domain::{Action, ChangeRecord, Error, LogicalType, NodeId, PageSize, Result};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::history::ChangeListing;

/// Which changes are wanted, and in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangesPage {
    /// `asc` for the oldest first, which is also the order when it is not given; `desc` for the newest first.
    #[param(inline, value_type = Option<OrderOfChanges>)]
    order: Option<String>,
    /// Where the oldest come first, changes after this one: the `next` of the previous page; 0 for the first page.
    #[serde(default)]
    #[param(minimum = 0)]
    after: i64,
    /// Where the newest come first, changes before this one: the `next` of the previous page.
    #[param(minimum = 1)]
    before: Option<i64>,
    /// At most this many, and never more than 10000.
    #[serde(default = "super::hundred")]
    #[param(value_type = i64, minimum = 1, maximum = 4_294_967_295_u32)]
    limit: NonZeroU32,
}

impl ChangesPage {
    fn read(&self) -> Result<(ChangesFrom, PageSize)> {
        let order = self.order.as_deref().unwrap_or("asc");
        let is_backwards = find_named(&["asc", "desc"], |name| name, "order", order)? == "desc";
        let which = match (is_backwards, self.after, self.before) {
            (_, after, _) if after < 0 => {
                return Err(Error::invalid("after", format!("after `{after}` is negative")));
            }
            (_, _, Some(before)) if before < 1 => {
                return Err(Error::invalid("before", format!("before `{before}` is not positive")));
            }
            (true, after, _) if after > 0 => {
                return Err(Error::invalid("after", "`after` goes with `order=asc`; with `desc` it is `before`"));
            }
            (false, _, Some(_)) => {
                return Err(Error::invalid("before", "`before` goes with `order=desc`; with `asc` it is `after`"));
            }
            (true, _, before) => ChangesFrom::Before(before),
            (false, after, None) => ChangesFrom::After(after),
        };
        Ok((which, PageSize::new(self.limit.get())))
    }
}

/// Whose history is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryOptions {
    /// Whether the changes of what belongs to the node are among them: of a model those of its versions and of their artifacts, of a version
    /// those of its artifacts.
    #[serde(default)]
    subtree: bool,
}

/// What narrows the changes of a workspace, where the newest come first.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangeFilter {
    /// Those that this one made, by handle.
    actor: Option<String>,
    /// Those that did this.
    #[param(inline, value_type = Option<ActionName>)]
    action: Option<String>,
    /// Those of the node with this id.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    node: Option<String>,
    /// Those of nodes of this type of the registry's own, as `kf.ModelVersion`.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    of_type: Option<String>,
    /// Not before then, in milliseconds since the epoch.
    from: Option<i64>,
    /// Before then, in milliseconds since the epoch.
    to: Option<i64>,
}

impl ChangeFilter {
    fn read(self) -> Result<ChangeListing> {
        self.actor.as_deref().map_or(Ok(()), |actor| check_text("actor", actor))?;
        let action = |name: String| find_named(&Action::ALL, Action::name, "action", &name);
        let of_type = |name: String| find_named(&LogicalType::ALL, LogicalType::type_name, "type", &name);
        Ok(ChangeListing {
            actor: self.actor,
            action: self.action.map(action).transpose()?,
            node: self.node.map(|id| id.parse()).transpose().map_err(|error: Error| error.on_field("node"))?,
            of_type: self.of_type.map(of_type).transpose()?,
            from: self.from,
            to: self.to,
        })
    }
}

/// Shows who changed a node, when, and what it was afterwards; a removed node too.
#[utoipa::path(
    get, path = "/nodes/{id}/history", operation_id = "getNodeHistory", tag = "history",
    params(
        ("id" = String, Path, description = "Id of the node.", pattern = "^[1-9][0-9]{0,17}$"),
        ChangesPage,
        HistoryOptions,
        KnownHeaders,
    ),
    responses(
        (status = 200, description = "Its changes.", content(
            (ChangeList = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"),
        )),
        (status = 304, description = "The client has it."),
        ReadErrors,
    ),
)]
pub async fn get_node_history(
    caller: Caller,
    id: Path<String>,
    page: Query<ChangesPage>,
    options: Query<HistoryOptions>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let node: NodeId = id.parse()?;
    let (which, limit) = page.read()?;
    let history = &caller.registry.history;
    let changes = match which {
        ChangesFrom::After(after) if !options.subtree => {
            history.node_history(&caller.context, node, after, limit).await?
        }
        _ => history.node_history_in(&caller.context, node, which, options.subtree, limit).await?,
    };
    let last = changes.last().map(|change| change.id);
    let next = match which {
        ChangesFrom::After(after) => last.unwrap_or(after),
        ChangesFrom::Before(_) => last.filter(|_| changes.len() >= limit.get() as usize).unwrap_or(0),
    };
    answer(&caller, &request, changes, next).await
}

/// Lists the changes of all nodes of a workspace. Whoever follows `next` misses none.
///
/// With `order=desc` the newest come first, and `actor`, `action`, `node`, `type`, `from` and `to` narrow them; a page may then be short, or
/// empty, though there are more: `next` is 0 at the end.
#[utoipa::path(
    get, path = "/changes", operation_id = "listChanges", tag = "history",
    params(ChangesPage, ChangeFilter, KnownHeaders),
    responses(
        (status = 200, description = "The changes.", content(
            (ChangeList = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"),
        )),
        (status = 304, description = "The client has it."),
        FeedErrors,
    ),
)]
pub async fn list_changes(
    caller: Caller,
    page: Query<ChangesPage>,
    filter: Query<ChangeFilter>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (which, limit) = page.read()?;
    let listing = filter.into_inner().read()?;
    let history = &caller.registry.history;
    let (changes, next) = match which {
        ChangesFrom::Before(before) => {
            let (changes, next) = history.last_changes(&caller.context, listing, before, limit).await?;
            (changes, next.unwrap_or(0))
        }
        ChangesFrom::After(_) if listing != ChangeListing::default() => {
            let message = "`actor`, `action`, `node`, `type`, `from` and `to` go with `order=desc`";
            return Err(Error::invalid("order", message).into());
        }
        ChangesFrom::After(after) => history.changes(&caller.context, after, limit).await?,
    };
    answer(&caller, &request, changes, next).await
}

async fn answer(
    caller: &Caller,
    request: &HttpRequest,
    changes: Vec<ChangeRecord>,
    next: i64,
) -> Result<HttpResponse, Problem> {
    let types = caller.registry.history.types_of(&caller.context, &changes).await?;
    let items = changes.into_iter().map(|change| ChangeView::new(change, &types)).collect();
    let list = ChangeList { items, next };
    let continued = if next == 0 { String::new() } else { next.to_string() };
    Ok(answers::page(request, &list, &list.items, &continued)?)
}
