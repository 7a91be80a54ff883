//! The audit trail: what is in it, who reads it, and how it is written.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use modelport::domain::access::{Permissions, Role, WorkspaceId};
use modelport::domain::audit::{AuditAction, AuditEntry, Outcome};
use modelport::domain::{Change, Draft, ErrorKind, LogicalType, NodeId};
use modelport::registry::access::{PrincipalChange, RootChange, Rotation, ScopeRef, WorkspaceChange};
use modelport::registry::audit::AuditWanted;
use modelport::registry::{RegistryOptions, RequestContext, audit};
use serde_json::json;

use super::{Scene, kind, kind_and_field, named, page, principal, slug, workspace};
use crate::support::{Backend, on_both};

on_both! {
    changes_of_who_may_do_what_are_recorded_with_them,
    what_was_refused_changes_nothing_and_is_not_recorded_as_done,
    what_was_refused_says_where,
    the_trail_is_for_those_who_may_audit,
    the_trail_of_a_restricted_root_is_for_those_who_see_it,
    reads_are_written_soon,
    reads_are_written_at_once_where_the_trail_is_strict,
    what_cannot_be_written_waits,
    failed_logins_are_counted,
    an_export_has_everything,
    old_entries_are_removed,
    one_process_removes_old_entries_at_a_time,
}

impl Scene {
    async fn trail(&self, filter: AuditWanted) -> Vec<AuditEntry> {
        let found = self.registry.audit.list_audit(&self.offline(), filter, page(1000, None)).await.unwrap();
        found.items.into_iter().rev().map(|view| view.record.entry).collect()
    }

    async fn write_waiting(&self) -> usize {
        self.registry.audit.write_waiting(&self.registry.own_context()).await.unwrap()
    }
}

async fn changes_of_who_may_do_what_are_recorded_with_them(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    let admin = scene.with_role("root", Role::Admin, ScopeRef::Registry).await;
    let (bob, bobs) = scene.person("bob").await;
    scene.pass(Duration::from_secs(1));
    let root = admin.access().principal();
    let team = scene.team("team-a").await;
    let binding = scene.bind(&admin, named("bob"), Role::Writer, workspace("team-a")).await.unwrap();
    accounts.delete_binding(&admin, binding).await.unwrap();
    let (made, by_token) = scene.with_token(&admin, Permissions::ALL).await;
    let rotated = accounts.rotate_token(&admin, made.token.id, Rotation::default()).await.unwrap();
    accounts.revoke_token(&admin, rotated.token.id).await.unwrap();
    accounts.log_out_everywhere(&bobs, &principal("bob")).await.unwrap();
    let disable = PrincipalChange { disabled: Some(true), ..PrincipalChange::default() };
    accounts.change_principal(&by_token, &principal("bob"), disable).await.unwrap();
    accounts.forget_principal(&admin, &principal("bob")).await.unwrap();
    let archive = WorkspaceChange { archived: Some(true), ..WorkspaceChange::default() };
    accounts.change_workspace(&admin, &team, archive).await.unwrap();
    scene.pass(Duration::from_secs(60));
    accounts.delete_workspace(&admin, &team).await.unwrap();
    let trail = scene.trail(AuditWanted { from: Some(super::START + 1000), ..AuditWanted::default() }).await;
    let actions: Vec<_> = trail.iter().map(|entry| entry.action).collect();
    assert_eq!(
        actions,
        [
            AuditAction::CreateWorkspace,
            AuditAction::CreateBinding,
            AuditAction::DeleteBinding,
            AuditAction::CreateToken,
            AuditAction::RotateToken,
            AuditAction::RevokeToken,
            AuditAction::LogOutPrincipal,
            AuditAction::UpdatePrincipal,
            AuditAction::ForgetPrincipal,
            AuditAction::UpdateWorkspace,
            AuditAction::DeleteWorkspace,
        ]
    );
    assert!(trail.iter().all(|entry| entry.outcome == Outcome::Done && entry.requests == 1));
    let bound = &trail[1];
    assert_eq!((bound.principal_id, bound.workspace_id), (root, Some(WorkspaceId(2))));
    assert_eq!(
        (bound.door.as_deref(), bound.peer.as_deref(), bound.agent.as_deref()),
        (Some("native"), Some("10.0.0.7"), Some("test"))
    );
    let details = json!({
        "binding": binding, "subject": { "principal": bob.principal.id }, "role": "writer", "scope": "workspace", "expiresAt": null
    });
    assert_eq!(bound.details, Some(details));
    assert_eq!(trail[6].principal_id, Some(bob.principal.id), "by whom");
    assert_eq!(trail[7].token_id, Some(made.token.id), "by which token");
    let whole = format!("{trail:?}");
    assert!(!whole.contains("corp.example") && !whole.contains("BOB"), "{whole}");
}

