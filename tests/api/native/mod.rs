//! The native API: files, versions, aliases, removal, history.

mod accounts;
mod addresses;
mod aliases;
mod approvals;
mod archives;
mod concatenation;
mod conditions;
mod content_coding;
mod copies;
mod diff;
mod digests;
mod downloads;
mod dry_run;
mod environments;
mod experiments;
mod exports;
mod facets;
mod history;
mod impact;
mod in_use;
mod known_lists;
mod lineage;
mod listing;
mod lists;
mod metrics;
mod parameters;
mod patches;
mod paths;
mod policy;
mod ranges;
mod records;
mod register;
mod removal;
mod replacing;
mod reproduce;
mod reserved;
mod resumable;
mod retries;
mod reverts;
mod runs;
mod search;
mod series;
mod sparse;
mod summary;
mod system;
mod tensors;
mod trained;
mod uploads;
mod views;

use super::app::{Answer, TestApp};
use super::transcript::Transcript;

/// Where the API is.
pub const API: &str = "/api/v1";

/// Where the tests keep their file.
const FILE: &str = "/api/v1/models/demo/versions/1/files/model.bin";

/// The bytes of that file.
const BYTES: &[u8] = b"0123456789";

/// The digest of those bytes, in hexadecimal.
const SHA256: &str = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";

/// The same digest as RFC 9530 writes it.
const DIGEST: &str = "sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:";

fn transcript(app: &TestApp) -> Transcript<'_> {
    Transcript::new(app, API)
}

/// An app that has [`FILE`].
async fn with_file() -> TestApp {
    let app = TestApp::new().await;
    app.put(FILE, BYTES).await.expect(201);
    app
}

/// The paths in a list of files.
fn paths(list: &Answer) -> Vec<String> {
    list.json()["items"].as_array().unwrap().iter().map(|item| item["path"].as_str().unwrap().to_owned()).collect()
}
