//! `modelport openapi`: the documents, without a server.

use std::io::Write;

use clap::builder::PossibleValuesParser;

use super::Outcome;
use crate::api::doors;
use crate::domain::Error;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Which API
    #[arg(value_parser = PossibleValuesParser::new(doors::documents().map(|document| document.name)), default_value = "native")]
    api: String,
}

pub(super) fn run(args: &Args) -> Outcome {
    let document = doors::documents().find(|document| document.name == args.api);
    let document = document.ok_or_else(|| Error::invalid("api", format!("there is no API `{}`", args.api)))?;
    let document = (document.make)()?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &document)?;
    writeln!(out)?;
    Ok(())
}
