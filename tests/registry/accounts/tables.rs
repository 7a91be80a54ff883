//! Tables of tensors, and the comparison of tensors and cards, are reads of files: for whoever may download, and in the trail.

use modelport::domain::access::{Permission, Role};
use modelport::domain::audit::AuditAction;
use modelport::domain::{ErrorKind, PageSize};
use modelport::registry::RequestContext;
use modelport::registry::audit::AuditWanted;
use modelport::registry::compare::{Compared, NoLines};
use modelport::registry::target::Target;
use modelport::registry::tensor_table::TensorQuery;

use super::{Scene, kind, page, principal, workspace};
use crate::registry::{body, file};
use crate::support::{Backend, on_both};

on_both! {
    tables_are_for_who_may_download,
    what_may_not_be_downloaded_is_not_compared,
}

/// Files of safetensors with one tensor, of another name each.
const ONE: &str = "9\0\0\0\0\0\0\0{\"one\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} \0\0\0\0\0\0\0\0";
const TWO: &str = "9\0\0\0\0\0\0\0{\"two\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} \0\0\0\0\0\0\0\0";

/// Version 1 and 2 of a model, with other tensors and another card each.
async fn scene(backend: Backend) -> Scene {
    let scene = Scene::new(backend).await;
    for (version, path, bytes) in
        [("1", "m.safetensors", ONE), ("2", "m.safetensors", TWO), ("1", "README.md", "one"), ("2", "README.md", "two")]
    {
        let put = file("m", version, path);
        scene.registry.files.put_file(&scene.offline(), put, body(bytes)).await.unwrap();
    }
    scene
}

fn query() -> TensorQuery {
    TensorQuery { prefix: String::new(), text: String::new(), size: PageSize::new(10), token: None }
}

async fn tables_are_for_who_may_download(backend: Backend) {
    let scene = scene(backend).await;
    let files = &scene.registry.files;
    let target = Target::Version { model: "m".parse().unwrap(), version: "1".parse().unwrap() };
    let path = "m.safetensors".parse().unwrap();
    let list = async |who: RequestContext| files.list_tensors(&who, &target, &path, false, query()).await;
    // What was read for one is not given to another who may not have it.
    assert_eq!(list(scene.offline()).await.unwrap().tensors[0].name, "one");
    scene.needs(&[Permission::Download], "listing tensors", &list).await;
    let viewer = scene.with_role("vera", Role::Viewer, workspace("default")).await;
    assert_eq!(kind(list(viewer).await), ErrorKind::PermissionDenied);
    let reader = scene.with_role("rita", Role::Reader, workspace("default")).await;
    list(reader).await.unwrap();
    scene.registry.audit.write_waiting(&scene.registry.own_context()).await.unwrap();
    let action = Some(AuditAction::Download);
    let wanted = AuditWanted { principal: Some(principal("rita")), action, ..AuditWanted::default() };
    let trail = scene.registry.audit.list_audit(&scene.offline(), wanted, page(100, None)).await.unwrap();
    let [entry] = trail.items.into_iter().map(|view| view.record.entry).collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(entry.path.as_deref(), Some("m.safetensors"));
    assert_eq!(entry.bytes, Some(ONE.len() as i64));
    scene.database.execute("UPDATE files SET quarantine = 'bad'");
    assert_eq!(kind(list(scene.offline()).await), ErrorKind::Quarantined);
    let even_so = async |who: RequestContext| files.list_tensors(&who, &target, &path, true, query()).await;
    scene.needs(&[Permission::Download, Permission::Manage], "listing quarantined tensors", &even_so).await;
}

async fn what_may_not_be_downloaded_is_not_compared(backend: Backend) {
    let scene = scene(backend).await;
    let models = &scene.registry.models;
    let (name, one, two) = ("m".parse().unwrap(), "1".parse().unwrap(), "2".parse().unwrap());
    let compare = async |who: &RequestContext| -> Compared {
        models.compare_versions(who, (&name, &one), (&name, &two)).await.unwrap()
    };
    let reader = scene.with_role("rita", Role::Reader, workspace("default")).await;
    let compared = compare(&reader).await;
    let tensors = compared.tensors.unwrap();
    assert_eq!((tensors.added, tensors.removed, tensors.unread, tensors.items.len()), (1, 1, 0, 2));
    assert_eq!(compared.card.unwrap().lines.unwrap().added, 1);
    let viewer = scene.with_role("vera", Role::Viewer, workspace("default")).await;
    let compared = compare(&viewer).await;
    let tensors = compared.tensors.unwrap();
    assert_eq!((tensors.added, tensors.removed, tensors.unread, tensors.items.len()), (0, 0, 1, 0));
    assert_eq!(compared.card.unwrap().lines, Err(NoLines::Unreadable));
    // That there are other files is seen.
    assert_eq!(compared.contents.unwrap().files.changed, 2);
    scene.database.execute("UPDATE files SET quarantine = 'bad'");
    let compared = compare(&reader).await;
    assert_eq!((compared.tensors.unwrap().unread, compared.card.unwrap().lines), (1, Err(NoLines::Unreadable)));
}
