"""Resumable uploads by the stock tus clients, which are interrupted, as the server is."""

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness import PATIENCE, ROOT, Installation, Server, eventually

MIB = 2**20
# The long form is for `make long`.
LONG = "MODELPORT_TEST_LONG" in os.environ
SIZE = (2048 if LONG else 64) * MIB + 12_345
INTERRUPTIONS = 10 if LONG else 3
# The limit is that of the release build, which the long form runs on; a debug build takes 120 MiB before it does anything.
MEMORY = (100 if LONG else 200) * MIB
CLIENTS = ROOT / "tests/acceptance/tus"
TUS = {"Tus-Resumable": "1.0.0"}


def tuspy() -> tuple[list, dict[str, str]]:
    return [sys.executable, CLIENTS / "upload.py"], {}


def tus_js_client() -> tuple[list, dict[str, str]]:
    modules = subprocess.check_output([ROOT / "scripts/tools", "tus-js-client"], text=True).strip()
    return ["node", CLIENTS / "upload.cjs"], {"NODE_PATH": modules}


class Client:
    """A stock client in a process of its own, which can be cut off at any moment."""

    def __init__(self, program, server: Server, url: str | None, path: Path, chunk: int, metadata: dict[str, str]):
        command, variables = program
        endpoint = f"{server.url}/api/v1/uploads"
        arguments = [endpoint, url or "-", path, str(chunk), json.dumps(metadata)]
        environment = {**os.environ, **variables, "NO_PROXY": "*"}
        self.process = subprocess.Popen([*command, *arguments], env=environment, stdout=subprocess.PIPE, text=True)
        self.url = url
        self.done = False

    def until(self, offset: int) -> int:
        """Waits until the client has sent so much, or has ended. How much it has sent."""
        sent = 0
        for line in self.process.stdout:
            word, _, value = line.strip().partition(" ")
            if word == "url":
                self.url = value
            elif word == "sent" and (sent := int(value)) >= offset:
                break
            elif word == "done":
                self.done = True
        return sent

    def cut_off(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A file, and its digest."""
    path, digest = tmp_path_factory.mktemp("large") / "large", hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, SIZE, MIB):
            block = os.urandom(min(MIB, SIZE - start))
            digest.update(block)
            file.write(block)
    yield path, digest.hexdigest()
    path.unlink()


@pytest.mark.parametrize("program, chunk", [(tuspy, 5 * MIB + 7), (tus_js_client, 40 * MIB + 1)], ids=["py", "js"])
def test_an_upload_survives_client_and_server(
    installation: Installation, large: tuple[Path, str], program, chunk: int, figures: list[str]
) -> None:
    path, digest = large
    metadata = {"model": "m", "version": "1", "path": "weights.bin", "sha256": digest}
    program, unfinished, peak = program(), installation.store.unfinished(), 0
    server = installation.serve()
    client = Client(program, server, None, path, chunk, metadata)
    # The moments of the faults.
    for number, moment in enumerate(sorted(random.sample(range(MIB, SIZE - MIB), INTERRUPTIONS))):
        if client.url is None:
            client.until(1)
        client.until(moment)
        peak = max(peak, server.memory("VmHWM"))
        if number % 2:
            client.cut_off()
            client = Client(program, server, client.url, path, chunk, metadata)
        else:
            # The client continues by itself once the server is there again.
            server.kill()
            server = installation.serve(server.port)
    client.until(SIZE + 1)
    assert client.process.wait(PATIENCE) == 0 and client.done
    peak = max(peak, server.memory("VmHWM"))
    assert server.files("m", "1") == {"weights.bin": digest}
    stored = hashlib.sha256()
    with server.http.stream("GET", "/api/v1/models/m/versions/1/files/weights.bin") as answer:
        for block in answer.iter_bytes():
            stored.update(block)
    assert stored.hexdigest() == digest
    state = server.http.get(client.url).json()
    assert (state["finished"], state["offset"], state["sha256"]) == (True, SIZE, digest)
    figures.append(f"{program[0][1].name}, {SIZE / MIB:.0f} MiB, {INTERRUPTIONS} cuts: peak {peak / MIB:.0f} MiB")
    assert peak < MEMORY
    server.stop()
    installation.collect()
    assert len(installation.store.objects()) == 1
    assert installation.store.unfinished() <= unfinished


@pytest.mark.parametrize("parts, described", [(2, False), (2, True), (5, True)], ids=["two", "described", "five"])
def test_a_file_arrives_in_parts_at_once(
    installation: Installation, large: tuple[Path, str], parts: int, described: bool
) -> None:
    """tus-js-client with `parallelUploads`, also with metadata for the parts that would make files of them."""
    path, digest = large
    unfinished = installation.store.unfinished()
    server = installation.serve()
    metadata = {"model": "m", "version": "1", "path": "weights.bin", "sha256": digest}
    command, variables = tus_js_client()
    of_parts = json.dumps(metadata) if described else "-"
    arguments = [f"{server.url}/api/v1/uploads", path, str(parts), json.dumps(metadata), of_parts]
    command = ["node", CLIENTS / "parallel.cjs", *arguments]
    environment = {**os.environ, **variables, "NO_PROXY": "*"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=10 * PATIENCE)
    assert done.returncode == 0 and done.stdout.startswith("done "), done.stderr
    assert server.files("m", "1") == {"weights.bin": digest}
    url = done.stdout.removeprefix("done ").strip()
    with own(server) as http:
        head = http.head(url, headers=TUS)
        assert (head.headers["upload-offset"], head.headers["upload-length"]) == (str(SIZE), str(SIZE))
        named = head.headers["upload-concat"].removeprefix("final;").split(" ")
        assert len(named) == parts
        assert [http.head(part, headers=TUS).headers["upload-concat"] for part in named] == ["partial"] * parts
        for part in named:
            assert http.delete(part, headers=TUS).status_code == 204
    assert server.files("m", "1") == {"weights.bin": digest}
    server.stop()
    installation.collect()
    assert len(installation.store.objects()) == 1
    assert installation.store.unfinished() <= unfinished


def described(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def test_what_expires_or_is_refused_leaves_nothing(installation: Installation) -> None:
    installation.settings["MODELPORT__ARTIFACTS__UPLOAD_EXPIRY_SECONDS"] = "1"
    unfinished = installation.store.unfinished()
    server = installation.serve()
    size = 20 * MIB
    wrong = described(model="m", version="1", path="wrong", sha256="0" * 64)
    with own(server) as http:
        made = http.post("/api/v1/uploads", headers={**TUS, "Upload-Length": str(size), "Upload-Metadata": wrong})
        assert made.status_code == 201, made.text
        added = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        place = made.url.join(made.headers["location"])
        refused = http.patch(place, headers=added, content=os.urandom(size))
        assert (refused.status_code, refused.json()["field"]) == (400, "sha256")
        assert http.head(place, headers=TUS).status_code == 404
        assert installation.kept() <= unfinished
        left = described(model="m", version="1", path="left")
        made = http.post("/api/v1/uploads", headers={**TUS, "Upload-Length": str(size), "Upload-Metadata": left})
        place = made.url.join(made.headers["location"])
        assert http.patch(place, headers=added, content=b"x" * (9 * MIB)).status_code == 204
        eventually(lambda: http.head(place, headers=TUS).status_code == 410, "expiry")
    assert not installation.kept() <= unfinished
    installation.collect()
    assert installation.kept() <= unfinished
    server.stop()


def own(server: Server) -> httpx.Client:
    return httpx.Client(base_url=server.url, timeout=PATIENCE, trust_env=False)
