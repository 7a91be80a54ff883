//! Whom a binding is for, and where it holds, as bodies, answers and parameters say it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{GroupBody, PrincipalName};
use crate::domain::access::{BindingScope, Group, Slug, Subject};
use crate::domain::{Error, Result};
use crate::registry::access::{BindingView, ScopeRef, SubjectRef};

const AUTHENTICATED: &str = "authenticated";
const EVERYONE: &str = "everyone";
const REGISTRY: &str = "registry";

/// For whom a binding is: one member.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectBody {
    /// The handle or id of a principal.
    #[serde(default)]
    #[schema(pattern = "^([1-9][0-9]{0,17}|[a-z][a-z0-9._-]*|[0-9]+[a-z._-][a-z0-9._-]*)$", max_length = 64)]
    principal: Option<String>,
    /// A group.
    #[serde(default)]
    group: Option<GroupBody>,
    /// `authenticated`, which is everybody who says who they are, or `everyone`.
    #[serde(default)]
    #[schema(pattern = "^(authenticated|everyone)$")]
    all: Option<String>,
}

impl SubjectBody {
    pub(super) fn read(self) -> Result<SubjectRef> {
        match (self.principal, self.group, self.all) {
            (Some(named), None, None) => Ok(SubjectRef::Principal(named.parse()?)),
            (None, Some(group), None) => Ok(SubjectRef::Group(group.into())),
            (None, None, Some(all)) => whoever("subject.all", &all),
            _ => Err(Error::invalid("subject", "`subject` has one of `principal`, `group` and `all`")),
        }
    }
}

/// Everybody, as a text says it.
fn whoever(field: &str, text: &str) -> Result<SubjectRef> {
    match text {
        AUTHENTICATED => Ok(SubjectRef::Authenticated),
        EVERYONE => Ok(SubjectRef::Everyone),
        other => {
            let message = format!("`{}` is neither `{AUTHENTICATED}` nor `{EVERYONE}`", other.escape_debug());
            Err(Error::invalid(field, message))
        }
    }
}

/// Where a binding holds: one member, or none for the whole registry.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeBody {
    /// The slug of a workspace.
    #[serde(default)]
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    workspace: Option<String>,
    /// The id of a model, an experiment or an environment.
    #[serde(default)]
    #[schema(pattern = "^[1-9][0-9]{0,17}$")]
    root: Option<String>,
}

impl ScopeBody {
    pub(super) fn read(self) -> Result<ScopeRef> {
        Ok(scope("scope", self.workspace.as_deref(), self.root.as_deref())?.unwrap_or(ScopeRef::Registry))
    }
}

fn scope(field: &str, workspace: Option<&str>, root: Option<&str>) -> Result<Option<ScopeRef>> {
    match (workspace, root) {
        (None, None) => Ok(None),
        (Some(slug), None) => Ok(Some(ScopeRef::Workspace(workspace_slug(slug)?))),
        (None, Some(id)) => Ok(Some(ScopeRef::Root(id.parse().map_err(|error: Error| error.on_field("root"))?))),
        (Some(_), Some(_)) => Err(Error::invalid(field, "there is a workspace or a root, and not both")),
    }
}

pub(super) fn workspace_slug(slug: &str) -> Result<Slug> {
    slug.parse().map_err(|error: Error| error.on_field("workspace"))
}

/// The scope that parameters name: `workspace`, `root`, or `scope=registry`.
pub(super) fn scope_of(
    scope_name: Option<&str>,
    workspace: Option<&str>,
    root: Option<&str>,
) -> Result<Option<ScopeRef>> {
    match (scope_name, scope("workspace", workspace, root)?) {
        (None, narrow) => Ok(narrow),
        (Some(REGISTRY), None) => Ok(Some(ScopeRef::Registry)),
        (Some(other), _) => {
            let message = format!(
                "scope `{}` is not `{REGISTRY}`, or there is a workspace or a root as well",
                other.escape_debug()
            );
            Err(Error::invalid("scope", message))
        }
    }
}

/// The subject that parameters name: `principal`, `group`, or `all`.
pub(super) fn subject_of(
    principal: Option<&str>,
    group: Option<&str>,
    all: Option<&str>,
) -> Result<Option<SubjectRef>> {
    match (principal, group, all) {
        (None, None, None) => Ok(None),
        (Some(named), None, None) => Ok(Some(SubjectRef::Principal(named.parse()?))),
        (None, Some(group), None) => Ok(Some(SubjectRef::Group(group_of(group)?))),
        (None, None, Some(all)) => whoever("all", all).map(Some),
        _ => Err(Error::invalid("principal", "there is one of `principal`, `group` and `all` at most")),
    }
}

/// The group that a parameter names, as `ISSUER:NAME`.
pub(super) fn group_of(text: &str) -> Result<Group> {
    crate::domain::value::check_text("group", text)?;
    match text.split_once(':') {
        Some((issuer, name)) if !issuer.is_empty() && !name.is_empty() => {
            Ok(Group { issuer: issuer.to_owned(), name: name.to_owned() })
        }
        _ => Err(Error::invalid("group", format!("group `{}` is not `ISSUER:NAME`", text.escape_debug()))),
    }
}

/// For whom a binding is.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubjectView {
    /// A principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<PrincipalName>,
    /// A group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupBody>,
    /// `authenticated` or `everyone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<String>,
}

impl From<&BindingView> for SubjectView {
    fn from(view: &BindingView) -> Self {
        let nobody = Self { principal: None, group: None, all: None };
        match &view.binding.subject {
            Subject::Principal(id) => {
                Self { principal: Some(PrincipalName { id: id.to_string(), handle: view.handle.clone() }), ..nobody }
            }
            Subject::Group(group) => Self { group: Some(group.into()), ..nobody },
            Subject::Authenticated => Self { all: Some(AUTHENTICATED.to_owned()), ..nobody },
            Subject::Everyone => Self { all: Some(EVERYONE.to_owned()), ..nobody },
        }
    }
}

/// Where a binding holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScopeView {
    /// `registry`, `workspace` or `root`.
    pub kind: String,
    /// The slug of the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The id of the model, experiment or environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
}

impl From<&BindingView> for ScopeView {
    fn from(view: &BindingView) -> Self {
        let of = |kind: &str| Self { kind: kind.to_owned(), workspace: None, root: None };
        match view.binding.scope {
            BindingScope::Registry => of(REGISTRY),
            BindingScope::Workspace(_) => {
                Self { workspace: view.workspace.as_ref().map(ToString::to_string), ..of("workspace") }
            }
            BindingScope::Root(id) => Self { root: Some(id.to_string()), ..of("root") },
        }
    }
}
