//! Saved filters of screens: somebody's own, or shared with the workspace.

use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::body::read;
use super::errors::{DeleteFileErrors, ListModelsErrors, ReadErrors, ViewErrors};
use super::request::{ConditionHeaders, KnownHeaders};
use super::{Paging, next_token};
use crate::domain::saved_view::SavedView;
use crate::domain::{Error, Result};
use crate::http::caller::Caller;
use crate::http::conditional::{conditions, unless_known, with_etag};
use crate::http::problem::Problem;
use crate::registry::saved_views::{ViewKey, view_tag};

/// Which views are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ViewOptions {
    /// Of this screen alone.
    #[param(pattern = "^[a-z][a-z0-9-]{0,63}$")]
    screen: Option<String>,
}

/// Whose view is meant.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SharedOption {
    /// Whether it is shared with the workspace, and not the caller's own.
    #[serde(default)]
    shared: bool,
}

/// What a view is to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PutView {
    /// How the screen is to be: any object, of at most 16 KiB.
    #[schema(value_type = Object)]
    query: Map<String, Value>,
}

/// A saved view.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavedViewView {
    /// The screen that it is of.
    pub screen: String,
    /// Its name.
    pub name: String,
    /// Whether it is shared with the workspace, and not the caller's own.
    pub shared: bool,
    /// How the screen is to be.
    #[schema(value_type = Object)]
    pub query: Value,
    /// How often it was written.
    pub revision: i64,
    /// When it was made.
    pub created_at: i64,
    /// When it was changed last.
    pub updated_at: i64,
}

/// A page of views, in the order in which they were made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavedViewList {
    /// The views.
    pub items: Vec<SavedViewView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

impl SavedViewView {
    /// Errors: Internal where what is stored is not JSON.
    fn new(view: &SavedView) -> Result<Self> {
        let broken = |error| Error::internal("the query of a view is not JSON").caused_by(error);
        Ok(Self {
            screen: view.screen.clone(),
            name: view.name.clone(),
            shared: view.owner.is_none(),
            query: serde_json::from_str(&view.query).map_err(|error: serde_json::Error| broken(error))?,
            revision: view.revision,
            created_at: view.created_at,
            updated_at: view.updated_at,
        })
    }
}

fn key(segments: Path<(String, String)>, shared: &SharedOption) -> Result<ViewKey> {
    let (screen, name) = segments.into_inner();
    Ok(ViewKey { screen: screen.parse()?, name: name.parse()?, is_shared: shared.shared })
}

/// Lists the caller's own views and those that the workspace shares, in the order in which they were made.
#[utoipa::path(
    get, path = "/views", operation_id = "listViews", tag = "views",
    params(ViewOptions, Paging),
    responses(
        (status = 200, description = "A page.", body = SavedViewList),
        ListModelsErrors,
    ),
)]
pub async fn list_views(
    caller: Caller,
    options: Query<ViewOptions>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let screen = options.screen.as_deref().map(str::parse).transpose()?;
    let page = caller.registry.views.list_views(&caller.context, screen, paging.request()?).await?;
    let items = page.items.iter().map(SavedViewView::new).collect::<Result<_>>()?;
    Ok(HttpResponse::Ok().json(SavedViewList { items, next_page_token: next_token(page.next.as_ref()) }))
}

/// Shows a view; its ETag changes with it.
#[utoipa::path(
    get, path = "/views/{screen}/{name}", operation_id = "getView", tag = "views",
    params(
        ("screen" = String, Path, description = "The screen that it is of.", pattern = "^[a-z][a-z0-9-]{0,63}$"),
        ("name" = String, Path, description = "Its name.", min_length = 1, max_length = 512),
        SharedOption,
        KnownHeaders,
    ),
    responses(
        (status = 200, description = "The view.", body = SavedViewView),
        (status = 304, description = "The client has it."),
        ReadErrors,
    ),
)]
pub async fn get_view(
    caller: Caller,
    segments: Path<(String, String)>,
    shared: Query<SharedOption>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let view = caller.registry.views.get_view(&caller.context, key(segments, &shared)?).await?;
    Ok(unless_known(&request, view_tag(&view), &SavedViewView::new(&view)?))
}

/// Makes a view, or gives it another query. Shared ones need `write` in the workspace; without accounts all are shared.
#[utoipa::path(
    put, path = "/views/{screen}/{name}", operation_id = "putView", tag = "views",
    params(
        ("screen" = String, Path, description = "The screen that it is of.", pattern = "^[a-z][a-z0-9-]{0,63}$"),
        ("name" = String, Path, description = "Its name.", min_length = 1, max_length = 512),
        SharedOption,
        ConditionHeaders,
    ),
    request_body = PutView,
    responses(
        (status = 200, description = "The view, as it is now.", body = SavedViewView),
        ViewErrors,
    ),
)]
pub async fn put_view(
    caller: Caller,
    segments: Path<(String, String)>,
    shared: Query<SharedOption>,
    body: Json<Map<String, Value>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let PutView { query } = read(body)?;
    let (key, conditions) = (key(segments, &shared)?, conditions(&request)?);
    let view = caller.registry.views.put_view(&caller.context, key, query, conditions).await?;
    Ok(with_etag(view_tag(&view), &SavedViewView::new(&view)?))
}

/// Removes a view. Shared ones need `write` in the workspace.
#[utoipa::path(
    delete, path = "/views/{screen}/{name}", operation_id = "deleteView", tag = "views",
    params(
        ("screen" = String, Path, description = "The screen that it is of.", pattern = "^[a-z][a-z0-9-]{0,63}$"),
        ("name" = String, Path, description = "Its name.", min_length = 1, max_length = 512),
        SharedOption,
        ConditionHeaders,
    ),
    responses(
        (status = 204, description = "Removed."),
        DeleteFileErrors,
    ),
)]
pub async fn delete_view(
    caller: Caller,
    segments: Path<(String, String)>,
    shared: Query<SharedOption>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (key, conditions) = (key(segments, &shared)?, conditions(&request)?);
    caller.registry.views.delete_view(&caller.context, key, conditions).await?;
    Ok(HttpResponse::NoContent().finish())
}
