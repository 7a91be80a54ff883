//! Versions that are made of what is stored here: of other versions, of artifacts, of folders.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use modelport::domain::policy::Act;
use modelport::domain::tracking::{LoggedModelId, RunId};
use modelport::domain::{Draft, Error, ErrorKind, File, LogicalType, Node, NodeId, PageSize, Properties, Value};
use modelport::registry::conditions::Conditions;
use modelport::registry::numbered::{NewVersion, VersionPlace, VersionSource, WhichVersion};
use modelport::registry::policy::ModelPolicy;
use modelport::registry::removal::Removal;
use modelport::registry::target::Target;
use modelport::registry::tracking::experiments::ExperimentRef;
use modelport::registry::tracking::logged_models::LoggedModelDraft;
use modelport::registry::tracking::runs::RunDraft;
use modelport::registry::upload::PutFile;

use super::{named, of};
use crate::registry::inspection::sample;
use crate::registry::{Scene, file};
use crate::support::{Backend, on_both};

on_both! {
    a_version_keeps_its_bytes_when_its_source_goes,
    a_version_may_be_made_of_a_folder,
    what_is_quarantined_is_judged_by_the_policy_of_the_model_it_comes_to,
    a_policy_refuses_files_of_a_source,
    a_version_made_of_a_version_is_descended_as_that_is,
    a_version_made_of_a_run_is_one_of_that_run,
    a_logged_model_knows_its_versions,
}

impl Scene {
    async fn files_of(&self, version: &Node) -> Vec<File> {
        let model = self.registry.entities.get(&self.context, LogicalType::RegisteredModel, version.home_id.unwrap());
        let (model, name) = (model.await.unwrap().name.unwrap(), version.name.clone().unwrap());
        let (model, name) = (model.parse().unwrap(), name.parse().unwrap());
        let page =
            self.registry.models.list_version_files(&self.context, &model, &name, PageSize::new(100), None).await;
        page.unwrap().files
    }

    async fn paths_of(&self, version: &Node) -> Vec<String> {
        self.files_of(version).await.iter().map(|file| file.path.to_string()).collect()
    }

    /// A run with two files, and its experiment.
    async fn logging_run(&self) -> (RunId, NodeId) {
        let draft = Draft::named("e".parse().unwrap());
        let experiment = self.registry.tracking.create_experiment(&self.context, draft).await.unwrap().id;
        let id = RunId::from_bits(0xabc << 64);
        let draft = RunDraft {
            experiment: ExperimentRef::Id(experiment),
            id: id.clone(),
            name: "run".parse().unwrap(),
            start: None,
            properties: Properties::new(),
            custom: Properties::new(),
        };
        let run = self.registry.tracking.create_run(&self.context, draft).await.unwrap();
        for path in ["model/MLmodel", "plot.png"] {
            let put = PutFile { target: Target::Run(run.node.id), ..file("m", "1", path) };
            self.put(put, "of the run").await.unwrap();
        }
        (id, experiment)
    }

    async fn bring_pickle(&self, model: &str) -> NodeId {
        let body = stream::iter([Ok::<Bytes, Error>(sample("evasions/os.pkl"))]).boxed();
        let put = self.registry.files.put_file(&self.context, file(model, "1", "model.pkl"), body).await.unwrap();
        assert!(put.file.quarantine.is_some());
        put.file.node_id
    }
}

async fn a_version_keeps_its_bytes_when_its_source_goes(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.model("m").await;
    for path in ["MLmodel", "data/model.bin"] {
        scene.put(file("source", "1", path), "the bytes").await.unwrap();
    }
    let made = scene.made_of("m", VersionSource::Version(named("source"), WhichVersion::Number(1))).await.unwrap();
    scene.holds(4, 1, 1).await;
    assert_eq!(scene.paths_of(&made.version).await, ["MLmodel", "data/model.bin"]);
    let place = scene.registry.models.place_of_version(&scene.context, &named("m"), 1).await.unwrap();
    assert_eq!(place, VersionPlace::Stored(made.version.id));
    scene.registry.models.delete_model(&scene.context, &named("source")).await.unwrap();
    let files = scene.files_of(&made.version).await;
    assert_eq!(files.len(), 2);
    for file in &files {
        assert_eq!(scene.read(file).await, b"the bytes");
    }
    let history = scene.registry.history.node_history(&scene.context, files[0].node_id, 0, PageSize::new(10)).await;
    let actions: Vec<_> = history.unwrap().iter().map(|change| change.action.clone()).collect();
    assert_eq!(actions, ["create", "file.put", "file.put"]);
}

