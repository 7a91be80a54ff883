"""Bytes that the store has lost, and stores that are not the database's."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from harness import STORE_ID, Installation, LocalStore, S3Store, Server, eventually


def test_a_put_of_known_bytes_repairs_an_object_that_is_lost(server: Server, installation: Installation) -> None:
    data = os.urandom(100_000)
    assert server.put("m", "1", "a", data).status_code == 201
    for path, status in (("a", 200), ("b", 201)):
        [name] = installation.kept()
        installation.store.lose(name)
        assert server.put("m", "1", path, data).status_code == status
        assert server.get("m", "1", "a").content == data
        assert server.get("m", "1", path).content == data
    assert len(installation.kept()) == 1


def test_a_get_that_finds_nothing_says_so_once_for_all(server: Server, installation: Installation) -> None:
    data = os.urandom(100_000)
    for version in ("1", "2"):
        assert server.put("m", version, "a", data).status_code in (200, 201)
    [name] = installation.kept()
    installation.store.lose(name)
    assert server.get("m", "1", "a").status_code == 500
    # What was found is kept: no store is asked for it again.
    listed = installation.run("verify", expect=1)
    assert "missing" in listed and "a" in listed
    assert server.put("m", "2", "a", data).status_code == 200
    assert server.get("m", "1", "a").content == data
    installation.run("verify")


def test_an_object_that_has_shrunk_is_not_served(server: Server, installation: Installation) -> None:
    data = os.urandom(100_000)
    assert server.put("m", "1", "a", data).status_code == 201
    [name] = installation.kept()
    if isinstance(installation.store, LocalStore):
        (installation.store.folder / name).write_bytes(data[:50_000])
    else:
        installation.store.client.put_object(Bucket=installation.store.bucket, Key=name, Body=data[:50_000])
    assert server.get("m", "1", "a").status_code == 500
    assert server.get("m", "1", "a", headers={"Range": "bytes=90000-90009"}).status_code == 500
    assert server.put("m", "1", "a", data).status_code == 200
    assert server.get("m", "1", "a").content == data


def elsewhere(installation: Installation, folder: Path) -> str:
    """The URL of a store of the same kind that is another one."""
    if isinstance(installation.store, LocalStore):
        return f"file://{folder}/elsewhere"
    url = urlsplit(installation.store.url)
    return urlunsplit(url._replace(path="/another/prefix"))


def give_id(installation: Installation, folder: Path) -> None:
    if isinstance(installation.store, LocalStore):
        shutil.copy(installation.store.folder / STORE_ID, folder / "elsewhere" / STORE_ID)
        return
    store: S3Store = installation.store
    source = {"Bucket": store.bucket, "Key": f"some/prefix/{STORE_ID}"}
    store.client.copy_object(Bucket=store.bucket, Key=f"another/prefix/{STORE_ID}", CopySource=source)


@pytest.fixture
def other(installation: Installation, tmp_path: Path) -> list[str]:
    return ["--artifact-store", elsewhere(installation, tmp_path)]


def test_a_replica_with_another_store_is_not_ready(
    server: Server, installation: Installation, tmp_path: Path, other: list[str]
) -> None:
    assert server.put("m", "1", "a", b"bytes").status_code == 201
    places = installation.places
    installation.places = [*places[:-2], *other]
    replica = Server(installation)
    installation.servers.append(replica)
    try:
        wait(replica)
        answer = replica.http.get("/health/ready")
        assert answer.status_code == 503 and STORE_ID in answer.json()["objectStore"], answer.text
        assert replica.http.get("/health/live").status_code == 200
        refused = replica.put("m", "1", "b", b"other bytes")
        assert refused.status_code == 503, refused.text
        assert replica.get("m", "1", "a").status_code in (500, 503)
        for command in ("gc", "verify", "rescan"):
            assert STORE_ID in installation.run(command, expect=1)
        give_id(installation, tmp_path)
        assert replica.http.get("/health/ready").status_code == 200
        assert replica.put("m", "1", "b", b"other bytes").status_code == 201
    finally:
        installation.places = places
    # Nobody took what the other store lacks for lost.
    assert server.ready() == 200 and server.get("m", "1", "a").content == b"bytes"


def wait(replica: Server) -> None:
    eventually(lambda: replica.exited() or replica.ready() != 0, "an answer")
    assert not replica.exited(), replica.installation.log.read_text()


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_a_store_that_is_not_mounted_any_more_is_noticed(server: Server, installation: Installation) -> None:
    folder = installation.store.folder
    folder.rename(f"{folder}.away")
    folder.mkdir()
    answer = server.http.get("/health/ready")
    assert answer.status_code == 503 and STORE_ID in answer.json()["objectStore"], answer.text
    assert server.put("m", "1", "a", b"bytes").status_code == 503
    folder.rmdir()
    Path(f"{folder}.away").rename(folder)
    assert server.ready() == 200
    assert server.put("m", "1", "a", b"bytes").status_code == 201
