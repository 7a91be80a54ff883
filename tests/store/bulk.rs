//! Many rows put at once: each gets the id that is said of it, whatever else draws ids at the same time.

use std::collections::{BTreeMap, BTreeSet};

use modelport::domain::access::Place;
use modelport::domain::graph::Type;
use modelport::domain::{Node, NodeId, NodeKind, Properties, Result, Value, ValueKind};
use modelport::store::Tx;
use modelport::store::graph::{nodes as many, types};
use modelport::store::nodes;

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    each_node_is_known_by_its_id,
    each_type_is_known_by_its_id,
    ids_are_never_given_twice,
}

fn new_type(name: &str, property: &str) -> Type {
    Type {
        id: 0,
        kind: NodeKind::Artifact,
        name: name.to_owned(),
        version: String::new(),
        description: None,
        external_id: None,
        base_type: None,
        input_type: None,
        output_type: None,
        properties: BTreeMap::from([(property.to_owned(), ValueKind::Int)]),
    }
}

fn new_node(type_id: i64, number: i64) -> Node {
    Node {
        id: NodeId(0),
        type_id,
        home_id: None,
        place: Place::default(),
        // Some look just like others.
        name: (number % 3 > 0).then(|| format!("n{number}")),
        external_id: (number % 5 == 0).then(|| format!("x{number}")),
        uri: None,
        state: None,
        created_at: 1,
        updated_at: 1,
        revision: 1,
        properties: Properties::new(),
        custom: Properties::from([("number".to_owned(), Value::Int(number))]),
    }
}

async fn put(scene: &Scene, type_id: i64, numbers: std::ops::Range<i64>) -> Vec<Node> {
    let put = move |tx: &mut Tx<'_>| -> Result<Vec<Node>> {
        let mut new: Vec<Node> = numbers.clone().map(|number| new_node(type_id, number)).collect();
        many::insert_all(tx, NodeKind::Artifact, &mut new)?;
        Ok(new)
    };
    scene.store.write(put).await.unwrap()
}

async fn a_type(scene: &Scene) -> i64 {
    scene.store.write(|tx| Ok(types::insert(tx, &[&new_type("t", "p")])?[0])).await.unwrap()
}

async fn each_node_is_known_by_its_id(backend: Backend) {
    let scene = Scene::new(backend);
    let type_id = a_type(&scene).await;
    let batches: Vec<_> = (0..4).map(|batch| put(&scene, type_id, batch * 2_500..(batch + 1) * 2_500)).collect();
    let all: Vec<Node> = futures_util::future::join_all(batches).await.concat();
    let ids: BTreeSet<NodeId> = all.iter().map(|node| node.id).collect();
    assert_eq!(ids.len(), 10_000);
    let asked: Vec<NodeId> = ids.into_iter().collect();
    let found = scene.store.read(move |tx| nodes::find_all(tx, &asked)).await.unwrap();
    let found: BTreeMap<NodeId, Node> = found.into_iter().map(|node| (node.id, node)).collect();
    for node in all {
        assert_eq!(found.get(&node.id), Some(&node));
    }
}

async fn each_type_is_known_by_its_id(backend: Backend) {
    let scene = Scene::new(backend);
    let new: Vec<Type> = (0..60).rev().map(|number| new_type(&format!("t{number}"), &format!("p{number}"))).collect();
    let put = new.clone();
    let ids = scene.store.write(move |tx| types::insert(tx, &put.iter().collect::<Vec<_>>())).await.unwrap();
    assert!(ids.is_sorted() && ids[0] > 100, "{ids:?}");
    let asked = ids.clone();
    let found = scene.store.read(move |tx| types::load(tx, types::Which::Ids(&asked))).await.unwrap();
    for (id, each) in ids.iter().zip(new) {
        assert_eq!(found[id], Type { id: *id, ..each });
    }
}

async fn ids_are_never_given_twice(backend: Backend) {
    let scene = Scene::new(backend);
    let type_id = a_type(&scene).await;
    let first = put(&scene, type_id, 0..3).await;
    let last = first[2].id;
    scene.store.write(move |tx| nodes::delete(tx, last)).await.unwrap();
    let second = put(&scene, type_id, 10..12).await;
    assert!(second.iter().all(|node| node.id > last), "{last:?} {second:?}");
    let third = scene.model("m").await.id;
    assert!(third > second[1].id);
    assert!(put(&scene, type_id, 20..21).await[0].id > third);
}
