//! Uploads that do not come to their end.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use modelport::domain::access::Access;
use modelport::domain::{Error, ErrorKind, Result};
use modelport::registry::removal::Removal;
use tokio::sync::oneshot;

use super::{Scene, actor, body, file};
use crate::blobs::stores::eventually;
use crate::support::{Backend, on_both};

on_both! {
    a_dropped_upload_leaves_nothing,
    an_upload_whose_body_breaks_leaves_nothing,
    an_upload_into_what_was_removed_meanwhile_leaves_nothing,
    latest_is_resolved_before_the_bytes_are_sent,
}

/// A body that says when its first bytes were taken, and continues when it is told to.
pub fn stopped(
    bytes: &'static str,
) -> (stream::BoxStream<'static, Result<Bytes>>, oneshot::Receiver<()>, oneshot::Sender<()>) {
    let (arrived, has_arrived) = oneshot::channel();
    let (proceed, may_continue) = oneshot::channel::<()>();
    let pause = stream::once(async move {
        arrived.send(()).unwrap();
        match may_continue.await {
            Ok(()) => Ok(Bytes::new()),
            Err(_) => std::future::pending().await,
        }
    });
    (body(bytes).chain(pause).boxed(), has_arrived, proceed)
}

async fn a_dropped_upload_leaves_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (body, has_arrived, _proceed) = stopped("bytes");
    let registry = scene.registry.clone();
    let upload = tokio::spawn(async move {
        registry.files.put_file(&registry.context(actor(), Access::unrestricted()), file("m", "1", "f"), body).await
    });
    has_arrived.await.unwrap();
    assert_eq!(scene.count("uploads"), 1);
    upload.abort();
    assert!(upload.await.unwrap_err().is_cancelled());
    eventually(|| async { scene.count("uploads") == 0 && scene.objects().await.is_empty() }).await;
    scene.holds(0, 0, 0).await;
    assert_eq!((scene.count("nodes"), scene.count("changes")), (0, 0));
}

async fn an_upload_whose_body_breaks_leaves_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let broken = body("bytes").chain(stream::iter([Err(Error::invalid("body", "the client is gone"))])).boxed();
    let error = scene.registry.files.put_file(&scene.context, file("m", "1", "f"), broken).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidArgument, "the client is gone"));
    scene.holds(0, 0, 0).await;
    assert_eq!(scene.count("nodes"), 0);
}

async fn an_upload_into_what_was_removed_meanwhile_leaves_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let first = scene.put(file("m", "1", "f"), "first").await.unwrap();
    let (_, model) = first.version.unwrap();
    let (body, has_arrived, proceed) = stopped("bytes");
    let registry = scene.registry.clone();
    let mut put = file("m", "1", "g");
    put.create = false;
    let upload = tokio::spawn(async move {
        registry.files.put_file(&registry.context(actor(), Access::unrestricted()), put, body).await
    });
    has_arrived.await.unwrap();
    scene
        .registry
        .entities
        .delete(&scene.context, modelport::domain::LogicalType::RegisteredModel, model, Removal::RECURSIVE)
        .await
        .unwrap();
    proceed.send(()).unwrap();
    assert_eq!(upload.await.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(scene.count("uploads"), 0);
    assert_eq!(scene.objects().await, [first.file.blob.key]);
}

async fn latest_is_resolved_before_the_bytes_are_sent(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let old = scene.version(&model, "old").await;
    let (body, has_arrived, proceed) = stopped("bytes");
    let registry = scene.registry.clone();
    let upload = tokio::spawn(async move {
        registry
            .files
            .put_file(&registry.context(actor(), Access::unrestricted()), file("m", "latest", "f"), body)
            .await
    });
    has_arrived.await.unwrap();
    scene.version(&model, "new").await;
    proceed.send(()).unwrap();
    assert_eq!(upload.await.unwrap().unwrap().version, Some((old.id, model.id)));
}
