//! Tokens: made by their owners, or for service accounts by whoever manages those; looked up, given a new secret, and revoked.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::demands::{
    check_gives, demand_manages, find_principal, is_self, is_wholly, permissions_at, seen_principal, seen_workspace,
};
use super::slugs::{WithSlugs, with_slug, with_slugs};
use super::{ListPage, check_title};
use crate::audit_entry::record;
use crate::context::{At, RequestContext};
use crate::domain::access::{
    ApiToken, Permission, Permissions, Principal, PrincipalId, PrincipalRef, Slug, Subject, TokenId, TokenLimits,
    TokenText,
};
use crate::domain::audit::AuditAction;
use crate::domain::{Error, Millis, NodeId, Page, PageRequest, Result};
use crate::root_rights;
use crate::services::Accounts;
use crate::store::access::{bindings, epoch, tokens};
use crate::transaction::{ReadTransaction, WriteTransaction};

/// How long a token lasts that does not say.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How many tokens of one principal count at once.
const MAX_TOKENS: i64 = 1000;

/// How many workspaces or roots one token names.
const MAX_NAMED: usize = 100;

/// The longest that the old secret of a token counts beside the new one.
const MAX_GRACE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: String,
    /// Whose it is; `None` is the caller's own.
    pub owner: Option<PrincipalRef>,
    /// No other permissions than these.
    pub permissions: Permissions,
    /// In no other workspaces than these; `None` is all.
    pub workspaces: Option<Vec<Slug>>,
    /// For nothing but these models, experiments and environments; `None` is all.
    pub roots: Option<Vec<NodeId>>,
    /// When it ends; 90 days from now where it is `None`, or when it has to at the latest.
    pub expires_at: Option<Millis>,
}

/// How a token is given a new secret.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rotation {
    /// For how long the old secret counts as well.
    pub grace: Duration,
    /// When the new one ends; after as long as the old one was to last where it is `None`.
    pub expires_at: Option<Millis>,
}

/// A token that was made, with its text, which is never shown again.
#[derive(Debug, Clone)]
pub struct MadeToken {
    /// The token.
    pub token: WithSlugs<ApiToken>,
    /// The handle of its owner.
    pub owner: String,
    /// Its text.
    pub text: TokenText,
}

impl Accounts {
    /// Makes a token.
    ///
    /// Errors: Unauthenticated when nobody asks for a token of their own; NotFound when its owner, a workspace or a root is hidden;
    /// PermissionDenied when its owner is somebody else whom the caller does not manage, or it would open more than what the caller
    /// presented or holds; InvalidArgument; InvalidState when its owner has too many.
    pub async fn create_token(&self, context: &RequestContext, new: NewToken) -> Result<MadeToken> {
        check_name(&new.name)?;
        if new.permissions.is_empty() {
            return Err(Error::invalid("permissions", "a token without permissions opens nothing"));
        }
        for (field, count) in
            [("workspaces", new.workspaces.as_ref().map(Vec::len)), ("roots", new.roots.as_ref().map(Vec::len))]
        {
            if count.is_some_and(|count| count == 0 || count > MAX_NAMED) {
                return Err(Error::invalid(field, format!("`{field}` has none, or more than {MAX_NAMED}")));
            }
        }
        let text = new_text()?;
        let (made, max) = (text.clone(), self.core.max_token_lifetime);
        let (token, owner) = self
            .change(context, move |tx| {
                let owner = find_owner(tx, new.owner.as_ref())?;
                let limits = find_limits(tx, &new)?;
                let limits_held = tx.context().access().rights().limits.clone();
                check_within(limits_held.as_ref(), &limits)?;
                check_holds_as_much(tx, &owner, &limits)?;
                let now = tx.now();
                let latest = latest_end(tx, &owner, now, max)?;
                let default = now.saturating_add(millis(DEFAULT_LIFETIME)).min(latest);
                let expires_at = check_end(new.expires_at, default, now, latest)?;
                epoch::raise(tx)?;
                if tokens::count_valid(tx, owner.id, now)? >= MAX_TOKENS {
                    return Err(Error::invalid_state(format!(
                        "principal `{}` has {MAX_TOKENS} tokens that count: revoke some",
                        owner.handle
                    )));
                }
                let token = insert(tx, &made, owner.id, &new.name, limits, expires_at)?;
                record_about(tx, AuditAction::CreateToken, &owner, &token, json!({}))?;
                Ok((with_slug(tx, token)?, owner.handle))
            })
            .await?;
        Ok(MadeToken { token, owner, text })
    }

