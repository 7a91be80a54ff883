//! The seeded types are the logical types of the domain, and leave the ids above 100 to users.

use std::collections::BTreeSet;

use modelport::domain::LogicalType;

use crate::support::{Backend, Database, on_both};

on_both! {
    the_logical_types_are_seeded_as_declared,
    user_types_start_at_101,
    a_type_in_use_cannot_be_removed,
}

async fn the_logical_types_are_seeded_as_declared(backend: Backend) {
    let database = Database::new(backend);
    let types: BTreeSet<_> = database
        .lines("SELECT id || ' ' || kind || ' ' || name || ' ' || version AS line FROM types WHERE id > 10")
        .into_iter()
        .collect();
    let declared = LogicalType::ALL.into_iter();
    let declared =
        declared.map(|logical| format!("{} {} {} ", logical.id(), logical.kind().number(), logical.type_name()));
    assert_eq!(types, declared.collect());
    let properties: BTreeSet<_> = database
        .lines("SELECT type_id || ' ' || name || ' ' || data_type AS line FROM type_properties")
        .into_iter()
        .collect();
    let declared = LogicalType::ALL.into_iter().flat_map(|logical| {
        let properties = logical.properties().iter();
        properties.map(move |(name, kind)| format!("{} {name} {}", logical.id(), kind.number()))
    });
    assert_eq!(properties, declared.collect());
}

async fn user_types_start_at_101(backend: Backend) {
    let database = Database::new(backend);
    let insert = "INSERT INTO types (kind, name) VALUES (1, 'first'), (1, 'second')";
    database.execute(insert);
    let ids = database.lines("SELECT CAST(id AS TEXT) AS line FROM types WHERE id > 22 ORDER BY id");
    assert_eq!(ids, ["101", "102"]);
}

async fn a_type_in_use_cannot_be_removed(backend: Backend) {
    let scene = super::Scene::new(backend);
    scene.model("m").await;
    assert!(scene.database.try_execute("DELETE FROM types WHERE id = 11").is_err());
    assert_eq!(scene.count("nodes"), 1);
}
