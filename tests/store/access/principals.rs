//! Principals.

use modelport::domain::ErrorKind;
use modelport::domain::access::{Handle, PrincipalId, PrincipalKind, WorkspaceId};
use modelport::store::access::principals::{self, PrincipalFilter};

use super::{Scene, new_principal};
use crate::support::{Backend, on_both};

on_both! {
    nobody_gets_the_subject_or_handle_of_another,
    two_at_once_make_one_principal,
    two_at_once_do_not_share_a_handle,
    a_principal_is_found_by_id_subject_and_handle,
    lists_are_paged_and_narrowed,
    somebody_is_disabled_and_enabled,
    a_workspace_has_to_be_there,
    who_is_forgotten_leaves_an_id,
}

async fn nobody_gets_the_subject_or_handle_of_another(backend: Backend) {
    let scene = Scene::new(backend);
    let alice = scene.principal("alice").await;
    for new in [new_principal("alice", "other"), new_principal("other", "alice")] {
        assert_eq!(scene.store.write(move |tx| principals::insert(tx, &new, 2)).await.unwrap(), None);
    }
    assert_eq!(scene.store.read(move |tx| principals::find(tx, alice.id)).await.unwrap(), Some(alice));
    assert_eq!(scene.count("principals"), 1);
}

async fn two_at_once_make_one_principal(backend: Backend) {
    let scene = Scene::new(backend);
    let make = || {
        let new = new_principal("alice", "alice");
        scene.store.write(move |tx| principals::insert(tx, &new, 2))
    };
    let (one, other) = tokio::join!(make(), make());
    assert_eq!([one.unwrap(), other.unwrap()].iter().flatten().count(), 1);
}

async fn two_at_once_do_not_share_a_handle(backend: Backend) {
    let scene = Scene::new(backend);
    let make = |subject: &str| {
        let new = new_principal(subject, "alice");
        scene.store.write(move |tx| principals::insert(tx, &new, 2))
    };
    let (one, other) = tokio::join!(make("1"), make("2"));
    assert_eq!([one.unwrap(), other.unwrap()].iter().flatten().count(), 1);
}

async fn a_principal_is_found_by_id_subject_and_handle(backend: Backend) {
    let scene = Scene::new(backend);
    let alice = scene.principal("alice").await;
    let found = scene.store.read(|tx| principals::find_by_subject(tx, "oidc", "alice")).await.unwrap();
    assert_eq!(found.as_ref(), Some(&alice));
    assert_eq!(scene.store.read(|tx| principals::find_by_subject(tx, "other", "alice")).await.unwrap(), None);
    let handle: Handle = "alice".parse().unwrap();
    assert_eq!(
        scene.store.read(move |tx| principals::find_by_handle(tx, &handle)).await.unwrap().as_ref(),
        Some(&alice)
    );
    let ids = [alice.id, PrincipalId(99)];
    assert_eq!(scene.store.read(move |tx| principals::find_all(tx, &ids)).await.unwrap(), [alice]);
}

async fn lists_are_paged_and_narrowed(backend: Backend) {
    let scene = Scene::new(backend);
    let team = scene.workspace("team").await.id;
    for handle in ["a", "b", "c"] {
        scene.principal(handle).await;
    }
    let mut service = new_principal("s", "s");
    (service.kind, service.workspace_id) = (PrincipalKind::Service, Some(team));
    scene.store.write(move |tx| principals::insert(tx, &service, 2)).await.unwrap();
    let list = |filter: PrincipalFilter, after: Option<PrincipalId>, limit| {
        let store = scene.store.clone();
        async move {
            let found = store.read(move |tx| principals::list(tx, &filter, after, limit)).await.unwrap();
            found.into_iter().map(|found| (found.id, found.handle)).collect::<Vec<_>>()
        }
    };
    let handles = |found: Vec<(PrincipalId, String)>| found.into_iter().map(|(_, handle)| handle).collect::<Vec<_>>();
    let first = list(PrincipalFilter::default(), None, 2).await;
    let last = first[1].0;
    assert_eq!(handles(first), ["a", "b"]);
    assert_eq!(handles(list(PrincipalFilter::default(), Some(last), 10).await), ["c", "s"]);
    let of_team = PrincipalFilter { workspace_id: Some(team), kind: None };
    assert_eq!(handles(list(of_team, None, 10).await), ["s"]);
    let users = PrincipalFilter { workspace_id: None, kind: Some(PrincipalKind::User) };
    assert_eq!(handles(list(users, None, 10).await), ["a", "b", "c"]);
}

async fn somebody_is_disabled_and_enabled(backend: Backend) {
    let scene = Scene::new(backend);
    let id = scene.principal("alice").await.id;
    for since in [Some(5), None] {
        assert!(scene.store.write(move |tx| principals::set_disabled(tx, id, since)).await.unwrap());
        let found = scene.store.read(move |tx| principals::find(tx, id)).await.unwrap().unwrap();
        assert_eq!(found.disabled_at, since);
    }
    assert!(!scene.store.write(|tx| principals::set_disabled(tx, PrincipalId(99), None)).await.unwrap());
    assert!(scene.store.write(move |tx| principals::set_valid_from(tx, id, 8)).await.unwrap());
    scene.store.write(move |tx| principals::record_seen(tx, &[id], 9)).await.unwrap();
    let found = scene.store.read(move |tx| principals::find(tx, id)).await.unwrap().unwrap();
    assert_eq!((found.valid_from, found.seen_at), (8, Some(9)));
}

async fn a_workspace_has_to_be_there(backend: Backend) {
    let scene = Scene::new(backend);
    let id = scene.principal("alice").await.id;
    let gone = Some(WorkspaceId(99));
    let set = scene.store.write(move |tx| principals::set_workspace(tx, id, gone)).await;
    assert_eq!(set.unwrap_err().kind(), ErrorKind::NotFound);
    let mut new = new_principal("s", "s");
    new.workspace_id = gone;
    let made = scene.store.write(move |tx| principals::insert(tx, &new, 2)).await;
    assert_eq!(made.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn who_is_forgotten_leaves_an_id(backend: Backend) {
    let scene = Scene::new(backend);
    let mut new = new_principal("alice@corp.example", "alice");
    (new.display_name, new.email) = (Some("Alice Ö".to_owned()), Some("alice@corp.example".to_owned()));
    let id = scene.store.write(move |tx| principals::insert(tx, &new, 2)).await.unwrap().unwrap().id;
    scene.store.write(move |tx| principals::forget(tx, id, 9)).await.unwrap();
    let found = scene.store.read(move |tx| principals::find(tx, id)).await.unwrap().unwrap();
    assert_eq!((found.display_name.as_ref(), found.email.as_ref(), found.disabled_at), (None, None, Some(9)));
    assert!(!format!("{found:?}").contains("lice"), "{found:?}");
    // The same person is somebody new.
    let again = new_principal("alice@corp.example", "alice");
    assert!(scene.store.write(move |tx| principals::insert(tx, &again, 10)).await.unwrap().unwrap().id > id);
}