    /// A page of the tokens of a principal, or of the caller, in the order in which they were made; those that count no longer, too. For
    /// a token that was narrowed, those of its owner are itself.
    ///
    /// Errors: Unauthenticated when nobody asks for their own; NotFound; PermissionDenied for whoever neither is nor manages the owner.
    pub async fn list_tokens(
        &self,
        context: &RequestContext,
        owner: Option<PrincipalRef>,
        request: PageRequest,
    ) -> Result<Page<WithSlugs<ApiToken>>> {
        // Without an owner the list is another one for everybody.
        let query = ("tokens", owner, context.access().principal());
        let page = ListPage::of(&query, &request)?;
        let (owner, after, limit) = (query.1.clone(), page.after.map(TokenId), page.limit());
        let read = self.core.read(context, move |tx| {
            let owner = find_owner(tx, owner.as_ref())?;
            if is_wholly(tx, owner.id) || demand_manages(tx, &owner).is_ok() {
                let found = tokens::list(tx, Some(owner.id), after, limit)?;
                return with_slugs(tx, found);
            }
            // A token that was narrowed knows of itself alone.
            let own = tx.context().origin().token.filter(|id| after.is_none_or(|after| *id > after));
            let found = own.map(|id| tokens::find(tx, id)).transpose()?.flatten();
            with_slugs(tx, found.into_iter().collect())
        });
        Ok(page.page(&query, read.await?, |token| token.id.0))
    }

    /// Revokes a token. One that is revoked stays as it is.
    ///
    /// Errors: NotFound, also for whoever neither is nor manages its owner.
    pub async fn revoke_token(&self, context: &RequestContext, id: TokenId) -> Result<WithSlugs<ApiToken>> {
        self.change(context, move |tx| {
            let (_, owner) = find_managed(tx, id)?;
            epoch::raise(tx)?;
            let now = tx.now();
            let is_new = tokens::revoke(tx, id, now)?;
            let token = tokens::find(tx, id)?.ok_or_else(|| not_found(id))?;
            if is_new {
                record_about(tx, AuditAction::RevokeToken, &owner, &token, json!({}))?;
            }
            with_slug(tx, token)
        })
        .await
    }

    /// Gives a token a new secret: a new token that opens the same. The old one ends after the grace.
    ///
    /// Errors: NotFound, also for whoever neither is nor manages its owner; PermissionDenied when it would open more than what the
    /// caller presented or holds; InvalidArgument; InvalidState when it counts no longer.
    pub async fn rotate_token(&self, context: &RequestContext, id: TokenId, rotation: Rotation) -> Result<MadeToken> {
        if rotation.grace > MAX_GRACE {
            return Err(Error::invalid("graceSeconds", format!("a grace is {} seconds at most", MAX_GRACE.as_secs())));
        }
        let text = new_text()?;
        let (made, max) = (text.clone(), self.core.max_token_lifetime);
        let (token, owner) = self
            .change(context, move |tx| {
                let (old, owner) = find_managed(tx, id)?;
                let now = tx.now();
                if !old.is_valid_at(now) {
                    return Err(Error::invalid_state(format!("token `{id}` is expired or revoked: make a new one")));
                }
                let limits_held = tx.context().access().rights().limits.clone();
                check_within(limits_held.as_ref(), &old.limits)?;
                check_holds_as_much(tx, &owner, &old.limits)?;
                let latest = latest_end(tx, &owner, now, max)?;
                let lasted = old.expires_at.saturating_sub(old.created_at);
                let default = now.saturating_add(lasted).min(latest);
                let expires_at = check_end(rotation.expires_at, default, now, latest)?;
                epoch::raise(tx)?;
                let token = insert(tx, &made, owner.id, &old.name, old.limits.clone(), expires_at)?;
                if !tokens::end_at(tx, id, now.saturating_add(millis(rotation.grace)))? {
                    return Err(Error::conflict(format!("token `{id}` was revoked meanwhile")));
                }
                let details = json!({ "before": id, "graceSeconds": rotation.grace.as_secs() });
                record_about(tx, AuditAction::RotateToken, &owner, &token, details)?;
                Ok((with_slug(tx, token)?, owner.handle))
            })
            .await?;
        Ok(MadeToken { token, owner, text })
    }
}

