//! Other systems that models come from: for each a client, a mapping, and the work of a job.

pub mod edge;
pub mod geti;
