//! The tensors that a file of a version describes in its header.

use actix_web::HttpResponse;
use actix_web::web::{Path, Query};
use modelport_inspect::Tensor;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Paging;
use super::errors::TensorErrors;
use super::request::{GetOptions, VersionFilePath};
use crate::domain::Result;
use crate::domain::value::check_text;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::tensor_table::{TensorGroup, TensorPage, TensorQuery, TensorToken, TensorTotals};

/// Which tensors are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TensorFilter {
    /// Whose names begin so, as with `model.layers.0.`; they are grouped by what comes next in their names.
    #[serde(default)]
    prefix: String,
    /// Whose names have this somewhere, in capital letters or not.
    #[serde(default)]
    q: String,
}

impl TensorFilter {
    fn query(self, paging: &Paging) -> Result<TensorQuery> {
        check_text("prefix", &self.prefix)?;
        check_text("q", &self.q)?;
        let token = paging.next_page_token()?.map(TensorToken::decode).transpose()?;
        Ok(TensorQuery { prefix: self.prefix, text: self.q, size: paging.size(), token })
    }
}

/// A tensor as the header of its file describes it.
#[derive(Debug, Serialize, ToSchema)]
pub struct TensorView {
    /// Its name. NumPy's arrays without one are `arr_0`, `arr_1` and so on.
    pub name: String,
    /// Its element type, in the words of the format: `F32`, `Q4_K`, `FLOAT`, `f16`, `<f4`.
    pub dtype: String,
    /// How many elements it has in each dimension, in the order in which the file says it.
    pub shape: Vec<u64>,
    /// How many elements it has.
    pub parameters: u64,
    /// How many bytes they take; absent where that depends on the elements, or the element type is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Where they begin in the file that has them; absent where they do not lie there as they are, as in a compressed archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The file that has them where that is another one, as the file that was asked for writes its path: the shard of an index, the weights of an
    /// OpenVINO model, the external data of ONNX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl From<Tensor> for TensorView {
    fn from(tensor: Tensor) -> Self {
        let Tensor { name, dtype, shape, parameters, bytes, offset, file } = tensor;
        Self { name, dtype, shape, parameters, bytes, offset, file: file.map(|file| file.to_string()) }
    }
}

/// How many tensors there are, and what they take together.
#[derive(Debug, Serialize, ToSchema)]
pub struct TensorTotalsView {
    /// How many tensors.
    pub tensors: u64,
    /// How many elements they have.
    pub parameters: u64,
    /// How many bytes these take, as far as that is known.
    pub bytes: u64,
}

impl From<TensorTotals> for TensorTotalsView {
    fn from(TensorTotals { tensors, parameters, bytes }: TensorTotals) -> Self {
        Self { tensors, parameters, bytes }
    }
}

/// Tensors whose names begin alike.
#[derive(Debug, Serialize, ToSchema)]
pub struct TensorGroupView {
    /// What they begin with, up to a `.` or `/`, which is its last character; as `prefix` it leads into the group.
    pub prefix: String,
    /// What is in it.
    #[serde(flatten)]
    pub totals: TensorTotalsView,
}

impl From<TensorGroup> for TensorGroupView {
    fn from(TensorGroup { prefix, totals }: TensorGroup) -> Self {
        Self { prefix, totals: totals.into() }
    }
}

/// The tensors of an element type.
#[derive(Debug, Serialize, ToSchema)]
pub struct DtypeView {
    /// The element type.
    pub dtype: String,
    /// How many there are of it.
    #[serde(flatten)]
    pub totals: TensorTotalsView,
}

/// A page of the tensors that are wanted, in the order of their names, and what is known of all that are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TensorList {
    /// The tensors of the page.
    pub items: Vec<TensorView>,
    /// All tensors that are wanted.
    pub totals: TensorTotalsView,
    /// The same for each element type, up to a thousand of them.
    pub dtypes: Vec<DtypeView>,
    /// The groups into which the next part of their names divides them, in order, the first thousand; what has no further part is in none.
    pub groups: Vec<TensorGroupView>,
    /// Whether there are more groups than are listed.
    pub has_more_groups: bool,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

impl From<TensorPage> for TensorList {
    fn from(page: TensorPage) -> Self {
        let TensorPage { tensors, totals, dtypes, groups, has_more_groups, next } = page;
        Self {
            items: tensors.into_iter().map(TensorView::from).collect(),
            totals: totals.into(),
            dtypes: dtypes.into_iter().map(|(dtype, totals)| DtypeView { dtype, totals: totals.into() }).collect(),
            groups: groups.into_iter().map(TensorGroupView::from).collect(),
            has_more_groups,
            next_page_token: next.as_ref().map(TensorToken::encode).unwrap_or_default(),
        }
    }
}

/// Lists the tensors that a file describes in its header: of safetensors, GGUF, ONNX, OpenVINO IR and NumPy.
///
/// Of an index of safetensors, `model.safetensors.index.json`, they are those of all the files that it names. Only headers are read. That is a read of
/// the file all the same: it takes the permission to download, and is in the audit trail.
#[utoipa::path(
    get, path = "/models/{model}/versions/{version}/tensors/{path}", operation_id = "listVersionTensors", tag = "files",
    params(VersionFilePath, TensorFilter, GetOptions, Paging),
    responses(
        (status = 200, description = "A page.", body = TensorList),
        TensorErrors,
    ),
)]
pub async fn list_version_tensors(
    caller: Caller,
    segments: Path<VersionFilePath>,
    filter: Query<TensorFilter>,
    options: Query<GetOptions>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let (target, path) = segments.target()?;
    let query = filter.into_inner().query(&paging)?;
    let files = &caller.registry.files;
    let page = files.list_tensors(&caller.context, &target, &path, options.quarantined, query).await?;
    Ok(HttpResponse::Ok().json(TensorList::from(page)))
}
