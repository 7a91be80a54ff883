//! Inspection at upload: what is learned, what the policy makes of it, and what changes it later.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use modelport::domain::job::JobEnd;
use modelport::domain::policy::Act;
use modelport::domain::{
    Change, Error, ErrorKind, JobState, LogicalType, Node, PageSize, Patch, Properties, Result, Value,
};
use modelport::registry::conditions::Conditions;
use modelport::registry::files::FilePage;
use modelport::registry::inspection::{Inspected, REEVALUATE_MODEL};
use modelport::registry::jobs::{RunningJob, Stopping};
use modelport::registry::link::Outcome;
use modelport::registry::policy::ModelPolicy;
use modelport::registry::target::{Precondition, Target};
use modelport::registry::upload::PutResult;
use modelport_inspect::{Fact, Severity};

use super::{Scene, file};
use crate::support::{Backend, on_both};

on_both! {
    what_is_learned_becomes_properties,
    what_a_client_set_stays,
    another_file_in_its_place_replaces_what_was_learned,
    a_change_of_a_sibling_reevaluates_a_file,
    a_dangerous_pickle_is_quarantined,
    a_refusal_leaves_nothing,
    a_models_policy_holds_for_its_files_alone,
    a_policy_applies_at_once_and_a_job_reevaluates_stored_files,
    known_bytes_are_not_read_again,
    bytes_are_read_block_by_block,
    bytes_in_a_bucket_are_inspected_too,
    a_rescan_reevaluates_files_and_reads_uninspected_ones,
}

pub fn sample(name: &str) -> Bytes {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/inspect").join(name);
    std::fs::read(path).unwrap().into()
}

impl Scene {
    async fn bring(&self, model: &str, path: &str, name: &str) -> Result<PutResult> {
        let body = stream::iter([Ok::<_, Error>(sample(name))]).boxed();
        self.registry.files.put_file(&self.context, file(model, "1", path), body).await
    }

    async fn artifact(&self, put: &PutResult) -> Node {
        self.registry.entities.get(&self.context, LogicalType::ModelArtifact, put.file.node_id).await.unwrap()
    }

    async fn known(&self, put: &PutResult) -> Inspected {
        let page = self
            .registry
            .files
            .list_artifact_files(&self.context, put.file.node_id, PageSize::new(1000), None)
            .await
            .unwrap();
        page.inspections[&(put.file.node_id, put.file.path.clone())].clone()
    }

    async fn rules(&self, known: &PutResult) -> Vec<String> {
        self.known(known).await.seen.verdict().iter().map(|finding| finding.rule.to_string()).collect()
    }

    async fn set_policy(&self, model: &str, policy: ModelPolicy) {
        self.registry
            .inspections
            .set_model_policy(&self.context, &model.parse().unwrap(), policy, Conditions::default())
            .await
            .unwrap();
        self.run_policy_job(model).await;
    }

    /// Runs the job that reevaluates the files of a model, as a runner does.
    async fn run_policy_job(&self, model: &str) -> serde_json::Value {
        let lease = Duration::from_secs(60);
        let job =
            self.registry.jobs.claim_job(&self.context, REEVALUATE_MODEL, "test", lease, 3).await.unwrap().unwrap();
        let running = RunningJob::new(self.registry.clone(), self.registry.own_context(), job, Stopping::never());
        let result = self.registry.inspections.reevaluate_model(&running.context, running.clone()).await.unwrap();
        assert!(
            self.registry
                .jobs
                .finish_job(&self.context, &running, "test", JobEnd::Succeeded(result.clone()))
                .await
                .unwrap()
        );
        let view = self.registry.inspections.model_policy(&self.context, &model.parse().unwrap()).await.unwrap();
        assert_eq!(view.job.map(|job| job.id), Some(running.job.id));
        result
    }
}

