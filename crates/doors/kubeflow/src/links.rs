//! The links of the document: what can be asked of an entity that was just made, and with which of its members.

use serde_json::{Map, Value as Json, json};

use super::entity::{Entity, Storage};
use super::table::{Action, Operation, all};

/// The links of an operation that makes an entity, by the id of the operation that they lead to.
pub fn links(operation: &Operation) -> Map<String, Json> {
    let made = match operation.action {
        Action::Create(entity) | Action::CreateIn(_, entity) | Action::UpsertIn(_, entity) => Made::Entity(entity),
        Action::CreateArtifact | Action::UpsertArtifactIn(_) => Made::Artifact,
        Action::SetAlias => Made::Alias,
        _ => return Map::new(),
    };
    let links = all().filter_map(|target| Some((target.id.to_owned(), parameters(&made, target)?)));
    links.map(|(id, parameters)| (id.clone(), json!({"operationId": id, "parameters": parameters}))).collect()
}

enum Made {
    Entity(&'static Entity),
    /// Of any type.
    Artifact,
    Alias,
}

/// Where the target's parameters come from; `None` when it is not about what was made.
fn parameters(made: &Made, target: &Operation) -> Option<Map<String, Json>> {
    let in_path = |expression: &str| {
        let parameters = target.path_parameters().map(|name| (name.to_owned(), expression.replace("{}", name).into()));
        Some(parameters.collect())
    };
    match (made, target.action) {
        (Made::Entity(entity), Action::Find(found)) if found.logical == entity.logical => Some(lookup(entity)),
        (Made::Artifact, Action::GetArtifact | Action::UpdateArtifact | Action::DeleteArtifact) => {
            in_path("$response.body#/id")
        }
        (Made::Entity(entity), action) if is_about(action, entity) => in_path("$response.body#/id"),
        (Made::Alias, Action::GetAlias | Action::DeleteAlias | Action::SetAlias) => in_path("$request.path.{}"),
        _ => None,
    }
}

/// Whether the action takes the id of such an entity, and nothing else, from its path.
fn is_about(action: Action, entity: &Entity) -> bool {
    match action {
        Action::Get(other)
        | Action::Update(other)
        | Action::Delete(other)
        | Action::ListIn(other, _)
        | Action::CreateIn(other, _)
        | Action::UpsertIn(other, _)
        | Action::ListArtifactsIn(other)
        | Action::UpsertArtifactIn(other) => other.logical == entity.logical,
        _ => false,
    }
}

fn lookup(entity: &Entity) -> Map<String, Json> {
    let home = entity.members.iter().find(|member| member.storage == Storage::Home);
    let parent = home.map(|home| ("parentResourceId".to_owned(), format!("$response.body#/{}", home.name).into()));
    let name = ("name".to_owned(), "$response.body#/name".into());
    [name].into_iter().chain(parent).collect()
}
