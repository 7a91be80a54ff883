//! How many statements a use case costs: a number that does not depend on how many rows there are.

use std::collections::HashMap;
use std::sync::{Mutex, Once};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use modelport::domain::{Draft, LogicalType, MetricPoint, Node, Value};
use modelport::store::nodes::{self, Selection};
use modelport::store::{Location, Tx, changes, metrics};

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    inserting_costs_the_same_for_any_number_of_properties,
    listing_costs_the_same_for_any_number_of_nodes,
    changing_costs_the_same_for_any_number_of_properties,
    recording_costs_the_same_for_any_number_of_changes,
    measuring_costs_the_same_for_any_number_of_points,
}

/// Statements by database, begins and commits included.
static STATEMENTS: Mutex<Option<HashMap<String, u64>>> = Mutex::new(None);

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
            _ => {}
        }
    }
}

/// Whether the pool opens a connection or asks whether one still works, which it does beside what is counted.
fn is_of_the_pool(query: &str) -> bool {
    query.starts_with("PRAGMA ") || query.starts_with("SELECT 1 ")
}

/// Counts the statements of every connection that is opened from now on.
pub(crate) fn count_statements() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_default_instrumentation(|| Some(Box::new(Counter::default()))).unwrap());
}

/// How many statements the database was asked since they are counted.
pub(crate) fn statements_of(database: &Location) -> u64 {
    let database = match database {
        Location::Postgres(url) => url.clone(),
        Location::Sqlite(path) => path.to_str().unwrap().to_owned(),
    };
    let statements = STATEMENTS.lock().unwrap();
    statements.as_ref().and_then(|counts| counts.get(&database)).copied().unwrap_or_default()
}

fn counted(backend: Backend) -> Scene {
    count_statements();
    // One connection, so that the pool opens no other while statements are counted.
    Scene::with_pool(backend, 1)
}

impl Scene {
    fn statements(&self) -> u64 {
        statements_of(&self.database.location)
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
            let before = nodes::touch(tx, LogicalType::RegisteredModel, model.id, None, 2)?.unwrap();
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
            metrics::append(tx, &(0..count).map(point).collect::<Vec<_>>())
        };
        costs.push(scene.cost(append).await.1);
    }
    // Begin, the points, the latest of them, commit.
    assert_eq!(costs, [4, 4, 4]);
}
