//! Pages: walked to their end in every order, without a gap, a repetition or a token that stays the same.

use std::collections::HashSet;

use serde_json::json;

use super::Client;
use crate::support::Backend;

/// Walks a list in pages, and returns the names.
pub async fn walk(client: &Client, list: &str, size: usize) -> Vec<String> {
    let (mut names, mut tokens, mut token) = (Vec::new(), HashSet::new(), String::new());
    loop {
        let page = client.get(&format!("{list}&pageSize={size}&nextPageToken={token}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert_eq!((&page["pageSize"], &page["size"]), (&json!(size), &json!(items.len())));
        names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        token = page["nextPageToken"].as_str().unwrap().to_owned();
        if token.is_empty() {
            return names;
        }
        assert_eq!(items.len(), size, "only the last page may be short");
        assert!(tokens.insert(token.clone()), "the token stays the same");
    }
}

async fn every_order_is_walked(client: Client) {
    for name in 0..21 {
        client.model(&format!("m{name:02}")).await;
    }
    for id in (1..=21).rev() {
        client.patch(&format!("/registered_models/{id}"), json!({"owner": "me"})).await.expect(200);
    }
    let ascending: Vec<_> = (0..21).map(|name| format!("m{name:02}")).collect();
    let descending: Vec<_> = ascending.iter().rev().cloned().collect();
    for (order, first_order) in
        [("ID", &ascending), ("CREATE_TIME", &ascending), ("LAST_UPDATE_TIME", &descending), ("", &ascending)]
    {
        for direction in ["ASC", "DESC", ""] {
            let list = format!("/registered_models?orderBy={order}&sortOrder={direction}");
            let expected: Vec<_> =
                if direction == "DESC" { first_order.iter().rev().cloned().collect() } else { first_order.clone() };
            for size in [10, 7, 1, 21, 22] {
                assert_eq!(walk(&client, &list, size).await, expected, "{list}, {size} a page");
            }
            assert_eq!(client.names(&list).await, expected, "{list}, all at once");
        }
    }
}

#[actix_web::test]
async fn every_order_is_walked_on_sqlite() {
    every_order_is_walked(Client::on(Backend::Sqlite).await).await;
}

#[actix_web::test]
async fn every_order_is_walked_on_postgres() {
    every_order_is_walked(Client::on(Backend::Postgres).await).await;
}

#[actix_web::test]
async fn ties_are_broken_by_id() {
    let client = Client::new().await;
    client.0.stop_clock();
    let model = client.model("m").await;
    let mut names: Vec<_> = (0..21).map(|name| format!("v{name:02}")).collect();
    for name in &names {
        client.version(&model, name).await;
    }
    let list = format!("/registered_models/{model}/versions");
    for order in ["CREATE_TIME", "LAST_UPDATE_TIME"] {
        assert_eq!(walk(&client, &format!("{list}?orderBy={order}"), 10).await, names);
    }
    names.reverse();
    for order in ["CREATE_TIME", "LAST_UPDATE_TIME"] {
        assert_eq!(walk(&client, &format!("{list}?orderBy={order}&sortOrder=DESC"), 10).await, names);
    }
}

#[actix_web::test]
async fn the_first_page_read_again_has_the_same_token() {
    let client = Client::new().await;
    for name in 0..21 {
        client.model(&format!("m{name}")).await;
    }
    let first = client.get("/registered_models?pageSize=10").await.expect(200).json();
    assert_eq!(client.get("/registered_models?pageSize=10").await.json(), first);
    assert_eq!(client.get("/registered_models?pageSize=10&nextPageToken=").await.json(), first);
}

#[actix_web::test]
async fn without_a_size_the_whole_list_comes() {
    let client = Client::new().await;
    let model = client.model("m").await;
    for name in 0..1010 {
        client.version(&model, &name.to_string()).await;
    }
    let list = client.get("/model_versions").await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1010);
    assert_eq!((&list["size"], &list["pageSize"], &list["nextPageToken"]), (&json!(1010), &json!(0), &json!("")));
    let list = client.get("/model_versions?pageSize=999999999").await.expect(200).json();
    assert_eq!((&list["size"], &list["pageSize"]), (&json!(1010), &json!(10_000)));
}

#[actix_web::test]
async fn the_artifacts_of_a_version_are_walked() {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    let names: Vec<_> = (0..21).map(|name| format!("a{name:02}")).collect();
    for name in &names {
        client.artifact(&version, name).await;
    }
    let list = format!("/model_versions/{version}/artifacts?orderBy=LAST_UPDATE_TIME");
    assert_eq!(walk(&client, &list, 10).await, names);
    assert_eq!(walk(&client, "/model_artifacts?orderBy=CREATE_TIME", 10).await, names);
}
