//! Registered models and versions by number.

mod sources;

use futures_util::future::join_all;
use modelport::domain::{
    Alias, Change, Error, ErrorKind, LogicalType, Name, NodeId, PageSize, Patch, Properties, Result, Stage,
};
use modelport::registry::numbered::{
    ModelSpelling, NewVersion, NumberedVersion, OtherSpelling, VersionSource, WhichVersion,
};
use modelport::registry::removal::Removal;

use super::{HOUR, Scene};
use crate::support::{Backend, on_both};

on_both! {
    versions_made_at_once_by_every_protocol_get_numbers_without_a_gap,
    a_name_is_the_number_where_it_can_be,
    a_number_is_never_given_again,
    a_version_takes_the_place_of_those_in_its_stage,
    an_archived_version_is_in_no_other_stage,
    latest_versions_are_those_of_each_stage,
    a_renamed_model_keeps_what_it_has,
    a_model_is_found_as_a_uri_spells_it,
    aliases_go_with_their_version,
    a_change_of_a_version_is_one_of_its_model,
}

fn named(model: &str) -> ModelSpelling {
    ModelSpelling::from(model.parse::<Name>().unwrap())
}

fn of(model: &str, source: VersionSource, text: &str) -> NewVersion {
    NewVersion {
        model: named(model),
        source,
        source_text: text.to_owned(),
        run: None,
        must_be_of_run: false,
        logged_model: None,
        run_link: None,
        description: None,
        custom: Properties::new(),
    }
}

impl Scene {
    async fn number(&self, model: &str) -> Result<NumberedVersion> {
        self.made_of(model, VersionSource::Foreign).await
    }

    async fn made_of(&self, model: &str, source: VersionSource) -> Result<NumberedVersion> {
        self.registry.models.create_version(&self.context, of(model, source, "s3://bucket/model")).await
    }

    async fn numbered(&self, model: &str, number: i64) -> Result<NumberedVersion> {
        self.registry.models.numbered_version(&self.context, &named(model), number).await
    }

    async fn stage(&self, model: &str, number: i64, stage: Stage, archive: bool) -> Result<NumberedVersion> {
        self.registry.models.move_to_stage(&self.context, &named(model), number, stage, archive).await
    }

    async fn stages(&self, model: &str, numbers: std::ops::RangeInclusive<i64>) -> Vec<Stage> {
        let mut stages = Vec::new();
        for number in numbers {
            stages.push(self.numbered(model, number).await.unwrap().stage);
        }
        stages
    }
}

