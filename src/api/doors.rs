//! The list of doors. What else the server does for each of them (routes, documents, the shapes of errors, the command line) it
//! reads here.
//!
//! ML Metadata is not among them: it speaks gRPC, whose calls are listed in its descriptors, and which has statuses of its own in
//! the place of paths, methods and error bodies.

use super::http::door::{Document, Doors};
use super::{edge, kubeflow, mlflow, native};

/// The doors of the HTTP listener.
pub static HTTP: Doors = Doors::new(&[&kubeflow::DOOR, &mlflow::DOOR, &native::DOOR]);

/// The door of the edge registry's listener, whose paths have no prefix of their own.
pub static EDGE: Doors = Doors::new(&[&edge::DOOR]);

/// The documents of all doors.
pub fn documents() -> impl Iterator<Item = &'static Document> {
    [HTTP, EDGE].into_iter().flat_map(Doors::documents)
}