async fn what_is_learned_becomes_properties(backend: Backend) {
    let scene = Scene::new(backend).await;
    let put = scene.bring("m", "small.onnx", "made/small.onnx").await.unwrap();
    let artifact = scene.artifact(&put).await;
    assert_eq!(artifact.text("model_format_name"), Some("onnx"));
    assert!(artifact.text("model_format_version").is_some());
    assert!(matches!(artifact.custom["opset"], Value::Int(_)), "{:?}", artifact.custom);
    assert!(matches!(artifact.custom["inputs"], Value::Struct(_)));
    assert_eq!(artifact.custom["scan_verdict"], "clean".into());
    let known = put.inspection.unwrap();
    assert_eq!((known.act, known.seen.severity()), (Act::Allow, None));
    assert_eq!(known.seen.format.unwrap().name, "onnx");
    // One upload is one change.
    assert_eq!(artifact.revision, 2);
}

async fn what_a_client_set_stays(backend: Backend) {
    let scene = Scene::new(backend).await;
    let first = scene.put(file("m", "1", "notes.txt"), "nothing to learn").await.unwrap();
    let artifact = scene.artifact(&first).await;
    assert!(artifact.custom.is_empty() && artifact.text("model_format_name").is_none());
    let mine = Properties::from([("opset".to_owned(), Value::Int(-1)), ("mine".to_owned(), "x".into())]);
    let patch = Patch { custom: Some(mine), ..Patch::default() };
    let patch = patch.with("model_format_name", Change::Set("my-format".into()));
    scene.registry.entities.update(&scene.context, LogicalType::ModelArtifact, artifact.id, patch).await.unwrap();
    let put = scene.bring("m", "small.onnx", "made/small.onnx").await.unwrap();
    let artifact = scene.artifact(&put).await;
    assert_eq!(artifact.text("model_format_name"), Some("my-format"));
    assert_eq!((&artifact.custom["opset"], &artifact.custom["mine"]), (&Value::Int(-1), &"x".into()));
    assert!(artifact.custom.contains_key("parameter_count"));
    // With the file goes what it said, and nothing else.
    let target = Target::Artifact(artifact.id);
    scene.registry.files.delete_file(&scene.context, &target, &put.file.path, Precondition::None).await.unwrap();
    let artifact = scene.artifact(&put).await;
    assert_eq!(artifact.custom.keys().collect::<Vec<_>>(), ["mine", "opset"]);
    assert_eq!(artifact.text("model_format_name"), Some("my-format"));
}

async fn another_file_in_its_place_replaces_what_was_learned(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.bring("m", "model", "made/small.gguf").await.unwrap();
    let mut put = file("m", "1", "model");
    put.precondition = Precondition::Exists;
    let body = stream::iter([Ok::<_, Error>(sample("made/small.safetensors"))]).boxed();
    let put = scene.registry.files.put_file(&scene.context, put, body).await.unwrap();
    assert_eq!(put.outcome, Outcome::Replaced);
    let artifact = scene.artifact(&put).await;
    assert_eq!(artifact.text("model_format_name"), Some("safetensors"));
    assert_eq!(artifact.text("model_format_version"), None);
    assert!(!artifact.custom.contains_key("chat_template") && !artifact.custom.contains_key("context_length"));
    assert!(artifact.custom.contains_key("dtypes"));
}

async fn a_change_of_a_sibling_reevaluates_a_file(backend: Backend) {
    let scene = Scene::new(backend).await;
    for (model, first, second) in [("ov", "small.xml", "small.bin"), ("ox", "external.onnx", "external.data")] {
        let main = scene.bring(model, first, &format!("made/{first}")).await.unwrap();
        assert_eq!(scene.rules(&main).await, ["external-data-missing"], "{first}");
        assert_eq!(scene.artifact(&main).await.custom["scan_verdict"], "warn".into());
        let other = scene.bring(model, second, &format!("made/{second}")).await.unwrap();
        assert_eq!(other.file.node_id, main.file.node_id);
        assert_eq!(scene.rules(&main).await, Vec::<String>::new(), "{first}");
        assert_eq!(scene.artifact(&main).await.custom["scan_verdict"], "clean".into());
        let target = Target::Artifact(other.file.node_id);
        scene.registry.files.delete_file(&scene.context, &target, &other.file.path, Precondition::None).await.unwrap();
        assert_eq!(scene.rules(&main).await, ["external-data-missing"], "{first}");
        // One that is too short is worse than none: the file is quarantined until the right one comes.
        let mut short = file(model, "1", second);
        short.precondition = Precondition::None;
        scene.put(short, "x").await.unwrap();
        assert_eq!(scene.rules(&main).await, ["external-data-too-short"], "{first}");
        let target = Target::Artifact(main.file.node_id);
        let found = scene.registry.files.get_file(&scene.context, &target, &main.file.path).await.unwrap();
        assert!(found.quarantine.unwrap().contains("external-data-too-short"));
    }
}

