//! Whatever is asked for: what is hidden is not in the answer, whichever way leads to it.

use futures_util::StreamExt as _;
use modelport::domain::access::Role;
use modelport::domain::filter::mlmd;
use modelport::domain::graph::{EventWrite, ListOptions, Membership, NodePage, Scope};
use modelport::domain::lineage::{Depth, Direction, Edge};
use modelport::domain::{
    Change, Draft, ErrorKind, HistorySelection, LogicalType, NodeId, NodeKind, Order, PageSize, Selection, Value,
    VersionRef,
};
use modelport::registry::RequestContext;
use modelport::registry::access::{RootChange, ScopeRef};
use modelport::registry::conditions::Conditions;
use modelport::registry::entities::Find;
use modelport::registry::listed::Total;
use modelport::registry::listed::facets::Facet;
use modelport::registry::metrics::NamedPoint;
use modelport::registry::records::RecordFilter;
use modelport::registry::removal::Removal;
use modelport::registry::saved_views::ViewKey;
use modelport::registry::search::{SearchKind, SearchRequest};
use modelport::registry::target::Target;
use modelport::registry::upload::PutFile;

use super::{Scene, kind, page, workspace};
use crate::registry::{body, file};
use crate::support::{Backend, on_both};

on_both! {
    nothing_finds_the_hidden,
    no_edge_leads_to_the_hidden,
    no_filter_asks_about_the_hidden,
    a_version_shows_no_hidden_files,
    no_record_of_the_hidden_is_listed,
    nothing_is_remembered_of_the_hidden,
    no_point_of_a_hidden_run_is_shown,
    views_are_for_their_owner_or_the_workspace,
}

/// A file of safetensors without tensors, and the beginning of its digest.
const SECRET: &str = "\x02\0\0\0\0\0\0\0{}";
const SECRET_DIGEST: &str = "411a485216e432ec";

/// Two models that are alike, of which one is restricted, with what an execution read of both.
struct Two {
    scene: Scene,
    offline: RequestContext,
    /// Somebody who may write everything in the workspace.
    alice: RequestContext,
    open: Model,
    hidden: Model,
    execution: NodeId,
    /// Where that belongs.
    environment: NodeId,
}

struct Model {
    model: NodeId,
    version: NodeId,
    artifact: NodeId,
    /// An artifact without any URI.
    bare: NodeId,
}

impl Two {
    async fn new(backend: Backend) -> Self {
        let scene = Scene::new(backend).await;
        let offline = scene.offline();
        let open = Model::new(&scene, "open").await;
        let hidden = Model::new(&scene, "hidden").await;
        let environment = scene.made(LogicalType::ServingEnvironment, None, Draft::named("env".parse().unwrap())).await;
        let service = Draft::named("s".parse().unwrap()).with("registered_model_id", Some(Value::Int(open.model.0)));
        let service = scene.made(LogicalType::InferenceService, Some(environment), service).await;
        let serve = Draft::named("e".parse().unwrap()).with("model_version_id", Some(Value::Int(open.version.0)));
        let execution = scene.made(LogicalType::ServeModel, Some(service), serve).await;
        let event = |artifact: NodeId| EventWrite {
            artifact_id: Some(artifact.0),
            execution_id: Some(execution.0),
            event_type: 3,
            ..EventWrite::default()
        };
        let events = vec![event(open.artifact), event(hidden.artifact)];
        scene.registry.graph.put_events(&offline, events).await.unwrap();
        scene.restrict(hidden.model).await;
        let alice = scene.with_role("alice", Role::Maintainer, workspace("default")).await;
        Self { scene, offline, alice, open, hidden, execution, environment }
    }

    /// Everybody, with whether they see what is hidden.
    fn everybody(&self) -> [(&RequestContext, bool); 2] {
        [(&self.offline, true), (&self.alice, false)]
    }

    async fn belongs_too(&self, context: NodeId, member: NodeId) {
        let pair = Membership { context_id: Some(context.0), member_id: Some(member.0) };
        self.scene.registry.graph.put_memberships(&self.offline, vec![pair], Vec::new()).await.unwrap();
    }
}

impl Model {
    async fn new(scene: &Scene, name: &str) -> Self {
        let named =
            || Draft { external_id: Some(format!("x-{name}").parse().unwrap()), ..Draft::named(name.parse().unwrap()) };
        let mut labelled = named();
        labelled.custom.insert(format!("label-{name}"), Value::String(String::new()));
        let model = scene.made(LogicalType::RegisteredModel, None, labelled).await;
        let version = scene.made(LogicalType::ModelVersion, Some(model), Draft::named("1".parse().unwrap())).await;
        let artifact = Draft { uri: Some(format!("s3://bucket/{name}")), ..named() };
        let artifact = scene.made(LogicalType::ModelArtifact, Some(version), artifact).await;
        let bare = scene.made(LogicalType::DocArtifact, Some(version), Draft::named("doc".parse().unwrap())).await;
        Self { model, version, artifact, bare }
    }
}