async fn what_was_refused_changes_nothing_and_is_not_recorded_as_done(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (_, nobody) = scene.person("alice").await;
    let epoch = || scene.lines("SELECT CAST(epoch AS TEXT) AS line FROM access_epoch");
    let before = epoch();
    scene.bind(&nobody, named("alice"), Role::Admin, ScopeRef::Registry).await.unwrap_err();
    scene.registry.accounts.forget_principal(&nobody, &principal("alice")).await.unwrap_err();
    assert_eq!(epoch(), before);
    assert!(scene.trail(AuditWanted::default()).await.is_empty());
}

async fn what_was_refused_says_where(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.team("team-a").await;
    let model = scene.model("m").await;
    let viewer = scene.with_role("alice", Role::Viewer, workspace("default")).await;
    let draft = || Draft::named("1".parse().unwrap());
    let below = scene.registry.entities.create(&viewer, LogicalType::ModelVersion, Some(model), draft());
    assert_eq!(kind(below.await), ErrorKind::PermissionDenied);
    let change = RootChange { is_restricted: Some(true), ..RootChange::default() };
    assert_eq!(kind(scene.registry.accounts.change_root(&viewer, model, change).await), ErrorKind::PermissionDenied);
    let access = viewer.access().in_workspace(WorkspaceId(2));
    let of_team = scene.registry.context(viewer.actor().clone(), access);
    let alone = scene.registry.entities.create(&of_team, LogicalType::RegisteredModel, None, draft());
    assert_eq!(kind(alone.await), ErrorKind::PermissionDenied);
    let begun = scene.registry.imports.start_import(&viewer, None, "p".to_owned(), Vec::new());
    assert_eq!(kind(begun.await), ErrorKind::PermissionDenied);
    scene.write_waiting().await;
    let refused = AuditWanted { outcome: Some(Outcome::Denied), ..AuditWanted::default() };
    let places: Vec<_> =
        scene.trail(refused).await.into_iter().map(|entry| (entry.workspace_id, entry.root_id)).collect();
    let (default, team) = (Some(WorkspaceId::DEFAULT), Some(WorkspaceId(2)));
    assert_eq!(places, [(default, Some(model)), (default, Some(model)), (team, None), (default, None)]);
}

async fn the_trail_of_a_restricted_root_is_for_those_who_see_it(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (model, open) = (scene.model("m").await, scene.model("open").await);
    for node in [model, open] {
        scene.registry.audit.record_soon(&scene.offline(), read(&scene.offline(), node.0, 1));
    }
    scene.write_waiting().await;
    let change = RootChange { is_restricted: Some(true), ..RootChange::default() };
    scene.registry.accounts.change_root(&scene.offline(), model, change).await.unwrap();
    let everywhere = scene.with_role("audra", Role::Auditor, ScopeRef::Registry).await;
    let there = scene.with_role("tom", Role::Auditor, workspace("default")).await;
    let manager = scene.with_role("ann", Role::Admin, workspace("default")).await;
    scene.with_role("zoe", Role::Auditor, workspace("default")).await;
    let both = scene.with_role("zoe", Role::Auditor, ScopeRef::Root(model)).await;
    scene.with_role("yan", Role::Auditor, workspace("default")).await;
    let sees = scene.with_role("yan", Role::Viewer, ScopeRef::Root(model)).await;
    let list = |context: &RequestContext, root: Option<NodeId>, is_all: bool| {
        let (audit, context) = (scene.registry.audit.clone(), context.clone());
        let workspace = (!is_all).then(|| slug("default"));
        let wanted = AuditWanted { workspace, root, action: Some(AuditAction::Download), ..AuditWanted::default() };
        async move {
            let found = audit.list_audit(&context, wanted, page(100, None)).await?;
            Ok(found.items.into_iter().map(|view| view.record.entry.root_id.unwrap()).collect::<Vec<_>>())
        }
    };
    for (who, is_all) in [(&everywhere, true), (&everywhere, false), (&there, false)] {
        assert_eq!(list(who, None, is_all).await.unwrap(), [open]);
        assert_eq!(kind(list(who, Some(model), is_all).await), ErrorKind::NotFound);
    }
    assert_eq!(list(&sees, None, false).await.unwrap(), [open]);
    assert_eq!(kind(list(&sees, Some(model), false).await), ErrorKind::PermissionDenied);
    for who in [&manager, &both] {
        assert_eq!(list(who, None, false).await.unwrap(), [open, model]);
        assert_eq!(list(who, Some(model), false).await.unwrap(), [model]);
    }
    // Owners read the trail of what they own, where owners may audit.
    let owner = there.access().principal().unwrap();
    scene.database.execute(&format!("UPDATE nodes SET owner_id = {owner} WHERE id = {model}"));
    assert_eq!(list(&there, None, false).await.unwrap(), [open, model]);
    let role = WorkspaceChange { owner_role: Change::Set(Role::Viewer), ..WorkspaceChange::default() };
    scene.registry.accounts.change_workspace(&scene.offline(), &slug("default"), role).await.unwrap();
    let (_, there) = scene.person("tom").await;
    assert_eq!(list(&there, None, false).await.unwrap(), [open]);
}

