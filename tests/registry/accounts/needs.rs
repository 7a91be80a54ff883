//! What each change needs: it is refused to whoever lacks one of its permissions, and done by whoever has no others.

use std::sync::Arc;

use modelport::domain::access::{Access, Permission, Permissions, Rights, Role, TokenLimits};
use modelport::domain::graph::TypeRules;
use modelport::domain::{
    Actor, ApprovalState, Change, Draft, ErrorKind, LogicalType, Name, NodeId, NodeKind, Patch, Properties, Result,
    Stage, Value, ValueKind,
};
use modelport::registry::RequestContext;
use modelport::registry::approvals::NewStep;
use modelport::registry::conditions::Conditions;
use modelport::registry::entities::Expected;
use modelport::registry::metrics::NamedPoint;
use modelport::registry::numbered::{ModelSpelling, NewVersion, VersionSource};
use modelport::registry::policy::ModelPolicy;
use modelport::registry::removal::Removal;
use modelport::registry::target::{Precondition, Target};
use modelport::registry::upload::PutFile;

use super::{Scene, kind, workspace};
use crate::registry::graph::type_draft;
use crate::registry::{body, file};
use crate::support::{Backend, on_both};

on_both! {
    each_change_of_a_model_needs_its_permissions,
    who_makes_a_model_removes_it,
    each_change_of_a_deployment_is_a_promotion,
    points_are_measured_by_writers,
    types_are_made_by_who_makes_models,
    quarantined_files_are_for_managers,
}

use Permission::{Create, Delete, Download, Manage, Promote, See, Write};

impl Scene {
    /// Somebody who has these permissions everywhere.
    fn having(&self, permissions: Permissions) -> RequestContext {
        let limits = TokenLimits { permissions, workspaces: None, roots: None };
        let rights = Rights { limits: Some(limits), ..Rights::all() };
        let access = Access::new(None, Arc::new(rights), Access::unrestricted().workspace());
        self.registry.context(Actor::anonymous("request"), access)
    }

