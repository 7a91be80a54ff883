//! Lists of nodes: what they hold, in which order, and that following cursors gives each node once.

use modelport::domain::{Cursor, Draft, LogicalType, Node, NodeId, Order, OrderBy, Selection};
use modelport::store::nodes;
use modelport::store::{Tx, members};
use uuid::Uuid;

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    every_order_gives_each_node_once,
    what_comes_while_a_list_is_followed_moves_nothing_else,
    a_selection_holds_types_homes_and_members,
    a_name_is_what_people_see,
    a_name_is_no_pattern,
    properties_come_along,
}

const ORDERS: [OrderBy; 3] = [OrderBy::Id, OrderBy::CreateTime, OrderBy::UpdateTime];

async fn list(scene: &Scene, selection: &Selection) -> Vec<NodeId> {
    let selection = selection.clone();
    let read = scene.store.read(move |tx| nodes::list(tx, &selection, None, 1000));
    read.await.unwrap().iter().map(|node| node.id).collect()
}

fn value(node: &Node, by: OrderBy) -> i64 {
    match by {
        OrderBy::Id | OrderBy::Name => 0,
        OrderBy::CreateTime => node.created_at,
        OrderBy::UpdateTime => node.updated_at,
    }
}

async fn page(scene: &Scene, selection: &Selection, after: Option<Cursor>, size: u32) -> (Vec<NodeId>, Option<Cursor>) {
    let asked = selection.clone();
    let nodes = scene.store.read(move |tx| nodes::list(tx, &asked, after.as_ref(), size)).await.unwrap();
    let next =
        nodes.last().map(|last| Cursor { value: value(last, selection.order.by), name: String::new(), id: last.id });
    (nodes.iter().map(|node| node.id).collect(), next)
}

async fn walk(scene: &Scene, selection: &Selection, size: u32) -> Vec<NodeId> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let (ids, next) = page(scene, selection, after, size).await;
        assert!(ids.len() <= size as usize);
        if ids.is_empty() {
            return seen;
        }
        seen.extend(ids);
        after = next;
    }
}

/// Models whose times are equal in groups, and do not follow their ids.
async fn models(scene: &Scene, count: i64) -> Vec<Node> {
    let mut models = Vec::new();
    for number in 0..count {
        let draft = Draft::named(format!("m{number}").parse().unwrap());
        let model = scene.insert(LogicalType::RegisteredModel, None, draft, 100 - number % 3).await.unwrap();
        let increment = move |tx: &mut Tx<'_>| {
            nodes::increment_revision(tx, LogicalType::RegisteredModel, model.id, None, 200 + (number * 7) % 4)
        };
        models.push(scene.store.write(increment).await.unwrap().unwrap());
    }
    models
}

async fn every_order_gives_each_node_once(backend: Backend) {
    let scene = Scene::new(backend);
    let mut models = models(&scene, 23).await;
    scene.named(LogicalType::Experiment, None, "other").await.unwrap();
    for by in ORDERS {
        for descending in [false, true] {
            models.sort_by_key(|node| (value(node, by), node.id));
            if descending {
                models.reverse();
            }
            let expected: Vec<_> = models.iter().map(|node| node.id).collect();
            let order = Order { by, descending };
            let selection = Selection { order, ..Selection::of(LogicalType::RegisteredModel) };
            assert_eq!(list(&scene, &selection).await, expected, "{order:?}");
            for size in [1, 2, 7, 23, 24] {
                assert_eq!(walk(&scene, &selection, size).await, expected, "{order:?} by {size}");
            }
        }
    }
}

async fn what_comes_while_a_list_is_followed_moves_nothing_else(backend: Backend) {
    let scene = Scene::new(backend);
    let models = models(&scene, 12).await;
    for by in ORDERS {
        for descending in [false, true] {
            let order = Order { by, descending };
            let selection = Selection { order, ..Selection::of(LogicalType::RegisteredModel) };
            let (mut seen, mut newcomers) = (Vec::new(), Vec::new());
            let (mut ids, mut next) = page(&scene, &selection, None, 5).await;
            while !ids.is_empty() {
                seen.append(&mut ids);
                if newcomers.len() < 4 {
                    newcomers.push(scene.model(&Uuid::new_v4().to_string()).await.id);
                }
                (ids, next) = page(&scene, &selection, next, 5).await;
            }
            for model in &models {
                assert_eq!(seen.iter().filter(|id| **id == model.id).count(), 1, "{order:?}");
            }
            let remove = move |tx: &mut Tx<'_>| newcomers.iter().try_for_each(|id| nodes::delete(tx, *id).map(drop));
            scene.store.write(remove).await.unwrap();
        }
    }
}

