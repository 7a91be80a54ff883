//! Who presents a credential: the principal that it stands for, made on first sight, or the owner of a token.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::bootstrap::{self, BOOTSTRAP};
use crate::access_cache::{KnownToken, REMEMBERED};
use crate::context::RequestContext;
use crate::domain::access::{
    ApiToken, Group, Handle, Identity, KnownSession, NamedAdmin, Principal, PrincipalId, TokenId, TokenLimits,
    TokenText, WorkspaceId, hash_of_text, is_same_hash,
};
use crate::domain::{Error, Millis, Result};
use crate::services::Accounts;
use crate::store::Tx;
use crate::store::access::{bindings, epoch, principals, tokens};
use crate::transaction::ReadTransaction;

/// The longest subject that a credential may name, in bytes: what fits the index of every database.
pub const MAX_SUBJECT_BYTES: usize = 1024;

/// The longest name or address that is kept of somebody, in characters. What is longer is cut.
const MAX_NAME_CHARS: usize = 256;

/// How often the use of a token or an account is recorded, in milliseconds.
const USE_RECORDED: Millis = 60 * 60 * 1000;

/// What is said of every token that does not count, whatever is wrong with it: the one who has it knows, and nobody else learns anything.
const REFUSED_TOKEN: &str =
    "the token does not count: it is mistyped, unknown, expired or revoked, or its owner is disabled";

/// Somebody who said believably who they are.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who.
    pub principal: Arc<Principal>,
    /// Their groups, of those that some binding or the settings name; sorted.
    pub groups: Vec<Group>,
    /// Where the rules of a cluster make them a writer, whatever is bound.
    pub writer_in: Option<WorkspaceId>,
    /// The token that they presented, where it is one of this registry, and what it leaves of their rights.
    pub token: Option<(TokenId, TokenLimits)>,
    /// The session of the browser that they presented.
    pub session: Option<Arc<KnownSession>>,
}

impl Authenticated {
    /// The workspace of a request that names none: the token's only one, or the one that the principal works in.
    pub fn workspace(&self) -> WorkspaceId {
        let only = self.token.as_ref().and_then(|(_, limits)| match limits.workspaces.as_ref() {
            Some(these) if these.len() == 1 => these.first().copied(),
            _ => None,
        });
        only.or(self.principal.workspace_id).unwrap_or(WorkspaceId::DEFAULT)
    }
}

impl Accounts {
    /// The principal that an identity stands for, which some issuer has vouched for. It is made when it is seen for the first time.
    ///
    /// Errors: Unauthenticated when it is disabled, its credential was issued before it logged out everywhere, or what the issuer
    /// says cannot be stored.
    pub async fn authenticate(&self, context: &RequestContext, identity: Identity) -> Result<Authenticated> {
        let identity = storable(identity)?;
        let now = context.now();
        let epoch = self.core.access.epoch(&self.core.store, now).await?;
        let key = (identity.issuer.clone(), identity.subject.clone());
        let principal = match self.core.access.principals.get(&key, epoch, now) {
            Some(known) => known,
            None => {
                let (found, as_of) = self.find_or_make(&identity, now).await?;
                let found = Arc::new(found);
                let until = now.saturating_add(REMEMBERED);
                self.core.access.principals.put(key, Arc::clone(&found), as_of, now, until);
                found
            }
        };
        if principal.disabled_at.is_some() {
            return Err(disabled());
        }
        if identity.issued_at.is_some_and(|issued| issued < principal.valid_from) {
            return Err(Error::unauthenticated(
                "the credential was revoked, as all that were issued before it: log in again",
            ));
        }
        self.note_use(&principal, None, now);
        let groups = self.groups_that_matter(&identity.issuer, &identity.groups).await?;
        Ok(Authenticated { principal, groups, writer_in: None, token: None, session: None })
    }

