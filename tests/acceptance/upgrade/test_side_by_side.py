"""Servers of the previous release beside this one's, over the same tables, while one after the other is replaced."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from callers import API, Accounts, Caller
from fixture import database
from harness import KUBEFLOW, Installation, Server
from held import held, stored
from roots import expected
from torture.database import Postgres
from torture.rounds import Game, Tally
from torture.world import SETTINGS, World

NEW, PREVIOUS = os.environ["MODELPORT_BIN"], str(Path(os.environ["MODELPORT_PREVIOUS"]) / "modelport")
NOWHERE = ("--listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0", "--edge-listen", "127.0.0.1:0")
production = pytest.mark.parametrize("old", ["production"], indirect=True)


@pytest.fixture
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of the previous release over tables of its own; what is run after it is this release."""
    monkeypatch.setenv("MODELPORT_BIN", PREVIOUS)
    with Installation.migrated(request.param, tmp_path, lambda: request.getfixturevalue("services")) as installation:
        installation.settings |= SETTINGS
        server = installation.serve()
        monkeypatch.setenv("MODELPORT_BIN", NEW)
        yield server
        # Shown when the test fails.
        installation.show_log()


class Pair(World):
    """Whichever servers run."""

    def __init__(self, first: Server):
        super().__init__(first.installation, first.installation.folder, database(first.installation), 0)
        self.running = [first]

    def servers(self) -> list[Server]:
        return list(self.running)


class Step:
    """What an operator does while everybody writes, in place of what torture breaks."""

    jumps = False

    def __init__(self, name: str, seconds: float, begin: Callable[[], None] = lambda: None):
        self.name, self.seconds, self.begin = name, (seconds, seconds), begin

    def end(self) -> None:
        """It stays as it is."""


def misplaced(installation: Installation) -> list[str]:
    """Nodes and entries of the record that are not where their homes are, and what is not counted as it is."""
    rows = database(installation).all(
        {
            "nodes": "SELECT id, home_id, root_id, workspace_id FROM nodes ORDER BY id",
            "changes": "SELECT id, node_id, root_id, workspace_id, document FROM changes ORDER BY id",
        }
    )
    places = {node["id"]: node["workspace_id"] for node in rows["nodes"]}
    found = []
    for name, roots in expected(rows).items():
        for row, root in zip(rows[name], roots, strict=True):
            if (row["root_id"], row["workspace_id"]) != (root, places.get(root, row["workspace_id"])):
                found.append(f"{name} {row['id']} has root {row['root_id']} in {row['workspace_id']}, not {root}")
    counted, there = held(database(installation)), stored(database(installation))
    return found + ([f"{counted} is counted, and {there} is there"] if counted != there else [])


@pytest.mark.parametrize("old", ["embedded", "production"], indirect=True)
def test_everybody_writes_meanwhile(old: Server, figures: list[str]) -> None:
    installation, seed = old.installation, random.SystemRandom().randrange(10**9)
    world, tally = Pair(old), Tally()
    game = Game("upgrade", world, seed, tally)

    def replace() -> None:
        installation.run("migrate")
        if isinstance(world.database, Postgres):
            # One file is for one server.
            world.running.append(installation.serve())

    def leave() -> None:
        world.running.remove(old)
        old.stop()

    game.write([Step("the previous release", 1)])
    steps = [Step("migrate and serve beside it", 5, replace), Step("both", 3)]
    if isinstance(world.database, Postgres):
        steps.append(Step("the previous one leaves", 2, leave))
    for step in steps:
        game.write([step])
        world.settle()
        game.look(last=step is steps[-1])
    figures.append(f"beside the previous release, seed {seed}: {tally.operations.total()} operations")
    assert misplaced(installation) == []
    assert " ERROR " not in installation.log.read_text()


