//! Tokens.

use std::collections::BTreeSet;

use modelport::domain::access::{ApiToken, Permissions, PrincipalId, Role, TokenId, TokenLimits, WorkspaceId};
use modelport::domain::{ErrorKind, NodeId, Result};
use modelport::store::access::tokens::{self, NewToken};

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    a_token_is_found_as_it_was_made,
    a_token_has_an_owner,
    a_token_is_revoked_once,
    a_token_ends_earlier_and_never_later,
    tokens_are_listed_by_owner,
    uses_are_recorded_together,
}

fn everything() -> TokenLimits {
    TokenLimits { permissions: Permissions::ALL, workspaces: None, roots: None }
}

impl Scene {
    async fn token(&self, owner: PrincipalId, public_id: &str, limits: TokenLimits) -> Result<ApiToken> {
        let new = NewToken {
            public_id: public_id.to_owned(),
            hash: format!("hash of {public_id}"),
            principal_id: owner,
            name: "CI ✓".to_owned(),
            limits,
            created_by: Some(owner),
            expires_at: 100,
        };
        self.store.write(move |tx| tokens::insert(tx, &new, 1)).await
    }

    async fn find_token(&self, id: TokenId) -> ApiToken {
        self.store.read(move |tx| tokens::find(tx, id)).await.unwrap().unwrap()
    }
}

async fn a_token_is_found_as_it_was_made(backend: Backend) {
    let scene = Scene::new(backend);
    let owner = scene.principal("alice").await.id;
    let narrow = TokenLimits {
        permissions: Role::Reader.permissions(),
        workspaces: Some(BTreeSet::from([WorkspaceId(1), WorkspaceId(7)])),
        roots: Some(BTreeSet::from([NodeId(3)])),
    };
    for (id, limits) in [("a", everything()), ("b", narrow)] {
        let made = scene.token(owner, id, limits.clone()).await.unwrap();
        assert_eq!((made.name.as_str(), &made.limits, made.created_by), ("CI ✓", &limits, Some(owner)));
        let (found, hash) = scene.store.read(move |tx| tokens::find_by_public_id(tx, id)).await.unwrap().unwrap();
        assert_eq!((found, hash), (made, format!("hash of {id}")));
    }
    assert!(scene.store.read(|tx| tokens::find_by_public_id(tx, "c")).await.unwrap().is_none());
}

async fn a_token_has_an_owner(backend: Backend) {
    let scene = Scene::new(backend);
    let made = scene.token(PrincipalId(99), "a", everything()).await;
    assert_eq!(made.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn a_token_is_revoked_once(backend: Backend) {
    let scene = Scene::new(backend);
    let owner = scene.principal("alice").await.id;
    let id = scene.token(owner, "a", everything()).await.unwrap().id;
    scene.token(owner, "b", everything()).await.unwrap();
    assert!(scene.store.write(move |tx| tokens::revoke(tx, id, 5)).await.unwrap());
    assert!(!scene.store.write(move |tx| tokens::revoke(tx, id, 6)).await.unwrap());
    assert_eq!(scene.find_token(id).await.revoked_at, Some(5));
    assert_eq!(scene.store.read(move |tx| tokens::count_valid(tx, owner, 99)).await.unwrap(), 1);
    assert_eq!(scene.store.read(move |tx| tokens::count_valid(tx, owner, 100)).await.unwrap(), 0);
    assert_eq!(scene.store.write(move |tx| tokens::revoke_all(tx, owner, 7)).await.unwrap(), 1);
    assert_eq!(scene.find_token(id).await.revoked_at, Some(5));
    scene.store.write(move |tx| tokens::restore(tx, id)).await.unwrap();
    assert_eq!(scene.find_token(id).await.revoked_at, None);
}

async fn a_token_ends_earlier_and_never_later(backend: Backend) {
    let scene = Scene::new(backend);
    let owner = scene.principal("alice").await.id;
    let id = scene.token(owner, "a", everything()).await.unwrap().id;
    for (until, ends) in [(200, 100), (50, 50), (70, 50)] {
        assert!(scene.store.write(move |tx| tokens::end_at(tx, id, until)).await.unwrap());
        assert_eq!(scene.find_token(id).await.expires_at, ends);
    }
    scene.store.write(move |tx| tokens::revoke(tx, id, 5)).await.unwrap();
    assert!(!scene.store.write(move |tx| tokens::end_at(tx, id, 20)).await.unwrap());
    assert!(!scene.store.write(|tx| tokens::end_at(tx, TokenId(99), 20)).await.unwrap());
}

async fn tokens_are_listed_by_owner(backend: Backend) {
    let scene = Scene::new(backend);
    let (alice, bob) = (scene.principal("alice").await.id, scene.principal("bob").await.id);
    let mut ids = Vec::new();
    for (owner, id) in [(alice, "a"), (bob, "b"), (alice, "c")] {
        ids.push(scene.token(owner, id, everything()).await.unwrap().id);
    }
    let list = |owner, after, limit| {
        let store = scene.store.clone();
        async move {
            let found = store.read(move |tx| tokens::list(tx, owner, after, limit)).await.unwrap();
            found.into_iter().map(|token| token.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(list(Some(alice), None, 10).await, [ids[0], ids[2]]);
    assert_eq!(list(Some(alice), Some(ids[0]), 10).await, [ids[2]]);
    assert_eq!(list(None, None, 2).await, ids[..2]);
}

async fn uses_are_recorded_together(backend: Backend) {
    let scene = Scene::new(backend);
    let owner = scene.principal("alice").await.id;
    let mut ids = Vec::new();
    for id in ["a", "b", "c"] {
        ids.push(scene.token(owner, id, everything()).await.unwrap().id);
    }
    let used = [ids[0], ids[2]];
    scene.store.write(move |tx| tokens::record_used(tx, &used, 9)).await.unwrap();
    for (id, at) in ids.into_iter().zip([Some(9), None, Some(9)]) {
        assert_eq!(scene.find_token(id).await.last_used_at, at);
    }
}
