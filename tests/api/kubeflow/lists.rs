//! Lists: their parameters, and what narrows them.

use super::Client;

const LISTS: [&str; 5] = [
    "/registered_models",
    "/registered_models/1/versions",
    "/model_versions",
    "/model_versions/2/artifacts",
    "/model_artifacts",
];

async fn filled() -> Client {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    client.artifact(&version, "a").await;
    client
}

#[actix_web::test]
async fn bad_parameters_are_refused_by_every_list() {
    let client = filled().await;
    let bad = [
        "filterQuery=name='a",
        "pageSize=0",
        "pageSize=-1",
        "pageSize=abc",
        "pageSize=1.5",
        "pageSize=%2B1",
        "pageSize=01",
        "pageSize=99999999999",
        "orderBy=AUTHOR",
        "orderBy=id",
        "sortOrder=UP",
        "sortOrder=desc",
        "nextPageToken=nonsense",
        "nextPageToken=%00",
        "nextPageToken=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ];
    for list in LISTS {
        for parameter in bad {
            let answer = client.get(&format!("{list}?{parameter}")).await;
            assert_eq!((answer.status, answer.member("code").as_str()), (400, "Bad Request"), "{list}?{parameter}");
        }
    }
    let mut transcript = client.transcript();
    for parameter in bad {
        transcript.get(&format!("/registered_models?{parameter}")).await;
    }
    transcript.get("/model_versions/2/artifacts?artifactType=doc-artifact").await;
    transcript.get("/model_versions/2/artifacts?artifactType=nonsense").await;
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn empty_parameters_are_as_if_they_were_not_there() {
    let client = filled().await;
    for list in LISTS {
        let empty = "filterQuery=&pageSize=&orderBy=&sortOrder=&nextPageToken=&name=&externalId=&artifactType=";
        let answer = client.get(&format!("{list}?{empty}")).await.expect(200);
        assert_eq!(answer.json(), client.get(list).await.json(), "{list}");
    }
}

#[actix_web::test]
async fn a_token_belongs_to_its_query() {
    let client = Client::new().await;
    for name in ["a", "b", "c"] {
        let model = client.model(name).await;
        client.version(&model, "1").await;
        client.version(&model, "2").await;
    }
    let token = client.get("/registered_models?pageSize=1").await.member("nextPageToken");
    let same = client.get(&format!("/registered_models?pageSize=2&nextPageToken={token}")).await.expect(200);
    assert_eq!(same.json()["items"].as_array().unwrap().len(), 2);
    for path in ["/registered_models?orderBy=CREATE_TIME", "/registered_models?sortOrder=DESC", "/model_versions?x=1"] {
        let answer = client.get(&format!("{path}&nextPageToken={token}")).await.expect(400);
        assert_eq!(answer.member("message"), "page token belongs to another query", "{path}");
    }
    let token = client.get("/registered_models/1/versions?pageSize=1").await.member("nextPageToken");
    client.get(&format!("/registered_models/1/versions?nextPageToken={token}")).await.expect(200);
    client.get(&format!("/registered_models/4/versions?nextPageToken={token}")).await.expect(400);
    client.get(&format!("/registered_models/1/versions?name=1&nextPageToken={token}")).await.expect(400);
}

#[actix_web::test]
async fn the_versions_of_a_model_are_narrowed_by_name_and_external_id() {
    let client = Client::new().await;
    let model = client.model("m").await;
    for name in ["1", "2", "it's", "10"] {
        client.version(&model, name).await;
    }
    client.patch("/model_versions/3", serde_json::json!({"externalId": "e"})).await.expect(200);
    let path = format!("/registered_models/{model}/versions");
    for (query, expected) in [
        ("", vec!["1", "2", "it's", "10"]),
        ("?name=1", vec!["1"]),
        ("?name=it's", vec!["it's"]),
        ("?name=it%27s", vec!["it's"]),
        ("?externalId=e", vec!["2"]),
        ("?name=1&externalId=e", vec![]),
        ("?name=2&externalId=e", vec!["2"]),
        ("?sortOrder=DESC&pageSize=2", vec!["10", "it's"]),
    ] {
        assert_eq!(client.names(&format!("{path}{query}")).await, expected, "{query}");
    }
}
