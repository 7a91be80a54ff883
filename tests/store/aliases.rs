//! Aliases of versions, and memberships of contexts.

use modelport::domain::{Alias, ErrorKind, NodeId};
use modelport::store::{aliases, members, nodes};

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    an_alias_moves,
    aliases_belong_to_their_model,
    aliases_come_in_alphabetical_order,
    an_alias_of_what_is_gone_is_not_found,
    an_alias_goes_with_its_version,
    a_member_is_a_member_once,
    a_membership_of_what_is_gone_is_not_found,
}

fn alias(text: &str) -> Alias {
    text.parse().unwrap()
}

impl Scene {
    async fn set(&self, model: NodeId, text: &str, version: NodeId) -> modelport::domain::Result<()> {
        let alias = alias(text);
        self.store.write(move |tx| aliases::set(tx, model, &alias, version)).await
    }

    async fn aliased(&self, model: NodeId, text: &str) -> Option<NodeId> {
        let alias = alias(text);
        self.store.read(move |tx| aliases::find(tx, model, &alias)).await.unwrap()
    }

    async fn join(&self, context: NodeId, node: NodeId) -> modelport::domain::Result<bool> {
        self.store.write(move |tx| members::insert(tx, context, node)).await
    }
}

async fn an_alias_moves(backend: Backend) {
    let scene = Scene::new(backend);
    let model = scene.model("m").await;
    let (first, second) = (scene.version(&model, "1").await, scene.version(&model, "2").await);
    assert_eq!(scene.aliased(model.id, "best").await, None);
    for version in [&first, &second, &second, &first] {
        scene.set(model.id, "best", version.id).await.unwrap();
        assert_eq!(scene.aliased(model.id, "best").await, Some(version.id));
    }
    assert_eq!(scene.count("aliases"), 1);
    assert!(scene.store.write(move |tx| aliases::delete(tx, model.id, &alias("best"))).await.unwrap());
    assert!(!scene.store.write(move |tx| aliases::delete(tx, model.id, &alias("best"))).await.unwrap());
    assert_eq!(scene.aliased(model.id, "best").await, None);
}

async fn aliases_belong_to_their_model(backend: Backend) {
    let scene = Scene::new(backend);
    let (model, other) = (scene.model("m").await, scene.model("o").await);
    let (first, second) = (scene.version(&model, "1").await, scene.version(&other, "1").await);
    scene.set(model.id, "best", first.id).await.unwrap();
    scene.set(other.id, "best", second.id).await.unwrap();
    assert_eq!(scene.aliased(model.id, "best").await, Some(first.id));
    assert_eq!(scene.aliased(other.id, "best").await, Some(second.id));
    assert_eq!(scene.aliased(other.id, "Best").await, None);
}

async fn aliases_come_in_alphabetical_order(backend: Backend) {
    let scene = Scene::new(backend);
    let model = scene.model("m").await;
    let (first, second) = (scene.version(&model, "1").await, scene.version(&model, "2").await);
    for text in ["b", "a.1", "Z", "a-1", "_"] {
        scene.set(model.id, text, first.id).await.unwrap();
    }
    scene.set(model.id, "other", second.id).await.unwrap();
    let of = scene.store.read(move |tx| aliases::of_version(tx, first.id)).await.unwrap();
    assert_eq!(of, ["Z", "_", "a-1", "a.1", "b"]);
}

async fn an_alias_of_what_is_gone_is_not_found(backend: Backend) {
    let scene = Scene::new(backend);
    let model = scene.model("m").await;
    let version = scene.version(&model, "1").await;
    for (model, version) in [(model.id, NodeId(99)), (NodeId(99), version.id)] {
        assert_eq!(scene.set(model, "best", version).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(scene.count("aliases"), 0);
}

async fn an_alias_goes_with_its_version(backend: Backend) {
    let scene = Scene::new(backend);
    let model = scene.model("m").await;
    let version = scene.version(&model, "1").await;
    scene.set(model.id, "best", version.id).await.unwrap();
    assert!(scene.store.write(move |tx| nodes::delete(tx, version.id)).await.unwrap());
    assert_eq!(scene.aliased(model.id, "best").await, None);
}

async fn a_member_is_a_member_once(backend: Backend) {
    let scene = Scene::new(backend);
    let (context, node) = (scene.model("m").await.id, scene.model("o").await.id);
    assert!(scene.join(context, node).await.unwrap());
    assert!(!scene.join(context, node).await.unwrap());
    assert!(scene.join(node, context).await.unwrap());
    let version = scene.version(&scene.find(context).await.unwrap(), "1").await;
    assert!(!scene.join(context, version.id).await.unwrap());
    assert_eq!(scene.count("members"), 3);
}

async fn a_membership_of_what_is_gone_is_not_found(backend: Backend) {
    let scene = Scene::new(backend);
    let model = scene.model("m").await.id;
    for (context, node) in [(model, NodeId(99)), (NodeId(99), model)] {
        assert_eq!(scene.join(context, node).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(scene.count("members"), 0);
}