    /// The owner of a token of this registry, and what it leaves of their rights.
    ///
    /// Errors: Unauthenticated, with one message, whatever is wrong with it.
    pub async fn authenticate_token(&self, context: &RequestContext, text: &str) -> Result<Authenticated> {
        let refused = || Error::unauthenticated(REFUSED_TOKEN);
        let (public_id, hash) = match TokenText::parse(text).ok() {
            Some(token) => (token.public_id().to_owned(), token.secret_hash()),
            // A mistyped one needs no look into the database.
            None if TokenText::is_meant_by(text) => return Err(refused()),
            None => bootstrap::as_token(text).ok_or_else(refused)?,
        };
        let now = context.now();
        let epoch = self.core.access.epoch(&self.core.store, now).await?;
        let known = match self.core.access.tokens.get(&public_id, epoch, now) {
            Some(known) => known,
            None => {
                let named = public_id.clone();
                let (found, as_of) = self.core.store.read(move |tx| find_token(tx, &named, now)).await?;
                let found = Arc::new(found.ok_or_else(refused)?);
                let until = now.saturating_add(REMEMBERED);
                self.core.access.tokens.put(public_id, Arc::clone(&found), as_of, now, until);
                found
            }
        };
        let KnownToken { token, hash: stored, owner } = &*known;
        let counts = is_same_hash(stored, &hash)
            && token.is_valid_at(now)
            && owner.disabled_at.is_none()
            && token.created_at >= owner.valid_from;
        if !counts {
            return Err(refused());
        }
        self.note_use(owner, Some((token.id, token.last_used_at)), now);
        let token = Some((token.id, token.limits.clone()));
        Ok(Authenticated { principal: Arc::clone(owner), groups: Vec::new(), writer_in: None, token, session: None })
    }

    /// Whoever asked, at that time, for something that is done later, as a job is: with the groups of then, and what their token leaves,
    /// though it have ended by now, so that a short token starts a long job.
    ///
    /// Errors: Unauthenticated when they are disabled, logged out since, or gone.
    pub async fn authenticate_again(
        &self,
        context: &RequestContext,
        id: PrincipalId,
        groups: &[Group],
        token: Option<TokenId>,
        since: Millis,
    ) -> Result<Authenticated> {
        let now = context.now();
        let find = move |tx: &mut ReadTransaction<'_, '_>| {
            let presented = token.map(|id| tokens::find(tx, id)).transpose()?.flatten();
            let is_known = token.is_none() || presented.is_some();
            let principal = still_counts(tx, id, None, since, now)?.map(|(principal, _)| principal);
            Ok(principal.filter(|_| is_known).zip(Some(presented)))
        };
        let (principal, token) = self.core.read(context, find).await?.ok_or_else(disabled)?;
        let token = token.map(|token| (token.id, token.limits));
        let (principal, groups) = (Arc::new(principal), groups.to_vec());
        Ok(Authenticated { principal, groups, writer_in: None, token, session: None })
    }

    /// Writes which tokens and accounts were used, since it was called last. Requests do not wait for that.
    pub async fn record_uses(&self, _context: &RequestContext) -> Result<()> {
        let used = std::mem::take(&mut *self.core.access.uses());
        if used.tokens.is_empty() && used.principals.is_empty() {
            return Ok(());
        }
        let latest = used.tokens.values().chain(used.principals.values()).copied().max().unwrap_or_default();
        let tokens: Vec<TokenId> = used.tokens.into_keys().collect();
        let seen: Vec<PrincipalId> = used.principals.into_keys().collect();
        self.core
            .store
            .write(move |tx| {
                tokens::record_used(tx, &tokens, latest)?;
                principals::record_seen(tx, &seen, latest)
            })
            .await
    }

    pub(super) fn note_use(&self, principal: &Principal, token: Option<(TokenId, Option<Millis>)>, now: Millis) {
        let is_due = |last: Option<Millis>| last.is_none_or(|last| now.saturating_sub(last) >= USE_RECORDED);
        let (is_seen, token) = (is_due(principal.seen_at), token.filter(|(_, last)| is_due(*last)));
        if !is_seen && token.is_none() {
            return;
        }
        let mut uses = self.core.access.uses();
        if is_seen {
            uses.principals.insert(principal.id, now);
        }
        if let Some((id, _)) = token {
            uses.tokens.insert(id, now);
        }
    }

    async fn find_or_make(&self, identity: &Identity, now: Millis) -> Result<(Principal, i64)> {
        let (issuer, subject) = (identity.issuer.clone(), identity.subject.clone());
        let find =
            move |tx: &mut Tx<'_>| Ok((principals::find_by_subject(tx, &issuer, &subject)?, epoch::current(tx)?));
        let (found, as_of) = self.core.store.read(find).await?;
        match found {
            Some(found) if renamed(&found, identity).is_none() => Ok((found, as_of)),
            _ => {
                let identity = identity.clone();
                self.core.store.write(move |tx| Ok((make(tx, &identity, now)?, epoch::current(tx)?))).await
            }
        }
    }

    /// The groups of an issuer that some binding or the settings name. Of hundreds of them few matter.
    pub(super) async fn groups_that_matter(&self, issuer: &str, names: &[String]) -> Result<Vec<Group>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let shared = self.shared().await?;
        let is_named = |group: &Group| {
            let by_settings = |admin: &NamedAdmin| matches!(admin, NamedAdmin::Group(named) if named == group);
            shared.groups.contains(group) || self.core.admins.iter().any(by_settings)
        };
        let groups = names.iter().map(|name| Group { issuer: issuer.to_owned(), name: name.clone() });
        Ok(groups.filter(is_named).collect::<BTreeSet<_>>().into_iter().collect())
    }
}

