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

/// A client of a registry with five models that have properties of every kind.
pub async fn filled(backend: Backend) -> Client {
    let client = Client::on(backend).await;
    let long = "a".repeat(130);
    for body in [
        json!({"name": "alpha", "language": ["en", "pt_BR"], "customProperties": {
            "s": text("Red"), "n": int("5"), "f": double(2.5), "b": bool(true), "big": int("9007199254740993"),
            "huge": double(9_007_199_254_740_992.0)}}),
        json!({"name": "Beta", "owner": "me", "language": ["de"], "tasks": ["a,b", "it's \"so\"", "50%"], "customProperties": {
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
    ("n = 5.0", &[ALPHA, BETA]),
    ("n < 5", &[UNI]),
    ("n <= 5", &[ALPHA, BETA, UNI]),
    ("n > -8 AND n < -6", &[UNI]),
    ("n >= 5e0", &[ALPHA, BETA]),
    ("n > 4.5", &[ALPHA, BETA]),
    ("n < -6.5", &[UNI]),
    ("n = 5.5", &[]),
    ("n != 5.5", &[ALPHA, BETA, UNI]),
    ("n.double_value > 4.5", &[BETA]),
    ("n.int_value = 5", &[ALPHA]),
    ("n.int_value = '5'", &[ALPHA]),
    ("n.double_value = 5", &[BETA]),
    ("n.string_value = '5'", &[GAMMA]),
    ("f > 2.4", &[ALPHA]),
    ("f > 2", &[ALPHA]),
    ("f = 25e-1", &[ALPHA]),
    ("big = 9007199254740993", &[ALPHA]),
    ("big = 9007199254740992", &[]),
    ("big > 9007199254740992.5", &[ALPHA]),
    ("big > 9007199254740992.0", &[ALPHA]),
    ("big >= 9007199254740994.0", &[]),
    ("big < 9007199254740994.0", &[ALPHA]),
    ("big = 9007199254740992.0", &[]),
    ("big != 9007199254740992.0", &[ALPHA]),
    ("big < 1e300", &[ALPHA]),
    ("big > 1e300", &[]),
    ("big > -1e300", &[ALPHA]),
    ("big IN (9007199254740992.0, 0.5)", &[]),
    ("big BETWEEN 9007199254740992.5 AND 9007199254740993.5", &[ALPHA]),
    ("big NOT BETWEEN 9007199254740994.0 AND 1e300", &[ALPHA, BETA, GAMMA, UNI, ITS]),
    ("huge = 9007199254740992", &[ALPHA]),
    ("huge = 9007199254740993", &[]),
    ("huge != 9007199254740993", &[ALPHA]),
    ("huge >= 9007199254740993", &[]),
    ("huge < 9007199254740993", &[ALPHA]),
    ("huge IN (9007199254740993)", &[]),
    ("huge BETWEEN 9007199254740991 AND 9007199254740993", &[ALPHA]),
    ("huge.double_value = 9007199254740993", &[]),
    ("huge.double_value > 9007199254740991", &[ALPHA]),
    ("huge.double_value IN (9007199254740993, 9007199254740992)", &[ALPHA]),
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
    ("n IN (5.0, '5', -7)", &[ALPHA, BETA, GAMMA, UNI]),
    ("b IN (true, false)", &[ALPHA, BETA]),
    ("n BETWEEN -7 AND 5", &[ALPHA, BETA, UNI]),
    ("n NOT BETWEEN 0 AND 9", &[GAMMA, UNI, ITS]),
    ("n BETWEEN 5 AND -7", &[]),
    ("s BETWEEN 'R' AND 'S'", &[ALPHA, UNI]),
    ("s IS NULL", &[ITS]),
    ("n.int_value IS NULL", &[BETA, GAMMA, ITS]),
    ("n.int_value IS NOT NULL", &[ALPHA, UNI]),
    ("n.string_value IS NOT NULL", &[GAMMA]),
    ("s.bool_value IS NULL", &[ALPHA, BETA, GAMMA, UNI, ITS]),
    ("s IS NOT NULL", &[ALPHA, BETA, GAMMA, UNI]),
    ("NOT (s IS NULL OR n IS NULL)", &[ALPHA, BETA, GAMMA, UNI]),
    ("empty IS NOT NULL", &[UNI]),
    ("s = 'Red' OR n = '5' AND s = 'x'", &[ALPHA]),
    ("(s = 'Red' OR n = '5') AND long IS NOT NULL", &[GAMMA]),
    ("s = 'Red' or s = 'RÉD' -- and nothing else", &[ALPHA, UNI]),
    ("s='Red'AnD\n\tn\u{a0}=5", &[ALPHA]),
];

/// Patterns: `%` and `_`, taken as they are after a backslash; ILIKE knows the case of ASCII letters alone.
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

/// Lists of texts: they equal, and are in a list with, each of their items.
const LISTS: &[Case] = &[
    ("language = 'en'", &[ALPHA]),
    ("language = 'de'", &[BETA]),
    ("language = 'e'", &[]),
    ("language = 'EN'", &[]),
    ("language = 'pt_BR'", &[ALPHA]),
    ("language = 'pt-BR'", &[]),
    ("language = 'ptxBR'", &[]),
    ("language = '%'", &[]),
    ("language = ''", &[]),
    ("language != 'en'", &[BETA]),
    ("NOT language = 'en'", &[BETA, GAMMA, UNI, ITS]),
    ("language IN ('de', 'en')", &[ALPHA, BETA]),
    ("language IN ()", &[]),
    ("language NOT IN ('de')", &[ALPHA, GAMMA, UNI, ITS]),
    ("language IS NULL", &[GAMMA, UNI, ITS]),
    ("tasks = 'a,b'", &[BETA]),
    ("tasks = 'a'", &[]),
    ("tasks = 'it\\'s \"so\"'", &[BETA]),
    ("tasks = '50%'", &[BETA]),
    ("tasks = '50x'", &[]),
    ("tasks = '[\"a,b\"'", &[]),
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
    for (filter, expected) in [COMPARISONS, COMBINATIONS, PATTERNS, KNOWN, LISTS, HARMLESS].concat() {
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
