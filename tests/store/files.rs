//! Files below nodes.

use modelport::domain::{Blob, ErrorKind, File, FilePath, NodeId, Result, Sha256};
use modelport::store::files::{self, Holder};
use modelport::store::{Tx, blobs};

use super::{Scene, text_file};
use crate::support::{Backend, on_both};

on_both! {
    a_file_reads_back,
    a_file_of_what_is_gone_is_not_found,
    replacing_points_at_other_bytes,
    deleting_leaves_the_blob,
    a_file_is_found_among_the_members_of_a_context,
    lists_are_ordered_by_path_and_then_node,
    summaries_count_and_name_the_first,
}

fn path(text: &str) -> FilePath {
    text.parse().unwrap()
}

fn blob(tx: &mut Tx<'_>, byte: u8) -> Result<Blob> {
    blobs::get_or_insert(tx, Sha256::from_bytes([byte; 32]), u64::from(byte), &format!("key-{byte}"), 1)
}

impl Scene {
    async fn holders(&self) -> [NodeId; 2] {
        let model = self.model("m").await;
        let version = self.version(&model, "1").await;
        [self.artifact(&version, "a").await.id, self.artifact(&version, "b").await.id]
    }

    async fn file(&self, node: NodeId, text: &str, byte: u8) -> Result<()> {
        let path = path(text);
        let insert = move |tx: &mut Tx<'_>| {
            let blob = blob(tx, byte)?;
            files::put_all(tx, &[text_file(node, path.clone(), blob, 5)])
        };
        self.store.write(insert).await
    }

    async fn found(&self, node: NodeId, text: &str) -> Option<File> {
        let path = path(text);
        self.store.read(move |tx| files::find(tx, node, &path)).await.unwrap()
    }
}

async fn a_file_reads_back(backend: Backend) {
    let scene = Scene::new(backend);
    let [node, other] = scene.holders().await;
    let longest = "ü".repeat(512);
    for text in ["model.bin", "a/b/ünï çø.txt", &longest, "50%_", "MODEL.bin"] {
        scene.file(node, text, 7).await.unwrap();
        let file = scene.found(node, text).await.unwrap();
        assert_eq!((file.node_id, file.path.as_str(), file.created_at), (node, text, 5));
        assert_eq!((file.media_type.as_str(), file.blob.size), ("text/plain", 7));
        assert_eq!(file.blob.sha256, Sha256::from_bytes([7; 32]));
        assert_eq!(scene.found(other, text).await, None);
    }
    assert_eq!(scene.found(node, "Model.bin").await, None);
    assert_eq!((scene.count("files"), scene.count("blobs")), (5, 1));
}

async fn a_file_of_what_is_gone_is_not_found(backend: Backend) {
    let scene = Scene::new(backend);
    assert_eq!(scene.file(NodeId(99), "f", 1).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!((scene.count("files"), scene.count("blobs")), (0, 0));
}

async fn replacing_points_at_other_bytes(backend: Backend) {
    let scene = Scene::new(backend);
    let [node, other] = scene.holders().await;
    scene.file(node, "f", 1).await.unwrap();
    scene.file(other, "f", 1).await.unwrap();
    let replace = move |tx: &mut Tx<'_>| {
        let blob = blob(tx, 2)?;
        let media_type = "application/json".to_owned();
        files::put_all(tx, &[File { media_type, ..text_file(node, path("f"), blob, 9) }])
    };
    scene.store.write(replace).await.unwrap();
    let file = scene.found(node, "f").await.unwrap();
    assert_eq!((file.blob.size, file.media_type.as_str(), file.created_at), (2, "application/json", 9));
    assert_eq!(scene.found(other, "f").await.unwrap().blob.size, 1);
}

async fn deleting_leaves_the_blob(backend: Backend) {
    let scene = Scene::new(backend);
    let [node, other] = scene.holders().await;
    scene.file(node, "f", 1).await.unwrap();
    scene.file(other, "f", 1).await.unwrap();
    let delete = |text: &str| {
        let path = path(text);
        scene.store.write(move |tx| files::delete(tx, node, &path))
    };
    assert!(delete("f").await.unwrap());
    assert!(!delete("f").await.unwrap());
    assert!(!delete("g").await.unwrap());
    assert_eq!(scene.found(node, "f").await, None);
    assert_eq!((scene.count("files"), scene.count("blobs")), (1, 1));
}

async fn a_file_is_found_among_the_members_of_a_context(backend: Backend) {
    let scene = Scene::new(backend);
    let [first, second] = scene.holders().await;
    scene.file(second, "f", 1).await.unwrap();
    scene.file(second, "g", 1).await.unwrap();
    scene.file(first, "g", 2).await.unwrap();
    let version = scene.find(first).await.unwrap().home_id.unwrap();
    let find = |context, text: &str| {
        let path = path(text);
        let read = scene.store.read(move |tx| files::find_in(tx, context, &path));
        async move { read.await.unwrap().map(|file| (file.node_id, file.blob.size)) }
    };
    assert_eq!(find(version, "f").await, Some((second, 1)));
    assert_eq!(find(version, "g").await, Some((first, 2)));
    assert_eq!(find(version, "h").await, None);
    assert_eq!(find(first, "f").await, None);
}

async fn lists_are_ordered_by_path_and_then_node(backend: Backend) {
    let scene = Scene::new(backend);
    let holders @ [first, second] = scene.holders().await;
    let all = Holder::Members(scene.find(first).await.unwrap().home_id.unwrap());
    for text in ["b", "a/b", "a.b", "B", "ä", "a"] {
        scene.file(second, text, 1).await.unwrap();
        scene.file(first, text, 2).await.unwrap();
    }
    let list = |holder: Holder, after: Option<(FilePath, NodeId)>, limit| {
        let after =
            move |tx: &mut Tx<'_>| files::list(tx, holder, after.as_ref().map(|(path, node)| (path, *node)), limit);
        let read = scene.store.read(after);
        async move { read.await.unwrap().into_iter().map(|file| (file.path, file.node_id)).collect::<Vec<_>>() }
    };
    let sorted = ["B", "a", "a.b", "a/b", "b", "ä"].map(path);
    let expected: Vec<_> = sorted.iter().flat_map(|path| holders.map(|node| (path.clone(), node))).collect();
    assert_eq!(list(all, None, 100).await, expected);
    for size in [1, 2, 5, 12] {
        let mut seen: Vec<(FilePath, NodeId)> = Vec::new();
        loop {
            let page = list(all, seen.last().cloned(), size).await;
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen, expected, "by {size}");
    }
    let own: Vec<_> = sorted.iter().map(|path| (path.clone(), second)).collect();
    assert_eq!(list(Holder::Node(second), None, 100).await, own);
    assert_eq!(list(Holder::Node(NodeId(99)), None, 100).await, []);
    assert_eq!(list(Holder::Members(second), None, 100).await, []);
}

async fn summaries_count_and_name_the_first(backend: Backend) {
    let scene = Scene::new(backend);
    let [first, second] = scene.holders().await;
    for text in ["b", "a", "c"] {
        scene.file(first, text, 1).await.unwrap();
    }
    let mut nodes: Vec<_> = (1000..3000).map(NodeId).collect();
    nodes.extend([second, first]);
    let summaries = scene.store.read(move |tx| files::summaries(tx, &nodes)).await.unwrap();
    assert_eq!(summaries, [(first, (3, "a".to_owned()))].into());
}
