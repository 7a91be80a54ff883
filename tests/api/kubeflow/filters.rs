//! `filterQuery` on models: every operator, with the same answers from both databases.

use serde_json::{Value, json};

use super::Client;
use crate::support::Backend;

fn text(value: &str) -> Value {
    json!({"metadataType": "MetadataStringValue", "string_value": value})
}

fn int(value: &str) -> Value {
    json!({"metadataType": "MetadataIntValue", "int_value": value})
}

fn double(value: f64) -> Value {
    json!({"metadataType": "MetadataDoubleValue", "double_value": value})
}

fn bool(value: bool) -> Value {
    json!({"metadataType": "MetadataBoolValue", "bool_value": value})
}

async fn filled(backend: Backend) -> Client {
    let client = Client::on(backend).await;
    let long = "a".repeat(130);
    for body in [
        json!({"name": "alpha", "customProperties": {
            "s": text("Red"), "n": int("5"), "f": double(2.5), "b": bool(true), "big": int("9007199254740993")}}),
        json!({"name": "Beta", "owner": "me", "customProperties": {
            "s": text("reddish"), "n": double(5.0), "b": bool(false), "a.b": int("1"), "my prop: x": text("y")}}),
        json!({"name": "g%_x", "owner": "you", "customProperties": {
            "s": text("50%_off"), "n": text("5"), "name": text("other"), "long": text(&format!("{long}x"))}}),
        json!({"name": "Ünï", "customProperties": {
            "s": text("RÉD"), "n": int("-7"), "empty": text(""), "long": text(&format!("{long}y"))}}),
        json!({"name": "it's", "state": "ARCHIVED", "externalId": "E-1", "description": "the last",
               "customProperties": {"path": text(r"c:\temp"), "long": text(&long)}}),
    ] {
        client.post("/registered_models", body).await.expect(201);
    }
    client
}

const ALPHA: &str = "alpha";
const BETA: &str = "Beta";
const GAMMA: &str = "g%_x";
const UNI: &str = "Ünï";
const ITS: &str = "it's";

