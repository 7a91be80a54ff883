"""What looks for broken promises under torture finds each kind of them."""

import uuid
from copy import copy
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness import PATIENCE, Installation, LocalStore, Server
from torture import checker, doors, invariants, native, rows
from torture.database import Postgres, Sqlite
from torture.ledger import Ledger
from torture.resumable import TUS
from torture.writer import Writer

NODE = "INSERT INTO nodes (id, kind, type_id, home_id, name, created_at, updated_at, revision) VALUES"
CHANGE = "INSERT INTO changes (id, position, at, actor, action, node_id, revision, document) VALUES"
VERSION = "(SELECT min(id) FROM nodes WHERE type_id = 12)"
PLANTED = {
    "a node without its home": f"{NODE} (9001, 2, 12, 9999, 'x', 0, 0, 1)",
    "a node that is not a member of its home": "DELETE FROM members",
    "a node without its type": f"{NODE} (9001, 2, 9999, NULL, 'x', 0, 0, 1)",
    "a property without its node": "UPDATE properties SET node_id = 9000 + node_id",
    "a property that its type does not declare": "UPDATE properties SET name = 'x' WHERE name = 'description'",
    "a member that is missing": "INSERT INTO members VALUES (1, 9999)",
    "a membership in what is missing": "INSERT INTO members VALUES (9999, 1)",
    "an event of a missing artifact": "INSERT INTO events VALUES (9001, 9999, 1, 3, 0, NULL)",
    "an event of a missing execution": "INSERT INTO events VALUES (9001, 1, 9999, 3, 0, NULL)",
    "an alias of a missing model": "UPDATE aliases SET model_id = 9000 + model_id",
    "an alias for a missing version": "UPDATE aliases SET version_id = 9999",
    "an alias for another model's version": """
        INSERT INTO aliases SELECT 1, 'x', min(id) FROM nodes WHERE type_id = 12 AND home_id <> 1""",
    "a file of a missing node": "UPDATE files SET node_id = 9000 + node_id",
    "a file without its blob": "DELETE FROM blobs",
    "an inspection of a missing file": "DELETE FROM files",
    "a metric of a missing node": "UPDATE metrics SET node_id = 9000 + node_id",
    "a point of a missing metric": "DELETE FROM metrics",
    "a metric whose latest point is none of its points": "UPDATE metrics SET value = -1",
    "an upload of an object that a blob has": "INSERT INTO uploads SELECT 9001, key, 0, 0 FROM blobs LIMIT 1",
    "a part of a missing upload": "INSERT INTO resumable_parts VALUES ('x', 1, '', '')",
    "the bytes of a missing upload": "INSERT INTO resumable_tails VALUES ('x', 1, '')",
    "an unfinished upload that holds no object": "DELETE FROM uploads",
    "a key under which nothing was answered": "UPDATE idempotency_keys SET answer = NULL",
    "a node whose creation is not recorded": f"{NODE} (9001, 2, 11, NULL, 'x', 0, 0, 1)",
    "a node that is there after its deletion": f"{CHANGE} (9001, 9001, 0, '', 'delete', 1, 9, '')",
    "a node that went without a deletion": f"DELETE FROM nodes WHERE id = {VERSION}",
    "a change after the deletion": f"{CHANGE} (9001, NULL, 0, '', 'delete', 1, 9, ''), (9002, NULL, 0, '', 'x', 1, 9, '')",
    "a node at another revision than its last change": "UPDATE nodes SET revision = 99 WHERE id = 1",
    "a revision that is not recorded": f"{CHANGE} (9001, NULL, 0, '', 'update', 1, 99, '')",
    "a revision that two requests made": "UPDATE changes SET node_id = 1, revision = 1, position = NULL",
    "changes of a node in another order than their revisions": f"{CHANGE} (-1, NULL, 0, '', 'update', 1, 99, '')",
    "a change without a place in the feed": f"{CHANGE} (9001, NULL, 0, '', 'update', 1, 2, '')",
    "a gap in the feed": "DELETE FROM changes WHERE position = 2",
    "changes of a node in another order than their places": f"{CHANGE} (9001, -1, 0, '', 'update', 1, 2, '')",
}
KINDS = ("model", "version", "artifact", "file", "alias", "experiment", "run", "metric", "data", "execution", "edge")
KINDS += ("trained", "point", "parameter", "tag", "logged", "numbered")
TAKES_AWAY = (doors.delete_tree, native.delete_file, doors.edge_delete)


