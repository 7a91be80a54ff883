//! Several at once: exactly one of equals is registered, and what is different all is.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::{Client, Form, archive, zip};
use crate::api::app::TestApp;
use crate::support::Backend;

async fn statuses(client: &Client, forms: Vec<Form>) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    for answer in join_all(forms.into_iter().map(|form| client.send(form))).await {
        *statuses.entry(answer.status).or_default() += 1;
    }
    statuses
}

async fn concurrent_clients(backend: Backend) {
    let client = Client(TestApp::on(backend).await);
    let same = Form::new(&[("name", "same"), ("version", "1")]).file(&archive());
    assert_eq!(statuses(&client, vec![same; 6]).await, BTreeMap::from([(201, 1), (409, 5)]));
    assert_eq!((client.count().await, client.0.objects()), (1, 1));

    let with_id =
        |version: &str| Form::new(&[("name", "id"), ("version", version), ("id", "0123456789abcdef")]).file(&archive());
    let forms = ["1", "2", "3"].map(with_id).to_vec();
    assert_eq!(statuses(&client, forms).await, BTreeMap::from([(201, 1), (409, 2)]));

    let different = |at: usize| {
        let project = format!("project {at}");
        Form::new(&[("name", "other"), ("version", "1"), ("project_name", &project)])
            .file(&zip("m/x", &[u8::try_from(at).unwrap()]))
    };
    assert_eq!(statuses(&client, (0..6).map(different).collect()).await, BTreeMap::from([(201, 6)]));
    assert_eq!(client.count().await, 8);

    // Removed and registered by turns, the model is there or not, and nothing is left of it.
    let id = client.get("/models?name=same").await.json()[0]["id"].as_str().unwrap().to_owned();
    let again = Form::new(&[("name", "same"), ("version", "1")]).file(&archive());
    let path = format!("/models/{id}");
    let (removed, _) = futures_util::future::join(client.delete(&path), client.send(again)).await;
    assert_eq!(removed.status, 204);
    client.get(&path).await.expect(404);
}

#[actix_web::test]
async fn on_sqlite() {
    concurrent_clients(Backend::Sqlite).await;
}

#[actix_web::test]
async fn on_postgres() {
    concurrent_clients(Backend::Postgres).await;
}

async fn changes_to_the_same(backend: Backend) {
    let client = Client(TestApp::on(backend).await);
    let mut ids = Vec::new();
    for version in ["1", "2", "3", "4"] {
        ids.push(client.post(&[("name", "m"), ("version", version)]).await.expect(201).text());
    }
    let answers = join_all(ids.iter().map(|id| client.put(id, "version=9"))).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((done, refused), (1, 3));
    assert_eq!(client.get("/models?version=9").await.json().as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn changes_on_sqlite() {
    changes_to_the_same(Backend::Sqlite).await;
}

#[actix_web::test]
async fn changes_on_postgres() {
    changes_to_the_same(Backend::Postgres).await;
}
