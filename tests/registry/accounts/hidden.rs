//! What is hidden, and what is told of it: nothing, but that a name is taken.

use modelport::domain::access::{Place, Role, WorkspaceId};
use modelport::domain::graph::{Membership, Scope};
use modelport::domain::{Action, Actor, Change, Draft, ErrorKind, LogicalType, NodeId, NodeKind, PageSize, Result};
use modelport::registry::access::{RootChange, ScopeRef};
use modelport::registry::{Registry, RequestContext};
use modelport::store::changes::{self, NewChange};
use serde_json::json;

use super::{Scene, kind, workspace};
use crate::support::{Backend, on_both};

on_both! {
    who_makes_a_model_writes_below_it,
    the_record_of_what_is_below_a_restricted_root_is_restricted,
    who_sees_little_gets_past_what_is_hidden,
    a_hidden_context_tells_no_members,
    a_type_that_only_the_hidden_have_is_not_listed,
    a_name_that_is_hidden_is_taken,
    an_import_is_begun_by_whoever_may_create,
}

async fn below(registry: &Registry, context: &RequestContext, model: NodeId, name: &str) -> Result<NodeId> {
    let draft = Draft::named(name.parse().unwrap());
    let made = registry.entities.create(context, LogicalType::ModelVersion, Some(model), draft).await?;
    let draft = Draft::named(name.parse().unwrap());
    registry.entities.create(context, LogicalType::ModelArtifact, Some(made.id), draft).await.map(|made| made.id)
}

async fn restricted(scene: &Scene, name: &str) -> NodeId {
    let model = scene.model(name).await;
    let change = RootChange { owner: Change::Clear, is_restricted: Some(true), workspace: None };
    scene.registry.accounts.change_root(&scene.offline(), model, change).await.unwrap();
    model
}

async fn who_makes_a_model_writes_below_it(backend: Backend) {
    let scene = Scene::new(backend).await;
    let alice = scene.with_role("alice", Role::Contributor, workspace("default")).await;
    let bob = scene.with_role("bob", Role::Contributor, workspace("default")).await;
    let draft = Draft::named("m".parse().unwrap());
    let model = scene.registry.entities.create(&alice, LogicalType::RegisteredModel, None, draft).await.unwrap().id;
    let artifact = below(&scene.registry, &alice, model, "1").await.unwrap();
    let history = scene.registry.history.node_history(&alice, artifact, 0, PageSize::new(9)).await.unwrap();
    assert_eq!(history.iter().map(|entry| entry.place.root).collect::<Vec<_>>(), [model]);
    assert_eq!(kind(below(&scene.registry, &bob, model, "2").await), ErrorKind::PermissionDenied);
}

async fn the_record_of_what_is_below_a_restricted_root_is_restricted(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = restricted(&scene, "m").await;
    let offline = scene.offline();
    let artifact = below(&scene.registry, &offline, model, "1").await.unwrap();
    let everywhere = scene.with_role("alice", Role::Maintainer, workspace("default")).await;
    let only_there = scene.with_role("bob", Role::Viewer, ScopeRef::Root(model)).await;
    let history = |who| scene.registry.history.node_history(who, artifact, 0, PageSize::new(9));
    assert_eq!(kind(history(&everywhere).await), ErrorKind::NotFound);
    assert_eq!(history(&only_there).await.unwrap().len(), 1);
    let feed = |who| scene.registry.history.changes(who, 0, PageSize::new(99));
    let (all, next) = feed(&offline).await.unwrap();
    assert_eq!(feed(&everywhere).await.unwrap(), (Vec::new(), next));
    assert_eq!(feed(&only_there).await.unwrap(), (all, next));
}