class Scene:
    """A registry in which something of everything is, and those who look at it."""

    def __init__(self, installation: Installation):
        self.store = installation.store
        url = installation.places[3]
        self.database = Postgres(url) if url.startswith("postgres") else Sqlite(Path(url.removeprefix("sqlite://")))
        self.server = installation.serve()
        self.writer = Writer("w", 1, lambda: [self.server])
        for operation in 2 * [operation for _, operation in doors.OPERATIONS if operation not in TAKES_AWAY]:
            operation(self.writer)
        self.begin_upload(self.server)
        self.feed = checker.Feed()
        self.feed.read(self.server)
        installation.collect()

    def begin_upload(self, server: Server) -> None:
        headers = {**TUS, "Upload-Length": "9", "Upload-Metadata": "model bQ==,version MQ==,path Zg=="}
        assert httpx.post(f"{server.url}/api/v1/uploads", headers=headers, timeout=PATIENCE).status_code == 201

    def promises(self, ledger: Ledger | None = None) -> list[str]:
        """What a look at the whole of the ledger, or of another one, finds."""
        writer = copy(self.writer)
        writer.ledger = ledger or writer.ledger
        writer.ledger.touched |= writer.ledger.possible.keys()
        return checker.promises_broken(rows.stored(self.database), self.server, writer)

    def in_store(self) -> list[str]:
        return checker.store_broken(self.database, self.store, 2**62, set())


@pytest.fixture
def scene(installation: Installation) -> Iterator[Scene]:
    scene = Scene(installation)
    yield scene
    scene.server.stop()


def test_each_broken_rule_is_named(scene: Scene) -> None:
    assert invariants.broken(scene.database) == []
    assert PLANTED.keys() == (invariants.RULES | invariants.FEED_RULES).keys()
    for name, statement in PLANTED.items():
        scene.database.spoilt = statement
        assert any(line.startswith(f"{name}: [{{") for line in invariants.broken(scene.database)), name


def test_what_the_store_lacks_and_what_nobody_needs_is_named(scene: Scene) -> None:
    assert scene.in_store() == []
    for statement, what in {
        "DELETE FROM files": "a blob that no file has",
        "DELETE FROM blobs": "an object that nothing needs",
        "INSERT INTO uploads VALUES (9001, 'x', 0, 0)": "an upload that nobody makes",
        "UPDATE blobs SET size = size + 1": "a blob whose object has other bytes",
    }.items():
        scene.database.spoilt = statement
        assert any(line.startswith(what) for line in scene.in_store()), what
    scene.database.spoilt = "SELECT 1"
    blob = scene.database.rows("SELECT key FROM blobs LIMIT 1")[0]["key"]
    (name,) = [name for name in scene.store.objects() if name.endswith(blob)]
    put(scene.store, name, b"other bytes")
    assert "a blob whose object has other bytes" in scene.in_store()[0]
    scene.store.lose(name)
    assert "a blob whose object is missing" in scene.in_store()[0]
    put(scene.store, name.replace(blob, f"blobs/00/{uuid.uuid4()}"), b"bytes")
    put(scene.store, name.replace(blob, "elsewhere"), b"bytes")
    assert {line.split(":")[0] for line in scene.in_store()[:2]} >= {"an object of no kind"}
    assert any(line.startswith("an object that nothing needs") for line in scene.in_store())


def put(store, name: str, data: bytes) -> None:
    if isinstance(store, LocalStore):
        (store.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (store.folder / name).write_bytes(data)
    else:
        store.client.put_object(Bucket=store.bucket, Key=name, Body=data)


def test_each_broken_promise_is_named(scene: Scene) -> None:
    assert scene.promises() == []
    there = {key: state for kind in KINDS for key, state in [next(iter(scene.writer.ledger.certain(kind).items()))]}
    lost = {(*key[:-1], "9" * 18): "something" for key in there}
    # Neither what was promised and is otherwise, nor what was promised to be gone and is there, nor what lacks, passes.
    for promised in ("something else", None):
        ledger = Ledger()
        ledger.possible = {key: {promised} for key in there} | {key: {state} for key, state in lost.items()}
        found = scene.promises(ledger)
        for key, state in (there | dict.fromkeys(lost)).items():
            assert any(line.startswith(f"{key} is {state!r}, which") for line in found), key
    # Requests of which half took place.
    ledger = Ledger()
    for (key, state), missing in zip(there.items(), lost, strict=True):
        change = {key: state, missing: "something"}
        ledger.doubt(change, ledger.intend(change))
    assert sum("one request changed" in line for line in scene.promises(ledger)) == len(there)
    assert rows.unasked(rows.stored(scene.database), set(there))
    scene.database.spoilt = "UPDATE properties SET text_value = 'x' WHERE name = 'description'"
    assert any("is stored as 'x', and shown as" in line for line in scene.promises())


def test_changes_that_lack_are_named(scene: Scene) -> None:
    ledger = scene.writer.ledger
    assert checker.unrecorded(scene.database, [ledger]) == []
    ledger.acknowledged["nobody-knows"] = "native.put_file"
    assert "nobody-knows" in checker.unrecorded(scene.database, [ledger])[0]
    assert scene.feed.broken(scene.database) == []
    known = scene.feed.seen.popitem()
    assert f"missed changes: [{known}]" in scene.feed.broken(scene.database)[0]
    scene.feed.seen |= {known[0]: known[1], 9999: 9999}
    assert "[(9999, 9999)]" in scene.feed.broken(scene.database)[0]
