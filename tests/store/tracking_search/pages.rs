//! Pages of searches.

use modelport::domain::filter::mlflow::order_keys;
use modelport::domain::search::{KeyValue, Search, Searched};
use modelport::domain::{ErrorKind, LogicalType, NodeId, Value};

use super::super::Scene;
use super::{Given, five_runs, properties, search};
use crate::support::{Backend, on_both};

on_both! {
    pages_neither_skip_nor_repeat_while_runs_are_added,
    a_page_ends_with_what_its_last_item_has,
    a_page_does_not_begin_after_what_its_order_has_not,
}

/// A run whose values many others have, too.
async fn add_run(scene: &Scene, experiment: NodeId, number: u128) {
    let small = i64::try_from(number).unwrap();
    let value = match number % 4 {
        0 => Some(f64::NAN),
        1 => Some(0.5),
        2 => Some(-0.25),
        _ => None,
    };
    let metrics: Vec<(&str, f64)> = value.into_iter().map(|value| ("m", value)).collect();
    let text = format!("p{}", number % 3);
    let params = if number.is_multiple_of(5) { Vec::new() } else { vec![("p", text.as_str())] };
    let mut times = properties([("start_time_since_epoch", Value::Int(small / 4))]);
    if number.is_multiple_of(2) {
        times.insert("end_time_since_epoch".to_owned(), Value::Int(small / 6));
    }
    let tags = if number.is_multiple_of(3) { properties([("t", Value::Int(small % 2))]) } else { properties([]) };
    let given =
        Given { number: Some(number), properties: times, tags, metrics: &metrics, params: &params, dataset: None };
    scene.run(experiment, &format!("r{number}"), 0, given).await;
}

async fn pages_neither_skip_nor_repeat_while_runs_are_added(backend: Backend) {
    let scene = Scene::new(backend);
    let experiment = scene.experiment("e").await;
    // In no order of their ids.
    for number in 0..24 {
        add_run(&scene, experiment, number * 7 % 24).await;
    }
    let mut number = 24;
    for order in [
        &[] as &[&str],
        &["metrics.m"],
        &["metrics.m DESC"],
        &["metrics.m DESC", "params.p"],
        &["params.p DESC", "metrics.m"],
        &["tags.t DESC", "end_time", "metrics.m DESC"],
        &["end_time DESC"],
        &["run_name"],
        &["run_id DESC"],
        &["start_time", "run_name DESC"],
    ] {
        let wanted = search(Searched::Runs, &[experiment], "", order);
        let before = scene.page(&wanted, None, 1000).await.unwrap().ids;
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = scene.page(&wanted, after, 5).await.unwrap();
            assert!(page.ids.len() == 5 || page.end.is_none(), "{order:?}");
            found.extend(page.ids);
            let Some(end) = page.end else { break };
            after = Some(end);
            add_run(&scene, experiment, number).await;
            number += 1;
        }
        let distinct: std::collections::BTreeSet<NodeId> = found.iter().copied().collect();
        assert_eq!(distinct.len(), found.len(), "{order:?}");
        let there_before: Vec<NodeId> = found.into_iter().filter(|id| before.contains(id)).collect();
        assert_eq!(there_before, before, "{order:?}");
    }
}

async fn a_page_ends_with_what_its_last_item_has(backend: Backend) {
    let scene = Scene::new(backend);
    let experiment = five_runs(&scene).await;
    let end = async |order: &[&str], size: u32| {
        scene.page(&search(Searched::Runs, &[experiment], "", order), None, size).await.unwrap().end
    };
    let id = |number| KeyValue::Text(super::id(number));
    assert_eq!(end(&[], 1).await, Some(vec![KeyValue::Int(300), id(0xb)]));
    assert_eq!(end(&["metrics.acc"], 1).await, Some(vec![KeyValue::Double(0.5), KeyValue::Int(300), id(0xd)]));
    assert_eq!(end(&["metrics.acc"], 3).await, Some(vec![KeyValue::Nan, KeyValue::Int(300), id(0xb)]));
    let infinite = KeyValue::Double(f64::INFINITY);
    assert_eq!(end(&["metrics.loss DESC"], 1).await.unwrap()[0], infinite);
    assert_eq!(end(&["params.lr", "end_time"], 4).await.unwrap()[..2], [KeyValue::Missing, KeyValue::Missing]);
    assert_eq!(end(&["tags.two"], 1).await.unwrap()[0], KeyValue::Text("2".to_owned()));
    assert_eq!(end(&[], 5).await, None);
    // A long text counts with its beginning.
    let tags = properties([("long", "ü".repeat(9000).as_str().into())]);
    scene.run(experiment, "long", 1, Given { tags, ..Given::default() }).await;
    let first = end(&["tags.long"], 1).await.unwrap().remove(0);
    assert!(matches!(&first, KeyValue::Text(text) if text.chars().count() < 1000), "{first:?}");
}

async fn a_page_does_not_begin_after_what_its_order_has_not(backend: Backend) {
    let scene = Scene::new(backend);
    let experiment = five_runs(&scene).await;
    let wanted = search(Searched::Runs, &[experiment], "", &["metrics.acc"]);
    let (int, text) = (|| KeyValue::Int(1), || KeyValue::Text("a".to_owned()));
    assert!(scene.page(&wanted, Some(vec![KeyValue::Double(0.5), int(), text()]), 5).await.is_ok());
    for bad in [
        vec![],
        vec![int(), text()],
        vec![int(), int(), text()],
        vec![text(), int(), text()],
        vec![KeyValue::Double(f64::NAN), int(), text()],
        vec![KeyValue::Nan, KeyValue::Missing, text()],
        vec![KeyValue::Nan, KeyValue::Nan, text()],
        vec![KeyValue::Nan, int(), KeyValue::Text("a\0".to_owned())],
        vec![KeyValue::Nan, int(), text(), text()],
    ] {
        let error = scene.page(&wanted, Some(bad.clone()), 5).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("page_token")), "{bad:?}");
    }
    // Of what else is searched, too.
    scene.named(LogicalType::RegisteredModel, None, "m").await.unwrap();
    for of in [Searched::Experiments, Searched::Models, Searched::Versions] {
        let order = order_keys(of, &["name"]).unwrap();
        let wanted = Search { order, ..search(of, &[], "", &[]) };
        assert!(scene.page(&wanted, Some(vec![int()]), 5).await.is_err(), "{of:?}");
    }
}