type Case = (&'static str, &'static [&'static str]);

/// Comparisons, and which kinds of values match which literals.
const COMPARISONS: &[Case] = &[
    ("s = 'Red'", &[ALPHA]),
    ("s = \"Red\"", &[ALPHA]),
    ("s = 'red'", &[]),
    ("s != 'Red'", &[BETA, GAMMA, UNI]),
    ("s <> 'Red'", &[BETA, GAMMA, UNI]),
    ("s > 'Red'", &[BETA, UNI]),
    ("s >= 'RÉD'", &[UNI, BETA]),
    ("s < 'Red'", &[GAMMA]),
    ("n = 5", &[ALPHA, BETA]),
    ("n = '5'", &[GAMMA]),
    ("n != 5", &[UNI]),
    ("n = 5.0", &[BETA]),
    ("n < 5", &[UNI]),
    ("n <= 5", &[ALPHA, BETA, UNI]),
    ("n > -8 AND n < -6", &[UNI]),
    ("n >= 5e0", &[BETA]),
    ("n.int_value = 5", &[ALPHA]),
    ("n.int_value = '5'", &[ALPHA]),
    ("n.double_value = 5", &[BETA]),
    ("n.string_value = '5'", &[GAMMA]),
    ("f > 2.4", &[ALPHA]),
    ("f > 2", &[ALPHA]),
    ("f = 25e-1", &[ALPHA]),
    ("big = 9007199254740993", &[ALPHA]),
    ("big = 9007199254740992", &[]),
    ("b = true", &[ALPHA]),
    ("b = FALSE", &[BETA]),
    ("b != true", &[BETA]),
    ("b.bool_value = true", &[ALPHA]),
    ("b = 1", &[]),
    ("b = 'true'", &[]),
    ("empty = ''", &[UNI]),
    ("a.b = 1", &[BETA]),
    ("`a.b`.int_value = 1", &[BETA]),
    ("`my prop: x` = 'y'", &[BETA]),
    ("`name` = 'other'", &[GAMMA]),
    ("nothing = 1", &[]),
    ("nothing != 1", &[]),
];

/// What goes beyond upstream's grammar, and how conditions combine.
const COMBINATIONS: &[Case] = &[
    ("NOT s = 'Red'", &[BETA, GAMMA, UNI, ITS]),
    ("NOT nothing = 1", &[ALPHA, BETA, GAMMA, UNI, ITS]),
    ("NOT NOT s = 'Red'", &[ALPHA]),
    ("s IN ('Red', 'RÉD', 'x')", &[ALPHA, UNI]),
    ("s NOT IN ('Red', 'RÉD')", &[BETA, GAMMA, ITS]),
    ("s IN ()", &[]),
    ("s NOT IN ()", &[ALPHA, BETA, GAMMA, UNI, ITS]),
    ("n IN (5)", &[ALPHA, BETA]),
    ("n IN (5.0, '5', -7)", &[BETA, GAMMA, UNI]),
    ("b IN (true, false)", &[ALPHA, BETA]),
    ("n BETWEEN -7 AND 5", &[ALPHA, BETA, UNI]),
    ("n NOT BETWEEN 0 AND 9", &[GAMMA, UNI, ITS]),
    ("n BETWEEN 5 AND -7", &[]),
    ("s BETWEEN 'R' AND 'S'", &[ALPHA, UNI]),
    ("s IS NULL", &[ITS]),
    ("s IS NOT NULL", &[ALPHA, BETA, GAMMA, UNI]),
    ("NOT (s IS NULL OR n IS NULL)", &[ALPHA, BETA, GAMMA, UNI]),
    ("empty IS NOT NULL", &[UNI]),
    ("s = 'Red' OR n = '5' AND s = 'x'", &[ALPHA]),
    ("(s = 'Red' OR n = '5') AND long IS NOT NULL", &[GAMMA]),
    ("s = 'Red' or s = 'RÉD' -- and nothing else", &[ALPHA, UNI]),
    ("s='Red'AnD\n\tn\u{a0}=5", &[ALPHA]),
];

/// Patterns: `%` and `_`, taken as they are behind a backslash; ILIKE knows the case of ASCII letters alone.
const PATTERNS: &[Case] = &[
    ("s LIKE 'Red%'", &[ALPHA]),
    ("s LIKE 'red%'", &[BETA]),
    ("s LIKE 'R_d'", &[ALPHA]),
    ("s LIKE 'R_D'", &[UNI]),
    ("s LIKE '%d%'", &[ALPHA, BETA]),
    ("s LIKE '50\\%\\_%'", &[GAMMA]),
    ("s LIKE '50__off'", &[GAMMA]),
    ("s LIKE '50\\__off'", &[]),
    ("s NOT LIKE 'R%'", &[BETA, GAMMA, ITS]),
    ("s ILIKE 'red%'", &[ALPHA, BETA]),
    ("s ILIKE 'RED'", &[ALPHA]),
    ("s ILIKE 'rÉd'", &[UNI]),
    ("s ILIKE 'réd'", &[]),
    ("s NOT ILIKE 'r%'", &[GAMMA, ITS]),
    ("s LIKE ''", &[]),
    ("s LIKE '%'", &[ALPHA, BETA, GAMMA, UNI]),
    ("empty LIKE '%'", &[UNI]),
    ("path LIKE 'c:\\\\\\\\temp'", &[ITS]),
    ("path = 'c:\\\\temp'", &[ITS]),
    ("path LIKE 'c:\\\\'", &[]),
    ("name LIKE '%\\_x'", &[GAMMA]),
    ("name LIKE 'g\\%%'", &[GAMMA]),
    ("name ILIKE 'BETA'", &[BETA]),
    ("name LIKE 'beta'", &[]),
    ("name LIKE 'Ü_ï'", &[UNI]),
    ("name NOT LIKE '%a'", &[GAMMA, UNI, ITS]),
    ("owner LIKE '%e'", &[BETA]),
];

/// The well-known names.
const KNOWN: &[Case] = &[
    ("name = 'it\\'s'", &[ITS]),
    ("name = \"it's\"", &[ITS]),
    ("name = 'Ünï'", &[UNI]),
    ("name IN ('alpha', 'Beta')", &[ALPHA, BETA]),
    ("name != 'alpha' AND name < 'a'", &[BETA]),
    ("id = 1", &[ALPHA]),
    ("id = '1'", &[ALPHA]),
    ("id IN ('1', 2)", &[ALPHA, BETA]),
    ("id >= 4", &[UNI, ITS]),
    ("state = 'LIVE' AND id > 3", &[UNI]),
    ("state != 'LIVE'", &[ITS]),
    ("state IN ('ARCHIVED')", &[ITS]),
    ("externalId = 'E-1'", &[ITS]),
    ("externalId IS NULL", &[ALPHA, BETA, GAMMA, UNI]),
    ("externalId != 'x'", &[ITS]),
    ("NOT externalId = 'E-1'", &[ALPHA, BETA, GAMMA, UNI]),
    ("owner = 'me'", &[BETA]),
    ("owner.string_value = 'me'", &[BETA]),
    ("owner IS NULL", &[ALPHA, UNI, ITS]),
    ("owner NOT IN ('me')", &[ALPHA, GAMMA, UNI, ITS]),
    ("description LIKE '%last'", &[ITS]),
    ("createTimeSinceEpoch > 1700000004000", &[ITS]),
    ("createTimeSinceEpoch <= '1700000001000'", &[ALPHA]),
    ("lastUpdateTimeSinceEpoch BETWEEN 1700000002000 AND 1700000003000", &[BETA, GAMMA]),
];

/// What somebody may try: all of it is data, or refused.
const HARMLESS: &[Case] = &[
    ("s = '\\' OR 1=1 --'", &[]),
    ("s = \"' OR ''='\"", &[]),
    ("`x' OR '1'='1` = 1", &[]),
    ("name = '); DELETE FROM nodes; --'", &[]),
    ("`\") OR (1=1` IS NOT NULL", &[]),
    ("s LIKE '%\\' OR \\'%'", &[]),
    ("s = '$1' OR s = '?'", &[]),
];

async fn models_are_filtered(backend: Backend) {
    let client = filled(backend).await;
    for (filter, expected) in [COMPARISONS, COMBINATIONS, PATTERNS, KNOWN, HARMLESS].concat() {
        let mut found = client.filtered("/registered_models", filter).await;
        let mut expected = expected.to_vec();
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{filter}");
    }
    // More than the index holds of a text.
    let long = "a".repeat(130);
    for (filter, expected) in [
        (format!("long = '{long}x'"), vec![GAMMA]),
        (format!("long = '{long}'"), vec![ITS]),
        (format!("long LIKE '{long}%'"), vec![GAMMA, UNI, ITS]),
        (format!("long LIKE '{long}_'"), vec![GAMMA, UNI]),
        (format!("long LIKE '{}%y'", &long[..128]), vec![UNI]),
        (format!("long ILIKE '{}Y'", long.to_uppercase()), vec![UNI]),
        (format!("long IN ('{long}x', '{long}y', '{long}z')"), vec![GAMMA, UNI]),
        (format!("long > '{long}'"), vec![GAMMA, UNI]),
        (format!("long != '{long}x'"), vec![UNI, ITS]),
    ] {
        assert_eq!(client.filtered("/registered_models", &filter).await, expected, "{filter}");
    }
    assert_eq!(client.names("/registered_models").await.len(), 5);
}

#[actix_web::test]
async fn models_are_filtered_on_sqlite() {
    models_are_filtered(Backend::Sqlite).await;
}

#[actix_web::test]
async fn models_are_filtered_on_postgres() {
    models_are_filtered(Backend::Postgres).await;
}

async fn the_largest_filters_are_answered(backend: Backend) {
    let client = filled(backend).await;
    let many = |one: &str, times: usize, between: &str| vec![one; times].join(between);
    let nested = format!("{}n = 5{}", "(".repeat(60), ")".repeat(60));
    for filter in [
        many("n = 5", 250, " OR "),
        many("n = 5", 250, " AND "),
        many("n IS NOT NULL", 500, " OR "),
        many("n IN (5)", 250, " OR "),
        format!("n IN ({})", many("5", 499, ",")),
        format!("name IN ({})", many("'alpha'", 499, ",")),
        nested,
    ] {
        let found = client.filtered("/registered_models", &filter).await;
        assert!(found.contains(&ALPHA.to_owned()), "{filter}");
    }
    assert_eq!(client.filtered("/registered_models", &format!("{}n = 5", "NOT ".repeat(60))).await, [ALPHA, BETA]);
    let too_many = many("n IS NULL", 501, " OR ");
    let refused = client.get(&Client::filter("/registered_models", &too_many)).await.expect(400);
    assert!(refused.member("message").ends_with("more than 500 conditions"), "{}", refused.text());
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
    assert_eq!(walked, [UNI, GAMMA, BETA, ALPHA]);
    let token = client.get(&format!("{list}&pageSize=1")).await.member("nextPageToken");
    client.get(&format!("{list}&pageSize=2&nextPageToken={token}")).await.expect(200);
    for other in ["n IS NULL", "n = 5", "n = 5.0"] {
        let other = Client::filter("/registered_models", other);
        let refused = client.get(&format!("{other}&nextPageToken={token}")).await.expect(400);
        assert_eq!(refused.member("message"), "page token belongs to another query");
    }
    client.get(&format!("/registered_models?nextPageToken={token}")).await.expect(400);
}
