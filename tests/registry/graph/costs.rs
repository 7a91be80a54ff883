//! How many statements the use cases of the graph cost: a number that does not grow with the rows.

use modelport::domain::filter::{Attribute, Comparison, Condition, Expr, Field, Operand};
use modelport::domain::graph::{EventDirection, LineageParts, LineageQuery};
use modelport::domain::lineage::{Depth, Direction};

use modelport::domain::{Draft, ErrorKind, LogicalType, PageRequest, Selection};

use super::*;
use crate::store::statements::{count_statements, statements_of};
use crate::support::{Backend, on_both};

on_both! {
    many_nodes_cost_what_one_costs,
    an_execution_costs_the_same_with_any_number_of_artifacts,
    a_long_lineage_is_read_at_once_or_hop_by_hop,
    what_a_node_was_made_from_costs_the_same_however_deep,
    versions_cost_no_look_at_their_model,
}

/// The fewest statements of some runs: in one or the other the pool opens a connection too.
async fn cost<T>(scene: &Scene, mut work: impl AsyncFnMut(usize) -> T) -> u64 {
    let mut fewest = u64::MAX;
    for run in 0..4 {
        let before = statements_of(&scene.database.location);
        work(run).await;
        fewest = fewest.min(statements_of(&scene.database.location) - before);
    }
    fewest
}

async fn many_nodes_cost_what_one_costs(backend: Backend) {
    count_statements();
    let scene = Scene::new(backend).await;
    let of = scene.type_of(ARTIFACT, "t").await;
    let writes = |many: usize, run: usize| {
        let with = |at: usize| NodeWrite {
            properties: properties(&[("i", Value::Int(1)), ("s", "x".into())]),
            ..new(of, &format!("{many}-{run}-{at}"))
        };
        (0..many).map(with).collect::<Vec<_>>()
    };
    let (mut puts, mut gets, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for many in [1, 100] {
        let mut ids = Vec::new();
        puts.push(
            cost(&scene, async |run| {
                ids = scene
                    .registry
                    .graph
                    .put_nodes(&scene.context, ARTIFACT, writes(many, run), None, false)
                    .await
                    .unwrap();
            })
            .await,
        );
        let raw: Vec<i64> = ids.iter().map(|id| id.0).collect();
        gets.push(
            cost(&scene, async |_| {
                scene.registry.graph.nodes_by_ids(&scene.context, ARTIFACT, raw.clone()).await.unwrap()
            })
            .await,
        );
        changes.push(
            cost(&scene, async |run| {
                let with = |id: &i64| NodeWrite {
                    id: Some(*id),
                    properties: properties(&[("i", Value::Int(i64::try_from(run).unwrap() + 5))]),
                    ..NodeWrite::default()
                };
                let writes = raw.iter().map(with).collect();
                scene.registry.graph.put_nodes(&scene.context, ARTIFACT, writes, None, false).await.unwrap()
            })
            .await,
        );
    }
    // One of them draws the ids, as no database promises in which order it returns those that it gives.
    let most = if backend == Backend::Postgres { 5 } else { 7 };
    assert!(puts[0] == puts[1] && puts[1] <= most, "{puts:?}");
    // One of them asks which of the artifacts have files, because they have no `uri`.
    assert!(gets[0] == gets[1] && gets[1] <= 6, "{gets:?}");
    assert!(changes[0] == changes[1] && changes[1] <= 9, "{changes:?}");
}

async fn an_execution_costs_the_same_with_any_number_of_artifacts(backend: Backend) {
    count_statements();
    let scene = Scene::new(backend).await;
    let (a, e) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(EXECUTION, "e").await);
    let c = scene.type_of(CONTEXT, "c").await;
    let context = scene.put_node(CONTEXT, new(c, "run")).await.unwrap();
    let mut costs = Vec::new();
    for many in [2, 100] {
        let statements = cost(&scene, async |run| {
            let name = |at: usize| format!("{many}-{run}-{at}");
            let publish = Publish {
                execution: new(e, &name(0)),
                pairs: (0..many).map(|at| (Some(new(a, &name(at))), Some(event(None, None, OUTPUT)))).collect(),
                contexts: vec![new(c, "run")],
                options: PublishOptions { reuse_context_if_already_exist: true, ..PublishOptions::default() },
            };
            let put = scene.registry.graph.put_execution(&scene.context, publish).await.unwrap();
            assert_eq!(put.context_ids, [context]);
        });
        costs.push(statements.await);
    }
    assert!(costs[0] == costs[1] && costs[1] <= 16, "{costs:?}");
}