impl Scene {
    async fn made(&self, logical: LogicalType, home: Option<NodeId>, draft: Draft) -> NodeId {
        self.registry.entities.create(&self.offline(), logical, home, draft).await.unwrap().id
    }

    async fn restrict(&self, root: NodeId) {
        let change = RootChange { owner: Change::Clear, is_restricted: Some(true), workspace: None };
        self.registry.accounts.change_root(&self.offline(), root, change).await.unwrap();
    }
}

fn ids(page: NodePage) -> Vec<NodeId> {
    page.nodes.into_iter().map(|node| node.id).collect()
}

/// The first of these, and the second, too, for whoever sees it.
fn expected(is_all: bool, open: NodeId, hidden: NodeId) -> Vec<NodeId> {
    if is_all { vec![open, hidden] } else { vec![open] }
}

async fn nothing_finds_the_hidden(backend: Backend) {
    let two = Two::new(backend).await;
    let (open, hidden) = (&two.open, &two.hidden);
    let (graph, entities) = (&two.scene.registry.graph, &two.scene.registry.entities);
    for (who, is_all) in two.everybody() {
        let both = |open, hidden| expected(is_all, open, hidden);
        let artifacts = both(open.artifact, hidden.artifact);
        let named = vec![open.artifact.0, hidden.artifact.0];
        assert_eq!(ids(graph.nodes_by_ids(who, NodeKind::Artifact, named).await.unwrap()), artifacts);
        let external = || vec!["x-open".to_owned(), "x-hidden".to_owned()];
        assert_eq!(ids(graph.nodes_by_external_ids(who, NodeKind::Artifact, external()).await.unwrap()), artifacts);
        let uris = vec!["s3://bucket/open".to_owned(), "s3://bucket/hidden".to_owned()];
        assert_eq!(ids(graph.artifacts_by_uris(who, uris).await.unwrap()), artifacts);
        assert_eq!(ids(graph.artifacts_by_uris(who, vec![String::new()]).await.unwrap()), both(open.bare, hidden.bare));
        let models = both(open.model, hidden.model);
        let all = graph.list_graph(who, Scope::Kind(NodeKind::Context), None).await.unwrap();
        assert_eq!(all.nodes.iter().any(|node| node.id == hidden.version), is_all);
        let listed = entities.list(who, Selection::of(LogicalType::RegisteredModel), page(9, None)).await.unwrap();
        assert_eq!(listed.first.items.iter().map(|node| node.id).collect::<Vec<_>>(), models);
        for logical in [LogicalType::RegisteredModel, LogicalType::ModelArtifact] {
            let found = entities.find(who, logical, Find::ExternalId("x-hidden".parse().unwrap())).await;
            assert_eq!(found.is_ok(), is_all, "{logical:?}: {found:?}");
        }
        let search = SearchRequest { text: "hidden".to_owned(), kinds: SearchKind::ALL.to_vec(), size: 9 };
        let searched = two.scene.registry.searches.search(who, search).await.unwrap();
        assert_eq!(
            (searched.items.len(), searched.total),
            if is_all { (2, Total::Exactly(2)) } else { (0, Total::Exactly(0)) }
        );
        // People are found by whoever may list them.
        for (text, kind) in [("alic", SearchKind::People), ("label-h", SearchKind::Models)] {
            let search = SearchRequest { text: text.to_owned(), kinds: vec![kind], size: 9 };
            let found = two.scene.registry.searches.search(who, search).await.unwrap();
            assert_eq!(found.items.len(), usize::from(is_all), "{found:?}");
        }
        let found = entities.find(who, LogicalType::RegisteredModel, Find::Name("hidden".parse().unwrap(), None)).await;
        assert_eq!(found.is_ok(), is_all, "{found:?}");
        let found = entities.get(who, LogicalType::ModelArtifact, hidden.artifact).await;
        assert_eq!(found.is_ok(), is_all, "{found:?}");
        assert_eq!(entities.get_artifact(who, hidden.artifact).await.is_ok(), is_all);
        let of_type = ("kf.RegisteredModel", "");
        let found = graph.node_by_type_and_name(who, NodeKind::Context, of_type.0, of_type.1, "hidden").await.unwrap();
        assert_eq!(found.is_some(), is_all, "{found:?}");
        let children = graph.children_of(who, vec![hidden.model.0]).await.unwrap().items;
        assert_eq!(children.is_empty(), !is_all);
        let parents = graph.parents_of(who, vec![hidden.version.0]).await.unwrap().items;
        assert_eq!(parents.is_empty(), !is_all);
    }
}