async fn a_version_may_be_made_of_a_folder(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.model("m").await;
    for path in ["a/b", "a/c/d", "a.txt", "a0", "ab/c"] {
        scene.put(file("source", "1", path), "x").await.unwrap();
    }
    let source = scene.numbered("source", 1).await.unwrap().version.id;
    for (number, below, paths) in
        [(1, Some("a"), vec!["b", "c/d"]), (2, Some("a/c/d"), vec!["d"]), (3, Some("none"), vec![])]
    {
        let below = below.map(|path| path.parse().unwrap());
        let made = scene.made_of("m", VersionSource::VersionFiles(source, below)).await.unwrap();
        assert_eq!(
            (made.number, scene.paths_of(&made.version).await),
            (number, paths.iter().map(ToString::to_string).collect())
        );
    }
    let gone = scene.made_of("m", VersionSource::VersionFiles(NodeId(9999), None)).await.unwrap_err();
    assert_eq!((gone.kind(), gone.field()), (ErrorKind::InvalidArgument, Some("source")));
    let place = scene.registry.models.place_of_version(&scene.context, &named("m"), 3).await.unwrap();
    assert_eq!(place, VersionPlace::Foreign("s3://bucket/model".to_owned()));
}

async fn what_is_quarantined_is_judged_by_the_policy_of_the_model_it_comes_to(backend: Backend) {
    let scene = Scene::new(backend).await;
    let artifact = scene.bring_pickle("source").await;
    for (model, policy, is_held_back) in [
        ("strict", ModelPolicy::default(), true),
        ("mild", ModelPolicy { danger: Some(Act::Allow), ..ModelPolicy::default() }, false),
    ] {
        scene.model(model).await;
        let inspections = &scene.registry.inspections;
        let name = model.parse().unwrap();
        inspections.set_model_policy(&scene.context, &name, policy, Conditions::default()).await.unwrap();
        let made = scene.made_of(model, VersionSource::Artifact(artifact, None)).await.unwrap();
        let files = scene.files_of(&made.version).await;
        let reason = files[0].quarantine.as_deref();
        assert_eq!(reason.is_some_and(|reason| reason.contains("pickle-dangerous-import")), is_held_back, "{model}");
        assert_eq!(reason.is_some(), is_held_back, "{model}");
        // And again when it goes on to a stricter one.
        let (next, source) = (format!("after-{model}"), VersionSource::Version(named(model), WhichVersion::Number(1)));
        scene.model(&next).await;
        let after = scene.made_of(&next, source).await.unwrap();
        assert!(scene.files_of(&after.version).await[0].quarantine.is_some(), "{model}");
    }
    assert_eq!((scene.count("files"), scene.count("inspections"), scene.count("blobs")), (5, 5, 1));
}

