"""The collector and the verifier, while uploads come and files go, and processes die at any moment."""

import base64
import hashlib
import os
import random
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from harness import PATIENCE, Installation, Server

MIB = 2**20
# The long form is for `make long`.
ROUNDS = 100 if "MODELPORT_TEST_LONG" in os.environ else 4
# What several uploads have in common, so that blobs are shared, go, and come back.
COMMON = [os.urandom(random.randint(1, 100_000)) for _ in range(5)]
TUS = {"Tus-Resumable": "1.0.0"}


class Worker:
    """Uploads and removes files until its server is gone, and knows what has to be there afterwards."""

    def __init__(self, name: str):
        self.name = name
        self.present: dict[str, str] = {}
        self.count = 0

    def run(self, server: Server) -> None:
        with httpx.Client(base_url=server.url, timeout=PATIENCE, trust_env=False) as http:
            try:
                while True:
                    self.step(http)
            except httpx.TransportError:
                return

    def step(self, http: httpx.Client) -> None:
        self.count += 1
        kind = random.random()
        if kind < 0.25 and self.present:
            path = random.choice(list(self.present))
            # Whether a removal without an answer took place, nobody knows.
            del self.present[path]
            answer = http.delete(f"/api/v1/models/m/versions/{self.name}/files/{path}")
            assert answer.status_code == 204, answer.text
        elif kind < 0.35:
            self.resumable(http)
        else:
            data = random.choice(COMMON) if kind < 0.6 else os.urandom(random.randint(1, 300_000))
            answer = http.put(f"/api/v1/models/m/versions/{self.name}/files/{self.count}", content=data)
            self.took(answer, data)

    def resumable(self, http: httpx.Client) -> None:
        data = os.urandom(random.randint(1, 18 * MIB))
        named = {"model": "m", "version": self.name, "path": str(self.count)}
        metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in named.items())
        headers = {**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": metadata}
        made = http.post("/api/v1/uploads", headers=headers)
        assert made.status_code == 201, made.text
        cut = random.randrange(len(data))
        for start, end in [(0, cut), (cut, len(data))]:
            headers = {**TUS, "Upload-Offset": str(start), "Content-Type": "application/offset+octet-stream"}
            answer = http.patch(made.url.join(made.headers["location"]), headers=headers, content=data[start:end])
            assert answer.status_code == 204, answer.text
        self.present[str(self.count)] = hashlib.sha256(data).hexdigest()

    def took(self, answer: httpx.Response, data: bytes) -> None:
        if answer.status_code == 201:
            self.present[str(self.count)] = hashlib.sha256(data).hexdigest()
        else:
            # A collector without any grace takes an upload under way for abandoned, and then says so.
            assert answer.status_code == 503, answer.text


def maintain(installation: Installation, until: float, grace: str) -> None:
    """Collects and verifies, and ends either at any moment as a power cut does."""
    while time.monotonic() < until:
        command = random.choice([["gc", "--grace-seconds", grace], ["verify", "--mib-per-second", "0"]])
        process = installation.spawn(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            output, _ = process.communicate(timeout=random.uniform(0.05, 1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            continue
        # One that was killed holds its task for some seconds.
        assert process.returncode == 0 or "another process is verifying" in output, output


def test_nothing_needed_goes_and_nothing_else_stays(installation: Installation, figures: list[str]) -> None:
    unfinished = installation.store.unfinished()
    installation.settings["MODELPORT__ARTIFACTS__UPLOAD_EXPIRY_SECONDS"] = "5"
    installation.settings["MODELPORT__COLLECTOR__INTERVAL_SECONDS"] = "1"
    installation.settings["MODELPORT__COLLECTOR__GRACE_SECONDS"] = "2"
    workers = [Worker(str(number)) for number in range(3)]
    for number in range(ROUNDS):
        server = installation.serve()
        with ThreadPoolExecutor() as pool:
            until = time.monotonic() + random.uniform(0.5, 2)
            runs = [pool.submit(worker.run, server) for worker in workers]
            runs += [pool.submit(maintain, installation, until, random.choice(["0", "2"])) for _ in range(2)]
            time.sleep(max(0, until - time.monotonic()))
            server.kill()
            for run in runs:
                run.result()
        if number % 10 == 9:
            check(installation, workers, unfinished)
    check(installation, workers, unfinished)
    steps = sum(worker.count for worker in workers)
    kept = sum(len(worker.present) for worker in workers)
    figures.append(f"upkeep: {ROUNDS} rounds, {steps} uploads and removals, {kept} files kept, none lost")


def check(installation: Installation, workers: list[Worker], unfinished: set[str]) -> None:
    """Everything acknowledged is there, whole; and once all that expires has, nothing else is."""
    server = installation.serve()
    visible: dict[str, str] = {}
    for worker in workers:
        known = server.http.get(f"/api/v1/models/m/versions/{worker.name}/files").status_code == 200
        found = server.files("m", worker.name) if known else {}
        assert worker.present.items() <= found.items()
        visible |= {f"{worker.name}/{path}": digest for path, digest in found.items()}
    server.stop()
    # A lease and a resumable upload last for some seconds.
    time.sleep(16)
    installation.collect()
    output = installation.run("verify", "--restart", "--mib-per-second", "0")
    assert f"read {len(set(visible.values()))} blobs" in output
    assert len(installation.store.objects()) == len(set(visible.values()))
    assert installation.store.unfinished() <= unfinished


def test_what_verify_finds_is_reported_and_repaired(installation: Installation) -> None:
    server = installation.serve()
    for number in range(3):
        assert server.put("m", "1", f"f{number}", b"bytes %d" % number).status_code == 201
    before = installation.run("verify")
    assert "read 3 blobs of 21 bytes\n0 are missing, 0 are damaged" in before
    digest = server.files("m", "1")["f1"]
    installation.store.lose(random.choice(sorted(installation.store.objects())))
    found = installation.run("verify", expect=1)
    assert "read 3 blobs" in found and "1 are missing, 0 are damaged" in found
    lost = next(line for line in found.splitlines() if line.startswith("missing sha256"))
    number = int(lost[-1])
    assert lost.endswith(f"file f{number}") and (number != 1 or digest in lost)
    assert server.get("m", "1", f"f{number}").status_code >= 500
    assert server.put("m", "1", f"f{number}", b"bytes %d" % number).status_code == 200
    assert server.get("m", "1", f"f{number}").content == b"bytes %d" % number
    assert "0 are missing, 0 are damaged" in installation.run("verify")
    server.stop()