async fn no_edge_leads_to_the_hidden(backend: Backend) {
    let two = Two::new(backend).await;
    let (open, hidden) = (&two.open, &two.hidden);
    let graph = &two.scene.registry.graph;
    two.belongs_too(hidden.version, open.artifact).await;
    for (who, is_all) in two.everybody() {
        let events = graph.events_of(who, NodeKind::Execution, vec![two.execution.0]).await.unwrap();
        let read: Vec<NodeId> = events.iter().map(|event| event.artifact_id).collect();
        assert_eq!(read, expected(is_all, open.artifact, hidden.artifact));
        let contexts = ids(graph.contexts_of(who, NodeKind::Artifact, open.artifact.0).await.unwrap());
        assert_eq!(contexts, expected(is_all, open.version, hidden.version));
        assert_eq!(graph.contexts_of(who, NodeKind::Artifact, hidden.artifact.0).await.is_ok(), is_all);
        for from in [open.artifact, two.execution] {
            let lineage = graph.lineage(who, from, Direction::Both, Depth::DEFAULT).await.unwrap();
            let of_hidden = [hidden.model, hidden.version, hidden.artifact];
            assert_eq!(lineage.nodes.iter().any(|node| of_hidden.contains(&node.id)), is_all, "{from}");
            let is_named = |edge: &Edge| of_hidden.contains(&edge.from) || of_hidden.contains(&edge.to);
            assert_eq!(lineage.edges.iter().any(is_named), is_all, "{from}");
        }
        let lineage = graph.lineage(who, hidden.artifact, Direction::Both, Depth::DEFAULT).await;
        assert_eq!(lineage.is_ok(), is_all);
        let path = graph.path(who, (open.artifact, hidden.version), Direction::Both, Depth::DEFAULT).await;
        assert_eq!(path.is_ok(), is_all, "{path:?}");
        assert_eq!(graph.impact(who, hidden.artifact).await.is_ok(), is_all);
        assert_eq!(graph.impact(who, open.version).await.unwrap().deployments.len(), 1);
        let entities = &two.scene.registry.entities;
        assert_eq!(entities.compare(who, open.version, hidden.version).await.is_ok(), is_all);
        let history = &two.scene.registry.history;
        assert_eq!(history.compare_revisions(who, hidden.version, 1, 1).await.is_ok(), is_all);
    }
    // What is read by something hidden is not seen to be.
    two.scene.restrict(two.environment).await;
    for (who, is_all) in two.everybody() {
        let events = graph.events_of(who, NodeKind::Artifact, vec![open.artifact.0]).await.unwrap();
        assert_eq!(events.len(), usize::from(is_all));
        // Nor is what it serves said to be served.
        assert_eq!(graph.impact(who, open.version).await.unwrap().deployments.len(), usize::from(is_all));
    }
    // What is hidden is tied to nothing by somebody else, and is answered as what is not there.
    let tie = async |artifact: i64, context: i64| {
        let pair = Membership { context_id: Some(context), member_id: Some(artifact) };
        kind(graph.put_memberships(&two.alice, vec![pair], Vec::new()).await)
    };
    assert_eq!(tie(hidden.artifact.0, open.version.0).await, tie(99_999, open.version.0).await);
    assert_eq!(tie(open.artifact.0, hidden.version.0).await, tie(open.artifact.0, 99_999).await);
    let put = async |artifact: i64, execution: i64| {
        let ids = (Some(artifact), Some(execution));
        let write = EventWrite { artifact_id: ids.0, execution_id: ids.1, event_type: 3, ..EventWrite::default() };
        kind(graph.put_events(&two.alice, vec![write]).await)
    };
    assert_eq!(put(open.artifact.0, two.execution.0).await, put(open.artifact.0, 99_999).await);
}