@pytest.mark.parametrize("old", ["embedded", "production"], indirect=True)
def test_the_previous_release_does_not_start_again(old: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    old.installation.run("migrate")
    # One that was there continues.
    assert old.put("m", "1", "f", b"x").status_code == 201
    old.stop()
    monkeypatch.setenv("MODELPORT_BIN", PREVIOUS)
    for command in [("serve", *NOWHERE), ("migrate",), ("gc",), ("verify",)]:
        said = old.installation.run(*command, expect=1)
        assert "the database is newer than this build: it has the unknown migrations `0022`" in said
    monkeypatch.setenv("MODELPORT_BIN", NEW)
    server = old.installation.serve()
    assert server.get("m", "1", "f").content == b"x"
    server.stop()


def node(server: Server, model: str) -> str:
    return server.http.get(f"{API}/models/{model}").json()["id"]


def feed(caller: Caller) -> list[dict[str, Any]]:
    return caller.ask("GET", f"{API}/changes", 200, params={"limit": "10000"}).json()["items"]


@production
def test_what_is_hidden_stays_so_whatever_the_previous_release_writes(old: Server) -> None:
    for model in ["open", "secret", "mover"]:
        for version in ["1", "2"]:
            assert old.put(model, version, "f", f"{model} {version}".encode()).status_code == 201
    old.installation.run("migrate")
    accounts = Accounts.of(old.installation)
    admin = accounts.admin
    accounts.workspace("team-b")
    secret, mover = node(old, "secret"), node(old, "mover")
    admin.ask("PATCH", f"{API}/roots/{secret}", 200, json={"restricted": True})
    admin.ask("PATCH", f"{API}/roots/{mover}", 200, json={"workspace": "team-b"})
    reader, member = accounts.service("reader", "reader"), accounts.service("member", "reader", "team-b")
    insider = accounts.service("insider", "reader", root=secret)
    for model in ["open", "secret", "mover", "later"]:
        assert old.put(model, "3", "f", f"{model} 3".encode()).status_code == 201
        if model != "later":
            assert old.http.delete(f"{API}/models/{model}/versions/1").status_code == 204
        alias = old.http.put(f"{API}/models/{model}/aliases/best", json={"version": "3"})
        assert alias.status_code in (200, 201), alias.text
        changed = old.http.patch(f"{KUBEFLOW}/registered_models/{node(old, model)}", json={"description": "changed"})
        assert changed.status_code == 200, changed.text
    # Who reads the registry reads every workspace, and nothing that is restricted.
    ids = {model: node(old, model) for model in ["open", "secret", "mover", "later"]}
    assert misplaced(old.installation) == []
    models = {reader: ["later", "open"], member: ["mover"], insider: ["secret"], admin: ["later", "open", "secret"]}
    for caller, names in models.items():
        assert caller.models() == names, caller.handle
    roots = {
        str(row["id"]): str(row["root_id"])
        for row in database(old.installation).rows("SELECT id, root_id FROM changes")
    }
    everything = feed(admin) + admin.ask("GET", f"/w/team-b{API}/changes?limit=10000", 200).json()["items"]
    for caller, names in [(reader, {"open", "later", "mover"}), (member, {"mover"}), (insider, {"secret"})]:
        shown = {str(entry["id"]) for entry in feed(caller)}
        allowed = {identifier for identifier, root in roots.items() if root in {ids[name] for name in names}}
        assert shown <= allowed, caller.handle
        for entry in everything:
            status = caller.status("GET", f"{API}/nodes/{entry['nodeId']}/history")
            assert status == (200 if str(entry["id"]) in allowed else 404), (caller.handle, entry)
    assert reader.get("later", path="f").status_code == 404
    assert reader.ask("GET", f"{API}/models/later/versions/3/files/f", 200, follow_redirects=True).content == b"later 3"
    # Nobody owns what was made without accounts.
    [row] = database(old.installation).rows(f"SELECT owner_id FROM nodes WHERE id = {ids['later']}")
    assert row["owner_id"] is None
    accounts.server.stop()


@production
def test_what_the_previous_release_stores_counts_towards_a_quota(old: Server) -> None:
    assert old.put("m", "1", "before", bytes(1000)).status_code == 201
    old.installation.run("migrate")
    new = old.installation.serve()
    limit = new.http.put(f"{API}/workspaces/default/quota", json={"bytes": 3000})
    assert limit.status_code == 200, limit.text
    assert old.put("m", "1", "counted", bytes(1500)).status_code == 201
    assert new.put("m", "1", "too much", bytes(1000)).status_code == 507
    # It knows no quotas, and refuses what it cannot store as its own failure.
    refused = old.put("m", "1", "too much", bytes(1000))
    assert refused.status_code == 500, refused.text
    assert old.http.delete(f"{API}/models/m/versions/1/files/counted").status_code == 204
    assert new.put("m", "1", "fits", bytes(1000)).status_code == 201
    assert misplaced(old.installation) == []
    new.stop()
