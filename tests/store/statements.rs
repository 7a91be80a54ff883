//! How many statements a use case costs: a number that does not depend on how many rows there are.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, Once};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use modelport::domain::filter::kubeflow;
use modelport::domain::{Draft, LogicalType, MetricPoint, Node, Selection, Value};
use modelport::store::nodes;
use modelport::store::{Location, Tx, changes, metrics};

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    inserting_costs_the_same_for_any_number_of_properties,
    listing_costs_the_same_for_any_number_of_nodes,
    changing_costs_the_same_for_any_number_of_properties,
    recording_costs_the_same_for_any_number_of_changes,
    measuring_costs_the_same_for_any_number_of_points,
    a_filter_that_is_repeated_is_planned_once,
    two_bounds_of_a_property_are_one_range_of_an_index,
}

/// Statements by database, begins and commits included.
static STATEMENTS: Mutex<Option<HashMap<String, u64>>> = Mutex::new(None);

/// What the statements have whose texts are kept: filters, histories of a run, searches of runs, series of metrics and their names.
const WATCHED: [&str; 8] = [
    "FROM properties AS p",
    "FROM members AS m ",
    "FROM runs ",
    "FROM metrics AS k ",
    "FROM parameters AS k ",
    "FROM metric_points WHERE ",
    "FROM metrics AS t ",
    "FROM parameters AS t ",
];

/// Texts of those by database that its connections keep, each as often as it was read and planned for that.
static KEPT: Mutex<Option<HashMap<String, Vec<String>>>> = Mutex::new(None);

/// Counts what one connection is asked, under the database that it belongs to.
#[derive(Default)]
struct Counter {
    database: String,
}

impl Instrumentation for Counter {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => {
                self.database = url.split('?').next().unwrap_or_default().to_owned();
            }
            InstrumentationEvent::StartQuery { query, .. } if !is_of_the_pool(&query.to_string()) => {
                let mut statements = STATEMENTS.lock().unwrap();
                *statements.get_or_insert_default().entry(self.database.clone()).or_default() += 1;
            }
            InstrumentationEvent::CacheQuery { sql, .. } if WATCHED.iter().any(|part| sql.contains(part)) => {
                let mut kept = KEPT.lock().unwrap();
                kept.get_or_insert_default().entry(self.database.clone()).or_default().push(sql.to_owned());
            }
            _ => {}
        }
    }
}

/// Whether the pool opens a connection or asks whether one still works, which it does beside what is counted.
fn is_of_the_pool(query: &str) -> bool {
    ["PRAGMA ", "SELECT 1 ", "SELECT pg_backend_pid()"].iter().any(|own| query.starts_with(own))
}

/// Counts the statements of every connection that is opened from now on.
pub(crate) fn count_statements() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_default_instrumentation(|| Some(Box::new(Counter::default()))).unwrap());
}

fn key(database: &Location) -> String {
    match database {
        Location::Postgres(url) => url.clone(),
        Location::Sqlite(path) => path.to_str().unwrap().to_owned(),
    }
}

/// How many statements the database was asked since they are counted.
pub(crate) fn statements_of(database: &Location) -> u64 {
    let statements = STATEMENTS.lock().unwrap();
    statements.as_ref().and_then(|counts| counts.get(&key(database))).copied().unwrap_or_default()
}

pub(super) fn counted(backend: Backend) -> Scene {
    count_statements();
    // One connection, so that the pool opens no other while statements are counted.
    Scene::with_pool(backend, 1)
}

impl Scene {
    fn statements(&self) -> u64 {
        statements_of(&self.database.location)
    }

    /// The texts of filters and histories that the connections have kept.
    pub(super) fn kept(&self) -> Vec<String> {
        let kept = KEPT.lock().unwrap();
        kept.as_ref().and_then(|texts| texts.get(&key(&self.database.location))).cloned().unwrap_or_default()
    }

