"""Large files in parts, folders of the artifact proxy that belong to nothing, and links to the bucket."""

import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import mlflow
import pytest
from callers import Accounts
from harness import Installation, Server, eventually
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact import http_artifact_repo
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from wire import FILES, Wire

pytestmark = pytest.mark.ours

MIB = 1024 * 1024
PARTS = "/api/2.0/mlflow-artifacts/mpu"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs to which the stock client sends parts."""
    urls: list[str] = []
    lock, put = threading.Lock(), http_artifact_repo.requests.put

    def noted(url: str, **said: Any) -> Any:
        with lock:
            urls.append(url)
        return put(url, **said)

    monkeypatch.setattr(http_artifact_repo.requests, "put", noted)
    return urls


def in_parts(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "1")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(chunk))


def digest(path: Path | str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_a_large_file_goes_in_parts_by_itself(
    client: MlflowClient, wire: Wire, experiment: str, tmp_path: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server says that it takes them, and the client decides by the size."""
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(100 * MIB))
    source, block = tmp_path / "large.bin", os.urandom(MIB)
    with source.open("wb") as file:
        for at in range(120):
            file.write(at.to_bytes(4, "big") + block[4:])
    with mlflow.start_run() as active:
        mlflow.log_artifact(str(source), "weights")
        mlflow.log_text("small", "small.txt")
    assert len(sent) == 12
    assert wire.ask("HEAD", f"{FILES}/{experiment}/{active.info.run_id}/artifacts/weights/large.bin").headers[
        "content-length"
    ] == str(120 * MIB)
    local = client.download_artifacts(active.info.run_id, "weights/large.bin", str(tmp_path / "down"))
    assert digest(local) == digest(source)