async fn a_dangerous_pickle_is_quarantined(backend: Backend) {
    let scene = Scene::new(backend).await;
    let put = scene.bring("m", "model.pkl", "evasions/os.pkl").await.unwrap();
    let known = put.inspection.clone().unwrap();
    assert_eq!((known.act, known.seen.severity()), (Act::Quarantine, Some(Severity::Danger)));
    let reason = put.file.quarantine.clone().unwrap();
    assert!(reason.contains("pickle-dangerous-import") && reason.contains("system"), "{reason}");
    let target = Target::Artifact(put.file.node_id);
    let error = scene.registry.files.get_served_file(&scene.context, &target, &put.file.path, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Quarantined);
    assert!(error.message().contains(&reason), "{error}");
    let served = scene.registry.files.get_served_file(&scene.context, &target, &put.file.path, true).await.unwrap();
    assert_eq!(scene.read(&served).await, sample("evasions/os.pkl"));
    assert_eq!(scene.artifact(&put).await.custom["scan_verdict"], "danger".into());
    let summary = scene
        .registry
        .models
        .version_summary(&scene.context, &"m".parse().unwrap(), &"1".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(summary.files.files[0].quarantine.as_ref(), Some(&reason));
    assert_eq!(summary.inspection.tallies[0].verdict, "danger");
}

async fn a_refusal_leaves_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let refuse = ModelPolicy { danger: Some(Act::Refuse), ..ModelPolicy::default() };
    scene.set_policy("m", refuse).await;
    let error = scene.bring("m", "model.pkl", "evasions/os.pkl").await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("policy")));
    assert!(error.message().contains("pickle-dangerous-import"), "{error}");
    scene.holds(0, 0, 0).await;
    assert_eq!((scene.count("nodes"), scene.count("inspections")), (1, 0));
    let only = ModelPolicy { allowed_formats: Some(vec!["safetensors".into()]), ..ModelPolicy::default() };
    scene.set_policy("m", only).await;
    for (path, name) in [("small.onnx", "made/small.onnx"), ("external.data", "made/external.data")] {
        let error = scene.bring("m", path, name).await.unwrap_err();
        assert!(error.message().contains("`safetensors`"), "{error}");
    }
    let small = ModelPolicy { max_file_bytes: Some(3), ..ModelPolicy::default() };
    scene.set_policy("m", small).await;
    for length in [None, Some(4)] {
        let mut put = file("m", "1", "f");
        put.length = length;
        let error = scene.put(put, "four").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    }
    scene.holds(0, 0, 0).await;
    assert_eq!(scene.count("nodes"), 1);
    scene.put(file("m", "1", "f"), "123").await.unwrap();
    assert!(
        scene.registry.models.get_model(&scene.context, &"m".parse().unwrap()).await.unwrap().revision > model.revision
    );
}

