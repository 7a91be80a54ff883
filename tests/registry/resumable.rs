//! Resumable uploads in a folder and in a bucket: what is kept when a request is interrupted, and who may continue.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use modelport::blobs::{BlobsConfig, Location};
use modelport::domain::{Error, ErrorKind, Result, Sha256};
use modelport::registry::resumable::{Checksums, Patch};
use modelport::registry::target::Target;
use modelport::registry::upload::PutFile;
use modelport::registry::wall_clock;

use super::{HOUR, Scene, file};
use crate::blobs::stores;
use crate::support::{Backend, on_both};

on_both! {
    odd_pieces_become_the_whole_in_a_folder,
    odd_pieces_become_the_whole_in_a_bucket,
    what_arrived_of_a_broken_body_is_kept_in_a_folder,
    what_arrived_of_a_broken_body_is_kept_in_a_bucket,
    expired_uploads_are_collected_from_a_folder,
    expired_uploads_are_collected_from_a_bucket,
    an_upload_collected_while_it_is_written_is_not_found_in_a_folder,
    an_upload_collected_while_it_is_written_is_not_found_in_a_bucket,
    parts_become_the_whole_in_a_folder,
    parts_become_the_whole_in_a_bucket,
}

pub(super) const MIB: usize = 1 << 20;

pub(super) async fn folder(backend: Backend) -> Option<Scene> {
    Some(Scene::new(backend).await)
}

pub(super) async fn bucket(backend: Backend) -> Option<Scene> {
    let mut location = stores::s3_location()?;
    location.prefix = format!("test-{}", uuid::Uuid::new_v4());
    let config = BlobsConfig { location: Location::S3(location), create_bucket: true };
    Some(Scene::over(backend, tempfile::tempdir().unwrap(), &config, None).await)
}

pub(super) fn bytes(size: usize) -> Bytes {
    (0..size).map(|at| (at * 31 + at / 251) as u8).collect::<Vec<_>>().into()
}

pub(super) fn chunks(bytes: Bytes, broken: bool) -> BoxStream<'static, Result<Bytes>> {
    let whole: Vec<_> = bytes.chunks(60_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let end = broken.then(|| Err(Error::invalid("body", "the client is gone")));
    stream::iter(whole.into_iter().chain(end)).boxed()
}

pub(super) fn after(offset: usize, length: usize) -> Patch {
    Patch { offset: offset as u64, length: Some(length as u64), checksums: Checksums::default() }
}

async fn started(scene: &Scene, size: usize) -> String {
    let put = PutFile { length: Some(size as u64), ..file("m", "1", "f") };
    scene.registry.files.create_resumable(&scene.context, put, "").await.unwrap().id
}

async fn reads(scene: &Scene, expected: &Bytes) {
    let target = Target::Version { model: "m".parse().unwrap(), version: "1".parse().unwrap() };
    let file = scene.registry.files.get_file(&scene.context, &target, &"f".parse().unwrap()).await.unwrap();
    assert_eq!((file.blob.size, file.blob.sha256), (expected.len() as u64, Sha256::of(expected)));
    assert!(scene.read(&file).await == *expected);
}

async fn odd_pieces_become_the_whole_in_a_folder(backend: Backend) {
    odd_pieces_become_the_whole(folder(backend).await).await;
}

async fn odd_pieces_become_the_whole_in_a_bucket(backend: Backend) {
    odd_pieces_become_the_whole(bucket(backend).await).await;
}

fn checksums(algorithm: &str, expected: Vec<u8>) -> Checksums {
    let mut sums = Checksums::default();
    sums.add(algorithm, expected).unwrap();
    sums
}

