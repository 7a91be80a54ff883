//! The native API: what no other protocol has, on the same entities. Routes, wire types, conversion; no rules of its own.

mod accounts;
mod answers;
mod approvals;
mod archives;
mod body;
mod changes;
mod content_differences;
mod copies;
mod csv;
mod deployments;
mod diff;
mod differences;
mod direct;
mod dry_run;
mod enums;
mod environments;
mod errors;
mod experiments;
mod facets;
mod files;
mod found_files;
mod history;
mod imports;
mod inspection;
mod jobs;
mod lineage;
mod listed;
mod lists;
mod location;
mod metrics;
mod mlflow_imports;
mod models;
mod operations;
mod parameters;
mod patches;
mod policy;
mod register;
mod reproduce;
mod request;
mod resumable;
mod reverts;
mod runs;
mod search;
mod series;
mod summary;
mod system;
mod tables;
mod tensors;
mod views;
mod webhooks;
mod wire;

// The packages that it uses, by the names of their rooms.
use {modelport_domain as domain, modelport_http as http, modelport_registry as registry};

pub use system::{OpenDoor, ServerFacts};

use std::num::NonZeroU32;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::{PageRequest, PageSize, PageToken};
use crate::http::door::{Document, Door};
use crate::http::problem::problem_response;

/// Where the API is.
pub const PREFIX: &str = "/api/v1";

/// Where browsers log in, by an issuer whose name follows.
pub const LOGIN: &str = "/api/v1/login";

/// The API as the server takes it.
pub static DOOR: Door = Door {
    name: "Modelport",
    prefixes: &[PREFIX],
    documents: &[Document { name: "native", file: "native.json", title: "Modelport", make: operations::document }],
    routes: operations::routes,
    is_streamed: |pattern| operations::OPERATIONS.is_streamed(pattern),
    decodes: |_| false,
    is_open: |pattern| operations::OPERATIONS.is_open(pattern),
    pages: None,
    workspace_header: None,
    refuse: |status, detail| problem_response(status, detail, None),
};

/// Which page of a list is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct Paging {
    /// At most this many items, and never more than 10000.
    #[serde(default = "hundred")]
    #[param(value_type = i64, minimum = 1, maximum = 4_294_967_295_u32)]
    page_size: NonZeroU32,
    /// Continues a list.
    #[serde(default)]
    next_page_token: String,
}

/// What continues a list, as pages say it.
fn next_token(token: Option<&PageToken>) -> String {
    token.map(PageToken::encode).unwrap_or_default()
}

/// Leaves the items of a page of those that were found, which are one more where there is another page; and what continues the list,
/// which the last item says.
fn cut<T>(found: &mut Vec<T>, size: PageSize, token: impl FnOnce(&T) -> String) -> String {
    let size = size.get() as usize;
    let more = found.len() > size;
    found.truncate(size);
    found.last().filter(|_| more).map(token).unwrap_or_default()
}

fn hundred() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(99)
}

impl Paging {
    fn size(&self) -> PageSize {
        PageSize::new(self.page_size.get())
    }

    fn next_page_token(&self) -> crate::domain::Result<Option<&str>> {
        crate::domain::value::check_text("nextPageToken", &self.next_page_token)?;
        Ok(Some(self.next_page_token.as_str()).filter(|token| !token.is_empty()))
    }

    fn request(&self) -> crate::domain::Result<PageRequest> {
        Ok(PageRequest { size: Some(self.size()), token: self.token()?, with_total: false })
    }

    fn token(&self) -> crate::domain::Result<Option<PageToken>> {
        self.next_page_token()?.map(PageToken::decode).transpose()
    }
}