async fn a_selection_holds_types_homes_and_members(backend: Backend) {
    let scene = Scene::new(backend);
    let (model, other) = (scene.model("m").await, scene.model("o").await);
    let (first, second) = (scene.version(&model, "1").await, scene.version(&other, "2").await);
    let own = scene.artifact(&first, "own").await;
    let shared = scene.artifact(&second, "shared").await;
    let metric = scene.named(LogicalType::Metric, Some(first.id), "metric").await.unwrap();
    let (context, node) = (first.id, shared.id);
    assert!(scene.store.write(move |tx| members::insert(tx, context, node)).await.unwrap());
    let artifacts = Selection::of(LogicalType::ModelArtifact);
    assert_eq!(list(&scene, &artifacts).await, [own.id, shared.id]);
    assert_eq!(list(&scene, &Selection { home: Some(first.id), ..artifacts.clone() }).await, [own.id]);
    let members = Selection { member_of: Some(first.id), ..artifacts.clone() };
    assert_eq!(list(&scene, &members).await, [own.id, shared.id]);
    assert_eq!(walk(&scene, &members, 1).await, [own.id, shared.id]);
    let types = vec![LogicalType::ModelArtifact.id(), LogicalType::Metric.id()];
    assert_eq!(list(&scene, &Selection { types, ..members }).await, [own.id, shared.id, metric.id]);
    assert_eq!(list(&scene, &Selection { types: Vec::new(), ..artifacts.clone() }).await, []);
    assert_eq!(list(&scene, &Selection { home: Some(NodeId(999)), ..artifacts }).await, []);
}

async fn a_name_is_what_people_see(backend: Backend) {
    let scene = Scene::new(backend);
    let model = scene.model("m").await;
    let version = scene.version(&model, "1").await;
    let prefixed = |text: &str| format!("{}:{text}", Uuid::new_v4());
    let data = LogicalType::DataSet;
    let first = scene.named(data, Some(version.id), &prefixed("set")).await.unwrap();
    let second = scene.named(data, None, &prefixed("set")).await.unwrap();
    let plain = scene.named(data, None, "set").await.unwrap();
    scene.named(data, None, &prefixed("Set")).await.unwrap();
    scene.named(data, None, &prefixed("other:set")).await.unwrap();
    let named = |logical, text: &str| Selection { name: Some(text.parse().unwrap()), ..Selection::of(logical) };
    assert_eq!(list(&scene, &named(data, "set")).await, [first.id, second.id, plain.id]);
    let standalone = scene.named(LogicalType::ModelArtifact, None, &prefixed("a:b")).await.unwrap();
    let owned = scene.named(LogicalType::ModelArtifact, Some(version.id), &prefixed("a:b")).await.unwrap();
    assert_eq!(list(&scene, &named(LogicalType::ModelArtifact, "a:b")).await, [standalone.id]);
    assert_eq!(list(&scene, &named(LogicalType::ModelArtifact, owned.name.as_ref().unwrap())).await, [owned.id]);
    for found in [first, second, plain, standalone, owned] {
        let text = found.display_name().unwrap();
        let selection = named(found.logical_type().unwrap(), text);
        assert!(list(&scene, &selection).await.contains(&found.id), "{text}");
    }
    let model = scene.model(&prefixed("model")).await;
    assert_eq!(list(&scene, &named(LogicalType::RegisteredModel, "model")).await, []);
    assert_eq!(list(&scene, &named(LogicalType::RegisteredModel, model.name.as_ref().unwrap())).await, [model.id]);
}

async fn a_name_is_no_pattern(backend: Backend) {
    let scene = Scene::new(backend);
    for text in ["abc", "ABC", "a_c", "a%"] {
        scene.model(text).await;
    }
    for (text, found) in [("abc", 1), ("Abc", 0), ("a_c", 1), ("a%", 1), ("%", 0), ("a\\_c", 0)] {
        let selection = Selection { name: Some(text.parse().unwrap()), ..Selection::of(LogicalType::RegisteredModel) };
        assert_eq!(list(&scene, &selection).await.len(), found, "{text}");
    }
}

async fn properties_come_along(backend: Backend) {
    let scene = Scene::new(backend);
    let mut inserted = Vec::new();
    for number in 0..30_i64 {
        let mut draft = Draft::named(format!("m{number}").parse().unwrap()).with("owner", Some(&*format!("o{number}")));
        draft.custom = (0..number % 4).map(|at| (format!("c{at}"), modelport::domain::Value::Int(number))).collect();
        inserted.push(scene.insert(LogicalType::RegisteredModel, None, draft, 1).await.unwrap());
    }
    let selection = Selection::of(LogicalType::RegisteredModel);
    assert_eq!(scene.store.read(move |tx| nodes::list(tx, &selection, None, 100)).await.unwrap(), inserted);
}