/// Pieces of many sizes, each with and without a checksum.
async fn odd_pieces_become_the_whole(scene: Option<Scene>) {
    let Some(scene) = scene else { return };
    let whole = bytes(30 * MIB + 17);
    let id = started(&scene, whole.len()).await;
    let mut at = 0;
    for (number, size) in [1, 3 * MIB + 5, 5 * MIB, 9 * MIB, 77, 12 * MIB, MIB].into_iter().enumerate() {
        let piece = whole.slice(at..(at + size).min(whole.len()));
        let patch = after(at, piece.len());
        if number % 2 == 1 {
            let wrong = Patch { checksums: checksums("sha256", vec![0; 32]), ..patch.clone() };
            let refused =
                scene.registry.files.append_resumable(&scene.context, &id, wrong, chunks(piece.clone(), false)).await;
            assert_eq!(refused.unwrap_err().field(), Some("Upload-Checksum"));
        }
        let mut sums = Checksums::default();
        if number % 2 == 1 {
            sums = checksums("sha256", Sha256::of(&piece).as_bytes().to_vec());
            sums.add_sha256(Sha256::of(&piece), "Repr-Digest");
        }
        let patch = Patch { checksums: sums, ..patch };
        at += piece.len();
        let state =
            scene.registry.files.append_resumable(&scene.context, &id, patch, chunks(piece, false)).await.unwrap();
        assert_eq!(state.offset, at as u64);
    }
    assert_eq!(at, whole.len());
    reads(&scene, &whole).await;
    scene.holds(1, 1, 1).await;
    assert_eq!((scene.count("resumable_parts"), scene.count("resumable_tails")), (0, 0));
}

async fn what_arrived_of_a_broken_body_is_kept_in_a_folder(backend: Backend) {
    what_arrived_of_a_broken_body_is_kept(folder(backend).await).await;
}

async fn what_arrived_of_a_broken_body_is_kept_in_a_bucket(backend: Backend) {
    what_arrived_of_a_broken_body_is_kept(bucket(backend).await).await;
}

async fn what_arrived_of_a_broken_body_is_kept(scene: Option<Scene>) {
    let Some(scene) = scene else { return };
    let whole = bytes(20 * MIB);
    let id = started(&scene, whole.len()).await;
    for (at, end) in [(0, 2 * MIB + 3), (2 * MIB + 3, 11 * MIB)] {
        let patch = after(at, whole.len() - at);
        let broken =
            scene.registry.files.append_resumable(&scene.context, &id, patch, chunks(whole.slice(at..end), true)).await;
        assert_eq!(broken.unwrap_err().message(), "the client is gone");
        assert_eq!(scene.registry.files.resumable(&scene.context, &id).await.unwrap().offset, end as u64);
    }
    // Bytes whose checksum nobody could compare are not.
    let patch = Patch { checksums: checksums("md5", vec![0; 16]), ..after(11 * MIB, 9 * MIB) };
    let body = chunks(whole.slice(11 * MIB..15 * MIB), true);
    scene.registry.files.append_resumable(&scene.context, &id, patch, body).await.unwrap_err();
    assert_eq!(scene.registry.files.resumable(&scene.context, &id).await.unwrap().offset, 11 * MIB as u64);
    let (rest, patch) = (whole.slice(11 * MIB..), after(11 * MIB, 9 * MIB));
    scene.registry.files.append_resumable(&scene.context, &id, patch, chunks(rest, false)).await.unwrap();
    reads(&scene, &whole).await;
}

async fn expired_uploads_are_collected_from_a_folder(backend: Backend) {
    expired_uploads_are_collected(folder(backend).await).await;
}

async fn expired_uploads_are_collected_from_a_bucket(backend: Backend) {
    expired_uploads_are_collected(bucket(backend).await).await;
}

async fn expired_uploads_are_collected(scene: Option<Scene>) {
    let Some(scene) = scene else { return };
    let (whole, before) = (bytes(20 * MIB), wall_clock()());
    let id = started(&scene, whole.len()).await;
    let patch = after(0, 9 * MIB);
    scene
        .registry
        .files
        .append_resumable(&scene.context, &id, patch, chunks(whole.slice(..9 * MIB), false))
        .await
        .unwrap();
    scene.pass(23 * HOUR);
    assert_eq!(scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap().expired_uploads, 0);
    assert!(scene.registry.files.resumable(&scene.context, &id).await.unwrap().expires_at > before);
    scene.pass(2 * HOUR);
    let gone = scene.registry.files.resumable(&scene.context, &id).await.unwrap_err();
    assert_eq!((gone.kind(), gone.field()), (ErrorKind::Gone, Some("Upload-Expires")));
    assert_eq!(scene.registry.upkeep.collect(&scene.context, HOUR, true).await.unwrap().expired_uploads, 1);
    assert_eq!(scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap().expired_uploads, 1);
    scene.holds(0, 0, 0).await;
    assert_eq!(scene.count("resumable_uploads"), 0);
}

