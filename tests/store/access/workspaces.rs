//! Workspaces, and what everybody's rights depend on.

use modelport::domain::access::{Group, Permissions, Role, Slug, Subject, WorkspaceId};
use modelport::domain::{Change, ErrorKind};
use modelport::store::access::workspaces::{Seen, WorkspacePatch};
use modelport::store::access::{epoch, workspaces};

use super::{DEFAULT, Scene, of};
use crate::support::{Backend, on_both};

on_both! {
    the_default_workspace_is_there_from_the_start,
    a_slug_is_one_workspaces,
    two_at_once_make_one_workspace_of_a_slug,
    a_list_has_what_somebody_sees,
    what_a_workspace_says_changes_and_is_cleared,
    what_is_in_a_workspace_is_found,
    bindings_go_with_their_workspace,
    the_epoch_rises,
    what_is_shared_is_what_differs_from_the_usual,
}

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

async fn the_default_workspace_is_there_from_the_start(backend: Backend) {
    let scene = Scene::new(backend);
    let found = scene.store.read(|tx| workspaces::find_by_slug(tx, &slug("default"))).await.unwrap().unwrap();
    assert_eq!((found.id, found.owner_role, found.archived_at), (WorkspaceId::DEFAULT, Some(Role::Admin), None));
    assert!(scene.workspace("team-a").await.id > found.id);
}

async fn a_slug_is_one_workspaces(backend: Backend) {
    let scene = Scene::new(backend);
    scene.workspace("team-a").await;
    let again = scene.store.write(|tx| workspaces::insert(tx, &slug("team-a"), Some("Team"), None, 2)).await;
    let error = again.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NameTaken, Some("slug")));
    assert!(error.message().contains("`team-a`"), "{error}");
    assert_eq!(scene.count("workspaces"), 2);
}

async fn two_at_once_make_one_workspace_of_a_slug(backend: Backend) {
    let scene = Scene::new(backend);
    let make = || scene.store.write(|tx| workspaces::insert(tx, &slug("team-a"), None, None, 2));
    let (one, other) = tokio::join!(make(), make());
    let kinds: Vec<_> = [one, other].into_iter().filter_map(|made| made.err().map(|error| error.kind())).collect();
    assert_eq!(kinds, [ErrorKind::NameTaken]);
}

async fn a_list_has_what_somebody_sees(backend: Backend) {
    let scene = Scene::new(backend);
    let (a, b) = (scene.workspace("a").await, scene.workspace("b").await);
    let model = scene.model("m").await;
    let owner = scene.principal("alice").await;
    let list = |seen: Seen, after: Option<WorkspaceId>, limit| {
        let store = scene.store.clone();
        async move {
            let found = store.read(move |tx| workspaces::list(tx, &seen, after, limit)).await.unwrap();
            found.into_iter().map(|workspace| workspace.id).collect::<Vec<_>>()
        }
    };
    let some = |workspaces: &[WorkspaceId]| Seen::Some { workspaces: workspaces.to_vec(), roots: vec![], owner: None };
    assert_eq!(list(Seen::All, None, 10).await, [WorkspaceId::DEFAULT, a.id, b.id]);
    assert_eq!(list(Seen::All, Some(WorkspaceId::DEFAULT), 1).await, [a.id]);
    assert_eq!(list(some(&[b.id]), None, 10).await, [b.id]);
    assert_eq!(list(some(&[]), None, 10).await, []);
    let by_root = Seen::Some { workspaces: vec![a.id], roots: vec![model], owner: None };
    assert_eq!(list(by_root, None, 10).await, [WorkspaceId::DEFAULT, a.id]);
    let by_owner = Seen::Some { workspaces: vec![], roots: vec![], owner: Some(owner.id) };
    assert_eq!(list(by_owner.clone(), None, 10).await, []);
    scene.database.execute(&format!("UPDATE nodes SET owner_id = {} WHERE id = {model}", owner.id));
    assert_eq!(list(by_owner, None, 10).await, [WorkspaceId::DEFAULT]);
}