async fn a_policy_refuses_files_of_a_source(backend: Backend) {
    let scene = Scene::new(backend).await;
    let artifact = scene.bring_pickle("source").await;
    scene.model("m").await;
    let policy = ModelPolicy { danger: Some(Act::Refuse), ..ModelPolicy::default() };
    let inspections = &scene.registry.inspections;
    inspections.set_model_policy(&scene.context, &"m".parse().unwrap(), policy, Conditions::default()).await.unwrap();
    let refused = scene.made_of("m", VersionSource::Artifact(artifact, None)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    // Its number is free.
    assert_eq!(scene.number("m").await.unwrap().number, 1);
    assert_eq!(scene.count("files"), 1);
}

async fn a_version_made_of_a_version_is_descended_as_that_is(backend: Backend) {
    let scene = Scene::new(backend).await;
    for model in ["m", "n"] {
        scene.model(model).await;
    }
    let run = "0123456789abcdef0123456789abcdef";
    let new = NewVersion { run: Some(run.to_owned()), ..of("m", VersionSource::Foreign, "s3://bucket/model") };
    let first = scene.registry.models.create_version(&scene.context, new).await.unwrap();
    assert_eq!((first.run.as_deref(), first.source.as_deref()), (Some(run), Some("s3://bucket/model")));
    let source = VersionSource::Version(named("m"), WhichVersion::Number(1));
    let copy = of("n", source.clone(), "models:/m/1");
    let made = scene.registry.models.create_version(&scene.context, copy.clone()).await.unwrap();
    assert_eq!((made.run.as_deref(), made.source.as_deref()), (Some(run), Some("models:/m/1")));
    let place = scene.registry.models.place_of_version(&scene.context, &named("n"), 1).await.unwrap();
    assert_eq!(place, VersionPlace::Foreign("s3://bucket/model".to_owned()));
    let other = NewVersion { run: Some("f".repeat(32)), ..copy };
    let error = scene.registry.models.create_version(&scene.context, other).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("source")));
    let none = VersionSource::Version(named("m"), WhichVersion::Number(9));
    assert_eq!(scene.made_of("n", none).await.unwrap_err().kind(), ErrorKind::NotFound);
    // A prompt is no model.
    let prompt = Properties::from([("mlflow.prompt.is_prompt".to_owned(), Value::from("true"))]);
    let models = &scene.registry.models;
    models.create_model(&scene.context, &"prompt".parse().unwrap(), None, prompt).await.unwrap();
    scene.number("prompt").await.unwrap();
    let of_prompt = VersionSource::Version(named("prompt"), WhichVersion::Latest);
    assert_eq!(scene.made_of("n", of_prompt).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

async fn a_version_made_of_a_run_is_one_of_that_run(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.model("m").await;
    let (run, _) = scene.logging_run().await;
    let source = VersionSource::Run(run.clone(), Some("model".parse().unwrap()));
    let new = NewVersion { must_be_of_run: true, ..of("m", source, "runs:/it/model") };
    let made = scene.registry.models.create_version(&scene.context, new.clone()).await.unwrap();
    assert_eq!((made.run.as_deref(), made.source.as_deref()), (Some(run.as_str()), Some("runs:/it/model")));
    assert_eq!(scene.paths_of(&made.version).await, ["MLmodel"]);
    let same = NewVersion { run: Some(run.to_string()), ..new.clone() };
    assert_eq!(scene.registry.models.create_version(&scene.context, same).await.unwrap().number, 2);
    let other = NewVersion { run: Some("f".repeat(32)), ..new.clone() };
    let unknown = VersionSource::Run(RunId::from_bits(7), None);
    for refused in [other, NewVersion { source: unknown, ..new }] {
        let error = scene.registry.models.create_version(&scene.context, refused).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("source")));
    }
    // What is written to the run afterwards, and its end, change nothing.
    let files = scene.files_of(&made.version).await;
    let node = scene.registry.tracking.get_run(&scene.context, &run).await.unwrap().node.id;
    let entities = &scene.registry.entities;
    entities.delete(&scene.context, LogicalType::ExperimentRun, node, Removal::RECURSIVE).await.unwrap();
    assert_eq!(scene.read(&files[0]).await, b"of the run");
    assert_eq!(scene.numbered("m", 1).await.unwrap().run.as_deref(), Some(run.as_str()));
}

async fn a_logged_model_knows_its_versions(backend: Backend) {
    let scene = Scene::new(backend).await;
    for model in ["m", "n"] {
        scene.model(model).await;
    }
    let (run, experiment) = scene.logging_run().await;
    let id = LoggedModelId::from_bits(5);
    let draft = LoggedModelDraft {
        experiment: ExperimentRef::Id(experiment),
        id: id.clone(),
        name: "model".to_owned(),
        kind: None,
        source_run: Some(run.clone()),
        params: Vec::new(),
        custom: Properties::new(),
    };
    let logged = scene.registry.tracking.create_logged_model(&scene.context, draft).await.unwrap();
    let put = PutFile { target: Target::Artifact(logged.node.id), ..file("m", "1", "MLmodel") };
    scene.put(put, "logged").await.unwrap();
    let source = || VersionSource::LoggedModel(id.clone(), None);
    let new = NewVersion { logged_model: Some(id.clone()), ..of("m", source(), "models:/it") };
    let made = scene.registry.models.create_version(&scene.context, new.clone()).await.unwrap();
    assert_eq!((made.run.as_deref(), scene.paths_of(&made.version).await.len()), (Some(run.as_str()), 1));
    let copy = VersionSource::Version(named("m"), WhichVersion::Number(1));
    scene.made_of("n", copy).await.unwrap();
    scene.number("n").await.unwrap();
    let versions =
        async || scene.registry.tracking.get_logged_model(&scene.context, &id, false).await.unwrap().versions;
    assert_eq!(versions().await, [("m".to_owned(), 1), ("n".to_owned(), 1)]);
    scene.registry.models.delete_version(&scene.context, &named("m"), 1).await.unwrap();
    assert_eq!(versions().await, [("n".to_owned(), 1)]);
    for refused in [
        NewVersion { logged_model: Some(LoggedModelId::from_bits(6)), ..new.clone() },
        NewVersion { source: VersionSource::LoggedModel(LoggedModelId::from_bits(6), None), logged_model: None, ..new },
    ] {
        let error = scene.registry.models.create_version(&scene.context, refused).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("source")));
    }
}