async fn no_filter_asks_about_the_hidden(backend: Backend) {
    let two = Two::new(backend).await;
    let graph = &two.scene.registry.graph;
    two.belongs_too(two.hidden.version, two.open.artifact).await;
    let found = async |who: &RequestContext, text: &str| {
        let filter = mlmd::parse(NodeKind::Artifact, text).unwrap();
        let options = ListOptions { size: 9, order: Order::default(), token: None, filter };
        ids(graph.list_graph(who, Scope::Kind(NodeKind::Artifact), Some(options)).await.unwrap())
    };
    let asked = format!("contexts_a.id = {}", two.hidden.version);
    assert!(found(&two.offline, &asked).await.contains(&two.open.artifact));
    assert_eq!(found(&two.alice, &asked).await, []);
    assert!(found(&two.alice, &format!("contexts_a.id = {}", two.open.version)).await.contains(&two.open.artifact));
}

async fn a_version_shows_no_hidden_files(backend: Backend) {
    let two = Two::new(backend).await;
    let (files, models) = (&two.scene.registry.files, &two.scene.registry.models);
    for (artifact, path, bytes) in
        [(two.open.artifact, "shown", "x"), (two.hidden.artifact, "secret.safetensors", SECRET)]
    {
        let put = PutFile { target: Target::Artifact(artifact), ..file("open", "1", path) };
        files.put_file(&two.offline, put, body(bytes)).await.unwrap();
    }
    two.belongs_too(two.open.version, two.hidden.artifact).await;
    let (model, version) = ("open".parse().unwrap(), "1".parse::<VersionRef>().unwrap());
    let target = Target::Version { model: "open".parse().unwrap(), version: version.clone() };
    for (who, is_all) in two.everybody() {
        let listed = models.list_version_files(who, &model, &version, PageSize::new(9), None).await.unwrap();
        let paths: Vec<_> = listed.files.iter().map(|file| file.path.as_str().to_owned()).collect();
        assert_eq!(paths, if is_all { vec!["secret.safetensors", "shown"] } else { vec!["shown"] });
        let found = files.get_file(who, &target, &"secret.safetensors".parse().unwrap()).await;
        assert_eq!(found.is_ok(), is_all, "{found:?}");
        let members = Selection { member_of: Some(two.open.version), ..Selection::of(LogicalType::ModelArtifact) };
        let members = two.scene.registry.entities.list(who, members, page(9, None)).await.unwrap();
        assert_eq!(members.first.items.len(), if is_all { 2 } else { 1 });
        // The hidden file has another format than that which is shown.
        let facets = models.model_facets(who, None).await.unwrap();
        let of = |facet: Facet| facets.facets.iter().find(|of| of.facet == facet).unwrap();
        assert_eq!(of(Facet::Format).values.iter().any(|(format, _)| format == "safetensors"), is_all, "{facets:?}");
        for (text, kinds) in [("secret", vec![SearchKind::Files]), (SECRET_DIGEST, vec![SearchKind::Files])] {
            let search = SearchRequest { text: text.to_owned(), kinds, size: 9 };
            let found = two.scene.registry.searches.search(who, search).await.unwrap();
            assert_eq!(found.items.len(), usize::from(is_all), "{text}");
        }
        let summary = models.version_summary(who, &model, &version).await.unwrap();
        assert_eq!(summary.files.files.len(), if is_all { 2 } else { 1 });
        let counted: i64 = summary.inspection.tallies.iter().map(|tally| tally.files).sum();
        assert_eq!(counted, if is_all { 2 } else { 1 });
    }
    two.scene.database.execute("UPDATE files SET quarantine = 'bad' WHERE path = 'secret.safetensors'");
    for (who, is_all) in two.everybody() {
        let gates = models.approval(who, &model, &version).await.unwrap().gates;
        assert_eq!(gates.len(), usize::from(is_all), "{gates:?}");
        let set = models.set_alias(who, &model, &"best".parse().unwrap(), &version, Conditions::default()).await;
        assert_eq!(set.is_ok(), !is_all, "{set:?}");
    }
}

async fn no_record_of_the_hidden_is_listed(backend: Backend) {
    let two = Two::new(backend).await;
    for model in [&two.open, &two.hidden] {
        // One has an id of its own, the other that of another system.
        let own = two.scene.made(LogicalType::ModelArtifact, Some(model.version), Draft::named("own".parse().unwrap()));
        for holder in [own.await, model.artifact] {
            let put = PutFile { target: Target::Artifact(holder), ..file("open", "1", "archive.zip") };
            two.scene.registry.files.put_file(&two.offline, put, body("x")).await.unwrap();
        }
    }
    for (who, is_all) in two.everybody() {
        let found = two.scene.registry.records.list_records(who, RecordFilter::default());
        let found: usize = found.map(|batch| batch.unwrap().len()).fold(0, async |all, some| all + some).await;
        assert_eq!(found, if is_all { 4 } else { 2 });
    }
}

