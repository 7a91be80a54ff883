//! Nodes: inserted, found and removed.

use modelport::domain::{Draft, ErrorKind, ExternalId, LogicalType, Name, Node, NodeId, NodeKind, Properties, Value};
use modelport::store::{Tx, aliases, blobs, files, joined, nodes};

use super::{Scene, text_file};
use crate::support::{Backend, on_both};

on_both! {
    a_node_reads_back_as_it_was_inserted,
    one_statement_finds_a_node_with_its_properties,
    a_node_with_a_home_is_its_member,
    a_name_is_unique_within_type_and_home,
    an_external_id_is_unique_among_a_kind,
    a_missing_home_is_not_found,
    names_are_compared_by_their_bytes,
    the_longest_names_fit,
    find_external_looks_at_one_kind,
    children_are_those_of_their_homes,
    everything_below_a_node_is_removed_with_it,
    deleting_what_is_not_there_is_false,
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

async fn a_node_reads_back_as_it_was_inserted(backend: Backend) {
    let scene = Scene::new(backend);
    let model = scene.model("home").await;
    let version = scene.version(&model, "1").await;
    let draft = Draft {
        external_id: Some("ext".parse().unwrap()),
        uri: Some("s3://bucket/key".into()),
        state: Some(2),
        custom: [("a".to_owned(), Value::Int(1))].into(),
        ..Draft::named(name("artifact")).with("description", Some("d"))
    };
    let node = scene.insert(LogicalType::ModelArtifact, Some(version.id), draft.clone(), 1234).await.unwrap();
    assert_eq!(node.type_id, LogicalType::ModelArtifact.id());
    assert_eq!((node.home_id, node.revision, node.created_at, node.updated_at), (Some(version.id), 1, 1234, 1234));
    assert_eq!((node.name.as_deref(), node.external_id.as_deref()), (Some("artifact"), Some("ext")));
    assert_eq!((node.uri.as_deref(), node.state), (Some("s3://bucket/key"), Some(2)));
    assert_eq!((&node.properties, &node.custom), (&draft.properties, &draft.custom));
    let found = scene.store.read(move |tx| {
        let by_name = nodes::find_named(tx, LogicalType::ModelArtifact, Some(version.id), &name("artifact"))?;
        let by_external = nodes::find_external(tx, NodeKind::Artifact, &"ext".parse()?)?;
        Ok([nodes::find(tx, node.id)?, by_name, by_external])
    });
    assert_eq!(found.await.unwrap(), [Some(node.clone()), Some(node.clone()), Some(node)]);
}

async fn one_statement_finds_a_node_with_its_properties(backend: Backend) {
    let scene = Scene::new(backend);
    let model = scene.model("home").await;
    let draft = Draft {
        custom: [("a".to_owned(), Value::Int(1)), ("b".to_owned(), Value::Double(0.5))].into(),
        ..Draft::named(name("full")).with("author", Some("ada"))
    };
    let full = scene.insert(LogicalType::ModelVersion, Some(model.id), draft, 1).await.unwrap();
    let empty = scene.version(&model, "empty").await;
    for node in [full.clone(), empty] {
        let (id, named) = (node.id, name(node.name.as_deref().unwrap()));
        assert_eq!(scene.store.read_once(move |tx| joined::find(tx, id)).await.unwrap(), Some(node.clone()));
        let by_name = move |tx: &mut Tx<'_>| joined::find_named(tx, LogicalType::ModelVersion, Some(model.id), &named);
        assert_eq!(scene.store.read_once(by_name).await.unwrap(), Some(node.clone()));
        let bare = scene.store.read_once(move |tx| nodes::find_bare(tx, id)).await.unwrap();
        assert_eq!(bare, Some(Node { properties: Properties::new(), custom: Properties::new(), ..node }));
    }
    assert_eq!(scene.store.read_once(|tx| joined::find(tx, NodeId(9999))).await.unwrap(), None);
    let elsewhere = |tx: &mut Tx<'_>| joined::find_named(tx, LogicalType::ModelVersion, None, &name("full"));
    assert_eq!(scene.store.read_once(elsewhere).await.unwrap(), None);
    // What is read next on the same connection has a transaction again.
    assert_eq!(scene.store.read(move |tx| nodes::find(tx, full.id)).await.unwrap().as_ref(), Some(&full));
}

async fn a_node_with_a_home_is_its_member(backend: Backend) {
    let scene = Scene::new(backend);
    let model = scene.model("m").await;
    assert_eq!(scene.count("members"), 0);
    let version = scene.version(&model, "1").await;
    let members = scene.database.lines("SELECT context_id || ' ' || node_id AS line FROM members");
    assert_eq!(members, [format!("{} {}", model.id, version.id)]);
}

async fn a_name_is_unique_within_type_and_home(backend: Backend) {
    let scene = Scene::new(backend);
    let (model, other) = (scene.model("m").await, scene.model("n").await);
    scene.version(&model, "1").await;
    scene.version(&other, "1").await;
    scene.named(LogicalType::Experiment, None, "m").await.unwrap();
    for (logical, home, text) in
        [(LogicalType::RegisteredModel, None, "m"), (LogicalType::ModelVersion, Some(model.id), "1")]
    {
        let error = scene.named(logical, home, text).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::NameTaken, Some("name")));
        assert!(error.message().contains(&format!("{} `{text}`", logical.noun())), "{error}");
    }
    assert_eq!(scene.count("nodes"), 5);
}