    /// Checks that something is refused without each of these permissions, and done with no others.
    pub(super) async fn needs<T: std::fmt::Debug>(
        &self,
        needed: &[Permission],
        what: &str,
        does: impl AsyncFn(RequestContext) -> Result<T>,
    ) -> T {
        for missing in needed {
            let left = Permission::ALL.into_iter().filter(|permission| permission != missing).collect();
            assert_eq!(kind(does(self.having(left)).await), ErrorKind::PermissionDenied, "{what} without `{missing}`");
        }
        let exactly = needed.iter().copied().chain([See]).collect();
        does(self.having(exactly)).await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    async fn makes(&self, needed: &[Permission], logical: LogicalType, home: Option<NodeId>, draft: Draft) -> NodeId {
        let entities = &self.registry.entities;
        let what = format!("making a {logical:?}");
        self.needs(needed, &what, async |who| entities.create(&who, logical, home, draft.clone()).await).await.id
    }

    async fn changes(&self, needed: &[Permission], logical: LogicalType, id: NodeId, property: &str, value: &str) {
        let patch = Patch { properties: [(property.to_owned(), Change::Set(value.into()))].into(), ..Patch::default() };
        let entities = &self.registry.entities;
        let what = format!("changing `{property}` of a {logical:?}");
        self.needs(needed, &what, async |who| entities.update(&who, logical, id, patch.clone()).await).await;
    }

    async fn removes(&self, logical: LogicalType, id: NodeId) {
        let entities = &self.registry.entities;
        let what = format!("removing a {logical:?}");
        self.needs(&[Delete], &what, async |who| entities.delete(&who, logical, id, Removal::RECURSIVE).await).await;
    }
}

fn named(name: &str) -> Draft {
    Draft::named(name.parse().unwrap())
}

async fn each_change_of_a_model_needs_its_permissions(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (models, files) = (&scene.registry.models, &scene.registry.files);
    let model = scene.makes(&[Create], LogicalType::RegisteredModel, None, named("m")).await;
    let version = scene.makes(&[Write], LogicalType::ModelVersion, Some(model), named("1")).await;
    let artifact = scene.makes(&[Write], LogicalType::ModelArtifact, Some(version), named("a")).await;
    scene.changes(&[Write], LogicalType::RegisteredModel, model, "description", "new").await;
    // It raises the revision, whatever it says.
    scene.changes(&[Write], LogicalType::RegisteredModel, model, "description", "new").await;
    scene.changes(&[Write, Promote], LogicalType::RegisteredModel, model, "state", "ARCHIVED").await;
    scene.changes(&[Write, Promote], LogicalType::ModelVersion, version, "state", "ARCHIVED").await;
    scene.changes(&[Write, Promote], LogicalType::ModelVersion, version, "stage", "Staging").await;
    let model_named = ModelSpelling::from("m".parse::<Name>().unwrap());
    let move_it = async |who| models.move_to_stage(&who, &model_named, 1, Stage::Production, true).await;
    scene.needs(&[Write, Promote], "moving a version to a stage", move_it).await;
    let (name, alias, first) = ("m".parse().unwrap(), "best".parse().unwrap(), "1".parse().unwrap());
    let set = async |who| models.set_alias(&who, &name, &alias, &first, Conditions::default()).await;
    scene.needs(&[Promote], "setting an alias", set).await;
    let delete = async |who| models.delete_alias(&who, &name, &alias, Conditions::default()).await;
    scene.needs(&[Promote], "deleting an alias", delete).await;
    let step = async |who: RequestContext, state: ApprovalState| {
        let step = NewStep { state, note: None, conditions: Conditions::default() };
        models.set_approval(&who, &name, &first, step).await
    };
    scene.needs(&[Write], "asking for a review", async |who| step(who, ApprovalState::InReview).await).await;
    scene.needs(&[Promote], "rejecting a version", async |who| step(who, ApprovalState::Rejected).await).await;
    scene.needs(&[Promote], "approving a version", async |who| step(who, ApprovalState::Approved).await).await;
    scene.needs(&[Promote], "taking an approval back", async |who| step(who, ApprovalState::Draft).await).await;
    let put = PutFile { target: Target::Artifact(artifact), ..file("m", "1", "f") };
    scene.needs(&[Write], "putting a file", async |who| files.put_file(&who, put.clone(), body("x")).await).await;
    let (target, path) = (Target::Artifact(artifact), "f".parse().unwrap());
    let read = async |who| files.get_served_file(&who, &target, &path, false).await.map(drop);
    scene.needs(&[Download], "reading a file", read).await;
    let copy = NewVersion {
        model: model_named.clone(),
        source: VersionSource::Artifact(artifact, None),
        source_text: "elsewhere".to_owned(),
        run: None,
        must_be_of_run: false,
        logged_model: None,
        run_link: None,
        description: None,
        custom: Properties::new(),
    };
    let make = async |who| models.create_version(&who, copy.clone()).await;
    scene.needs(&[Write, Download], "making a version of files", make).await;
    let delete = async |who| files.delete_file(&who, &target, &path, Precondition::None).await;
    scene.needs(&[Delete], "deleting a file", delete).await;
    let policy = ModelPolicy { max_file_bytes: Some(9), ..ModelPolicy::default() };
    let inspections = &scene.registry.inspections;
    let set =
        async |who| inspections.set_model_policy(&who, &name, policy.clone(), Conditions::default()).await.map(drop);
    scene.needs(&[Write, Manage], "setting a policy", set).await;
    scene.removes(LogicalType::ModelVersion, version).await;
    scene.removes(LogicalType::RegisteredModel, model).await;
}

async fn who_makes_a_model_removes_it(backend: Backend) {
    let scene = Scene::new(backend).await;
    let alice = scene.with_role("alice", Role::Contributor, workspace("default")).await;
    let bob = scene.with_role("bob", Role::Contributor, workspace("default")).await;
    let entities = &scene.registry.entities;
    let model = entities.create(&alice, LogicalType::RegisteredModel, None, named("m")).await.unwrap().id;
    let empty = entities.create(&alice, LogicalType::RegisteredModel, None, named("empty")).await.unwrap().id;
    entities.create(&alice, LogicalType::ModelVersion, Some(model), named("1")).await.unwrap();
    for model in [model, empty] {
        let remove = async |who| entities.delete(who, LogicalType::RegisteredModel, model, Removal::RECURSIVE).await;
        assert_eq!(kind(remove(&bob).await), ErrorKind::PermissionDenied);
        remove(&alice).await.unwrap();
    }
}

async fn each_change_of_a_deployment_is_a_promotion(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let environment = scene.makes(&[Create], LogicalType::ServingEnvironment, None, named("env")).await;
    let service = named("s").with("registered_model_id", Some(Value::Int(model.0)));
    let service = scene.makes(&[Promote], LogicalType::InferenceService, Some(environment), service).await;
    scene.changes(&[Promote], LogicalType::InferenceService, service, "description", "new").await;
    scene.changes(&[Promote], LogicalType::ServingEnvironment, environment, "description", "new").await;
    scene.removes(LogicalType::InferenceService, service).await;
}

async fn points_are_measured_by_writers(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.makes(&[Create], LogicalType::Experiment, None, named("x")).await;
    let run = scene.makes(&[Write], LogicalType::ExperimentRun, Some(experiment), named("r")).await;
    let (metrics, entities) = (&scene.registry.metrics, &scene.registry.entities);
    for step in [1, 2] {
        let points = || vec![NamedPoint { name: "loss".parse().unwrap(), value: 1.0, step, at: None }];
        scene.needs(&[Write], "measuring", async |who| metrics.measure(&who, run, points()).await).await;
    }
    for value in [1.0, 2.0] {
        let metric = named("accuracy").with("value", Some(Value::Double(value)));
        let (logical, home) = (LogicalType::Metric, (LogicalType::ExperimentRun, run));
        let put = async |who| entities.upsert_artifact(&who, logical, home, metric.clone(), Expected::default()).await;
        scene.needs(&[Write], "putting a metric", put).await;
    }
}

async fn types_are_made_by_who_makes_models(backend: Backend) {
    let scene = Scene::new(backend).await;
    let graph = &scene.registry.graph;
    let rules = TypeRules { can_add_fields: true, can_omit_fields: true, all_fields_match: true };
    let draft = |name, properties| type_draft(NodeKind::Artifact, name, properties);
    for (needed, draft) in [
        (&[Create], draft("Data", &[("one", ValueKind::Int)])),
        (&[Create], draft("Data", &[("one", ValueKind::Int), ("two", ValueKind::Int)])),
        // It is everybody's.
        (&[Manage], draft("mlmd.Model", &[("more", ValueKind::Int)])),
    ] {
        let put = async |who| graph.put_types(&who, vec![draft.clone()], rules).await;
        scene.needs(needed, &draft.name, put).await;
    }
}

async fn quarantined_files_are_for_managers(backend: Backend) {
    let scene = Scene::new(backend).await;
    let files = &scene.registry.files;
    let made = files.put_file(&scene.offline(), file("m", "1", "f"), body("x")).await.unwrap().file;
    scene.database.execute("UPDATE files SET quarantine = 'bad'");
    let (target, path) = (Target::Artifact(made.node_id), "f".parse().unwrap());
    let read = async |who, even_so| files.get_served_file(&who, &target, &path, even_so).await.map(drop);
    assert_eq!(kind(read(scene.offline(), false).await), ErrorKind::Quarantined);
    scene.needs(&[Download, Manage], "reading a quarantined file", async |who| read(who, true).await).await;
}
