//! Values of properties: each reads back as it was written, whatever it is.

use modelport::domain::{Draft, LogicalType, Node, Properties, Value};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::Scene;
use crate::support::{Backend, on_both};

on_both! {
    every_kind_reads_back,
    a_double_reads_back_bit_by_bit,
    numbers_inside_a_struct_read_back,
    a_name_may_be_declared_and_custom,
    large_texts_and_names_fit,
    arbitrary_values_read_back,
}

async fn stored(scene: &Scene, custom: Properties) -> Node {
    let name = uuid::Uuid::new_v4().to_string();
    let draft = Draft { custom, ..Draft::named(name.parse().unwrap()) };
    let id = scene.insert(LogicalType::RegisteredModel, None, draft, 1).await.unwrap().id;
    scene.find(id).await.unwrap()
}

async fn reads_back(scene: &Scene, values: Vec<Value>) {
    let custom: Properties = values.into_iter().enumerate().map(|(at, value)| (format!("p{at}"), value)).collect();
    assert_eq!(stored(scene, custom.clone()).await.custom, custom);
}

fn proto(value: &[u8]) -> Value {
    Value::Proto { type_url: "type.googleapis.com/a.B".into(), value: value.to_vec() }
}

async fn every_kind_reads_back(backend: Backend) {
    let scene = Scene::new(backend);
    let texts =
        ["", " ", "a", "ünïcödé", "模型 🚀", "\r\n\t", "'\"\\%_", "\u{1}\u{7f}\u{feff}\u{10ffff}", "0", "NaN", "true"];
    let mut values: Vec<Value> = texts.map(Value::from).into();
    values.extend([0, 1, -1, i64::MAX, i64::MIN, 1 << 53, (1 << 53) + 1].map(Value::Int));
    values.extend([true, false].map(Value::Bool));
    values.extend([json!(null), json!(true), json!([]), json!({}), json!(""), json!("a\0b")].map(Value::Struct));
    values
        .extend([json!(i64::MIN), json!(u64::MAX), json!({"a": [1, 2.5, {"": null}], "é\0": "🚀"})].map(Value::Struct));
    values.extend([proto(b""), proto(b"\0\xff\x80bytes"), proto(&[7; 70_000])]);
    reads_back(&scene, values).await;
}

async fn a_double_reads_back_bit_by_bit(backend: Backend) {
    let scene = Scene::new(backend);
    let doubles = [0.0, 1.0, -1.5, 0.1, 0.1 + 0.2, 1e300, f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::EPSILON, 5e-324];
    let doubles = doubles.into_iter().chain([f64::INFINITY, f64::NEG_INFINITY, 9_007_199_254_740_993.0, 1.0 / 3.0]);
    for double in doubles {
        let node = stored(&scene, [("d".to_owned(), Value::Double(double))].into()).await;
        let Value::Double(found) = node.custom["d"] else { panic!("{:?}", node.custom) };
        assert_eq!(found.to_bits(), double.to_bits(), "{double}");
    }
    let node = stored(&scene, [("d".to_owned(), Value::Double(f64::NAN))].into()).await;
    assert!(matches!(node.custom["d"], Value::Double(found) if found.is_nan()));
    let node = stored(&scene, [("d".to_owned(), Value::Double(-0.0))].into()).await;
    assert_eq!(node.custom["d"], Value::Double(0.0));
}

async fn numbers_inside_a_struct_read_back(backend: Backend) {
    let scene = Scene::new(backend);
    let mut runner = TestRunner::deterministic();
    let numbers = (0..2000).map(|_| any::<f64>().new_tree(&mut runner).unwrap().current()).filter(|n| n.is_finite());
    let numbers: Vec<f64> = numbers.chain((1..500).map(|n| 1.0 / f64::from(n))).collect();
    reads_back(&scene, vec![Value::Struct(json!(numbers))]).await;
}

async fn a_name_may_be_declared_and_custom(backend: Backend) {
    let scene = Scene::new(backend);
    let mut draft = Draft::named("m".parse().unwrap()).with("owner", Some("declared"));
    draft.custom = [("owner".to_owned(), Value::Int(7)), ("Owner".to_owned(), "custom".into())].into();
    let inserted = scene.insert(LogicalType::RegisteredModel, None, draft.clone(), 1).await.unwrap();
    let found = scene.find(inserted.id).await.unwrap();
    assert_eq!((&found.properties, &found.custom), (&draft.properties, &draft.custom));
}

async fn large_texts_and_names_fit(backend: Backend) {
    let scene = Scene::new(backend);
    // Nothing that a B-tree's page could compress.
    let long = |length: u32| (0..length).map(|at| char::from_u32(0x1_0000 + (at * 7919) % 0xf_0000).unwrap());
    let name: String = long(256).collect();
    assert_eq!(name.len(), 1024);
    let text: String = long(1 << 18).collect();
    assert_eq!(text.len(), 1 << 20);
    let custom: Properties = [(name, Value::from(&*text)), (String::new(), Value::from(&*"x".repeat(1 << 20)))].into();
    assert_eq!(stored(&scene, custom.clone()).await.custom, custom);
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = any::<String>().prop_map(|text| text.replace('\0', ""));
    prop_oneof![
        any::<i64>().prop_map(Value::Int),
        any::<bool>().prop_map(Value::Bool),
        any::<f64>().prop_map(Value::Double),
        text.clone().prop_map(Value::String),
        text.prop_map(|text| Value::Struct(json!({ "text": text }))),
        any::<Vec<u8>>().prop_map(|value| proto(&value)),
    ]
}

async fn arbitrary_values_read_back(backend: Backend) {
    let scene = Scene::new(backend);
    let mut runner = TestRunner::deterministic();
    let values = (0..2500).map(|_| any_value().new_tree(&mut runner).unwrap().current()).collect();
    reads_back(&scene, values).await;
}
