//! The API at a glance: its operations, each with its handler. Routes and document come from here.

use std::sync::LazyLock;

use serde_json::Value as Json;
use utoipa::OpenApi;

use super::{models, projects};
use crate::domain::Result;
use crate::http::operation;
use crate::http::operations::{Operation, Operations};

/// The operations. Whatever is read answers HEAD as it answers GET, and forms are streamed, because files are in them.
pub(super) static OPERATIONS: LazyLock<Operations> = LazyLock::new(|| {
    Operations::new(
        "",
        [
            operation!(super::health).with_head(),
            operation!(models::list).with_head(),
            operation!(models::create).streamed(),
            operation!(models::get).with_head(),
            operation!(models::update).streamed(),
            operation!(models::delete),
            operation!(models::files).with_head(),
            operation!(projects::list).with_head(),
            operation!(projects::get).with_head(),
            operation!(projects::import),
        ],
    )
});

#[derive(OpenApi)]
#[openapi(info(
    title = "Model Registry",
    version = "1.0.3",
    description = "The API of Intel's edge model registry, on the same entities as every other API of Modelport."
))]
struct Base;

/// The document.
pub(super) fn document() -> Result<Json> {
    OPERATIONS.document(Base::openapi())
}

/// Whether an operation is at that path.
pub(super) fn is_known(path: &str) -> bool {
    OPERATIONS.iter().map(Operation::pattern).any(|pattern| fits(pattern, path))
}

fn fits(pattern: &str, path: &str) -> bool {
    let (wanted, segments) = (pattern.split('/'), path.split('/'));
    let fits = |(wanted, segment): (&str, &str)| {
        if wanted.starts_with('{') { !segment.is_empty() } else { wanted == segment }
    };
    wanted.clone().count() == segments.clone().count() && wanted.zip(segments).all(fits)
}