async fn who_sees_little_gets_past_what_is_hidden(backend: Backend) {
    let scene = Scene::new(backend).await;
    let place = Place { workspace: WorkspaceId::DEFAULT, root: restricted(&scene, "m").await };
    let store = scene.database.open();
    let change_hidden = async |count| {
        let new = NewChange { action: Action::Update, node_id: place.root, place, revision: 1, document: json!({}) };
        let all = vec![new; count];
        store.write(move |tx| changes::append(tx, &Actor::system(), 1, &all)).await.unwrap();
    };
    // More than one page looks at.
    change_hidden(10_050).await;
    let alice = scene.with_role("alice", Role::Maintainer, workspace("default")).await;
    let draft = Draft::named("seen".parse().unwrap());
    let seen = scene.registry.entities.create(&alice, LogicalType::RegisteredModel, None, draft).await.unwrap().id;
    let mut after = 0;
    let found = loop {
        // Somebody always writes, so that there is always a change without a position.
        change_hidden(1).await;
        let (found, next) = scene.registry.history.changes(&alice, after, PageSize::new(9)).await.unwrap();
        assert!(next > after, "the reader stays at {after}");
        if !found.is_empty() {
            break found;
        }
        after = next;
    };
    assert_eq!(found.iter().map(|change| change.node_id).collect::<Vec<_>>(), [seen]);
}

async fn a_hidden_context_tells_no_members(backend: Backend) {
    let scene = Scene::new(backend).await;
    let offline = scene.offline();
    let (model, other) = (restricted(&scene, "m").await, restricted(&scene, "other").await);
    let draft = Draft::named("1".parse().unwrap());
    let hidden = scene.registry.entities.create(&offline, LogicalType::ModelVersion, Some(other), draft);
    let hidden = hidden.await.unwrap().id;
    let artifact = below(&scene.registry, &offline, model, "1").await.unwrap();
    let pair = Membership { context_id: Some(hidden.0), member_id: Some(artifact.0) };
    scene.registry.graph.put_memberships(&offline, vec![pair], Vec::new()).await.unwrap();
    let alice = scene.with_role("alice", Role::Viewer, ScopeRef::Root(model)).await;
    let members = |who| {
        let scope = Scope::Members { kind: NodeKind::Artifact, context: hidden.0 };
        scene.registry.graph.list_graph(who, scope, None)
    };
    assert_eq!(members(&offline).await.unwrap().nodes.len(), 1);
    assert_eq!(members(&alice).await.unwrap().nodes, []);
    let children = scene.registry.graph.children_of(&alice, vec![other.0, model.0]).await.unwrap().items;
    assert_eq!(children.into_keys().collect::<Vec<_>>(), [model.0]);
}

async fn a_type_that_only_the_hidden_have_is_not_listed(backend: Backend) {
    let scene = Scene::new(backend).await;
    restricted(&scene, "m").await;
    let alice = scene.with_role("alice", Role::Maintainer, workspace("default")).await;
    let names = async |who| {
        let types = scene.registry.graph.list_types(who, NodeKind::Context).await.unwrap();
        types.into_iter().map(|each| each.name).collect::<Vec<_>>()
    };
    let offline = scene.offline();
    assert_eq!(names(&offline).await, ["kf.RegisteredModel"]);
    assert_eq!(names(&alice).await, [""; 0]);
}

async fn a_name_that_is_hidden_is_taken(backend: Backend) {
    let scene = Scene::new(backend).await;
    restricted(&scene, "m").await;
    let alice = scene.with_role("alice", Role::Contributor, workspace("default")).await;
    let draft = Draft::named("m".parse().unwrap());
    let error = scene.registry.entities.create(&alice, LogicalType::RegisteredModel, None, draft).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::NameTaken, "registered model `m` already exists"));
}

async fn an_import_is_begun_by_whoever_may_create(backend: Backend) {
    let scene = Scene::new(backend).await;
    let reader = scene.with_role("alice", Role::Reader, workspace("default")).await;
    let imports = &scene.registry.imports;
    assert_eq!(
        kind(imports.start_import(&reader, None, "p".to_owned(), Vec::new()).await),
        ErrorKind::PermissionDenied
    );
    assert_eq!(kind(imports.geti_projects(&reader, None).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(imports.geti_project(&reader, None, "p").await), ErrorKind::PermissionDenied);
    let writer = scene.with_role("bob", Role::Writer, workspace("default")).await;
    assert_eq!(kind(imports.geti_projects(&writer, None).await), ErrorKind::InvalidState);
}
