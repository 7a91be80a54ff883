//! What each action does: read the request, one call of the registry, show the answer.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::aliases;
use super::call::Call;
use super::entity::{Entity, METRIC, artifacts, known_to_artifacts};
use super::error::Answer;
use super::parse::{Body, BodyKind};
use super::table::Action;
use super::{lists, serialize};
use crate::domain::{Error, ErrorKind, HistorySelection, LogicalType, Node, NodeId, Patch, Result, Selection};
use crate::registry::removal::Removal;

/// Performs the action.
pub async fn perform(action: Action, call: Call) -> Answer {
    match action {
        Action::Find(entity) => find(entity, &call).await,
        Action::List(entity) => list(entity, Selection::of(entity.logical), &call).await,
        Action::Create(entity) => create(entity, &call).await,
        Action::Get(entity) => {
            let node = call.registry.entities.get(&call.context, entity.logical, call.id()?).await?;
            Ok(serialize::entity(StatusCode::OK, &node, call.edition))
        }
        Action::Update(entity) => update(entity, BodyKind::Create, &Body::parse(&call.body)?, &call).await,
        Action::ListIn(_, entity) => list(entity, narrowed(Selection::of(entity.logical), &call)?, &call).await,
        Action::CreateIn(_, entity) => create_in(entity, BodyKind::Create, &call).await,
        Action::UpsertIn(_, entity) => create_in(entity, BodyKind::Upsert, &call).await,
        Action::FindArtifact => {
            let node = call.registry.entities.find_artifact(&call.context, call.query.find(true)?).await?;
            Ok(serialize::entity(StatusCode::OK, &node, call.edition))
        }
        Action::ListArtifacts => list_artifacts(Selection::of_any(&[]), &call).await,
        Action::CreateArtifact => create_artifact(&call).await,
        Action::GetArtifact => {
            let node = call.registry.entities.get_artifact(&call.context, call.id()?).await?;
            Ok(serialize::entity(StatusCode::OK, &node, call.edition))
        }
        Action::UpdateArtifact => update_artifact(&call).await,
        Action::ListArtifactsIn(parent) => {
            let selection = Selection {
                member_of: Some(call.id()?),
                parent_type: Some(parent.logical),
                name: call.query.name()?,
                external_id: call.query.external_id()?,
                ..Selection::of_any(&[])
            };
            list_artifacts(selection, &call).await
        }
        Action::UpsertArtifactIn(parent) => upsert_artifact(parent, &call).await,
        Action::MetricHistory => metric_history(None, &call).await,
        Action::MetricHistoryOfRun => metric_history(Some(call.id()?), &call).await,
        Action::Delete(entity) => delete(entity.logical, &call).await,
        Action::DeleteArtifact => {
            let found = call.registry.entities.get_artifact(&call.context, call.id()?).await?;
            delete(found.logical_type().unwrap_or(LogicalType::ModelArtifact), &call).await
        }
        Action::ListAliases => aliases::of_model(&call).await,
        Action::ListAliasesOfVersion => aliases::of_version(&call).await,
        Action::GetAlias => aliases::get(&call).await,
        Action::SetAlias => aliases::set(&call).await,
        Action::DeleteAlias => aliases::delete(&call).await,
        Action::InferenceModel => {
            let node = call.registry.entities.inference_model(&call.context, call.id()?).await?;
            Ok(serialize::entity(StatusCode::OK, &node, call.edition))
        }
        Action::InferenceVersion => {
            let node = call.registry.entities.inference_version(&call.context, call.id()?).await?;
            Ok(serialize::entity(StatusCode::OK, &node, call.edition))
        }
    }
}

async fn find(entity: &'static Entity, call: &Call) -> Answer {
    let has_parent = !entity.logical.homes().is_empty();
    let node = call.registry.entities.find(&call.context, entity.logical, call.query.find(has_parent)?).await?;
    Ok(serialize::entity(StatusCode::OK, &node, call.edition))
}

async fn list(entity: &'static Entity, selection: Selection, call: &Call) -> Answer {
    let listing = call.query.listing()?;
    let filter = call.query.filter(&|name| entity.known(name))?;
    let selection = Selection { order: listing.order, filter, ..selection };
    let size = listing.page.size;
    let pages = call.registry.entities.list(&call.context, selection, listing.page).await?;
    Ok(lists::answer(pages, size, call.edition)?)
}

/// The selection in the home that the path names, narrowed to a name or external id.
fn narrowed(selection: Selection, call: &Call) -> Result<Selection> {
    let (name, external_id) = (call.query.name()?, call.query.external_id()?);
    Ok(Selection { home: Some(call.id()?), name, external_id, ..selection })
}

async fn create(entity: &'static Entity, call: &Call) -> Answer {
    let body = Body::parse(&call.body)?;
    body.check_artifact_type(entity)?;
    let (draft, home) = body.draft(entity, BodyKind::Create)?;
    let node = call.registry.entities.create(&call.context, entity.logical, home, draft).await?;
    Ok(serialize::entity(StatusCode::CREATED, &node, call.edition))
}

