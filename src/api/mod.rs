//! The list of doors, and around them what every request passes through.

pub mod doors;
pub mod openapi;
mod registry_metrics;
pub mod server;
mod static_files;

// The doors and the layer that they share, which are packages of their own, by the names that the others use.
pub use {
    modelport_edge as edge, modelport_http as http, modelport_kubeflow as kubeflow, modelport_mlflow as mlflow,
    modelport_mlmd as mlmd, modelport_native as native,
};
