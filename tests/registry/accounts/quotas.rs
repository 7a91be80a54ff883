//! How much workspaces hold, and that they hold no more than they may, whoever adds and however many at a time.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use modelport::domain::access::{Quota, Role, Slug, Usage, WorkspaceId};
use modelport::domain::audit::AuditAction;
use modelport::domain::{Draft, ErrorKind, LogicalType, NodeId, Result};
use modelport::registry::access::{RootChange, ScopeRef, WorkspaceQuota};
use modelport::registry::audit::AuditWanted;
use modelport::registry::removal::Removal;
use modelport::registry::target::{Precondition, Target};
use modelport::registry::upload::PutFile;
use modelport::registry::{Registry, RequestContext};
use serde_json::json;

use super::{Scene, kind, kind_and_field, page, slug, workspace};
use crate::registry::{body, file};
use crate::store::statements::{count_statements, statements_of};
use crate::support::{Backend, on_both};

on_both! {
    a_workspace_takes_no_more_roots_than_it_may,
    a_file_counts_with_its_full_size,
    a_length_that_is_too_much_is_refused_before_the_bytes,
    writers_at_once_do_not_exceed_a_quota_together,
    a_workspace_that_holds_too_much_only_shrinks,
    what_moves_counts_where_it_goes,
    what_a_workspace_holds_is_what_there_is,
    only_managers_learn_what_a_workspace_holds,
    without_a_quota_nothing_more_is_asked,
}

impl Scene {
    /// The context of a request in a workspace, whose caller may do everything.
    fn within(&self, registry: &Registry, team: &Slug) -> RequestContext {
        let sql = format!("SELECT CAST(id AS TEXT) AS line FROM workspaces WHERE slug = '{team}'");
        let id = WorkspaceId(self.lines(&sql)[0].parse().unwrap());
        let offline = self.offline();
        registry.context(offline.actor().clone(), offline.access().in_workspace(id))
    }

    async fn limit(&self, team: &Slug, quota: Quota) {
        let set = self.registry.accounts.set_workspace_quota(&self.offline(), team, quota).await.unwrap();
        assert_eq!(set.quota, quota);
    }

    async fn usage(&self, team: &Slug) -> (u64, u64, u64) {
        let WorkspaceQuota { usage: Usage { bytes, files, roots }, .. } =
            self.registry.accounts.workspace_quota(&self.offline(), team).await.unwrap();
        (bytes, files, roots)
    }

    async fn put_in(&self, context: &RequestContext, put: PutFile, bytes: &'static str) -> Result<NodeId> {
        Ok(self.registry.files.put_file(context, put, body(bytes)).await?.file.node_id)
    }

    async fn make(&self, context: &RequestContext, logical: LogicalType, name: &str) -> Result<NodeId> {
        let draft = Draft::named(name.parse().unwrap());
        Ok(self.registry.entities.create(context, logical, None, draft).await?.id)
    }

    async fn remove(&self, context: &RequestContext, logical: LogicalType, id: NodeId) {
        self.registry.entities.delete(context, logical, id, Removal::RECURSIVE).await.unwrap();
    }
}

fn quota(bytes: impl Into<Option<u64>>, files: impl Into<Option<u64>>, roots: impl Into<Option<u64>>) -> Quota {
    Quota { bytes: bytes.into(), files: files.into(), roots: roots.into() }
}

fn exceeded<T: std::fmt::Debug>(refused: Result<T>) -> String {
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error:?}");
    error.message().to_owned()
}

async fn a_workspace_takes_no_more_roots_than_it_may(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (team, other) = (scene.team("team-a").await, scene.team("team-b").await);
    let (here, there) = (scene.within(&scene.registry, &team), scene.within(&scene.registry, &other));
    scene.limit(&team, quota(None, None, 2)).await;
    scene.make(&here, LogicalType::RegisteredModel, "a").await.unwrap();
    let experiment = scene.make(&here, LogicalType::Experiment, "a").await.unwrap();
    for logical in [LogicalType::RegisteredModel, LogicalType::Experiment, LogicalType::ServingEnvironment] {
        assert_eq!(
            exceeded(scene.make(&here, logical, "b").await),
            "the quota `roots` of the workspace allows 2 registered models, experiments and serving environments; \
             2 are used, and this would add 1"
        );
        scene.make(&there, logical, "b").await.unwrap();
    }
    // What belongs to one of them is none, and what makes one by the way makes it, too.
    scene.put_in(&here, file("a", "1", "f"), "bytes").await.unwrap();
    exceeded(scene.put_in(&here, file("b", "1", "f"), "bytes").await);
    assert_eq!(scene.usage(&team).await, (5, 1, 2));
    scene.remove(&here, LogicalType::Experiment, experiment).await;
    scene.put_in(&here, file("b", "1", "f"), "bytes").await.unwrap();
    scene.limit(&team, Quota::default()).await;
    scene.make(&here, LogicalType::RegisteredModel, "c").await.unwrap();
    assert_eq!((scene.usage(&team).await, scene.usage(&other).await), ((10, 2, 3), (0, 0, 3)));
}

