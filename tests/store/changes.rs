//! The record of changes, and the places in its feed.

use modelport::domain::access::{Place, WorkspaceId};
use modelport::domain::change::ChangesFrom;
use modelport::domain::{Action, Actor, NodeId};
use modelport::store::Tx;
use modelport::store::changes::{self, NewChange};
use serde_json::json;

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    a_change_reads_back,
    a_nodes_changes_come_in_either_order,
    the_feed_holds_what_has_a_place,
    places_follow_each_other_without_gaps,
    many_that_place_at_once_place_each_change_once,
    a_large_batch_is_recorded_whole,
}

const PLACE: Place = Place { workspace: WorkspaceId(3), root: NodeId(6) };

fn change(node: i64, revision: i64) -> NewChange {
    let (node_id, document) = (NodeId(node), json!({ "revision": revision }));
    NewChange { action: Action::Update, node_id, place: Place::default(), revision, document }
}

impl Scene {
    async fn append(&self, new: Vec<NewChange>) {
        let append = move |tx: &mut Tx<'_>| changes::append(tx, &Actor::system(), 1, &new);
        self.store.write(append).await.unwrap();
    }

    async fn place(&self, limit: i64) {
        self.store.write(move |tx| changes::assign_positions(tx, limit)).await.unwrap();
    }

    async fn feed(&self, after: i64, limit: u32) -> Vec<(i64, i64)> {
        let feed = self.store.read(move |tx| changes::feed(tx, after, limit)).await.unwrap();
        feed.changes.into_iter().map(|change| (change.position.unwrap(), change.revision)).collect()
    }
}

async fn a_change_reads_back(backend: Backend) {
    let scene = Scene::new(backend);
    let document = json!({"text": "ünï\0🚀", "numbers": [1, 0.1, i64::MIN], "nothing": null});
    let new = NewChange {
        action: Action::PutFile,
        node_id: NodeId(7),
        place: PLACE,
        revision: 3,
        document: document.clone(),
    };
    let append =
        move |tx: &mut Tx<'_>| changes::append(tx, &Actor::anonymous("request"), 5, std::slice::from_ref(&new));
    scene.store.write(append).await.unwrap();
    scene.append(vec![change(7, 4)]).await;
    let found = scene.store.read(|tx| changes::of_node(tx, NodeId(7), ChangesFrom::After(0), 10)).await.unwrap();
    let [first, second] = &found[..] else { panic!("{found:?}") };
    assert_eq!((first.at, first.actor.as_str(), first.action.as_str()), (5, "anonymous", "file.put"));
    assert_eq!((first.request_id.as_deref(), first.revision, first.position), (Some("request"), 3, None));
    assert_eq!((&first.document, first.node_id), (&document, NodeId(7)));
    assert_eq!((first.place, second.place), (PLACE, Place::default()));
    assert_eq!((second.actor.as_str(), second.request_id.as_deref()), ("system", None));
}

async fn a_nodes_changes_come_in_either_order(backend: Backend) {
    let scene = Scene::new(backend);
    for revision in 1..=5 {
        scene.append(vec![change(1, revision), change(2, revision)]).await;
    }
    let of = |which, limit| scene.store.read(move |tx| changes::of_node(tx, NodeId(2), which, limit));
    let all = of(ChangesFrom::After(0), 10).await.unwrap();
    assert_eq!(all.iter().map(|change| change.revision).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(of(ChangesFrom::After(0), 2).await.unwrap(), all[..2]);
    assert_eq!(of(ChangesFrom::After(all[1].id), 10).await.unwrap(), all[2..]);
    assert!(of(ChangesFrom::After(all[4].id), 10).await.unwrap().is_empty());
    let newest: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(of(ChangesFrom::Before(None), 10).await.unwrap(), newest);
    assert_eq!(of(ChangesFrom::Before(Some(all[2].id)), 1).await.unwrap(), newest[3..4]);
    assert!(of(ChangesFrom::Before(Some(all[0].id)), 10).await.unwrap().is_empty());
}

async fn the_feed_holds_what_has_a_place(backend: Backend) {
    let scene = Scene::new(backend);
    let last = || scene.store.read(changes::last_position);
    assert_eq!(last().await.unwrap(), Some(0));
    scene.append(vec![change(1, 1), change(1, 2)]).await;
    assert_eq!(last().await.unwrap(), None);
    assert_eq!(scene.feed(0, 10).await, []);
    scene.place(1).await;
    assert_eq!(scene.feed(0, 10).await, [(1, 1)]);
    assert_eq!(last().await.unwrap(), None);
    scene.place(10).await;
    scene.place(10).await;
    assert_eq!(scene.feed(0, 10).await, [(1, 1), (2, 2)]);
    assert_eq!(scene.feed(1, 10).await, [(2, 2)]);
    assert_eq!(scene.feed(0, 1).await, [(1, 1)]);
    assert_eq!(last().await.unwrap(), Some(2));
}

async fn places_follow_each_other_without_gaps(backend: Backend) {
    let scene = Scene::new(backend);
    for round in 0..5 {
        // A transaction that fails takes ids, and leaves no gap in the feed.
        let fail = move |tx: &mut Tx<'_>| {
            changes::append(tx, &Actor::system(), 1, &[change(1, 99)])?;
            Err::<(), _>(modelport::domain::Error::internal("no"))
        };
        scene.store.write(fail).await.unwrap_err();
        scene.append(vec![change(1, round * 2), change(1, round * 2 + 1)]).await;
        scene.place(100).await;
    }
    assert_eq!(scene.feed(0, 100).await, (0..10).map(|number| (number + 1, number)).collect::<Vec<_>>());
}

async fn many_that_place_at_once_place_each_change_once(backend: Backend) {
    let scene = Scene::new(backend);
    let work = (0..16).map(|number| {
        let scene = &scene;
        async move {
            for revision in 1..=5 {
                scene.append(vec![change(number, revision)]).await;
                scene.place(3).await;
            }
        }
    });
    futures_util::future::join_all(work).await;
    scene.place(1000).await;
    let feed = scene.store.read(|tx| changes::feed(tx, 0, 1000)).await.unwrap().changes;
    let positions: Vec<_> = feed.iter().map(|change| change.position.unwrap()).collect();
    assert_eq!(positions, (1..=80).collect::<Vec<_>>());
    for node in 0..16 {
        let of_node = feed.iter().filter(|change| change.node_id == NodeId(node));
        assert_eq!(of_node.map(|change| change.revision).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }
}

async fn a_large_batch_is_recorded_whole(backend: Backend) {
    let scene = Scene::new(backend);
    scene.append((1..=3500).map(|number| change(number, 1)).collect()).await;
    scene.append(Vec::new()).await;
    scene.place(10_000).await;
    assert_eq!(scene.count("changes"), 3500);
    let feed = scene.store.read(|tx| changes::feed(tx, 0, 10_000)).await.unwrap().changes;
    assert!(feed.iter().zip(1..).all(|(change, number)| change.node_id == NodeId(number)));
}
