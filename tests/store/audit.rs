//! The audit trail: what is added stays, what is old goes, and nothing else happens to it.

use modelport::domain::NodeId;
use modelport::domain::access::{PrincipalId, TokenId, WorkspaceId};
use modelport::domain::audit::{AuditAction, AuditEntry, AuditFilter, AuditPosition, AuditRecord, Outcome};
use modelport::store::Store;
use modelport::store::audit::{self, Growth};
use serde_json::json;

use crate::support::{Backend, Database, on_both};

on_both! {
    an_entry_is_found_as_it_was_added,
    many_are_added_in_their_order,
    a_list_is_paged_from_the_newest_on,
    lists_are_narrowed,
    entries_come_to_stand_for_more,
    nothing_else_of_an_entry_changes,
    entries_are_removed_when_they_are_old_and_otherwise_not,
    what_another_release_names_is_unknown,
}

struct Scene {
    store: Store,
    database: Database,
}

impl Scene {
    fn new(backend: Backend) -> Self {
        let database = Database::new(backend);
        Self { store: database.open(), database }
    }

    async fn append(&self, entries: Vec<AuditEntry>) -> Vec<i64> {
        self.store.write(move |tx| audit::append(tx, &entries)).await.unwrap()
    }

    async fn list(&self, filter: AuditFilter) -> Vec<AuditRecord> {
        self.page(filter, None, 10_000).await
    }

    async fn page(&self, filter: AuditFilter, before: Option<AuditPosition>, limit: i64) -> Vec<AuditRecord> {
        self.store.read(move |tx| audit::list(tx, &filter, before, limit)).await.unwrap()
    }
}

fn full(at: i64) -> AuditEntry {
    AuditEntry {
        ended_at: at + 5,
        principal_id: Some(PrincipalId(1)),
        token_id: Some(TokenId(2)),
        workspace_id: Some(WorkspaceId(3)),
        root_id: Some(NodeId(4)),
        node_id: Some(NodeId(5)),
        path: Some("Gewichte/🦀.onnx".to_owned()),
        blob_id: Some(6),
        bytes: Some(i64::MAX / 2),
        requests: 7,
        door: Some("native".to_owned()),
        request_id: Some("r".to_owned()),
        peer: Some("2001:db8::1".to_owned()),
        agent: Some("curl/8".to_owned()),
        details: Some(json!({ "a": [1, null, "ä"] })),
        ..AuditEntry::new(at, AuditAction::Download, Outcome::Done)
    }
}

fn plain(at: i64) -> AuditEntry {
    AuditEntry::new(at, AuditAction::Access, Outcome::Denied)
}

async fn an_entry_is_found_as_it_was_added(backend: Backend) {
    let scene = Scene::new(backend);
    let ids = scene.append(vec![full(10), plain(20)]).await;
    let expected = [AuditRecord { id: ids[1], entry: plain(20) }, AuditRecord { id: ids[0], entry: full(10) }];
    assert_eq!(scene.list(AuditFilter::default()).await, expected);
    let hostile = AuditEntry { agent: Some("a\0b".to_owned()), peer: Some("\0".to_owned()), ..plain(30) };
    scene.append(vec![hostile]).await;
    let found = scene.page(AuditFilter::default(), None, 1).await.remove(0).entry;
    assert_eq!((found.agent.as_deref(), found.peer.as_deref()), (Some("a\u{fffd}b"), Some("\u{fffd}")));
    assert!(scene.append(Vec::new()).await.is_empty());
}

async fn many_are_added_in_their_order(backend: Backend) {
    let scene = Scene::new(backend);
    let ids = scene.append((0..2500).map(plain).collect()).await;
    assert!(ids.len() == 2500 && ids.is_sorted());
    let found = scene.list(AuditFilter::default()).await;
    assert!(found.iter().rev().zip(&ids).zip(0..).all(|((record, id), at)| record.id == *id && record.entry.at == at));
}

async fn a_list_is_paged_from_the_newest_on(backend: Backend) {
    let scene = Scene::new(backend);
    // Written late, and of one time.
    for at in [5, 5, 9, 5, 1, 9] {
        scene.append(vec![plain(at)]).await;
    }
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = scene.page(AuditFilter::default(), before, 2).await;
        let Some(last) = page.last() else { break };
        before = Some(AuditPosition { at: last.entry.at, id: last.id });
        all.extend(page);
    }
    assert_eq!(all, scene.list(AuditFilter::default()).await);
    assert_eq!(all.iter().map(|record| record.entry.at).collect::<Vec<_>>(), [9, 9, 5, 5, 5, 1]);
}

