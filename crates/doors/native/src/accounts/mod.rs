//! Accounts: logins of browsers, workspaces, principals, bindings and tokens, why somebody may do something, and the audit trail.

pub(super) mod audit;
pub(super) mod bindings;
pub(super) mod explain;
pub(super) mod logins;
pub(super) mod principals;
pub(super) mod quotas;
pub(super) mod roots;
mod scopes;
pub(super) mod tokens;
pub(super) mod workspaces;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::access::{Group, Permission, Permissions, Principal};
use crate::domain::{Change, Error, NodeId, Result};

/// Somebody, as lists and answers name them.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrincipalName {
    /// The id.
    pub id: String,
    /// The handle; absent where it is not known any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
}

impl From<&Principal> for PrincipalName {
    fn from(principal: &Principal) -> Self {
        Self { id: principal.id.to_string(), handle: Some(principal.handle.clone()) }
    }
}

/// A group, as an issuer of identities names it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupBody {
    /// The name that the settings give the issuer.
    #[schema(min_length = 1, max_length = 512)]
    pub issuer: String,
    /// The name of the group.
    #[schema(min_length = 1, max_length = 512)]
    pub name: String,
}

impl From<&Group> for GroupBody {
    fn from(group: &Group) -> Self {
        Self { issuer: group.issuer.clone(), name: group.name.clone() }
    }
}

impl From<GroupBody> for Group {
    fn from(group: GroupBody) -> Self {
        Self { issuer: group.issuer, name: group.name }
    }
}

fn change<T>(member: Option<Option<T>>) -> Change<T> {
    match member {
        None => Change::Keep,
        Some(None) => Change::Clear,
        Some(Some(value)) => Change::Set(value),
    }
}

/// The id of something that is no node.
fn id(field: &str, text: &str) -> Result<i64> {
    let id: NodeId = text.parse().map_err(|error: Error| error.on_field(field))?;
    Ok(id.0)
}

fn names(permissions: Permissions) -> Vec<String> {
    permissions.iter().map(|permission: Permission| permission.name().to_owned()).collect()
}
