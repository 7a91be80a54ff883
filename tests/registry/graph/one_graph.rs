//! Models, versions and runs are nodes of the same graph, and keep their rules in it.

use modelport::domain::graph::Membership;
use modelport::domain::lineage::{Depth, Direction};
use modelport::domain::{ErrorKind, LogicalType};
use modelport::registry::entities::Find;

use super::*;
use crate::support::{Backend, on_both};

on_both! {
    a_version_is_a_context_named_behind_its_model,
    a_model_that_is_put_here_is_a_registered_model,
    a_metric_that_is_put_here_is_measured,
    one_lineage_holds_both_halves,
}

async fn a_version_is_a_context_named_behind_its_model(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let version = scene.version(&model, "v1").await;
    let shown = format!("{}:v1", model.id);
    let (found, of) = scene
        .registry
        .graph
        .node_by_type_and_name(&scene.context, CONTEXT, "kf.ModelVersion", "", &shown)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.id, found.graph_name(), of.name.as_str()), (version.id, Some(shown), "kf.ModelVersion"));
    let parents = scene.registry.graph.parents_of(&scene.context, vec![version.id.0]).await.unwrap().items;
    assert_eq!(parents[&version.id.0][0].id, model.id);
    let same = NodeWrite {
        id: Some(version.id.0),
        type_name: Some("kf.ModelVersion".into()),
        properties: found.properties.clone(),
        ..new(LogicalType::ModelVersion.id(), &found.graph_name().unwrap())
    };
    scene.put_node(CONTEXT, same.clone()).await.unwrap();
    assert_eq!(
        scene.registry.entities.get(&scene.context, LogicalType::ModelVersion, version.id).await.unwrap(),
        found
    );
    let renamed = NodeWrite { name: Some("other".into()), ..same };
    assert_eq!(scene.put_node(CONTEXT, renamed).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
    let nameless = new(LogicalType::ModelVersion.id(), &format!("{}:", model.id));
    let error = scene.put_node(CONTEXT, nameless).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("name")));
}

async fn a_model_that_is_put_here_is_a_registered_model(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (models, versions) = (LogicalType::RegisteredModel.id(), LogicalType::ModelVersion.id());
    let write = NodeWrite { properties: properties(&[("owner", "me".into())]), ..new(models, "m") };
    let id = scene.put_node(CONTEXT, write).await.unwrap();
    let model = scene
        .registry
        .entities
        .find(&scene.context, LogicalType::RegisteredModel, Find::Name("m".parse().unwrap(), None))
        .await
        .unwrap();
    assert_eq!((model.id, model.text("owner")), (id, Some("me")));
    let version = scene.put_node(CONTEXT, new(versions, &format!("{id}:v1"))).await.unwrap();
    let found = scene.registry.entities.get(&scene.context, LogicalType::ModelVersion, version).await.unwrap();
    assert_eq!((found.home_id, found.display_name()), (Some(id), Some("v1")));
    for homeless in ["v1", "99999:v1", ""] {
        let error = scene.put_node(CONTEXT, new(versions, homeless)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{homeless}");
    }
    let error = scene.put_node(CONTEXT, new(versions, &format!("{id}:v1"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NameTaken);
    let reused = Publish {
        execution: new(scene.type_of(EXECUTION, "e").await, "e"),
        contexts: vec![new(versions, &format!("{id}:v1")), new(models, "m")],
        options: PublishOptions { reuse_context_if_already_exist: true, ..PublishOptions::default() },
        ..Publish::default()
    };
    assert_eq!(scene.registry.graph.put_execution(&scene.context, reused).await.unwrap().context_ids, [version, id]);
}

async fn a_metric_that_is_put_here_is_measured(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let version = scene.version(&model, "v1").await;
    let metric = LogicalType::Metric.id();
    let name = format!("{}:accuracy", version.id);
    let with = |value: f64| properties(&[("value", Value::Double(value)), ("step", Value::Int(1))]);
    let id = scene.put_node(ARTIFACT, NodeWrite { properties: with(0.5), ..new(metric, &name) }).await.unwrap();
    let write = NodeWrite { id: Some(id.0), properties: with(0.75), ..new(metric, &name) };
    scene.put_masked(ARTIFACT, write, &["properties.value"]).await.unwrap();
    let node = scene.node(ARTIFACT, id).await;
    assert_eq!(node.properties["value"], Value::Double(0.75));
    assert_eq!(scene.count("metric_points"), 2);
    let valueless = scene.put_node(ARTIFACT, new(metric, "x")).await.unwrap_err();
    assert_eq!(valueless.kind(), ErrorKind::InvalidArgument);
}

async fn one_lineage_holds_both_halves(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (a, e) = (scene.type_of(ARTIFACT, "Data").await, scene.type_of(EXECUTION, "Trainer").await);
    let data = scene.put_node(ARTIFACT, new(a, "data")).await.unwrap();
    let trained = scene.step((a, e), "model", Some(data), Vec::new()).await;
    let model = scene.model("m").await;
    let version = scene.version(&model, "v1").await;
    let attribution = Membership { context_id: Some(version.id.0), member_id: Some(trained.artifact_ids[1]) };
    scene.registry.graph.put_memberships(&scene.context, vec![attribution], Vec::new()).await.unwrap();
    let around =
        scene.registry.graph.lineage(&scene.context, version.id, Direction::Both, Depth::DEFAULT).await.unwrap();
    let ids: Vec<_> = around.nodes.iter().map(|node| node.id.0).collect();
    for expected in [data.0, trained.execution_id.0, trained.artifact_ids[1], model.id.0, version.id.0] {
        assert!(ids.contains(&expected), "{expected} is not among {ids:?}");
    }
}
