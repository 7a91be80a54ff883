//! Versions by name, by alias, and the latest.

use modelport::domain::{ErrorKind, LogicalType, Node, Order, PageSize, Result, VersionRef};
use modelport::registry::conditions::Conditions;
use modelport::registry::listed::versions::VersionListing;
use modelport::registry::listed::{ListRequest, Total};
use modelport::registry::removal::Removal;

use super::{HOUR, Scene};
use crate::support::{Backend, on_both};

on_both! {
    latest_is_the_version_created_last,
    an_alias_is_set_moved_and_removed,
    an_alias_stays_within_its_model,
    a_summary_holds_what_the_version_has,
    versions_are_listed_by_their_models_name,
}

impl Scene {
    async fn resolve(&self, version: &str) -> Result<Node> {
        let version: VersionRef = version.parse().unwrap();
        Ok(self.registry.models.resolve_version(&self.context, &"m".parse().unwrap(), &version).await?.1)
    }

    async fn set_alias(&self, model: &str, alias: &str, version: &str) -> Result<Node> {
        let (model, alias) = (model.parse().unwrap(), alias.parse().unwrap());
        self.registry
            .models
            .set_alias(&self.context, &model, &alias, &version.parse().unwrap(), Conditions::default())
            .await
    }
}

async fn latest_is_the_version_created_last(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let other = scene.model("n").await;
    assert_eq!(scene.resolve("latest").await.unwrap_err().kind(), ErrorKind::NotFound);
    let first = scene.version(&model, "9").await;
    let second = scene.version(&model, "10").await;
    scene.version(&other, "99").await;
    assert_eq!(scene.resolve("latest").await.unwrap(), second);
    scene.pass(HOUR);
    let version = LogicalType::ModelVersion;
    scene.registry.entities.update(&scene.context, version, first.id, Default::default()).await.unwrap();
    assert_eq!(scene.resolve("latest").await.unwrap(), second);
    scene.registry.entities.delete(&scene.context, version, second.id, Removal::default()).await.unwrap();
    assert_eq!(scene.resolve("latest").await.unwrap().id, first.id);
}

async fn an_alias_is_set_moved_and_removed(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let (first, second) = (scene.version(&model, "1").await, scene.version(&model, "2").await);
    for (version, expected) in [("1", &first), ("latest", &second), ("@best", &second), ("1", &first)] {
        assert_eq!(&scene.set_alias("m", "best", version).await.unwrap(), expected);
        assert_eq!(&scene.resolve("@best").await.unwrap(), expected);
    }
    let (name, alias) = ("m".parse().unwrap(), "best".parse().unwrap());
    scene.registry.models.delete_alias(&scene.context, &name, &alias, Conditions::default()).await.unwrap();
    assert_eq!(scene.resolve("@best").await.unwrap_err().kind(), ErrorKind::NotFound);
    let again =
        scene.registry.models.delete_alias(&scene.context, &name, &alias, Conditions::default()).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotFound);
    let history = scene.registry.history.node_history(&scene.context, model.id, 0, PageSize::new(10)).await.unwrap();
    let actions: Vec<_> = history.iter().map(|change| (change.revision, change.action.as_str())).collect();
    let set = "alias.set";
    assert_eq!(actions, [(1, "create"), (2, set), (3, set), (4, set), (5, "alias.delete")]);
    assert_eq!(
        history[2].document["alias"],
        serde_json::json!({"name": "best", "version": "2", "versionId": second.id})
    );
}

async fn an_alias_stays_within_its_model(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (model, other) = (scene.model("m").await, scene.model("n").await);
    scene.version(&model, "1").await;
    scene.version(&other, "2").await;
    for (name, version) in [("m", "2"), ("m", "@none"), ("none", "1")] {
        assert_eq!(scene.set_alias(name, "best", version).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    scene.set_alias("m", "best", "1").await.unwrap();
    scene.set_alias("n", "best", "2").await.unwrap();
    assert_eq!(scene.resolve("@best").await.unwrap().name.as_deref(), Some("1"));
    assert_eq!(scene.count("aliases"), 2);
}

async fn a_summary_holds_what_the_version_has(backend: Backend) {
    let scene = Scene::new(backend).await;
    let put = scene.put(super::file("m", "1", "f"), "bytes").await.unwrap();
    let (version, model) = put.version.unwrap();
    scene.named(LogicalType::DocArtifact, Some(version), "doc").await.unwrap();
    for alias in ["prod", "best"] {
        scene.set_alias("m", alias, "1").await.unwrap();
    }
    let summary = scene
        .registry
        .models
        .version_summary(&scene.context, &"m".parse().unwrap(), &"@prod".parse().unwrap())
        .await
        .unwrap();
    assert_eq!((summary.model.id, summary.version.id), (model, version));
    assert_eq!((summary.aliases, summary.files.files), (vec!["best".to_owned(), "prod".to_owned()], vec![put.file]));
    let names: Vec<_> = summary.artifacts.iter().map(|node| node.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["m", "doc"]);
}

async fn versions_are_listed_by_their_models_name(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (model, other) = (scene.model("m").await, scene.model("n").await);
    let versions = [scene.version(&model, "1").await, scene.version(&model, "2").await];
    scene.version(&other, "1").await;
    let listing = VersionListing {
        filter: None,
        order: Order::default(),
        metrics: Vec::new(),
        request: ListRequest { size: PageSize::new(10), token: None, with_total: true },
    };
    let list = |name: &str| {
        let (name, listing) = (name.parse().unwrap(), listing.clone());
        let (models, context) = (&scene.registry.models, &scene.context);
        async move { models.list_versions_of(context, &name, listing).await }
    };
    let (of, page) = list("m").await.unwrap();
    let shown: Vec<_> = page.items.iter().map(|listed| (listed.version.clone(), listed.number)).collect();
    let [first, second] = versions;
    assert_eq!((of, shown, page.total), (model, vec![(first, Some(1)), (second, Some(2))], Some(Total::Exactly(2))));
    assert_eq!(list("x").await.unwrap_err().kind(), ErrorKind::NotFound);
    let metrics = (0..51).map(|number| format!("m{number}")).collect();
    let many = VersionListing { metrics, ..listing.clone() };
    let refused =
        scene.registry.models.list_versions_of(&scene.context, &"m".parse().unwrap(), many).await.unwrap_err();
    assert_eq!((refused.kind(), refused.field()), (ErrorKind::InvalidArgument, Some("metrics")));
}
