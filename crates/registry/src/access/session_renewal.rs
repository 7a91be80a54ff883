//! What an issuer says anew of whose session it is. One server at a time asks: an issuer may take each refresh token once.

use std::sync::Arc;

use crate::context::RequestContext;
use crate::domain::access::{Identity, KnownSession, Session};
use crate::domain::{Error, Millis, Result};
use crate::services::Accounts;
use crate::store::access::{epoch, sessions};

/// How long an issuer is not asked again after it could not be, in milliseconds.
const PAUSE: Millis = 30_000;

/// How long whoever may ask has to do so, in milliseconds. What is left of that is more than the pause while they wait.
const CLAIM: Millis = PAUSE + 15_000;

impl Accounts {
    /// Claims the right to ask the issuer. `false` when somebody else is asking, did so, or could not a moment ago.
    pub async fn claim_renewal(&self, context: &RequestContext, known: &KnownSession) -> Result<bool> {
        let Session { hash, renewed_at, .. } = &known.session;
        let (hash, renewed_at, now) = (hash.clone(), *renewed_at, context.now());
        let until = now.saturating_add(CLAIM);
        self.core.store.write(move |tx| sessions::claim(tx, &hash, renewed_at, now, until)).await
    }

    /// The session as it is now; `None` where it is gone. And whether somebody is asking its issuer.
    pub async fn find_renewed(
        &self,
        context: &RequestContext,
        known: &KnownSession,
    ) -> Result<Option<(Arc<KnownSession>, bool)>> {
        let found = self.reload_session(context, &known.session.hash).await?;
        let asked_until = context.now().saturating_add(PAUSE);
        Ok(found.map(|found| {
            let is_asked = found.session.claimed_until > asked_until;
            (found, is_asked)
        }))
    }

    /// Says that the issuer could not be asked.
    pub async fn put_off_renewal(&self, context: &RequestContext, known: &KnownSession) -> Result<()> {
        let (hash, until) = (known.session.hash.clone(), context.now().saturating_add(PAUSE));
        self.core.store.write(move |tx| sessions::put_off(tx, &hash, until)).await
    }

    /// Keeps what the issuer says now, with the refresh token that is to be used next.
    ///
    /// Errors: Unauthenticated when it says somebody else, or the session is gone; as [`Accounts::authenticate`].
    pub async fn renew_session(
        &self,
        context: &RequestContext,
        known: &KnownSession,
        identity: Identity,
        refresh_sealed: Option<String>,
    ) -> Result<Arc<KnownSession>> {
        let groups = identity.groups.clone();
        let who = self.authenticate(context, identity).await?;
        if who.principal.id != known.session.principal_id {
            return Err(Error::unauthenticated("the issuer says that the session is somebody else's: log in again"));
        }
        let now = context.now();
        let (hash, said, sealed) = (known.session.hash.clone(), groups.clone(), refresh_sealed.clone());
        let kept = move |tx: &mut crate::store::Tx<'_>| {
            Ok((sessions::renew(tx, &hash, &said, sealed.as_deref(), now)?, epoch::current(tx)?))
        };
        let (is_there, as_of) = self.core.store.write(kept).await?;
        if !is_there {
            return Err(Error::unauthenticated("the session was ended: log in again"));
        }
        let session = Session { groups, refresh_sealed, renewed_at: now, claimed_until: 0, ..known.session.clone() };
        let renewed = Arc::new(KnownSession { session, principal: who.principal });
        self.remember_session(&renewed, as_of, now);
        Ok(renewed)
    }
}
