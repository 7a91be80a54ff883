//! `modelport openapi`: the documents, without a server.

use std::io::Write;

use clap::ValueEnum;

use super::Outcome;
use crate::api::{edge, openapi};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Which API
    #[arg(value_enum, default_value = "native")]
    api: Api,
}

#[derive(Clone, Copy, ValueEnum)]
enum Api {
    Kubeflow,
    KubeflowV1,
    Native,
    Edge,
}

pub(super) fn run(args: &Args) -> Outcome {
    let document = match args.api {
        Api::Kubeflow => openapi::kubeflow(),
        Api::KubeflowV1 => openapi::kubeflow_v1(),
        Api::Native => openapi::native()?,
        Api::Edge => edge::document()?,
    };
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &document)?;
    writeln!(out)?;
    Ok(())
}
