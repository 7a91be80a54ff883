//! Tokens that leave less than their owners have: what is done with them is no more than they are for.

use modelport::domain::access::{Permission, Permissions, Role};
use modelport::domain::{Change, Draft, ErrorKind, LogicalType};
use modelport::registry::RequestContext;
use modelport::registry::access::{BindingsWanted, PrincipalChange, RootChange, Rotation, ScopeRef, WorkspaceChange};

use super::{Scene, kind, named, page, principal, slug, workspace};
use crate::support::{Backend, on_both};

on_both! {
    nobody_is_made_an_owner_who_gets_more,
    owners_are_not_given_more,
    a_narrowed_token_is_not_its_owner,
    a_token_continues_no_upload_that_it_may_not_end,
}

/// An administrator of the default workspace, and what a token of theirs for seeing and managing opens.
async fn manager(scene: &Scene) -> (RequestContext, RequestContext) {
    let whole = scene.with_role("ann", Role::Admin, workspace("default")).await;
    let narrow = Permissions::of(&[Permission::See, Permission::Manage]);
    let (_, narrowed) = scene.with_token(&whole, narrow).await;
    (whole, narrowed)
}

async fn nobody_is_made_an_owner_who_gets_more(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (whole, narrowed) = manager(&scene).await;
    scene.person("bob").await;
    let accounts = &scene.registry.accounts;
    let model = scene.model("m").await;
    let give = || RootChange { owner: Change::Set(principal("bob")), ..RootChange::default() };
    assert_eq!(kind(accounts.change_root(&narrowed, model, give()).await), ErrorKind::PermissionDenied);
    let restrict = RootChange { is_restricted: Some(true), ..RootChange::default() };
    assert!(accounts.change_root(&narrowed, model, restrict).await.unwrap().is_restricted);
    let given = accounts.change_root(&whole, model, give()).await.unwrap();
    assert_eq!(given.owner.unwrap().handle, "bob");
}

async fn owners_are_not_given_more(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (whole, narrowed) = manager(&scene).await;
    let change = |who: &RequestContext, owner_role| {
        let (accounts, who) = (scene.registry.accounts.clone(), who.clone());
        let change = WorkspaceChange { owner_role, ..WorkspaceChange::default() };
        async move { accounts.change_workspace(&who, &slug("default"), change).await }
    };
    assert_eq!(change(&narrowed, Change::Clear).await.unwrap().owner_role, None);
    assert_eq!(kind(change(&narrowed, Change::Set(Role::Admin)).await), ErrorKind::PermissionDenied);
    change(&narrowed, Change::Set(Role::Viewer)).await.unwrap();
    change(&whole, Change::Set(Role::Admin)).await.unwrap();
    change(&narrowed, Change::Set(Role::Admin)).await.unwrap();
}

async fn a_narrowed_token_is_not_its_owner(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    let context = scene.with_role("alice", Role::Admin, workspace("default")).await;
    let (other, _) = scene.with_token(&context, Permissions::ALL).await;
    let (own, narrowed) = scene.with_token(&context, Role::Viewer.permissions()).await;
    let (_, last) = scene.with_token(&context, Role::Viewer.permissions()).await;
    let listed = accounts.list_tokens(&narrowed, None, page(9, None)).await.unwrap();
    assert_eq!(listed.items.iter().map(|token| token.id).collect::<Vec<_>>(), [own.token.id]);
    assert_eq!(accounts.list_tokens(&context, None, page(9, None)).await.unwrap().items.len(), 3);
    assert_eq!(kind(accounts.revoke_token(&narrowed, other.token.id).await), ErrorKind::NotFound);
    let wanted = BindingsWanted { subject: Some(named("alice")), scope: None };
    assert_eq!(
        kind(accounts.list_bindings(&narrowed, wanted.clone(), page(9, None)).await),
        ErrorKind::PermissionDenied
    );
    let bindings = accounts.list_bindings(&context, wanted, page(9, None)).await.unwrap();
    let binding = bindings.items.first().unwrap().binding.id;
    assert_eq!(kind(accounts.get_binding(&narrowed, binding).await), ErrorKind::NotFound);
    let alice = principal("alice");
    assert_eq!(kind(accounts.log_out_everywhere(&narrowed, &alice).await), ErrorKind::PermissionDenied);
    let elsewhere = PrincipalChange { workspace: Change::Set(slug("default")), ..PrincipalChange::default() };
    assert_eq!(
        kind(accounts.change_principal(&narrowed, &alice, elsewhere.clone()).await),
        ErrorKind::PermissionDenied
    );
    accounts.change_principal(&context, &alice, elsewhere).await.unwrap();
    accounts.rotate_token(&narrowed, own.token.id, Rotation::default()).await.unwrap();
    let revoked = accounts.list_tokens(&last, None, page(9, None)).await.unwrap().items.pop().unwrap().id;
    accounts.revoke_token(&last, revoked).await.unwrap();
    scene.present(&other).await.unwrap();
}

async fn a_token_continues_no_upload_that_it_may_not_end(backend: Backend) {
    use crate::registry::resumable::{after, bytes, chunks};
    let scene = Scene::new(backend).await;
    let files = &scene.registry.files;
    let context = scene.with_role("alice", Role::Writer, workspace("default")).await;
    let (_, narrowed) = scene.with_token(&context, Role::Viewer.permissions()).await;
    let draft = Draft::named("m".parse().unwrap());
    let model = scene.registry.entities.create(&context, LogicalType::RegisteredModel, None, draft).await.unwrap().id;
    let put = modelport::registry::upload::PutFile { length: Some(10), ..crate::registry::file("m", "1", "f") };
    let upload = files.create_resumable(&context, put, "").await.unwrap().id;
    let sent = |who: &RequestContext, offset| {
        let (files, who, id) = (files.clone(), who.clone(), upload.clone());
        async move { files.append_resumable(&who, &id, after(offset, 5), chunks(bytes(5), false)).await }
    };
    assert_eq!(kind(sent(&narrowed, 0).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(files.delete_resumable(&narrowed, &upload).await), ErrorKind::PermissionDenied);
    assert_eq!(sent(&context, 0).await.unwrap().offset, 5);
    assert_eq!(kind(sent(&narrowed, 5).await), ErrorKind::PermissionDenied);
    assert_eq!(files.resumable(&narrowed, &upload).await.unwrap().offset, 5, "it may be looked at, and is there");
    assert!(sent(&context, 5).await.unwrap().finished_at.is_some());

    // Bytes for no file yet are for whoever may write any.
    let partial = async |who: &RequestContext| files.create_partial(who, 5, "").await;
    let viewer = scene.with_role("bob", Role::Viewer, workspace("default")).await;
    let (_, nobody) = scene.person("eve").await;
    let guest = scene.with_role("carol", Role::Viewer, ScopeRef::Root(model)).await;
    for who in [&narrowed, &viewer, &guest, &nobody] {
        assert_eq!(kind(partial(who).await), ErrorKind::PermissionDenied);
    }
    let of_root = scene.with_role("carl", Role::Writer, ScopeRef::Root(model)).await;
    let contributor = scene.with_role("dora", Role::Contributor, workspace("default")).await;
    for who in [&context, &of_root, &contributor] {
        partial(who).await.unwrap();
    }
}
