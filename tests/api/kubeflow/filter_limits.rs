//! `filterQuery` at its limits: the largest that are answered, those that are refused, and tokens tied to one.

use super::Client;
use super::filters::filled;
use crate::support::Backend;

async fn the_largest_filters_are_answered(backend: Backend) {
    let client = filled(backend).await;
    let many = |one: &str, times: usize, between: &str| vec![one; times].join(between);
    let nested = format!("{}n = 5{}", "(".repeat(60), ")".repeat(60));
    for filter in [
        many("n = 5", 32, " OR "),
        many("n = 5", 32, " AND "),
        many("n IS NOT NULL", 32, " OR "),
        many("n IN (5, 6, 7)", 32, " OR "),
        many("id = 1", 250, " OR "),
        format!("n IN ({})", many("5", 499, ",")),
        format!("name IN ({})", many("'alpha'", 499, ",")),
        nested,
    ] {
        let found = client.filtered("/registered_models", &filter).await;
        assert!(found.contains(&"alpha".to_owned()), "{filter}");
    }
    assert_eq!(client.filtered("/registered_models", &format!("{}n = 5", "NOT ".repeat(60))).await, ["alpha", "Beta"]);
    for (too_many, what) in [
        (many("id IS NULL", 501, " OR "), "500 conditions"),
        (format!("n IN ({})", many("5", 500, ",")), "500 conditions"),
        (many("n = 5", 33, " AND "), "32 conditions on properties"),
    ] {
        let refused = client.get(&Client::filter("/registered_models", &too_many)).await.expect(400);
        assert!(refused.member("message").ends_with(&format!("more than {what}")), "{}", refused.text());
    }
}

#[actix_web::test]
async fn the_largest_filters_are_answered_on_sqlite() {
    the_largest_filters_are_answered(Backend::Sqlite).await;
}

#[actix_web::test]
async fn the_largest_filters_are_answered_on_postgres() {
    the_largest_filters_are_answered(Backend::Postgres).await;
}

#[actix_web::test]
async fn a_bad_filter_tells_where() {
    let client = filled(Backend::Sqlite).await;
    let mut transcript = client.transcript();
    for filter in [
        "s",
        "s =",
        "= 'Red'",
        "s = Red",
        "s = 'Red",
        "s = 'Red' AND",
        "s = 'Red' OR OR n = 5",
        "(s = 'Red'",
        "s = 'Red')",
        "s == 'Red'",
        "s = 'Red'; DROP TABLE nodes",
        "s CONTAINS 'Red'",
        "s IN 'Red'",
        "s IN ('Red',)",
        "s IS 5",
        "s BETWEEN 1",
        "s NOT NULL",
        "n = 0x5",
        "n = 1e999",
        "id = 'one'",
        "id = 1.5",
        "id LIKE '1%'",
        "s LIKE '%a%a%a%a%a%a%a%a%'",
        "n = 5 AND NOT s NOT ILIKE '_________'",
        "id = 99999999999999999999",
        "owner = 5",
        "owner.int_value = 5",
        "createTimeSinceEpoch > 'yesterday'",
        "`open = 1",
        "ü = 'ü' ü",
    ] {
        transcript.get(&Client::filter("/registered_models", filter)).await.expect(400);
    }
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_token_is_tied_to_the_filter() {
    let client = filled(Backend::Sqlite).await;
    let list = Client::filter("/registered_models", "n IS NOT NULL");
    let walked = super::paging::walk(&client, &format!("{list}&orderBy=CREATE_TIME&sortOrder=DESC"), 1).await;
    assert_eq!(walked, ["Ünï", "g%_x", "Beta", "alpha"]);
    let token = client.get(&format!("{list}&pageSize=1")).await.member("nextPageToken");
    client.get(&format!("{list}&pageSize=2&nextPageToken={token}")).await.expect(200);
    for other in ["n IS NULL", "n = 5", "n = 5.0"] {
        let other = Client::filter("/registered_models", other);
        let refused = client.get(&format!("{other}&nextPageToken={token}")).await.expect(400);
        assert_eq!(refused.member("message"), "page token belongs to another query");
    }
    client.get(&format!("/registered_models?nextPageToken={token}")).await.expect(400);
}
