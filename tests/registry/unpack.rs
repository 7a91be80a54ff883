//! Archives as the registry unpacks them: in chunks of any size, and at a cost that does not grow with the members.

use std::process::Command;

use bytes::Bytes;
use futures_util::stream;
use modelport::domain::Result;
use modelport::registry::link::Outcome;
use modelport::registry::target::{Precondition, Target};
use modelport::registry::unpack::{Packed, Unpack};
use modelport::registry::upload::PutResult;

use super::{Scene, file};
use crate::store::statements::{count_statements, statements_of};
use crate::support::{Backend, on_both};

on_both! {
    a_tar_may_arrive_in_chunks_of_any_size,
    linking_costs_the_same_for_any_number_of_members,
    members_are_evaluated_together,
    known_bytes_that_are_lost_are_repaired_by_an_archive,
    many_members_replace_others_only_where_that_is_asked_for,
}

impl Scene {
    async fn unpack(
        &self,
        version: &str,
        body: &[u8],
        chunk: usize,
        precondition: Precondition,
    ) -> Result<Vec<PutResult>> {
        let target = Target::Version { model: "m".parse().unwrap(), version: version.parse().unwrap() };
        let unpack = Unpack { target, packed: Packed::Tar, length: None, precondition, create: true };
        let chunks: Vec<_> = body.chunks(chunk).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        self.registry.files.unpack_files(&self.context, unpack, stream::iter(chunks)).await
    }
}

/// A tar of these files.
fn tar(files: &[(String, String)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, text) in files {
        let mut header = tokio_tar::Header::new_gnu();
        header.set_path(name).unwrap();
        header.set_size(text.len() as u64);
        header.set_cksum();
        body.extend(header.as_bytes());
        body.extend(text.as_bytes());
        body.resize(body.len().next_multiple_of(512), 0);
    }
    body.extend([0; 1024]);
    body
}

fn numbered(count: usize, text: &str) -> Vec<u8> {
    tar(&(0..count).map(|at| (format!("{at}.txt"), format!("{text} {at}"))).collect::<Vec<_>>())
}

async fn a_tar_may_arrive_in_chunks_of_any_size(backend: Backend) {
    let scene = Scene::new(backend).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("thirty");
    let holes = std::fs::File::create(&path).unwrap();
    for at in 0..30 {
        std::os::unix::fs::FileExt::write_all_at(&holes, &[1; 4096], at * 16_384).unwrap();
    }
    holes.set_len(30 * 16_384).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let options = ["--create", "--sparse", "--hole-detection=raw", "--format=gnu"];
    let made = Command::new("tar").args(options).arg("-C").arg(folder.path()).arg("thirty").output().unwrap();
    assert!(made.stdout.len() < whole.len() / 2, "the holes are not stored");
    for chunk in [7, 511, 512, 513, 700, 100_000] {
        let stored = scene.unpack(&format!("{chunk}"), &made.stdout, chunk, Precondition::None).await.unwrap();
        assert_eq!(stored.len(), 1);
        assert!(scene.read(&stored[0].file).await == whole, "in chunks of {chunk}");
    }
}

/// What each member costs beside the others: its own upload, and nothing of the transaction that links them.
async fn linking_costs_the_same_for_any_number_of_members(backend: Backend) {
    count_statements();
    let scene = Scene::new(backend).await;
    let mut costs = Vec::new();
    for (round, count) in [50, 50, 300].into_iter().enumerate() {
        let before = statements_of(&scene.database.location);
        scene.unpack(&format!("{round}"), &numbered(count, "same"), 65_536, Precondition::None).await.unwrap();
        costs.push(statements_of(&scene.database.location) - before);
    }
    let each = (costs[2] - costs[1]) / 250;
    // Whether its bytes were inspected is asked for each member by itself.
    assert!(each <= 5, "{each} statements for each member: {costs:?}");
}

async fn members_are_evaluated_together(backend: Backend) {
    let scene = Scene::new(backend).await;
    let index = r#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#;
    let files = [("model.safetensors.index.json", index), ("other.txt", "text"), ("a.py", "import os")];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let stored = scene.unpack("1", &tar(&files), 65_536, Precondition::None).await.unwrap();
    let seen = |at: usize| stored[at].inspection.as_ref().unwrap().seen.clone();
    assert!(!seen(0).evaluated.is_empty(), "its files are missing: {:?}", seen(0));
    assert!(!seen(2).findings.is_empty());
    assert_eq!(seen(1).findings, []);
}

async fn known_bytes_that_are_lost_are_repaired_by_an_archive(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.put(file("m", "1", "a"), "same 0").await.unwrap();
    let [key] = <[String; 1]>::try_from(scene.objects().await).unwrap();
    scene.blobs.delete(&key.parse().unwrap()).await.unwrap();
    // Two members have the same bytes, which are lost.
    let twice = [("a", "same 0"), ("b", "same 0")].map(|(name, text)| (name.to_owned(), text.to_owned()));
    let stored = scene.unpack("1", &tar(&twice), 65_536, Precondition::None).await.unwrap();
    assert_eq!(stored.iter().map(|each| each.outcome).collect::<Vec<_>>(), [Outcome::Unchanged, Outcome::Created]);
    for each in &stored {
        assert_eq!(scene.read(&each.file).await, b"same 0");
    }
    scene.holds(2, 1, 1).await;
}

async fn many_members_replace_others_only_where_that_is_asked_for(backend: Backend) {
    let scene = Scene::new(backend).await;
    // More than one statement takes, and not a multiple of it.
    let count = 1010;
    scene.unpack("1", &numbered(count, "old"), 65_536, Precondition::None).await.unwrap();
    let refused = scene.unpack("1", &numbered(3, "new"), 65_536, Precondition::None).await.unwrap_err();
    assert!(refused.message().contains("member `0.txt`"), "{refused}");
    let replaced = scene.unpack("1", &numbered(count, "new"), 65_536, Precondition::Exists).await.unwrap();
    assert!(replaced.iter().all(|each| each.outcome == Outcome::Replaced && each.inspection.is_some()));
    assert_eq!(scene.read(&replaced[1005].file).await, b"new 1005");
    let again = scene.unpack("1", &numbered(3, "new"), 65_536, Precondition::None).await.unwrap();
    assert!(again.iter().all(|each| each.outcome == Outcome::Unchanged && each.inspection.is_some()));
    assert_eq!((scene.count("files"), scene.count("blobs"), scene.count("uploads")), (1010, 2020, 0));
}
