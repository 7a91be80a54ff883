//! The stores under test. Each test has its own folder, or its own prefix in the bucket, and removes it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_s3::Client;
use futures_util::FutureExt;
use modelport::blobs::{Blobs, BlobsConfig, Key, Location, S3Location};
use tempfile::TempDir;
use uuid::Uuid;

/// A store, and a second way to look at what is in it.
pub struct Store {
    pub blobs: Blobs,
    backdoor: Backdoor,
}

pub enum Backdoor {
    Local(PathBuf),
    S3(Client, S3Location),
}

/// Runs a test on a store in a new folder.
pub async fn on_local(test: impl AsyncFnOnce(&Store)) {
    let folder = TempDir::new().unwrap();
    test(&local(folder.path()).await).await;
}

/// Opens a store in `folder`.
pub async fn local(folder: &Path) -> Store {
    let location = Location::Local(folder.to_owned());
    let blobs = Blobs::open(&BlobsConfig { location, create_bucket: false }).await.unwrap();
    Store { blobs, backdoor: Backdoor::Local(folder.to_owned()) }
}

/// Runs a test on a store below a new prefix of the test bucket.
pub async fn on_s3(test: impl AsyncFnOnce(&Store)) {
    let Some(mut location) = s3_location() else { return };
    location.prefix = format!("test-{}", Uuid::new_v4());
    let config = BlobsConfig { location: Location::S3(location.clone()), create_bucket: true };
    let blobs = Blobs::open(&config).await.unwrap();
    let store = Store { blobs, backdoor: Backdoor::S3(client(&location).await, location) };
    let result = AssertUnwindSafe(test(&store)).catch_unwind().await;
    store.backdoor.remove_objects().await;
    result.unwrap_or_else(|panic| resume_unwind(panic));
}

/// The test bucket, or `None` on a developer's machine that has none.
pub fn s3_location() -> Option<S3Location> {
    let Ok(text) = std::env::var("MODELPORT_TEST_S3") else {
        assert!(std::env::var_os("CI").is_none(), "MODELPORT_TEST_S3 is not set");
        eprintln!("skipped: MODELPORT_TEST_S3 is not set");
        return None;
    };
    match text.parse().unwrap() {
        Location::S3(location) => Some(location),
        Location::Local(_) => panic!("MODELPORT_TEST_S3 is `{text}`, which is not a bucket"),
    }
}

/// A plain client for the server of `location`.
pub async fn client(location: &S3Location) -> Client {
    let shared = aws_config::load_from_env().await;
    let config = aws_sdk_s3::config::Builder::from(&shared)
        .region(aws_sdk_s3::config::Region::new(location.region.clone().unwrap()))
        .endpoint_url(location.endpoint.clone().unwrap())
        .force_path_style(true);
    Client::from_conf(config.build())
}

impl Store {
    /// What there is in the whole store, with the unfinished uploads under `key`.
    pub async fn residue(&self, key: &Key) -> Vec<String> {
        match &self.backdoor {
            Backdoor::Local(folder) => files(folder),
            Backdoor::S3(client, location) => {
                let object = format!("{}/{key}", location.prefix);
                let uploads = client.list_multipart_uploads().bucket(&location.bucket).prefix(&object);
                let uploads = uploads.send().await.unwrap().uploads.unwrap_or_default();
                let mut residue = self.backdoor.objects().await;
                residue.extend(uploads.into_iter().filter_map(|upload| upload.upload_id));
                residue
            }
        }
    }

    /// Waits until there is nothing in the store, as a clean-up may continue in the background.
    pub async fn is_left_empty(&self, key: &Key) {
        eventually(|| async { self.residue(key).await.is_empty() }).await;
    }

    /// Leaves behind what a crash in the middle of an upload leaves behind.
    pub async fn leave_partial(&self, key: &Key) {
        match &self.backdoor {
            Backdoor::Local(folder) => write(folder, &format!("{key}.part"), b"partial"),
            Backdoor::S3(client, location) => {
                let object = format!("{}/{key}", location.prefix);
                let upload = client.create_multipart_upload().bucket(&location.bucket).key(&object);
                let id = upload.send().await.unwrap().upload_id.unwrap();
                let part = client.upload_part().bucket(&location.bucket).key(&object).upload_id(id).part_number(1);
                part.body(b"partial".to_vec().into()).send().await.unwrap();
            }
        }
    }

    /// Puts something under `name` that is not the store's.
    pub async fn leave_foreign(&self, name: &str) {
        match &self.backdoor {
            Backdoor::Local(folder) => write(folder, name, b"foreign"),
            Backdoor::S3(client, location) => {
                let object = client.put_object().bucket(&location.bucket).key(format!("{}/{name}", location.prefix));
                object.body(b"foreign".to_vec().into()).send().await.unwrap();
            }
        }
    }

    /// Whether the store lists unfinished uploads.
    pub fn lists_partial(&self) -> bool {
        matches!(self.backdoor, Backdoor::Local(_))
    }
}

impl Backdoor {
    async fn objects(&self) -> Vec<String> {
        let Self::S3(client, location) = self else { return Vec::new() };
        let list = client.list_objects_v2().bucket(&location.bucket).prefix(format!("{}/", location.prefix));
        let objects = list.send().await.unwrap().contents.unwrap_or_default();
        objects.into_iter().filter_map(|object| object.key).collect()
    }

    async fn remove_objects(&self) {
        let Self::S3(client, location) = self else { return };
        for object in self.objects().await {
            client.delete_object().bucket(&location.bucket).key(object).send().await.unwrap();
        }
    }
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Waits for something that happens in the background.
pub async fn eventually<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it has not come true in 20 s");
}
