//! What the operations of all entities have in common; a handler names the entity and, where there is one, the parent.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};

use super::entity::Entity;
use super::error::{Answer, KubeflowError};
use super::query::Query;
use super::read::{Body, Form};
use super::show;
use crate::api::caller::Caller;
use crate::domain::{Error, NodeId};
use crate::registry::{IF_MATCH, Selection};

/// Creates an entity from its `…Create` body.
pub async fn create(caller: &Caller, entity: &'static Entity, body: &[u8]) -> Answer {
    let body = Body::parse(body)?;
    body.check_artifact_type(entity, false)?;
    let (draft, home) = body.draft(entity, Form::Create)?;
    let node = caller.registry.create(&caller.actor, entity.logical, home, draft).await?;
    Ok(show::entity(StatusCode::CREATED, entity, &node))
}

/// Creates an entity below its parent, or changes the one whose id the body carries; the parent in the path wins.
pub async fn create_in(caller: &Caller, entity: &'static Entity, parent: &str, body: &[u8]) -> Answer {
    let parent: NodeId = parent.parse()?;
    let body = Body::parse(body)?;
    let (draft, _) = body.draft(entity, Form::Whole)?;
    let node = match body.id()? {
        None => caller.registry.create(&caller.actor, entity.logical, Some(parent), draft).await?,
        Some(id) => {
            let found = caller.registry.get(entity.logical, id).await?;
            if found.home_id != Some(parent) {
                return Err(Error::not_found(format!("{} `{id}` in `{parent}`", entity.logical.noun())).into());
            }
            let patch = body.patch(entity, Form::Whole)?;
            caller.registry.update(&caller.actor, entity.logical, id, patch).await?
        }
    };
    Ok(show::entity(StatusCode::CREATED, entity, &node))
}

/// Creates an artifact below a version, or changes the one whose id the body carries and attaches it there.
pub async fn upsert_artifact(caller: &Caller, entity: &'static Entity, parent: (&Entity, &str), body: &[u8]) -> Answer {
    let (parent_type, parent_id) = (parent.0.logical, parent.1.parse()?);
    let body = Body::parse(body)?;
    body.check_artifact_type(entity, true)?;
    let (status, node) = match body.id()? {
        None => {
            let (draft, _) = body.draft(entity, Form::OneOf)?;
            let node = caller.registry.create(&caller.actor, entity.logical, Some(parent_id), draft).await?;
            (StatusCode::CREATED, node)
        }
        Some(id) => {
            let patch = body.patch(entity, Form::OneOf)?;
            let context = (parent_type, parent_id);
            let node = caller.registry.attach(&caller.actor, entity.logical, id, context, patch).await?;
            (StatusCode::OK, node)
        }
    };
    Ok(show::entity(status, entity, &node))
}

/// The entity with that id.
pub async fn get(caller: &Caller, entity: &'static Entity, id: &str) -> Answer {
    let node = caller.registry.get(entity.logical, id.parse()?).await?;
    Ok(show::entity(StatusCode::OK, entity, &node))
}

/// The one entity that the query finds.
pub async fn find(caller: &Caller, entity: &'static Entity, query: &Query) -> Answer {
    let has_parent = !entity.logical.homes().is_empty();
    let node = caller.registry.find(entity.logical, query.find(has_parent)?).await?;
    Ok(show::entity(StatusCode::OK, entity, &node))
}

/// A list of the selection, ordered and cut as the query says.
pub async fn list(caller: &Caller, entity: &'static Entity, query: &Query, selection: Selection) -> Answer {
    let listing = query.listing()?;
    let selection = Selection { order: listing.order, filter: query.filter(entity)?, ..selection };
    let page = caller.registry.list(selection, listing.size, listing.token).await?;
    Ok(show::list(entity, &page, &listing))
}

/// Changes the entity with that id.
pub async fn update(caller: &Caller, entity: &'static Entity, id: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
    let id = id.parse()?;
    let body = Body::parse(body)?;
    body.check_artifact_type(entity, false)?;
    let mut patch = body.patch(entity, Form::Create)?;
    patch.if_revision = if_match(headers)?;
    let node = caller.registry.update(&caller.actor, entity.logical, id, patch).await?;
    Ok(show::entity(StatusCode::OK, entity, &node))
}

/// The revision that `If-Match` demands.
fn if_match(headers: &HeaderMap) -> Result<Option<i64>, KubeflowError> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let value = value.to_str().unwrap_or_default().trim();
    if value == "*" {
        return Ok(None);
    }
    let revision = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).and_then(|tag| tag.parse().ok());
    match revision {
        Some(revision) => Ok(Some(revision)),
        None => Err(Error::invalid(IF_MATCH, format!("`{}` is not an ETag of an entity", value.escape_debug())).into()),
    }
}
