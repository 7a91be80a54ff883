//! Files of a whole workspace, and who has the bytes of a digest.

use actix_web::web::{Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use modelport_inspect::Rule;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Paging;
use super::answers;
use super::errors::{ListModelsErrors, ReadErrors};
use super::request::KnownHeaders;
use super::wire::{FileView, id_and_name};
use crate::domain::filter::VERDICTS;
use crate::domain::value::{check_text, find_named};
use crate::domain::{Error, Result, Sha256};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::RequestContext;
use crate::registry::found_files::{FileSearch, FoundFile, FoundFiles};

/// Which files are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FileFilter {
    /// Of this verdict, or of one of these, separated by commas.
    #[param(pattern = "^(clean|info|warn|suspicious|danger)(,(clean|info|warn|suspicious|danger))*$")]
    verdict: Option<String>,
    /// Whether they are quarantined.
    quarantined: Option<bool>,
    /// In which something was found by the rule with this id.
    rule: Option<String>,
    /// Of this format.
    format: Option<String>,
    /// With this path, in which `*` is any text.
    path: Option<String>,
}

impl FileFilter {
    fn search(&self) -> Result<FileSearch> {
        let verdict = |given: &str| {
            let (name, _) = find_named(&VERDICTS, |(name, _)| name, "verdict", given)?;
            Ok(name.to_owned())
        };
        let rule = |given: &str| find_named(Rule::ALL, |rule| rule.id(), "rule", given);
        for (field, text) in [("format", &self.format), ("path", &self.path)] {
            text.as_deref().map_or(Ok(()), |text| check_text(field, text))?;
        }
        Ok(FileSearch {
            verdicts: self.verdict.iter().flat_map(|given| given.split(',')).map(verdict).collect::<Result<_>>()?,
            quarantined: self.quarantined,
            rule: self.rule.as_deref().map(rule).transpose()?,
            format: self.format.clone(),
            path: self.path.clone(),
        })
    }
}

/// A file, and what it belongs to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundFileView {
    /// The file.
    #[serde(flatten)]
    pub file: FileView,
    /// The name of the model whose version has it; absent where it belongs to a run, or to nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The id of that model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// The name of that version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The id of that version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

/// A page of files, ordered by artifact and path.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundFileList {
    /// The files.
    pub items: Vec<FoundFileView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

/// Bytes, and the files that have them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlobView {
    /// The SHA-256 of the bytes, in hexadecimal.
    pub sha256: String,
    /// The files, ordered by artifact and path.
    pub items: Vec<FoundFileView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

impl FoundFileView {
    /// A file with what it belongs to.
    pub fn new(context: &RequestContext, found: &FoundFile) -> Self {
        let FoundFile { file, inspection, version, model } = found;
        let (version_id, version) = id_and_name(version.as_ref());
        let (model_id, model) = id_and_name(model.as_ref());
        Self { file: FileView::new(context, file, inspection.as_ref()), model, model_id, version, version_id }
    }
}

fn shown(context: &RequestContext, found: FoundFiles) -> FoundFileList {
    FoundFileList {
        items: found.files.iter().map(|found| FoundFileView::new(context, found)).collect(),
        next_page_token: found.next.unwrap_or_default(),
    }
}

/// Lists the files of all models, runs and artifacts of a workspace: those that are quarantined, those of a verdict, those in which a rule
/// found something.
#[utoipa::path(
    get, path = "/files", operation_id = "listFiles", tag = "files",
    params(FileFilter, Paging, KnownHeaders),
    responses(
        (status = 200, description = "A page.", body = FoundFileList),
        (status = 304, description = "The client has it."),
        ListModelsErrors,
    ),
)]
pub async fn list_files(
    caller: Caller,
    filter: Query<FileFilter>,
    paging: Query<Paging>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let token = paging.next_page_token()?.map(str::to_owned);
    let found = caller.registry.files.search_files(&caller.context, filter.search()?, paging.size(), token).await?;
    Ok(answers::json(&request, &shown(&caller.context, found))?)
}

/// Shows which files have the bytes of a digest, of those that the caller may see. Bytes that no such file has are not found.
#[utoipa::path(
    get, path = "/blobs/{sha256}", operation_id = "getBlob", tag = "files",
    params(
        ("sha256" = String, Path, description = "The SHA-256 of the bytes, in hexadecimal.", pattern = "^[0-9a-f]{64}$"),
        Paging,
        KnownHeaders,
    ),
    responses(
        (status = 200, description = "A page of the files.", body = BlobView),
        (status = 304, description = "The client has it."),
        ReadErrors,
    ),
)]
pub async fn get_blob(
    caller: Caller,
    sha256: Path<String>,
    paging: Query<Paging>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let sha256: Sha256 = sha256.parse().map_err(|error: Error| error.on_field("sha256"))?;
    let token = paging.next_page_token()?.map(str::to_owned);
    let found = caller.registry.files.files_with_bytes(&caller.context, sha256, paging.size(), token).await?;
    let FoundFileList { items, next_page_token } = shown(&caller.context, found);
    Ok(answers::json(&request, &BlobView { sha256: sha256.to_string(), items, next_page_token })?)
}