async fn the_trail_is_for_those_who_may_audit(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.team("team-a").await;
    let (model, other) = (scene.model("m").await, scene.model("o").await);
    let auditor = scene.with_role("audra", Role::Auditor, ScopeRef::Registry).await;
    let of_team = scene.with_role("tom", Role::Auditor, workspace("team-a")).await;
    let manager = scene.with_role("alice", Role::Admin, ScopeRef::Root(model)).await;
    let maintainer = scene.with_role("bob", Role::Maintainer, ScopeRef::Registry).await;
    let list = |context: &RequestContext, filter: AuditWanted| {
        let (audit, context) = (scene.registry.audit.clone(), context.clone());
        async move { audit.list_audit(&context, filter, page(100, None)).await.map(|found| found.items.len()) }
    };
    let any = AuditWanted::default;
    let in_team = || AuditWanted { workspace: Some(slug("team-a")), ..any() };
    let of = |root| AuditWanted { root: Some(root), ..any() };
    assert_eq!(list(&auditor, any()).await.unwrap(), 5);
    assert_eq!(list(&of_team, in_team()).await.unwrap(), 2);
    assert_eq!(list(&manager, of(model)).await.unwrap(), 1);
    assert_eq!(kind(list(&of_team, any()).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(list(&manager, in_team()).await), ErrorKind::NotFound);
    assert_eq!(kind(list(&manager, of(other)).await), ErrorKind::NotFound);
    assert_eq!(kind(list(&of_team, of(model)).await), ErrorKind::NotFound);
    assert_eq!(kind(list(&manager, of(NodeId(99))).await), ErrorKind::NotFound);
    assert_eq!(kind(list(&maintainer, any()).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(list(&maintainer, of(model)).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(list(&maintainer, in_team()).await), ErrorKind::PermissionDenied);
    let first = scene.registry.audit.list_audit(&auditor, any(), page(2, None)).await.unwrap();
    let second = scene.registry.audit.list_audit(&auditor, any(), page(100, first.next.clone())).await.unwrap();
    assert_eq!((first.items.len(), second.items.len()), (2, 3));
    let by = |named: &str| AuditWanted { principal: Some(principal(named)), ..any() };
    assert_eq!(list(&auditor, by("tom")).await.unwrap(), 0);
    assert_eq!(list(&auditor, by("99")).await.unwrap(), 0);
    assert_eq!(kind(list(&auditor, by("nobody")).await), ErrorKind::NotFound);
    let elsewhere = scene.registry.audit.list_audit(&auditor, in_team(), page(2, first.next)).await;
    assert_eq!(kind_and_field(elsewhere), (ErrorKind::InvalidArgument, Some("nextPageToken".to_owned())));
}

fn read(context: &RequestContext, node: i64, bytes: i64) -> AuditEntry {
    AuditEntry {
        node_id: Some(NodeId(node)),
        path: Some("weights.onnx".to_owned()),
        bytes: Some(bytes),
        ..audit::entry(context, AuditAction::Download, Outcome::Done)
    }
}

async fn reads_are_written_soon(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (_, context) = scene.person("alice").await;
    for node in [1, 1, 2] {
        scene.registry.audit.record(&context, read(&context, node, 10)).await.unwrap();
    }
    let refused = audit::entry(&context, AuditAction::Download, Outcome::Denied);
    scene.registry.audit.record_soon(&context, refused);
    assert!(scene.trail(AuditWanted::default()).await.is_empty(), "nothing waits for it");
    tokio::time::timeout(Duration::from_secs(10), scene.registry.audit.wait_for_entries(&context)).await.unwrap();
    assert_eq!(scene.write_waiting().await, 3);
    let counted = |trail: Vec<AuditEntry>| trail.iter().map(|entry| (entry.requests, entry.bytes)).collect::<Vec<_>>();
    assert_eq!(counted(scene.trail(AuditWanted::default()).await), [(2, Some(20)), (1, Some(10)), (1, None)]);
    scene.pass(Duration::from_secs(9 * 60));
    scene.registry.audit.record(&context, read(&context, 1, 5)).await.unwrap();
    assert_eq!(scene.write_waiting().await, 0);
    let trail = scene.trail(AuditWanted { outcome: Some(Outcome::Done), ..AuditWanted::default() }).await;
    assert_eq!(trail[0].ended_at, scene.now());
    assert_eq!(counted(trail)[0], (3, Some(25)));
    scene.pass(Duration::from_secs(60));
    scene.registry.audit.record(&context, read(&context, 1, 5)).await.unwrap();
    assert_eq!(scene.write_waiting().await, 1);
}

async fn reads_are_written_at_once_where_the_trail_is_strict(backend: Backend) {
    let choose = |options| RegistryOptions { is_audit_strict: true, ..options };
    let scene = Scene::with(backend, choose).await;
    let (_, context) = scene.person("alice").await;
    for _ in 0..2 {
        scene.registry.audit.record(&context, read(&context, 1, 10)).await.unwrap();
    }
    assert_eq!(scene.trail(AuditWanted::default()).await.len(), 2);
}

async fn what_cannot_be_written_waits(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (_, context) = scene.person("alice").await;
    scene.registry.audit.record(&context, read(&context, 1, 10)).await.unwrap();
    scene.database.execute("ALTER TABLE audit RENAME TO elsewhere");
    scene.registry.audit.write_waiting(&scene.registry.own_context()).await.unwrap_err();
    scene.registry.audit.record(&context, read(&context, 1, 10)).await.unwrap();
    scene.database.execute("ALTER TABLE elsewhere RENAME TO audit");
    assert_eq!(scene.write_waiting().await, 1);
    assert_eq!(scene.trail(AuditWanted::default()).await[0].requests, 2);
}

async fn failed_logins_are_counted(backend: Backend) {
    let scene = Scene::new(backend).await;
    let nobody = scene.try_request(&scene.registry, None).await.unwrap();
    for _ in 0..1000 {
        scene.registry.audit.record_failed_login(&nobody);
    }
    scene.pass(Duration::from_secs(60));
    scene.registry.audit.record_failed_login(&nobody);
    assert_eq!(scene.write_waiting().await, 2);
    let trail = scene.trail(AuditWanted { outcome: Some(Outcome::Unauthenticated), ..AuditWanted::default() }).await;
    assert_eq!(trail.iter().map(|entry| entry.requests).collect::<Vec<_>>(), [1000, 1]);
    assert_eq!(trail[0].peer.as_deref(), Some("10.0.0.7"));
}

async fn an_export_has_everything(backend: Backend) {
    let scene = Scene::new(backend).await;
    let offline = scene.offline();
    for _ in 0..2345 {
        scene.registry.audit.record_soon(&offline, audit::entry(&offline, AuditAction::Access, Outcome::Denied));
    }
    assert_eq!(scene.write_waiting().await, 2345);
    let export = scene.registry.audit.export_audit(&offline, AuditWanted::default()).await.unwrap();
    let batches: Vec<_> = export.try_collect().await.unwrap();
    let mut ids: Vec<_> = batches.concat().into_iter().map(|view| view.record.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 2345);
    let (_, nobody) = scene.person("alice").await;
    let refused = scene.registry.audit.export_audit(&nobody, AuditWanted::default()).await;
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::PermissionDenied);
}

async fn old_entries_are_removed(backend: Backend) {
    let scene = Scene::new(backend).await;
    let own = scene.registry.own_context();
    for _ in 0..12_000 {
        scene.registry.audit.record_soon(&own, audit::entry(&own, AuditAction::Access, Outcome::Denied));
    }
    assert_eq!(scene.write_waiting().await, 12_000);
    scene.pass(Duration::from_secs(100));
    scene.team("team-a").await;
    let kept = Duration::from_secs(100);
    assert_eq!(scene.registry.audit.remove_old(&own, kept).await.unwrap(), 0);
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.registry.audit.remove_old(&own, kept).await.unwrap(), 12_000);
    let left = scene.trail(AuditWanted::default()).await;
    assert_eq!(left.iter().map(|entry| entry.action).collect::<Vec<_>>(), [AuditAction::CreateWorkspace]);
}

async fn one_process_removes_old_entries_at_a_time(backend: Backend) {
    let scene = Scene::new(backend).await;
    let replica = scene.replica().await;
    let own = scene.registry.own_context();
    scene.team("team-a").await;
    scene.pass(Duration::from_secs(2));
    let (pause, kept) = (Duration::from_secs(3600), Duration::from_secs(1));
    let here = || scene.registry.upkeep.remove_old_audit_in_turn(&own, pause, kept);
    assert_eq!(here().await.unwrap(), Some(1));
    assert_eq!(replica.upkeep.remove_old_audit_in_turn(&own, pause, kept).await.unwrap(), None);
    scene.pass(pause);
    assert_eq!(here().await.unwrap(), Some(0));
}
