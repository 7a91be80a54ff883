//! Numbers at the ends of their ranges: never an error, and the same on both databases.

use modelport::domain::NodeKind::Artifact;

use super::{check, scene};
use crate::support::{Backend, on_both};

on_both! {
    ints_out_of_range_are_nothing,
    doubles_out_of_range_are_nothing,
    doubles_are_exact,
    a_division_by_zero_is_nothing,
    ints_and_doubles_compare_by_what_they_are,
}

const ALL: &[i64] = &[1, 2, 3, 4, 5];

async fn ints_out_of_range_are_nothing(backend: Backend) {
    let scene = scene(backend);
    scene.database.execute(
        "INSERT INTO properties (node_id, custom, name, kind, int_value) VALUES
             (1, TRUE, 'max', 1, 9223372036854775807), (1, TRUE, 'min', 1, -9223372036854775807 - 1)",
    );
    check(
        &scene,
        Artifact,
        &[
            ("9223372036854775807 + id IS NULL", ALL),
            ("9223372036854775807 - id = 9223372036854775804", &[3]),
            ("9223372036854775806 + 1 = 9223372036854775807", ALL),
            ("-9223372036854775808 - id IS NULL", ALL),
            ("-9223372036854775808 < id", ALL),
            ("9223372036854775807 * 2 IS NULL AND 9223372036854775807 * -2 IS NULL", ALL),
            ("9223372036854775807 * 9223372036854775807 * 0 IS NULL", ALL),
            ("4611686018427387903 * 2 = 9223372036854775806", ALL),
            ("3037000500 * 3037000500 IS NULL", ALL),
            ("id * 1000000007 * 1000000009 = 3000000048000000189", &[3]),
            ("-custom_properties.min.int_value IS NULL", &[1]),
            ("ABS(custom_properties.min.int_value) IS NULL", &[1]),
            ("ABS(-9223372036854775807) = 9223372036854775807", ALL),
            ("DIV(custom_properties.min.int_value, -1) IS NULL", &[1]),
            ("DIV(custom_properties.min.int_value, -2) = 4611686018427387904", &[1]),
            ("MOD(custom_properties.min.int_value, -1) = 0", &[1]),
            ("MOD(custom_properties.min.int_value, 10) = -8", &[1]),
            ("custom_properties.max.int_value & 255 = 255", &[1]),
            ("custom_properties.min.int_value & -1 = custom_properties.min.int_value", &[1]),
            ("custom_properties.max.int_value > 9.2e18", &[1]),
            ("custom_properties.max.int_value = 9223372036854775807", &[1]),
            ("custom_properties.max.int_value = 9223372036854775806", &[]),
            ("custom_properties.max.int_value + 0 = 9223372036854775806", &[]),
            ("NOT (custom_properties.max.int_value + 1 > 0)", &[]),
            ("CASE WHEN id > 0 THEN 1 ELSE 9223372036854775807 + id END = 1", ALL),
        ],
    )
    .await;
}

async fn doubles_out_of_range_are_nothing(backend: Backend) {
    let scene = scene(backend);
    let infinity = if backend == Backend::Postgres { "'Infinity'" } else { "9e999" };
    scene.database.execute(&format!(
        "INSERT INTO properties (node_id, custom, name, kind, double_value) VALUES
             (1, TRUE, 'inf', 2, {infinity}), (1, TRUE, 'big', 2, 1e308), (1, TRUE, 'small', 2, 1e-300)"
    ));
    check(
        &scene,
        Artifact,
        &[
            ("custom_properties.big.double_value + 1e308 IS NULL", &[1]),
            ("custom_properties.big.double_value - 1e308 = 0", &[1]),
            ("custom_properties.big.double_value - (-1e308) IS NULL", &[1]),
            ("-custom_properties.big.double_value - 1e308 IS NULL", &[1]),
            ("custom_properties.big.double_value * 10 IS NULL", &[1]),
            ("custom_properties.big.double_value * 0.1 > 1e306", &[1]),
            ("custom_properties.big.double_value * 0 = 0", &[1]),
            ("custom_properties.big.double_value / 0.1 IS NULL", &[1]),
            ("custom_properties.big.double_value / 10 > 1e306", &[1]),
            ("custom_properties.small.double_value * 1e-300 = 0", &[1]),
            ("custom_properties.small.double_value / 1e300 = 0", &[1]),
            ("custom_properties.small.double_value / 1e-300 = 1", &[1]),
            ("custom_properties.small.double_value * 1e300 > 0.9", &[1]),
            ("custom_properties.inf.double_value > 1e308", &[1]),
            ("custom_properties.inf.double_value - 1 IS NULL", &[1]),
            ("custom_properties.inf.double_value * 0 IS NULL", &[1]),
            ("1 / custom_properties.inf.double_value IS NULL", &[1]),
            ("-custom_properties.inf.double_value < 0", &[1]),
        ],
    )
    .await;
}

