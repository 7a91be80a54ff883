//! Filters that mean harm, or are as large as they may be.

use modelport::domain::NodeKind::{Artifact, Context};

use super::{check, found, scene, try_found};
use crate::support::{Backend, on_both};

on_both! {
    texts_and_names_never_become_sql,
    the_deepest_and_longest_filters_run,
    as_many_neighbours_as_there_may_be_are_joined,
}

const HOSTILE: &[&str] = &[
    "'; DROP TABLE nodes; --",
    "\" OR \"\" = \"",
    "x' OR '1'='1",
    "\\",
    "\\'",
    "%",
    "$1",
    "?1",
    "`",
    "🦀 Straße",
    "a\u{1}\u{7f}",
];

async fn texts_and_names_never_become_sql(backend: Backend) {
    let scene = scene(backend);
    for hostile in HOSTILE {
        let escaped: String = hostile.chars().map(|each| format!("\\U{:08x}", u32::from(each))).collect();
        for quote in ["'", "\"", "'''"] {
            let text = format!("{quote}{escaped}{quote}");
            check(
                &scene,
                Artifact,
                &[
                    (&format!("name = {text} OR uri = {text} OR external_id IN ({text})"), &[]),
                    (&format!("type = {text} OR LOWER(name) = {text} OR CONCAT(name, {text}) = {text}"), &[]),
                    (
                        &format!("CONCAT(name, {text}) != {text} AND STARTS_WITH(CONCAT({text}, name), {text})"),
                        &[1, 2, 3, 4],
                    ),
                    (&format!("contexts_a.name = {text} AND properties.s.string_value = {text}"), &[]),
                ],
            )
            .await;
            found(&scene, Artifact, &format!("name LIKE {text}")).await;
            found(&scene, Artifact, &format!("NOT name LIKE {text}")).await;
        }
        let name = format!("`{escaped}`");
        check(&scene, Artifact, &[(&format!("properties.{name}.int_value = 1"), &[])]).await;
        let stored = hostile.replace('\'', "''");
        scene.database.execute(&format!(
            "DELETE FROM properties WHERE node_id = 4;
             INSERT INTO properties (node_id, custom, name, kind, text_value) VALUES (4, TRUE, '{stored}', 3, '{stored}')"
        ));
        let text = format!("custom_properties.{name}.string_value = '{escaped}'");
        assert_eq!(found(&scene, Artifact, &text).await, [4], "{hostile}");
    }
    assert_eq!(scene.count("nodes"), 11);
}

async fn the_deepest_and_longest_filters_run(backend: Backend) {
    let scene = scene(backend);
    let all: &[i64] = &[1, 2, 3, 4, 5];
    let nested = |open: &str, middle: &str, close: &str, times: usize| {
        format!("{}{middle}{}", open.repeat(times), close.repeat(times))
    };
    check(
        &scene,
        Artifact,
        &[
            (&nested("(", "id > 0", ")", 64), all),
            (&nested("NOT ", "id > 0", "", 64), all),
            (&nested("NOT (id = 0 OR ", "NOT id > 0", ")", 31), all),
            (&format!("id{} > 0", " + 1".repeat(100)), all),
            (&format!("id{} > 0", " * 1".repeat(100)), all),
            (&format!("id{} > 0", " + 1.0".repeat(100)), all),
            (&format!("id{} > 0", " / 1".repeat(100)), all),
            (&format!("{} > 0", nested("ABS(", "id - 9", ")", 60)), all),
            (&format!("{} > -26", nested("-(1 - ", "id", ")", 30)), &[5]),
            (&format!("{} = 'zed'", nested("SUBSTR(", "name", ", 1)", 60)), &[3]),
            (&format!("{} = 1", nested("CASE WHEN true THEN ", "id", " END", 60)), &[1]),
            (&format!("id IN ({})", (1..=498).map(|id| id.to_string()).collect::<Vec<_>>().join(",")), all),
            (&vec!["id = 1"; 249].join(" OR "), &[1]),
            (&vec!["id > 0"; 249].join(" AND "), all),
            (&format!("name != '{}'", "x".repeat(16_000)), &[1, 2, 3, 4]),
            (&format!("name LIKE '{}'", "%x".repeat(8)), &[]),
            (&format!("name LIKE '{}%'", "é".repeat(127)), &[]),
            (&format!("STARTS_WITH(name, '{}')", "é".repeat(4_000)), &[]),
            (&format!("{} != ''", vec!["name"; 490].join(" || ")), &[1, 2, 3, 4]),
        ],
    )
    .await;
    for (too_much, what) in [
        (format!("id{} > 0", " + 1".repeat(200)), ""),
        (format!("name LIKE '{}'", "%x".repeat(9)), "at character 11: the pattern has 9 wildcards"),
        (format!("NOT name LIKE '{}'", "é".repeat(129)), "at character 15: the pattern has 258 bytes"),
    ] {
        let refused = try_found(&scene, Artifact, &too_much).await.unwrap_err();
        assert!(refused.to_string().contains(what), "{refused}");
    }
}

async fn as_many_neighbours_as_there_may_be_are_joined(backend: Backend) {
    let scene = scene(backend);
    let start = std::time::Instant::now();
    let each = |make: &dyn Fn(usize) -> String, between: &str| (0..16).map(make).collect::<Vec<_>>().join(between);
    let contexts = |at: usize| format!("contexts_{at}.name = 'my_run'");
    check(&scene, Artifact, &[(&each(&contexts, " AND "), &[1, 2]), (&each(&contexts, " OR "), &[1, 2])]).await;
    check(
        &scene,
        Artifact,
        &[
            (&each(&|at| format!("properties.p{at}.int_value = 0"), " AND "), &[]),
            (&each(&|at| format!("properties.p{at}.int_value = 0"), " OR "), &[]),
            (&each(&|at| format!("events_{at}.type = INPUT"), " OR "), &[1]),
            (&each(&|at| format!("events_{at}.type = INPUT"), " AND "), &[1]),
        ],
    )
    .await;
    let ring = |at: usize| format!("artifacts_{at}.id <= artifacts_{}.id", (at + 1) % 16);
    check(&scene, Context, &[(&each(&ring, " AND "), &[21, 22])]).await;
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}