async fn an_external_id_is_unique_among_a_kind(backend: Backend) {
    let scene = Scene::new(backend);
    let draft = |text: &str| Draft { external_id: Some("ext".parse().unwrap()), ..Draft::named(name(text)) };
    scene.insert(LogicalType::RegisteredModel, None, draft("m"), 1).await.unwrap();
    scene.insert(LogicalType::ModelArtifact, None, draft("a"), 1).await.unwrap();
    for logical in [LogicalType::RegisteredModel, LogicalType::Experiment, LogicalType::DataSet] {
        let error = scene.insert(logical, None, draft("other"), 1).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::AlreadyExists, Some("externalId")));
        assert!(error.message().contains("`ext`"), "{error}");
    }
    let both = scene.insert(LogicalType::RegisteredModel, None, draft("m"), 1).await.unwrap_err();
    assert_eq!(both.kind(), ErrorKind::NameTaken);
    assert!(both.field().is_some());
}

async fn a_missing_home_is_not_found(backend: Backend) {
    let scene = Scene::new(backend);
    let error = scene.named(LogicalType::ModelVersion, Some(NodeId(77)), "1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!((scene.count("nodes"), scene.count("members")), (0, 0));
}

async fn names_are_compared_by_their_bytes(backend: Backend) {
    let scene = Scene::new(backend);
    let texts = ["model", "Model", "model ", "mo\u{301}del", "m\u{f3}del", "模型", "50%", "50_", "a:b", "'; --"];
    for text in texts {
        scene.model(text).await;
    }
    for text in texts {
        let find = move |tx: &mut Tx<'_>| nodes::find_named(tx, LogicalType::RegisteredModel, None, &name(text));
        let found = scene.store.read(find).await.unwrap().unwrap();
        assert_eq!(found.name.as_deref(), Some(text));
    }
    let find = |tx: &mut Tx<'_>| nodes::find_named(tx, LogicalType::RegisteredModel, None, &name("MODEL"));
    assert_eq!(scene.store.read(find).await.unwrap(), None);
    let sorted = scene.database.lines("SELECT name AS line FROM nodes ORDER BY name");
    let mut expected = texts;
    expected.sort_unstable();
    assert_eq!(sorted, expected);
}

async fn the_longest_names_fit(backend: Backend) {
    let scene = Scene::new(backend);
    // Nothing that a B-tree's page could compress.
    let long = |start: u32| (0..512).map(|at| char::from_u32(start + at * 37).unwrap()).collect::<String>();
    let (text, id) = (long(0x1_0000), long(0x1_8000));
    let model = scene.model("m").await;
    let draft = Draft { external_id: Some(id.parse().unwrap()), ..Draft::named(name(&text)) };
    let version = scene.insert(LogicalType::ModelVersion, Some(model.id), draft, 1).await.unwrap();
    assert_eq!(version.name, Some(text));
    assert_eq!(scene.find(version.id).await.unwrap(), version);
}

async fn find_external_looks_at_one_kind(backend: Backend) {
    let scene = Scene::new(backend);
    let draft = Draft { external_id: Some("ext".parse().unwrap()), ..Draft::named(name("m")) };
    let model = scene.insert(LogicalType::RegisteredModel, None, draft, 1).await.unwrap();
    let find = |kind, text: &str| {
        let id: ExternalId = text.parse().unwrap();
        scene.store.read(move |tx| nodes::find_external(tx, kind, &id))
    };
    assert_eq!(find(NodeKind::Context, "ext").await.unwrap().map(|node| node.id), Some(model.id));
    assert_eq!(find(NodeKind::Artifact, "ext").await.unwrap(), None);
    assert_eq!(find(NodeKind::Context, "EXT").await.unwrap(), None);
}

async fn children_are_those_of_their_homes(backend: Backend) {
    let scene = Scene::new(backend);
    let (first, second) = (scene.model("1").await, scene.model("2").await);
    let a = scene.version(&first, "a").await;
    let b = scene.version(&second, "b").await;
    let below = scene.artifact(&a, "below").await;
    scene
        .store
        .write({
            let (context, node) = (b.id, below.id);
            move |tx| modelport::store::members::insert(tx, context, node)
        })
        .await
        .unwrap();
    let children = |homes: Vec<NodeId>| {
        let read = scene.store.read(move |tx| nodes::children(tx, &homes));
        async move { read.await.unwrap().iter().map(|node| node.id).collect::<Vec<_>>() }
    };
    assert_eq!(children(vec![second.id, first.id]).await, [a.id, b.id]);
    assert_eq!(children(vec![a.id]).await, [below.id]);
    assert_eq!(children(vec![b.id]).await, []);
    assert_eq!(children(Vec::new()).await, []);
    let kinds = scene.store.read(move |tx| Ok([nodes::type_of_child(tx, first.id)?, nodes::type_of_child(tx, b.id)?]));
    assert_eq!(kinds.await.unwrap(), [Some(LogicalType::ModelVersion.id()), None]);
}

async fn everything_below_a_node_is_removed_with_it(backend: Backend) {
    let scene = Scene::new(backend);
    let (model, kept) = (scene.model("m").await, scene.model("kept").await);
    let version = scene.version(&model, "1").await;
    let draft = Draft::named(name("a")).with("description", Some("d"));
    let artifact = scene.insert(LogicalType::ModelArtifact, Some(version.id), draft, 1).await.unwrap();
    let fill = scene.store.write({
        let (model, artifact) = (model.id, artifact.id);
        move |tx| {
            aliases::set(tx, model, &"champion".parse()?, version.id)?;
            let blob = blobs::get_or_insert(tx, "ab".repeat(32).parse()?, 1, "key", 1)?;
            files::put_all(tx, &[text_file(artifact, "f".parse()?, blob, 1)])
        }
    });
    fill.await.unwrap();
    assert!(scene.store.write(move |tx| nodes::delete(tx, model.id)).await.unwrap());
    for table in ["properties", "members", "aliases", "files"] {
        assert_eq!(scene.count(table), 0, "{table}");
    }
    assert_eq!((scene.count("nodes"), scene.count("blobs")), (1, 1));
    assert_eq!(scene.find(kept.id).await.unwrap(), kept);
    assert_eq!(scene.find(artifact.id).await, None);
}

async fn deleting_what_is_not_there_is_false(backend: Backend) {
    let scene = Scene::new(backend);
    assert!(!scene.store.write(|tx| nodes::delete(tx, NodeId(5))).await.unwrap());
}