@pytest.mark.parametrize(("size", "chunk"), [(100_001, 1000), (7 * MIB, 3 * MIB), (1, 10 * MIB), (0, 10)])
def test_parts_of_any_size(
    client: MlflowClient,
    experiment: str,
    tmp_path: Path,
    sent: list[str],
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    chunk: int,
) -> None:
    in_parts(monkeypatch, chunk)
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "0")
    source = tmp_path / "ä b.bin"
    source.write_bytes(os.urandom(size))
    run = client.create_run(experiment).info.run_id
    for _ in range(2):
        client.log_artifact(run, str(source), "a/folder")
    assert len(sent) == 2 * -(-size // chunk)
    # What carries the right to send is in no URL.
    assert not any("?" in url for url in sent)
    assert digest(client.download_artifacts(run, "a/folder/ä b.bin", str(tmp_path / "down"))) == digest(source)


def test_models_are_logged_in_parts(
    client: MlflowClient, experiment: str, tmp_path: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file of a folder, as a logged model is."""
    in_parts(monkeypatch, 64)
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    for name in ("notes", "data/weights"):
        (folder / name).write_bytes(os.urandom(200))
    with mlflow.start_run() as active:
        mlflow.log_artifacts(str(folder), "model")
    assert len(sent) == 8
    local = Path(client.download_artifacts(active.info.run_id, "model", str(tmp_path / "down")))
    assert all(digest(local / name) == digest(folder / name) for name in ("notes", "data/weights"))


class Upload:
    """An upload in parts without a client."""

    def __init__(self, http: httpx.Client, folder: str, name: str, parts: int, **headers: str):
        self.http, self.folder, self.name, self.headers = http, folder, name, headers
        self.made = self.ask("create", num_parts=parts).raise_for_status().json()

    def ask(self, what: str, **fields: Any) -> httpx.Response:
        said = {"path": f"/home/me/{self.name}"} | fields
        return self.http.post(f"{PARTS}/{what}/{self.folder}", json=said, headers=self.headers)

    def send(self, number: int, body: bytes, **headers: str) -> httpx.Response:
        """A part, as it is sent: without credentials."""
        [each] = [each for each in self.made["credentials"] if each["part_number"] == number]
        return httpx.put(each["url"], content=body, headers=each["headers"] | headers, trust_env=False)

    def complete(self, *parts: tuple[int, str]) -> httpx.Response:
        said = [{"part_number": number, "etag": etag, "url": "x"} for number, etag in parts]
        return self.ask("complete", upload_id=self.made["upload_id"], parts=said)

    def abort(self) -> httpx.Response:
        return self.ask("abort", upload_id=self.made["upload_id"])


@pytest.fixture
def folder(client: MlflowClient, experiment: str) -> str:
    return f"{experiment}/{client.create_run(experiment).info.run_id}/artifacts/in/parts"


def test_parts_come_in_any_order_and_again(wire: Wire, folder: str) -> None:
    upload = Upload(wire.http, folder, "f.bin", 5)
    bodies = {number: os.urandom(MIB if number < 5 else 7) for number in range(1, 6)}
    assert upload.send(2, b"not this").status_code == 200
    with ThreadPoolExecutor(5) as pool:
        answers = dict(zip(bodies, pool.map(lambda each: upload.send(*each), reversed(bodies.items())), strict=True))
    tags = {6 - number: answer.headers["etag"] for number, answer in answers.items()}
    assert tags == {number: f'"{hashlib.sha256(body).hexdigest()}"' for number, body in bodies.items()}
    assert wire.file(f"{folder}/f.bin", 404).json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    for _ in range(2):
        assert upload.complete(*tags.items()).json() == {}
    assert wire.file(f"{folder}/f.bin").content == b"".join(bodies.values())
    assert upload.send(1, b"late").status_code == 400
    # Given up by who did not hear of its end: the file stays.
    assert upload.abort().status_code == 200
    assert wire.file(f"{folder}/f.bin").status_code == 200


def test_what_is_wrong_is_said_and_spoils_nothing(wire: Wire, folder: str) -> None:
    upload = Upload(wire.http, folder, "f.bin", 2)
    one = (1, upload.send(1, b"one").headers["etag"])
    for parts, message in [
        ([one], "part `2` of 2 is not named"),
        ([one, (2, '"x"')], "part `2` of 2 has not arrived"),
        ([one, one], "named twice"),
        ([one, (3, "x")], "no part `3`"),
        ([(1, '"x"'), (2, "x")], "part `1` has the etag"),
    ]:
        answer = upload.complete(*parts)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert message in answer.json()["message"]
    for fields in [{"num_parts": 10_001}, {"num_parts": -1}, {"num_parts": "x"}, {"path": ""}, {"path": "a/"}, {"path": "../.."}]:
        assert upload.ask("create", **({"num_parts": 1} | fields)).status_code == 400, fields
    assert upload.ask("complete", parts=[]).status_code == 400
    assert upload.send(2, b"two", **{"Content-Digest": f"sha-256=:{'A' * 43}=:"}).status_code == 400
    url, headers = upload.made["credentials"][1]["url"], upload.made["credentials"][1]["headers"]
    for number in ("0", "3", "-1", "x"):
        assert httpx.put(f"{url.rpartition('/')[0]}/{number}", content=b"x", headers=headers).status_code == 400
    for secret in ({}, {name: "x" for name in headers}):
        assert httpx.put(url, content=b"x", headers=secret).status_code == 404
    elsewhere = wire.ask("POST", f"{PARTS}/complete/{folder}", 404, json={"path": "g", "upload_id": upload.made["upload_id"]})
    assert elsewhere.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    two = (2, upload.send(2, b"two").headers["etag"])
    assert upload.complete(two, one).status_code == 200
    assert wire.file(f"{folder}/f.bin").content == b"onetwo"


def test_what_is_given_up_is_gone(wire: Wire, folder: str) -> None:
    upload = Upload(wire.http, folder, "f.bin", 2)
    assert upload.send(1, b"one").status_code == 200
    assert upload.abort().json() == {}
    assert upload.send(1, b"one").status_code == 404
    assert (upload.abort().status_code, upload.complete().status_code) == (404, 404)
    wire.file(f"{folder}/f.bin", 404)


def test_a_failing_part_leaves_nothing(
    client: MlflowClient, wire: Wire, experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client gives the whole upload up when one of its parts fails."""
    in_parts(monkeypatch, 10)
    (tmp_path / "f.bin").write_bytes(os.urandom(30))
    put = http_artifact_repo.requests.put
    broken = lambda url, **said: put(f"{url}9" if url.endswith("/2") else url, **said)
    monkeypatch.setattr(http_artifact_repo.requests, "put", broken)
    run = client.create_run(experiment).info.run_id
    with pytest.raises(MlflowException, match="Failed to upload at least one part"):
        client.log_artifact(run, str(tmp_path / "f.bin"))
    assert client.list_artifacts(run) == []


def test_an_upload_goes_on_after_a_crash(installation: Installation) -> None:
    server = installation.serve()
    folder = "crash/folder"
    upload = Upload(server.http, folder, "f.bin", 3)
    bodies = {number: os.urandom(MIB) for number in (1, 2, 3)}
    tags = {number: upload.send(number, bodies[number]).headers["etag"] for number in (3, 1)}
    server.kill()
    server = installation.serve(server.port)
    upload.http = server.http
    tags[2] = upload.send(2, bodies[2]).headers["etag"]
    assert upload.complete(*tags.items()).status_code == 200
    answer = server.http.get(f"{FILES}/{folder}/f.bin")
    assert (answer.status_code, answer.content) == (200, b"".join(bodies.values()))
    # Of the parts nothing is left.
    eventually(lambda: len(installation.kept()) == 1, "only the file's object")


@pytest.fixture
def free(server: Server, unique: Callable[[str], str]) -> str:
    """A folder of the proxy that no other test has."""
    return unique("place")


def test_any_folder_of_the_proxy_has_files(client: MlflowClient, wire: Wire, free: str, tmp_path: Path) -> None:
    repository = get_artifact_repository(f"mlflow-artifacts:/{free}/deep")
    assert repository.list_artifacts() == []
    (tmp_path / "f.txt").write_text("hello")
    repository.log_artifact(str(tmp_path / "f.txt"), "a/b")
    repository.log_artifact(str(tmp_path / "f.txt"))
    assert [(each.path, each.is_dir, each.file_size) for each in repository.list_artifacts()] == [
        ("a", True, None),
        ("f.txt", False, 5),
    ]
    assert Path(repository.download_artifacts("a/b/f.txt", str(tmp_path))).read_text() == "hello"
    wire.file(f"{free}/other", 404)
    wire.file(f"other-{free}/f.txt", 404)
    repository.delete_artifacts("a")
    assert [each.path for each in repository.list_artifacts()] == ["f.txt"]
    wire.ask("DELETE", f"{FILES}/{free}", 200)
    assert repository.list_artifacts() == []
    # What belongs to an experiment is nowhere else, and what is read alone is not written.
    for path in ("12/x", "12", "versions/x/y", "file", ""):
        assert wire.put(path, b"x", 400).json()["error_code"] == "INVALID_PARAMETER_VALUE", path


def test_experiments_have_their_own_places(client: MlflowClient, free: str, unique: Callable[[str], str], tmp_path: Path) -> None:
    location = f"mlflow-artifacts:/{free}/place"
    experiment = client.create_experiment(unique("e"), artifact_location=location)
    assert client.get_experiment(experiment).artifact_location == location
    run = client.create_run(experiment)
    assert run.info.artifact_uri == f"{location}/{run.info.run_id}/artifacts"
    client.log_text(run.info.run_id, "hello", "notes/n.txt")
    assert [each.path for each in client.list_artifacts(run.info.run_id, "notes")] == ["notes/n.txt"]
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/n.txt") == "hello"
    assert mlflow.artifacts.load_text(f"{location}/{run.info.run_id}/artifacts/notes/n.txt") == "hello"
    # Beside the runs.
    get_artifact_repository(location).log_artifact(str(written(tmp_path, "beside")), "shared")
    assert mlflow.artifacts.load_text(f"{location}/shared/beside") == "beside"
    foreign = client.create_experiment(unique("foreign"), artifact_location="s3://bucket/some/where")
    assert client.get_experiment(foreign).artifact_location == "s3://bucket/some/where"
    run = client.create_run(foreign)
    assert run.info.artifact_uri == f"s3://bucket/some/where/{run.info.run_id}/artifacts"


def written(folder: Path, name: str) -> Path:
    (folder / name).write_text(name)
    return folder / name


def test_a_version_keeps_what_it_was_made_of_in_a_folder(client: MlflowClient, wire: Wire, free: str, name: str) -> None:
    wire.put(f"{free}/model/notes.txt", b"first")
    client.create_registered_model(name)
    made = client.create_model_version(name, f"mlflow-artifacts:/{free}/model")
    wire.put(f"{free}/model/notes.txt", b"second")
    place = client.get_model_version_download_uri(name, made.version)
    assert mlflow.artifacts.load_text(f"{place}/notes.txt") == "first"


@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
class TestWithAccounts:
    def test_parts_are_sent_by_whoever_has_the_secret(self, accounts: Accounts) -> None:
        writer, other, reader = (accounts.service(name, role) for name, role in [("w", "writer"), ("o", "writer"), ("r", "reader")])
        bearer = lambda who: {"Authorization": f"Bearer {who.token}"}
        http = accounts.server.http
        for who, status in [(reader, 403), (accounts.anonymous(), 401)]:
            said = bearer(who) if who is reader else {}
            asked = http.post(f"{PARTS}/create/team/place", json={"path": "f", "num_parts": 1}, headers=said)
            assert asked.status_code == status
        upload = Upload(http, "team/place", "f", 1, **bearer(writer))
        part = (1, upload.send(1, b"bytes").headers["etag"])
        # It is the upload of whoever began it.
        for who in (other, reader):
            upload.headers = bearer(who)
            assert (upload.complete(part).status_code, upload.abort().status_code) == (404, 404)
        upload.headers = bearer(writer)
        assert upload.complete(part).status_code == 200
        read = lambda who: http.get(f"{FILES}/team/place/f", headers=bearer(who)).status_code
        assert [read(who) for who in (writer, other, reader)] == [200, 200, 200]
        put = lambda who: http.put(f"{FILES}/team/place/g", content=b"x", headers=bearer(who)).status_code
        assert [put(who) for who in (writer, other, reader)] == [200, 200, 403]
        assert accounts.server.http.get(f"{FILES}/team/place/f").status_code == 401
        # What somebody began ends with their account, and with their token.
        begun = Upload(http, "team/place", "h", 1, **bearer(writer))
        assert begun.send(1, b"x").status_code == 200
        accounts.admin.ask("PATCH", "/api/v1/principals/w", 200, json={"disabled": True})
        assert http.get(f"{FILES}/team/place/f", headers=bearer(writer)).status_code == 401
        assert begun.send(1, b"x").status_code == 403
        log = accounts.server.installation.log.read_text()
        assert upload.made["credentials"][0]["headers"].popitem()[1] not in log

    def test_folders_are_of_their_workspace(self, accounts: Accounts) -> None:
        accounts.workspace("a")
        accounts.workspace("b")
        one, two = (accounts.service(f"in-{at}", "writer", at) for at in ("a", "b"))
        http = accounts.server.http
        bearer = lambda who: {"Authorization": f"Bearer {who.token}"}
        for who in (one, two):
            answer = http.put(f"{FILES}/shared/f", content=who.handle.encode(), headers=bearer(who))
            assert answer.status_code == 200, answer.text
        assert [http.get(f"{FILES}/shared/f", headers=bearer(who)).text for who in (one, two)] == ["in-a", "in-b"]


def test_large_files_are_read_from_the_bucket(installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the server gives links, the client reads ranges by them at once; otherwise all comes through the server."""
    installation.settings["MODELPORT__ARTIFACTS__REDIRECT_SECONDS"] = "60"
    server = installation.serve()
    is_bucket = not installation.store.url.startswith("file:")
    info = server.http.get("/api/3.0/mlflow/server-info").json()
    assert (info["multipart_uploads_enabled"], info["multipart_downloads_enabled"]) == (True, is_bucket)
    body = os.urandom(3 * MIB)
    assert server.http.put(f"{FILES}/place/f.bin", content=body).status_code == 200
    answer = server.http.get("/api/2.0/mlflow-artifacts/presigned/place/f.bin")
    if is_bucket:
        said = answer.json()
        assert (said["file_size"], said["headers"]) == (len(body), {})
        part = httpx.get(said["url"], headers={"Range": "bytes=5-9"}, trust_env=False)
        assert (part.status_code, part.content) == (206, body[5:10])
    else:
        assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert server.http.get("/api/2.0/mlflow-artifacts/presigned/place/none").status_code == 404
    mlflow.set_tracking_uri(server.url)
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", str(MIB))
    read: list[Any] = []
    chunk = http_artifact_repo.download_chunk
    monkeypatch.setattr(http_artifact_repo, "download_chunk", lambda **said: (read.append(said), chunk(**said)))
    for said in (None, "true"):
        if said:
            monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", said)
        local = get_artifact_repository("mlflow-artifacts:/place").download_artifacts("f.bin", str(tmp_path))
        assert Path(local).read_bytes() == body
    assert len(read) == (6 if is_bucket else 0)
