//! Files that arrive in numbered parts, in a folder and in a bucket.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use modelport::domain::{ErrorKind, FilePath, Result, Sha256};
use modelport::registry::resumable::NewPart;
use modelport::registry::resumable::multipart::{MAX_PARTS, MultipartUpload, TaggedPart};
use modelport::registry::target::Target;
use modelport::registry::tracking::run_files::Folder;

use super::resumable::{MIB, bucket, bytes, chunks, folder};
use super::{HOUR, Scene};
use crate::support::{Backend, on_both};

on_both! {
    parts_in_any_order_become_a_file_in_a_folder,
    parts_in_any_order_become_a_file_in_a_bucket,
    what_is_not_whole_becomes_no_file,
    only_the_secret_lets_parts_in,
    an_upload_that_is_given_up_leaves_nothing,
    what_expires_is_collected,
    parts_have_the_limit_of_their_file_together,
    no_parts_are_an_empty_file,
    a_file_that_is_made_is_made_once,
}

fn target() -> Target {
    Target::Folder("place:/custom".parse().unwrap())
}

fn path() -> FilePath {
    "a/f.bin".parse().unwrap()
}

async fn begun(scene: &Scene, parts: u64) -> MultipartUpload {
    scene.registry.files.create_multipart(&scene.context, &target(), &path(), parts).await.unwrap()
}

fn part(upload: &MultipartUpload, number: u64) -> NewPart {
    NewPart { upload: upload.id.clone(), secret: upload.secret.clone(), number, length: None, sha256: None }
}

async fn send(scene: &Scene, part: NewPart, body: &Bytes) -> Result<TaggedPart> {
    let number = part.number;
    let tag = scene.registry.files.put_part(&scene.context, part, chunks(body.clone(), false)).await?;
    assert_eq!(tag, Sha256::of(body));
    Ok(TaggedPart { number, tag: format!("\"{tag}\"") })
}

async fn complete(scene: &Scene, upload: &MultipartUpload, parts: Vec<TaggedPart>) -> Result<()> {
    let (target, path) = (target(), path());
    scene.registry.files.complete_multipart(&scene.context, &upload.id, (&target, &path), parts).await
}

async fn reads(scene: &Scene, expected: &[u8]) {
    let folder = Folder::Named("place:/custom".parse().unwrap());
    let file = scene.registry.tracking.get_folder_file(&scene.context, &folder, &path()).await.unwrap().1;
    assert_eq!((file.blob.size, file.blob.sha256), (expected.len() as u64, Sha256::of(expected)));
    assert!(scene.read(&file).await == expected);
}

/// The parts are removed after the answer.
async fn eventually_holds(scene: &Scene, files: i64, blobs: i64, objects: usize) {
    for _ in 0..500 {
        if scene.count("resumable_uploads") == 1 && scene.count("uploads") == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    scene.holds(files, blobs, objects).await;
}

async fn parts_in_any_order_become_a_file_in_a_folder(backend: Backend) {
    parts_in_any_order_become_a_file(folder(backend).await).await;
}

async fn parts_in_any_order_become_a_file_in_a_bucket(backend: Backend) {
    parts_in_any_order_become_a_file(bucket(backend).await).await;
}

async fn parts_in_any_order_become_a_file(scene: Option<Scene>) {
    let Some(scene) = scene else { return };
    let whole = bytes(9 * MIB + 17);
    let upload = begun(&scene, 10).await;
    let slice = |number: u64| {
        let start = (number as usize - 1) * MIB;
        whole.slice(start..(start + MIB).min(whole.len()))
    };
    // One arrives broken, one with other bytes before its own, and all at once from the last on.
    let broken = scene.registry.files.put_part(&scene.context, part(&upload, 4), chunks(slice(4), true)).await;
    assert_eq!(broken.unwrap_err().kind(), ErrorKind::InvalidArgument);
    send(&scene, part(&upload, 3), &bytes(77)).await.unwrap();
    let sent = join_all((1..=10).rev().map(|number| {
        let length = Some(slice(number).len() as u64);
        let part = NewPart { length, ..part(&upload, number) };
        let (scene, body) = (&scene, slice(number));
        async move { send(scene, part, &body).await.unwrap() }
    }));
    let sent = sent.await;
    assert_eq!(scene.count("multipart_parts"), 10);
    complete(&scene, &upload, sent.clone()).await.unwrap();
    reads(&scene, &whole).await;
    eventually_holds(&scene, 1, 1, 1).await;
    // Asked again, as by a client that did not hear the answer; it says no longer what it is to be.
    complete(&scene, &upload, sent).await.unwrap();
    let late = send(&scene, part(&upload, 1), &bytes(1)).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::InvalidState);
    let (target, path) = (target(), path());
    scene.registry.files.abort_multipart(&scene.context, &upload.id, (&target, &path)).await.unwrap();
    reads(&scene, &whole).await;
}