async fn versions_made_at_once_by_every_protocol_get_numbers_without_a_gap(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let create = async |at: i64| {
        if at % 2 == 0 {
            return scene.number("m").await.map(|made| made.version);
        }
        scene.named(LogicalType::ModelVersion, Some(model.id), &format!("v{at}")).await
    };
    for made in join_all((0..24).map(create)).await {
        made.unwrap();
    }
    for number in 1..=24 {
        let found = scene.numbered("m", number).await.unwrap();
        let name = found.version.name.unwrap();
        assert!(name.starts_with('v') || name == number.to_string(), "{number} is `{name}`");
    }
    assert_eq!(scene.numbered("m", 25).await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn a_name_is_the_number_where_it_can_be(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    scene.version(&model, "7").await;
    let next = scene.number("m").await.unwrap();
    assert_eq!((next.number, next.version.name.as_deref()), (8, Some("8")));
    scene.version(&model, "3").await;
    for odd in ["01", "2147483648", "-1", "10 ", "1.0"] {
        scene.version(&model, odd).await;
    }
    let names: Vec<_> = (7..=14).map(|number| scene.numbered("m", number)).collect();
    let names: Vec<_> = join_all(names).await.into_iter().map(|found| found.unwrap().version.name.unwrap()).collect();
    assert_eq!(names, ["7", "8", "3", "01", "2147483648", "-1", "10 ", "1.0"]);
    let m = named("m");
    let found = |which| scene.registry.models.find_numbered(&scene.context, &m, which);
    assert_eq!(found(WhichVersion::Number(3)).await.unwrap(), None);
    assert_eq!(found(WhichVersion::Named("3".parse().unwrap())).await.unwrap().unwrap().number, 9);
    assert_eq!(found(WhichVersion::Latest).await.unwrap().unwrap().number, 14);
}

async fn a_number_is_never_given_again(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    for number in [1, 2] {
        assert_eq!(scene.number("m").await.unwrap().number, number);
    }
    scene.registry.models.delete_version(&scene.context, &named("m"), 2).await.unwrap();
    assert_eq!(scene.numbered("m", 2).await.unwrap_err().kind(), ErrorKind::NotFound);
    let third = scene.number("m").await.unwrap();
    assert_eq!(third.number, 3);
    let entities = &scene.registry.entities;
    let version = LogicalType::ModelVersion;
    entities.delete(&scene.context, version, third.version.id, Removal::RECURSIVE).await.unwrap();
    scene.version(&model, "3").await;
    assert_eq!(scene.numbered("m", 4).await.unwrap().version.name.as_deref(), Some("3"));
    assert_eq!(scene.number("m").await.unwrap().number, 5);
}

async fn a_version_takes_the_place_of_those_in_its_stage(backend: Backend) {
    use Stage::{Archived, Production, Staging};
    let scene = Scene::new(backend).await;
    scene.model("m").await;
    for _ in 1..=4 {
        scene.number("m").await.unwrap();
    }
    assert_eq!(scene.stages("m", 1..=4).await, [Stage::None; 4]);
    for (number, stage) in [(1, Production), (2, Production), (3, Staging)] {
        assert_eq!(scene.stage("m", number, stage, false).await.unwrap().stage, stage);
    }
    assert_eq!(scene.stages("m", 1..=4).await, [Production, Production, Staging, Stage::None]);
    let before = scene.numbered("m", 1).await.unwrap().version;
    scene.stage("m", 4, Production, true).await.unwrap();
    assert_eq!(scene.stages("m", 1..=4).await, [Archived, Archived, Staging, Production]);
    let after = scene.numbered("m", 1).await.unwrap().version;
    assert_eq!((after.revision, after.updated_at > before.updated_at), (before.revision + 1, true));
    // One that is in the stage already stays.
    scene.stage("m", 4, Production, true).await.unwrap();
    scene.stage("m", 3, Stage::None, false).await.unwrap();
    assert_eq!(scene.stages("m", 1..=4).await, [Archived, Archived, Stage::None, Production]);
    for stage in [Stage::None, Archived] {
        let error = scene.stage("m", 1, stage, true).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("archive_existing_versions")));
    }
    assert_eq!(scene.stage("m", 5, Staging, false).await.unwrap_err().kind(), ErrorKind::NotFound);
    let history = scene.registry.history.node_history(&scene.context, after.id, 0, PageSize::new(10)).await.unwrap();
    assert_eq!(history.last().unwrap().document["before"]["properties"]["stage"]["string"], "Production");
}

async fn an_archived_version_is_in_no_other_stage(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.model("m").await;
    let made = scene.number("m").await.unwrap();
    scene.stage("m", 1, Stage::Staging, false).await.unwrap();
    let set = async |state: &str| {
        let properties = [("state".to_owned(), Change::Set(state.into()))].into();
        let patch = Patch { properties, ..Patch::default() };
        let (entities, version) = (&scene.registry.entities, LogicalType::ModelVersion);
        entities.update(&scene.context, version, made.version.id, patch).await.unwrap();
    };
    set("ARCHIVED").await;
    assert_eq!(scene.stages("m", 1..=1).await, [Stage::Archived]);
    set("LIVE").await;
    assert_eq!(scene.stages("m", 1..=1).await, [Stage::Staging]);
    set("ARCHIVED").await;
    let moved = scene.stage("m", 1, Stage::Production, false).await.unwrap();
    assert_eq!((moved.stage, moved.version.text("state")), (Stage::Production, Some("LIVE")));
    // What is archived here is still live to those that know no stages.
    let moved = scene.stage("m", 1, Stage::Archived, false).await.unwrap();
    assert_eq!((moved.stage, moved.version.text("state")), (Stage::Archived, Some("LIVE")));
}

