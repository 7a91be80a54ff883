//! Administration without a server: work on the database by whoever has it.

use crate::config::Settings;
use crate::domain::access::Access;
use crate::domain::{Actor, Result};
use crate::registry::{Origin, Registry, RequestContext};

/// What the audit trail calls the way by which this work comes.
const DOOR: &str = "command";

/// Does `work` as the command of that name, which may do everything. Servers beside it see what it changes within a second.
pub fn administer<T>(
    settings: &Settings,
    command: &'static str,
    work: impl AsyncFnOnce(&Registry, &RequestContext) -> Result<T>,
) -> Result<T> {
    super::runtime()?.block_on(async {
        let registry = super::open(settings, super::registry_options(settings)?).await?;
        let origin = Origin { door: Some(DOOR), agent: Some(format!("modelport {command}")), ..Origin::default() };
        let actor = Actor::new(format!("modelport {command}"), command);
        let context = registry.context(actor, Access::unrestricted()).with_origin(origin);
        work(&registry, &context).await
    })
}
