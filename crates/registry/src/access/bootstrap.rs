//! The first administrator: a token that counts for as long as nobody is bound as one.

use super::tokens::new_text;
use crate::context::RequestContext;
use crate::domain::access::{
    Handle, Permissions, Principal, PrincipalId, PrincipalKind, TokenLimits, TokenText, hash_of_text,
};
use crate::domain::{Error, Millis, Result};
use crate::services::Accounts;
use crate::store::Tx;
use crate::store::access::{bindings, epoch, principals, tokens};

/// The subject and handle of the account that has the bootstrap token. No other account of this registry has a subject like it.
pub(super) const BOOTSTRAP: &str = "bootstrap";

/// How long a token counts that was made here, in milliseconds.
const LASTS: Millis = 60 * 60 * 1000;

/// When a token ends that has no end: with the year 9999.
const NEVER: Millis = 253_402_300_799_000;

/// The shortest text that may be given as a token, in bytes.
const MIN_GIVEN_BYTES: usize = 32;

/// What became of the bootstrap token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bootstrap {
    /// None is needed: somebody is an administrator.
    NotNeeded,
    /// The text that the settings give counts as one.
    Given,
    /// This one was made, and counts for an hour.
    Made(TokenText),
}

/// Whether it is the account of the bootstrap token.
pub(super) fn is_bootstrap(principal: &Principal) -> bool {
    principal.issuer.is_empty() && principal.subject == BOOTSTRAP && principal.kind == PrincipalKind::Service
}

/// What a text is found by that the settings give as a token, and the digest that is kept of it. `None` when it is too short to be one.
pub(super) fn as_token(text: &str) -> Option<(String, String)> {
    let hash = (text.len() >= MIN_GIVEN_BYTES).then(|| hash_of_text(text))?;
    let public_id = format!("{BOOTSTRAP}-{}", hash.get(..16)?);
    Some((public_id, hash))
}

impl Accounts {
    /// Makes it possible to become the first administrator, while neither a binding nor the settings name one: `given` counts as a
    /// token then, or one is made that counts for an hour. Either counts until somebody is bound as an administrator.
    ///
    /// Errors: InvalidArgument when `given` is too short.
    pub async fn bootstrap(&self, context: &RequestContext, given: Option<&str>) -> Result<Bootstrap> {
        let made = new_text()?;
        let (public_id, hash) = match given {
            None => (made.public_id().to_owned(), made.secret_hash()),
            Some(text) => as_token(text).ok_or_else(|| {
                let message = format!("the bootstrap token is shorter than {MIN_GIVEN_BYTES} characters");
                Error::invalid("auth.bootstrap_token", message)
            })?,
        };
        let is_given = given.is_some();
        let has_named = !self.core.admins.is_empty();
        let is_needed = self
            .change(context, move |tx| {
                let now = tx.now();
                epoch::raise(tx)?;
                if has_named || bindings::any_admin(tx, now)? {
                    if let Some(account) = account(tx)? {
                        tokens::revoke_all(tx, account.id, now)?;
                    }
                    return Ok(false);
                }
                let owner = find_or_make_account(tx, now)?;
                if let Some((token, _)) = tokens::find_by_public_id(tx, &public_id)? {
                    tokens::restore(tx, token.id)?;
                    return Ok(true);
                }
                let new = tokens::NewToken {
                    public_id: public_id.clone(),
                    hash: hash.clone(),
                    principal_id: owner,
                    name: BOOTSTRAP.to_owned(),
                    limits: TokenLimits { permissions: Permissions::ALL, workspaces: None, roots: None },
                    created_by: None,
                    expires_at: if is_given { NEVER } else { now.saturating_add(LASTS) },
                };
                tokens::insert(tx, &new, now)?;
                Ok(true)
            })
            .await?;
        Ok(match (is_needed, is_given) {
            (false, _) => Bootstrap::NotNeeded,
            (true, true) => Bootstrap::Given,
            (true, false) => Bootstrap::Made(made),
        })
    }
}

fn account(tx: &mut Tx<'_>) -> Result<Option<Principal>> {
    principals::find_by_subject(tx, "", BOOTSTRAP)
}

fn find_or_make_account(tx: &mut Tx<'_>, now: Millis) -> Result<PrincipalId> {
    if let Some(account) = account(tx)? {
        return Ok(account.id);
    }
    let handle: Handle = BOOTSTRAP.parse()?;
    // Somebody may be called so.
    for handle in [handle.clone(), handle.followed_by(hash_of_text(BOOTSTRAP).get(..16).unwrap_or("account"))] {
        let new = principals::NewPrincipal {
            kind: PrincipalKind::Service,
            issuer: String::new(),
            subject: BOOTSTRAP.to_owned(),
            handle,
            display_name: None,
            email: None,
            workspace_id: None,
        };
        if let Some(made) = principals::insert(tx, &new, now)? {
            return Ok(made.id);
        }
    }
    Err(Error::conflict("no handle was free for the account of the bootstrap token"))
}