async fn a_long_lineage_is_read_at_once_or_hop_by_hop(backend: Backend) {
    count_statements();
    let scene = Scene::new(backend).await;
    let (a, e) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(EXECUTION, "e").await);
    let first = scene.put_node(ARTIFACT, new(a, "first")).await.unwrap();
    let mut last = first;
    for at in 0..50 {
        last = NodeId(scene.step((a, e), &format!("{at}"), Some(last), Vec::new()).await.artifact_ids[1]);
    }
    let query = LineageQuery {
        start_kind: ARTIFACT,
        start: Expr::Test(Field::Attribute(Attribute::Id), Condition::Compare(Comparison::Equal, Operand::Int(last.0))),
        max_hops: None,
        direction: EventDirection::Upstream,
        ending_artifacts: None,
        ending_executions: None,
        parts: LineageParts::ALL,
    };
    let statements = cost(&scene, async |_| {
        let graph = scene.registry.graph.lineage_subgraph(&scene.context, query.clone()).await.unwrap();
        assert_eq!((graph.artifacts.len(), graph.executions.len(), graph.events.len()), (51, 50, 100));
    });
    let statements = statements.await;
    // A begin and a commit, where it starts, all nodes with their events, their contexts, and the types of each kind.
    let most = if backend == Backend::Postgres { 8 } else { 108 };
    assert!(statements <= most, "{statements}");
}

async fn what_a_node_was_made_from_costs_the_same_however_deep(backend: Backend) {
    count_statements();
    let scene = Scene::new(backend).await;
    let (a, e) = (scene.type_of(ARTIFACT, "t").await, scene.type_of(EXECUTION, "e").await);
    let first = scene.put_node(ARTIFACT, new(a, "first")).await.unwrap();
    let mut last = first;
    for at in 0..10 {
        last = NodeId(scene.step((a, e), &format!("{at}"), Some(last), Vec::new()).await.artifact_ids[1]);
    }
    let mut costs = Vec::new();
    for depth in [1, 20] {
        let depth = Depth::new(depth).unwrap();
        let statements = cost(&scene, async |_| {
            let graph = scene.registry.graph.lineage(&scene.context, last, Direction::Upstream, depth).await.unwrap();
            assert_eq!(graph.edges.len(), depth.get() as usize);
        });
        costs.push(statements.await);
    }
    // A begin and a commit, the edges, the nodes with their properties, their types, and which of the artifacts have files; and
    // how PostgreSQL plans.
    let most = if backend == Backend::Postgres { 8 } else { 7 };
    assert!(costs[0] == costs[1] && costs[0] <= most, "{costs:?}");
}

async fn versions_cost_no_look_at_their_model(backend: Backend) {
    count_statements();
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await.id;
    let mut names = 0..;
    let create = async |_| {
        let name = format!("v{}", names.next().unwrap());
        let draft = Draft { custom: properties(&[("i", Value::Int(1))]), ..Draft::named(name.parse().unwrap()) };
        scene.registry.entities.create(&scene.context, LogicalType::ModelVersion, Some(model), draft).await.unwrap();
    };
    // A begin, the model, the version with all that it has, the change, and a commit; SQLite is also asked where the model is.
    let most = if backend == Backend::Postgres { 5 } else { 8 };
    let made = cost(&scene, create).await;
    assert!(made <= most, "{made}");
    let list = |home: NodeId| Selection { home: Some(home), ..Selection::of(LogicalType::ModelVersion) };
    let page = cost(&scene, async |_| {
        let pages = scene.registry.entities.list(&scene.context, list(model), PageRequest::default()).await.unwrap();
        assert_eq!(pages.first.items.len(), 4);
    });
    // A begin, the versions, their properties, and a commit.
    assert_eq!(page.await, 4);
    // Only of a list of nothing it is asked whether there is a model.
    let empty = scene.model("empty").await.id;
    assert!(
        scene
            .registry
            .entities
            .list(&scene.context, list(empty), PageRequest::default())
            .await
            .unwrap()
            .first
            .items
            .is_empty()
    );
    let error =
        scene.registry.entities.list(&scene.context, list(NodeId(99_999)), PageRequest::default()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
