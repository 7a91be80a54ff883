//! Removal: what goes along, what stays in the record, and who comes in between.

use std::collections::{BTreeSet, HashMap};

use modelport::domain::access::Access;
use modelport::domain::{Change, ErrorKind, LogicalType, PageSize, Patch, Selection};
use modelport::registry::conditions::Conditions;
use modelport::registry::removal::Removal;

use super::{HOUR, Scene, actor, cut, file};
use crate::store::statements::{count_statements, statements_of};
use crate::support::{Backend, on_both};

on_both! {
    a_model_with_versions_needs_to_be_asked_for,
    everything_a_model_owns_is_removed_with_it,
    a_model_of_any_size_goes_in_batches,
    what_goes_along_is_recorded_before_its_home,
    bytes_that_nothing_else_uses_are_collected,
    a_name_is_free_again,
    a_version_that_comes_meanwhile_is_no_orphan,
    a_change_that_comes_meanwhile_is_in_the_record,
    one_of_many_removes,
}

const MODEL: LogicalType = LogicalType::RegisteredModel;
const VERSION: LogicalType = LogicalType::ModelVersion;

async fn a_model_with_versions_needs_to_be_asked_for(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let version = scene.version(&model, "1").await;
    let error = scene.registry.entities.delete(&scene.context, MODEL, model.id, Removal::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HasDependents);
    assert!(error.message().contains("`m`"), "{error}");
    scene.registry.entities.delete(&scene.context, VERSION, version.id, Removal::default()).await.unwrap();
    scene.registry.entities.delete(&scene.context, MODEL, model.id, Removal::default()).await.unwrap();
    assert_eq!(scene.count("nodes"), 0);
    let gone = scene.registry.entities.delete(&scene.context, MODEL, model.id, Removal::default()).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

async fn everything_a_model_owns_is_removed_with_it(backend: Backend) {
    let scene = Scene::new(backend).await;
    let kept = scene.put(file("kept", "1", "f"), "bytes").await.unwrap();
    for version in ["1", "2"] {
        scene.put(file("m", version, "f"), "bytes").await.unwrap();
    }
    let name = "m".parse().unwrap();
    scene
        .registry
        .models
        .set_alias(&scene.context, &name, &"best".parse().unwrap(), &"1".parse().unwrap(), Conditions::default())
        .await
        .unwrap();
    let model = scene.registry.models.get_model(&scene.context, &name).await.unwrap();
    scene.registry.entities.delete(&scene.context, MODEL, model.id, Removal::RECURSIVE).await.unwrap();
    for logical in [MODEL, VERSION, LogicalType::ModelArtifact] {
        let page =
            scene.registry.entities.list(&scene.context, Selection::of(logical), cut(None, None)).await.unwrap().first;
        assert_eq!(page.items.len(), 1, "{}", logical.noun());
    }
    assert_eq!((scene.count("aliases"), scene.count("files"), scene.count("members")), (0, 1, 2));
    assert_eq!(scene.read(&kept.file).await, b"bytes");
}

/// Versions, and an artifact of each, beside the statements that it takes to remove them.
async fn a_model_of_any_size_goes_in_batches(backend: Backend) {
    const VERSIONS: i64 = 1_700;
    count_statements();
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let kept = scene.put(file("kept", "1", "f"), "bytes").await.unwrap();
    let (version, artifact) = (VERSION, LogicalType::ModelArtifact);
    scene.database.execute(&format!(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {VERSIONS})
         INSERT INTO nodes (kind, type_id, home_id, name, created_at, updated_at)
         SELECT {}, {}, {}, CAST(x AS TEXT), 1, 1 FROM n;
         INSERT INTO nodes (kind, type_id, home_id, name, created_at, updated_at)
         SELECT {}, {}, v.id, 'files', 1, 1 FROM nodes AS v WHERE v.home_id = {}",
        version.kind().number(),
        version.id(),
        model.id,
        artifact.kind().number(),
        artifact.id(),
        model.id,
    ));
    let owned = format!(
        "SELECT CAST(id AS TEXT) || ' ' || CAST(home_id AS TEXT) AS line FROM nodes WHERE name = 'files' OR home_id = {}",
        model.id
    );
    let owned = scene.database.lines(&owned);
    assert_eq!(i64::try_from(owned.len()).unwrap(), 2 * VERSIONS);
    let changes = scene.count("changes");
    let before = statements_of(&scene.database.location);
    scene.registry.entities.delete(&scene.context, MODEL, model.id, Removal::RECURSIVE).await.unwrap();
    let statements = statements_of(&scene.database.location) - before;
    assert_eq!((scene.count("nodes"), scene.count("changes") - changes), (3, 2 * VERSIONS + 1));
    assert!(statements < 600, "{statements} statements");
    assert_eq!(scene.read(&kept.file).await, b"bytes");
    // What is owned is in the record before its home, whichever batch it was in.
    let recorded =
        scene.database.lines("SELECT CAST(node_id AS TEXT) AS line FROM changes WHERE action = 'delete' ORDER BY id");
    let places: HashMap<&str, usize> = recorded.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    for pair in &owned {
        let (owned, home) = pair.split_once(' ').unwrap();
        assert!(places[owned] < places[home], "{pair}");
    }
    assert_eq!(recorded.last(), Some(&model.id.to_string()));
}

