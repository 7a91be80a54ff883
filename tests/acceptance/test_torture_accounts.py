"""What looks for broken promises under torture finds each kind of them that accounts bring along."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness import Installation
from torture import accounts, kubeflow
from torture.accounts import Accounts, peek
from torture.database import Postgres, Sqlite
from torture.ledger import Broken
from torture.readers import Reader, lost, recorded
from torture.resumable import resumable
from torture.rights import SEEN_AFTER, Right
from torture.writer import Writer


class Scene:
    """A writer and readers with their roles, of which everybody knows."""

    def __init__(self, installation: Installation):
        installation.settings |= accounts.SETTINGS
        installation.credential = accounts.CREDENTIAL
        url = installation.places[3]
        self.database = Postgres(url) if url.startswith("postgres") else Sqlite(Path(url.removeprefix("sqlite://")))
        self.server = installation.serve()
        self.writer = Writer("w", 1, lambda: [self.server])
        self.accounts = Accounts(self.server, [self.writer], 1, lambda: [self.server])
        self.people = {person.handle: person for person in self.accounts.grantor.people}
        self.reader = self.accounts.readers[0]
        time.sleep(SEEN_AFTER)

    def broken(self) -> list[str]:
        return self.accounts.broken(self.server, self.database)

    def take(self, handle: str) -> None:
        """Takes a role away behind the back of whoever keeps account."""
        self.accounts.ask("DELETE", f"/bindings/{self.people[handle].binding}")

    def read(self) -> Reader:
        with httpx.Client(base_url=self.server.url, **self.reader.options) as client:
            for how in (self.reader.whole, self.reader.range, self.reader.archive):
                how(client)
        return self.reader


@pytest.fixture
def scene(installation: Installation) -> Iterator[Scene]:
    scene = Scene(installation)
    yield scene
    scene.server.stop()


def test_a_right_is_sure_but_while_it_is_changed() -> None:
    right, begin = Right(True), time.monotonic()
    assert right.surely(begin, begin + 1) is True
    right.change()
    changed = time.monotonic()
    right.settle(False)
    settled = time.monotonic() + SEEN_AFTER
    assert right.surely(begin, begin) is True
    # What was asked for before the change, or before everybody has seen it.
    assert right.surely(begin, changed + 0.1) is None and right.surely(changed, settled + 1) is None
    assert right.surely(settled, settled + 1) is False
    # It is changed again before everybody has seen the change before.
    right.change()
    assert right.surely(settled, settled + 1) is None


@pytest.mark.parametrize("operation", [kubeflow.create_model, resumable])
def test_each_broken_right_of_a_writer_is_named(scene: Scene, operation) -> None:
    operation(scene.writer)
    peek(scene.writer)
    scene.writer.right = Right(False)
    with pytest.raises(Broken, match="was allowed what they may not do"):
        operation(scene.writer)
    # What is in doubt is neither.
    scene.writer.right.change()
    operation(scene.writer)
    scene.take("w")
    refused = scene.writer.ledger.outcomes["refused"]
    operation(scene.writer)
    assert scene.writer.ledger.outcomes["refused"] == refused + 1
    scene.writer.right = Right(True)
    with pytest.raises(Broken, match="was refused what they may do"):
        operation(scene.writer)
    scene.accounts.ask("POST", "/bindings", json=accounts.Person("w", "viewer", scene.people["r0"].scope, Right()).body())
    with pytest.raises(Broken, match="looked at .*hidden"):
        peek(scene.writer)


def test_each_broken_right_of_a_reader_is_named(scene: Scene) -> None:
    assert scene.read().wrong == [] and scene.reader.came.total() >= 4
    scene.reader.right = Right(False)
    assert sum("which was hidden" in line for line in scene.read().wrong) == 3
    scene.take("r0")
    scene.reader.right, scene.reader.wrong = Right(True), []
    assert sum("was answered 404" in line for line in scene.read().wrong) == 3
    scene.reader.right, scene.reader.wrong = Right(False), []
    assert scene.read().wrong == [] and scene.reader.refused == 3


def test_reads_and_roles_that_lack_are_named(scene: Scene) -> None:
    scene.read()
    assert scene.broken() == []
    read = next(iter(scene.reader.came))
    scene.reader.came[read] += 1
    scene.reader.asked[read] += 1
    assert [f"bytes of {read} came" in line for line in lost([scene.reader], recorded(scene.database))] == [True]
    scene.reader.came[read] -= 1
    # One that nobody asked for.
    scene.reader.asked[read] -= 2
    assert [f"bytes of {read} came" in line for line in scene.broken()] == [True]
    scene.reader.asked[read] += 1
    scene.take("r1")
    assert any("r1" in line and line.endswith("has []") for line in scene.broken())
    assert any(line.startswith("binding.delete: 0 of 0") for line in scene.broken())
    scene.accounts.grantor.acknowledged["binding.create"] += 1
    assert any(line.startswith("binding.create:") for line in scene.broken())
