//! One import: its order, what it has in common, and its report.
//!
//! Experiments come first, then their runs with what they logged, the logged models, and then which of these each run read and made; the
//! registered models in the end, whose versions may be made of what is here by then. Of everything one page is held at a time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::client::{Answer, Client};
use super::failure::Failure;
use super::wire::Page;
use super::{OnProgress, OnRemark};
use crate::domain::imports::mlflow::{Became, ImportRemark, ImportedKind, MlflowImport, MlflowReport};
use crate::domain::{Error, ErrorKind, NodeId};
use crate::registry::tracking::imported::Known;
use crate::registry::{Registry, RequestContext};

/// A path of the API.
pub(super) fn api<'a>(path: &[&'a str]) -> Vec<&'a str> {
    [&["api", "2.0", "mlflow"], path].concat()
}

/// How many things are imported at a time.
const AT_A_TIME: usize = 4;

/// One import.
pub(super) struct Importing {
    pub(super) registry: Registry,
    pub(super) context: RequestContext,
    pub(super) client: Client,
    pub(super) wanted: MlflowImport,
    /// The nodes of experiments by their ids there.
    experiments: Mutex<HashMap<String, NodeId>>,
    report: Mutex<MlflowReport>,
    done: AtomicU64,
    progress: OnProgress,
    remark: OnRemark,
}

impl Importing {
    pub(super) fn new(
        registry: Registry,
        context: RequestContext,
        client: Client,
        wanted: MlflowImport,
        progress: OnProgress,
        remark: OnRemark,
    ) -> Self {
        let (experiments, report, done) = (Mutex::default(), Mutex::default(), AtomicU64::default());
        Self { registry, context, client, wanted, experiments, report, done, progress, remark }
    }

    pub(super) fn into_report(self) -> MlflowReport {
        self.report.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does all of it.
    pub(super) async fn run(&self) -> Answer<()> {
        self.tell("asking the server");
        let version = self.client.text(&["version"]).await?;
        let version = version.map(|text| text.trim().to_owned()).filter(|text| is_version(text));
        self.tell(&format!("the server is MLflow {}", version.as_deref().unwrap_or("of some version")));
        if self.wanted.is_of_all() || !self.wanted.experiments.is_empty() {
            let found = self.list_experiments().await?;
            let mut with_uses = Vec::new();
            for experiment in &found {
                if self.import_runs(experiment).await? {
                    with_uses.push(experiment);
                }
            }
            for experiment in &found {
                if !self.import_logged_models(experiment).await? {
                    break;
                }
            }
            for experiment in with_uses {
                self.import_uses(experiment).await?;
            }
        }
        if self.wanted.is_of_all() || !self.wanted.models.is_empty() {
            self.import_models().await?;
        }
        self.tell("done");
        Ok(())
    }

    fn report(&self) -> MutexGuard<'_, MlflowReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what is being done.
    pub(super) fn tell(&self, message: &str) {
        (self.progress)(self.done.load(Ordering::Relaxed), message);
    }

    /// Adds a remark on one thing.
    pub(super) fn say(&self, kind: ImportedKind, id: &str, message: impl Into<String>) {
        let remark = ImportRemark { kind, id: id.to_owned(), message: message.into() };
        (self.remark)(&remark);
        self.report().remark(remark);
    }

    /// Counts one thing.
    pub(super) fn count(&self, kind: ImportedKind, became: Became) {
        self.report().count(kind, became);
    }

    /// Counts bytes that were fetched.
    pub(super) fn count_bytes(&self, bytes: u64) {
        self.report().bytes += bytes;
    }

    /// Counts what one thing became. What concerns it alone becomes a remark, and ends nothing.
    pub(super) fn ended(&self, kind: ImportedKind, id: &str, outcome: Answer<Became>) -> Answer<()> {
        let became = match outcome {
            Ok(became) => became,
            Err(failure) if failure.is_of_item && self.client.stopping.why().is_none() => {
                self.say(kind, id, words(&failure.error));
                Became::Left
            }
            Err(failure) => return Err(failure),
        };
        self.count(kind, became);
        self.done.fetch_add(1, Ordering::Relaxed);
        self.tell(&format!("{} {id}", kind.noun()));
        Ok(())
    }

    /// Notes which node is an experiment of the server's.
    pub(super) fn note_experiment(&self, id: &str, node: NodeId) {
        self.experiments.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), node);
    }

    /// The node of an experiment of the server's, where that was imported.
    pub(super) fn experiment(&self, id: &str) -> Option<NodeId> {
        self.experiments.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    /// The next page of a search by POST; its token is kept in `body`. The last page leaves none.
    pub(super) async fn next_page(&self, path: &[&str], body: &mut Json) -> Answer<Vec<Json>> {
        let path = api(path);
        let page: Page = self.client.post(&path, body).await?;
        let next = page.next_page_token.filter(|token| !token.is_empty());
        if next.is_some() && body.get("page_token").and_then(Json::as_str) == next.as_deref() {
            return Err(Failure::foreign(format!("/{} answers the same page again and again", path.join("/"))));
        }
        body["page_token"] = next.map_or(Json::Null, |token| json!(token));
        Ok(page.items)
    }
}

/// Whether a search that was begun has another page.
pub(super) fn has_more(body: &Json) -> bool {
    !body["page_token"].is_null()
}

/// What something of the server's becomes, of which that is known here. An import that was interrupted goes on.
pub(super) fn becomes(known: Option<&Known>, digest: &str) -> Became {
    match known.map(|known| known.digest.as_deref()) {
        None | Some(Some("")) => Became::Imported,
        Some(Some(known)) if known == digest => Became::Unchanged,
        Some(_) => Became::Updated,
    }
}

/// Something of the server's, as far as it is used.
pub(super) fn read<T: DeserializeOwned>(what: &Json) -> Answer<T> {
    serde_json::from_value(what.clone()).map_err(|error| {
        let shown: String = what.to_string().chars().take(200).collect();
        Failure::foreign(format!("the server's answer is not MLflow's: {error}: {shown}"))
    })
}

/// Does a few of these at a time, until one fails.
pub(super) async fn together(work: Vec<BoxFuture<'_, Answer<()>>>) -> Answer<()> {
    stream::iter(work).buffer_unordered(AT_A_TIME).try_collect::<()>().await
}

/// An error for people. Ours are logged.
pub(super) fn words(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Internal => {
            log::error!(error:%; "a part of an import failed");
            "internal error".to_owned()
        }
        _ => error.message().to_owned(),
    }
}

fn is_version(text: &str) -> bool {
    text.len() < 40 && text.starts_with(|first: char| first.is_ascii_digit())
}
