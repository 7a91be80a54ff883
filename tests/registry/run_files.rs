//! Files as training tools keep them: in folders of runs and of logged models, and those of versions.

use futures_util::future::join_all;
use modelport::domain::tracking::{LoggedModelId, RunId};
use modelport::domain::{
    ChangeRecord, Draft, ErrorKind, FilePath, LogicalType, Name, Node, NodeId, PageSize, Properties, Selection,
};
use modelport::registry::link::Outcome;
use modelport::registry::target::{Precondition, Target};
use modelport::registry::tracking::experiments::ExperimentRef;
use modelport::registry::tracking::logged_models::LoggedModelDraft;
use modelport::registry::tracking::run_files::Folder;
use modelport::registry::tracking::runs::RunDraft;
use modelport::registry::upload::{PutFile, PutResult};

use super::{HOUR, Scene, body, cut, digest, file};
use crate::support::{Backend, on_both};

on_both! {
    the_first_file_makes_the_artifact_of_the_run,
    racing_first_files_make_one_artifact,
    a_file_replaces_the_one_that_is_there_and_history_keeps_both,
    one_level_of_a_folder_is_listed,
    a_large_folder_is_listed_and_removed_as_a_whole,
    a_file_and_all_below_its_path_are_removed,
    logged_models_have_folders_of_their_own,
    files_of_versions_are_read_alone,
    what_is_quarantined_is_not_served,
    documents_hold_files_as_models_do,
    any_folder_has_a_document_of_its_own,
}

fn path(text: &str) -> FilePath {
    text.parse().unwrap()
}

fn run_id() -> RunId {
    RunId::from_bits(0xabc << 100)
}

/// A run with its experiment.
async fn run(scene: &Scene) -> Node {
    let experiment = Draft::named("e".parse().unwrap());
    let experiment = scene.registry.tracking.create_experiment(&scene.context, experiment).await.unwrap();
    let draft = RunDraft {
        experiment: ExperimentRef::Id(experiment.id),
        id: run_id(),
        name: "r".parse().unwrap(),
        start: None,
        properties: Properties::new(),
        custom: Properties::new(),
    };
    scene.registry.tracking.create_run(&scene.context, draft).await.unwrap().node
}

/// A put as training tools mean it, which replaces what is there.
fn put(target: Target, at: &str) -> PutFile {
    PutFile { target, precondition: Precondition::Any, ..file("unused", "1", at) }
}

