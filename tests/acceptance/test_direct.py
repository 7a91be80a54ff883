"""Uploads whose bytes go from the client to the bucket, by links that the server gives."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness import PATIENCE, Installation, Server, Services, eventually

MIB = 2**20


@pytest.fixture
def bucket(tmp_path: Path, services: Services) -> Iterator[Installation]:
    """PostgreSQL with MinIO, whose clients may send to it."""
    with Installation.production(tmp_path, services) as installation:
        installation.run("migrate")
        installation.settings["MODELPORT__ARTIFACTS__DIRECT_UPLOAD_SECONDS"] = "600"
        yield installation
        # Shown when the test fails.
        installation.show_log()


def asked(data: bytes, **others) -> dict:
    digest = hashlib.sha256(data).hexdigest()
    return {"model": "m", "version": "1", "path": "weights.bin", "size": len(data), "sha256": digest, **others}


def begin(server: Server, data: bytes, **others) -> dict:
    answer = server.http.post("/api/v1/direct-uploads", json=asked(data, **others))
    assert answer.status_code == 201, answer.text
    return answer.json()


def send(part: dict, data: bytes) -> int:
    piece = data[part["offset"] : part["offset"] + part["size"]]
    return httpx.put(part["url"], headers=part["headers"], content=piece, timeout=PATIENCE, trust_env=False).status_code


def complete(server: Server, upload: dict) -> httpx.Response:
    return server.http.post(f"/api/v1/direct-uploads/{upload['id']}/complete")


def received(server: Server) -> float:
    lines = server.http.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("modelport_http_bytes_received_total"))


@pytest.mark.parametrize("size, parts", [(1, 1), (3 * MIB, 1), (23 * MIB + 7, 5)])
def test_the_bytes_never_pass_the_server(bucket: Installation, size: int, parts: int) -> None:
    data, server = os.urandom(size), bucket.serve()
    upload = begin(server, data, partSize=5 * MIB, mediaType="application/x-weights")
    assert (upload["partCount"], len(upload["parts"]), upload["finished"]) == (parts, parts, False)
    assert [send(part, data) for part in upload["parts"]] == [200] * parts
    done = complete(server, upload)
    assert done.status_code == 200 and done.json()["finished"], done.text
    stored = server.get("m", "1", "weights.bin")
    assert stored.content == data and stored.headers["content-type"] == "application/x-weights"
    assert received(server) < 10_000
    assert complete(server, upload).status_code == 200
    # Whoever still has the links can change nothing by them.
    for part in upload["parts"]:
        send(part, data)
        assert send(part, bytes(len(data))) >= 400
    assert server.get("m", "1", "weights.bin").content == data
    server.stop()


def test_what_does_not_arrive_as_announced_is_no_file(bucket: Installation) -> None:
    unfinished = bucket.store.unfinished()
    data, server = os.urandom(11 * MIB), bucket.serve()
    other = os.urandom(len(data))
    whole, cut = begin(server, data, partSize=20 * MIB), begin(server, data, partSize=5 * MIB, path="cut")
    assert send(whole["parts"][0], other) == 400
    shorter = httpx.put(whole["parts"][0]["url"], content=data[:-1], trust_env=False)
    assert shorter.status_code >= 400
    missing = complete(server, whole)
    assert (missing.status_code, missing.json()["field"]) == (409, "parts")
    # A part that lacks, then one with other bytes.
    assert [send(part, data) for part in cut["parts"][:2]] == [200, 200]
    missing = complete(server, cut)
    assert missing.status_code == 409 and "part `3`" in missing.json()["detail"]
    again = server.http.get(f"/api/v1/direct-uploads/{cut['id']}", params={"after": 2}).json()
    assert [part["number"] for part in again["parts"]] == [3]
    assert send(again["parts"][0], other) == 200
    wrong = complete(server, cut)
    assert (wrong.status_code, wrong.json()["field"]) == (400, "sha256")
    assert complete(server, cut).status_code == 404
    assert server.http.delete(f"/api/v1/direct-uploads/{whole['id']}").status_code == 204
    assert server.kubeflow("GET", "registered_models").json()["items"] == []
    assert bucket.kept() <= unfinished
    server.stop()


def test_what_is_given_up_expires(bucket: Installation) -> None:
    bucket.settings["MODELPORT__ARTIFACTS__UPLOAD_EXPIRY_SECONDS"] = "1"
    unfinished = bucket.store.unfinished()
    data, server = os.urandom(11 * MIB), bucket.serve()
    upload = begin(server, data, partSize=5 * MIB)
    assert send(upload["parts"][0], data) == 200
    url = f"/api/v1/direct-uploads/{upload['id']}"
    eventually(lambda: complete(server, upload).status_code == 410, "expiry")
    assert server.http.get(url).status_code == 410
    assert not bucket.kept() <= unfinished
    bucket.collect()
    assert bucket.kept() <= unfinished
    assert server.http.get(url).status_code == 404
    server.stop()


def test_a_file_is_refused_by_policy_and_found_again_after_a_kill(bucket: Installation) -> None:
    unfinished = bucket.store.unfinished()
    bucket.settings["MODELPORT__POLICY__DANGER"] = "refuse"
    server = bucket.serve()
    evil = b"cos\nsystem\n(S'true'\ntR."
    upload = begin(server, evil, path="model.pkl")
    assert send(upload["parts"][0], evil) == 200
    refused = complete(server, upload)
    assert (refused.status_code, refused.json()["field"]) == (400, "policy")
    assert bucket.kept() <= unfinished
    data = os.urandom(40 * MIB)
    upload = begin(server, data, partSize=8 * MIB)
    assert all(send(part, data) == 200 for part in upload["parts"])
    server.kill()
    server = bucket.serve()
    assert complete(server, upload).status_code == 200
    assert server.get("m", "1", "weights.bin").content == data
    server.stop()


def test_requests_that_make_no_sense_are_refused(bucket: Installation) -> None:
    server = bucket.serve()
    for field, value in [
        ("model", ""),
        ("model", "a\0b"),
        ("version", "latest"),
        ("path", "../x"),
        ("sha256", "AB"),
        ("size", 0),
        ("size", 2**63),
        ("mediaType", "a\nb"),
    ]:
        answer = server.http.post("/api/v1/direct-uploads", json=asked(b"x") | {field: value})
        assert answer.status_code in (400, 404, 413), (field, value, answer.text)
        assert answer.json().get("field") in (field, "model"), answer.text
    assert server.http.post("/api/v1/direct-uploads", json=asked(b"x") | {"size": "1"}).status_code == 400
    tus = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    upload = begin(server, b"x")
    assert server.http.patch(f"/api/v1/uploads/{upload['id']}", headers=tus, content=b"x").status_code == 409
    server.stop()