async fn a_file_counts_with_its_full_size(backend: Backend) {
    let scene = Scene::new(backend).await;
    let team = scene.team("team-a").await;
    let here = scene.within(&scene.registry, &team);
    scene.put_in(&scene.offline(), file("m", "1", "f"), "0123456789").await.unwrap();
    scene.limit(&team, quota(25, 3, None)).await;
    // Stored already, for another workspace and then for this.
    for path in ["f", "g"] {
        scene.put_in(&here, file("m", "1", path), "0123456789").await.unwrap();
    }
    assert_eq!(
        exceeded(scene.put_in(&here, file("m", "1", "h"), "0123456789").await),
        "the quota `bytes` of the workspace allows 25 bytes; 20 are used, and this would add 10"
    );
    scene.put_in(&here, file("m", "1", "h"), "01234").await.unwrap();
    let refused = scene.put_in(&here, file("m", "1", "i"), "").await;
    assert_eq!(kind_and_field(refused), (ErrorKind::QuotaExceeded, Some("files".to_owned())));
    assert_eq!(scene.usage(&team).await, (25, 3, 1));
    assert!(scene.lines("SELECT key AS line FROM uploads").is_empty(), "what was refused left its bytes behind");
    let target = Target::Version { model: "m".parse().unwrap(), version: "1".parse().unwrap() };
    scene.registry.files.delete_file(&here, &target, &"f".parse().unwrap(), Precondition::None).await.unwrap();
    assert_eq!(scene.usage(&team).await, (15, 2, 1));
    scene.put_in(&here, file("m", "1", "i"), "9876543210").await.unwrap();
    assert_eq!(scene.usage(&team).await, (25, 3, 1));
}

async fn a_length_that_is_too_much_is_refused_before_the_bytes(backend: Backend) {
    let scene = Scene::new(backend).await;
    let team = scene.team("team-a").await;
    let here = scene.within(&scene.registry, &team);
    scene.limit(&team, quota(10, None, None)).await;
    let unread = || stream::once(async { panic!("the bytes were asked for") as Result<Bytes> }).boxed();
    let put = PutFile { length: Some(11), ..file("m", "1", "f") };
    exceeded(scene.registry.files.put_file(&here, put, unread()).await);
    assert_eq!(scene.usage(&team).await, (0, 0, 0));
    // Nothing is known of its end: it is refused there.
    exceeded(scene.put_in(&here, file("m", "1", "f"), "01234567890").await);
    let put = PutFile { length: Some(10), ..file("m", "1", "f") };
    scene.put_in(&here, put, "0123456789").await.unwrap();
    assert_eq!(scene.usage(&team).await, (10, 1, 1));
    // What is there already can be stored again.
    let put = PutFile { length: Some(10), ..file("m", "1", "f") };
    scene.put_in(&here, put, "0123456789").await.unwrap();
    assert_eq!(scene.usage(&team).await, (10, 1, 1));
}

