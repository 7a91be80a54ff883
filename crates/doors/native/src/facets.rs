//! What values models have of what they are filtered by.

use actix_web::HttpResponse;
use actix_web::web::Query;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::enums::FacetName;
use super::errors::ListModelsErrors;
use super::listed::filter;
use crate::domain::LogicalType;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::listed::Total;
use crate::registry::listed::facets::{FacetValues, ModelFacets};

/// Which models count.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FacetOptions {
    /// What must be true of them, as in `GET /models`: `owner = 'risk' AND verdict = 'clean'`.
    filter: Option<String>,
}

/// A value, and how many models have it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FacetValueView {
    /// The value.
    pub value: String,
    /// How many models have it.
    pub count: u64,
}

/// A facet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FacetView {
    /// Its name.
    #[schema(value_type = FacetName)]
    pub name: &'static str,
    /// Up to 20 values that models have, those first that most of them have.
    pub values: Vec<FacetValueView>,
    /// Whether there are more values.
    pub more_values: bool,
}

/// The facets of models.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelFacetsView {
    /// Each facet.
    pub facets: Vec<FacetView>,
    /// How many models there are, where they are not more than 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// That there are so many models or more: the values of so many of them were counted, and there are others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_at_least: Option<u64>,
}

impl From<FacetValues> for FacetView {
    fn from(of: FacetValues) -> Self {
        let view = |(value, count)| FacetValueView { value, count };
        Self { name: of.facet.name(), values: of.values.into_iter().map(view).collect(), more_values: of.has_more }
    }
}

impl From<ModelFacets> for ModelFacetsView {
    fn from(found: ModelFacets) -> Self {
        let (total, total_at_least) = match found.models {
            Total::Exactly(total) => (Some(total), None),
            Total::AtLeast(total) => (None, Some(total)),
        };
        Self { facets: found.facets.into_iter().map(FacetView::from).collect(), total, total_at_least }
    }
}

/// Counts what values models have of what they are filtered by: of each facet the 20 values that most of them have.
///
/// `filter` knows what it knows in `GET /models`, and narrows what is counted. `format` and `verdict` are about the latest version. Of more
/// than 10000 models the values of 10000 are counted. Prompts are none of them.
#[utoipa::path(
    get, path = "/model-facets", operation_id = "getModelFacets", tag = "models",
    params(FacetOptions),
    responses(
        (status = 200, description = "The facets.", body = ModelFacetsView),
        ListModelsErrors,
    ),
)]
pub async fn get_model_facets(caller: Caller, options: Query<FacetOptions>) -> Result<HttpResponse, Problem> {
    let filter = filter(options.filter.as_deref(), LogicalType::RegisteredModel)?;
    let found = caller.registry.models.model_facets(&caller.context, filter).await?;
    Ok(HttpResponse::Ok().json(ModelFacetsView::from(found)))
}
