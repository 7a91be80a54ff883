//! Aliases of a model's versions: an extension, in the manner of the API.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde_json::{Value as Json, json};

use super::call::Call;
use super::error::Answer;
use super::parse::Body;
use super::serialize;
use crate::domain::{Alias, NodeId};

/// The aliases of a registered model.
pub async fn of_model(call: &Call) -> Answer {
    Ok(list(&call.registry.models.list_aliases(&call.context, call.id()?).await?))
}

/// The aliases of a model version.
pub async fn of_version(call: &Call) -> Answer {
    Ok(list(&call.registry.models.list_aliases_of_version(&call.context, call.id()?).await?))
}

/// The version that an alias points at.
pub async fn get(call: &Call) -> Answer {
    let version = call.registry.models.aliased_version(&call.context, call.id()?, &call.alias()?).await?;
    Ok(serialize::entity(StatusCode::OK, &version, call.edition))
}

/// Points an alias at a version.
pub async fn set(call: &Call) -> Answer {
    let (model, alias) = (call.id()?, call.alias()?);
    let version = Body::parse(&call.body)?.version_of_alias()?;
    let version = call.registry.models.point_alias(&call.context, model, &alias, version).await?;
    Ok(serialize::entity(StatusCode::OK, &version, call.edition))
}

/// Removes an alias.
pub async fn delete(call: &Call) -> Answer {
    call.registry.models.remove_alias(&call.context, call.id()?, &call.alias()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A list in the API's envelope, which is always one page.
fn list(aliases: &[(Alias, NodeId)]) -> HttpResponse {
    let item =
        |(alias, version): &(Alias, NodeId)| json!({"name": alias.as_str(), "modelVersionId": version.to_string()});
    let items: Vec<Json> = aliases.iter().map(item).collect();
    let list = json!({"items": items, "nextPageToken": "", "pageSize": 0, "size": items.len()});
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, super::CONTENT_TYPE)).json(list)
}
