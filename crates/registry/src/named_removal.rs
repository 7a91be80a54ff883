//! Removal by name: under preconditions, and of what is in use only with `force`.

use super::conditions::Conditions;
use super::context::RequestContext;
use super::etags::{model_tag, version_tag};
use super::protection::{FORCE, shown};
use super::removal::{Removal, delete};
use super::resolve::{model_named, resolve};
use super::transaction::ReadTransaction;
use crate::domain::{Error, LogicalType, Name, Node, Result, VersionRef};
use crate::services::Models;
use crate::store::serving::{self, Counted};
use crate::store::{aliases, nodes};

/// The options of a removal by name.
#[derive(Debug, Clone, Default)]
pub struct NamedRemovalOptions {
    /// Whether to remove a model together with its versions.
    pub recursive: bool,
    /// Whether to remove it even if it is served or has aliases.
    pub force: bool,
    /// The preconditions.
    pub conditions: Conditions,
}

impl Models {
    /// Removes the model of that name with all it owns.
    ///
    /// Errors: NotFound; PreconditionFailed where a condition does not hold; HasDependents where it has versions and
    /// the removal is not recursive, and where a version of it is served or has aliases.
    pub async fn remove_model(
        &self,
        context: &RequestContext,
        model: &Name,
        options: NamedRemovalOptions,
    ) -> Result<()> {
        let name = model.clone();
        self.core
            .write(context, move |tx| {
                let found = model_named(tx, &name)?;
                nodes::lock(tx, &[found.id])?;
                let model = model_named(tx, &name)?;
                options.conditions.check("model", Some(&model_tag(&model)))?;
                if options.recursive && !options.force {
                    let aliases = aliases::of_model(tx, model.id)?.into_iter().map(|(alias, _)| alias.to_string());
                    check_unused(&format!("model `{name}`"), &aliases.collect::<Vec<_>>())?;
                    let serving = serving::of_model(tx, model.id, Counted::All)?;
                    check_unserved(tx, &format!("model `{name}`"), serving)?;
                }
                let removal = Removal { recursive: options.recursive, if_revision: None, force: options.force };
                delete(tx, LogicalType::RegisteredModel, model.id, removal)
            })
            .await
    }

    /// Removes a version with all it owns.
    ///
    /// Errors: NotFound; PreconditionFailed where a condition does not hold; HasDependents where it is served or has
    /// aliases; InvalidState where `version` is a word that is also the name of another version, which may be meant.
    pub async fn remove_version(
        &self,
        context: &RequestContext,
        model: &Name,
        version: &VersionRef,
        options: NamedRemovalOptions,
    ) -> Result<()> {
        let (model, version) = (model.clone(), version.clone());
        self.core
            .write(context, move |tx| {
                let (home, found) = resolve(tx, &model, &version)?;
                // The model first, in the same order as when an alias is set.
                nodes::lock(tx, &[home.id])?;
                nodes::lock(tx, &[found.id])?;
                let (home, found) = resolve(tx, &model, &version)?;
                check_unambiguous(tx, &home, &version, &found)?;
                if !options.conditions.is_empty() {
                    options.conditions.check("version", Some(&version_tag(tx, &found)?))?;
                }
                if !options.force {
                    let what = format!("version `{}`", found.name.as_deref().unwrap_or_default());
                    check_unused(&what, &aliases::of_version(tx, found.id)?)?;
                    let serving = serving::of_version(tx, found.id, Counted::All)?;
                    check_unserved(tx, &what, serving)?;
                }
                let removal = Removal { force: options.force, ..Removal::RECURSIVE };
                delete(tx, LogicalType::ModelVersion, found.id, removal)
            })
            .await
    }
}

/// Refuses a word that means one version and is the name of another.
fn check_unambiguous(tx: &mut ReadTransaction<'_, '_>, model: &Node, meant: &VersionRef, found: &Node) -> Result<()> {
    if matches!(meant, VersionRef::Named(_)) {
        return Ok(());
    }
    let name: Name = meant.to_string().parse()?;
    let other = nodes::find_named(tx, LogicalType::ModelVersion, Some(model.id), &name)?;
    if other.is_none_or(|other| other.id == found.id) {
        return Ok(());
    }
    let shown = found.name.as_deref().unwrap_or_default();
    let message = format!(
        "`{name}` is ambiguous: it resolves to version `{shown}`, and another version has that name; \
         use `@name:{name}` or `@name:{shown}`"
    );
    Err(Error::invalid_state(message).on_field("version"))
}

fn check_unused(what: &str, aliases: &[String]) -> Result<()> {
    if aliases.is_empty() {
        return Ok(());
    }
    Err(in_use(format!("{what} has the aliases `{}`", aliases.join("`, `"))))
}

fn check_unserved(tx: &mut ReadTransaction<'_, '_>, what: &str, serving: Option<crate::domain::NodeId>) -> Result<()> {
    let Some(id) = serving else { return Ok(()) };
    let by = shown(tx, id)?;
    Err(in_use(format!("{what} is served by {by}")))
}

fn in_use(why: String) -> Error {
    Error::has_dependents(FORCE, format!("{why}; send `force=true` to remove it anyway"))
}
