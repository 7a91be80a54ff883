//! Who may not end something does not begin it: they are refused before a byte is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use modelport::domain::access::{Access, Permissions, Rights, Role, TokenLimits};
use modelport::domain::{Actor, Error, ErrorKind};
use modelport::registry::target::Target;
use modelport::registry::upload::PutFile;
use modelport::registry::{Registry, RegistryOptions};

use super::{Scene, kind, workspace};
use crate::registry::{body, digest, file, s3};
use crate::support::{Backend, on_both};

on_both! {
    who_may_not_write_begins_no_upload,
    links_to_a_bucket_are_for_who_may_write,
}

async fn who_may_not_write_begins_no_upload(backend: Backend) {
    let scene = Scene::new(backend).await;
    let files = &scene.registry.files;
    let made = files.put_file(&scene.offline(), file("m", "1", "f"), body("x")).await.unwrap().file;
    let reader = scene.with_role("alice", Role::Reader, workspace("default")).await;
    for put in [
        file("m", "1", "g"),
        file("m", "2", "g"),
        file("n", "1", "g"),
        PutFile { create: false, ..file("m", "1", "g") },
        PutFile { target: Target::Artifact(made.node_id), ..file("m", "1", "g") },
    ] {
        let what = format!("{:?}", put.target);
        let begun = files.create_resumable(&reader, PutFile { length: Some(5), ..put.clone() }, "").await;
        assert_eq!(kind(begun), ErrorKind::PermissionDenied, "{what}");
        let is_asked = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_asked);
        let bytes = stream::once(async move {
            asked.store(true, Ordering::SeqCst);
            Ok::<_, Error>(Bytes::from_static(b"bytes"))
        });
        let refused = files.put_file(&reader, put, bytes.boxed()).await;
        assert_eq!(kind(refused), ErrorKind::PermissionDenied, "{what}");
        assert!(!is_asked.load(Ordering::SeqCst), "{what}");
    }
}

async fn links_to_a_bucket_are_for_who_may_write(backend: Backend) {
    let Some(scene) = s3::scene(backend).await else { return };
    let options = RegistryOptions { direct_uploads: Some(Duration::from_secs(600)), ..RegistryOptions::default() };
    let registry = Registry::new(scene.store.clone(), scene.blobs.clone(), options);
    let files = &registry.files;
    let context = |permissions| {
        let limits = TokenLimits { permissions, workspaces: None, roots: None };
        let rights = Rights { limits: Some(limits), ..Rights::all() };
        let access = Access::new(None, Arc::new(rights), Access::unrestricted().workspace());
        registry.context(Actor::anonymous("request"), access)
    };
    let (writer, reader) = (context(Permissions::ALL), context(Role::Reader.permissions()));
    let put = || PutFile { length: Some(5), sha256: Some(digest("bytes")), ..file("m", "1", "f") };
    let part = 5 << 20;
    assert_eq!(kind(files.create_direct(&reader, put(), part).await), ErrorKind::PermissionDenied);
    let upload = files.create_direct(&writer, put(), part).await.unwrap().state.id;
    assert_eq!(kind(files.direct(&reader, &upload, 0).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(files.complete_direct(&reader, &upload).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(files.delete_direct(&reader, &upload).await), ErrorKind::PermissionDenied);
    assert_eq!(files.direct(&writer, &upload, 0).await.unwrap().links.len(), 1);
    files.delete_direct(&writer, &upload).await.unwrap();
}
