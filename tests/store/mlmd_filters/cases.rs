//! Names, enums, operators and joins: what each filter finds.

use modelport::domain::NodeKind::{Artifact, Context, Execution};
use modelport::domain::{Draft, LogicalType};

use super::super::Scene;
use super::{check, found, scene};
use crate::support::{Backend, on_both};

on_both! {
    the_documented_examples_find_what_they_say,
    attributes_are_compared,
    an_enum_that_is_not_set_differs_from_every_name,
    a_neighbour_is_joined_once,
    neighbours_of_contexts_and_executions_are_joined,
    operators_and_functions_compute,
    properties_have_one_kind,
    names_are_as_ml_metadata_shows_them,
}

async fn the_documented_examples_find_what_they_say(backend: Backend) {
    let scene = scene(backend);
    check(
        &scene,
        Artifact,
        &[
            ("", &[1, 2, 3, 4, 5]),
            ("type = 'bar' AND name LIKE 'foo%'", &[1, 2]),
            ("NOT(create_time_since_epoch < 1 OR last_update_time_since_epoch < 1)", &[1, 2, 3, 4]),
            ("uri IS NOT NULL", &[1, 2, 3, 4, 5]),
            ("state IN (PENDING, LIVE)", &[1, 3]),
            ("contexts_a.name = 'my_run' AND contexts_b.name = 'my_pipeline'", &[1]),
            ("properties.accuracy.double_value > 0.95", &[4]),
            ("custom_properties.`my:custom.property`.bool_value = true", &[1]),
            ("events_0.type IN (INPUT, INTERNAL_INPUT)", &[1, 3]),
            ("(properties.p1.int_value + 2) * 1 = 2", &[1]),
            ("properties.p2.double_value > 2.0 / 1.0 - (-0.5)", &[1]),
            ("true", &[1, 2, 3, 4, 5]),
            ("FALSE", &[]),
            ("NULL", &[]),
        ],
    )
    .await;
    check(
        &scene,
        Execution,
        &[
            ("last_known_state NOT IN (FAILED, CANCELED)", &[11, 12, 13]),
            ("events_0.type IN (INPUT, INTERNAL_INPUT)", &[11, 12]),
        ],
    )
    .await;
    check(
        &scene,
        Context,
        &[
            ("parent_contexts_a.id = 22", &[21, 23]),
            ("child_contexts_a.type = 'RunContext'", &[22]),
            ("artifacts_a.state = LIVE", &[21, 22]),
            ("executions_a.last_known_state IN (NEW, RUNNING)", &[23]),
        ],
    )
    .await;
}

async fn attributes_are_compared(backend: Backend) {
    let scene = scene(backend);
    check(
        &scene,
        Artifact,
        &[
            ("id = 3", &[3]),
            ("3 = id", &[3]),
            ("id < 3", &[1, 2]),
            ("3 > id", &[1, 2]),
            ("id IN (1, 5, 11)", &[1, 5]),
            ("id NOT IN (1, 5)", &[2, 3, 4]),
            ("id BETWEEN 2 AND 3", &[2, 3]),
            ("id NOT BETWEEN 2 AND 3", &[1, 4, 5]),
            ("id < 1.5", &[1]),
            ("id = 0x5", &[5]),
            ("type_id = 1003", &[4, 5]),
            ("TYPE = 'bar'", &[1, 2, 3]),
            ("type != 'bar'", &[4, 5]),
            ("type LIKE 'o%'", &[4, 5]),
            ("NOT type IN ('bar')", &[4, 5]),
            ("type = 'Trainer'", &[]),
            ("name = 'foo1'", &[1]),
            ("name != 'foo1'", &[2, 3, 4]),
            ("NOT name = 'foo1'", &[2, 3, 4]),
            ("name > 'foo2'", &[3, 4]),
            ("name IN ('zed', 'foo2')", &[2, 3]),
            ("name IS NULL", &[5]),
            ("name LIKE 'FOO%'", &[]),
            (r"name LIKE r'foo\_%'", &[4]),
            (r"name LIKE 'foo\\_%'", &[4]),
            ("name LIKE '%o_'", &[1, 2]),
            ("name NOT LIKE 'foo%'", &[3]),
            ("external_id = 'a-1'", &[1]),
            ("external_id IS NULL", &[2, 3, 4, 5]),
            ("uri = 's3://bucket/one'", &[1]),
            ("uri IN ('gs://x', 's3://bucket/one')", &[1, 4]),
            ("uri = ''", &[2, 5]),
            ("uri != 'gs://x'", &[1, 2, 3, 5]),
            ("uri LIKE 's3://%'", &[1, 3]),
            ("uri LIKE '%'", &[1, 2, 3, 4, 5]),
            ("create_time_since_epoch >= 30", &[3, 4]),
            ("last_update_time_since_epoch = 200", &[2]),
            ("name = 'external_id'", &[]),
            ("name = uri", &[]),
            ("name < uri", &[1, 4]),
            ("id = type_id - 1000", &[1, 2]),
        ],
    )
    .await;
}