async fn writers_at_once_do_not_exceed_a_quota_together(backend: Backend) {
    let scene = Scene::new(backend).await;
    let team = scene.team("team-a").await;
    let replica = scene.replica().await;
    scene.limit(&team, quota(50, 7, 4)).await;
    let both = [(scene.registry.clone(), scene.within(&scene.registry, &team)), {
        let context = scene.within(&replica, &team);
        (replica, context)
    }];
    let at_once = (0..24).map(|number| {
        let (registry, context) = both[number % 2].clone();
        tokio::spawn(async move {
            // Three for each model that there is room for, and as many for each there is none for.
            let put = file(&format!("m{}", number / 3), "1", &format!("f{number}"));
            registry.files.put_file(&context, put, body("01234")).await.map(drop)
        })
    });
    let (mut stored, mut refused) = (0, 0);
    for done in futures_util::future::join_all(at_once).await {
        match done.unwrap() {
            Ok(()) => stored += 1,
            Err(error) if error.kind() == ErrorKind::QuotaExceeded => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    let (bytes, files, roots) = scene.usage(&team).await;
    assert_eq!((stored, refused, bytes), (files, 24 - files, 5 * files));
    // Four models have more files than there is room for.
    assert!(files == 7 && (3..=4).contains(&roots), "{files} files of {roots} models");
    let counted = scene.lines("SELECT CAST(count(*) AS TEXT) AS line FROM files");
    assert_eq!(counted, [files.to_string()]);
    // The connections of those that were refused go on.
    scene.limit(&team, Quota::default()).await;
    for number in 0..12 {
        let (registry, context) = &both[number % 2];
        registry.files.put_file(context, file("more", "1", &format!("f{number}")), body("01234")).await.unwrap();
    }
}

async fn a_workspace_that_holds_too_much_only_shrinks(backend: Backend) {
    let scene = Scene::new(backend).await;
    let team = scene.team("team-a").await;
    let here = scene.within(&scene.registry, &team);
    for path in ["f", "g"] {
        scene.put_in(&here, file("m", "1", path), "0123456789").await.unwrap();
    }
    scene.limit(&team, quota(5, 1, 0)).await;
    assert_eq!(
        exceeded(scene.put_in(&here, file("m", "1", "h"), "0").await),
        "the quota `bytes` of the workspace allows 5 bytes; 20 are used, and this would add 1"
    );
    // What adds nothing goes on: versions of a model that is there.
    let model = scene.lines("SELECT CAST(id AS TEXT) AS line FROM nodes WHERE name = 'm' AND home_id IS NULL");
    let model = NodeId(model[0].parse().unwrap());
    let draft = Draft::named("2".parse().unwrap());
    scene.registry.entities.create(&here, LogicalType::ModelVersion, Some(model), draft).await.unwrap();
    scene.remove(&here, LogicalType::RegisteredModel, model).await;
    assert_eq!(scene.usage(&team).await, (0, 0, 0));
}

async fn what_moves_counts_where_it_goes(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (team, other) = (scene.team("team-a").await, scene.team("team-b").await);
    let here = scene.within(&scene.registry, &team);
    for path in ["f", "g"] {
        scene.put_in(&here, file("m", "1", path), "0123456789").await.unwrap();
    }
    let model = scene.lines("SELECT CAST(id AS TEXT) AS line FROM nodes WHERE name = 'm' AND home_id IS NULL");
    let model = NodeId(model[0].parse().unwrap());
    let moved = || RootChange { workspace: Some(slug("team-b")), ..RootChange::default() };
    let accounts = &scene.registry.accounts;
    for (limits, field) in
        [(quota(19, None, None), "bytes"), (quota(None, 1, None), "files"), (quota(20, 2, 0), "roots")]
    {
        scene.limit(&other, limits).await;
        let refused = accounts.change_root(&here, model, moved()).await;
        assert_eq!(kind_and_field(refused), (ErrorKind::QuotaExceeded, Some(field.to_owned())));
        assert_eq!((scene.usage(&team).await, scene.usage(&other).await), ((20, 2, 1), (0, 0, 0)));
    }
    scene.limit(&other, quota(20, 2, 1)).await;
    accounts.change_root(&here, model, moved()).await.unwrap();
    assert_eq!((scene.usage(&team).await, scene.usage(&other).await), ((0, 0, 0), (20, 2, 1)));
}

async fn what_a_workspace_holds_is_what_there_is(backend: Backend) {
    let scene = Scene::new(backend).await;
    let team = scene.team("team-a").await;
    let here = scene.within(&scene.registry, &team);
    let folded = |scene: &Scene| {
        let (registry, context) = (scene.registry.clone(), scene.offline());
        async move { registry.upkeep.fold_usage(&context).await.unwrap() }
    };
    for (model, version, path) in [("a", "1", "f"), ("a", "2", "f"), ("a", "2", "g/h"), ("b", "1", "f")] {
        scene.put_in(&here, file(model, version, path), "0123456789").await.unwrap();
    }
    scene.make(&here, LogicalType::Experiment, "e").await.unwrap();
    assert_eq!(scene.usage(&team).await, (40, 4, 3));
    let rows = folded(&scene).await;
    assert_eq!(rows > 0, backend == Backend::Postgres);
    assert_eq!((scene.usage(&team).await, folded(&scene).await), ((40, 4, 3), 0));
    let model = scene.lines("SELECT CAST(id AS TEXT) AS line FROM nodes WHERE name = 'a' AND home_id IS NULL");
    scene.remove(&here, LogicalType::RegisteredModel, NodeId(model[0].parse().unwrap())).await;
    assert_eq!(scene.usage(&team).await, (10, 1, 2));
    folded(&scene).await;
    assert_eq!(scene.usage(&team).await, (10, 1, 2));
    // What was there before this release counts as what was added since.
    let folder = match backend {
        Backend::Sqlite => "migrations/sqlite/0024_quotas",
        Backend::Postgres => "migrations/postgres/0024_quotas",
    };
    for script in ["down.sql", "up.sql"] {
        scene.database.execute(&std::fs::read_to_string(format!("{folder}/{script}")).unwrap());
    }
    assert_eq!(scene.usage(&team).await, (10, 1, 2));
    scene.put_in(&here, file("b", "1", "g"), "01").await.unwrap();
    assert_eq!(scene.usage(&team).await, (12, 2, 2));
}

async fn only_managers_learn_what_a_workspace_holds(backend: Backend) {
    let scene = Scene::new(backend).await;
    let team = scene.team("team-a").await;
    let admin = scene.with_role("root", Role::Admin, ScopeRef::Registry).await;
    let manager = scene.with_role("alice", Role::Admin, workspace("team-a")).await;
    let writer = scene.with_role("bob", Role::Writer, workspace("team-a")).await;
    let stranger = scene.with_role("carol", Role::Admin, workspace("default")).await;
    let accounts = &scene.registry.accounts;
    let limits = quota(10, 1, None);
    for (who, refused) in [
        (&manager, ErrorKind::PermissionDenied),
        (&writer, ErrorKind::PermissionDenied),
        (&stranger, ErrorKind::NotFound),
    ] {
        assert_eq!(kind(accounts.set_workspace_quota(who, &team, limits).await), refused);
    }
    let too_many = accounts.set_workspace_quota(&admin, &team, quota(None, None, u64::MAX)).await;
    assert_eq!(kind_and_field(too_many), (ErrorKind::InvalidArgument, Some("roots".to_owned())));
    accounts.set_workspace_quota(&admin, &team, limits).await.unwrap();
    let filter = AuditWanted { action: Some(AuditAction::SetQuota), ..AuditWanted::default() };
    let found = scene.registry.audit.list_audit(&scene.offline(), filter, page(10, None)).await.unwrap();
    let details: Vec<_> = found.items.into_iter().map(|view| view.record.entry.details.unwrap()).collect();
    let none = json!({"bytes": null, "files": null, "roots": null});
    assert_eq!(details, [json!({"before": none, "after": {"bytes": 10, "files": 1, "roots": null}})]);
    assert_eq!(accounts.workspace_quota(&manager, &team).await.unwrap().quota, limits);
    assert_eq!(kind(accounts.workspace_quota(&writer, &team).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(accounts.workspace_quota(&stranger, &team).await), ErrorKind::NotFound);
    let in_team = |context: &RequestContext| {
        let id = scene.within(&scene.registry, &team).access().workspace();
        scene.registry.context(context.actor().clone(), context.access().in_workspace(id))
    };
    scene.put_in(&in_team(&writer), file("m", "1", "f"), "0123456").await.unwrap();
    let length = Some(7);
    for put in [file("m", "1", "g"), PutFile { length, ..file("m", "1", "g") }] {
        let (by_writer, by_manager) = (
            exceeded(scene.put_in(&in_team(&writer), put.clone(), "abcdefg").await),
            exceeded(scene.put_in(&in_team(&manager), put, "abcdefg").await),
        );
        assert_eq!(by_writer, "the quota `bytes` of the workspace allows 10 bytes, and this would be more");
        assert_eq!(by_manager, "the quota `bytes` of the workspace allows 10 bytes; 7 are used, and this would add 7");
    }
}

async fn without_a_quota_nothing_more_is_asked(backend: Backend) {
    count_statements();
    let scene = Scene::new(backend).await;
    let (team, here) = (scene.team("team-a").await, scene.offline());
    // What is made once.
    scene.put_in(&here, file("m", "1", "first"), "01234").await.unwrap();
    let mut costs = Vec::new();
    for (round, length) in [None, Some(5), Some(5), None].into_iter().enumerate() {
        if round == 2 {
            // That of another workspace costs nobody else.
            scene.limit(&team, quota(5, None, None)).await;
        }
        let mut fewest = u64::MAX;
        for run in 0..4 {
            let before = statements_of(&scene.database.location);
            let put = PutFile { length, ..file("m", "1", &format!("{round}/{run}")) };
            scene.put_in(&here, put, "01234").await.unwrap();
            fewest = fewest.min(statements_of(&scene.database.location) - before);
        }
        costs.push(fewest);
    }
    assert!(costs.iter().all(|cost| *cost == costs[0]), "{costs:?}");
}