async fn nothing_is_remembered_of_the_hidden(backend: Backend) {
    let two = Two::new(backend).await;
    let (registry, graph) = (&two.scene.registry, &two.scene.registry.graph);
    let (logical, removal) = (LogicalType::ModelVersion, Removal::RECURSIVE);
    registry.entities.delete(&two.offline, logical, two.hidden.version, removal).await.unwrap();
    for (who, is_all) in two.everybody() {
        for removed in [two.hidden.version, two.hidden.artifact] {
            let lineage = graph.lineage(who, removed, Direction::Both, Depth::DEFAULT).await;
            assert_eq!(lineage.is_ok(), is_all, "{lineage:?}");
            let history = registry.history.node_history(who, removed, 0, PageSize::new(9)).await;
            assert_eq!(history.is_ok(), is_all, "{history:?}");
        }
    }
}

async fn no_point_of_a_hidden_run_is_shown(backend: Backend) {
    let two = Two::new(backend).await;
    let (scene, offline) = (&two.scene, &two.offline);
    let mut runs = Vec::new();
    for name in ["seen", "shut"] {
        let experiment = scene.made(LogicalType::Experiment, None, Draft::named(name.parse().unwrap())).await;
        let run = scene.made(LogicalType::ExperimentRun, Some(experiment), Draft::named("r".parse().unwrap())).await;
        let point = NamedPoint { name: "loss".parse().unwrap(), value: 1.0, step: 1, at: None };
        scene.registry.metrics.measure(offline, run, vec![point]).await.unwrap();
        runs.push(run);
        if name == "shut" {
            scene.restrict(experiment).await;
        }
    }
    let points = async |who: &RequestContext, run: Option<NodeId>| {
        let order = Order::default();
        let selection = HistorySelection { run, name_contains: None, steps: Vec::new(), filter: None, order };
        Ok::<_, modelport::domain::Error>(
            scene.registry.metrics.metric_history(who, selection, page(9, None)).await?.first.items.len(),
        )
    };
    for (who, is_all) in two.everybody() {
        assert_eq!(points(who, None).await.unwrap(), if is_all { 2 } else { 1 });
        assert_eq!(points(who, Some(runs[0])).await.unwrap(), 1);
        assert_eq!(points(who, Some(runs[1])).await.unwrap_or_default(), usize::from(is_all));
    }
    let reader = scene.with_role("rita", Role::Reader, workspace("default")).await;
    let point = NamedPoint { name: "loss".parse().unwrap(), value: 2.0, step: 2, at: None };
    let refused = scene.registry.metrics.measure(&reader, runs[0], vec![point]).await;
    assert_eq!(kind(refused), ErrorKind::PermissionDenied);
}

async fn views_are_for_their_owner_or_the_workspace(backend: Backend) {
    let two = Two::new(backend).await;
    let views = &two.scene.registry.views;
    let reader = two.scene.with_role("reader", Role::Reader, workspace("default")).await;
    let guest = two.scene.with_role("guest", Role::Reader, ScopeRef::Root(two.open.model)).await;
    let key =
        |name: &str, is_shared| ViewKey { screen: "models".parse().unwrap(), name: name.parse().unwrap(), is_shared };
    let put = async |who, key| views.put_view(who, key, serde_json::Map::new(), Conditions::default()).await;
    for who in [&two.alice, &reader, &guest] {
        put(who, key("own", false)).await.unwrap();
    }
    put(&two.alice, key("shared", true)).await.unwrap();
    for who in [&reader, &guest] {
        assert_eq!(kind(put(who, key("shared", true)).await), ErrorKind::PermissionDenied);
        let deleted = views.delete_view(who, key("shared", true), Conditions::default()).await;
        assert_eq!(kind(deleted), ErrorKind::PermissionDenied);
    }
    for (who, sees_shared) in [(&two.alice, true), (&reader, true), (&guest, false)] {
        let listed = views.list_views(who, None, page(9, None)).await.unwrap().items;
        let names: Vec<&str> = listed.iter().map(|view| view.name.as_str()).collect();
        assert_eq!(names, if sees_shared { vec!["own", "shared"] } else { vec!["own"] });
        assert_eq!(listed[0].owner, who.access().principal());
        assert_eq!(views.get_view(who, key("shared", true)).await.is_ok(), sees_shared);
    }
    // Whoever is forgotten has none any more.
    let named = "reader".parse().unwrap();
    two.scene.registry.accounts.forget_principal(&two.offline, &named).await.unwrap();
    assert_eq!(kind(views.get_view(&reader, key("own", false)).await), ErrorKind::NotFound);
}