async fn latest_versions_are_those_of_each_stage(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    scene.model("other").await;
    scene.number("other").await.unwrap();
    let latest = async |stages: &[&str]| {
        let stages = stages.iter().map(|stage| (*stage).to_owned()).collect();
        let found = scene.registry.models.latest_versions(&scene.context, &named("m"), stages).await?;
        Ok::<_, Error>(found.iter().map(|version| (version.number, version.stage)).collect::<Vec<_>>())
    };
    assert_eq!(latest(&[]).await.unwrap(), []);
    for _ in 1..=4 {
        scene.number("m").await.unwrap();
    }
    scene.version(&model, "v1.2-rc").await;
    for number in [1, 2] {
        scene.stage("m", number, Stage::Production, false).await.unwrap();
    }
    scene.stage("m", 3, Stage::Archived, false).await.unwrap();
    let all = [(2, Stage::Production), (3, Stage::Archived), (5, Stage::None)];
    assert_eq!(latest(&[]).await.unwrap(), all);
    let shown = scene.registry.models.numbered_model(&scene.context, &named("m")).await.unwrap();
    assert_eq!(shown.latest.iter().map(|version| (version.number, version.stage)).collect::<Vec<_>>(), all);
    assert_eq!(latest(&["production", "STAGING"]).await.unwrap(), [(2, Stage::Production)]);
    // What is no stage is a name.
    assert_eq!(latest(&["v1.2-rc"]).await.unwrap(), [(5, Stage::None)]);
    assert_eq!(latest(&["None", "v1.2-rc"]).await.unwrap(), [(5, Stage::None)]);
    assert_eq!(latest(&["v9"]).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

async fn a_renamed_model_keeps_what_it_has(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    scene.model("taken").await;
    scene.number("m").await.unwrap();
    let (models, alias) = (&scene.registry.models, "best".parse::<Alias>().unwrap());
    models.alias_number(&scene.context, &named("m"), &alias, 1).await.unwrap();
    let rename =
        async |from: &str, to: &str| models.rename_model(&scene.context, &named(from), &to.parse().unwrap()).await;
    assert_eq!(rename("m", "taken").await.unwrap_err().kind(), ErrorKind::NameTaken);
    let renamed = rename("m", "n").await.unwrap();
    assert_eq!((renamed.model.id, renamed.model.name.as_deref()), (model.id, Some("n")));
    assert_eq!(renamed.aliases, [("best".to_owned(), 1)]);
    assert_eq!((renamed.latest.len(), renamed.latest[0].model.as_str()), (1, "n"));
    assert_eq!(scene.numbered("m", 1).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(scene.numbered("n", 1).await.unwrap().aliases, ["best"]);
    let history = scene.registry.history.node_history(&scene.context, model.id, 0, PageSize::new(10)).await.unwrap();
    let last = history.last().unwrap();
    assert_eq!((last.action.as_str(), &last.document["before"]["name"]), ("update", &serde_json::json!("m")));
    // The name is free again.
    scene.model("m").await;
}

async fn a_model_is_found_as_a_uri_spells_it(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("bob/bert").await;
    let found = async |name: &str, otherwise| {
        let spelling = ModelSpelling { name: name.parse().unwrap(), otherwise: Some(otherwise) };
        scene.registry.models.numbered_model(&scene.context, &spelling).await.map(|found| found.model.id)
    };
    let slashed = || OtherSpelling::Name("bob/bert".parse().unwrap());
    assert_eq!(found("bob--bert", slashed()).await.unwrap(), model.id);
    assert_eq!(found("~1", OtherSpelling::Id(model.id)).await.unwrap(), model.id);
    let version = scene.version(&model, "1").await;
    for id in [version.id, NodeId(99)] {
        assert_eq!(found("~1", OtherSpelling::Id(id)).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    let literal = scene.model("bob--bert").await;
    assert_eq!(found("bob--bert", slashed()).await.unwrap(), literal.id);
}

async fn aliases_go_with_their_version(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    for _ in 1..=2 {
        scene.number("m").await.unwrap();
    }
    let (models, context, m) = (&scene.registry.models, &scene.context, named("m"));
    let alias = |name: &str| name.parse::<Alias>().unwrap();
    for (name, number) in [("größte", 1), ("b", 1), ("c", 2), ("b", 2)] {
        models.alias_number(context, &m, &alias(name), number).await.unwrap();
    }
    let shown = async || models.numbered_model(context, &m).await.unwrap().aliases;
    let pairs =
        |pairs: &[(&str, i64)]| pairs.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect::<Vec<_>>();
    assert_eq!(shown().await, pairs(&[("b", 2), ("c", 2), ("größte", 1)]));
    assert_eq!(scene.numbered("m", 2).await.unwrap().aliases, ["b", "c"]);
    let at = async |name: &str| models.find_numbered(context, &m, WhichVersion::Aliased(alias(name))).await.unwrap();
    assert_eq!(at("größte").await.unwrap().number, 1);
    assert_eq!(at("none").await, None);
    assert_eq!(models.alias_number(context, &m, &alias("d"), 3).await.unwrap_err().kind(), ErrorKind::NotFound);
    models.delete_version(context, &m, 2).await.unwrap();
    assert_eq!(shown().await, pairs(&[("größte", 1)]));
    // To remove one that is not there is no error.
    for _ in 0..2 {
        models.drop_alias(context, &m, &alias("größte")).await.unwrap();
    }
    assert_eq!(shown().await, []);
    let page = scene.registry.history.node_history(context, model.id, 0, PageSize::new(100)).await.unwrap();
    assert_eq!(page.iter().filter(|change| change.action == "alias.delete").count(), 3);
}

async fn a_change_of_a_version_is_one_of_its_model(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.model("m").await;
    let (models, context, m) = (&scene.registry.models, &scene.context, named("m"));
    let mut last = models.numbered_model(context, &m).await.unwrap().model;
    let mut is_later = async |what: &str| {
        let model = models.numbered_model(context, &m).await.unwrap().model;
        assert!(model.updated_at > last.updated_at && model.revision > last.revision, "{what}");
        scene.pass(HOUR);
        last = model;
    };
    scene.number("m").await.unwrap();
    is_later("making one").await;
    models.tag_version(context, &m, 1, "key", Change::Set("value".into())).await.unwrap();
    is_later("tagging").await;
    let version = models.describe_version(context, &m, 1, "text").await.unwrap();
    assert_eq!((version.version.text("description"), &version.version.custom["key"]), (Some("text"), &"value".into()));
    is_later("describing").await;
    models.tag_version(context, &m, 1, "key", Change::Clear).await.unwrap();
    let version = models.describe_version(context, &m, 1, "").await.unwrap();
    assert_eq!((version.version.text("description"), version.version.custom.len()), (None, 0));
    is_later("removing").await;
    models.move_to_stage(context, &m, 1, Stage::Staging, true).await.unwrap();
    is_later("moving").await;
    models.alias_number(context, &m, &"best".parse().unwrap(), 1).await.unwrap();
    is_later("an alias").await;
    models.delete_version(context, &m, 1).await.unwrap();
    is_later("removing one").await;
    models.tag_model(context, &m, "key", Change::Set("value".into())).await.unwrap();
    let model = models.describe_model(context, &m, "text").await.unwrap().model;
    assert_eq!((model.text("description"), &model.custom["key"]), (Some("text"), &"value".into()));
    assert_eq!(
        models.tag_model(context, &named("n"), "key", Change::Clear).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}
