//! Custom properties of every kind, there and back again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Client;
use crate::support::Backend;

fn int(value: &str) -> Value {
    json!({"metadataType": "MetadataIntValue", "int_value": value})
}

fn double(value: f64) -> Value {
    json!({"metadataType": "MetadataDoubleValue", "double_value": value})
}

fn text(value: &str) -> Value {
    json!({"metadataType": "MetadataStringValue", "string_value": value})
}

fn structure(json: &str) -> Value {
    json!({"metadataType": "MetadataStructValue", "struct_value": STANDARD.encode(json)})
}

/// The properties as they are shown, where upstream's clients would refuse what was sent.
fn shown(mut properties: Value) -> Value {
    for (name, value) in [
        ("int of 32 bits", double(2_147_483_648.0)),
        ("exact int", double(-9_007_199_254_740_992.0)),
        ("greatest int", text("9223372036854775807")),
        ("least int", text("-9223372036854775808")),
    ] {
        properties[name] = value;
    }
    properties
}

fn every_kind() -> Value {
    json!({
        "empty text": text(""),
        "text": text("naïve \n\t\" \u{1f980}"),
        "long text": text(&"x".repeat(100_000)),
        "int": int("0"),
        "int of nine digits": int("-999999999"),
        "exact int": int("-9007199254740992"),
        "int of 32 bits": int("2147483648"),
        "greatest int": int("9223372036854775807"),
        "least int": int("-9223372036854775808"),
        "double": double(0.1),
        "tiny double": double(5e-324),
        "greatest double": double(f64::MAX),
        "negative zero": double(-0.0),
        "whole double": double(3.0),
        "true": json!({"metadataType": "MetadataBoolValue", "bool_value": true}),
        "false": json!({"metadataType": "MetadataBoolValue", "bool_value": false}),
        "object": structure("{\"a\":[1,2.5,null,true,\"ü\"],\"b\":{}}"),
        "array": structure("[]"),
        "proto": json!({"metadataType": "MetadataProtoValue", "type": "type.googleapis.com/a.B", "proto_value": "AP8="}),
        "": text("without a name"),
        "mlmd-struct::": text("mlmd-struct::"),
    })
}

/// The properties of the first model as its history has them, each with its kind.
async fn stored(client: &Client) -> Value {
    let history = client.0.get("/api/v1/nodes/1/history").await.expect(200).json();
    history["items"].as_array().unwrap().last().unwrap()["document"]["customProperties"].clone()
}

async fn every_kind_is_kept(client: Client) {
    let body = json!({"name": "m", "customProperties": every_kind()});
    let created = client.post("/registered_models", body).await.expect(201).json();
    assert_eq!(created["customProperties"], shown(every_kind()));
    assert_eq!(client.get("/registered_models/1").await.json(), created);
    // What was read can be sent back, and changes nothing: other doors and filters have the integers still.
    let body = json!({"customProperties": created["customProperties"]});
    let changed = client.patch("/registered_models/1", body).await.expect(200).json();
    assert_eq!(changed["customProperties"], shown(every_kind()));
    let kept = stored(&client).await;
    assert_eq!(kept["greatest int"], json!({"int": i64::MAX}));
    assert_eq!(kept["int of 32 bits"], json!({"int": 2_147_483_648_i64}));
    for filter in [
        "`greatest int`.int_value = 9223372036854775807",
        "`least int` = -9223372036854775808",
        "`exact int` = -9007199254740992",
        "`int of 32 bits`.int_value > 2147483647",
        "object IS NOT NULL",
    ] {
        assert_eq!(client.filtered("/registered_models", filter).await, ["m"], "{filter}");
    }
    // Another number is another value, of the kind that is sent.
    let mut others = created["customProperties"].clone();
    others["greatest int"] = text("9223372036854775806");
    others["int of 32 bits"] = double(2_147_483_649.0);
    client.patch("/registered_models/1", json!({"customProperties": others})).await.expect(200);
    let kept = stored(&client).await;
    assert_eq!(kept["greatest int"], json!({"string": "9223372036854775806"}));
    assert_eq!(kept["int of 32 bits"], json!({"double": 2_147_483_649.0}));
    client.patch("/registered_models/1", json!({"customProperties": every_kind()})).await.expect(200);
    let version = json!({"name": "1", "registeredModelId": "1", "customProperties": every_kind()});
    assert_eq!(
        client.post("/model_versions", version).await.expect(201).json()["customProperties"],
        shown(every_kind())
    );
    let artifact = json!({"artifactType": "model-artifact", "customProperties": every_kind()});
    let created = client.post("/model_versions/2/artifacts", artifact).await.expect(201).json();
    assert_eq!(client.get("/model_artifacts/3").await.json()["customProperties"], created["customProperties"]);
}

#[actix_web::test]
async fn every_kind_is_kept_on_sqlite() {
    every_kind_is_kept(Client::on(Backend::Sqlite).await).await;
}

#[actix_web::test]
async fn every_kind_is_kept_on_postgres() {
    every_kind_is_kept(Client::on(Backend::Postgres).await).await;
}