/// Creates an entity in its parent; a whole body may carry the id of one to be changed. The parent in the path wins.
async fn create_in(entity: &'static Entity, kind: BodyKind, call: &Call) -> Answer {
    let parent = call.id()?;
    let body = Body::parse(&call.body)?;
    let (draft, _) = body.draft(entity, kind)?;
    let id = if kind == BodyKind::Upsert { body.id()? } else { None };
    let node = match id {
        None => {
            if kind == BodyKind::Upsert {
                call.expected()?.check_absent(entity.logical)?;
            }
            call.registry.entities.create(&call.context, entity.logical, Some(parent), draft).await?
        }
        Some(id) => {
            let patch = Patch { if_revision: call.if_revision()?, ..body.patch(entity, kind)? };
            call.registry.entities.update_in(&call.context, entity.logical, parent, id, patch).await?
        }
    };
    Ok(serialize::entity(StatusCode::CREATED, &node, call.edition))
}

async fn update(entity: &'static Entity, kind: BodyKind, body: &Body, call: &Call) -> Answer {
    body.check_artifact_type(entity)?;
    let mut patch = body.patch(entity, kind)?;
    patch.if_revision = call.if_revision()?;
    let node = call.registry.entities.update(&call.context, entity.logical, call.id()?, patch).await?;
    Ok(serialize::entity(StatusCode::OK, &node, call.edition))
}

async fn delete(logical: LogicalType, call: &Call) -> Answer {
    let removal = Removal { recursive: call.query.recursive()?, if_revision: call.if_revision()?, force: false };
    call.registry.entities.delete(&call.context, logical, call.id()?, removal).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn list_artifacts(selection: Selection, call: &Call) -> Answer {
    let listing = call.query.listing()?;
    let (types, filter) = match call.query.artifact_type()? {
        Some(entity) => (vec![entity.logical], call.query.filter(&|name| entity.known(name))?),
        None => (LogicalType::ARTIFACTS.to_vec(), call.query.filter(&known_to_artifacts)?),
    };
    let types = types.into_iter().map(LogicalType::id).collect();
    let selection = Selection { types, order: listing.order, filter, ..selection };
    let size = listing.page.size;
    let pages = call.registry.entities.list(&call.context, selection, listing.page).await?;
    Ok(lists::answer(pages, size, call.edition)?)
}

async fn create_artifact(call: &Call) -> Answer {
    let body = Body::parse(&call.body)?;
    let entity = body.artifact()?;
    let (draft, _) = body.draft(entity, BodyKind::Artifact)?;
    let node = call.registry.entities.create(&call.context, entity.logical, None, draft).await?;
    Ok(serialize::entity(StatusCode::CREATED, &node, call.edition))
}

async fn update_artifact(call: &Call) -> Answer {
    let body = Body::parse(&call.body)?;
    let given = body.artifact()?;
    let found = call.registry.entities.get_artifact(&call.context, call.id()?).await?;
    check_type_of(given, &found)?;
    update(given, BodyKind::Artifact, &body, call).await
}

/// Refuses an `artifactType` that is not that of the artifact.
fn check_type_of(given: &Entity, found: &Node) -> Result<()> {
    if found.logical_type() == Some(given.logical) {
        return Ok(());
    }
    let is = artifacts().find(|entity| found.logical_type() == Some(entity.logical));
    let (is, given) = (is.and_then(|entity| entity.artifact_type), given.artifact_type);
    Err(Error::invalid(
        "artifactType",
        format!("artifact `{}` is a `{}`, not a `{}`", found.id, is.unwrap_or_default(), given.unwrap_or_default()),
    ))
}

/// Creates an artifact in a version or run, or changes the one whose id the body carries and attaches it there.
async fn upsert_artifact(parent: &'static Entity, call: &Call) -> Answer {
    let context = (parent.logical, call.id()?);
    let body = Body::parse(&call.body)?;
    let entity = body.artifact()?;
    if let Some(id) = body.id()? {
        let patch = Patch { if_revision: call.if_revision()?, ..body.patch(entity, BodyKind::Artifact)? };
        let attached = call.registry.entities.attach(&call.context, entity.logical, id, context, patch).await;
        if attached.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            check_type_of(entity, &call.registry.entities.get_artifact(&call.context, id).await?)?;
        }
        return Ok(serialize::entity(StatusCode::OK, &attached?, call.edition));
    }
    let (draft, _) = body.draft(entity, BodyKind::Artifact)?;
    let expected = call.expected()?;
    let (node, _) =
        call.registry.entities.upsert_artifact(&call.context, entity.logical, context, draft, expected).await?;
    // Upstream says 201 of models and documents alone.
    let status = match entity.logical {
        LogicalType::ModelArtifact | LogicalType::DocArtifact => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    Ok(serialize::entity(status, &node, call.edition))
}

async fn metric_history(run: Option<NodeId>, call: &Call) -> Answer {
    let listing = call.query.listing()?;
    let selection = HistorySelection {
        run,
        name_contains: call.query.name()?.map(String::from),
        steps: call.query.step_ids()?,
        filter: call.query.filter(&|name| METRIC.known(name))?,
        order: listing.order,
    };
    let size = listing.page.size;
    let pages = call.registry.metrics.metric_history(&call.context, selection, listing.page).await?;
    Ok(lists::answer(pages, size, call.edition)?)
}
