//! The operations of an API whose handlers are annotated for its document: each is named once, and has its route and its part of the
//! document from that.
//!
//! `utoipa-actix-web` makes a resource of each handler, of which a method that the path does not have is answered with 404. Here the
//! operations of a path are the routes of one resource, so that it is a 405 whose `Allow` has them all.

use std::collections::BTreeSet;

use actix_web::http::Method;
use actix_web::{Resource, Route, web};
use serde_json::Value as Json;
use utoipa::openapi::path::Operation as Annotation;
use utoipa::openapi::{Info, OpenApi, PathItem, Paths};

use super::openapi_bytes::describe_bytes;
use crate::domain::{Error, Result};

/// The last parameter of a path that has slashes, as the document and as the router write it.
const TAIL: (&str, &str) = ("{path}", "{path:.*}");

/// A handler, with the method and the path below the API's prefix that its annotation has.
pub struct Operation {
    method: Method,
    pattern: String,
    document: Option<OpenApi>,
    route: fn(Route) -> Route,
    answers_head: bool,
    is_streamed: bool,
    is_open: bool,
}

/// The operation of an annotated handler.
#[macro_export]
macro_rules! operation {
    ($($handler:ident)::+) => {{
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($handler)::+))]
        struct Described;
        $crate::operations::Operation::new(<Described as utoipa::OpenApi>::openapi(), |route| {
            route.to($($handler)::+)
        })
    }};
}
impl Operation {
    /// The one that the document describes; use the macro `operation`.
    #[expect(clippy::expect_used, reason = "a document of one handler has one path with one method")]
    pub fn new(document: OpenApi, route: fn(Route) -> Route) -> Self {
        let (path, item) = document.paths.paths.iter().next().expect("a handler's document has its path");
        let (method, _) = annotations(item).next().expect("a handler's document has its method");
        let pattern = path.replace(TAIL.0, TAIL.1);
        Self {
            method,
            pattern,
            document: Some(document),
            route,
            answers_head: false,
            is_streamed: false,
            is_open: false,
        }
    }

    /// One that the document does not have.
    pub fn undocumented(method: Method, path: &str, route: fn(Route) -> Route) -> Self {
        Self {
            method,
            pattern: path.to_owned(),
            document: None,
            route,
            answers_head: false,
            is_streamed: false,
            is_open: false,
        }
    }

    /// The same, which answers HEAD as well. The document does not say so.
    #[must_use]
    pub fn with_head(self) -> Self {
        Self { answers_head: true, ..self }
    }

    /// The same, which reads its body as a stream.
    #[must_use]
    pub fn streamed(self) -> Self {
        Self { is_streamed: true, ..self }
    }

    /// The same, for whoever has not said who they are.
    #[must_use]
    pub fn open(self) -> Self {
        Self { is_open: true, ..self }
    }

    /// The method that its annotation has.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The methods that it answers.
    fn methods(&self) -> impl Iterator<Item = &Method> {
        [Some(&self.method), self.answers_head.then_some(&Method::HEAD)].into_iter().flatten()
    }

    /// What the document says of it.
    pub fn annotation(&self) -> Option<&Annotation> {
        let item = self.document.as_ref()?.paths.paths.values().next()?;
        annotations(item).next().map(|(_, annotation)| annotation)
    }

    /// The pattern of its path below the API's prefix.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }
}

fn annotations(item: &PathItem) -> impl Iterator<Item = (Method, &Annotation)> {
    let PathItem { get, put, post, delete, options, head, patch, .. } = item;
    let all = [
        (Method::GET, get),
        (Method::PUT, put),
        (Method::POST, post),
        (Method::DELETE, delete),
        (Method::OPTIONS, options),
        (Method::HEAD, head),
        (Method::PATCH, patch),
    ];
    all.into_iter().filter_map(|(method, annotation)| Some((method, annotation.as_ref()?)))
}

/// The operations of an API, in the order in which their paths are tried.
pub struct Operations {
    prefix: &'static str,
    all: Vec<Operation>,
}

