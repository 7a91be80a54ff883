//! Searches of experiments, models, versions and logged models.

use modelport::domain::filter::mlflow::logged_model_order;
use modelport::domain::search::{Search, Searched};
use modelport::domain::tracking::{LoggedModelId, View};
use modelport::domain::{ArtifactState, Draft, LogicalType, MetricPoint, Millis, Node, NodeId, Properties, Value};
use modelport::store::tracking::logged_models::{self, LoggedModelRow, ModelMetric};

use super::super::Scene;
use super::{Given, id, properties, search};
use crate::support::{Backend, on_both};

on_both! {
    experiments_are_found_by_their_attributes_and_tags,
    models_are_found_without_the_prompts_among_them,
    versions_are_found_by_their_models_numbers_runs_and_sources,
    logged_models_are_found_by_what_was_measured_of_them,
    logged_models_that_measure_the_same_are_on_one_page_each,
}

const PROMPT: &str = "mlflow.prompt.is_prompt";

impl Scene {
    async fn make(
        &self,
        logical: LogicalType,
        home: Option<NodeId>,
        name: &str,
        now: Millis,
        tags: Properties,
    ) -> NodeId {
        let draft = Draft { custom: tags, ..Draft::named(name.parse().unwrap()) };
        self.insert(logical, home, draft, now).await.unwrap().id
    }

    /// Checks what filters find, and what orders make of everything.
    async fn check(&self, of: Searched, filters: &[(&str, &str)], orders: &[(&[&str], &str)]) {
        for (filter, expected) in filters {
            assert_eq!(self.names(&search(of, &[], filter, &[])).await, *expected, "{filter}");
        }
        for (order, expected) in orders {
            assert_eq!(self.names(&search(of, &[], "", order)).await, *expected, "{order:?}");
            // Page by page it is the same.
            let wanted = search(of, &[], "", order);
            let all = self.page(&wanted, None, 1000).await.unwrap().ids;
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = self.page(&wanted, after, 1).await.unwrap();
                found.extend(page.ids);
                let Some(end) = page.end else { break };
                after = Some(end);
            }
            assert_eq!(found, all, "{order:?}");
        }
    }
}

async fn experiments_are_found_by_their_attributes_and_tags(backend: Backend) {
    let scene = Scene::new(backend);
    let note = |text: &str| properties([("description", text.into())]);
    let first = scene.make(LogicalType::Experiment, None, "b", 10, properties([("team", "x".into())])).await;
    scene.make(LogicalType::Experiment, None, "Default", 20, properties([("team", Value::Int(7))])).await;
    let draft = Draft { properties: note("a note"), ..Draft::named("a".parse().unwrap()) };
    scene.insert(LogicalType::Experiment, None, draft, 20).await.unwrap();
    scene.make(LogicalType::RegisteredModel, None, "model", 20, properties([])).await;
    let by_id = format!("experiment_id IN ('{first}', '0')");
    let others = format!("experiment_id != '{first}'");
    scene
        .check(
            Searched::Experiments,
            &[
                ("", "a Default b"),
                ("name = 'a'", "a"),
                ("name LIKE '%a%'", "a Default"),
                ("name ILIKE 'd%'", "Default"),
                ("name != 'a'", "Default b"),
                ("experiment_id = '0'", "Default"),
                (&by_id, "Default b"),
                (&others, "a Default"),
                ("experiment_id NOT IN ('0')", "a b"),
                ("creation_time > 10", "a Default"),
                ("last_update_time <= 10", "b"),
                ("tags.team = 'x'", "b"),
                ("tags.team = '7'", "Default"),
                ("tags.team IS NULL", "a"),
                ("tags.`mlflow.note.content` = 'a note'", "a"),
                ("tags.`mlflow.note.content` IS NULL", "Default b"),
            ],
            &[
                (&["name"], "Default a b"),
                (&["name DESC"], "b a Default"),
                (&["creation_time"], "b a Default"),
                (&["experiment_id"], "Default b a"),
                (&["last_update_time DESC", "name"], "Default a b"),
            ],
        )
        .await;
}