    /// How many models meet a filter.
    async fn models_where(&self, text: &str) -> usize {
        let filter = Some(kubeflow::parse(text, &|_| None).unwrap());
        let selection = Selection { filter, ..Selection::of(LogicalType::RegisteredModel) };
        self.store.read(move |tx| nodes::list(tx, &selection, None, 100)).await.unwrap().len()
    }

    /// The statements of one transaction; the pool has been used before, so that opening it is not counted.
    async fn cost<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> modelport::domain::Result<T> + Send + 'static,
    ) -> (T, u64) {
        for _ in 0..2 {
            self.store.write(|_| Ok(())).await.unwrap();
        }
        let before = self.statements();
        let result = self.store.write(work).await.unwrap();
        (result, self.statements() - before)
    }
}

fn draft(name: &str, properties: usize) -> Draft {
    let custom = (0..properties).map(|at| (format!("p{at}"), Value::Int(1))).collect();
    Draft { custom, ..Draft::named(name.parse().unwrap()) }
}

async fn inserting_costs_the_same_for_any_number_of_properties(backend: Backend) {
    let scene = counted(backend);
    let mut costs = Vec::new();
    for properties in [1, 100, 900] {
        let draft = draft(&format!("m{properties}"), properties);
        let insert = move |tx: &mut Tx<'_>| nodes::insert(tx, LogicalType::RegisteredModel, None, &draft, 1);
        costs.push(scene.cost(insert).await.1);
    }
    assert!(costs[0] >= 3 && costs[0] <= 6, "{costs:?}");
    assert!(costs.iter().all(|cost| *cost == costs[0]), "{costs:?}");
    assert_eq!(scene.count("properties"), 1001);
}

async fn listing_costs_the_same_for_any_number_of_nodes(backend: Backend) {
    let scene = counted(backend);
    for number in 0..100 {
        scene.insert(LogicalType::RegisteredModel, None, draft(&format!("m{number}"), 10), 1).await.unwrap();
    }
    let mut costs = Vec::new();
    for limit in [1, 10, 100] {
        let list = move |tx: &mut Tx<'_>| nodes::list(tx, &Selection::of(LogicalType::RegisteredModel), None, limit);
        let (nodes, cost) = scene.cost(list).await;
        assert_eq!(nodes.iter().map(|node| node.custom.len()).sum::<usize>(), limit as usize * 10);
        costs.push(cost);
    }
    // Begin, the nodes, their properties, commit.
    assert_eq!(costs, [4, 4, 4]);
}

async fn changing_costs_the_same_for_any_number_of_properties(backend: Backend) {
    let scene = counted(backend);
    let mut costs = Vec::new();
    for properties in [1, 100, 900] {
        let draft = draft(&format!("m{properties}"), properties);
        let model = scene.insert(LogicalType::RegisteredModel, None, draft, 1).await.unwrap();
        let change = move |tx: &mut Tx<'_>| {
            let before = nodes::increment_revision(tx, LogicalType::RegisteredModel, model.id, None, 2)?.unwrap();
            let custom = before.custom.keys().map(|name| (name.clone(), Value::Int(2))).collect();
            nodes::replace(tx, &before, &Node { custom, ..before.clone() })
        };
        costs.push(scene.cost(change).await.1);
    }
    assert!(costs.iter().all(|cost| *cost == costs[0] && *cost <= 7), "{costs:?}");
}

async fn recording_costs_the_same_for_any_number_of_changes(backend: Backend) {
    let scene = counted(backend);
    let model = scene.model("m").await;
    let mut costs = Vec::new();
    for count in [1, 100, 1000] {
        let change = changes::NewChange {
            action: modelport::domain::Action::Update,
            node_id: model.id,
            place: model.place,
            revision: 1,
            document: serde_json::json!({}),
        };
        let new = vec![change; count];
        let append = move |tx: &mut Tx<'_>| changes::append(tx, &modelport::domain::Actor::system(), 1, &new);
        costs.push(scene.cost(append).await.1);
    }
    assert_eq!(costs, [3, 3, 3]);
}

