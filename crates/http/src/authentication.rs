//! Who is calling, and what they may: from what a request presents to the access that its use case runs with. For all doors, gRPC
//! among them.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::browser::SessionCookie;
use crate::domain::access::{Access, Identity, Principal, PrincipalKind, Slug, TokenText, Verb, WorkspaceId};
use crate::domain::{Actor, Error, ErrorKind, Result};
use crate::identity::{Issuers, Keyring};
use crate::limits::RequestLimits;
use crate::registry::access::Authenticated;
use crate::registry::{Origin, Registry, RequestContext};
use crate::source::Proxies;
use crate::tls::ClientCertificate;

/// What the record of changes calls callers who do not say who they are.
const ANONYMOUS: &str = "anonymous";

/// The longest `Authorization` that is read, in bytes.
const MAX_AUTHORIZATION_BYTES: usize = 16 * 1024;

/// How callers say who they are, and how many requests they may send. Cheap to clone; by default nobody has to, everybody may do
/// everything, and send any number.
#[derive(Clone, Default)]
pub struct Authentication {
    credentials: Option<Arc<Credentials>>,
    limits: Option<Arc<RequestLimits>>,
    proxies: Proxies,
}

/// Which credentials are believed.
#[derive(Default)]
pub struct Credentials {
    /// The issuers of tokens.
    pub issuers: Option<Issuers>,
    /// The proxy that says who is calling.
    pub proxy: Option<TrustedProxy>,
    /// What seals the secrets of browsers' sessions; `None` where there are no sessions.
    pub keys: Option<Keyring>,
}

/// A proxy in front that has checked who is calling, and says so in headers.
pub struct TrustedProxy {
    /// Where it is.
    pub at: Proxies,
    /// The header with who it is.
    pub user_header: String,
    /// The header with the groups, separated by commas.
    pub groups_header: String,
    /// The header with a token of theirs, which is preferred.
    pub token_header: String,
    /// The header with the secret.
    pub secret_header: String,
    /// What only the proxy knows.
    pub secret: String,
}

/// The workspace of a request that names one which is not there, of somebody who has roles in single workspaces only: nothing is in it, as
/// nothing is in one that they may not see. Otherwise the names of workspaces could be found by trying.
const NOWHERE: WorkspaceId = WorkspaceId(0);

/// The issuer of those whom the proxy names.
const PROXY: &str = "proxy";

/// The issuer of those whom the certificates of clients name.
const CERTIFICATE: &str = "certificate";

/// The issuer of the principals of listeners.
const LISTENER: &str = "listener";

/// What a request presents.
pub struct Presented<'a> {
    /// The only value of a header, by its name in lower case; an empty text where there are several.
    pub header: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// The session of a browser that it names, on a listener for browsers.
    pub session: Option<SessionCookie>,
    /// The other end of the connection.
    pub peer: Option<IpAddr>,
    /// What its `X-Forwarded-For` headers have, one after the other with commas between them.
    pub forwarded_for: &'a (dyn Fn() -> String + Sync),
    /// The certificate of the client, where the listener asks for one.
    pub certificate: Option<&'a ClientCertificate>,
    /// Whose requests these are on a listener whose clients can present nothing; `None` where they can.
    pub listener: Option<&'a str>,
    /// The workspace that the request names, in its path or in a header of its protocol.
    pub workspace: Option<String>,
    /// The protocol.
    pub door: &'static str,
    /// What it asks for, in the words of Kubernetes.
    pub verb: Verb,
}

/// Who is calling.
#[derive(Debug, Clone)]
pub struct Asker {
    /// What the record of changes calls them.
    pub name: String,
    /// What they may, and in which workspace.
    pub access: Access,
    /// What else is known of the request.
    pub origin: Origin,
}

