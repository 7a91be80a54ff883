"""Disks that are full: what cannot be kept is refused in plain words, and nothing else suffers."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness import Installation, Server
from torture.disk import MIB, Disk, small_disk

MODELS = "/api/model_registry/v1alpha3/registered_models"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", 24) as disk:
        yield disk


@pytest.fixture(params=["artifacts", "modelport.db", "both"])
def installation(request: pytest.FixtureRequest, tmp_path: Path, disk: Disk) -> Iterator[Installation]:
    """One whose bytes, whose tables, or both lie on the small disk."""
    with Installation.embedded(tmp_path) as installation:
        small = {name: request.param in (name, "both") for name in ("artifacts", "modelport.db")}
        paths = {name: (disk.inside if is_small else tmp_path) / name for name, is_small in small.items()}
        places = ["--database-url", f"sqlite://{paths['modelport.db']}", "--artifact-store", f"file://{paths['artifacts']}"]
        installation.places = ["--data-dir", tmp_path, *places]
        installation.enter = disk.enter
        installation.store.folder = (disk.folder if small["artifacts"] else tmp_path) / "artifacts"
        yield installation
        installation.show_log()


def refused(answer: httpx.Response) -> None:
    """Says that trying again later may help, and why it is not now."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0


def exhaust(server: Server, disk: Disk) -> int:
    """Writes until nothing more goes; how many models were acknowledged."""
    disk.fill()
    for number in range(10_000):
        answer = server.http.post(MODELS, json={"name": f"{number}", "description": "x" * 1000})
        if answer.status_code != 201:
            refused(answer)
            return number
    raise AssertionError("the disk is never full")


def test_a_full_disk_is_said_and_survived(installation: Installation, disk: Disk, request: pytest.FixtureRequest) -> None:
    server = installation.serve()
    assert server.put("m", "1", "before", b"bytes").status_code == 201
    before, models = installation.kept(), 0
    for size in (1, MIB, 30 * MIB):
        disk.fill()
        if "artifacts" not in request.node.name:
            models = max(models, exhaust(server, disk))
        for headers in ({}, {"Transfer-Encoding": "chunked"}):
            body = iter([os.urandom(size)]) if headers else os.urandom(size)
            refused(server.put("m", "1", f"during-{size}", body))
        # What is there is served, and nothing half is.
        assert server.get("m", "1", "before").content == b"bytes"
        assert server.get("m", "1", f"during-{size}").status_code == 404
        assert list(server.files("m", "1")) == ["before"]
        assert server.http.get(MODELS).status_code == 200
        # Whoever only reads is to be sent here.
        assert server.ready() == 200
        disk.empty()
        assert installation.kept() == before
        assert server.put("m", "1", f"after-{size}", os.urandom(100)).status_code == 201
        assert server.http.delete(f"/api/v1/models/m/versions/1/files/after-{size}").status_code == 204
        installation.collect()
    assert installation.kept() == before
    for number in range(models):
        assert server.kubeflow("GET", "registered_model", params={"name": f"{number}"}).status_code == 200
    server.stop()


def test_a_kill_on_a_full_disk_loses_nothing(installation: Installation, disk: Disk) -> None:
    server = installation.serve()
    assert server.put("m", "1", "before", b"bytes").status_code == 201
    disk.fill()
    server.put("m", "1", "during", os.urandom(3 * MIB))
    server.kill()
    disk.empty()
    server = installation.serve()
    assert server.get("m", "1", "before").content == b"bytes"
    assert server.put("m", "1", "during", b"again").status_code in (201, 409)
    installation.collect()
    assert len(installation.kept()) == 2
    server.stop()