async fn an_upload_collected_while_it_is_written_is_not_found_in_a_folder(backend: Backend) {
    an_upload_collected_while_it_is_written_is_not_found(folder(backend).await).await;
}

async fn an_upload_collected_while_it_is_written_is_not_found_in_a_bucket(backend: Backend) {
    an_upload_collected_while_it_is_written_is_not_found(bucket(backend).await).await;
}

/// The collector sees a clock that is a day ahead, as that of another replica may be, and removes the object below the writer.
async fn an_upload_collected_while_it_is_written_is_not_found(scene: Option<Scene>) {
    let Some(scene) = scene else { return };
    let whole = bytes(40 * MIB);
    let id = started(&scene, whole.len()).await;
    let collected = stream::once(async {
        scene.pass(25 * HOUR);
        assert_eq!(scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap().expired_uploads, 1);
        Ok(whole.slice(18 * MIB..18 * MIB + 1))
    });
    let (before, rest) = (chunks(whole.slice(..18 * MIB), false), chunks(whole.slice(18 * MIB + 1..), false));
    let body = Box::pin(before.chain(collected).chain(rest));
    let lost =
        scene.registry.files.append_resumable(&scene.context, &id, after(0, whole.len()), body).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::NotFound, "{lost}");
    assert_eq!((scene.count("resumable_uploads"), scene.count("files")), (0, 0));
}

async fn parts_become_the_whole_in_a_folder(backend: Backend) {
    parts_become_the_whole(folder(backend).await).await;
}

async fn parts_become_the_whole_in_a_bucket(backend: Backend) {
    parts_become_the_whole(bucket(backend).await).await;
}

/// Parts of many sizes, shorter than a bucket's parts and longer than several, in two requests each and none at all.
async fn parts_become_the_whole(scene: Option<Scene>) {
    let Some(scene) = scene else { return };
    let whole = bytes(21 * MIB + 17);
    let (mut ids, mut at) = (Vec::new(), 0);
    for size in [3, 18 * MIB + 5, 0, 2 * MIB + 9, MIB] {
        let part = whole.slice(at..at + size);
        at += size;
        let id = scene.registry.files.create_partial(&scene.context, size as u64, "").await.unwrap().id;
        let middle = size / 2;
        for piece in [0..middle, middle..size] {
            let patch = after(piece.start, piece.len());
            let body = chunks(part.slice(piece), false);
            scene.registry.files.append_resumable(&scene.context, &id, patch, body).await.unwrap();
        }
        ids.push(id);
    }
    assert_eq!(at, whole.len());
    assert_eq!((scene.count("files"), scene.count("nodes"), scene.objects().await.len()), (0, 0, 5));
    assert_eq!((scene.count("resumable_parts"), scene.count("resumable_tails")), (0, 0));
    let put = PutFile { sha256: Some(Sha256::of(&whole)), ..file("m", "1", "f") };
    let words = ("final;…", "");
    let wrong = PutFile { sha256: Some(Sha256::of(b"")), ..put.clone() };
    let refused = scene.registry.files.concatenate(&scene.context, wrong, ids.clone(), words).await.unwrap_err();
    assert_eq!(refused.field(), Some("sha256"));
    assert_eq!((scene.count("files"), scene.objects().await.len(), scene.count("uploads")), (0, 5, 5));
    let made = scene.registry.files.concatenate(&scene.context, put.clone(), ids.clone(), words).await.unwrap();
    assert_eq!((made.offset, made.length), (whole.len() as u64, whole.len() as u64));
    assert_eq!(made.sha256, Some(Sha256::of(&whole).to_string()));
    assert!(made.finished_at.is_some());
    reads(&scene, &whole).await;
    // The same again, as a client that lost the answer does: the file has these bytes, and no second object stays.
    scene.registry.files.concatenate(&scene.context, put, ids.clone(), words).await.unwrap();
    assert_eq!((scene.count("files"), scene.objects().await.len(), scene.count("uploads")), (1, 6, 5));
    scene.registry.files.delete_resumable(&scene.context, &ids[0]).await.unwrap();
    assert_eq!(scene.objects().await.len(), 5);
    scene.pass(25 * HOUR);
    // Four parts, and both uploads that stand for the file.
    assert_eq!(scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap().expired_uploads, 6);
    scene.holds(1, 1, 1).await;
    assert_eq!(scene.count("resumable_uploads"), 0);
}
