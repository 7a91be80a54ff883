"""Files of runs, through the artifact proxy."""

import hashlib
import os
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts, list_artifacts, load_dict, load_text
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from wire import Wire

MIB = 1024 * 1024
ODD_PATHS = ["Ünï/Äpfel 🍎.txt", "a b+c&d=e.txt", "100%_sure.txt", "it's (1) [2].txt", ".hidden/..x", "-/=@!$,;.txt"]


def listed(client: MlflowClient, run_id: str, path: str | None = None) -> dict[str, int | None]:
    """The files of a folder with their sizes, and its folders without."""
    found = client.list_artifacts(run_id, path)
    assert all(each.is_dir == (each.file_size is None) for each in found)
    return {each.path: each.file_size for each in found}


def test_what_was_logged_comes_back(client: MlflowClient, experiment: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep/er").mkdir(parents=True)
    (folder / "top.txt").write_text("top")
    (folder / "deep/er/leaf.bin").write_bytes(bytes(range(256)))
    with mlflow.start_run() as active:
        mlflow.log_text("hello, Ünï", "notes/hello.txt")
        mlflow.log_dict({"a": [1, None, "ä"]}, "notes/values.json")
        mlflow.log_dict({"a": 1}, "values.yaml")
        mlflow.log_artifact(str(folder / "top.txt"))
        mlflow.log_artifact(str(folder / "top.txt"), "copies/one")
        mlflow.log_artifacts(str(folder), "folder")
        mlflow.log_artifact(str(folder / "deep"), "again")
    run_id, root = active.info.run_id, active.info.artifact_uri
    assert listed(client, run_id) == {
        "again": None,
        "copies": None,
        "folder": None,
        "notes": None,
        "top.txt": 3,
        "values.yaml": 5,
    }
    assert listed(client, run_id, "folder") == {"folder/deep": None, "folder/top.txt": 3}
    assert listed(client, run_id, "again/deep/er") == {"again/deep/er/leaf.bin": 256}
    # A file is no folder, and neither is what is not there.
    assert listed(client, run_id, "top.txt") == listed(client, run_id, "nowhere") == {}
    assert load_text(f"{root}/notes/hello.txt") == "hello, Ünï"
    assert load_dict(f"runs:/{run_id}/notes/values.json") == {"a": [1, None, "ä"]}
    assert [each.path for each in list_artifacts(run_id=run_id, artifact_path="copies")] == ["copies/one"]
    local = Path(client.download_artifacts(run_id, "", str(tmp_path)))
    assert (local / "folder/deep/er/leaf.bin").read_bytes() == bytes(range(256))
    assert (local / "copies/one/top.txt").read_text() == "top"
    alone = download_artifacts(artifact_uri=f"{root}/folder", dst_path=str(tmp_path / "alone"))
    assert sorted(each.name for each in Path(alone).rglob("*") if each.is_file()) == ["leaf.bin", "top.txt"]
    with pytest.raises((MlflowException, OSError)):
        client.download_artifacts(run_id, "nowhere", str(tmp_path))


def test_a_file_is_replaced_and_removed(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment)
    for text in ("first", "second, and longer", ""):
        client.log_text(run.info.run_id, text, "notes/n.txt")
        assert load_text(f"{run.info.artifact_uri}/notes/n.txt") == text
    client.log_text(run.info.run_id, "stays", "notes/m.txt")
    repository = get_artifact_repository(run.info.artifact_uri)
    repository.delete_artifacts("notes/n.txt")
    assert listed(client, run.info.run_id, "notes") == {"notes/m.txt": 5}
    repository.delete_artifacts("notes")
    assert listed(client, run.info.run_id, "notes") == {}


@pytest.mark.ours
def test_an_empty_file_has_a_size(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment)
    client.log_text(run.info.run_id, "", "empty.txt")
    assert listed(client, run.info.run_id) == {"empty.txt": 0}


def test_odd_paths_are_paths(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment)
    for path in ODD_PATHS:
        client.log_text(run.info.run_id, path, path)
    for path in ODD_PATHS:
        folder, _, name = path.rpartition("/")
        assert listed(client, run.info.run_id, folder or None)[path] == len(path.encode()), name
        assert load_text(f"{run.info.artifact_uri}/{path}") == path
    # What is found by one name is found by no other.
    assert len(listed(client, run.info.run_id)) == len({path.split("/")[0] for path in ODD_PATHS})


def test_a_large_file_is_streamed(client: MlflowClient, experiment: str, tmp_path: Path) -> None:
    source = tmp_path / "large.bin"
    block = os.urandom(MIB)
    with source.open("wb") as file:
        for at in range(120):
            file.write(at.to_bytes(4, "big") + block[4:])
    with mlflow.start_run() as active:
        mlflow.log_artifact(str(source), "weights")
    assert listed(client, active.info.run_id, "weights") == {"weights/large.bin": 120 * MIB}
    local = client.download_artifacts(active.info.run_id, "weights/large.bin", str(tmp_path / "down"))
    with open(local, "rb") as down, source.open("rb") as up:
        assert hashlib.file_digest(down, "sha256").digest() == hashlib.file_digest(up, "sha256").digest()


def test_files_of_a_deleted_run_are_kept(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment)
    client.log_text(run.info.run_id, "kept", "n.txt")
    client.delete_run(run.info.run_id)
    assert listed(client, run.info.run_id) == {"n.txt": 4}
    assert load_text(f"{run.info.artifact_uri}/n.txt") == "kept"


def test_a_browser_gets_a_file_as_an_attachment(client: MlflowClient, wire: Wire, experiment: str) -> None:
    run = client.create_run(experiment)
    for path, kind in [
        ("page.html", "text/html"),
        ("notes.md", "text/plain"),
        ("sub/code.py", "text/plain"),
        ("x.yaml", "text/plain"),
    ]:
        client.log_text(run.info.run_id, "<script>", path)
        answer = wire.ask("GET", "/get-artifact", params={"run_id": run.info.run_id, "path": path})
        assert answer.text == "<script>"
        assert answer.headers["content-type"].startswith(kind), path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"].startswith("attachment")
    wire.ask("GET", "/get-artifact", 404, params={"run_id": run.info.run_id, "path": "nowhere"})


@pytest.mark.ours
def test_parts_of_a_file_can_be_asked_for(client: MlflowClient, wire: Wire, experiment: str) -> None:
    run = client.create_run(experiment)
    content = bytes(range(256))
    path = f"{experiment}/{run.info.run_id}/artifacts/some/weights.bin"
    wire.put(path, content, headers={"Content-Type": "application/octet-stream"})
    whole = wire.file(path)
    assert whole.content == content and whole.headers["content-length"] == "256"
    tag = whole.headers["etag"]
    assert wire.file(path, 304, headers={"If-None-Match": tag}).content == b""
    part = wire.file(path, 206, headers={"Range": "bytes=10-19"})
    assert (part.content, part.headers["content-range"]) == (content[10:20], "bytes 10-19/256")
    rest = wire.file(path, 206, headers={"Range": "bytes=250-", "If-Range": tag})
    assert rest.content == content[250:]
    wire.file(path, 416, headers={"Range": "bytes=256-"})


def test_the_root_of_a_run_is_listed(client: MlflowClient, wire: Wire, experiment: str) -> None:
    run = client.create_run(experiment)
    client.log_text(run.info.run_id, "text", "a/b/c.txt")
    listing = wire.get("artifacts/list", run_id=run.info.run_id)
    assert listing["root_uri"] == run.info.artifact_uri
    [folder] = listing["files"]
    assert (folder["path"], folder["is_dir"], folder.get("file_size")) == ("a", True, None)
    [file] = wire.get("artifacts/list", run_id=run.info.run_id, path="a/b")["files"]
    assert (file["path"], file["is_dir"], int(file["file_size"])) == ("a/b/c.txt", False, 4)
    # The proxy says base names.
    assert [each["path"] for each in wire.listing(f"{experiment}/{run.info.run_id}/artifacts/a/b")] == ["c.txt"]
