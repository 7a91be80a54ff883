//! What is begun now and goes on later, as uploads and jobs do: for whom it is there, and what it may do by then.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use modelport::domain::access::{Permission, Permissions, Role, TokenId};
use modelport::domain::imports::mlflow::MLFLOW_IMPORT;
use modelport::domain::job::AskedBy;
use modelport::domain::{Actor, Draft, Error, ErrorKind, LogicalType, PageSize, Result};
use modelport::registry::RequestContext;
use modelport::registry::access::{ScopeRef, SubjectRef};
use modelport::registry::upload::PutFile;

use super::{Scene, kind, workspace};
use crate::registry::{body, file};
use crate::support::{Backend, on_both};

on_both! {
    whose_token_was_revoked_stops_what_they_began,
    strangers_stop_when_nothing_is_left_to_them,
    rights_that_end_meanwhile_stop_an_upload,
    jobs_are_for_whoever_asked,
    what_is_retried_is_for_whoever_retries_it,
    uploads_are_for_their_owners_and_managers,
    what_the_request_does_not_name_is_not_there,
}

async fn makes(scene: &Scene, who: &RequestContext, name: &str) -> Result<()> {
    let draft = Draft::named(name.parse().unwrap());
    scene.registry.entities.create(who, LogicalType::RegisteredModel, None, draft).await.map(drop)
}

async fn whose_token_was_revoked_stops_what_they_began(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    let alice = scene.with_role("alice", Role::Contributor, workspace("default")).await;
    let (made, by_token) = scene.with_token(&alice, Permissions::ALL).await;
    let (other, by_other) = scene.with_token(&alice, Permissions::ALL).await;
    scene.pass(Duration::from_secs(2));
    makes(&scene, &by_token, "before").await.unwrap();
    accounts.revoke_token(&alice, made.token.id).await.unwrap();
    scene.pass(Duration::from_secs(2));
    assert_eq!(kind(makes(&scene, &by_token, "after").await), ErrorKind::PermissionDenied);
    makes(&scene, &by_other, "by another").await.unwrap();
    scene.database.execute(&format!("DELETE FROM api_tokens WHERE id = {}", other.token.id));
    assert_eq!(kind(makes(&scene, &by_other, "gone").await), ErrorKind::PermissionDenied);
    let (id, now) = (alice.access().principal().unwrap(), scene.now());
    let again = async |token: Option<TokenId>| {
        accounts.authenticate_again(&scene.anybody(), id, &[], token, now).await.map(|who| who.principal.id)
    };
    assert_eq!(again(None).await.unwrap(), id);
    assert_eq!(again(Some(made.token.id)).await.unwrap(), id, "a job goes on when its token has ended");
    assert_eq!(kind(again(Some(other.token.id)).await), ErrorKind::Unauthenticated);
}

async fn strangers_stop_when_nothing_is_left_to_them(backend: Backend) {
    let scene = Scene::new(backend).await;
    let everyone = SubjectRef::Everyone;
    let binding = scene.bind(&scene.offline(), everyone, Role::Contributor, workspace("default")).await.unwrap();
    let stranger = scene.try_request(&scene.registry, None).await.unwrap();
    scene.pass(Duration::from_secs(2));
    makes(&scene, &stranger, "before").await.unwrap();
    scene.registry.accounts.delete_binding(&scene.offline(), binding).await.unwrap();
    scene.pass(Duration::from_secs(2));
    assert_eq!(kind(makes(&scene, &stranger, "after").await), ErrorKind::PermissionDenied);
}