/// The stock client reads structs and messages as text, and sends them so.
#[actix_web::test]
async fn what_the_stock_client_sends_back_of_a_struct_is_no_change() {
    let client = Client::new().await;
    let proto = json!({"metadataType": "MetadataProtoValue", "type": "a.B", "proto_value": "AP8="});
    let kept = json!({"dtypes": structure("{\"F16\":2}"), "list": structure("[1,2]"), "proto": proto});
    client.post("/registered_models", json!({"name": "m", "customProperties": kept})).await.expect(201);
    let sent = json!({
        "dtypes": text(kept["dtypes"]["struct_value"].as_str().unwrap()),
        "list": text(kept["list"]["struct_value"].as_str().unwrap()),
        "proto": text("AP8="),
        "new": text("AP8="),
    });
    let changed = client.patch("/registered_models/1", json!({"customProperties": sent})).await.expect(200).json();
    let mut expected = kept.clone();
    expected["new"] = text("AP8=");
    assert_eq!(changed["customProperties"], expected);
    // The whole map is replaced anyway.
    let sent = json!({"dtypes": text("other")});
    let changed = client.patch("/registered_models/1", json!({"customProperties": sent})).await.expect(200).json();
    assert_eq!(changed["customProperties"], sent);
}

#[actix_web::test]
async fn a_negative_zero_is_zero() {
    let client = Client::new().await;
    let body = json!({"name": "m", "customProperties": {"p": int("-0")}});
    let created = client.post("/registered_models", body).await.expect(201).json();
    assert_eq!(created["customProperties"]["p"], int("0"));
}

#[actix_web::test]
async fn doubles_are_kept_to_the_last_bit() {
    let client = Client::new().await;
    let values = [
        "0.1",
        "0.30000000000000004",
        "123456789.12345679",
        "2.2250738585072011e-308",
        "1.7976931348623157e308",
        "9007199254740993",
        "0.99999999999999989",
        "5.0216813883093451685e-5",
        "31.245270191439438",
        "8.41e21",
        "121.48791951161945",
        "100.78399658203125",
        "1.0000000000000002",
    ];
    for value in values {
        let property = format!("{{\"metadataType\":\"MetadataDoubleValue\",\"double_value\":{value}}}");
        let body = format!("{{\"customProperties\":{{\"p\":{property}}}}}");
        client.model(value).await;
        let id = client.get(&format!("/registered_model?name={value}")).await.member("id");
        client.transcript().raw("PATCH", &format!("/registered_models/{id}"), &body).await.expect(200);
        let text = client.get(&format!("/registered_models/{id}")).await.text();
        let (_, kept) = text.split_once("\"double_value\":").unwrap();
        let kept: f64 = kept.split([',', '}']).next().unwrap().parse().unwrap();
        assert_eq!(kept.to_bits(), value.parse::<f64>().unwrap().to_bits(), "{value}");
    }
}

#[actix_web::test]
async fn broken_values_name_their_property() {
    let client = Client::new().await;
    let mut transcript = client.transcript();
    for value in [
        json!(null),
        json!("text"),
        json!({}),
        json!({"metadataType": "MetadataNonsense"}),
        json!({"metadataType": 1, "int_value": "1"}),
        json!({"string_value": "text"}),
        json!({"metadataType": "MetadataStringValue"}),
        json!({"metadataType": "MetadataStringValue", "string_value": null}),
        json!({"metadataType": "MetadataStringValue", "int_value": "1"}),
        int("9223372036854775808"),
        int("-9223372036854775809"),
        int("1.5"),
        int("+1"),
        int(" 1"),
        int(""),
        json!({"metadataType": "MetadataIntValue", "int_value": 1}),
        json!({"metadataType": "MetadataDoubleValue", "double_value": "0.5"}),
        json!({"metadataType": "MetadataBoolValue", "bool_value": 1}),
        json!({"metadataType": "MetadataStructValue", "struct_value": "not base64"}),
        json!({"metadataType": "MetadataStructValue", "struct_value": {"a": 1}}),
        structure("not JSON"),
        json!({"metadataType": "MetadataProtoValue", "proto_value": "AP8="}),
        json!({"metadataType": "MetadataProtoValue", "type": "", "proto_value": "AP8="}),
        json!({"metadataType": "MetadataProtoValue", "type": "a", "proto_value": "!"}),
    ] {
        transcript.post("/registered_models", json!({"name": "m", "customProperties": {"p": value}})).await.expect(400);
    }
    let body = "{\"name\":\"m\",\"customProperties\":{\"p\":{\"metadataType\":\"MetadataDoubleValue\",\"double_value\":1e400}}}";
    transcript.raw("POST", "/registered_models", body).await.expect(400);
    let long = json!({"name": "m", "customProperties": {"p".repeat(2049): text("")}});
    transcript.post("/registered_models", long).await.expect(400);
    insta::assert_snapshot!(transcript);
    assert!(client.names("/registered_models").await.is_empty());
}

#[actix_web::test]
async fn members_that_a_value_does_not_have_are_ignored() {
    let client = Client::new().await;
    let value = json!({"metadataType": "MetadataBoolValue", "bool_value": true, "string_value": "x", "y": 1});
    let body = json!({"name": "m", "customProperties": {"p": value}});
    let created = client.post("/registered_models", body).await.expect(201).json();
    assert_eq!(created["customProperties"]["p"], json!({"metadataType": "MetadataBoolValue", "bool_value": true}));
}
