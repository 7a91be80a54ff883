//! Who the caller is, why somebody may do something, and who sees a model.

use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::bindings::BindingView;
use super::logins::SessionView;
use super::principals::PrincipalView;
use super::scopes::{group_of, scope_of};
use super::tokens::TokenView;
use super::{GroupBody, PrincipalName, names};
use crate::domain::{Error, NodeId, Result};
use crate::enums::FeatureName;
use crate::errors::{AccountListErrors, AccountSearchErrors};
use crate::http::browser::Place;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::Feature;
use crate::registry::access::{Explanation, OwnAccount, Reason, Reasons, ScopeRef};
use crate::{Paging, next_token};

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhoAmI {
    /// Who; absent for somebody unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<PrincipalView>,
    /// Their groups, of those that some binding or the settings name.
    pub groups: Vec<GroupBody>,
    /// The token that was presented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenView>,
    /// The session of the browser that asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionView>,
    /// The slug of the workspace of this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// What they may do in the registry.
    pub permissions: Vec<String>,
    /// What they may do in single workspaces.
    pub workspaces: Vec<WorkspacePermissions>,
    /// What the settings let clients do, whoever they are.
    #[schema(value_type = Vec<FeatureName>)]
    pub features: Vec<&'static str>,
}

/// What somebody may do in a workspace.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkspacePermissions {
    /// The slug of the workspace.
    pub workspace: String,
    /// What they may do in it.
    pub permissions: Vec<String>,
}

/// About whom and what is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExplainOptions {
    /// Somebody else, by handle or id; the caller when it is not given.
    #[param(pattern = "^([1-9][0-9]{0,17}|[a-z][a-z0-9._-]*|[0-9]+[a-z._-][a-z0-9._-]*)$", max_length = 64)]
    principal: Option<String>,
    /// A group that they are taken to be in, as `ISSUER:NAME`: those of somebody else are known by their credentials alone.
    #[param(pattern = r"^[^:]+:[\s\S]+$")]
    group: Option<String>,
    /// In this workspace, by its slug.
    #[param(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    workspace: Option<String>,
    /// For this model, experiment or environment, by its id. The registry, when neither is given.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    root: Option<String>,
}

/// What somebody may do, and why. What a token takes away is not considered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplanationView {
    /// Who; absent for somebody unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<PrincipalName>,
    /// The groups that were considered.
    pub groups: Vec<GroupBody>,
    /// What they may do; what is not here they may not.
    pub permissions: Vec<PermissionView>,
    /// Whether the root is restricted, so that bindings of its workspace and of the registry below admin do not reach it.
    pub restricted: bool,
    /// Whether the workspace is archived, so that nothing is made or changed in it.
    pub archived: bool,
}

/// A permission, and why somebody has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PermissionView {
    /// The permission.
    pub permission: String,
    /// The bindings that give it; each would do.
    pub bindings: Vec<BindingView>,
    /// Whether they have it because they own the root.
    pub owner: bool,
    /// Whether they have it because the settings make them an administrator.
    pub settings: bool,
}

/// What is asked about.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WhoOptions {
    /// The id of the model, experiment or environment.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    root: String,
}

/// Who sees a model, an experiment or an environment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhoView {
    /// Its owner, where owners see what they made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<PrincipalName>,
    /// Whether bindings of its workspace and of the registry below admin do not reach it.
    pub restricted: bool,
    /// The bindings that reach it, in the order in which they were made.
    pub items: Vec<BindingView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

impl From<&OwnAccount> for WhoAmI {
    fn from(own: &OwnAccount) -> Self {
        let of = |(slug, held): &(crate::domain::access::Slug, _)| WorkspacePermissions {
            workspace: slug.to_string(),
            permissions: names(*held),
        };
        Self {
            principal: own.principal.as_ref().map(PrincipalView::from),
            groups: own.groups.iter().map(GroupBody::from).collect(),
            token: own.token.as_ref().map(TokenView::from),
            session: None,
            workspace: own.workspace.as_ref().map(ToString::to_string),
            permissions: names(own.registry),
            workspaces: own.workspaces.iter().map(of).collect(),
            features: Vec::new(),
        }
    }
}

