//! Accounts: who presents credentials, what they may, and who changes that.

mod authentication;
mod bindings;
mod early;
mod explanations;
mod hidden;
mod later;
mod moves;
mod narrowed;
mod needs;
mod parts;
mod principals;
mod quotas;
mod rights;
mod sessions;
mod sight;
mod tables;
mod tokens;
mod traces;
mod trail;
mod workspaces;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use modelport::blobs::{Blobs, BlobsConfig, Location};
use modelport::domain::access::{
    Access, BindingId, Group, Identity, Permissions, PrincipalId, PrincipalKind, PrincipalRef, Role, Slug,
};
use modelport::domain::{
    Actor, Draft, Error, ErrorKind, LogicalType, Millis, NodeId, PageRequest, PageSize, PageToken, Result,
};
use modelport::registry::access::{Authenticated, Bootstrap, MadeToken, NewBinding, NewToken, ScopeRef, SubjectRef};
use modelport::registry::{Origin, Registry, RegistryOptions, RequestContext};
use tempfile::TempDir;

use crate::support::{Backend, Database};

/// The time at the start.
const START: i64 = 1_700_000_000_000;

/// A registry with accounts, with a clock that the test moves.
struct Scene {
    registry: Registry,
    clock: Arc<AtomicI64>,
    database: Database,
    _folder: TempDir,
}

impl Scene {
    async fn new(backend: Backend) -> Self {
        Self::with(backend, |options| options).await
    }

    async fn with(backend: Backend, choose: impl FnOnce(RegistryOptions) -> RegistryOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = BlobsConfig { location: Location::Local(folder.path().to_owned()), create_bucket: false };
        let blobs = Blobs::open(&config).await.unwrap();
        let database = Database::new(backend);
        let store = database.open();
        let clock = Arc::new(AtomicI64::new(START));
        let reading = Arc::clone(&clock);
        let options =
            RegistryOptions { clock: Arc::new(move || reading.load(Ordering::SeqCst)), ..RegistryOptions::default() };
        let registry = Registry::new(store, blobs, choose(options));
        Self { registry, clock, database, _folder: folder }
    }

    /// The same database in another process.
    async fn replica(&self) -> Registry {
        let config = BlobsConfig { location: Location::Local(self._folder.path().to_owned()), create_bucket: false };
        let reading = Arc::clone(&self.clock);
        let clock: modelport::registry::Clock = Arc::new(move || reading.load(Ordering::SeqCst));
        let options = RegistryOptions { clock, ..RegistryOptions::default() };
        Registry::new(self.database.open(), Blobs::open(&config).await.unwrap(), options)
    }