async fn models_are_found_without_the_prompts_among_them(backend: Backend) {
    let scene = Scene::new(backend);
    let prompt = |text: &str| properties([(PROMPT, text.into())]);
    scene.make(LogicalType::RegisteredModel, None, "b", 10, properties([("team", "x".into())])).await;
    scene.make(LogicalType::RegisteredModel, None, "a", 20, properties([("team", "y".into())])).await;
    scene.make(LogicalType::RegisteredModel, None, "p", 30, prompt("true")).await;
    scene.make(LogicalType::RegisteredModel, None, "c", 20, prompt("false")).await;
    let (is, is_not) = (format!("tags.`{PROMPT}` = 'true'"), format!("tags.`{PROMPT}` != 'true' AND name != 'c'"));
    let like = format!("tags.`{PROMPT}` LIKE '%e'");
    scene
        .check(
            Searched::Models,
            &[
                ("", "a b c"),
                ("name = 'a'", "a"),
                ("name IN ('a', 'b', 'p')", "a b"),
                ("name NOT IN ('a')", "b c"),
                ("name ILIKE '%A%'", "a"),
                ("tags.team = 'x'", "b"),
                ("tags.team != 'x'", "a"),
                (&is, "p"),
                (&is_not, "a b"),
                (&like, "c p"),
            ],
            &[
                (&["name DESC"], "c b a"),
                (&["timestamp DESC"], "a c b"),
                (&["creation_timestamp"], "b a c"),
                (&["last_updated_timestamp", "name DESC"], "b c a"),
            ],
        )
        .await;
}

async fn versions_are_found_by_their_models_numbers_runs_and_sources(backend: Backend) {
    let scene = Scene::new(backend);
    let experiment = scene.experiment("e").await;
    let run = scene.run(experiment, "r", 1, Given { number: Some(0xa), ..Given::default() }).await;
    let model = async |name: &str| scene.make(LogicalType::RegisteredModel, None, name, 1, properties([])).await;
    let (b, a, p) = (model("b").await, model("a").await, model("p").await);
    let version = async |model: NodeId, name: &str, now: Millis, tags: Properties| {
        scene.make(LogicalType::ModelVersion, Some(model), name, now, tags).await
    };
    let b1 = version(b, "b1", 10, properties([("team", "x".into())])).await;
    let a1 = version(a, "a1", 20, properties([])).await;
    let a2 = version(a, "a2", 30, properties([])).await;
    version(p, "p1", 40, properties([(PROMPT, "true".into())])).await;
    let artifact = async |version: NodeId, uri: Option<&str>, declared: Properties| {
        let name = "files".parse().unwrap();
        let draft = Draft { uri: uri.map(str::to_owned), properties: declared, ..Draft::named(name) };
        scene.insert(LogicalType::ModelArtifact, Some(version), draft, 1).await.unwrap();
    };
    let made = properties([("model_source_id", "models:/m-1".into()), ("experiment_run_id", Value::Int(run.id.0))]);
    artifact(a1, None, made).await;
    artifact(b1, Some("s3://x/y"), properties([("model_source_group", "other".into())])).await;
    // A run of another server, as whoever made the version wrote it.
    let made = [("model_source_kind", "mlflow".into()), ("model_source_group", "elsewhere".into())];
    artifact(a2, None, properties(made)).await;
    let by_run = [
        (format!("run_id = '{}'", id(0xa)), "a1"),
        (format!("run_id IN ('{}', 'none')", id(0xa)), "a1"),
        (format!("run_id IN ('{}', 'elsewhere', 'other')", id(0xa)), "a2 a1"),
        ("run_id = 'elsewhere'".to_owned(), "a2"),
        ("run_id != 'none'".to_owned(), "a2 a1"),
        ("run_id NOT IN ('none', 'elsewhere')".to_owned(), "a1"),
        ("run_id LIKE '%a'".to_owned(), "a1"),
        ("run_id ILIKE 'ELSE%'".to_owned(), "a2"),
    ];
    for (filter, expected) in &by_run {
        assert_eq!(scene.names(&search(Searched::Versions, &[], filter, &[])).await, *expected, "{filter}");
    }
    let prompts = format!("tags.`{PROMPT}` = 'true'");
    scene
        .check(
            Searched::Versions,
            &[
                ("", "a2 a1 b1"),
                ("name = 'a'", "a2 a1"),
                ("name = 'p'", ""),
                ("name IN ('a', 'b')", "a2 a1 b1"),
                ("name LIKE 'b%'", "b1"),
                ("version_number = 1", "a1 b1"),
                ("version_number > '1'", "a2"),
                ("run_id = 'none'", ""),
                ("source_path = 'models:/m-1'", "a1"),
                ("source_path LIKE 's3:%'", "b1"),
                ("source_path != 'models:/m-1'", "b1"),
                ("tags.team = 'x'", "b1"),
                (&prompts, "p1"),
            ],
            &[
                (&["version_number"], "a1 b1 a2"),
                (&["version_number DESC", "name DESC"], "a2 b1 a1"),
                (&["name DESC"], "b1 a2 a1"),
                (&["creation_timestamp DESC"], "a2 a1 b1"),
                (&["last_updated_timestamp"], "b1 a1 a2"),
            ],
        )
        .await;
}