/// The principal, and the token that it presented at that time, where both count by now.
pub(crate) fn still_counts(
    tx: &mut Tx<'_>,
    id: PrincipalId,
    token: Option<TokenId>,
    since: Millis,
    now: Millis,
) -> Result<Option<(Principal, Option<ApiToken>)>> {
    let principal = principals::find(tx, id)?.filter(|found| found.disabled_at.is_none() && found.valid_from <= since);
    let presented = token.map(|id| tokens::find(tx, id)).transpose()?.flatten().filter(|found| found.is_valid_at(now));
    let has_token = token.is_none() || presented.is_some();
    Ok(principal.filter(|_| has_token).map(|principal| (principal, presented)))
}

pub(super) fn disabled() -> Error {
    Error::unauthenticated("the account is disabled: ask an administrator")
}

/// The identity with what can be stored of it.
///
/// Errors: Unauthenticated when its subject cannot be.
fn storable(identity: Identity) -> Result<Identity> {
    let Identity { subject, issuer, .. } = &identity;
    if subject.is_empty() || subject.len() > MAX_SUBJECT_BYTES || subject.contains('\0') || issuer.contains('\0') {
        return Err(Error::unauthenticated(format!(
            "the subject of the credential is empty, has a NUL character, or is longer than {MAX_SUBJECT_BYTES} bytes"
        )));
    }
    let kept = |text: Option<String>| {
        let text: Option<String> = text.map(|text| text.replace('\0', "").chars().take(MAX_NAME_CHARS).collect());
        text.filter(|text| !text.is_empty())
    };
    let (display_name, email) = (identity.display_name, identity.email);
    Ok(Identity { display_name: kept(display_name), email: kept(email), ..identity })
}

/// The principal as its issuer calls it by now, where that is new. What a credential does not say stays.
fn renamed(found: &Principal, identity: &Identity) -> Option<Principal> {
    let display_name = identity.display_name.clone().or_else(|| found.display_name.clone());
    let email = identity.email.clone().or_else(|| found.email.clone());
    let is_new = display_name != found.display_name || email != found.email;
    is_new.then(|| Principal { display_name, email, ..found.clone() })
}

/// The principal of an identity, with what its issuer says of it now; made where there is none. Nobody else is changed, whatever
/// their handles are.
fn make(tx: &mut Tx<'_>, identity: &Identity, now: Millis) -> Result<Principal> {
    let suggested = Handle::suggested(identity);
    for attempt in 1.. {
        if let Some(found) = principals::find_by_subject(tx, &identity.issuer, &identity.subject)? {
            let Some(renamed) = renamed(&found, identity) else { return Ok(found) };
            principals::set_names(tx, found.id, renamed.display_name.as_deref(), renamed.email.as_deref())?;
            return Ok(renamed);
        }
        let handle = match attempt {
            1 => suggested.clone(),
            2..10 => suggested.followed_by(attempt),
            // Many are called so, or somebody took the names one after the other.
            _ => suggested.followed_by(hash_of_text(&format!("{attempt} {identity:?}")).get(..16).unwrap_or("x")),
        };
        let new = principals::NewPrincipal {
            kind: identity.kind,
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
            handle,
            display_name: identity.display_name.clone(),
            email: identity.email.clone(),
            workspace_id: None,
        };
        if let Some(made) = principals::insert(tx, &new, now)? {
            return Ok(made);
        }
        if attempt > 20 {
            break;
        }
    }
    Err(Error::conflict("no handle was free for a new principal"))
}

/// The token that is found by that part of its text, with its owner; and the epoch of that. The bootstrap token is there for as long
/// as nobody is bound as an administrator.
fn find_token(tx: &mut Tx<'_>, public_id: &str, now: Millis) -> Result<(Option<KnownToken>, i64)> {
    let as_of = epoch::current(tx)?;
    let Some((token, hash)) = tokens::find_by_public_id(tx, public_id)? else { return Ok((None, as_of)) };
    let Some(owner) = principals::find(tx, token.principal_id)? else { return Ok((None, as_of)) };
    if bootstrap::is_bootstrap(&owner) && bindings::any_admin(tx, now)? {
        log::info!("the {BOOTSTRAP} token was presented, which counts no longer: the registry has an administrator");
        return Ok((None, as_of));
    }
    Ok((Some(KnownToken { token, hash, owner: Arc::new(owner) }), as_of))
}
