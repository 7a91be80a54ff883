//! Uploads in parts: whose they are, and until when parts are taken.

use bytes::Bytes;
use futures_util::stream;
use modelport::domain::access::Role;
use modelport::domain::{Error, ErrorKind, FilePath, Result, Sha256};
use modelport::registry::RequestContext;
use modelport::registry::access::{PrincipalChange, ScopeRef};
use modelport::registry::resumable::NewPart;
use modelport::registry::resumable::multipart::{MultipartUpload, TaggedPart};
use modelport::registry::target::Target;

use super::{Scene, principal};
use crate::support::{Backend, on_both};

on_both! {
    an_upload_is_whose_began_it,
    whoever_may_not_write_begins_none,
    parts_are_taken_while_whoever_began_counts,
}

fn target() -> Target {
    Target::Folder("place:/custom".parse().unwrap())
}

fn path() -> FilePath {
    "f".parse().unwrap()
}

impl Scene {
    async fn begin_parts(&self, context: &RequestContext) -> Result<MultipartUpload> {
        self.registry.files.create_multipart(context, &target(), &path(), 1).await
    }

    async fn send_part(&self, upload: &MultipartUpload) -> Result<Sha256> {
        let (id, secret) = (upload.id.clone(), upload.secret.clone());
        let part = NewPart { upload: id, secret, number: 1, length: None, sha256: None };
        let body = stream::iter([Ok::<_, Error>(Bytes::from_static(b"bytes"))]);
        self.registry.files.put_part(&self.registry.own_context(), part, body).await
    }

    async fn complete_parts(&self, context: &RequestContext, upload: &MultipartUpload) -> Result<()> {
        let parts = vec![TaggedPart { number: 1, tag: Sha256::of(b"bytes").to_string() }];
        self.registry.files.complete_multipart(context, &upload.id, (&target(), &path()), parts).await
    }
}

async fn an_upload_is_whose_began_it(backend: Backend) {
    let scene = Scene::new(backend).await;
    let writer = scene.with_role("writer", Role::Writer, ScopeRef::Registry).await;
    let other = scene.with_role("other", Role::Writer, ScopeRef::Registry).await;
    let upload = scene.begin_parts(&writer).await.unwrap();
    scene.send_part(&upload).await.unwrap();
    assert_eq!(scene.complete_parts(&other, &upload).await.unwrap_err().kind(), ErrorKind::NotFound);
    let files = &scene.registry.files;
    let aborted = files.abort_multipart(&other, &upload.id, (&target(), &path())).await;
    assert_eq!(aborted.unwrap_err().kind(), ErrorKind::NotFound);
    scene.complete_parts(&writer, &upload).await.unwrap();
}

async fn whoever_may_not_write_begins_none(backend: Backend) {
    let scene = Scene::new(backend).await;
    let writer = scene.with_role("writer", Role::Writer, ScopeRef::Registry).await;
    let reader = scene.with_role("reader", Role::Reader, ScopeRef::Registry).await;
    // Neither where there is nothing, nor where there is.
    assert_eq!(scene.begin_parts(&reader).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    let upload = scene.begin_parts(&writer).await.unwrap();
    scene.send_part(&upload).await.unwrap();
    scene.complete_parts(&writer, &upload).await.unwrap();
    assert_eq!(scene.begin_parts(&reader).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

async fn parts_are_taken_while_whoever_began_counts(backend: Backend) {
    let scene = Scene::new(backend).await;
    let writer = scene.with_role("writer", Role::Writer, ScopeRef::Registry).await;
    let upload = scene.begin_parts(&writer).await.unwrap();
    scene.send_part(&upload).await.unwrap();
    let change = PrincipalChange { disabled: Some(true), ..PrincipalChange::default() };
    scene.registry.accounts.change_principal(&scene.offline(), &principal("writer"), change).await.unwrap();
    assert_eq!(scene.send_part(&upload).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
}
