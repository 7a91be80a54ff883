//! Entities: created, read, found, listed, changed.

use modelport::domain::{
    Change, Draft, ErrorKind, LogicalType, NodeId, Order, OrderBy, PageSize, PageToken, Patch, Selection, Value,
};
use modelport::registry::entities::Find;
use modelport::registry::removal::Removal;

use super::{Scene, cut};
use crate::support::{Backend, on_both};

on_both! {
    what_is_created_can_be_got_found_and_listed,
    what_the_type_does_not_have_is_refused,
    a_parent_must_be_of_the_right_type,
    an_entity_of_another_type_is_not_found,
    a_change_keeps_clears_and_sets,
    a_refused_change_changes_nothing,
    pages_give_everything_once,
    a_token_belongs_to_its_query,
    an_artifact_without_a_home_may_share_its_name,
}

const MODEL: LogicalType = LogicalType::RegisteredModel;

async fn what_is_created_can_be_got_found_and_listed(backend: Backend) {
    let scene = Scene::new(backend).await;
    let mut draft = Draft::named("m".parse().unwrap()).with("owner", Some("me"));
    draft.external_id = Some("ext".parse().unwrap());
    draft.custom.insert("k".into(), Value::Double(0.5));
    let model = scene.registry.entities.create(&scene.context, MODEL, None, draft).await.unwrap();
    assert_eq!((model.revision, model.text("owner")), (1, Some("me")));
    assert_eq!(scene.registry.entities.get(&scene.context, MODEL, model.id).await.unwrap(), model);
    let by_name = Find::Name("m".parse().unwrap(), None);
    let by_external = Find::ExternalId("ext".parse().unwrap());
    for find in [by_name, by_external] {
        assert_eq!(scene.registry.entities.find(&scene.context, MODEL, find).await.unwrap(), model);
    }
    let page = scene.registry.entities.list(&scene.context, Selection::of(MODEL), cut(None, None)).await.unwrap().first;
    assert_eq!((page.items, page.next), (vec![model], None));
}

async fn what_the_type_does_not_have_is_refused(backend: Backend) {
    let scene = Scene::new(backend).await;
    let colour = Draft::named("m".parse().unwrap()).with("colour", Some("red"));
    let mut number = Draft::named("m".parse().unwrap());
    number.properties.insert("owner".into(), Value::Int(1));
    for (draft, field) in [(colour, "colour"), (number, "owner")] {
        let error = scene.registry.entities.create(&scene.context, MODEL, None, draft).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some(field)));
    }
    assert_eq!((scene.count("nodes"), scene.count("changes")), (0, 0));
}