/// The owner of tokens that the caller makes or looks up: themselves, or whom they manage.
fn find_owner(tx: &mut ReadTransaction<'_, '_>, named: Option<&PrincipalRef>) -> Result<Principal> {
    let named = match (named, tx.context().access().principal()) {
        (Some(named), _) => named.clone(),
        (None, Some(own)) => PrincipalRef::Id(own),
        (None, None) => {
            return Err(Error::unauthenticated(
                "nobody asks for a token of their own: say who you are, or name its owner",
            ));
        }
    };
    let owner = seen_principal(tx, &named)?;
    if !is_self(tx, owner.id) {
        demand_manages(tx, &owner)?;
    }
    Ok(owner)
}

/// The token with that id, and its owner, where the caller is or manages that, or presented it.
fn find_managed(tx: &mut ReadTransaction<'_, '_>, id: TokenId) -> Result<(ApiToken, Principal)> {
    let token = tokens::find(tx, id)?.ok_or_else(|| not_found(id))?;
    let owner = find_principal(tx, &PrincipalRef::Id(token.principal_id))?;
    let is_presented = tx.context().origin().token == Some(id);
    if !is_presented && !is_wholly(tx, owner.id) && demand_manages(tx, &owner).is_err() {
        return Err(not_found(id));
    }
    Ok((token, owner))
}

fn not_found(id: TokenId) -> Error {
    Error::not_found(format!("token `{id}`"))
}

fn find_limits(tx: &mut ReadTransaction<'_, '_>, new: &NewToken) -> Result<TokenLimits> {
    let workspaces = match &new.workspaces {
        None => None,
        Some(slugs) => {
            let mut ids = BTreeSet::new();
            for slug in slugs {
                ids.insert(seen_workspace(tx, slug)?.id);
            }
            Some(ids)
        }
    };
    let roots = match &new.roots {
        None => None,
        Some(ids) => {
            let ids: BTreeSet<NodeId> = ids.iter().copied().collect();
            let named: Vec<NodeId> = ids.iter().copied().collect();
            let seen: BTreeSet<NodeId> =
                root_rights::seen(tx, &named)?.into_iter().map(|root| root.place.root).collect();
            if let Some(hidden) = ids.difference(&seen).next() {
                return Err(root_rights::not_found(*hidden));
            }
            Some(ids)
        }
    };
    Ok(TokenLimits { permissions: new.permissions, workspaces, roots })
}

/// Refuses a token that opens more than the one that the caller presented.
fn check_within(held: Option<&TokenLimits>, wanted: &TokenLimits) -> Result<()> {
    let Some(held) = held else { return Ok(()) };
    let what = "another token, which cannot open more than the one that was presented";
    check_gives(held.permissions, wanted.permissions, what)?;
    let is_within = within(held.workspaces.as_ref(), wanted.workspaces.as_ref())
        && within(held.roots.as_ref(), wanted.roots.as_ref());
    if is_within {
        return Ok(());
    }
    Err(Error::permission_denied("a token for some workspaces or models makes none for others: name those it is for"))
}

fn within<T: Ord>(held: Option<&BTreeSet<T>>, wanted: Option<&BTreeSet<T>>) -> bool {
    match (held, wanted) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(held), Some(wanted)) => wanted.is_subset(held),
    }
}

