//! What the server has to know of a protocol that it speaks over HTTP.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use serde_json::Value as Json;

use super::problem::problem_response;
use crate::domain::Result;

/// A protocol: where it is, what is there, and how it refuses.
#[derive(Debug)]
pub struct Door {
    /// Whose REST API it is, for the log.
    pub name: &'static str,
    /// What its paths begin with.
    pub prefixes: &'static [&'static str],
    /// Its documents; each has operations of its own.
    pub documents: &'static [Document],
    /// Adds its routes.
    pub routes: fn(&mut ServiceConfig),
    /// Whether the route of that pattern reads its bodies as a stream; others are read whole, within the memory of all requests.
    pub is_streamed: fn(pattern: &str) -> bool,
    /// Whether the route of that pattern decodes bodies that are encoded; all others refuse them.
    pub decodes: fn(pattern: &str) -> bool,
    /// Whether the route of that pattern is for whoever has not said who they are.
    pub is_open: fn(pattern: &str) -> bool,
    /// What the paths of its pages begin with, and of what they ask, where it has pages for browsers.
    pub pages: Option<&'static str>,
    /// The header by which its clients name a workspace, in lower case, where they have one of their own.
    pub workspace_header: Option<&'static str>,
    /// Its body of an error that no operation made: an unknown path, a wrong method, an input that cannot be read. A 503 carries
    /// `Retry-After`.
    pub refuse: fn(status: StatusCode, detail: &str) -> HttpResponse,
}

/// An OpenAPI document.
#[derive(Debug)]
pub struct Document {
    /// What `modelport openapi` calls it.
    pub name: &'static str,
    /// Its file below `/docs/`.
    pub file: &'static str,
    /// Its title in Swagger UI.
    pub title: &'static str,
    /// Makes it, without `servers`.
    pub make: fn() -> Result<Json>,
}

/// The doors of one listener.
#[derive(Debug, Clone, Copy)]
pub struct Doors(&'static [&'static Door]);

impl Doors {
    /// These doors. None of their prefixes may begin with one of another door before it.
    pub const fn new(doors: &'static [&'static Door]) -> Self {
        Self(doors)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = &'static Door> {
        self.0.iter().copied()
    }

    /// Their names, for the log.
    pub fn names(self) -> String {
        self.iter().map(|door| door.name).collect::<Vec<_>>().join(" and of ")
    }

    /// Every document of theirs.
    pub fn documents(self) -> impl Iterator<Item = &'static Document> {
        self.iter().flat_map(|door| door.documents)
    }

    /// Adds the routes of all.
    pub fn routes(self, service: &mut ServiceConfig) {
        self.iter().for_each(|door| (door.routes)(service));
    }

    /// Whether the route of that pattern decodes bodies that are encoded.
    pub fn decodes(self, pattern: &str) -> bool {
        self.of_path(pattern).is_some_and(|door| (door.decodes)(pattern))
    }

    /// Whether the route of that pattern reads its bodies as a stream.
    pub fn is_streamed(self, pattern: &str) -> bool {
        self.of_path(pattern).is_some_and(|door| (door.is_streamed)(pattern))
    }

    /// Whether the route of that pattern is for whoever has not said who they are.
    pub fn is_open(self, pattern: &str) -> bool {
        self.of_path(pattern).is_some_and(|door| (door.is_open)(pattern))
    }

    /// Whether that path is one of a door's pages, or below them.
    pub fn is_of_pages(self, path: &str) -> bool {
        self.of_path(path).and_then(|door| door.pages).is_some_and(|pages| path.starts_with(pages))
    }

    /// The header by which clients of the door that `path` belongs to name a workspace.
    pub fn workspace_header(self, path: &str) -> Option<&'static str> {
        self.of_path(path).and_then(|door| door.workspace_header)
    }

    /// An error response as the door writes it that `path` belongs to; a problem document where it belongs to none.
    pub fn refuse(self, path: &str, status: StatusCode, detail: &str) -> HttpResponse {
        match self.of_path(path) {
            Some(door) => (door.refuse)(status, detail),
            None => problem_response(status, detail, None),
        }
    }

    /// The name of the door that `path` belongs to, for the audit trail.
    pub fn name_of(self, path: &str) -> &'static str {
        self.of_path(path).map_or("server", |door| door.name)
    }

    fn of_path(self, path: &str) -> Option<&'static Door> {
        self.iter().find(|door| door.prefixes.iter().any(|prefix| path.starts_with(prefix)))
    }
}
