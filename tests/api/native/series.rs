//! Series of metrics for charts, in columns.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{API, transcript};
use crate::api::answer::Answer;
use crate::api::app::{TestApp, request};
use crate::api::kubeflow;
use crate::support::{Backend, on_both};

on_both! {
    series_are_in_columns_and_in_the_order_that_is_asked_for,
    a_long_series_is_thinned_and_keeps_its_peaks,
    the_most_that_may_be_asked_for_is_answered,
    a_run_that_is_not_there_is_told,
}

async fn registry<const N: usize>(backend: Backend) -> (TestApp, String, [String; N]) {
    let client = kubeflow::Client::on(backend).await;
    let experiment = client.experiment("e").await;
    let mut runs = std::array::from_fn(|_| String::new());
    for (number, run) in runs.iter_mut().enumerate() {
        *run = client.run(&experiment, &format!("r{number}")).await;
    }
    (client.0, experiment, runs)
}

async fn measure(app: &TestApp, run: &str, points: Vec<Value>) {
    for points in points.chunks(1000) {
        let path = format!("{API}/experiment-runs/{run}/points");
        app.json(Method::POST, &path, &json!({ "points": points })).await.expect(204);
    }
}

fn point(name: &str, step: i64, value: Value) -> Value {
    json!({"name": name, "value": value, "step": step, "timestamp": step + 100})
}

async fn ask(app: &TestApp, body: Value) -> Answer {
    app.json(Method::POST, &format!("{API}/metrics/series"), &body).await
}

async fn items(app: &TestApp, body: Value) -> Vec<Value> {
    ask(app, body).await.expect(200).json()["items"].as_array().unwrap().clone()
}

async fn series_are_in_columns_and_in_the_order_that_is_asked_for(backend: Backend) {
    let (app, _, [first, second]) = registry(backend).await;
    let odd = [json!(0.5), json!("NaN"), json!("Infinity"), json!("-Infinity")];
    measure(&app, &first, odd.into_iter().zip(0..).map(|(value, step)| point("größe", step, value)).collect()).await;
    measure(&app, &first, vec![point("loss", 3, json!(1)), point("loss", -1, json!(2))]).await;
    measure(&app, &second, vec![point("loss", 9, json!(0.25))]).await;
    let series = |run: &String, metric: &str, total: u64, steps: Value, timestamps: Value, values: Value| json!({"run": run, "metric": metric, "total": total, "steps": steps, "timestamps": timestamps, "values": values});
    let all = [
        series(&second, "loss", 1, json!([9]), json!([109]), json!([0.25])),
        series(&first, "loss", 2, json!([-1, 3]), json!([99, 103]), json!([2.0, 1.0])),
        series(
            &first,
            "größe",
            4,
            json!([0, 1, 2, 3]),
            json!([100, 101, 102, 103]),
            json!([0.5, "NaN", "inf", "-inf"]),
        ),
    ];
    let runs = json!([second, first, second]);
    assert_eq!(items(&app, json!({"runs": runs, "metrics": ["loss", "größe", "none", "loss"]})).await, all);
    assert_eq!(items(&app, json!({"runs": [first], "metrics": ["none"]})).await, [Value::Null; 0]);
    let within = json!({"runs": [first], "metrics": ["größe"], "fromStep": 1, "toStep": 2.0});
    assert_eq!(
        items(&app, within).await,
        [series(&first, "größe", 2, json!([1, 2]), json!([101, 102]), json!(["NaN", "inf"]))]
    );
    let beyond = json!({"runs": [second], "metrics": ["loss"], "fromStep": 10, "maxPoints": null});
    ask(&app, beyond).await.expect(400);
    let beyond = json!({"runs": [second], "metrics": ["loss"], "fromStep": 10, "toStep": null});
    assert_eq!(items(&app, beyond).await, [series(&second, "loss", 0, json!([]), json!([]), json!([]))]);
}