impl Asker {
    /// The context of a request of theirs.
    pub fn context(
        &self,
        registry: &Registry,
        request: &crate::request_id::RequestId,
        host: Option<&str>,
    ) -> RequestContext {
        let actor = Actor::new(self.name.clone(), request.as_str()).with_client_request_id(request.client());
        registry.context_at(actor, self.access.clone(), host).with_origin(self.origin.clone())
    }
}

impl Authentication {
    /// The header by which any request can name its workspace.
    pub const WORKSPACE_HEADER: &'static str = "x-modelport-workspace";

    /// Callers say who they are by these credentials, and may do what was granted to them.
    pub fn by(credentials: Credentials) -> Self {
        Self { credentials: Some(Arc::new(credentials)), ..Self::default() }
    }

    /// The same, where callers may send no more requests than that.
    #[must_use]
    pub fn limited_by(self, limits: Option<RequestLimits>) -> Self {
        Self { limits: limits.map(Arc::new), ..self }
    }

    /// The same, behind such proxies.
    #[must_use]
    pub fn behind(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// Whether callers have to say who they are.
    pub fn is_on(&self) -> bool {
        self.credentials.is_some()
    }

    pub(crate) fn credentials(&self) -> Option<&Arc<Credentials>> {
        self.credentials.as_ref()
    }

    /// Counts a request, and finds out where it is from.
    ///
    /// Errors: TooManyRequests where too many are from there.
    pub(crate) fn admit(&self, peer: Option<IpAddr>, forwarded_for: impl FnOnce() -> String) -> Result<Option<IpAddr>> {
        let from = self.proxies.source(peer, forwarded_for);
        self.limits.as_ref().map_or(Ok(()), |limits| limits.admit_from(from))?;
        Ok(from)
    }

    /// Counts credentials from there that do not count.
    ///
    /// Errors: TooManyRequests.
    pub(crate) fn admit_failed_login(&self, from: Option<IpAddr>) -> Result<()> {
        self.limits.as_ref().map_or(Ok(()), |limits| limits.admit_failed_login(from))
    }

    /// Who presents this, and what they may.
    ///
    /// Errors: TooManyRequests where they send more than they may; Unauthenticated where it is not believed, or where it is nothing and
    /// strangers may do nothing; NotFound for a workspace that is not there, to whoever may do something in all of them;
    /// PermissionDenied where the rules of a cluster decide and do not permit it; Unavailable and UpstreamUnavailable where that cannot
    /// be found out.
    pub async fn ask(&self, registry: &Registry, presented: Presented<'_>) -> Result<Asker> {
        let from = self.admit(presented.peer, presented.forwarded_for)?;
        let context = registry.own_context();
        let named = presented.workspace.clone().or_else(|| (presented.header)(Self::WORKSPACE_HEADER));
        let Some(credentials) = &self.credentials else {
            let access = Access::unrestricted();
            let access = match named {
                None => access,
                Some(slug) => access.confined_to(workspace(registry, &context, &slug).await?),
            };
            let origin = Origin { door: Some(presented.door), ..Origin::default() };
            return Ok(Asker { name: ANONYMOUS.to_owned(), access, origin });
        };
        let mut who = match credentials.authenticate(registry, &context, &presented).await {
            Ok(who) => who,
            Err(error) => {
                // While an issuer or the database does not answer, nothing is known against the credentials.
                if error.kind() == ErrorKind::Unauthenticated {
                    registry.audit.record_failed_login(&context.with_origin(origin(None, &presented, from)));
                    self.admit_failed_login(from)?;
                }
                return Err(error);
            }
        };
        if let (Some(limits), Some(who)) = (&self.limits, &who) {
            limits.admit_of(who.principal.id)?;
        }
        let own = match &mut who {
            Some(who) => {
                let own = own_workspace(registry, &context, who).await?;
                who.writer_in = credentials.is_permitted(&who.principal, presented.verb).await?.then_some(own);
                own
            }
            None => WorkspaceId::DEFAULT,
        };
        let access = registry.accounts.access_of(&context, who.as_ref(), Some(own)).await?;
        if who.is_none() && access.rights().is_nothing() {
            return Err(Error::unauthenticated("say who you are: send a token as `Authorization: Bearer …`"));
        }
        let access = match named {
            None => access,
            Some(slug) => {
                let found = workspace(registry, &context, &slug).await;
                let is_hidden = access.rights().in_workspace(NOWHERE).is_empty();
                access.confined_to(found.or_else(|error| match error.kind() {
                    ErrorKind::NotFound if is_hidden => Ok(NOWHERE),
                    _ => Err(error),
                })?)
            }
        };
        let name = who.as_ref().map_or_else(|| ANONYMOUS.to_owned(), |who| who.principal.handle.clone());
        Ok(Asker { name, access, origin: origin(who.as_ref(), &presented, from) })
    }
}

impl Credentials {
    /// Whom the first credential names that there is; `None` where there is none. One that is wrong is never taken for none.
    async fn authenticate(
        self: &Arc<Self>,
        registry: &Registry,
        context: &RequestContext,
        presented: &Presented<'_>,
    ) -> Result<Option<Authenticated>> {
        if let Some(authorization) = (presented.header)("authorization") {
            let token = token_of(&authorization)?;
            return self.by_token(registry, context, &token).await.map(Some);
        }
        if let Some(session) = &presented.session {
            return self.by_session(registry, context, session).await.map(Some);
        }
        if let Some(certificate) = presented.certificate {
            let subject = certificate.subject(context.now())?.to_owned();
            let identity = identity(PrincipalKind::Certificate, CERTIFICATE, subject, Vec::new());
            return registry.accounts.authenticate(context, identity).await.map(Some);
        }
        if let Some(proxy) = &self.proxy
            && proxy.vouches(presented)
        {
            if let Some(token) = (presented.header)(&proxy.token_header) {
                return self.by_token(registry, context, token.trim()).await.map(Some);
            }
            if let Some(user) = (presented.header)(&proxy.user_header).filter(|user| !user.is_empty()) {
                let groups = (presented.header)(&proxy.groups_header).unwrap_or_default();
                let groups = groups.split(',').map(str::trim).filter(|group| !group.is_empty());
                let identity = identity(PrincipalKind::User, PROXY, user, groups.map(str::to_owned).collect());
                return registry.accounts.authenticate(context, identity).await.map(Some);
            }
        }
        match presented.listener {
            Some(name) => {
                let identity = identity(PrincipalKind::Service, LISTENER, name.to_owned(), Vec::new());
                registry.accounts.authenticate(context, identity).await.map(Some)
            }
            None => Ok(None),
        }
    }

