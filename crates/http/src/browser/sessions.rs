//! Whose session a request names, and what the issuer says of them anew.

use std::sync::Arc;
use std::time::Duration;

use super::cookies::SessionCookie;
use super::login::about;
use crate::authentication::Credentials;
use crate::domain::access::{KnownSession, SessionState, hash_of_text, is_same_hash};
use crate::domain::{Error, ErrorKind, Result};
use crate::registry::access::Authenticated;
use crate::registry::{Registry, RequestContext};

/// How often, and how many times, it is looked whether another server has heard from the issuer.
const LOOKED: (Duration, u32) = (Duration::from_millis(100), 100);

impl Credentials {
    /// Whose session the cookie names.
    ///
    /// Errors: Unauthenticated where it has ended; PermissionDenied for a change whose page did not send the header along;
    /// UpstreamUnavailable where the issuer has to be asked and does not answer.
    pub(crate) async fn by_session(
        self: &Arc<Self>,
        registry: &Registry,
        context: &RequestContext,
        cookie: &SessionCookie,
    ) -> Result<Authenticated> {
        let found = registry.accounts.find_session(context, &hash_of_text(&cookie.secret)).await?;
        let known = found.ok_or_else(ended)?;
        let is_sent = |sent: &String| is_same_hash(sent, &cookie.own_csrf());
        if cookie.needs_csrf && !cookie.csrf.as_ref().is_some_and(is_sent) {
            return Err(Error::permission_denied(
                "a change by a browser's session needs `X-Modelport-CSRF` with what `/api/v1/whoami` says of the session",
            ));
        }
        let known = match registry.accounts.session_state(context, &known) {
            SessionState::Good => known,
            SessionState::Due => self.renewed(registry, context, known, false).await?,
            SessionState::Stale => self.renewed(registry, context, known, true).await?,
            SessionState::Ended => return Err(ended()),
        };
        registry.accounts.authenticate_session(context, &known).await
    }

    /// The session with what its issuer says now. One that is not stale counts meanwhile, and while the issuer does not answer.
    async fn renewed(
        self: &Arc<Self>,
        registry: &Registry,
        context: &RequestContext,
        known: Arc<KnownSession>,
        is_stale: bool,
    ) -> Result<Arc<KnownSession>> {
        let is_put_off = known.session.claimed_until > context.now();
        if !is_put_off && registry.accounts.claim_renewal(context, &known).await? {
            // It goes on though this request is given up: the issuer may take the refresh token once.
            let renewal = renew(Arc::clone(self), registry.clone(), context.clone(), Arc::clone(&known));
            let renewed = tokio::spawn(renewal).await;
            let renewed = renewed.map_err(|error| Error::internal("a session was not renewed").caused_by(error))?;
            return match renewed {
                Err(error) if !is_stale && error.kind() != ErrorKind::Unauthenticated => Ok(known),
                renewed => renewed,
            };
        }
        if is_put_off && !is_stale {
            return Ok(known);
        }
        for _ in 0..LOOKED.1 {
            let (found, is_asked) = registry.accounts.find_renewed(context, &known).await?.ok_or_else(ended)?;
            match registry.accounts.session_state(context, &found) {
                SessionState::Good | SessionState::Due => return Ok(found),
                SessionState::Ended => return Err(ended()),
                SessionState::Stale if is_asked => tokio::time::sleep(LOOKED.0).await,
                SessionState::Stale => break,
            }
        }
        Err(Error::upstream_unavailable(format!(
            "the issuer `{}` cannot be asked who it is by now: try again",
            known.principal.issuer
        )))
    }
}

/// Asks the issuer. A session that it does not confirm ends.
async fn renew(
    credentials: Arc<Credentials>,
    registry: Registry,
    context: RequestContext,
    known: Arc<KnownSession>,
) -> Result<Arc<KnownSession>> {
    match ask(&credentials, &registry, &context, &known).await {
        Err(error) if matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::NotFound) => {
            registry.accounts.end_session(&context, &known, "the issuer did not confirm it").await?;
            Err(Error::unauthenticated(error.message().to_owned()))
        }
        Err(error) => {
            registry.accounts.put_off_renewal(&context, &known).await?;
            registry.accounts.find_renewed(&context, &known).await?;
            Err(error)
        }
        renewed => renewed,
    }
}

async fn ask(
    credentials: &Credentials,
    registry: &Registry,
    context: &RequestContext,
    known: &KnownSession,
) -> Result<Arc<KnownSession>> {
    let (issuers, keys) = credentials.logins().ok_or_else(ended)?;
    let about = about(&known.session.hash);
    // Nobody has the key any more, or nobody who serves here.
    let token = known.session.refresh_sealed.as_deref().and_then(|sealed| keys.open(&about, sealed));
    let token = token.ok_or_else(ended)?;
    let login = issuers.renew(&known.principal.issuer, &token).await?;
    let next = keys.seal(&about, login.refresh_token.as_deref().unwrap_or(&token))?;
    registry.accounts.renew_session(context, known, login.identity, Some(next)).await
}

fn ended() -> Error {
    Error::unauthenticated("the session has ended: log in again")
}