async fn rights_that_end_meanwhile_stop_an_upload(backend: Backend) {
    let scene = Scene::new(backend).await;
    let files = &scene.registry.files;
    files.put_file(&scene.offline(), file("m", "1", "f"), body("x")).await.unwrap();
    scene.with_role("alice", Role::Viewer, workspace("default")).await;
    let binding = scene.grant("alice", Role::Writer, workspace("default")).await;
    let (_, alice) = scene.person("alice").await;
    let (accounts, offline, clock) = (scene.registry.accounts.clone(), scene.offline(), Arc::clone(&scene.clock));
    let bytes = stream::once(async move {
        accounts.delete_binding(&offline, binding).await?;
        clock.fetch_add(2000, Ordering::SeqCst);
        Ok::<_, Error>(Bytes::from_static(b"bytes"))
    });
    let refused = files.put_file(&alice, file("m", "1", "g"), bytes.boxed()).await;
    assert_eq!(kind(refused), ErrorKind::PermissionDenied);
    assert_eq!(scene.lines("SELECT path AS line FROM files"), ["f"]);
}

async fn jobs_are_for_whoever_asked(backend: Backend) {
    let scene = Scene::new(backend).await;
    let jobs = &scene.registry.jobs;
    let (_, alice) = scene.person("alice").await;
    let (_, bob) = scene.person("bob").await;
    let manager = scene.with_role("ann", Role::Admin, ScopeRef::Registry).await;
    let stranger = scene.try_request(&scene.registry, None).await.unwrap();
    let mut asked = Vec::new();
    for who in [&alice, &bob, &stranger, &scene.offline()] {
        asked.push(jobs.enqueue(who, "work", serde_json::json!({})).await.unwrap());
    }
    let listed = async |who: &RequestContext| {
        let mut ids: Vec<_> = jobs.list_jobs(who, "work", None, 9).await.unwrap().iter().map(|job| job.id).collect();
        ids.reverse();
        ids
    };
    let all: Vec<_> = asked.iter().map(|job| job.id).collect();
    assert_eq!(listed(&manager).await, all);
    for (who, own) in [(&alice, 0), (&bob, 1), (&stranger, 2)] {
        assert_eq!(listed(who).await, [all[own]]);
        for (at, id) in all.iter().enumerate() {
            assert_eq!(jobs.get_job(who, "work", *id).await.is_ok(), at == own);
            assert!(at == own || kind(jobs.cancel_job(who, "work", *id).await) == ErrorKind::NotFound);
            let refused = if at == own { ErrorKind::InvalidState } else { ErrorKind::NotFound };
            assert_eq!(kind(jobs.retry_job(who, *id).await), refused);
        }
    }
    let own = scene.registry.own_context();
    assert!(!jobs.context_of(&own, &asked[0]).await.unwrap().access().is_unrestricted());
    assert!(!jobs.context_of(&own, &asked[2]).await.unwrap().access().is_unrestricted());
    assert!(jobs.context_of(&own, &asked[3]).await.unwrap().access().is_unrestricted());
}

async fn what_is_retried_is_for_whoever_retries_it(backend: Backend) {
    let scene = Scene::new(backend).await;
    let jobs = &scene.registry.jobs;
    let alice = scene.with_role("alice", Role::Contributor, workspace("default")).await;
    let (_, narrow) = scene.with_token(&alice, Permissions::of(&[Permission::See])).await;
    let manager = scene.with_role("ann", Role::Admin, ScopeRef::Registry).await;
    let job = jobs.enqueue(&alice, MLFLOW_IMPORT, serde_json::json!({"source": "s"})).await.unwrap();
    assert_eq!(kind(jobs.retry_job(&alice, job.id).await), ErrorKind::InvalidState);
    jobs.cancel_job(&alice, MLFLOW_IMPORT, job.id).await.unwrap();
    // No more than what is presented now, however much was then.
    assert_eq!(kind(jobs.retry_job(&narrow, job.id).await), ErrorKind::PermissionDenied);
    for who in [&alice, &manager] {
        let again = jobs.retry_job(who, job.id).await.unwrap();
        assert_eq!((&again.kind, &again.payload), (&job.kind, &job.payload));
        let is_of =
            |asked: &AskedBy| matches!(asked, AskedBy::Principal { id, .. } if Some(*id) == who.access().principal());
        assert!(is_of(&again.asked_by), "{again:?}");
    }
}

