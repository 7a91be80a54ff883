//! `modelport serve`: runs the registry until a signal stops it.

use super::Outcome;
use crate::config::SettingsArgs;
use crate::{runtime, telemetry};

pub(super) fn run(args: &SettingsArgs) -> Outcome {
    let settings = super::load_to_serve(args)?;
    telemetry::init_logs(&settings.log)?;
    if !heap::return_large_blocks() {
        log::debug!("the allocator keeps what it was given: the server may stay larger than its largest requests");
    }
    Ok(runtime::serve(&settings)?)
}
