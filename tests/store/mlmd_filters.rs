//! ML Metadata's filters against data: which nodes each finds, and that both databases find the same.

mod arithmetic;
mod cases;
mod hostile;

use modelport::domain::filter::mlmd;
use modelport::domain::{LogicalType, NodeKind, Order, Result, Selection};
use modelport::store::nodes;

use super::Scene;
use crate::support::Backend;

/// The ids of the nodes of that kind that a filter finds.
async fn try_found(scene: &Scene, kind: NodeKind, text: &str) -> Result<Vec<i64>> {
    let number = kind.number();
    let types = scene.database.lines(&format!("SELECT CAST(id AS TEXT) AS line FROM types WHERE kind = {number}"));
    let selection = Selection {
        types: types.iter().map(|id| id.parse().unwrap()).collect(),
        filter: mlmd::parse(kind, text)?,
        order: Order::default(),
        ..Selection::of(LogicalType::ModelArtifact)
    };
    scene
        .store
        .read(move |tx| {
            let found: Vec<_> = nodes::list(tx, &selection, None, 1000)?.iter().map(|node| node.id.0).collect();
            assert_eq!(nodes::count(tx, &selection)?, found.len() as u64);
            Ok(found)
        })
        .await
}

async fn found(scene: &Scene, kind: NodeKind, text: &str) -> Vec<i64> {
    try_found(scene, kind, text).await.unwrap_or_else(|error| panic!("{text}: {error}"))
}

async fn check(scene: &Scene, kind: NodeKind, cases: &[(&str, &[i64])]) {
    for (text, expected) in cases {
        assert_eq!(found(scene, kind, text).await, *expected, "{text}");
        // Below a NOT nothing is looked up in an index, and all neighbours are joined in one.
        let plain = format!("NOT NOT ({text}\n)");
        if !text.is_empty() && mlmd::parse(kind, &plain).is_ok() {
            assert_eq!(found(scene, kind, &plain).await, *expected, "{plain}");
        }
    }
}

/// Artifacts 1 to 5, executions 11 to 13, contexts 21 to 23, and what ties them.
fn scene(backend: Backend) -> Scene {
    let scene = Scene::new(backend);
    scene.database.execute(
        "INSERT INTO types (id, kind, name, version) VALUES
             (1001, 1, 'bar', ''), (1002, 1, 'bar', 'v2'), (1003, 1, 'other', ''), (1004, 0, 'Trainer', ''),
             (1005, 2, 'RunContext', ''), (1006, 2, 'PipelineContext', '');
         INSERT INTO nodes (id, kind, type_id, name, external_id, uri, state, created_at, updated_at) VALUES
             (1, 1, 1001, 'foo1', 'a-1', 's3://bucket/one', 2, 10, 100),
             (2, 1, 1002, 'foo2', NULL, NULL, NULL, 20, 200),
             (3, 1, 1001, 'zed', NULL, 's3://bucket/three', 1, 30, 300),
             (4, 1, 1003, 'foo_4', NULL, 'gs://x', 3, 40, 400),
             (5, 1, 1003, NULL, NULL, NULL, 5, 0, 0),
             (11, 0, 1004, 'train', 'x-11', NULL, 3, 10, 100),
             (12, 0, 1004, NULL, NULL, NULL, 1, 20, 200),
             (13, 0, 1004, 'idle', NULL, NULL, NULL, 30, 300),
             (21, 2, 1005, 'my_run', 'c-21', NULL, NULL, 10, 100),
             (22, 2, 1006, 'my_pipeline', NULL, NULL, NULL, 20, 200),
             (23, 2, 1005, 'other_run', NULL, NULL, NULL, 30, 300);
         INSERT INTO properties (node_id, custom, name, kind, int_value, double_value, text_value) VALUES
             (1, FALSE, 'i', 1, 1, NULL, NULL), (1, FALSE, 'd', 2, NULL, 0.5, NULL),
             (1, FALSE, 's', 3, NULL, NULL, 'Text'), (1, TRUE, 'my:custom.property', 6, 1, NULL, NULL),
             (1, FALSE, 'p1', 1, 0, NULL, NULL), (1, FALSE, 'p2', 2, NULL, 3.0, NULL),
             (2, FALSE, 'i', 1, -1, NULL, NULL), (2, TRUE, 's', 3, NULL, NULL, 'it''s'),
             (2, TRUE, 'my:custom.property', 6, 0, NULL, NULL),
             (3, FALSE, 'i', 3, NULL, NULL, '7'), (3, FALSE, 'd', 2, NULL, 2, NULL),
             (4, FALSE, 'accuracy', 2, NULL, 0.96, NULL), (4, TRUE, 'i', 6, 1, NULL, NULL),
             (5, FALSE, 'accuracy', 2, NULL, 0.95, NULL), (5, FALSE, 'nan', 2, NULL, NULL, NULL),
             (12, TRUE, '0', 1, 9007199254740993, NULL, NULL),
             (22, TRUE, 'owner', 3, NULL, NULL, 'Straße');
         INSERT INTO members (context_id, node_id) VALUES
             (21, 1), (22, 1), (21, 2), (22, 3), (21, 11), (23, 12), (22, 21), (22, 23);
         INSERT INTO events (artifact_id, execution_id, type, at) VALUES
             (1, 11, 3, 1000), (2, 11, 4, 2000), (3, 12, 5, 3000), (4, 12, 7, 4000), (1, 12, 1, 5000);",
    );
    scene
}