    fn pass(&self, time: Duration) {
        self.clock.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// The context of somebody who has said nothing yet.
    fn anybody(&self) -> RequestContext {
        self.registry.context(Actor::anonymous("request"), Access::unrestricted())
    }

    /// The context of an offline command, which may do everything.
    fn offline(&self) -> RequestContext {
        self.registry.context(Actor::new("modelport admin", "request"), Access::unrestricted())
    }

    /// The context of a request of somebody.
    async fn request(&self, who: &Authenticated) -> RequestContext {
        self.try_request(&self.registry, Some(who)).await.unwrap()
    }

    async fn try_request(&self, registry: &Registry, who: Option<&Authenticated>) -> Result<RequestContext> {
        let access = registry.accounts.access_of(&self.anybody(), who, None).await?;
        let origin = Origin {
            token: who.and_then(|who| who.token.as_ref().map(|(id, _)| *id)),
            groups: who.map(|who| who.groups.clone()).unwrap_or_default(),
            writer_in: who.and_then(|who| who.writer_in),
            session: who.and_then(|who| who.session.clone()),
            door: Some("native"),
            peer: Some("10.0.0.7".to_owned()),
            agent: Some("test".to_owned()),
        };
        Ok(registry.context(Actor::new("somebody", "request"), access).with_origin(origin))
    }

    async fn log_in(&self, identity: Identity) -> Result<Authenticated> {
        self.registry.accounts.authenticate(&self.anybody(), identity).await
    }

    /// Whoever asked for something at that time, when it is done.
    async fn asked_at(&self, id: PrincipalId, since: Millis) -> Result<Authenticated> {
        self.registry.accounts.authenticate_again(&self.anybody(), id, &[group("g")], None, since).await
    }

    /// Somebody who logs in, and the context of their request.
    async fn person(&self, name: &str) -> (Authenticated, RequestContext) {
        let who = self.log_in(person(name)).await.unwrap();
        let context = self.request(&who).await;
        (who, context)
    }

    /// The same, with a role.
    async fn with_role(&self, name: &str, role: Role, scope: ScopeRef) -> RequestContext {
        let who = self.log_in(person(name)).await.unwrap();
        self.grant(name, role, scope).await;
        self.request(&who).await
    }

    async fn grant(&self, handle: &str, role: Role, scope: ScopeRef) -> BindingId {
        self.bind(&self.offline(), named(handle), role, scope).await.unwrap()
    }

    async fn bind(
        &self,
        context: &RequestContext,
        subject: SubjectRef,
        role: Role,
        scope: ScopeRef,
    ) -> Result<BindingId> {
        let new = NewBinding { subject, role, scope, expires_at: None };
        Ok(self.registry.accounts.create_binding(context, new).await?.binding.id)
    }

    async fn model(&self, name: &str) -> NodeId {
        let draft = Draft::named(name.parse().unwrap());
        let made = self.registry.entities.create(&self.offline(), LogicalType::RegisteredModel, None, draft).await;
        made.unwrap().id
    }

    async fn team(&self, text: &str) -> Slug {
        let new = modelport::registry::access::NewWorkspace {
            slug: slug(text),
            title: None,
            owner_role: modelport::domain::Change::Keep,
        };
        self.registry.accounts.create_workspace(&self.offline(), new).await.unwrap().slug
    }

    /// What a token of their own opens.
    async fn with_token(&self, context: &RequestContext, permissions: Permissions) -> (MadeToken, RequestContext) {
        let made = self.registry.accounts.create_token(context, token("mine", permissions)).await.unwrap();
        let who = self.present(&made).await.unwrap();
        (made, self.request(&who).await)
    }

    async fn present(&self, made: &MadeToken) -> Result<Authenticated> {
        self.registry.accounts.authenticate_token(&self.anybody(), made.text.expose()).await
    }

    async fn bootstrap(&self, given: Option<&str>) -> Bootstrap {
        self.registry.accounts.bootstrap(&self.registry.own_context(), given).await.unwrap()
    }

    fn lines(&self, sql: &str) -> Vec<String> {
        self.database.lines(sql)
    }
}

/// Somebody as an issuer vouches for them.
fn person(name: &str) -> Identity {
    Identity {
        kind: PrincipalKind::User,
        issuer: "oidc".to_owned(),
        subject: format!("subject of {name}"),
        display_name: Some(name.to_uppercase()),
        email: Some(format!("{name}@corp.example")),
        groups: Vec::new(),
        issued_at: None,
    }
}

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

fn workspace(text: &str) -> ScopeRef {
    ScopeRef::Workspace(slug(text))
}

fn principal(handle: &str) -> PrincipalRef {
    handle.parse().unwrap()
}

fn named(handle: &str) -> SubjectRef {
    SubjectRef::Principal(principal(handle))
}

fn group(name: &str) -> Group {
    Group { issuer: "oidc".to_owned(), name: name.to_owned() }
}

fn token(name: &str, permissions: Permissions) -> NewToken {
    NewToken { name: name.to_owned(), owner: None, permissions, workspaces: None, roots: None, expires_at: None }
}

fn page(size: u32, token: Option<PageToken>) -> PageRequest {
    PageRequest { size: Some(PageSize::new(size)), token, with_total: false }
}

fn kind<T: std::fmt::Debug>(refused: Result<T>) -> ErrorKind {
    refused.unwrap_err().kind()
}

fn kind_and_field<T: std::fmt::Debug>(refused: Result<T>) -> (ErrorKind, Option<String>) {
    let error: Error = refused.unwrap_err();
    (error.kind(), error.field().map(str::to_owned))
}
