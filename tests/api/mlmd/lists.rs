//! Lists over the wire: order, pages, filters.

use modelport::api::mlmd::pb::{self, list_operation_options::OrderByField};

use super::{Door, INVALID_ARGUMENT, artifact, int};
use crate::support::{Backend, on_both};

fn by_type(name: &str, options: Option<pb::ListOperationOptions>) -> pb::GetArtifactsByTypeRequest {
    pb::GetArtifactsByTypeRequest { type_name: Some(name.to_owned()), options, ..Default::default() }
}

async fn pages_have_every_node_once(backend: Backend) {
    let door = Door::new(backend).await;
    let of = door.artifact_type("t").await;
    let ids = door.put((0..7).map(|n| artifact(of, &n.to_string())).collect()).await.unwrap();
    for field in 1..=3 {
        let (mut seen, mut next_page_token) = (Vec::new(), None);
        loop {
            let options = pb::ListOperationOptions {
                max_result_size: Some(3),
                order_by_field: Some(OrderByField { field: Some(field), is_asc: Some(false) }),
                next_page_token,
                ..Default::default()
            };
            let page: pb::GetArtifactsByTypeResponse =
                door.call("GetArtifactsByType", by_type("t", Some(options))).await.unwrap();
            seen.extend(page.artifacts.iter().map(pb::Artifact::id));
            // Present to the last page.
            next_page_token = Some(page.next_page_token.unwrap()).filter(|token| !token.is_empty());
            if next_page_token.is_none() {
                break;
            }
        }
        assert_eq!(seen, ids.iter().rev().copied().collect::<Vec<_>>(), "{field}");
    }
    let all: pb::GetArtifactsByTypeResponse = door.call("GetArtifactsByType", by_type("t", None)).await.unwrap();
    assert_eq!((all.artifacts.len(), all.next_page_token), (7, None));
    let none: pb::GetArtifactsByTypeResponse = door.call("GetArtifactsByType", by_type("none", None)).await.unwrap();
    assert_eq!(none.artifacts, []);
}

async fn a_filter_selects(backend: Backend) {
    let door = Door::new(backend).await;
    let of = door.artifact_type("t").await;
    let with = |n: i64| pb::Artifact { properties: [("i".to_owned(), int(n))].into(), ..artifact(of, &n.to_string()) };
    let ids = door.put((0..4).map(with).collect()).await.unwrap();
    let filtered = |filter: &str| pb::GetArtifactsRequest {
        options: Some(pb::ListOperationOptions { filter_query: Some(filter.to_owned()), ..Default::default() }),
        ..Default::default()
    };
    let got: pb::GetArtifactsResponse =
        door.call("GetArtifacts", filtered("type = 't' AND properties.i.int_value > 1")).await.unwrap();
    assert_eq!(got.artifacts.iter().map(pb::Artifact::id).collect::<Vec<_>>(), ids[2..]);
    let refusal = door.refusal("GetArtifacts", filtered("nonsense = 1")).await;
    assert_eq!(refusal.code, INVALID_ARGUMENT);
    assert!(refusal.message.starts_with("Invalid `filter_query`: "), "{}", refusal.message);
}

async fn what_is_no_page_is_refused(backend: Backend) {
    let door = Door::new(backend).await;
    for options in [
        pb::ListOperationOptions { max_result_size: Some(0), ..Default::default() },
        pb::ListOperationOptions { max_result_size: Some(-5), ..Default::default() },
        pb::ListOperationOptions { next_page_token: Some("!".to_owned()), ..Default::default() },
        pb::ListOperationOptions {
            order_by_field: Some(OrderByField { field: Some(0), is_asc: None }),
            ..Default::default()
        },
    ] {
        let request = pb::GetContextsRequest { options: Some(options), ..Default::default() };
        assert_eq!(door.refusal("GetContexts", request).await.code, INVALID_ARGUMENT);
    }
}

on_both!(pages_have_every_node_once, a_filter_selects, what_is_no_page_is_refused);
