//! Lists by filters that an index scan drives: the same nodes as evaluating the filter for each node, however many match.

use modelport::domain::access::Place;
use modelport::domain::filter::{Expr, kubeflow};
use modelport::domain::{Cursor, LogicalType, Node, NodeId, NodeKind, Order, OrderBy, Properties, Selection, Value};
use modelport::store::graph::nodes as graph;
use modelport::store::nodes;

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    every_page_equals_the_filter_evaluated_for_each_node,
}

/// More than are counted before the driving index scan is chosen.
const NODES: i64 = 21_500;
const PAGE: u32 = 101;

/// The properties of the node with that number.
struct Facts {
    team: String,
    /// An int for every third of them.
    score: f64,
    place: i64,
    note: String,
}

fn facts(number: i64) -> Facts {
    let note = if number % 50 == 0 { format!("{}{}", "long ".repeat(30), number % 500) } else { String::new() };
    Facts { team: format!("t{}", number % 7), score: (number * 37 % 1000) as f64 / 100.0, place: number, note }
}

/// Not in the order of the ids, as the times are not.
fn name(number: i64) -> String {
    format!("{}", number * 7919 % 23_971)
}

/// Many have one time.
fn created(number: i64) -> i64 {
    number * 37 % 1000
}

/// Backwards, and the teams one after the other.
fn updated(number: i64) -> i64 {
    -number % 7 * NODES - number
}

fn custom(number: i64) -> Properties {
    let Facts { team, score, place, note } = facts(number);
    let mut custom = Properties::new();
    custom.insert("team".to_owned(), Value::String(team));
    let whole = number % 3 == 0;
    custom.insert("score".to_owned(), if whole { Value::Int(score as i64) } else { Value::Double(score) });
    custom.insert("place".to_owned(), Value::Int(place));
    if !note.is_empty() {
        custom.insert("note".to_owned(), Value::String(note));
    }
    custom
}

fn score(number: i64) -> f64 {
    let score = facts(number).score;
    if number % 3 == 0 { score.trunc() } else { score }
}

/// Models, and among them experiments with the same properties; the ids of the models by their numbers.
async fn fill(scene: &Scene) -> Vec<NodeId> {
    let node = |number: i64| Node {
        id: NodeId(0),
        type_id: if number % 10 == 9 { LogicalType::Experiment.id() } else { LogicalType::RegisteredModel.id() },
        home_id: None,
        place: Place::default(),
        name: Some(name(number)),
        external_id: None,
        uri: None,
        state: None,
        created_at: created(number),
        updated_at: updated(number),
        revision: 1,
        properties: Properties::new(),
        custom: custom(number),
    };
    let all: Vec<Node> = (0..NODES * 10 / 9).map(node).collect();
    scene
        .store
        .write(move |tx| {
            let mut all = all.clone();
            graph::insert_all(tx, NodeKind::Context, &mut all)?;
            Ok(all.iter().map(|node| node.id).collect())
        })
        .await
        .unwrap()
}

fn expr(text: &str) -> Expr {
    kubeflow::parse(text, &|_| None).unwrap()
}

