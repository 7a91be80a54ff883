//! The keys of orders.

use super::super::{MAX_ORDER_KEYS, ORDER_BY, logged_model_order, order_keys};
use super::{metric, order, own_tag};
use crate::search::{Facet, NumberFacet, OrderKey, Searched, TextFacet};

#[test]
fn an_order_is_a_path_and_a_direction() {
    for (text, facet, descending) in [
        ("metrics.m", metric("m"), false),
        ("metrics.`a b` asc", metric("a b"), false),
        ("metrics.\"a b\" DESC", metric("a b"), true),
        ("metrics.a.b desc", metric("a.b"), true),
        ("params.lr DESC", Facet::Param("lr".to_owned()), true),
        ("tag.x ASC", own_tag("x"), false),
        ("attributes.start_time DESC", Facet::Number(NumberFacet::StartTime), true),
        ("start_time", Facet::Number(NumberFacet::StartTime), false),
        ("`run name`", Facet::Text(TextFacet::Name), false),
        ("end_time", Facet::Number(NumberFacet::EndTime), false),
    ] {
        assert_eq!(order(Searched::Runs, text), OrderKey { facet, descending }, "{text}");
    }
    let updated = Facet::Number(NumberFacet::UpdatedAt);
    assert_eq!(order(Searched::Models, "timestamp DESC"), OrderKey { facet: updated, descending: true });
    let version = Facet::Number(NumberFacet::Version);
    assert_eq!(order(Searched::Versions, "version_number"), OrderKey { facet: version, descending: false });
    for (of, bad) in [
        (Searched::Runs, ""),
        (Searched::Runs, "DESC"),
        (Searched::Runs, "metrics.m UP"),
        (Searched::Runs, "metrics.m DESC ASC"),
        (Searched::Runs, "metrics.m, metrics.n"),
        (Searched::Runs, "metrics.m = 1"),
        (Searched::Runs, "datasets.name"),
        (Searched::Runs, "foo.bar"),
        (Searched::Runs, "foo"),
        (Searched::Experiments, "tags.t"),
        (Searched::Models, "tags.t"),
        (Searched::Versions, "run_id"),
        (Searched::Versions, "source_path"),
        (Searched::LoggedModels, "params.p"),
    ] {
        let error = order_keys(of, &[bad]).unwrap_err();
        assert_eq!(error.field(), Some(ORDER_BY), "{bad}");
    }
    assert!(order_keys(Searched::Runs, &["metrics.m", "metrics.n DESC", "params.m"]).is_ok());
    for twice in [["metrics.m", "metric.`m` DESC"], ["start_time", "created"], ["run_name", "tags.mlflow.runName"]] {
        let error = order_keys(Searched::Runs, &twice).unwrap_err();
        assert_eq!(error.field(), Some(ORDER_BY), "{twice:?}");
    }
    let many: Vec<String> = (0..=MAX_ORDER_KEYS).map(|number| format!("metrics.m{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(order_keys(Searched::Runs, &many[1..]).is_ok());
    assert!(order_keys(Searched::Runs, &many).is_err());
}

#[test]
fn the_order_of_logged_models_comes_in_parts() {
    let key = |field: &str, dataset| logged_model_order(field, false, dataset);
    for name in ["creation_time", "creation_timestamp", "creation_timestamp_ms"] {
        let facet = Facet::Number(NumberFacet::CreatedAt);
        assert_eq!(key(name, None).unwrap(), OrderKey { facet, descending: true }, "{name}");
    }
    assert_eq!(key("metrics.a b.c", None).unwrap().facet, metric("a b.c"));
    let on = |digest: Option<&str>| Some(("d".to_owned(), digest.map(str::to_owned)));
    for digest in [None, Some("5")] {
        let facet = Facet::Metric { name: "m".to_owned(), dataset: on(digest) };
        let found = logged_model_order("metrics.m", true, Some(("d", digest))).unwrap();
        assert_eq!(found, OrderKey { facet, descending: false });
    }
    for bad in ["", "params.p", "metrics.", "foo", "metrics.\0", "name DESC"] {
        assert_eq!(key(bad, None).unwrap_err().field(), Some(ORDER_BY), "{bad}");
    }
}
