//! What a workspace has, in numbers.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::answers;
use super::enums::Verdict;
use super::errors::ListModelsErrors;
use super::request::KnownHeaders;
use crate::domain::Result;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::listed::Total;
use crate::registry::summary::{FilesAlike, Summary};

/// How many there are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CountView {
    /// The number.
    pub count: u64,
    /// Whether there may be more: counting ended there.
    pub at_least: bool,
}

/// How many files of one format there are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FormatCount {
    /// The format; absent of those whose format is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// How many there are.
    #[serde(flatten)]
    pub files: CountView,
}

/// How many files of one verdict there are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerdictCount {
    /// The verdict; absent of those that were not inspected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Verdict>)]
    pub verdict: Option<String>,
    /// How many there are.
    #[serde(flatten)]
    pub files: CountView,
}

/// What a workspace has, of what the caller sees.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceSummaryView {
    /// Its registered models. Prompts are none.
    pub models: CountView,
    /// Their versions.
    pub versions: CountView,
    /// Its files.
    pub files: CountView,
    /// Their bytes: each file counts with its full size, whether its bytes are stored for others, too.
    pub bytes: CountView,
    /// Its quarantined files.
    pub quarantined: CountView,
    /// Its files by format, the most frequent first.
    pub formats: Vec<FormatCount>,
    /// Its files by verdict, the harmless first.
    pub verdicts: Vec<VerdictCount>,
}

impl From<Total> for CountView {
    fn from(total: Total) -> Self {
        match total {
            Total::Exactly(count) => Self { count, at_least: false },
            Total::AtLeast(count) => Self { count, at_least: true },
        }
    }
}

impl From<Summary> for WorkspaceSummaryView {
    fn from(summary: Summary) -> Self {
        let Summary { models, versions, files, bytes, quarantined, formats, verdicts } = summary;
        let format = |FilesAlike { name, files }| FormatCount { format: name, files: files.into() };
        let verdict = |FilesAlike { name, files }| VerdictCount { verdict: name, files: files.into() };
        Self {
            models: models.into(),
            versions: versions.into(),
            files: files.into(),
            bytes: bytes.into(),
            quarantined: quarantined.into(),
            formats: formats.into_iter().map(format).collect(),
            verdicts: verdicts.into_iter().map(verdict).collect(),
        }
    }
}

/// Counts what a workspace has, of what the caller sees: models, versions, files, their bytes, and what was found in them.
///
/// Counting ends at 10,000 of each, which `atLeast` says; formats and harmless verdicts are then those of 10,000 files. Whoever sees all of
/// the workspace is told all its files and bytes.
#[utoipa::path(
    get, path = "/summary", operation_id = "getSummary", tag = "models",
    params(KnownHeaders),
    responses(
        (status = 200, description = "The numbers.", body = WorkspaceSummaryView),
        (status = 304, description = "The client has it."),
        ListModelsErrors,
    ),
)]
pub async fn get_summary(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let summary = caller.registry.entities.summary(&caller.context).await?;
    Ok(answers::json(&request, &WorkspaceSummaryView::from(summary))?)
}