async fn a_long_series_is_thinned_and_keeps_its_peaks(backend: Backend) {
    let (app, _, [run]) = registry(backend).await;
    let value = |step: i64| match step {
        777 => json!(99.5),
        1234 => json!("NaN"),
        2500 => json!(-3.5),
        _ => json!(0.5),
    };
    measure(&app, &run, (0..3000).map(|step| point("loss", step, value(step))).collect()).await;
    for (most, asked) in [(500, Value::Null), (10, json!(10)), (2000, json!(2000))] {
        let mut body = json!({"runs": [run], "metrics": ["loss"]});
        if !asked.is_null() {
            body["maxPoints"] = asked;
        }
        let found = items(&app, body).await.remove(0);
        let column = |name: &str| found[name].as_array().unwrap().clone();
        let (steps, values) = (column("steps"), column("values"));
        assert_eq!((steps.len(), column("timestamps").len()), (values.len(), values.len()));
        assert!(steps.len() <= most, "{most}: {}", steps.len());
        assert_eq!((&found["total"], &steps[0], &steps[steps.len() - 1]), (&json!(3000), &json!(0), &json!(2999)));
        let at = |step: i64| steps.iter().position(|each| *each == step).map(|at| values[at].clone());
        assert_eq!((at(777), at(1234), at(2500)), (Some(json!(99.5)), Some(json!("NaN")), Some(json!(-3.5))), "{most}");
    }
}

async fn the_most_that_may_be_asked_for_is_answered(backend: Backend) {
    let (app, experiment, [first]) = registry(backend).await;
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99)";
    app.sql(&format!(
        "{numbers} INSERT INTO nodes (kind, type_id, home_id, root_id, name, created_at, updated_at, workspace_id)
         SELECT 2, 19, {experiment}, {experiment}, 's' || CAST(i AS TEXT), i, i, 1 FROM n"
    ));
    let runs = app.lines("SELECT CAST(node_id AS TEXT) AS line FROM runs ORDER BY node_id");
    assert_eq!((runs.len(), &runs[0]), (100, &first));
    for run in &runs {
        measure(&app, run, (0..5).map(|number| point(&format!("m{number}"), number, json!(number))).collect()).await;
    }
    let metrics: Vec<String> = (0..5).map(|number| format!("m{number}")).collect();
    let found = items(&app, json!({"runs": runs, "metrics": metrics})).await;
    assert_eq!(found.len(), 500);
    let expected = runs.iter().flat_map(|run| metrics.iter().map(move |metric| (json!(run), json!(metric))));
    assert!(found.iter().map(|each| (each["run"].clone(), each["metric"].clone())).eq(expected));
    let refused = ask(&app, json!({"runs": runs, "metrics": metrics, "maxPoints": 501})).await.expect(400);
    assert_eq!(refused.member("field"), "maxPoints");
}

async fn a_run_that_is_not_there_is_told(backend: Backend) {
    let (app, experiment, [run]) = registry(backend).await;
    for missing in ["999999", &experiment] {
        let refused = ask(&app, json!({"runs": [run, missing], "metrics": ["loss"]})).await.expect(404);
        assert_eq!(refused.member("detail"), format!("experiment run `{missing}` not found"));
    }
}

#[actix_web::test]
async fn wrong_questions_are_refused_by_their_field() {
    let (app, _, [run]) = registry(Backend::Sqlite).await;
    let mut transcript = transcript(&app);
    for wrong in [
        json!({"runs": []}),
        json!({"runs": vec![run.clone(); 101]}),
        json!({"runs": [run, "ü"]}),
        json!({"runs": run}),
        json!({"metrics": []}),
        json!({"metrics": vec!["loss"; 51]}),
        json!({"metrics": ["loss", ""]}),
        json!({"metrics": ["a\0"]}),
        json!({"metrics": "loss"}),
        json!({"maxPoints": 9}),
        json!({"maxPoints": 2001}),
        json!({"maxPoints": -1}),
        json!({"maxPoints": "10"}),
        json!({"fromStep": 2, "toStep": 1}),
        json!({"fromStep": 1.5}),
        json!({"step": 1}),
    ] {
        let mut body = json!({"runs": [run], "metrics": ["loss"]});
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        transcript.post("/metrics/series", body).await.expect(400);
    }
    transcript.raw("POST", "/metrics/series", "{\"runs\": [\"1\"]}").await.expect(400);
    assert_snapshot!(transcript);
    let long = json!({"runs": [run], "metrics": ["ü".repeat(513)]});
    assert_eq!(ask(&app, long).await.expect(400).member("field"), "metrics[0]");
    let plain = request(Method::POST, &format!("{API}/metrics/series")).insert_header(("Content-Type", "text/plain"));
    assert_eq!(app.send(plain.set_payload("{}")).await.status, 415);
}