async fn what_a_workspace_says_changes_and_is_cleared(backend: Backend) {
    let scene = Scene::new(backend);
    let a = scene.workspace("a").await.id;
    let update = |patch: WorkspacePatch| scene.store.write(move |tx| workspaces::update(tx, a, &patch));
    let set = WorkspacePatch {
        title: Change::Set("Team ä 🦀".to_owned()),
        owner_role: Change::Set(Role::Writer),
        archived_at: Change::Set(7),
    };
    let after = update(set).await.unwrap();
    assert_eq!(
        (after.title.as_deref(), after.owner_role, after.archived_at),
        (Some("Team ä 🦀"), Some(Role::Writer), Some(7))
    );
    assert_eq!(update(WorkspacePatch::default()).await.unwrap(), after);
    let clear = WorkspacePatch { title: Change::Clear, owner_role: Change::Clear, archived_at: Change::Clear };
    let after = update(clear).await.unwrap();
    assert_eq!((after.title, after.owner_role, after.archived_at), (None, None, None));
    let gone = scene.store.write(|tx| workspaces::update(tx, WorkspaceId(99), &WorkspacePatch::default())).await;
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn what_is_in_a_workspace_is_found(backend: Backend) {
    let scene = Scene::new(backend);
    let a = scene.workspace("a").await.id;
    let contents = || scene.store.read(move |tx| workspaces::contents(tx, a));
    assert_eq!(contents().await.unwrap(), None);
    scene.database.execute(&format!(
        "INSERT INTO principals (kind, issuer, subject, handle, workspace_id, created_at)
         VALUES ('user', 'oidc', 'u', 'u', {a}, 1)"
    ));
    assert_eq!(contents().await.unwrap(), None, "somebody who works in it by default");
    scene.database.execute(&format!(
        "INSERT INTO principals (kind, issuer, subject, handle, workspace_id, created_at)
         VALUES ('service', '', 's', 's', {a}, 1)"
    ));
    assert_eq!(contents().await.unwrap(), Some("service accounts"));
    let model = scene.model("m").await;
    scene.database.execute(&format!("UPDATE nodes SET workspace_id = {a} WHERE id = {model}"));
    assert!(contents().await.unwrap().unwrap().contains("models"));
}

async fn bindings_go_with_their_workspace(backend: Backend) {
    let scene = Scene::new(backend);
    let a = scene.workspace("a").await;
    scene.bind(Subject::Authenticated, Role::Reader, of(&a)).await;
    scene.bind(Subject::Authenticated, Role::Reader, DEFAULT).await;
    assert!(scene.store.write(move |tx| workspaces::delete(tx, a.id)).await.unwrap());
    assert_eq!(scene.count("bindings"), 1);
    assert!(!scene.store.write(move |tx| workspaces::delete(tx, a.id)).await.unwrap());
}

async fn the_epoch_rises(backend: Backend) {
    let scene = Scene::new(backend);
    let before = scene.epoch().await;
    assert_eq!(scene.store.write(epoch::raise).await.unwrap(), before + 1);
    let rises = || scene.store.write(epoch::raise);
    let (one, other) = tokio::join!(rises(), rises());
    let mut both = [one.unwrap(), other.unwrap()];
    both.sort_unstable();
    assert_eq!(both, [before + 2, before + 3]);
    assert_eq!(scene.epoch().await, before + 3);
}

async fn what_is_shared_is_what_differs_from_the_usual(backend: Backend) {
    let scene = Scene::new(backend);
    let shared = scene.store.read(epoch::shared).await.unwrap();
    assert!(shared.owners.is_empty() && shared.archived.is_empty() && shared.restricted.is_empty());
    let (a, b) = (scene.workspace("a").await.id, scene.workspace("b").await.id);
    let patch = |owner_role, archived_at| WorkspacePatch { owner_role, archived_at, ..WorkspacePatch::default() };
    let (of_a, of_b) = (patch(Change::Clear, Change::Keep), patch(Change::Set(Role::Reader), Change::Set(5)));
    scene.store.write(move |tx| workspaces::update(tx, a, &of_a)).await.unwrap();
    scene.store.write(move |tx| workspaces::update(tx, b, &of_b)).await.unwrap();
    let model = scene.model("m").await;
    scene.database.execute(&format!("INSERT INTO restricted_roots (root_id) VALUES ({model})"));
    let group = Group { issuer: "oidc".to_owned(), name: "admins".to_owned() };
    scene.bind(Subject::Group(group.clone()), Role::Reader, DEFAULT).await;
    scene.bind(Subject::Group(group.clone()), Role::Writer, DEFAULT).await;
    let shared = scene.store.read(epoch::shared).await.unwrap();
    assert_eq!(shared.epoch, scene.epoch().await);
    assert_eq!(shared.owners[&a], Permissions::NONE);
    assert_eq!(shared.owners[&b], Role::Reader.permissions());
    assert_eq!(shared.archived.iter().copied().collect::<Vec<_>>(), [b]);
    assert!(shared.restricted.contains(&model) && shared.restricted.len() == 1);
    assert!(shared.groups.contains(&group) && shared.groups.len() == 1);
}