async fn an_enum_that_is_not_set_differs_from_every_name(backend: Backend) {
    let scene = scene(backend);
    check(
        &scene,
        Artifact,
        &[
            ("state = LIVE", &[1]),
            ("state != LIVE", &[2, 3, 4, 5]),
            ("state <> LIVE", &[2, 3, 4, 5]),
            ("NOT (state = LIVE)", &[3, 4, 5]),
            ("NOT state != LIVE", &[1]),
            ("state NOT IN (LIVE, PENDING)", &[2, 4, 5]),
            ("NOT (state IN (LIVE, PENDING))", &[4, 5]),
            ("state = ABANDONED", &[5]),
            ("state IN (REFERENCE)", &[]),
            ("state > 1", &[1, 4, 5]),
            ("state IS NULL", &[2]),
            ("events_a.type = PENDING_OUTPUT", &[4]),
            ("events_a.type != INPUT", &[1, 2, 3, 4]),
            ("NOT (events_a.type = INPUT)", &[1, 2, 3, 4]),
            ("events_a.type > 6", &[4]),
        ],
    )
    .await;
    check(&scene, Execution, &[("last_known_state != COMPLETE", &[12, 13])]).await;
}

async fn a_neighbour_is_joined_once(backend: Backend) {
    let scene = scene(backend);
    check(
        &scene,
        Artifact,
        &[
            ("contexts_a.name = 'my_run' AND contexts_a.name = 'my_pipeline'", &[]),
            ("contexts_a.name = 'my_run' OR contexts_a.name = 'my_pipeline'", &[1, 2, 3]),
            ("contexts_a.name = 'my_run' AND contexts_a.type = 'RunContext'", &[1, 2]),
            ("contexts_a.name = 'my_run' AND contexts_b.name = 'my_run'", &[1, 2]),
            ("contexts_a.id < contexts_b.id", &[1]),
            ("contexts_a.id <= contexts_b.id AND contexts_b.name = 'my_pipeline'", &[1, 3]),
            // Some context that is not that one.
            ("NOT contexts_a.name = 'my_run'", &[1, 3]),
            // Both must be there, even under OR.
            ("properties.i.int_value > 0 OR properties.d.double_value > 0", &[1, 3]),
            ("properties.i.int_value > 0 OR id > 0", &[1, 2, 3]),
            ("id > 0 OR properties.i.int_value > 0", &[1, 2, 3]),
            ("properties.i.int_value IS NULL", &[3]),
            ("properties.i.int_value IS NOT NULL", &[1, 2]),
            ("NOT (properties.i.int_value = 1)", &[2]),
            ("properties.nowhere.int_value = 1", &[]),
            ("properties.nowhere.int_value IS NULL", &[]),
            ("properties.i.int_value = 1 AND properties.i.string_value = '7'", &[]),
            ("properties.i.int_value = 1 OR properties.i.string_value = '7'", &[1, 3]),
            ("events_a.type = INPUT AND events_b.type = DECLARED_OUTPUT", &[1]),
            ("events_a.type = INPUT AND events_a.milliseconds_since_epoch = 1000", &[1]),
            ("events_a.type = INPUT AND events_a.milliseconds_since_epoch = 5000", &[]),
            ("events_a.execution_id = 12", &[1, 3, 4]),
            ("custom_properties.i.bool_value", &[4]),
            ("properties.i.int_value = 1 AND id = 1 AND properties.d.double_value = 0.5 AND name = 'foo1'", &[1]),
        ],
    )
    .await;
}

async fn neighbours_of_contexts_and_executions_are_joined(backend: Backend) {
    let scene = scene(backend);
    check(
        &scene,
        Context,
        &[
            ("artifacts_a.uri = 's3://bucket/three'", &[22]),
            ("artifacts_a.uri = ''", &[21]),
            ("artifacts_a.external_id = 'a-1'", &[21, 22]),
            ("artifacts_a.type = 'bar' AND artifacts_a.name LIKE 'z%'", &[22]),
            ("artifacts_a.state != LIVE", &[21, 22]),
            ("artifacts_a.create_time_since_epoch = 30", &[22]),
            ("executions_a.external_id = 'x-11'", &[21]),
            ("executions_a.type = 'Trainer'", &[21, 23]),
            ("executions_a.last_known_state != NEW", &[21]),
            ("parent_contexts_a.create_time_since_epoch = 20", &[21, 23]),
            ("parent_contexts_a.last_update_time_since_epoch = 1", &[]),
            ("child_contexts_a.external_id = 'c-21'", &[22]),
            ("child_contexts_a.name = 'my_run' AND child_contexts_b.name = 'other_run'", &[22]),
            ("child_contexts_a.id > 0 AND artifacts_x.id > 0", &[22]),
            ("custom_properties.owner.string_value = 'Straße'", &[22]),
            ("name = 'my_run'", &[21]),
        ],
    )
    .await;
    check(
        &scene,
        Execution,
        &[
            ("contexts_a.name = 'my_run'", &[11]),
            ("contexts_a.external_id = 'c-21'", &[11]),
            ("events_a.artifact_id = 1", &[11, 12]),
            ("custom_properties.0.int_value > 0", &[12]),
            ("custom_properties.0.int_value = 9007199254740993", &[12]),
            ("custom_properties.0.int_value = 9007199254740992", &[]),
        ],
    )
    .await;
}