/// A logged model: its name, its type, its state, and its metrics with data sets and times.
type Logged<'a> = (&'a str, &'a str, ArtifactState, &'a [(&'a str, f64, &'a str, i64)]);

async fn log_model(scene: &Scene, experiment: NodeId, run: &Node, number: u128, now: Millis, logged: Logged<'_>) {
    let (name, model_type, state, metrics) = logged;
    let id = LoggedModelId::from_bits(number);
    let declared = properties([("model_source_name", name.into()), ("model_source_class", model_type.into())]);
    let draft = Draft {
        state: Some(state.number()),
        properties: declared,
        custom: properties([("team", model_type.into())]),
        ..Draft::named(id.as_str().parse().unwrap())
    };
    let node = scene.insert(LogicalType::ModelArtifact, Some(experiment), draft, now).await.unwrap().id;
    let source_run = (number % 2 == 1).then_some(run.id);
    let row = LoggedModelRow { node, id, experiment, source_run };
    let run = run.id;
    let measured: Vec<ModelMetric> = metrics
        .iter()
        .map(|(name, value, dataset, at)| ModelMetric {
            model: node,
            name: (*name).to_owned(),
            dataset: ((*dataset).to_owned(), if dataset.is_empty() { String::new() } else { "5".to_owned() }),
            run,
            point: MetricPoint { value: *value, step: 0, at: *at },
        })
        .collect();
    let depth = number.to_string();
    scene
        .store
        .write(move |tx| {
            logged_models::insert(tx, &row)?;
            logged_models::insert_params(tx, node, &[("depth", depth.as_str())])?;
            logged_models::measure(tx, &measured)
        })
        .await
        .unwrap();
}

impl Scene {
    /// The ids of the logged models that a search finds, but for what all have in common.
    async fn logged(&self, search: &Search) -> String {
        let names = self.names(search).await;
        names.split(' ').map(|name| name.trim_start_matches("m-").trim_start_matches('0')).collect::<Vec<_>>().join(" ")
    }
}