async fn what_goes_along_is_recorded_before_its_home(backend: Backend) {
    let scene = Scene::new(backend).await;
    let put = scene.put(file("m", "1", "f"), "bytes").await.unwrap();
    let (version, model) = put.version.unwrap();
    let before = scene.registry.history.changes(&scene.context, 0, PageSize::new(100)).await.unwrap().0.len();
    scene.registry.entities.delete(&scene.context, MODEL, model, Removal::RECURSIVE).await.unwrap();
    let (changes, _) = scene.registry.history.changes(&scene.context, 0, PageSize::new(100)).await.unwrap();
    let gone: Vec<_> = changes[before..].iter().map(|change| (change.node_id, change.action.as_str())).collect();
    assert_eq!(gone, [put.file.node_id, version, model].map(|id| (id, "delete")));
    let history = scene.registry.history.node_history(&scene.context, version, 0, PageSize::new(10)).await.unwrap();
    let last = history.last().unwrap();
    assert_eq!((last.revision, last.document["name"].as_str()), (2, Some("1")));
}

async fn bytes_that_nothing_else_uses_are_collected(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.put(file("kept", "1", "f"), "shared").await.unwrap();
    scene.put(file("m", "1", "f"), "shared").await.unwrap();
    let own = scene.put(file("m", "1", "g"), "own").await.unwrap();
    let served = scene.served(&own.file).await;
    scene.registry.entities.delete(&scene.context, MODEL, own.version.unwrap().1, Removal::RECURSIVE).await.unwrap();
    assert_eq!(scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap(), Default::default());
    scene.holds(1, 2, 2).await;
    scene.pass(2 * HOUR);
    assert_eq!(scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap().unreferenced_blobs, 1);
    scene.holds(1, 1, 1).await;
    let error = scene.registry.files.open_file(&scene.context, &served, None).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

async fn a_name_is_free_again(backend: Backend) {
    let scene = Scene::new(backend).await;
    let first = scene.model("m").await;
    scene.registry.entities.delete(&scene.context, MODEL, first.id, Removal::default()).await.unwrap();
    let second = scene.model("m").await;
    assert!(second.id > first.id, "an id is never used twice");
    assert_eq!(
        scene.registry.history.node_history(&scene.context, first.id, 0, PageSize::new(10)).await.unwrap().len(),
        2
    );
}

async fn a_version_that_comes_meanwhile_is_no_orphan(backend: Backend) {
    let scene = Scene::new(backend).await;
    for round in 0..16 {
        let model = scene.model(&format!("m{round}")).await;
        scene.version(&model, "0").await;
        let (created, removed) = tokio::join!(
            scene.named(VERSION, Some(model.id), "1"),
            scene.registry.entities.delete(&scene.context, MODEL, model.id, Removal::RECURSIVE),
        );
        removed.unwrap();
        match created {
            Ok(version) => {
                let history = scene
                    .registry
                    .history
                    .node_history(&scene.context, version.id, 0, PageSize::new(10))
                    .await
                    .unwrap();
                let actions: BTreeSet<_> = history.iter().map(|change| change.action.as_str()).collect();
                assert_eq!(actions, ["create", "delete"].into());
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
        }
        assert_eq!((scene.count("nodes"), scene.count("members")), (0, 0));
    }
}

async fn a_change_that_comes_meanwhile_is_in_the_record(backend: Backend) {
    let scene = Scene::new(backend).await;
    for round in 0..16 {
        let model = scene.model(&format!("m{round}")).await;
        let version = scene.version(&model, "1").await;
        let patch = || Patch::default().with("description", Change::Set("d".into()));
        let (of_model, of_version, removed) = tokio::join!(
            scene.registry.entities.update(&scene.context, MODEL, model.id, patch()),
            scene.registry.entities.update(&scene.context, VERSION, version.id, patch()),
            scene.registry.entities.delete(&scene.context, MODEL, model.id, Removal::RECURSIVE),
        );
        removed.unwrap();
        for (id, changed) in [(model.id, of_model), (version.id, of_version)] {
            let history = scene.registry.history.node_history(&scene.context, id, 0, PageSize::new(10)).await.unwrap();
            let revisions: Vec<_> = history.iter().map(|change| change.revision).collect();
            let last = history.last().unwrap();
            assert_eq!(last.action, "delete");
            match changed {
                Ok(_) => {
                    assert_eq!(revisions, [1, 2, 3]);
                    assert_eq!(last.document["properties"]["description"]["string"], "d");
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::NotFound);
                    assert_eq!(revisions, [1, 2]);
                }
            }
        }
    }
}

async fn one_of_many_removes(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let removals = (0..16).map(|_| {
        let registry = scene.registry.clone();
        async move {
            registry
                .entities
                .delete(&registry.context(actor(), Access::unrestricted()), MODEL, model.id, Removal::default())
                .await
        }
    });
    let outcomes = futures_util::future::join_all(removals).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().flat_map(|outcome| outcome.as_ref().err()).all(|e| e.kind() == ErrorKind::NotFound));
    assert_eq!(scene.count("changes"), 2);
}