async fn operators_and_functions_compute(backend: Backend) {
    let scene = scene(backend);
    check(
        &scene,
        Artifact,
        &[
            ("LOWER(properties.s.string_value) = 'text'", &[1]),
            ("UPPER(properties.s.string_value) = 'TEXT'", &[1]),
            ("LOWER('Ä') = 'Ä' AND UPPER('ä') = 'ä' AND LOWER('A') = 'a'", &[1, 2, 3, 4, 5]),
            ("'a' > 'B' AND 'ä' > 'z'", &[1, 2, 3, 4, 5]),
            ("LENGTH(name) = 5", &[4]),
            ("LENGTH('äö') = 2 AND LENGTH(name) + 0 = 3", &[3]),
            ("SUBSTR(name, 2, 2) = 'oo'", &[1, 2, 4]),
            ("SUBSTR(name, -1) = '4'", &[4]),
            ("SUBSTR(name, -99, 2) = 'fo'", &[1, 2, 4]),
            ("SUBSTR(name, 0, 1) = 'z'", &[3]),
            ("SUBSTR(name, 99) = ''", &[1, 2, 3, 4]),
            ("SUBSTR(name, 2, -1) IS NULL", &[1, 2, 3, 4, 5]),
            ("SUBSTR(name, 9223372036854775807, 9223372036854775807) = ''", &[1, 2, 3, 4]),
            ("SUBSTR(name, -9223372036854775808, 9223372036854775807) = 'zed'", &[3]),
            ("TRIM('  x\\t\\n') = 'x' AND id = 1", &[1]),
            ("TRIM(name, 'fo') = '1'", &[1]),
            ("ABS(properties.i.int_value) = 1", &[1, 2]),
            ("ABS(properties.d.double_value - 1) < 0.6", &[1]),
            ("COALESCE(name, 'none') = 'none'", &[5]),
            ("COALESCE(name) = 'zed'", &[3]),
            ("COALESCE(NULL, state, id) = 2", &[1, 2]),
            ("IFNULL(state, 9) = 9", &[2]),
            ("IF(state IS NULL, 'no', name) = 'no'", &[2]),
            ("IF(state > 1, name, NULL) = 'foo1'", &[1]),
            ("MOD(id, 2) = 0", &[2, 4]),
            ("MOD(-id, 2) = -1", &[1, 3, 5]),
            ("DIV(id, 2) = 1", &[2, 3]),
            ("DIV(-id, 2) = -1", &[2, 3]),
            ("id / 2 = 1.5", &[3]),
            ("CONCAT(name, '-', type) = 'zed-bar'", &[3]),
            ("name || '-' || type = 'zed-bar'", &[3]),
            ("name || NULL IS NULL", &[1, 2, 3, 4, 5]),
            ("STARTS_WITH(name, 'foo_')", &[4]),
            ("STARTS_WITH(name, SUBSTR(type, 1, 0))", &[1, 2, 3, 4]),
            ("STARTS_WITH(name, LOWER('FOO_'))", &[4]),
            ("id & 1 = 1", &[1, 3, 5]),
            ("id & 2 + 2 = 4", &[4, 5]),
            ("-id < -3", &[4, 5]),
            ("+id = 1", &[1]),
            ("id - 1 - 1 = 0", &[2]),
            ("2 + 3 * id = 8", &[2]),
            ("CASE WHEN id < 3 THEN true WHEN id = 4 THEN NULL ELSE false END", &[1, 2]),
            ("CASE id WHEN 1 THEN 'a' WHEN 2 THEN 'b' END = 'b'", &[2]),
            ("CASE id WHEN 1.5 THEN 1 WHEN 2 THEN 2.5 END > 2", &[2]),
            ("(state = LIVE) IS NOT TRUE", &[2, 3, 4, 5]),
            ("(state = LIVE) IS FALSE", &[3, 4, 5]),
            ("(state = LIVE) IS NULL", &[2]),
            ("(name = 'foo1') = (id = 1)", &[1, 2, 3, 4]),
            ("(id > 3) > (id > 4)", &[4]),
            ("id = 1 -- one\n OR id = 2 # two\n /* and\n three */ OR id=3", &[1, 2, 3]),
            ("name IN (CONCAT('z', 'ed'), type)", &[3]),
            ("name BETWEEN 'foo2' AND CONCAT('foo', '_5')", &[2, 4]),
            ("id = NULL", &[]),
            ("id IN (1, NULL)", &[1]),
            ("NOT id IN (1, NULL)", &[]),
            ("properties.d.double_value = properties.d.double_value", &[1, 3]),
            ("properties.i.int_value < properties.d.double_value", &[]),
            ("properties.i.int_value > properties.d.double_value", &[1]),
        ],
    )
    .await;
}