async fn logged_models_are_found_by_what_was_measured_of_them(backend: Backend) {
    use ArtifactState::{Live, MarkedForDeletion, Pending};
    let scene = Scene::new(backend);
    let experiment = scene.experiment("e").await;
    let run = scene.run(experiment, "r", 1, Given { number: Some(0xa), ..Given::default() }).await;
    let first: Logged<'_> = ("clf", "agent", Live, &[("acc", 0.5, "mnist", 1), ("acc", 0.9, "cifar", 2)]);
    let second: Logged<'_> = ("clf", "tool", Pending, &[("acc", f64::NAN, "mnist", 1)]);
    let third: Logged<'_> = ("reg", "tool", Live, &[("acc", 0.7, "", 1)]);
    let gone: Logged<'_> = ("reg", "tool", MarkedForDeletion, &[("acc", 0.8, "mnist", 1)]);
    let bare: Logged<'_> = ("raw", "tool", Live, &[]);
    for (number, now, logged) in [(1, 10, first), (2, 20, second), (3, 30, third), (4, 40, gone), (5, 5, bare)] {
        log_model(&scene, experiment, &run, number, now, logged).await;
    }
    let of = |filter: &str| search(Searched::LoggedModels, &[experiment], filter, &[]);
    let by_run = format!("source_run_id = '{}'", id(0xa));
    let by_id = format!("model_id IN ('{}', '{}')", LoggedModelId::from_bits(1), LoggedModelId::from_bits(4));
    for (filter, expected) in [
        ("", "3 2 1 5"),
        ("name = 'clf'", "2 1"),
        ("name NOT IN ('clf')", "3 5"),
        ("attributes.model_type = 'tool'", "3 2 5"),
        ("status = 'READY'", "3 1 5"),
        ("status IN ('PENDING', 'UPLOAD_FAILED')", "2"),
        ("status != 'READY'", "2"),
        (&by_run, "3 1 5"),
        (&by_id, "1"),
        ("creation_timestamp > 10", "3 2"),
        ("creation_time <= 10", "1 5"),
        ("last_updated_timestamp = 30", "3"),
        ("tags.team = 'agent'", "1"),
        ("params.depth IN ('1', '3')", "3 1"),
        ("params.depth != '3'", "2 1 5"),
        ("metrics.acc > 0.6", "3 1"),
        ("metrics.acc < 0.6", "1"),
        ("metrics.acc != 0.7", "2 1"),
    ] {
        assert_eq!(scene.logged(&of(filter)).await, expected, "{filter}");
    }
    let on = |filter: &str, name: &str, digest: Option<&str>| Search {
        datasets: vec![("none".to_owned(), None), (name.to_owned(), digest.map(str::to_owned))],
        ..of(filter)
    };
    assert_eq!(scene.logged(&on("", "mnist", None)).await, "2 1");
    assert_eq!(scene.logged(&on("", "mnist", Some("5"))).await, "2 1");
    assert_eq!(scene.logged(&on("", "mnist", Some("6"))).await, "");
    assert_eq!(scene.logged(&on("metrics.acc > 0.6", "mnist", None)).await, "");
    assert_eq!(scene.logged(&on("metrics.acc > 0.6", "cifar", Some("5"))).await, "1");
    assert_eq!(scene.logged(&Search { view: View::Archived, ..of("") }).await, "4");
    assert_eq!(scene.logged(&Search { view: View::All, ..of("name = 'reg'") }).await, "4 3");
    for (field, ascending, dataset, expected) in [
        ("metrics.acc", true, None, "3 1 2 5"),
        ("metrics.acc", false, None, "1 3 2 5"),
        ("metrics.acc", true, Some(("mnist", None)), "1 2 3 5"),
        ("metrics.acc", true, Some(("mnist", Some("6"))), "3 2 1 5"),
        ("creation_time", true, None, "5 1 2 3"),
        ("name", true, None, "2 1 5 3"),
        ("source_run_id", false, None, "3 1 5 2"),
        ("status", true, None, "2 3 1 5"),
        ("model_id", true, None, "1 2 3 5"),
    ] {
        let order = vec![logged_model_order(field, ascending, dataset).unwrap()];
        assert_eq!(scene.logged(&Search { order, ..of("") }).await, expected, "{field} {ascending} {dataset:?}");
    }
}

async fn logged_models_that_measure_the_same_are_on_one_page_each(backend: Backend) {
    let scene = Scene::new(backend);
    let experiment = scene.experiment("e").await;
    let run = scene.run(experiment, "r", 1, Given { number: Some(0xa), ..Given::default() }).await;
    for number in 1..=7 {
        let metrics = [("acc", 0.5, "mnist", 1), ("acc", 0.5, "cifar", 1), ("acc", 0.25, "", 1)];
        let logged: Logged<'_> = ("m", "t", ArtifactState::Live, &metrics);
        log_model(&scene, experiment, &run, number, 10, logged).await;
    }
    let order = vec![logged_model_order("metrics.acc", false, None).unwrap()];
    let wanted = Search { order, ..search(Searched::LoggedModels, &[experiment], "metrics.acc > 0.1", &[]) };
    let all = scene.page(&wanted, None, 1000).await.unwrap().ids;
    assert_eq!(all.len(), 7);
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = scene.page(&wanted, after, 2).await.unwrap();
        found.extend(page.ids);
        let Some(end) = page.end else { break };
        after = Some(end);
    }
    assert_eq!(found, all);
}