/// Refuses a token of somebody else who was granted more than the caller holds: whoever makes a token may use it.
fn check_holds_as_much(tx: &mut ReadTransaction<'_, '_>, owner: &Principal, limits: &TokenLimits) -> Result<()> {
    if is_self(tx, owner.id) || tx.context().access().rights().in_registry() == Permissions::ALL {
        return Ok(());
    }
    let now = tx.context().now();
    for binding in bindings::of(tx, Some(owner.id), &[], now)? {
        if !matches!(binding.subject, Subject::Principal(_)) {
            // What everybody has.
            continue;
        }
        let held = permissions_at(tx, binding.scope).unwrap_or_default();
        let what = format_args!("what binding `{}` gives principal `{}`", binding.id, owner.handle);
        check_gives(held, binding.role.permissions() & limits.permissions, what)?;
    }
    Ok(())
}

/// When a token of that owner ends at the latest. A token of one's own does not outlast the one that was presented: whoever has got
/// hold of one could have others made for ever.
fn latest_end(tx: &mut ReadTransaction<'_, '_>, owner: &Principal, now: Millis, max: Duration) -> Result<Millis> {
    let latest = now.saturating_add(millis(max));
    let presented = tx.context().origin().token.filter(|_| is_self(tx, owner.id));
    let Some(presented) = presented else { return Ok(latest) };
    let presented = tokens::find(tx, presented)?.ok_or_else(|| not_found(presented))?;
    Ok(latest.min(presented.expires_at))
}

fn check_end(wanted: Option<Millis>, default: Millis, now: Millis, latest: Millis) -> Result<Millis> {
    match wanted.unwrap_or(default) {
        ends if ends <= now => Err(Error::invalid("expiresAt", "`expiresAt` is not in the future")),
        ends if ends > latest => {
            let days = latest.saturating_sub(now) / millis(Duration::from_secs(24 * 60 * 60));
            Err(Error::invalid(
                "expiresAt",
                format!(
                    "`expiresAt` is later than a token may end here: within {days} days, and not after the token that was presented"
                ),
            ))
        }
        ends => Ok(ends),
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::invalid("name", "a token has a name, by which it is known when it is to be revoked"));
    }
    check_title("name", name)
}

fn insert(
    tx: &mut WriteTransaction<'_, '_>,
    text: &TokenText,
    principal_id: PrincipalId,
    name: &str,
    limits: TokenLimits,
    expires_at: Millis,
) -> Result<ApiToken> {
    let created_by = tx.context().access().principal();
    let new = tokens::NewToken {
        public_id: text.public_id().to_owned(),
        hash: text.secret_hash(),
        principal_id,
        name: name.to_owned(),
        limits,
        created_by,
        expires_at,
    };
    let now = tx.now();
    tokens::insert(tx, &new, now)
}

fn record_about(
    tx: &mut WriteTransaction<'_, '_>,
    action: AuditAction,
    owner: &Principal,
    token: &ApiToken,
    mut details: serde_json::Value,
) -> Result<()> {
    if let Some(members) = details.as_object_mut() {
        let limits = &token.limits;
        let permissions: Vec<_> = limits.permissions.iter().map(Permission::name).collect();
        members.insert("token".to_owned(), json!(token.id));
        members.insert("publicId".to_owned(), json!(token.public_id));
        members.insert("principal".to_owned(), json!(owner.id));
        members.insert("permissions".to_owned(), json!(permissions));
        members.insert("workspaces".to_owned(), json!(limits.workspaces));
        members.insert("roots".to_owned(), json!(limits.roots));
        members.insert("expiresAt".to_owned(), json!(token.expires_at));
    }
    record(tx, action, At { workspace: owner.workspace_id, root: None }, details)
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// The text of a new token, from the operating system's random numbers.
pub(super) fn new_text() -> Result<TokenText> {
    let mut random = [0; TokenText::RANDOM_BYTES];
    getrandom::fill(&mut random)
        .map_err(|error| Error::internal("the operating system has no random numbers").caused_by(error))?;
    Ok(TokenText::from_random(random))
}