async fn put_all(scene: &Scene, run: NodeId, paths: &[&'static str]) {
    for at in paths {
        scene.put(put(Target::Run(run), at), at).await.unwrap();
    }
}

/// What the folder has at its top: folders end in a slash, files say their size.
async fn listed(scene: &Scene, folder: &Folder, at: Option<&str>) -> Vec<String> {
    let listed = scene.registry.tracking.list_folder(&scene.context, folder, at.map(path)).await;
    let (_, entries) = listed.unwrap();
    let shown = entries.into_iter().map(|entry| match entry.size {
        Some(size) => format!("{} {size}", entry.name),
        None => format!("{}/", entry.name),
    });
    shown.collect()
}

async fn read(scene: &Scene, folder: &Folder, at: &str) -> String {
    let (_, file) = scene.registry.tracking.get_folder_file(&scene.context, folder, &path(at)).await.unwrap();
    String::from_utf8(scene.read(&file).await).unwrap()
}

async fn history(scene: &Scene, node: NodeId) -> Vec<ChangeRecord> {
    scene.registry.history.node_history(&scene.context, node, 0, PageSize::new(10_000)).await.unwrap()
}

async fn documents(scene: &Scene, run: NodeId) -> Vec<Node> {
    let selection = Selection { home: Some(run), ..Selection::of(LogicalType::DocArtifact) };
    scene.registry.entities.list(&scene.context, selection, cut(None, None)).await.unwrap().first.items
}

async fn the_first_file_makes_the_artifact_of_the_run(backend: Backend) {
    let scene = Scene::new(backend).await;
    let run = run(&scene).await;
    let folder = Folder::Run(run_id());
    assert_eq!(listed(&scene, &folder, None).await, Vec::<String>::new());
    let tracking = &scene.registry.tracking;
    let missing = tracking.get_folder_file(&scene.context, &folder, &path("a")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(documents(&scene, run.id).await, []);
    put_all(&scene, run.id, &["a", "b/c"]).await;
    let [document] = documents(&scene, run.id).await.try_into().unwrap();
    assert_eq!((document.name.as_deref(), document.home_id), (Some("artifacts"), Some(run.id)));
    assert_eq!(read(&scene, &folder, "b/c").await, "b/c");
    let owner = tracking.get_folder(&scene.context, &folder).await.unwrap();
    assert_eq!((owner.node.unwrap().id, owner.experiment.map(|node| node.id)), (run.id, run.home_id));
    let actions: Vec<_> = history(&scene, document.id).await.into_iter().map(|change| change.action).collect();
    assert_eq!(actions, ["create", "file.put", "file.put"]);
    let stranger = Folder::Run(RunId::from_bits(1 << 90));
    let missing = tracking.list_folder(&scene.context, &stranger, None).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

async fn racing_first_files_make_one_artifact(backend: Backend) {
    let scene = Scene::new(backend).await;
    let run = run(&scene).await;
    let names: Vec<String> = (0..24).map(|number| format!("f{number:02}")).collect();
    let puts = names.iter().map(|name| scene.put(put(Target::Run(run.id), name), "bytes"));
    for put in join_all(puts).await {
        assert_eq!(put.unwrap().outcome, Outcome::Created);
    }
    assert_eq!(documents(&scene, run.id).await.len(), 1);
    assert_eq!(listed(&scene, &Folder::Run(run_id()), None).await.len(), 24);
    scene.holds(24, 1, 1).await;
}

async fn a_file_replaces_the_one_that_is_there_and_history_keeps_both(backend: Backend) {
    let scene = Scene::new(backend).await;
    let run = run(&scene).await;
    let mut outcomes = Vec::new();
    for bytes in ["one", "two", "two"] {
        let PutResult { outcome, .. } = scene.put(put(Target::Run(run.id), "f"), bytes).await.unwrap();
        outcomes.push(outcome);
    }
    assert_eq!(outcomes, [Outcome::Created, Outcome::Replaced, Outcome::Unchanged]);
    assert_eq!(read(&scene, &Folder::Run(run_id()), "f").await, "two");
    let [document] = documents(&scene, run.id).await.try_into().unwrap();
    let [.., last] = history(&scene, document.id).await.try_into().map(|all: [ChangeRecord; 3]| all).unwrap();
    assert_eq!(last.document["file"]["sha256"], digest("two").to_string());
    assert_eq!(last.document["before"]["file"]["sha256"], digest("one").to_string());
    // Doors that say nothing do not replace.
    let cautious = PutFile { precondition: Precondition::None, ..put(Target::Run(run.id), "f") };
    assert_eq!(scene.put(cautious, "three").await.unwrap_err().kind(), ErrorKind::AlreadyExists);
}

async fn one_level_of_a_folder_is_listed(backend: Backend) {
    let scene = Scene::new(backend).await;
    let run = run(&scene).await;
    let paths = ["a", "a b", "a.b", "a/b", "a/b/c", "a/d/e/f", "a0", "a0/x", "aa/a", "ä/ö/ü", "ä/ö.", "z"];
    put_all(&scene, run.id, &paths).await;
    scene.put(put(Target::Run(run.id), "a/empty"), "").await.unwrap();
    let folder = Folder::Run(run_id());
    for (at, expected) in [
        (None, vec!["a 1", "a/", "a b 3", "a.b 3", "a0 2", "a0/", "aa/", "z 1", "ä/"]),
        (Some("a"), vec!["b 3", "b/", "d/", "empty 0"]),
        (Some("a/b"), vec!["c 5"]),
        (Some("a/d"), vec!["e/"]),
        (Some("a0"), vec!["x 4"]),
        (Some("ä"), vec!["ö/", "ö. 6"]),
        (Some("ä/ö"), vec!["ü 8"]),
        // A file is no folder, and neither is what is not there.
        (Some("z"), vec![]),
        (Some("a/b/c"), vec![]),
        (Some("y"), vec![]),
    ] {
        assert_eq!(listed(&scene, &folder, at).await, expected, "{at:?}");
    }
}

/// Gives the holder of the file `many/0` so many more beside it, and one more folder.
fn fill(scene: &Scene, files: usize) {
    scene.database.execute(&format!(
        "INSERT INTO files (node_id, path, blob_id, media_type, created_at)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {files})
         SELECT f.node_id, 'many/' || n.i, f.blob_id, f.media_type, f.created_at FROM files AS f, n WHERE f.path = 'many/0'"
    ));
}

async fn a_large_folder_is_listed_and_removed_as_a_whole(backend: Backend) {
    let scene = Scene::new(backend).await;
    let run = run(&scene).await;
    put_all(&scene, run.id, &["many/0", "other"]).await;
    fill(&scene, 1700);
    let folder = Folder::Run(run_id());
    assert_eq!(listed(&scene, &folder, None).await, ["many/", "other 5"]);
    assert_eq!(listed(&scene, &folder, Some("many")).await.len(), 1701);
    let [document] = documents(&scene, run.id).await.try_into().unwrap();
    let tracking = &scene.registry.tracking;
    assert_eq!(tracking.delete_folder(&scene.context, &folder, Some(path("many"))).await.unwrap(), 1701);
    assert_eq!(listed(&scene, &folder, None).await, ["other 5"]);
    let changes = history(&scene, document.id).await;
    let removed: Vec<_> = changes.iter().filter(|change| change.action == "file.delete").collect();
    assert_eq!(removed.len(), 1701);
    let [after] = documents(&scene, run.id).await.try_into().unwrap();
    assert!(removed.iter().all(|change| change.revision == after.revision), "one change of the artifact");
    // What is gone already is no error.
    assert_eq!(tracking.delete_folder(&scene.context, &folder, Some(path("many"))).await.unwrap(), 0);
    assert_eq!(tracking.delete_folder(&scene.context, &folder, None).await.unwrap(), 1);
    assert_eq!(scene.count("files"), 0);
    assert_eq!(tracking.delete_folder(&scene.context, &folder, None).await.unwrap(), 0);
}

async fn a_file_and_all_below_its_path_are_removed(backend: Backend) {
    let scene = Scene::new(backend).await;
    let run = run(&scene).await;
    put_all(&scene, run.id, &["a", "a b", "a/b", "a/b/c", "a0", "ab/c"]).await;
    let folder = Folder::Run(run_id());
    let removed = scene.registry.tracking.delete_folder(&scene.context, &folder, Some(path("a"))).await.unwrap();
    assert_eq!(removed, 3);
    assert_eq!(listed(&scene, &folder, None).await, ["a b 3", "a0 2", "ab/"]);
    assert_eq!(scene.count("inspections"), 3);
}

async fn logged_models_have_folders_of_their_own(backend: Backend) {
    let scene = Scene::new(backend).await;
    let run = run(&scene).await;
    let id = LoggedModelId::from_bits(7 << 100);
    let draft = LoggedModelDraft {
        experiment: ExperimentRef::Id(run.home_id.unwrap()),
        id: id.clone(),
        name: "model".to_owned(),
        kind: None,
        source_run: Some(run_id()),
        params: Vec::new(),
        custom: Properties::new(),
    };
    let tracking = &scene.registry.tracking;
    let model = tracking.create_logged_model(&scene.context, draft).await.unwrap();
    let folder = Folder::LoggedModel(id.clone());
    let owner = tracking.get_folder(&scene.context, &folder).await.unwrap();
    assert_eq!(owner.target().unwrap(), &Target::Artifact(model.node.id));
    assert_eq!(owner.experiment.as_ref().map(|node| node.id), run.home_id);
    scene.put(put(owner.target().unwrap().clone(), "MLmodel"), "flavors: {}").await.unwrap();
    assert_eq!(listed(&scene, &folder, None).await, ["MLmodel 11"]);
    assert_eq!(listed(&scene, &Folder::Run(run_id()), None).await, Vec::<String>::new());
    assert_eq!(read(&scene, &folder, "MLmodel").await, "flavors: {}");
    tracking.remove_logged_model(&scene.context, &id).await.unwrap();
    assert_eq!(tracking.get_folder(&scene.context, &folder).await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn files_of_versions_are_read_alone(backend: Backend) {
    let scene = Scene::new(backend).await;
    for at in ["weights/a", "weights/b", "card"] {
        scene.put(file("m", "first", at), "bytes").await.unwrap();
    }
    let (model, version) = ("m".parse().unwrap(), "first".parse().unwrap());
    let (_, version) = scene.registry.models.resolve_version(&scene.context, &model, &version).await.unwrap();
    let tracking = &scene.registry.tracking;
    for folder in [Folder::Version(version.id), Folder::Numbered(model.clone(), 1)] {
        assert_eq!(listed(&scene, &folder, None).await, ["card 5", "weights/"]);
        assert_eq!(listed(&scene, &folder, Some("weights")).await, ["a 5", "b 5"]);
        assert_eq!(read(&scene, &folder, "weights/b").await, "bytes");
        let owner = tracking.get_folder(&scene.context, &folder).await.unwrap();
        assert_eq!(owner.target().unwrap_err().kind(), ErrorKind::InvalidState);
        let refused = tracking.delete_folder(&scene.context, &folder, Some(path("card"))).await.unwrap_err();
        assert_eq!((refused.kind(), refused.field()), (ErrorKind::InvalidState, Some("path")));
    }
    for folder in [Folder::Version(NodeId(99)), Folder::Version(version.home_id.unwrap()), Folder::Numbered(model, 2)] {
        let missing = tracking.list_folder(&scene.context, &folder, None).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound, "{folder:?}");
    }
}

async fn what_is_quarantined_is_not_served(backend: Backend) {
    let scene = Scene::new(backend).await;
    let run = run(&scene).await;
    put_all(&scene, run.id, &["good", "bad"]).await;
    scene.database.execute("UPDATE files SET quarantine = 'it is dangerous' WHERE path = 'bad'");
    let folder = Folder::Run(run_id());
    assert_eq!(read(&scene, &folder, "good").await, "good");
    let refused = scene.registry.tracking.get_folder_file(&scene.context, &folder, &path("bad")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Quarantined);
    assert_eq!(listed(&scene, &folder, None).await, ["bad 3", "good 4"]);
}

async fn documents_hold_files_as_models_do(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let version = scene.version(&model, "1").await;
    let card = scene.named(LogicalType::DocArtifact, Some(version.id), "card").await.unwrap();
    let put = PutFile { target: Target::Artifact(card.id), ..file("m", "1", "model.safetensors") };
    let bytes = "\u{2}\0\0\0\0\0\0\0{}";
    assert_eq!(
        scene.registry.files.put_file(&scene.context, put, body(bytes)).await.unwrap().outcome,
        Outcome::Created
    );
    let path = path("model.safetensors");
    let found = scene.registry.files.get_file(&scene.context, &file("m", "1", "x").target, &path).await.unwrap();
    assert_eq!(found.node_id, card.id);
    // What inspection says of it is not declared by documents.
    let card = scene.registry.entities.get(&scene.context, LogicalType::DocArtifact, card.id).await.unwrap();
    assert!(card.uri.as_deref().is_some_and(|uri| uri.ends_with("/model.safetensors")), "{:?}", card.uri);
    assert_eq!(card.properties, Properties::new());
    assert_eq!(card.custom["model_format_name"].as_str(), Some("safetensors"));
    let target = Target::Artifact(card.id);
    scene.registry.files.delete_file(&scene.context, &target, &path, Precondition::None).await.unwrap();
    assert_eq!(scene.count("files"), 0);
}

async fn any_folder_has_a_document_of_its_own(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (name, tracking) = ("place:/a".parse::<Name>().unwrap(), &scene.registry.tracking);
    let folder = Folder::Named(name.clone());
    assert_eq!(listed(&scene, &folder, None).await, Vec::<String>::new());
    let missing = tracking.delete_folder(&scene.context, &folder, None).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let target = || Target::Folder(name.clone());
    // A document of another API that is called the same is another one.
    scene.named(LogicalType::DocArtifact, None, name.as_str()).await.unwrap();
    let names: Vec<String> = (0..8).map(|number| format!("x/{number}")).collect();
    let puts = names.iter().map(|name| scene.put(put(target(), name), "bytes"));
    let made = join_all(puts).await.into_iter().map(|put| put.unwrap().file.node_id);
    assert_eq!(made.collect::<std::collections::BTreeSet<_>>().len(), 1);
    assert_eq!(listed(&scene, &folder, None).await, ["x/"]);
    assert_eq!(listed(&scene, &folder, Some("x")).await.len(), 8);
    assert_eq!(read(&scene, &folder, "x/3").await, "bytes");
    let other = Folder::Named("place:/b".parse().unwrap());
    let missing = tracking.get_folder_file(&scene.context, &other, &path("x/3")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(tracking.delete_folder(&scene.context, &folder, Some(path("x/3"))).await.unwrap(), 1);
    assert_eq!(tracking.delete_folder(&scene.context, &folder, None).await.unwrap(), 7);
    assert_eq!(scene.count("files"), 0);
    scene.pass(2 * HOUR);
    scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap();
    scene.holds(0, 0, 0).await;
}
