//! `modelport serve`: the registry, until it is told to stop.

use super::Outcome;
use crate::config::SettingsArgs;
use crate::{runtime, telemetry};

pub(super) fn run(args: &SettingsArgs) -> Outcome {
    let settings = super::load(args)?;
    telemetry::init_logs(&settings.log)?;
    Ok(runtime::serve(&settings)?)
}