async fn a_parent_must_be_of_the_right_type(backend: Backend) {
    let scene = Scene::new(backend).await;
    let experiment = scene.named(LogicalType::Experiment, None, "e").await.unwrap();
    for home in [experiment.id, NodeId(99)] {
        let error = scene.named(LogicalType::ModelVersion, Some(home), "1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains(&format!("registered model `{home}`")), "{error}");
        let selection = Selection { home: Some(home), ..Selection::of(LogicalType::ModelVersion) };
        let error =
            scene.registry.entities.list(&scene.context, selection, cut(None, None)).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

async fn an_entity_of_another_type_is_not_found(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let other = LogicalType::Experiment;
    let get = scene.registry.entities.get(&scene.context, other, model.id).await.map(drop);
    let find =
        scene.registry.entities.find(&scene.context, other, Find::Name("m".parse().unwrap(), None)).await.map(drop);
    let update = scene.registry.entities.update(&scene.context, other, model.id, Patch::default()).await.map(drop);
    let delete = scene.registry.entities.delete(&scene.context, other, model.id, Removal::RECURSIVE).await;
    for outcome in [get, find, update, delete] {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(scene.registry.entities.get(&scene.context, MODEL, model.id).await.unwrap(), model);
}

async fn a_change_keeps_clears_and_sets(backend: Backend) {
    let scene = Scene::new(backend).await;
    let mut draft = Draft::named("m".parse().unwrap()).with("owner", Some("me")).with("readme", Some("r"));
    draft.external_id = Some("ext".parse().unwrap());
    draft.custom.insert("k".into(), Value::Int(1));
    let model = scene.registry.entities.create(&scene.context, MODEL, None, draft).await.unwrap();
    scene.pass(super::HOUR);
    let patch = Patch::default().with("owner", Change::Set("you".into())).with("readme", Change::Clear);
    let changed = scene.registry.entities.update(&scene.context, MODEL, model.id, patch).await.unwrap();
    assert_eq!((changed.revision, changed.text("owner"), changed.text("readme")), (2, Some("you"), None));
    assert_eq!((changed.custom.len(), changed.external_id.as_deref()), (1, Some("ext")));
    assert_eq!(changed.created_at, model.created_at);
    assert_eq!(changed.updated_at, model.updated_at + 3_600_000);
    let patch = Patch { external_id: Change::Clear, custom: Some(Default::default()), ..Patch::default() };
    let changed = scene.registry.entities.update(&scene.context, MODEL, model.id, patch).await.unwrap();
    assert_eq!((changed.custom.len(), changed.external_id.as_deref()), (0, None));
    assert_eq!(scene.registry.entities.get(&scene.context, MODEL, model.id).await.unwrap(), changed);
}

async fn a_refused_change_changes_nothing(backend: Backend) {
    let scene = Scene::new(backend).await;
    let mut draft = Draft::named("taken".parse().unwrap());
    draft.external_id = Some("ext".parse().unwrap());
    scene.registry.entities.create(&scene.context, MODEL, None, draft).await.unwrap();
    let model = scene.model("m").await;
    let taken = Patch { external_id: Change::Set("ext".parse().unwrap()), ..Patch::default() };
    let stale = Patch { if_revision: Some(7), ..Patch::default() };
    let unknown = Patch::default().with("colour", Change::Set("red".into()));
    let cases = [
        (taken, ErrorKind::AlreadyExists, "externalId"),
        (stale, ErrorKind::PreconditionFailed, "If-Match"),
        (unknown, ErrorKind::InvalidArgument, "colour"),
    ];
    for (patch, kind, field) in cases {
        let patch = patch.with("owner", Change::Set("you".into()));
        let error = scene.registry.entities.update(&scene.context, MODEL, model.id, patch).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)));
    }
    assert_eq!(scene.registry.entities.get(&scene.context, MODEL, model.id).await.unwrap(), model);
    assert_eq!(scene.count("changes"), 2);
}

async fn pages_give_everything_once(backend: Backend) {
    let scene = Scene::new(backend).await;
    let mut all = Vec::new();
    for number in 0..25 {
        all.push(scene.model(&format!("m{number}")).await.id);
    }
    for by in [OrderBy::Id, OrderBy::CreateTime, OrderBy::UpdateTime] {
        for descending in [false, true] {
            let selection = Selection { order: Order { by, descending }, ..Selection::of(MODEL) };
            let (mut seen, mut token, mut pages) = (Vec::new(), None, 0);
            loop {
                let page = scene
                    .registry
                    .entities
                    .list(&scene.context, selection.clone(), cut(Some(PageSize::new(5)), token))
                    .await
                    .unwrap()
                    .first;
                seen.extend(page.items.iter().map(|node| node.id));
                pages += 1;
                let Some(next) = page.next else { break };
                token = Some(PageToken::decode(&next.encode()).unwrap());
            }
            if descending {
                seen.reverse();
            }
            assert_eq!((seen, pages), (all.clone(), 5), "{by:?} {descending}");
        }
    }
}

async fn a_token_belongs_to_its_query(backend: Backend) {
    let scene = Scene::new(backend).await;
    for name in ["a", "b"] {
        scene.model(name).await;
    }
    let page = scene
        .registry
        .entities
        .list(&scene.context, Selection::of(MODEL), cut(Some(PageSize::new(1)), None))
        .await
        .unwrap()
        .first;
    let order = Order { by: OrderBy::Id, descending: true };
    let other = Selection { order, ..Selection::of(MODEL) };
    let error = scene.registry.entities.list(&scene.context, other, cut(None, page.next)).await.map(drop).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("nextPageToken")));
}

async fn an_artifact_without_a_home_may_share_its_name(backend: Backend) {
    let scene = Scene::new(backend).await;
    let artifact = LogicalType::ModelArtifact;
    let first = scene.named(artifact, None, "a").await.unwrap();
    let second = scene.named(artifact, None, "a").await.unwrap();
    assert_ne!(first.name, second.name);
    assert_eq!((first.display_name(), second.display_name()), (Some("a"), Some("a")));
    let selection = Selection { name: Some("a".parse().unwrap()), ..Selection::of(artifact) };
    assert_eq!(
        scene.registry.entities.list(&scene.context, selection, cut(None, None)).await.unwrap().first.items,
        [first, second]
    );
}
