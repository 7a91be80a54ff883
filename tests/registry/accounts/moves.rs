//! Roots that move from one workspace to another, with all that was recorded of them.

use modelport::domain::access::{Role, Slug};
use modelport::domain::{Draft, ErrorKind, LogicalType, NodeId, PageSize};
use modelport::registry::RequestContext;
use modelport::registry::access::{RootChange, ScopeRef, WorkspaceChange};
use modelport::registry::removal::Removal;

use super::{Scene, kind, workspace};
use crate::support::{Backend, on_both};

on_both! {
    what_was_removed_moves_with_its_root,
    a_root_moves_to_where_its_manager_may_make_one,
    nothing_leaves_an_archived_workspace,
    entries_of_servers_that_know_of_no_roots_are_restricted_with_theirs,
}

fn to(team: &Slug) -> RootChange {
    RootChange { workspace: Some(team.clone()), ..RootChange::default() }
}

async fn version(scene: &Scene, model: NodeId, name: &str) -> NodeId {
    let draft = Draft::named(name.parse().unwrap());
    let offline = scene.offline();
    let made = scene.registry.entities.create(&offline, LogicalType::ModelVersion, Some(model), draft);
    made.await.unwrap().id
}

async fn what_was_removed_moves_with_its_root(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (offline, team) = (scene.offline(), scene.team("team-a").await);
    let (model, stays) = (scene.model("m").await, scene.model("stays").await);
    let removed = version(&scene, model, "secret").await;
    version(&scene, model, "kept").await;
    scene.registry.entities.delete(&offline, LogicalType::ModelVersion, removed, Removal::default()).await.unwrap();
    let before = scene.with_role("alice", Role::Viewer, workspace("default")).await;
    let after = scene.with_role("bob", Role::Viewer, workspace("team-a")).await;
    scene.registry.accounts.change_root(&offline, model, to(&team)).await.unwrap();
    let history = |who| scene.registry.history.node_history(who, removed, 0, PageSize::new(9));
    assert_eq!(kind(history(&before).await), ErrorKind::NotFound);
    assert_eq!(history(&after).await.unwrap().len(), 2);
    let (feed, _) = scene.registry.history.changes(&before, 0, PageSize::new(99)).await.unwrap();
    assert_eq!(feed.iter().map(|entry| entry.node_id).collect::<Vec<_>>(), [stays]);
}

async fn a_root_moves_to_where_its_manager_may_make_one(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (accounts, team) = (&scene.registry.accounts, scene.team("team-a").await);
    let model = scene.model("m").await;
    let manager = scene.with_role("ann", Role::Admin, workspace("default")).await;
    assert_eq!(kind(accounts.change_root(&manager, model, to(&team)).await), ErrorKind::NotFound);
    let viewer = scene.with_role("ann", Role::Viewer, workspace("team-a")).await;
    assert_eq!(kind(accounts.change_root(&viewer, model, to(&team)).await), ErrorKind::PermissionDenied);
    let maker = scene.with_role("ann", Role::Contributor, workspace("team-a")).await;
    assert_eq!(accounts.change_root(&maker, model, to(&team)).await.unwrap().workspace.slug, team);
}

async fn nothing_leaves_an_archived_workspace(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (offline, old, team) = (scene.offline(), scene.team("old").await, scene.team("team-a").await);
    let model = scene.model("m").await;
    let accounts = &scene.registry.accounts;
    accounts.change_root(&offline, model, to(&old)).await.unwrap();
    let archived = WorkspaceChange { archived: Some(true), ..WorkspaceChange::default() };
    accounts.change_workspace(&offline, &old, archived).await.unwrap();
    let admin = scene.with_role("ann", Role::Admin, ScopeRef::Registry).await;
    assert_eq!(kind(accounts.change_root(&admin, model, to(&team)).await), ErrorKind::PermissionDenied);
}

async fn entries_of_servers_that_know_of_no_roots_are_restricted_with_theirs(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let removed = version(&scene, model, "1").await;
    let kept = version(&scene, model, "2").await;
    let offline = scene.offline();
    scene.registry.entities.delete(&offline, LogicalType::ModelVersion, removed, Removal::default()).await.unwrap();
    for node in [model, removed, kept, NodeId(4711)] {
        scene.database.execute(&format!(
            "INSERT INTO changes (at, actor, action, node_id, revision, document) VALUES (1, 'a', 'update', {node}, 1, '{{}}')"
        ));
    }
    let roots =
        scene.lines("SELECT coalesce(CAST(root_id AS TEXT), '-') AS line FROM changes WHERE at = 1 ORDER BY id");
    let root = model.to_string();
    assert_eq!(roots, [&root, &root, &root, "-"]);
    let who = scene.with_role("alice", Role::Viewer, workspace("default")).await;
    let seen = async |who: &RequestContext| {
        let (feed, _) = scene.registry.history.changes(who, 0, PageSize::new(99)).await.unwrap();
        feed.len()
    };
    assert_eq!(seen(&who).await, 8);
    let change = RootChange { is_restricted: Some(true), ..RootChange::default() };
    scene.registry.accounts.change_root(&offline, model, change).await.unwrap();
    let (_, who) = scene.person("alice").await;
    assert_eq!(seen(&who).await, 0);
}
