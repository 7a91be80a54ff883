//! What a model was trained on, as clients of ML Metadata say it, in every order.

use std::collections::BTreeSet;

use modelport::api::mlmd::pb;
use modelport::domain::access::Access;
use modelport::domain::lineage::{Depth, Direction};
use modelport::domain::{Actor, LogicalType, NodeId};

use super::{Door, artifact, int};
use crate::support::{Backend, on_both};

on_both! {
    every_order_of_calls_leads_from_the_data_to_the_service,
    types_of_users_say_what_they_are_by_what_they_extend,
    an_execution_that_wrote_a_versions_own_artifact_made_it,
}

impl Door {
    pub(super) async fn context(&self, logical: LogicalType, name: &str, properties: &[(&str, i64)]) -> i64 {
        let properties = properties.iter().map(|(name, id)| ((*name).to_owned(), int(*id))).collect();
        let context =
            pb::Context { type_id: Some(logical.id()), name: Some(name.to_owned()), properties, ..Default::default() };
        let request = pb::PutContextsRequest { contexts: vec![context], ..Default::default() };
        self.call::<pb::PutContextsResponse>("PutContexts", request).await.unwrap().context_ids[0]
    }

    async fn own(&self, logical: LogicalType, name: &str) -> i64 {
        self.put(vec![artifact(logical.id(), name)]).await.unwrap()[0]
    }

    pub(super) async fn attribute(&self, context: i64, artifact: i64) {
        let attribution =
            pb::Attribution { artifact_id: Some(artifact), context_id: Some(context), ..Default::default() };
        let request =
            pb::PutAttributionsAndAssociationsRequest { attributions: vec![attribution], ..Default::default() };
        let _: pb::PutAttributionsAndAssociationsResponse =
            self.call("PutAttributionsAndAssociations", request).await.unwrap();
    }

    async fn reached(&self, node: i64, direction: Direction) -> BTreeSet<i64> {
        let depth = Depth::new(Depth::MAX).unwrap();
        let graph = self
            .registry
            .graph
            .lineage(
                &self.registry.context(Actor::anonymous("test"), Access::unrestricted()),
                NodeId(node),
                direction,
                depth,
            )
            .await
            .unwrap();
        graph.nodes.iter().map(|found| found.id.0).collect()
    }
}

/// A model's version, a run, and what is to be served.
struct Scene {
    model: i64,
    version: i64,
    run: i64,
    environment: i64,
}

async fn scene(door: &Door, name: &str) -> Scene {
    let model = door.context(LogicalType::RegisteredModel, name, &[]).await;
    let experiment = door.context(LogicalType::Experiment, name, &[]).await;
    Scene {
        model,
        version: door.context(LogicalType::ModelVersion, &format!("{model}:1"), &[]).await,
        run: door.context(LogicalType::ExperimentRun, &format!("{experiment}:run"), &[]).await,
        environment: door.context(LogicalType::ServingEnvironment, name, &[]).await,
    }
}

impl Scene {
    async fn serve(&self, door: &Door) -> i64 {
        let of = [("registered_model_id", self.model), ("model_version_id", self.version)];
        door.context(LogicalType::InferenceService, &format!("{}:service", self.environment), &of).await
    }
}

async fn every_order_of_calls_leads_from_the_data_to_the_service(backend: Backend) {
    let door = Door::new(backend).await;
    for order in 0..24 {
        // The digits of the order in the factorial number system say which of those that are left comes next.
        let (mut left, mut rest) = (vec![0, 1, 2, 3], order);
        let scene = scene(&door, &format!("m{order}")).await;
        let data = door.own(LogicalType::DataSet, "data").await;
        let weights = door.own(LogicalType::ModelArtifact, &format!("{}:weights", scene.version)).await;
        let bare = door.own(LogicalType::ModelArtifact, "bare").await;
        let mut service = 0;
        for radix in (1..=4).rev() {
            let call = left.remove(rest % radix);
            rest /= radix;
            match call {
                0 => door.attribute(scene.run, data).await,
                1 => door.attribute(scene.run, weights).await,
                2 => {
                    door.attribute(scene.run, bare).await;
                    door.attribute(scene.version, bare).await;
                }
                _ => service = scene.serve(&door).await,
            }
        }
        let down = door.reached(data, Direction::Downstream).await;
        assert!(down.is_superset(&BTreeSet::from([scene.run, weights, bare, scene.version, service])), "{down:?}");
        let up = door.reached(service, Direction::Upstream).await;
        assert!(up.is_superset(&BTreeSet::from([data, scene.run, weights, bare])), "{up:?}");
    }
}

async fn types_of_users_say_what_they_are_by_what_they_extend(backend: Backend) {
    let door = Door::new(backend).await;
    let scene = scene(&door, "m").await;
    let of = async |name: &str, base: Option<i32>| {
        let artifact_type = pb::ArtifactType { name: Some(name.to_owned()), base_type: base, ..Default::default() };
        let request = pb::PutArtifactTypeRequest { artifact_type: Some(artifact_type), ..Default::default() };
        let id = door.call::<pb::PutArtifactTypeResponse>("PutArtifactType", request).await.unwrap().type_id();
        let id = door.put(vec![artifact(id, name)]).await.unwrap()[0];
        door.attribute(scene.run, id).await;
        id
    };
    let (read, unknown) = (of("Rows", Some(1)).await, of("Thing", None).await);
    let made = [of("Net", Some(2)).await, of("Scores", Some(3)).await, of("Schema", Some(4)).await];
    door.attribute(scene.version, made[0]).await;
    let service = scene.serve(&door).await;
    let up = door.reached(service, Direction::Upstream).await;
    assert!(up.is_superset(&BTreeSet::from([made[0], scene.run, read, unknown])), "{up:?}");
    for data in [read, unknown] {
        let down = door.reached(data, Direction::Downstream).await;
        assert!(down.contains(&service) && made.iter().all(|each| down.contains(each)), "{down:?}");
    }
    let up = door.reached(scene.run, Direction::Upstream).await;
    assert!(made.iter().all(|each| !up.contains(each)), "{up:?}");
}

async fn an_execution_that_wrote_a_versions_own_artifact_made_it(backend: Backend) {
    let door = Door::new(backend).await;
    let step = door.execution_type("Step").await;
    for first in [true, false] {
        let scene = scene(&door, &format!("m{first}")).await;
        let data = door.own(LogicalType::DataSet, "data").await;
        let weights = door.own(LogicalType::ModelArtifact, &format!("{}:weights", scene.version)).await;
        let mut service = if first { scene.serve(&door).await } else { 0 };
        let pair = |artifact: i64, kind: i32| pb::put_execution_request::ArtifactAndEvent {
            event: Some(pb::Event { artifact_id: Some(artifact), r#type: Some(kind), ..Default::default() }),
            ..Default::default()
        };
        let request = pb::PutExecutionRequest {
            execution: Some(pb::Execution { type_id: Some(step), ..Default::default() }),
            artifact_event_pairs: vec![pair(data, 3), pair(weights, 4)],
            ..Default::default()
        };
        let put: pb::PutExecutionResponse = door.call("PutExecution", request).await.unwrap();
        if !first {
            service = scene.serve(&door).await;
        }
        let down = door.reached(data, Direction::Downstream).await;
        assert!(down.is_superset(&BTreeSet::from([put.execution_id(), weights, scene.version, service])), "{down:?}");
        let up = door.reached(scene.version, Direction::Upstream).await;
        assert!(up.is_superset(&BTreeSet::from([put.execution_id(), weights, data])), "{up:?}");
    }
}
