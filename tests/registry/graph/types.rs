//! Types: made once, grown, never shrunk.

use modelport::domain::ErrorKind;
use modelport::domain::access::Access;
use modelport::domain::graph::{TypeDraft, TypeRules};

use super::*;
use crate::support::{Backend, on_both};

on_both! {
    a_type_is_made_once_and_found,
    types_of_one_request_see_each_other,
    a_refused_type_takes_the_others_with_it,
    lists_hide_the_types_of_the_house,
    one_type_is_made_by_many_at_once,
}

async fn a_type_is_made_once_and_found(backend: Backend) {
    let scene = Scene::new(backend).await;
    let id = scene.type_of(ARTIFACT, "t").await;
    assert_eq!(scene.type_of(ARTIFACT, "t").await, id);
    assert_ne!(scene.type_of(EXECUTION, "t").await, id);
    let found = scene.registry.graph.get_type(&scene.context, ARTIFACT, "t", "").await.unwrap();
    assert_eq!((found.id, found.properties.len()), (id, 2));
    let error = scene.registry.graph.get_type(&scene.context, ARTIFACT, "t", "1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let by_ids = scene.registry.graph.types_by_ids(&scene.context, ARTIFACT, vec![id, 1, id, 99_999]).await.unwrap();
    assert_eq!(by_ids.iter().map(|each| each.id).collect::<Vec<_>>(), [id, 1, id]);
}

async fn types_of_one_request_see_each_other(backend: Backend) {
    let scene = Scene::new(backend).await;
    let rules = TypeRules { can_add_fields: true, can_omit_fields: true, all_fields_match: true };
    let drafts = vec![
        type_draft(ARTIFACT, "t", &[("a", ValueKind::Int)]),
        type_draft(ARTIFACT, "t", &[("b", ValueKind::Bool)]),
        TypeDraft { version: "2".into(), ..type_draft(ARTIFACT, "t", &[]) },
    ];
    let ids = scene.registry.graph.put_types(&scene.context, drafts, rules).await.unwrap();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
    let found = scene.registry.graph.get_type(&scene.context, ARTIFACT, "t", "").await.unwrap();
    assert_eq!(found.properties.into_keys().collect::<Vec<_>>(), ["a", "b"]);
    let grown = type_draft(ARTIFACT, "t", &[("c", ValueKind::Proto)]);
    let grown = TypeDraft { external_id: Some("ext".into()), base_type: Some(2), ..grown };
    scene.registry.graph.put_types(&scene.context, vec![grown], rules).await.unwrap();
    let found =
        &scene.registry.graph.types_by_external_ids(&scene.context, ARTIFACT, vec!["ext".into()]).await.unwrap()[0];
    assert_eq!((found.id, found.base_type, found.properties.len()), (ids[0], Some(2), 3));
}

async fn a_refused_type_takes_the_others_with_it(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (t, u) = (type_draft(ARTIFACT, "t", &[]), type_draft(CONTEXT, "u", &[("a", ValueKind::Int)]));
    let other = type_draft(CONTEXT, "u", &[("a", ValueKind::Bool)]);
    let error = scene.registry.graph.put_types(&scene.context, vec![t, u, other], STRICT).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(
        scene.registry.graph.get_type(&scene.context, ARTIFACT, "t", "").await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let no_name =
        scene.registry.graph.put_types(&scene.context, vec![type_draft(ARTIFACT, "", &[])], STRICT).await.unwrap_err();
    assert_eq!((no_name.kind(), no_name.field()), (ErrorKind::InvalidArgument, Some("name")));
    let nul = scene
        .registry
        .graph
        .put_types(&scene.context, vec![type_draft(ARTIFACT, "a\0", &[])], STRICT)
        .await
        .unwrap_err();
    assert_eq!(nul.kind(), ErrorKind::InvalidArgument);
}

async fn lists_hide_the_types_of_the_house(backend: Backend) {
    let scene = Scene::new(backend).await;
    assert!(scene.registry.graph.list_types(&scene.context, CONTEXT).await.unwrap().is_empty());
    assert!(scene.registry.graph.list_types(&scene.context, EXECUTION).await.unwrap().is_empty());
    let id = scene.type_of(CONTEXT, "mine").await;
    scene.model("m").await;
    let names: Vec<_> = scene
        .registry
        .graph
        .list_types(&scene.context, CONTEXT)
        .await
        .unwrap()
        .into_iter()
        .map(|each| each.name)
        .collect();
    assert_eq!(names, ["kf.RegisteredModel", "mine"], "{id}");
    assert_eq!(
        scene.registry.graph.get_type(&scene.context, ARTIFACT, "mlmd.Model", "").await.unwrap().base_type,
        Some(2)
    );
    let grown = type_draft(CONTEXT, "kf.RegisteredModel", &[("colour", ValueKind::String)]);
    let rules = TypeRules { can_add_fields: true, can_omit_fields: true, all_fields_match: true };
    let error = scene.registry.graph.put_types(&scene.context, vec![grown], rules).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

async fn one_type_is_made_by_many_at_once(backend: Backend) {
    let scene = Scene::new(backend).await;
    let rules = TypeRules { can_add_fields: true, can_omit_fields: true, all_fields_match: true };
    let writers = (0..16).map(|at| {
        let own = format!("p{at}");
        let draft = type_draft(ARTIFACT, "t", &[("shared", ValueKind::Int), (own.as_str(), ValueKind::Int)]);
        let registry = scene.registry.clone();
        tokio::spawn(async move {
            registry
                .graph
                .put_types(&registry.context(actor(), Access::unrestricted()), vec![draft], rules)
                .await
                .unwrap()[0]
        })
    });
    let mut ids = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        ids.push(writer.await.unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(scene.registry.graph.get_type(&scene.context, ARTIFACT, "t", "").await.unwrap().properties.len(), 17);
}