async fn uploads_are_for_their_owners_and_managers(backend: Backend) {
    let scene = Scene::new(backend).await;
    let files = &scene.registry.files;
    let model = scene.model("m").await;
    let alice = scene.with_role("alice", Role::Writer, workspace("default")).await;
    let upload =
        files.create_resumable(&alice, PutFile { length: Some(5), ..file("m", "1", "f") }, "").await.unwrap().id;
    let writer = scene.with_role("bob", Role::Maintainer, workspace("default")).await;
    let of_workspace = scene.with_role("ann", Role::Admin, workspace("default")).await;
    let of_model = scene.with_role("carol", Role::Admin, ScopeRef::Root(model)).await;
    for (who, is_there) in [(&alice, true), (&writer, false), (&of_workspace, true), (&of_model, true)] {
        let found = files.resumable(who, &upload).await;
        assert_eq!(found.is_ok(), is_there, "{found:?}");
        assert!(is_there || kind(found) == ErrorKind::NotFound);
    }
    let part = files.create_partial(&alice, 5, "").await.unwrap().id;
    assert!(files.resumable(&of_workspace, &part).await.is_ok());
    assert_eq!(kind(files.resumable(&of_model, &part).await), ErrorKind::NotFound);
    // Whoever may write nothing by now adds nothing to a part.
    let patch = || crate::registry::resumable::after(0, 5);
    let bytes = || crate::registry::resumable::chunks(crate::registry::resumable::bytes(5), false);
    let (_, narrowed) = scene.with_token(&alice, Role::Viewer.permissions()).await;
    assert_eq!(kind(files.append_resumable(&narrowed, &part, patch(), bytes()).await), ErrorKind::PermissionDenied);
    files.append_resumable(&alice, &part, patch(), bytes()).await.unwrap();
}

async fn what_the_request_does_not_name_is_not_there(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    let (team, model) = (scene.team("team-a").await, scene.model("m").await);
    let team = accounts.get_workspace(&scene.offline(), &team).await.unwrap().id;
    let admin = scene.with_role("ann", Role::Admin, ScopeRef::Registry).await;
    let upload = PutFile { length: Some(5), ..file("m", "1", "f") };
    let upload = scene.registry.files.create_resumable(&admin, upload, "").await.unwrap().id;
    let confined = |to| scene.registry.context(Actor::new("ann", "request"), admin.access().confined_to(to));
    let (elsewhere, here) = (confined(team), confined(admin.access().workspace()));
    for (who, is_there) in [(&here, true), (&elsewhere, false)] {
        assert_eq!(accounts.root_access(who, model).await.is_ok(), is_there);
        assert_eq!(scene.registry.files.resumable(who, &upload).await.is_ok(), is_there);
        assert_eq!(scene.registry.entities.get(who, LogicalType::RegisteredModel, model).await.is_ok(), is_there);
        let history = scene.registry.history.node_history(who, model, 0, PageSize::new(9)).await;
        assert_eq!(history.is_ok(), is_there);
    }
    let (_, nobody) = scene.person("eve").await;
    assert_eq!(kind(accounts.root_access(&nobody, model).await), ErrorKind::NotFound);
    // What nobody owns is not a stranger's.
    let stranger = scene.try_request(&scene.registry, None).await.unwrap();
    assert_eq!(kind(accounts.root_access(&stranger, model).await), ErrorKind::NotFound);
    // Who may do nothing in a workspace is not told that it is there.
    let eve = scene.registry.context(Actor::new("eve", "request"), nobody.access().confined_to(team));
    assert_eq!(accounts.whoami(&eve).await.unwrap().workspace, None);
    assert_eq!(
        accounts.whoami(&elsewhere).await.unwrap().workspace.map(|slug| slug.to_string()),
        Some("team-a".to_owned())
    );
}