async fn properties_have_one_kind(backend: Backend) {
    let scene = scene(backend);
    check(
        &scene,
        Artifact,
        &[
            ("custom_properties.s.string_value = \"it's\"", &[2]),
            ("custom_properties.s.string_value = 'it\\'s'", &[2]),
            ("custom_properties.s.string_value IN ('it\\x27s', 'x')", &[2]),
            ("custom_properties.s.string_value LIKE 'it%'", &[2]),
            ("custom_properties.s.string_value > 'it'", &[2]),
            ("properties.s.string_value = 'it\\'s'", &[]),
            ("properties.i.string_value = '7'", &[3]),
            ("custom_properties.i.int_value = 1", &[]),
            ("custom_properties.i.bool_value = true", &[4]),
            ("custom_properties.`my:custom.property`.bool_value = false", &[2]),
            ("custom_properties.`my:custom.property`.bool_value != true", &[2]),
            ("NOT custom_properties.`my:custom.property`.bool_value", &[2]),
            ("custom_properties.`my:custom.property`.bool_value IN (true, false)", &[1, 2]),
            ("properties.d.double_value = 2", &[3]),
            ("properties.d.double_value BETWEEN 0 AND 1", &[1]),
            ("properties.accuracy.double_value = 0.96", &[4]),
            ("properties.accuracy.double_value = 0.960000001", &[]),
            ("properties.nan.double_value IS NULL", &[5]),
            ("properties.nan.double_value > 0 OR properties.nan.double_value <= 0", &[]),
            ("properties.i.int_value IN (1, -1)", &[1, 2]),
            ("properties.i.int_value NOT IN (1)", &[2]),
            ("properties.i.int_value BETWEEN -5 AND 0", &[2]),
        ],
    )
    .await;
}

async fn names_are_as_ml_metadata_shows_them(backend: Backend) {
    let scene = Scene::new(backend);
    let model = scene.model("model").await;
    let version = scene.version(&model, "v1").await;
    let draft = Draft::named("00000000-0000-4000-8000-000000000000:notes".parse().unwrap());
    let document = scene.insert(LogicalType::DocArtifact, None, draft, 1).await.unwrap();
    let owned = scene.artifact(&version, "model").await;
    scene.database.execute(
        "INSERT INTO types (id, kind, name) VALUES (1005, 2, 'RunContext');
         INSERT INTO nodes (id, kind, type_id, name, created_at, updated_at) VALUES (5000, 2, 1005, '77:x:y', 1, 1)",
    );
    for (text, expected) in [
        ("name = 'model'".to_owned(), vec![model.id.0]),
        ("name = 'v1'".to_owned(), vec![]),
        (format!("name = '{}:v1'", model.id), vec![version.id.0]),
        (format!("name IN ('{}:v1', 'model')", model.id), vec![model.id.0, version.id.0]),
        (format!("name LIKE '{}:%'", model.id), vec![version.id.0]),
        ("name LIKE 'v1%'".to_owned(), vec![]),
        ("name = '7777:v1'".to_owned(), vec![]),
        ("name = '77:x:y'".to_owned(), vec![5000]),
        ("name LIKE '77:x%'".to_owned(), vec![5000]),
        (format!("SUBSTR(name, 1) = '{}:v1'", model.id), vec![version.id.0]),
        (format!("artifacts_a.name = '{}:model'", version.id), vec![version.id.0]),
        (format!("parent_contexts_a.name = 'model' AND id = {}", version.id), vec![version.id.0]),
    ] {
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(found(&scene, Context, &text).await, expected, "{text}");
    }
    let text = "name = '00000000-0000-4000-8000-000000000000:notes'";
    assert_eq!(found(&scene, Artifact, text).await, [document.id.0]);
    assert_eq!(found(&scene, Artifact, "type = 'kf.ModelArtifact'").await, [owned.id.0]);
}
