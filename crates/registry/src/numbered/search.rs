//! Searches of models and of versions.

use super::shown::{shown_models, shown_versions};
use super::{NumberedModel, NumberedVersion};
use crate::context::RequestContext;
use crate::domain::search::Search;
use crate::domain::{PageSize, Result};
use crate::services::Models;
use crate::tracking::search::page;

/// A page of models.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelPage {
    /// The models, in order.
    pub models: Vec<NumberedModel>,
    /// The token of the next page.
    pub next: Option<String>,
}

/// A page of versions.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionPage {
    /// The versions, in order.
    pub versions: Vec<NumberedVersion>,
    /// The token of the next page.
    pub next: Option<String>,
}

impl Models {
    /// A page of the models that a search finds.
    ///
    /// Errors: InvalidArgument when the token belongs to another search.
    pub async fn search_models(
        &self,
        context: &RequestContext,
        search: Search,
        size: PageSize,
        token: Option<String>,
    ) -> Result<ModelPage> {
        self.core
            .read_long(context, move |tx| {
                let (models, next) = page(tx, &search, size, token.as_deref())?;
                Ok(ModelPage { models: shown_models(tx, models)?, next })
            })
            .await
    }

    /// A page of the versions that a search finds.
    ///
    /// Errors: as [`Models::search_models`].
    pub async fn search_versions(
        &self,
        context: &RequestContext,
        search: Search,
        size: PageSize,
        token: Option<String>,
    ) -> Result<VersionPage> {
        self.core
            .read_long(context, move |tx| {
                let (versions, next) = page(tx, &search, size, token.as_deref())?;
                Ok(VersionPage { versions: shown_versions(tx, versions)?, next })
            })
            .await
    }
}
