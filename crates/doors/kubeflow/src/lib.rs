//! Kubeflow Model Registry's REST API: routes, wire types, conversion, error mapping. No rules of its own.
//!
//! The stock clients speak it under two paths: `v1alpha3`, and `v1` since their release 0.3.15. The same operations are
//! there under both.

mod aliases;
mod call;
mod document;
pub mod entity;
mod error;
mod formats;
mod links;
mod lists;
mod metadata_value;
mod operations;
mod parse;
mod query;
mod schemas;
mod serialize;
pub mod table;

// The packages that it uses, by the names of their rooms.
use {modelport_domain as domain, modelport_http as http, modelport_registry as registry};

use std::collections::BTreeMap;

use actix_web::{Resource, web};

use crate::http::door::{Document, Door};

/// Where the API is for the clients that the contract describes.
pub const V1ALPHA3: &str = "/api/model_registry/v1alpha3";

/// Where the API is for the clients since then.
pub const V1: &str = "/api/model_registry/v1";

/// The tag of every operation in upstream's document.
const TAG: &str = "ModelRegistryService";

/// The content type of every answer.
const CONTENT_TYPE: &str = "application/json; charset=UTF-8";

/// Under which path the API is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// `v1alpha3`: a metric's step is a number.
    V1Alpha3,
    /// `v1`: a metric's step is text.
    V1,
}

/// The API as the server takes it.
pub static DOOR: Door = Door {
    name: "Kubeflow",
    prefixes: &["/api/model_registry/"],
    documents: &[
        Document {
            name: "kubeflow",
            file: "kubeflow.json",
            title: "Kubeflow Model Registry v1alpha3",
            make: || Ok(document::document(Edition::V1Alpha3)),
        },
        Document {
            name: "kubeflow-v1",
            file: "kubeflow-v1.json",
            title: "Kubeflow Model Registry v1",
            make: || Ok(document::document(Edition::V1)),
        },
    ],
    routes,
    is_streamed: |_| false,
    decodes: |_| false,
    is_open: |_| false,
    pages: None,
    workspace_header: None,
    refuse: error::refuse,
};

fn routes(service: &mut web::ServiceConfig) {
    for (prefix, edition) in [(V1ALPHA3, Edition::V1Alpha3), (V1, Edition::V1)] {
        let mut scope = web::scope(prefix);
        for (collection, paths) in by_collection() {
            // A scope of its own is passed by at once, where each pattern with an id would be tried one after the other.
            let mut below = web::scope(collection);
            for (rest, operations) in paths {
                below = below.service(resource(rest, &operations, edition));
            }
            scope = scope.service(below);
        }
        service.service(scope);
    }
}

fn resource(path: &str, operations: &[&'static table::Operation], edition: Edition) -> Resource {
    let mut resource = web::resource(path);
    for operation in operations {
        let action = operation.action;
        let handler = move |call: call::Call| operations::perform(action, call.in_edition(edition));
        let route = match operation.method {
            "POST" => web::post(),
            "PATCH" => web::patch(),
            "PUT" => web::put(),
            "DELETE" => web::delete(),
            _ => web::get(),
        };
        resource = resource.route(route.to(handler));
        if operation.method == "GET" {
            resource = resource.route(web::head().to(handler));
        }
    }
    resource
}

/// The operations by the paths that follow one first segment.
type Paths = BTreeMap<&'static str, Vec<&'static table::Operation>>;

/// The operations of each first segment and of each path after it, plain paths before those that end in an id.
fn by_collection() -> BTreeMap<&'static str, Paths> {
    let mut collections = BTreeMap::<_, Paths>::new();
    for operation in table::all() {
        let end = operation.path.get(1..).and_then(|path| path.find('/')).map_or(operation.path.len(), |at| at + 1);
        let (collection, rest) = operation.path.split_at(end);
        collections.entry(collection).or_default().entry(rest).or_default().push(operation);
    }
    collections
}