    async fn by_token(&self, registry: &Registry, context: &RequestContext, token: &str) -> Result<Authenticated> {
        match &self.issuers {
            // Three parts with dots between them: RFC 7515 §3.1.
            Some(issuers) if !TokenText::is_meant_by(token) && token.split('.').count() == 3 => {
                let identity = issuers.verify(token).await?;
                registry.accounts.authenticate(context, Identity::clone(&identity)).await
            }
            _ => registry.accounts.authenticate_token(context, token).await,
        }
    }

    /// Whether the rules of a cluster permit this to a service account of it; nobody asks them about anybody else.
    ///
    /// Errors: PermissionDenied where they do not; UpstreamUnavailable where that cannot be found out.
    async fn is_permitted(&self, principal: &Principal, verb: Verb) -> Result<bool> {
        let policy = self.issuers.as_ref().and_then(Issuers::policy);
        let Some(policy) = policy.filter(|_| principal.kind == PrincipalKind::Kubernetes) else { return Ok(false) };
        if policy.permits(&principal.subject, verb).await? {
            return Ok(true);
        }
        Err(Error::permission_denied(format!("the rules of the cluster do not permit `{}` here", verb.name())))
    }
}

impl TrustedProxy {
    fn vouches(&self, presented: &Presented<'_>) -> bool {
        let hash = crate::domain::access::hash_of_text;
        let secret = (presented.header)(&self.secret_header);
        presented.peer.is_some_and(|peer| self.at.has(peer.to_canonical()))
            && secret.is_some_and(|secret| crate::domain::access::is_same_hash(&hash(&secret), &hash(&self.secret)))
    }
}

fn identity(kind: PrincipalKind, issuer: &str, subject: String, groups: Vec<String>) -> Identity {
    Identity { kind, issuer: issuer.to_owned(), subject, display_name: None, email: None, groups, issued_at: None }
}

/// The token in an `Authorization`: that of Bearer, or the password of Basic, whose user name says nothing (RFC 6750, RFC 7617).
fn token_of(authorization: &str) -> Result<String> {
    let malformed = || {
        Error::unauthenticated(
            "`Authorization` is neither `Bearer` with a token nor `Basic` with a token as its password",
        )
    };
    if authorization.len() > MAX_AUTHORIZATION_BYTES {
        return Err(malformed());
    }
    let (scheme, value) = authorization.trim().split_once(' ').ok_or_else(malformed)?;
    let value = value.trim();
    let token = if scheme.eq_ignore_ascii_case("bearer") {
        value.to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded =
            BASE64.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(malformed)?;
        decoded.split_once(':').map(|(_, password)| password.to_owned()).ok_or_else(malformed)?
    } else {
        return Err(malformed());
    };
    if token.is_empty() { Err(malformed()) } else { Ok(token) }
}

/// Where somebody works who names no workspace. A service account of Kubernetes works in that of its namespace, if there is one.
async fn own_workspace(registry: &Registry, context: &RequestContext, who: &Authenticated) -> Result<WorkspaceId> {
    let own = who.workspace();
    let namespace = who.principal.subject.split_once('/').map(|(namespace, _)| namespace);
    let namespace =
        namespace.filter(|_| who.principal.kind == PrincipalKind::Kubernetes && own == WorkspaceId::DEFAULT);
    let Some(slug) = namespace.and_then(|namespace| namespace.parse::<Slug>().ok()) else { return Ok(own) };
    Ok(registry.accounts.find_workspace(context, &slug).await?.map_or(own, |found| found.id))
}

async fn workspace(registry: &Registry, context: &RequestContext, slug: &str) -> Result<WorkspaceId> {
    let missing = || Error::not_found(format!("workspace `{}`", slug.escape_debug()));
    let slug: Slug = slug.parse().map_err(|_| missing())?;
    registry.accounts.find_workspace(context, &slug).await?.map(|found| found.id).ok_or_else(missing)
}

fn origin(who: Option<&Authenticated>, presented: &Presented<'_>, from: Option<IpAddr>) -> Origin {
    Origin {
        token: who.and_then(|who| who.token.as_ref()).map(|(id, _)| *id),
        session: who.and_then(|who| who.session.clone()),
        groups: who.map(|who| who.groups.clone()).unwrap_or_default(),
        writer_in: who.and_then(|who| who.writer_in),
        door: Some(presented.door),
        peer: from.map(|from| from.to_string()),
        agent: (presented.header)("user-agent"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_that_of_bearer_or_the_password_of_basic() {
        for (authorization, token) in [
            ("Bearer a.b.c", "a.b.c"),
            ("bearer  mp_x ", "mp_x"),
            ("Basic dXNlcjpwOndk", "p:wd"),
            ("basic OnRva2Vu", "token"),
        ] {
            assert_eq!(token_of(authorization).unwrap(), token);
        }
        let long = format!("Bearer {}", "x".repeat(MAX_AUTHORIZATION_BYTES));
        for wrong in ["", "Bearer", "Bearer ", "Digest x", "Basic x", "Basic dXNlcg==", "Basic dXNlcjo=", &long] {
            assert_eq!(token_of(wrong).unwrap_err().kind(), ErrorKind::Unauthenticated, "{wrong}");
        }
    }
}