async fn measuring_costs_the_same_for_any_number_of_points(backend: Backend) {
    let scene = counted(backend);
    let metric = scene.insert(LogicalType::Metric, None, draft("loss", 0), 1).await.unwrap();
    let mut costs = Vec::new();
    for count in [1, 100, 1000] {
        let metric = metric.clone();
        let append = move |tx: &mut Tx<'_>| {
            let point = |step| (&metric, MetricPoint { value: 0.5, step, at: step });
            metrics::append(tx, &(0..count).map(point).collect::<Vec<_>>(), metrics::Latest::Given)
        };
        costs.push(scene.cost(append).await.1);
    }
    // Begin, the points, the latest of them, commit.
    assert_eq!(costs, [4, 4, 4]);
}

async fn a_filter_that_is_repeated_is_planned_once(backend: Backend) {
    let scene = counted(backend);
    for number in 0..30 {
        let mut draft = draft(&format!("m{number}"), 0);
        draft.custom.insert("stage".to_owned(), format!("s{}", number % 3).as_str().into());
        scene.insert(LogicalType::RegisteredModel, None, draft, 1).await.unwrap();
    }
    let list = async |text: String| scene.models_where(&text).await;
    // What nobody repeats is not kept.
    for count in 1..20 {
        let unlike = (0..count).map(|at| format!("p{at} = {at}")).collect::<Vec<_>>().join(" AND ");
        assert_eq!(list(unlike).await, 0);
    }
    assert_eq!(scene.kept(), Vec::<String>::new());
    for number in 0..12 {
        assert_eq!(list(format!("stage = 's{}'", number % 3)).await, 10);
    }
    let of_lists = scene.kept().len();
    assert!(of_lists > 0);
    // Where a graph begins.
    for number in 0..12 {
        let filter = Some(kubeflow::parse(&format!("stage = 's{}'", number % 3), &|_| None).unwrap());
        let selection = Selection { filter, ..Selection::of(LogicalType::RegisteredModel) };
        let ids = scene.store.read(move |tx| nodes::list_ids(tx, &selection, None, 100)).await.unwrap();
        assert_eq!(ids.len(), 10);
    }
    let texts = scene.kept();
    assert!(texts.len() > of_lists, "{texts:?}");
    let different: HashSet<_> = texts.iter().collect();
    assert_eq!(different.len(), texts.len(), "{texts:?}");
}

async fn two_bounds_of_a_property_are_one_range_of_an_index(backend: Backend) {
    for (filter, met) in [
        ("place > 3 AND place < 6", 2),
        ("place >= 3 AND (team = 'none' OR team = 't') AND place <= 6.5", 4),
        ("place BETWEEN 3 AND 6 AND place < 6", 3),
        ("place.int_value > 3 AND place.int_value < 6", 2),
        ("place > 6 AND place < 3", 0),
    ] {
        let scene = counted(backend);
        for number in 0..30 {
            let mut draft = draft(&format!("m{number}"), 0);
            draft.custom.insert("place".to_owned(), Value::Int(number));
            draft.custom.insert("team".to_owned(), "t".into());
            scene.insert(LogicalType::RegisteredModel, None, draft, 1).await.unwrap();
        }
        for _ in 0..12 {
            assert_eq!(scene.models_where(filter).await, met, "{filter}");
        }
        let plans: Vec<_> = scene.kept().iter().flat_map(|text| scene.database.plan(text)).collect();
        let (of_value, ends) = match backend {
            Backend::Sqlite => ("_value>? AND ", ["int_value>?", "int_value<?"]),
            Backend::Postgres => ("Index Cond: ", ["(int_value >", "(int_value <"]),
        };
        let ranges = plans.iter().filter(|step| step.contains(of_value) && ends.iter().any(|end| step.contains(end)));
        let ranges: Vec<_> = ranges.collect();
        assert!(!ranges.is_empty(), "{filter}: {plans:#?}");
        assert!(ranges.iter().all(|step| ends.iter().all(|end| step.contains(end))), "{filter}: {plans:#?}");
    }
}