impl Operations {
    /// These operations, at paths below that prefix.
    pub fn new(prefix: &'static str, all: impl Into<Vec<Operation>>) -> Self {
        Self { prefix, all: all.into() }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Operation> {
        self.all.iter()
    }

    /// The document: what `base` has, which is the API's title and schemas that no operation names, and the operations.
    pub fn document(&self, base: OpenApi) -> Result<Json> {
        let mut operations = OpenApi::new(Info::default(), Paths::new());
        self.all.iter().filter_map(|operation| operation.document.clone()).for_each(|each| operations.merge(each));
        let document = serde_json::to_value(base.nest(self.prefix, operations));
        let mut document =
            document.map_err(|error| Error::internal("an OpenAPI document is not JSON").caused_by(error))?;
        describe_bytes(&mut document);
        Ok(document)
    }

    /// A resource for each path, relative to the prefix.
    pub fn resources(&self) -> Vec<Resource> {
        let mut seen = BTreeSet::new();
        let patterns = self.all.iter().map(Operation::pattern).filter(|pattern| seen.insert(*pattern));
        patterns.map(|pattern| self.resource(pattern)).collect()
    }

    fn resource(&self, pattern: &str) -> Resource {
        let routes = self
            .at(pattern)
            .flat_map(|operation| operation.methods().map(|method| (operation.route)(web::method(method.clone()))));
        routes.fold(web::resource(pattern), Resource::route)
    }

    fn at(&self, pattern: &str) -> impl Iterator<Item = &Operation> {
        self.all.iter().filter(move |operation| operation.pattern() == pattern)
    }

    /// The methods of a path by its whole pattern, as `Allow` lists them.
    pub fn allowed(&self, pattern: &str) -> String {
        let methods = self.at(self.below(pattern)).flat_map(Operation::methods).map(Method::as_str);
        methods.collect::<Vec<_>>().join(", ")
    }

    /// Whether an operation at that whole pattern reads its body as a stream.
    pub fn is_streamed(&self, pattern: &str) -> bool {
        self.at(self.below(pattern)).any(|operation| operation.is_streamed)
    }

    /// Whether the operations at that whole pattern are for whoever has not said who they are.
    pub fn is_open(&self, pattern: &str) -> bool {
        let below = self.below(pattern);
        self.at(below).next().is_some() && self.at(below).all(|operation| operation.is_open)
    }

    fn below<'a>(&self, pattern: &'a str) -> &'a str {
        pattern.strip_prefix(self.prefix).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ALLOW;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, HttpRequest, Scope};

    use super::*;

    #[utoipa::path(get, path = "/things/{path}", responses((status = 200, body = String)))]
    async fn read(request: HttpRequest) -> String {
        request.match_info().query("path").to_owned()
    }

    #[utoipa::path(put, path = "/things/{path}", responses((status = 200, body = String)))]
    async fn write() -> &'static str {
        "written"
    }

    fn operations() -> Operations {
        let hidden = Operation::undocumented(Method::PATCH, "/hidden", |route| route.to(write)).open();
        Operations::new("/api", [operation!(read).with_head(), operation!(write).streamed(), hidden])
    }

    #[actix_web::test]
    async fn an_operation_is_routed_and_documented_at_once() {
        let scope = operations().resources().into_iter().fold(web::scope("/api"), Scope::service);
        let app = init_service(App::new().service(scope)).await;
        for (method, path, status, body) in [
            (Method::GET, "/api/things/a/b", 200, "a/b"),
            (Method::PUT, "/api/things/a", 200, "written"),
            (Method::PATCH, "/api/hidden", 200, "written"),
            (Method::GET, "/api/hidden", 405, ""),
            (Method::GET, "/api/other", 404, ""),
        ] {
            let response = call_service(&app, TestRequest::default().method(method).uri(path).to_request()).await;
            assert_eq!(response.status(), status, "{path}");
            assert_eq!(read_body(response).await, body, "{path}");
        }
        let refused = call_service(&app, TestRequest::delete().uri("/api/things/a").to_request()).await;
        assert_eq!(refused.status(), 405);
        assert_eq!(refused.headers().get(ALLOW).unwrap(), "GET, HEAD, PUT");

        let document = operations().document(OpenApi::new(Info::new("test", "1"), Paths::new())).unwrap();
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.keys().collect::<Vec<_>>(), ["/api/things/{path}"]);
        assert_eq!(paths["/api/things/{path}"].as_object().unwrap().keys().collect::<Vec<_>>(), ["get", "put"]);
    }

    #[test]
    fn what_is_known_of_a_path_is_that_of_its_operations() {
        let operations = operations();
        assert_eq!(operations.allowed("/api/things/{path:.*}"), "GET, HEAD, PUT");
        assert_eq!(operations.allowed("/api/hidden"), "PATCH");
        assert_eq!(operations.allowed("/elsewhere"), "");
        assert!(operations.is_streamed("/api/things/{path:.*}"));
        assert!(!operations.is_streamed("/api/hidden"));
        assert!(operations.is_open("/api/hidden"));
        assert!(!operations.is_open("/api/things/{path:.*}") && !operations.is_open("/elsewhere"));
    }
}