impl From<&Reasons> for PermissionView {
    fn from(why: &Reasons) -> Self {
        let binding = |reason: &Reason| match reason {
            Reason::Binding(view) => Some(BindingView::from(view)),
            Reason::Owner | Reason::Settings => None,
        };
        Self {
            permission: why.permission.name().to_owned(),
            bindings: why.reasons.iter().filter_map(binding).collect(),
            owner: why.reasons.contains(&Reason::Owner),
            settings: why.reasons.contains(&Reason::Settings),
        }
    }
}

impl From<&Explanation> for ExplanationView {
    fn from(explained: &Explanation) -> Self {
        Self {
            principal: explained.principal.as_ref().map(PrincipalName::from),
            groups: explained.groups.iter().map(GroupBody::from).collect(),
            permissions: explained.permissions.iter().map(PermissionView::from).collect(),
            restricted: explained.is_restricted,
            archived: explained.is_archived,
        }
    }
}

/// Says who the caller is, and what they may do.
#[utoipa::path(
    get, path = "/whoami", operation_id = "whoAmI", tag = "accounts",
    responses((status = 200, description = "The caller.", body = WhoAmI), AccountListErrors),
)]
pub async fn who_am_i(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let own = caller.registry.accounts.whoami(&caller.context).await?;
    let csrf = || Place::of(caller.context.base_url()).csrf(request.headers());
    let session = caller.context.origin().session.as_deref();
    let session = session.and_then(|known| Some(SessionView::of(known, csrf()?)));
    let features = caller.registry.features().into_iter().map(Feature::name).collect();
    Ok(HttpResponse::Ok().json(WhoAmI { session, features, ..WhoAmI::from(&own) }))
}

/// Says what somebody may do somewhere, and which bindings give it. About others it needs `manage` or `audit` there.
#[utoipa::path(
    get, path = "/access/explain", operation_id = "explainAccess", tag = "accounts",
    params(ExplainOptions),
    responses((status = 200, description = "What they may do.", body = ExplanationView), AccountSearchErrors),
)]
pub async fn explain_access(caller: Caller, asked: Query<ExplainOptions>) -> Result<HttpResponse, Problem> {
    let who = asked.principal.as_deref().map(str::parse).transpose()?;
    let groups: Vec<_> = asked.group.as_deref().map(group_of).transpose()?.into_iter().collect();
    if who.is_none() && !groups.is_empty() {
        return Err(Error::invalid("group", "`group` goes with `principal`: one's own groups are known").into());
    }
    let scope = scope_of(None, asked.workspace.as_deref(), asked.root.as_deref())?.unwrap_or(ScopeRef::Registry);
    let explained = caller.registry.accounts.explain(&caller.context, who, groups, scope).await?;
    Ok(HttpResponse::Ok().json(ExplanationView::from(&explained)))
}

/// Says who sees a model, an experiment or an environment, and by which bindings. Needs `manage` or `audit` for it.
#[utoipa::path(
    get, path = "/access/who", operation_id = "listWhoSees", tag = "accounts",
    params(WhoOptions, Paging),
    responses((status = 200, description = "A page.", body = WhoView), AccountSearchErrors),
)]
pub async fn list_who_sees(
    caller: Caller,
    asked: Query<WhoOptions>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let root: NodeId = asked.root.parse().map_err(|error: Error| error.on_field("root"))?;
    let seers = caller.registry.accounts.who_sees(&caller.context, root, paging.request()?).await?;
    Ok(HttpResponse::Ok().json(WhoView {
        owner: seers.owner.as_ref().map(PrincipalName::from),
        restricted: seers.is_restricted,
        items: seers.bindings.items.iter().map(BindingView::from).collect(),
        next_page_token: next_token(seers.bindings.next.as_ref()),
    }))
}
