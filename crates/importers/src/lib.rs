//! Other systems that models come from: for each a client, a mapping, and the work of a job.

pub mod edge;
pub mod geti;
pub mod mlflow;

// The packages that it uses, by the names of their rooms.
use {modelport_domain as domain, modelport_registry as registry};
