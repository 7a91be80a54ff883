//! Sessions of browsers: begun by a login, found by the digest of what the browser has, ended.

use std::sync::Arc;

use serde_json::json;

use super::authentication::{Authenticated, disabled};
use crate::access_cache::REMEMBERED;
use crate::context::RequestContext;
use crate::domain::access::{Identity, KnownSession, Principal, Session, SessionState};
use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::{Error, Millis, Result};
use crate::services::Accounts;
use crate::store::access::{epoch, principals, sessions};
use crate::store::{Tx, audit};

/// How many sessions one transaction removes. It holds up no other for long.
const REMOVED_AT_ONCE: i64 = 500;

/// A session that a login begins.
#[derive(Clone)]
pub struct NewSession {
    /// The digest of the secret that the browser gets.
    pub hash: String,
    /// The issuer's refresh token, sealed for the session; `None` where it gives none.
    pub refresh_sealed: Option<String>,
}

impl Accounts {
    /// Begins a session of somebody whom an issuer has vouched for just now.
    ///
    /// Errors: as [`Accounts::authenticate`].
    pub async fn begin_session(
        &self,
        context: &RequestContext,
        identity: Identity,
        new: NewSession,
    ) -> Result<Arc<KnownSession>> {
        let groups = identity.groups.clone();
        let who = self.authenticate(context, identity).await?;
        let (principal, times) = (Arc::clone(&who.principal), self.core.session_times);
        let begun = self
            .core
            .write(context, move |tx| {
                let now = tx.now();
                let session = Session {
                    hash: new.hash.clone(),
                    principal_id: principal.id,
                    groups: groups.clone(),
                    refresh_sealed: new.refresh_sealed.clone(),
                    created_at: now,
                    seen_at: now,
                    renewed_at: now,
                    claimed_until: 0,
                    ends_at: times.end_of(now),
                };
                sessions::insert(tx, &session)?;
                let entry = tx.context().audit_entry(now, AuditAction::Login, Outcome::Done);
                append(tx, entry, &principal, json!({ "issuer": principal.issuer }))?;
                Ok(session)
            })
            .await?;
        Ok(Arc::new(KnownSession { session: begun, principal: who.principal }))
    }

    /// The session of that digest, at most half a minute old unless it has changed since; `None` where there is none that counts.
    pub async fn find_session(&self, context: &RequestContext, hash: &str) -> Result<Option<Arc<KnownSession>>> {
        let now = context.now();
        let epoch = self.core.access.epoch(&self.core.store, now).await?;
        let known = self.core.access.sessions.get(hash, epoch, now);
        // Another process may have noted that it is used.
        if let Some(known) = known.filter(|known| self.session_state(context, known) != SessionState::Ended) {
            return Ok(Some(known));
        }
        let found = self.reload_session(context, hash).await?;
        Ok(found.filter(|found| self.session_state(context, found) != SessionState::Ended))
    }

    /// The session of that digest as it is now, though it have ended.
    pub(super) async fn reload_session(
        &self,
        context: &RequestContext,
        hash: &str,
    ) -> Result<Option<Arc<KnownSession>>> {
        let (now, named) = (context.now(), hash.to_owned());
        let (found, as_of) = self.core.store.read(move |tx| find(tx, &named)).await?;
        let Some(found) = found.map(Arc::new) else { return Ok(None) };
        self.remember_session(&found, as_of, now);
        Ok(Some(found))
    }

    pub(super) fn remember_session(&self, known: &Arc<KnownSession>, as_of: i64, now: Millis) {
        let (hash, until) = (known.session.hash.clone(), now.saturating_add(REMEMBERED));
        self.core.access.sessions.put(hash, Arc::clone(known), as_of, now, until);
    }

    /// What a session is worth now.
    pub fn session_state(&self, context: &RequestContext, known: &KnownSession) -> SessionState {
        self.core.session_times.state_of(&known.session, context.now())
    }

    /// Whose session it is, with the groups that the issuer said last.
    ///
    /// Errors: Unauthenticated when they are disabled, or have logged out everywhere since it began.
    pub async fn authenticate_session(
        &self,
        context: &RequestContext,
        known: &Arc<KnownSession>,
    ) -> Result<Authenticated> {
        let KnownSession { session, principal } = &**known;
        if principal.disabled_at.is_some() {
            return Err(disabled());
        }
        if session.created_at < principal.valid_from {
            return Err(Error::unauthenticated("the session was ended: log in again"));
        }
        let now = context.now();
        self.note_use(principal, None, now);
        if self.core.session_times.is_use_noted(session, now) {
            self.note_session(known, now).await?;
        }
        let groups = self.groups_that_matter(&principal.issuer, &session.groups).await?;
        let (principal, session) = (Arc::clone(principal), Some(Arc::clone(known)));
        Ok(Authenticated { principal, groups, writer_in: None, token: None, session })
    }

    async fn note_session(&self, known: &Arc<KnownSession>, now: Millis) -> Result<()> {
        let hash = known.session.hash.clone();
        let as_of = self
            .core
            .store
            .write(move |tx| {
                sessions::record_seen(tx, &hash, now)?;
                epoch::current(tx)
            })
            .await?;
        let session = Session { seen_at: now, ..known.session.clone() };
        let noted = KnownSession { session, principal: Arc::clone(&known.principal) };
        self.remember_session(&Arc::new(noted), as_of, now);
        Ok(())
    }

    /// Ends a session, for all servers within a second; one that has ended stays so.
    pub async fn end_session(&self, context: &RequestContext, known: &KnownSession, why: &'static str) -> Result<()> {
        let (hash, principal) = (known.session.hash.clone(), Arc::clone(&known.principal));
        self.change(context, move |tx| {
            epoch::raise(tx)?;
            if sessions::delete(tx, &hash)? {
                let entry = tx.context().audit_entry(tx.now(), AuditAction::Logout, Outcome::Done);
                append(tx, entry, &principal, json!({ "reason": why }))?;
            }
            Ok(())
        })
        .await
    }

    /// Removes sessions that have ended, in short transactions, and returns how many those were.
    pub(crate) async fn remove_ended_sessions(&self, context: &RequestContext) -> Result<usize> {
        let (now, times) = (context.now(), self.core.session_times);
        let mut removed = 0;
        loop {
            let remove =
                move |tx: &mut Tx<'_>| sessions::delete_ended(tx, now, times.idle_before(now), REMOVED_AT_ONCE);
            let some = self.core.store.write(remove).await?;
            removed += some;
            if i64::try_from(some).unwrap_or(i64::MAX) < REMOVED_AT_ONCE {
                return Ok(removed);
            }
        }
    }
}

/// The session of that digest, and the epoch as of which it is.
fn find(tx: &mut Tx<'_>, hash: &str) -> Result<(Option<KnownSession>, i64)> {
    let as_of = epoch::current(tx)?;
    let Some(session) = sessions::find(tx, hash)? else { return Ok((None, as_of)) };
    let principal = principals::find(tx, session.principal_id)?;
    Ok((principal.map(|principal| KnownSession { session, principal: Arc::new(principal) }), as_of))
}

/// Records what a principal did who was not known before, or did nothing but this.
fn append(tx: &mut Tx<'_>, entry: AuditEntry, principal: &Principal, details: serde_json::Value) -> Result<()> {
    let workspace_id = principal.workspace_id;
    let entry = AuditEntry { principal_id: Some(principal.id), workspace_id, details: Some(details), ..entry };
    audit::append(tx, &[entry]).map(drop)
}