async fn lists_are_narrowed(backend: Backend) {
    let scene = Scene::new(backend);
    scene.append(vec![full(10), full(20), plain(30)]).await;
    let times =
        |filter| async { scene.list(filter).await.into_iter().map(|record| record.entry.at).collect::<Vec<_>>() };
    let any = AuditFilter::default;
    assert_eq!(times(AuditFilter { workspace_id: Some(WorkspaceId(3)), ..any() }).await, [20, 10]);
    assert_eq!(times(AuditFilter { root_id: Some(NodeId(4)), ..any() }).await, [20, 10]);
    assert!(times(AuditFilter { root_id: Some(NodeId(5)), ..any() }).await.is_empty());
    assert_eq!(times(AuditFilter { principal_id: Some(PrincipalId(1)), ..any() }).await, [20, 10]);
    assert_eq!(times(AuditFilter { action: Some(AuditAction::Access), ..any() }).await, [30]);
    assert_eq!(times(AuditFilter { outcome: Some(Outcome::Done), ..any() }).await, [20, 10]);
    assert_eq!(times(AuditFilter { outcome: Some(Outcome::Denied), ..any() }).await, [30]);
    assert_eq!(times(AuditFilter { from: Some(20), to: Some(30), ..any() }).await, [20]);
}

async fn entries_come_to_stand_for_more(backend: Backend) {
    let scene = Scene::new(backend);
    let ids = scene.append(vec![AuditEntry { bytes: Some(10), ..full(10) }, plain(20)]).await;
    let growth = [
        Growth { id: ids[0], ended_at: 50, requests: 2, bytes: 30 },
        Growth { id: ids[1], ended_at: 1, requests: 1, bytes: 0 },
    ];
    scene.store.write(move |tx| audit::grow(tx, &growth)).await.unwrap();
    let found = scene.list(AuditFilter::default()).await;
    let counted = |entry: &AuditEntry| (entry.ended_at, entry.requests, entry.bytes);
    assert_eq!(counted(&found[0].entry), (20, 2, None));
    assert_eq!(counted(&found[1].entry), (50, 9, Some(40)));
    scene.store.write(|tx| audit::grow(tx, &[])).await.unwrap();
}

async fn nothing_else_of_an_entry_changes(backend: Backend) {
    let scene = Scene::new(backend);
    scene.append(vec![full(10), plain(20)]).await;
    let before = scene.list(AuditFilter::default()).await;
    for set in [
        "at = at - 1",
        "ended_at = ended_at - 1",
        "action = 'login'",
        "outcome = 'failed'",
        "principal_id = NULL",
        "principal_id = 9",
        "token_id = 9",
        "workspace_id = 9",
        "root_id = 9",
        "node_id = 9",
        "path = 'x'",
        "blob_id = 9",
        "bytes = 0",
        "requests = requests - 1",
        "door = 'x'",
        "request_id = 'x'",
        "peer = 'x'",
        "agent = 'x'",
        "details = NULL",
        "id = id + 100",
    ] {
        let refused = scene.database.try_execute(&format!("UPDATE audit SET {set} WHERE at = 10")).unwrap_err();
        assert!(refused.to_string().contains("the audit trail only grows"), "{set}: {refused}");
    }
    let refused = scene.database.try_execute("DELETE FROM audit").unwrap_err();
    assert!(refused.to_string().contains("the audit trail only grows"), "{refused}");
    if backend == Backend::Postgres {
        let refused = scene.database.try_execute("TRUNCATE audit").unwrap_err();
        assert!(refused.to_string().contains("the audit trail only grows"), "{refused}");
    }
    assert_eq!(scene.list(AuditFilter::default()).await, before);
}

async fn entries_are_removed_when_they_are_old_and_otherwise_not(backend: Backend) {
    let scene = Scene::new(backend);
    // The first began long ago, and has not ended.
    scene.append(vec![AuditEntry { ended_at: 500, ..full(1) }]).await;
    scene.append((2..100).map(plain).collect()).await;
    let remove = |before, limit| scene.store.write(move |tx| audit::remove_before(tx, before, limit));
    assert_eq!(remove(1, 10).await.unwrap(), 0);
    assert_eq!(remove(50, 30).await.unwrap(), 30);
    assert_eq!(remove(50, 30).await.unwrap(), 18);
    assert_eq!(remove(50, 30).await.unwrap(), 0);
    let left = scene.list(AuditFilter::default()).await;
    assert_eq!(left.iter().map(|record| record.entry.at).min(), Some(1));
    assert_eq!(left.len(), 51);
    // Nobody else may remove anything because the upkeep did.
    scene.database.try_execute("DELETE FROM audit").unwrap_err();
}

async fn what_another_release_names_is_unknown(backend: Backend) {
    let scene = Scene::new(backend);
    scene.database.execute("INSERT INTO audit (at, ended_at, action, outcome) VALUES (1, 1, 'model.dream', 'done')");
    assert_eq!(scene.list(AuditFilter::default()).await[0].entry.action, AuditAction::Unknown);
}