async fn a_models_policy_holds_for_its_files_alone(backend: Backend) {
    let scene = Scene::new(backend).await;
    let one = scene.bring("one", "model.pkl", "evasions/os.pkl").await.unwrap();
    let two = scene.bring("two", "model.pkl", "evasions/os.pkl").await.unwrap();
    scene.set_policy("one", ModelPolicy { danger: Some(Act::Warn), ..ModelPolicy::default() }).await;
    let quarantine = async |put: &PutResult| {
        let target = Target::Artifact(put.file.node_id);
        scene.registry.files.get_file(&scene.context, &target, &put.file.path).await.unwrap().quarantine
    };
    assert_eq!((quarantine(&one).await, scene.known(&one).await.act), (None, Act::Warn));
    assert_eq!((quarantine(&two).await.is_some(), scene.known(&two).await.act), (true, Act::Quarantine));
    // What is stored already is not thrown away.
    let only = ModelPolicy { allowed_formats: Some(vec!["onnx".into()]), ..ModelPolicy::default() };
    scene.set_policy("one", only).await;
    assert!(quarantine(&one).await.unwrap().contains("`onnx`"));
    scene.set_policy("one", ModelPolicy::default()).await;
    assert!(quarantine(&one).await.unwrap().contains("pickle-dangerous-import"));
    assert_eq!(scene.count("policies"), 0);
    let missing = scene
        .registry
        .inspections
        .set_model_policy(&scene.context, &"none".parse().unwrap(), ModelPolicy::default(), Conditions::default())
        .await;
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn a_policy_applies_at_once_and_a_job_reevaluates_stored_files(backend: Backend) {
    let scene = Scene::new(backend).await;
    let mut stored = Vec::new();
    for version in 0..30 {
        let body = stream::iter([Ok::<_, Error>(sample("made/small.onnx"))]).boxed();
        let put = file("m", &version.to_string(), "model.onnx");
        stored.push(scene.registry.files.put_file(&scene.context, put, body).await.unwrap());
    }
    let other = scene.bring("other", "model.onnx", "made/small.onnx").await.unwrap();
    let quarantined = async || {
        let is_quarantined = |page: FilePage| page.files.iter().filter(|file| file.quarantine.is_some()).count();
        let mut count = 0;
        for put in stored.iter().chain([&other]) {
            count += is_quarantined(
                scene
                    .registry
                    .files
                    .list_artifact_files(&scene.context, put.file.node_id, PageSize::new(9), None)
                    .await
                    .unwrap(),
            );
        }
        count
    };
    let before = scene.count("changes");
    let none = ModelPolicy { allowed_formats: Some(vec!["pickle".into()]), ..ModelPolicy::default() };
    let view = scene
        .registry
        .inspections
        .set_model_policy(&scene.context, &"m".parse().unwrap(), none, Conditions::default())
        .await
        .unwrap();
    assert_eq!(view.job.map(|job| job.state), Some(JobState::Queued));
    // The request itself has changed nothing but the model.
    assert_eq!((quarantined().await, scene.count("changes")), (0, before + 1));
    // What arrives is held to it at once.
    assert_eq!(scene.bring("m", "more.onnx", "made/small.onnx").await.unwrap_err().kind(), ErrorKind::Unsupported);
    let result = scene.run_policy_job("m").await;
    assert_eq!(result, serde_json::json!({"files": 30, "quarantined": 30, "released": 0}));
    assert_eq!(quarantined().await, 30);
    // It may be done again, and changes nothing then.
    scene.set_policy("m", ModelPolicy { allowed_formats: Some(vec!["pickle".into()]), ..ModelPolicy::default() }).await;
    assert_eq!(quarantined().await, 30);
    scene
        .registry
        .inspections
        .set_model_policy(&scene.context, &"m".parse().unwrap(), ModelPolicy::default(), Conditions::default())
        .await
        .unwrap();
    let result = scene.run_policy_job("m").await;
    assert_eq!(result, serde_json::json!({"files": 30, "quarantined": 0, "released": 30}));
}

async fn known_bytes_are_not_read_again(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.bring("one", "model.onnx", "made/small.onnx").await.unwrap();
    // What is stored is told from what would be read by a fact that is not in the file.
    scene.database.execute("UPDATE inspections SET facts = '{\"opset\": 99}'");
    let again = scene.bring("two", "model.onnx", "made/small.onnx").await.unwrap();
    assert_eq!(scene.artifact(&again).await.custom["opset"], Value::Int(99));
    let elsewhere = scene.bring("two", "other.onnx", "made/small.onnx").await.unwrap();
    assert_ne!(scene.known(&elsewhere).await.seen.facts["opset"], Fact::Integer(99));
    scene.database.execute("UPDATE inspections SET reader = 0");
    let newer = scene.bring("three", "model.onnx", "made/small.onnx").await.unwrap();
    assert_ne!(scene.known(&newer).await.seen.facts["opset"], Fact::Integer(99));
}

async fn a_rescan_reevaluates_files_and_reads_uninspected_ones(backend: Backend) {
    let scene = Scene::new(backend).await;
    let judged = scene.bring("m", "old.pkl", "evasions/os.pkl").await.unwrap();
    let clean = scene.bring("n", "small.onnx", "made/small.onnx").await.unwrap();
    // As older rules would have left it.
    scene.database.execute("UPDATE inspections SET judged = '[]', rules = 0, verdict = 'clean', act = 'allow'");
    scene.database.execute("UPDATE files SET quarantine = NULL");
    let mut last = None;
    let report =
        scene.registry.inspections.rescan(&scene.context, false, |progress| last = Some(progress)).await.unwrap();
    assert_eq!((report.read, report.unread, report.evaluated), (0, 0, 2));
    assert_eq!((report.changed, report.quarantined, report.released), (1, 1, 0));
    assert_eq!(last.map(|progress| (progress.done, progress.all)), Some((2, 2)));
    assert_eq!(scene.known(&judged).await.act, Act::Quarantine);
    let again = scene.registry.inspections.rescan(&scene.context, true, |_| ()).await.unwrap();
    assert_eq!((again.read, again.changed, again.quarantined), (0, 0, 0));
    let revision = scene.artifact(&clean).await.revision;
    assert_eq!(revision, 2, "what has not changed is not written");

    // As a build without inspection would have left it.
    scene.database.execute("DELETE FROM inspections");
    scene.database.execute("DELETE FROM learned");
    scene.database.execute("DELETE FROM properties WHERE custom");
    scene.database.execute("UPDATE files SET quarantine = NULL");
    let report = scene.registry.inspections.rescan(&scene.context, false, |_| ()).await.unwrap();
    assert_eq!((report.unread, report.evaluated, report.quarantined), (2, 0, 0));
    let report = scene.registry.inspections.rescan(&scene.context, true, |_| ()).await.unwrap();
    assert_eq!((report.read, report.evaluated, report.quarantined, report.unreadable), (2, 2, 1, 0));
    assert!(scene.artifact(&clean).await.custom.contains_key("opset"));
    // A file that cannot be read is counted, and the others are read anyway.
    scene.database.execute("DELETE FROM inspections");
    scene.blobs.delete(&judged.file.blob.key.parse().unwrap()).await.unwrap();
    let report = scene.registry.inspections.rescan(&scene.context, true, |_| ()).await.unwrap();
    assert_eq!((report.read, report.unreadable, report.evaluated), (1, 1, 1));
}

/// What is dangerous lies far after the first blocks, and over the border of two of them.
async fn behind_blocks(scene: &Scene) {
    for padding in [3 * 256 * 1024 / 3 - 2, 1_500_000] {
        let mut pickle = b"K\x010".repeat(padding);
        pickle.extend(b"cos\nsystem\n(S'id'\ntR.");
        let path = format!("{padding}.pkl");
        let body = stream::iter([Ok::<_, Error>(Bytes::from(pickle))]).boxed();
        let put = scene.registry.files.put_file(&scene.context, file("m", "1", &path), body).await.unwrap();
        let known = put.inspection.unwrap();
        assert_eq!(known.seen.imports.len(), 1, "{padding}");
        assert_eq!(known.act, Act::Quarantine);
    }
}

async fn bytes_are_read_block_by_block(backend: Backend) {
    behind_blocks(&Scene::new(backend).await).await;
}

async fn bytes_in_a_bucket_are_inspected_too(backend: Backend) {
    let Some(scene) = super::s3::scene(backend).await else { return };
    behind_blocks(&scene).await;
    let put = scene.bring("n", "small.gguf", "made/small.gguf").await.unwrap();
    assert_eq!(scene.artifact(&put).await.text("model_format_name"), Some("gguf"));
}