async fn what_is_not_whole_becomes_no_file(backend: Backend) {
    let scene = Scene::new(backend).await;
    let upload = begun(&scene, 2).await;
    let one = send(&scene, part(&upload, 1), &bytes(5)).await.unwrap();
    let never = TaggedPart { number: 2, ..one.clone() };
    let wrong = TaggedPart { tag: Sha256::of(b"").to_string(), ..one.clone() };
    for parts in [vec![one.clone()], vec![one.clone(), never], vec![wrong]] {
        let refused = complete(&scene, &upload, parts).await.unwrap_err();
        assert_eq!((refused.kind(), refused.field()), (ErrorKind::InvalidArgument, Some("parts")));
    }
    for number in [0, 3] {
        let refused = send(&scene, part(&upload, number), &bytes(5)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    }
    let announced = NewPart { sha256: Some(Sha256::of(b"other")), ..part(&upload, 2) };
    let refused = send(&scene, announced, &bytes(5)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::DigestMismatch);
    let short = NewPart { length: Some(6), ..part(&upload, 2) };
    assert_eq!(send(&scene, short, &bytes(5)).await.unwrap_err().kind(), ErrorKind::InvalidBody);
    let (target, other) = (target(), "a/other".parse().unwrap());
    let elsewhere =
        scene.registry.files.complete_multipart(&scene.context, &upload.id, (&target, &other), vec![]).await;
    assert_eq!(elsewhere.unwrap_err().kind(), ErrorKind::NotFound);
    let many = scene.registry.files.create_multipart(&scene.context, &target, &other, MAX_PARTS + 1).await;
    assert_eq!(many.unwrap_err().kind(), ErrorKind::InvalidArgument);
    // All that is there is still there, and the rest makes a file of it.
    let two = send(&scene, part(&upload, 2), &bytes(3)).await.unwrap();
    complete(&scene, &upload, vec![two, one]).await.unwrap();
    reads(&scene, &[bytes(5), bytes(3)].concat()).await;
}

async fn only_the_secret_lets_parts_in(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (upload, other) = (begun(&scene, 1).await, begun(&scene, 1).await);
    for (id, secret) in [
        (&upload.id, ""),
        (&upload.id, other.secret.as_str()),
        (&"0".repeat(32), upload.secret.as_str()),
        (&"x".to_owned(), upload.secret.as_str()),
    ] {
        let part = NewPart { upload: id.clone(), secret: secret.to_owned(), ..part(&upload, 1) };
        assert_eq!(send(&scene, part, &bytes(5)).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    // The database does not have it, and clients that resume uploads do not find this one.
    assert_eq!(scene.count(&format!("multipart_uploads WHERE secret = '{}'", upload.secret)), 0);
    let files = &scene.registry.files;
    assert_eq!(files.resumable(&scene.context, &upload.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(files.delete_resumable(&scene.context, &upload.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!((scene.count("multipart_uploads"), scene.count("uploads")), (2, 2));
}

async fn an_upload_that_is_given_up_leaves_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let upload = begun(&scene, 2).await;
    let one = send(&scene, part(&upload, 1), &bytes(5)).await.unwrap();
    let (target, path) = (target(), path());
    scene.registry.files.abort_multipart(&scene.context, &upload.id, (&target, &path)).await.unwrap();
    for table in ["multipart_uploads", "multipart_parts", "resumable_uploads", "uploads"] {
        assert_eq!(scene.count(table), 0, "{table}");
    }
    scene.holds(0, 0, 0).await;
    assert_eq!(send(&scene, part(&upload, 1), &bytes(5)).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(complete(&scene, &upload, vec![one]).await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn what_expires_is_collected(backend: Backend) {
    let scene = Scene::new(backend).await;
    let upload = begun(&scene, 2).await;
    send(&scene, part(&upload, 1), &bytes(5)).await.unwrap();
    scene.pass(23 * HOUR);
    send(&scene, part(&upload, 2), &bytes(5)).await.unwrap();
    scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap();
    assert_eq!(scene.count("multipart_parts"), 2);
    // It ends for all parts at once, whenever they came.
    scene.pass(2 * HOUR);
    assert_eq!(send(&scene, part(&upload, 2), &bytes(5)).await.unwrap_err().kind(), ErrorKind::Gone);
    let report = scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap();
    assert_eq!(report.expired_uploads, 3);
    scene.registry.upkeep.collect(&scene.context, HOUR, false).await.unwrap();
    for table in ["multipart_uploads", "multipart_parts", "resumable_uploads", "uploads"] {
        assert_eq!(scene.count(table), 0, "{table}");
    }
    scene.holds(0, 0, 0).await;
}

async fn parts_have_the_limit_of_their_file_together(backend: Backend) {
    let scene = Scene::limited(backend, Some(10)).await;
    let upload = begun(&scene, 2).await;
    let one = send(&scene, part(&upload, 1), &bytes(6)).await.unwrap();
    for length in [None, Some(5)] {
        let part = NewPart { length, ..part(&upload, 2) };
        assert_eq!(send(&scene, part, &bytes(5)).await.unwrap_err().kind(), ErrorKind::TooLarge);
    }
    // In the place of the same part there is room.
    let again = send(&scene, part(&upload, 1), &bytes(7)).await.unwrap();
    assert_ne!(one, again);
    let two = send(&scene, part(&upload, 2), &bytes(3)).await.unwrap();
    assert_eq!(complete(&scene, &upload, vec![one, two.clone()]).await.unwrap_err().field(), Some("parts"));
    complete(&scene, &upload, vec![again, two]).await.unwrap();
    eventually_holds(&scene, 1, 1, 1).await;
}

async fn no_parts_are_an_empty_file(backend: Backend) {
    let scene = Scene::new(backend).await;
    let upload = begun(&scene, 0).await;
    complete(&scene, &upload, vec![]).await.unwrap();
    reads(&scene, b"").await;
}

/// Of requests that end one upload at once, each is told that it is a file or that another one is at it; and what is given up meanwhile is
/// either a file or nothing.
async fn a_file_that_is_made_is_made_once(backend: Backend) {
    let scene = Arc::new(Scene::new(backend).await);
    let upload = begun(&scene, 1).await;
    let sent = send(&scene, part(&upload, 1), &bytes(MIB)).await.unwrap();
    let ends = join_all((0..8).map(|_| complete(&scene, &upload, vec![sent.clone()]))).await;
    let failed = ends.iter().filter_map(|end| end.as_ref().err());
    assert!(failed.clone().all(|error| error.kind() == ErrorKind::Unavailable), "{ends:?}");
    assert!(failed.count() < 8);
    reads(&scene, &bytes(MIB)).await;
    eventually_holds(&scene, 1, 1, 1).await;
    assert_eq!(scene.count("changes"), 2);
}