async fn doubles_are_exact(backend: Backend) {
    let scene = scene(backend);
    scene.database.execute(
        "INSERT INTO properties (node_id, custom, name, kind, double_value) VALUES
             (1, TRUE, 'tiny', 2, 1e-9), (1, TRUE, 'third', 2, 0.3333333333333333)",
    );
    check(
        &scene,
        Artifact,
        &[
            ("custom_properties.tiny.double_value = 1e-9", &[1]),
            ("custom_properties.tiny.double_value = 0", &[]),
            ("custom_properties.third.double_value = 1 / 3", &[1]),
            ("custom_properties.third.double_value = 0.333333", &[]),
            ("0.1 + 0.2 = 0.30000000000000004", ALL),
            ("id + 0.5 = 1.5", &[1]),
        ],
    )
    .await;
}

async fn a_division_by_zero_is_nothing(backend: Backend) {
    let scene = scene(backend);
    for text in ["1 / 0", "id / (id - id)", "MOD(id, 0)", "DIV(id, 0)", "0.0 / 0.0", "properties.p1.int_value / 0"] {
        let expected = if text.starts_with("prop") { &[1] } else { ALL };
        check(&scene, Artifact, &[(&format!("({text}) IS NULL"), expected), (&format!("{text} = 0"), &[])]).await;
    }
}

async fn ints_and_doubles_compare_by_what_they_are(backend: Backend) {
    let scene = scene(backend);
    scene.database.execute(
        "INSERT INTO properties (node_id, custom, name, kind, int_value) VALUES
             (1, TRUE, 'n', 1, 9007199254740993), (1, TRUE, 'max', 1, 9223372036854775807)",
    );
    scene.database.execute(
        "INSERT INTO properties (node_id, custom, name, kind, double_value) VALUES
             (1, TRUE, 'd', 2, 9007199254740992), (1, TRUE, 'end', 2, 9223372036854775808), (1, TRUE, 'half', 2, -2.5)",
    );
    const N: &str = "custom_properties.n.int_value";
    const MAX: &str = "custom_properties.max.int_value";
    const D: &str = "custom_properties.d.double_value";
    const END: &str = "custom_properties.end.double_value";
    const HALF: &str = "custom_properties.half.double_value";
    for (holds, filters) in [
        (
            true,
            vec![
                format!("{N} > 9007199254740992.5"),
                format!("9007199254740992.0 < {N}"),
                format!("{N} != 9007199254740992.0"),
                format!("{N} BETWEEN 9007199254740992.5 AND 9007199254740994.0"),
                format!("NOT {N} IN (9007199254740992.0, 0.5)"),
                format!("{N} IN (0.5, 9007199254740993)"),
                format!("{N} + 0 IN (0.5, 9007199254740993)"),
                format!("NOT {N} + 0 IN (9007199254740992.0, 0.5)"),
                format!("ABS({N}) BETWEEN 9007199254740992.5 AND 9007199254740994.0"),
                format!("CASE {N} WHEN 9007199254740992.0 THEN 1 WHEN 0.5 THEN 1 ELSE 2 END = 2"),
                format!("CASE {N} + 0 WHEN 0.5 THEN 1 WHEN 9007199254740993 THEN 2 ELSE 3 END = 2"),
                format!("{N} < 1e300 AND {N} > -1e300"),
                format!("{N} > {D} AND {D} < {N} AND {N} != {D}"),
                format!("NOT {N} = {D} AND NOT {D} >= {N}"),
                format!("{N} - 1 = {D} AND {D} >= {N} - 1"),
                format!("{D} < 9007199254740993 AND {D} != 9007199254740993"),
                format!("{MAX} < {END} AND {END} > {MAX} AND {MAX} < 9223372036854775808.0"),
                format!("id - 4 < {HALF} AND id - 3 > {HALF} AND -id > {HALF}"),
            ],
        ),
        (
            false,
            vec![
                format!("{N} = 9007199254740992.0"),
                format!("{N} >= 9007199254740994.0"),
                format!("{N} IN (9007199254740992.0)"),
                format!("{N} BETWEEN 9007199254740994.0 AND 1e300"),
                format!("{N} + 0 IN (9007199254740992.0, NULL)"),
                format!("{N} + 0 BETWEEN 1 AND 9007199254740992.0"),
                format!("CASE {N} + 0 WHEN 9007199254740992.0 THEN 1 ELSE 2 END = 1"),
                format!("{N} <= {D}"),
                format!("{D} = 9007199254740993"),
                format!("{D} >= 9007199254740993"),
                format!("{MAX} = {END}"),
                format!("{MAX} >= {END}"),
                format!("id - 3 = {HALF}"),
                format!("{N} > custom_properties.none.double_value"),
                format!("NOT ({N} > custom_properties.none.double_value)"),
                format!("NOT (custom_properties.none.int_value = 0.5)"),
            ],
        ),
    ] {
        for filter in &filters {
            let expected: &[i64] = if holds { &[1] } else { &[] };
            check(&scene, Artifact, &[(filter, expected)]).await;
        }
    }
}
