//! Parts that the collector takes away while they are put together, from a folder and from a bucket.

use std::fs::{File, OpenOptions, hard_link, remove_file};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use modelport::blobs::{BlobsConfig, Location, S3Location};
use modelport::domain::ErrorKind;
use modelport::registry::collected::Report;
use modelport::registry::{Registry, RegistryOptions};
use tokio::task::spawn_blocking;

use super::resumable::{MIB, after, bytes, chunks};
use super::{HOUR, Scene, file};
use crate::blobs::server::{Barrier, blocking};
use crate::blobs::stores::{self, eventually};
use crate::support::{Backend, on_both};

on_both! {
    parts_taken_away_leave_nothing_in_a_folder,
    parts_taken_away_leave_nothing_in_a_bucket,
    parts_and_upload_taken_away_leave_nothing_in_a_folder,
    parts_and_upload_taken_away_leave_nothing_in_a_bucket,
}

/// What the concatenation waits for between two parts.
enum Gate {
    /// Two parts are pipes, whose opening waits until somebody writes to them.
    Pipes(PathBuf),
    /// A server before that of the bucket makes the request for a part wait.
    Server(Arc<Barrier>, S3Location),
}

impl Gate {
    /// Puts the gate at the second and the third of these objects.
    fn set(&self, keys: &[String]) {
        match self {
            Self::Pipes(folder) => {
                for key in &keys[1..3] {
                    remove_file(folder.join(key)).unwrap();
                    assert!(Command::new("mkfifo").arg(folder.join(key)).status().unwrap().success());
                }
                // The collector removes the pipe's other name.
                hard_link(folder.join(&keys[2]), folder.join("pipe")).unwrap();
            }
            Self::Server(barrier, _) => *barrier.key.lock().unwrap() = Some(keys[1].clone()),
        }
    }

    /// Waits until the bytes before it were read.
    async fn reached(&self, keys: &[String]) {
        match self {
            Self::Pipes(folder) => drop(writer(folder.join(&keys[1])).await),
            Self::Server(barrier, _) => barrier.reached.notified().await,
        }
    }

    async fn open(&self) {
        match self {
            Self::Pipes(folder) => {
                drop(writer(folder.join("pipe")).await);
                remove_file(folder.join("pipe")).unwrap();
            }
            Self::Server(barrier, _) => barrier.open.notify_one(),
        }
    }

    /// Waits until no unfinished upload to the object is there, as its removal may continue in the background.
    async fn has_no_upload(&self, key: &str) {
        let Self::Server(_, location) = self else { return };
        let (client, object) = (stores::client(location).await, format!("{}/{key}", location.prefix));
        eventually(|| async {
            let uploads = client.list_multipart_uploads().bucket(&location.bucket).prefix(&object);
            uploads.send().await.unwrap().uploads.unwrap_or_default().is_empty()
        })
        .await;
    }
}

/// The end of a pipe to write to, once somebody reads from it.
async fn writer(pipe: PathBuf) -> File {
    spawn_blocking(move || OpenOptions::new().write(true).open(pipe).unwrap()).await.unwrap()
}

async fn folder(backend: Backend) -> Option<(Scene, Gate)> {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::Pipes(folder.path().to_owned());
    let config = BlobsConfig { location: Location::Local(folder.path().to_owned()), create_bucket: false };
    Some((Scene::over(backend, folder, &config, None).await, gate))
}

async fn bucket(backend: Backend) -> Option<(Scene, Gate)> {
    let mut location = stores::s3_location()?;
    location.prefix = format!("test-{}", uuid::Uuid::new_v4());
    let (barrier, behind) = (Arc::new(Barrier::default()), location.clone());
    location.endpoint = Some(blocking(&location.endpoint.unwrap(), Arc::clone(&barrier)).await);
    let config = BlobsConfig { location: Location::S3(location), create_bucket: true };
    let scene = Scene::over(backend, tempfile::tempdir().unwrap(), &config, None).await;
    Some((scene, Gate::Server(barrier, behind)))
}

/// The collector of another replica, whose clock is a day ahead.
async fn collect_a_day_ahead(scene: &Scene, grace: Duration) -> Report {
    let clock = Arc::clone(&scene.clock);
    let ahead = i64::try_from(25 * HOUR.as_millis()).unwrap();
    let tell = Arc::new(move || clock.load(Ordering::SeqCst) + ahead);
    let options = RegistryOptions { clock: tell, ..RegistryOptions::default() };
    let replica = Registry::new(scene.store.clone(), scene.blobs.clone(), options);
    replica.upkeep.collect(&replica.own_context(), grace, false).await.unwrap()
}

async fn parts_taken_away_leave_nothing_in_a_folder(backend: Backend) {
    parts_taken_away_leave_nothing(folder(backend).await, 100 * HOUR).await;
}

async fn parts_taken_away_leave_nothing_in_a_bucket(backend: Backend) {
    parts_taken_away_leave_nothing(bucket(backend).await, 100 * HOUR).await;
}

/// The collector also takes what was put together of them so far.
async fn parts_and_upload_taken_away_leave_nothing_in_a_folder(backend: Backend) {
    parts_taken_away_leave_nothing(folder(backend).await, HOUR).await;
}

async fn parts_and_upload_taken_away_leave_nothing_in_a_bucket(backend: Backend) {
    parts_taken_away_leave_nothing(bucket(backend).await, HOUR).await;
}

/// The first part is longer than those of a bucket, so that an upload to the bucket has begun.
async fn parts_taken_away_leave_nothing(scene: Option<(Scene, Gate)>, grace: Duration) {
    let Some((scene, gate)) = scene else { return };
    let files = &scene.registry.files;
    let (mut ids, mut keys) = (Vec::new(), Vec::new());
    for size in [18 * MIB, 1, 1, MIB] {
        let id = files.create_partial(&scene.context, size as u64, "").await.unwrap().id;
        let body = chunks(bytes(size), false);
        files.append_resumable(&scene.context, &id, after(0, size), body).await.unwrap();
        let key = format!("SELECT key AS line FROM resumable_uploads WHERE id = '{id}'");
        keys.extend(scene.database.lines(&key));
        ids.push(id);
    }
    gate.set(&keys);
    let meanwhile = async {
        gate.reached(&keys).await;
        let whole = "SELECT key AS line FROM uploads WHERE key NOT IN (SELECT key FROM resumable_uploads)";
        let whole = scene.database.lines(whole).remove(0);
        let found = collect_a_day_ahead(&scene, grace).await;
        let abandoned_uploads = u64::from(grace == HOUR);
        assert_eq!(found, Report { expired_uploads: 4, abandoned_uploads, ..Report::default() });
        gate.open().await;
        whole
    };
    let put = file("m", "1", "f");
    let (joined, whole) =
        tokio::join!(files.concatenate(&scene.context, put.clone(), ids.clone(), ("final;…", "")), meanwhile);
    let error = joined.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("Upload-Concat")), "{error}");
    assert!(ids.iter().any(|id| error.message().contains(id)), "{error}");
    scene.holds(0, 0, 0).await;
    gate.has_no_upload(&whole).await;
    for table in ["nodes", "changes", "resumable_uploads", "resumable_parts", "resumable_tails"] {
        assert_eq!(scene.count(table), 0, "{table}");
    }
    // The same again is refused in the same way.
    let again = files.concatenate(&scene.context, put, ids, ("final;…", "")).await.unwrap_err();
    assert_eq!((again.kind(), again.field()), (ErrorKind::NotFound, Some("Upload-Concat")), "{again}");
}