async fn every_page_equals_the_filter_evaluated_for_each_node(backend: Backend) {
    type Test = fn(i64) -> bool;
    let long = facts(50).note;
    let scene = Scene::new(backend);
    let ids = fill(&scene).await;
    let cases: Vec<(String, Test)> = vec![
        ("team = 't3'".into(), |n| n % 7 == 3),
        ("team = 'nobody'".into(), |_| false),
        ("team LIKE 't%' AND team != 't3'".into(), |n| n % 7 != 3),
        ("team IN ('t1', 't5')".into(), |n| n % 7 == 1 || n % 7 == 5),
        ("NOT team = 't3'".into(), |n| n % 7 != 3),
        ("score = 4".into(), |n| score(n) == 4.0),
        ("score BETWEEN 4 AND 4.05".into(), |n| (4.0..=4.05).contains(&score(n))),
        ("score BETWEEN 3 AND 4".into(), |n| (3.0..=4.0).contains(&score(n))),
        ("score < 0.05".into(), |n| score(n) < 0.05),
        ("place >= 0".into(), |_| true),
        ("place > 1400".into(), |n| n > 1400),
        ("place > 9000 AND place < 9400".into(), |n| n > 9000 && n < 9400),
        ("place >= 9000 AND team = 't3' AND place <= 9400".into(), |n| (9000..=9400).contains(&n) && n % 7 == 3),
        ("score > 4 AND score <= 4.05".into(), |n| score(n) > 4.0 && score(n) <= 4.05),
        ("score >= 3.5 AND (score < 5 AND score > 3.5) AND score < 4.51".into(), |n| score(n) > 3.5 && score(n) < 4.51),
        ("score.double_value > 4 AND score < 5".into(), |n| n % 3 != 0 && score(n) > 4.0 && score(n) < 5.0),
        ("score.int_value >= 4 AND score.double_value < 5.0".into(), |_| false),
        ("place > 9400 AND place < 9000".into(), |_| false),
        ("place BETWEEN 100 AND 22000 AND place > 21990".into(), |n| n > 21_990 && n <= 22_000),
        ("(place > 50 AND place < 60) OR (place >= 23800 AND NOT place > 23805)".into(), |n| {
            n > 50 && n < 60 || (23_800..=23_805).contains(&n)
        }),
        ("place < 40 OR place > 23800".into(), |n| !(40..=23_800).contains(&n)),
        ("team = 't3' AND score > 9.95".into(), |n| n % 7 == 3 && score(n) > 9.95),
        ("place > 1400 AND score < 9.99 AND team = 't2'".into(), |n| n > 1400 && n % 7 == 2 && score(n) < 9.99),
        ("team = 't1' OR score = 0".into(), |n| n % 7 == 1 || score(n) == 0.0),
        ("team = 't1' OR NOT place > 100".into(), |n| n % 7 == 1 || n <= 100),
        ("(team = 't1' AND score > 9.9) OR place IN (5, 5000)".into(), |n| {
            n % 7 == 1 && score(n) > 9.9 || n == 5 || n == 5000
        }),
        (format!("note = '{long}'"), |n| n % 500 == 50),
        (format!("note IN ('{long}', 'short')"), |n| n % 500 == 50),
        ("note LIKE 'long long %0'".into(), |n| n % 50 == 0),
        ("note LIKE '% 250'".into(), |n| n % 500 == 250),
        ("note ILIKE '%LONG 4_0'".into(), |n| matches!(n % 500, 400 | 450)),
        ("team LIKE '%4'".into(), |n| n % 7 == 4),
        ("team ILIKE 'T%' AND place BETWEEN 5000 AND 5010".into(), |n| (5000..=5010).contains(&n)),
        ("place > 9000 AND score < 5.5".into(), |n| n > 9000 && score(n) < 5.5),
        ("place BETWEEN 100 AND 15000 AND NOT score > 0.5".into(), |n| (100..=15_000).contains(&n) && score(n) <= 0.5),
        ("team = 't4' AND NOT place < 15000".into(), |n| n % 7 == 4 && n >= 15_000),
        ("team = 't4' AND team LIKE 't%' AND score != 1".into(), |n| n % 7 == 4 && score(n) != 1.0),
        ("(place < 6000 OR place > 17000) AND team IN ('t1', 't2')".into(), |n| {
            !(6000..=17_000).contains(&n) && matches!(n % 7, 1 | 2)
        }),
    ];
    assert!(long.chars().count() > 128);
    for (text, holds) in cases {
        let met: Vec<i64> = (0..NODES * 10 / 9).filter(|n| n % 10 != 9 && holds(*n)).collect();
        for by in [OrderBy::Id, OrderBy::CreateTime, OrderBy::UpdateTime, OrderBy::Name] {
            let place = |n: i64| {
                let (value, name) = match by {
                    OrderBy::Id => (0, String::new()),
                    OrderBy::CreateTime => (created(n), String::new()),
                    OrderBy::UpdateTime => (updated(n), String::new()),
                    OrderBy::Name => (0, name(n)),
                };
                Cursor { value, name, id: ids[usize::try_from(n).unwrap()] }
            };
            for descending in [false, true] {
                let mut expected: Vec<Cursor> = met.iter().copied().map(place).collect();
                expected.sort_by_key(|cursor| (cursor.value, cursor.name.clone(), cursor.id));
                if descending {
                    expected.reverse();
                }
                let order = Order { by, descending };
                let selection =
                    Selection { order, filter: Some(expr(&text)), ..Selection::of(LogicalType::RegisteredModel) };
                // The first page, one from the middle, and what is left behind almost everything.
                for at in [0, expected.len() / 2, expected.len().saturating_sub(3)] {
                    let after = at.checked_sub(1).map(|last| expected[last].clone());
                    let asked = selection.clone();
                    let found =
                        scene.store.read(move |tx| nodes::list(tx, &asked, after.as_ref(), PAGE)).await.unwrap();
                    let found: Vec<NodeId> = found.iter().map(|node| node.id).collect();
                    let page: Vec<NodeId> = expected[at..].iter().take(PAGE as usize).map(|last| last.id).collect();
                    assert_eq!(found, page, "{text} {order:?} from {at}");
                }
            }
        }
    }
}
