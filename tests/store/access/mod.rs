//! Workspaces, principals, bindings, tokens, and the epoch that counts their changes.

mod bindings;
mod principals;
mod tokens;
mod workspaces;

use modelport::domain::access::{
    Binding, BindingScope, Handle, Principal, PrincipalKind, Role, Slug, Subject, Workspace, WorkspaceId,
};
use modelport::domain::{Draft, LogicalType, Millis, NodeId, Result};
use modelport::store::access::bindings::{Bound, NewBinding};
use modelport::store::access::principals::NewPrincipal;
use modelport::store::access::{
    bindings as binding_rows, epoch, principals as principal_rows, workspaces as workspace_rows,
};
use modelport::store::{Store, nodes};

use crate::support::{Backend, Database};

/// An open store over a database of its own.
struct Scene {
    store: Store,
    database: Database,
}

impl Scene {
    fn new(backend: Backend) -> Self {
        let database = Database::new(backend);
        Self { store: database.open(), database }
    }

    async fn workspace(&self, slug: &str) -> Workspace {
        let slug: Slug = slug.parse().unwrap();
        let made = self.store.write(move |tx| workspace_rows::insert(tx, &slug, None, Some(Role::Admin), 1));
        made.await.unwrap()
    }

    async fn principal(&self, handle: &str) -> Principal {
        let new = new_principal(handle, handle);
        self.store.write(move |tx| principal_rows::insert(tx, &new, 1)).await.unwrap().unwrap()
    }

    async fn model(&self, name: &str) -> NodeId {
        let draft = Draft::named(name.parse().unwrap());
        let made = self.store.write(move |tx| nodes::insert(tx, LogicalType::RegisteredModel, None, &draft, 1));
        made.await.unwrap().id
    }

    async fn bind(&self, subject: Subject, role: Role, scope: BindingScope) -> Binding {
        match self.try_bind(subject, role, scope, None, 1).await.unwrap() {
            Bound::New(binding) => binding,
            Bound::Before(id) => panic!("binding {id} was there before"),
        }
    }

    async fn try_bind(
        &self,
        subject: Subject,
        role: Role,
        scope: BindingScope,
        expires_at: Option<Millis>,
        now: Millis,
    ) -> Result<Bound> {
        let new = NewBinding { subject, role, scope, created_by: None, expires_at };
        self.store.write(move |tx| binding_rows::insert(tx, &new, now)).await
    }

    async fn epoch(&self) -> i64 {
        self.store.read(epoch::current).await.unwrap()
    }

    fn count(&self, table: &str) -> i64 {
        let lines = self.database.lines(&format!("SELECT CAST(count(*) AS TEXT) AS line FROM {table}"));
        lines[0].parse().unwrap()
    }
}

fn new_principal(subject: &str, handle: &str) -> NewPrincipal {
    let handle: Handle = handle.parse().unwrap();
    NewPrincipal {
        kind: PrincipalKind::User,
        issuer: "oidc".to_owned(),
        subject: subject.to_owned(),
        handle,
        display_name: None,
        email: None,
        workspace_id: None,
    }
}

/// The scope of a workspace.
fn of(workspace: &Workspace) -> BindingScope {
    BindingScope::Workspace(workspace.id)
}

/// The default workspace.
const DEFAULT: BindingScope = BindingScope::Workspace(WorkspaceId::DEFAULT);
