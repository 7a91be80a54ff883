"""Power cuts, services that go and come back, and everybody at once."""

import hashlib
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from harness import PATIENCE, Installation, Server, Services, SlowUpload, eventually

MIB = 2**20
# The long form is for `make long`.
LONG = "MODELPORT_TEST_LONG" in os.environ
KILLS = 100 if LONG else 4
OUTAGES = 10 if LONG else 1
CROWD = 64


def at_once(call: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    """The answers to `CROWD` requests that leave together."""
    barrier = threading.Barrier(CROWD)

    def run(number: int) -> httpx.Response:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(CROWD) as pool:
        return list(pool.map(run, range(CROWD)))


def own_client(server: Server) -> httpx.Client:
    """A client for one thread, which outlives the server."""
    return httpx.Client(base_url=server.url, timeout=PATIENCE, trust_env=False)


@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
def test_a_kill_during_an_upload_leaves_nothing_to_see(installation: Installation, chunked: bool) -> None:
    server = installation.serve()
    before = installation.kept()
    upload = SlowUpload(server, "/api/v1/models/m/versions/1/files/f", 64 * MIB, chunked)
    for _ in range(40):
        upload.send(os.urandom(MIB))
    eventually(lambda: installation.kept() > before, "the arrival of bytes in the store")
    server.kill()
    upload.close()

    server = installation.serve()
    assert server.get("m", "1", "f").status_code == 404
    assert server.kubeflow("GET", "registered_models").json()["items"] == []
    installation.run("gc", "--grace-seconds", "0", "--dry-run")
    assert installation.kept() > before
    installation.collect()
    assert installation.kept() == before
    assert server.put("m", "1", "f", b"again").status_code == 201
    server.stop()


Acknowledged = dict[tuple[str, str], str]


def upload_until_the_end(server: Server, version: str, acknowledged: Acknowledged) -> None:
    """Uploads small files until the server is gone; adds the digests of those that it acknowledged."""
    with own_client(server) as http:
        for number in range(1_000_000):
            data = os.urandom(random.randint(1, 200_000))
            try:
                answer = http.put(f"/api/v1/models/m/versions/{version}/files/{number}", content=data)
            except httpx.TransportError:
                break
            assert answer.status_code == 201, answer.text
            acknowledged[version, str(number)] = hashlib.sha256(data).hexdigest()


def test_kills_at_any_moment_lose_nothing_and_leave_nothing(installation: Installation) -> None:
    unfinished = installation.store.unfinished()
    acknowledged: Acknowledged = {}
    for kill in range(KILLS):
        server = installation.serve()
        with ThreadPoolExecutor() as pool:
            uploads = [
                pool.submit(upload_until_the_end, server, f"{kill}-{worker}", acknowledged) for worker in range(4)
            ]
            # Half of the kills come among acknowledgements, however slow the machine; the others may come before the first.
            if kill % 2:
                before = len(acknowledged)
                eventually(lambda: len(acknowledged) > before, "an acknowledged upload")
            # The moment of the fault.
            time.sleep(random.uniform(0.1, 0.6))
            server.kill()
        for upload in uploads:
            upload.result()
    assert acknowledged

    server = installation.serve()
    visible = {}
    for version in server.client().get_model_versions("m"):
        for path, digest in server.files("m", version.name).items():
            visible[version.name, path] = digest
            assert hashlib.sha256(server.get("m", version.name, path).content).hexdigest() == digest
    assert acknowledged.items() <= visible.items()
    installation.collect()
    assert len(installation.store.objects()) == len(set(visible.values()))
    assert installation.store.unfinished() <= unfinished
    server.stop()


FILE = "/api/v1/models/m/versions/1/files/f"
MODELS = "/api/model_registry/v1alpha3/registered_models"
NEEDS = {
    "postgres": [
        ("GET", MODELS),
        ("POST", MODELS),
        ("GET", "/api/v1/models/m/versions/1"),
        ("GET", FILE),
        ("PUT", FILE),
    ],
    "minio": [("GET", FILE), ("PUT", FILE)],
}


def work_until(stopped: threading.Event, server: Server, worker: int) -> Counter[int]:
    """Reads, creates and uploads until `stopped`; the statuses that came back."""
    statuses: Counter[int] = Counter()
    with own_client(server) as http:
        while not stopped.is_set():
            name = f"{worker}-{statuses.total()}"
            statuses[http.get(MODELS, params={"pageSize": "1"}).status_code] += 1
            statuses[http.post(MODELS, json={"name": name}).status_code] += 1
            statuses[http.put(f"/api/v1/models/u/versions/1/files/{name}", content=name).status_code] += 1
    return statuses


@pytest.mark.parametrize("service", ["postgres", "minio"])
def test_a_service_that_comes_back_is_used_again(tmp_path: Path, service: str) -> None:
    with Services.of_its_own() as services, Installation.production(tmp_path, services) as installation:
        installation.run("migrate")
        installation.settings["MODELPORT__DATABASE__ACQUIRE_TIMEOUT_MS"] = "1000"
        server = installation.serve()
        assert server.put("m", "1", "f", b"bytes").status_code == 201
        for outage in range(OUTAGES):
            stopped = threading.Event()
            with ThreadPoolExecutor() as pool:
                workers = [pool.submit(work_until, stopped, server, outage * 10 + worker) for worker in range(4)]
                try:
                    services.stop(service)
                    unavailable(server, service)
                    services.start(service)
                    eventually(lambda: server.ready() == 200, f"readiness after {service} came back")
                finally:
                    stopped.set()
            statuses = sum((worker.result() for worker in workers), Counter())
            assert set(statuses) <= {200, 201, 503}, statuses
            assert server.get("m", "1", "f").content == b"bytes"
            assert server.put("m", "1", f"after outage {outage}", b"more bytes").status_code == 201
            assert server.client().get_registered_model("m")
        server.stop()


def keepalive_seconds(port: int) -> list[float]:
    """In how many seconds each connection to that port asks whether the other end is still there."""
    lines = map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
    timers = [timer.split(":") for _, _, remote, _, _, timer, *_ in lines if remote.endswith(f":{port:04X}")]
    # The kernel's number of the timer: while an answer is awaited, it is another one.
    return [int(ticks, 16) / os.sysconf("SC_CLK_TCK") for kind, ticks in timers if kind == "02"]


def test_a_database_that_vanishes_under_a_statement_is_missed(services: Services, tmp_path: Path) -> None:
    with Installation.production(tmp_path, services) as installation:
        installation.run("migrate")
        server = installation.serve()
        seconds = eventually(lambda: keepalive_seconds(urlsplit(services.postgres).port), "a timer")
        assert max(seconds) <= 10
        server.stop()


def unavailable(server: Server, service: str) -> None:
    """Whatever needs the service says so, soon, and says when to come back; the process is alive nevertheless."""
    eventually(lambda: server.ready() == 503, f"unreadiness without {service}")
    for method, path in [*NEEDS[service], ("GET", "/health/ready")]:
        body = {"json": {"name": "new"}} if method == "POST" else {"content": b"bytes"} if method == "PUT" else {}
        asked = time.monotonic()
        answer = server.http.request(method, path, **body)
        case = f"{method} {path} without {service}: {answer.status_code} {answer.text}"
        assert answer.status_code == 503, case
        assert int(answer.headers["retry-after"]) > 0, case
        assert time.monotonic() - asked < 10, case
    assert server.http.get("/health/live").status_code == 200


def test_one_blob_comes_of_many_uploads_of_the_same_bytes(server: Server) -> None:
    data = os.urandom(MIB)
    # Everybody makes the model, the version and its artifact, too.
    answers = at_once(lambda number: server.put("m", "1", f"copy-{number}", data))
    assert Counter(answer.status_code for answer in answers) == {201: CROWD}
    assert len({answer.json()["artifactId"] for answer in answers}) == 1
    same_path = at_once(lambda _number: server.put("m", "2", "same", data))
    assert Counter(answer.status_code for answer in same_path) == {201: 1, 200: CROWD - 1}
    server.installation.collect()
    assert len(server.installation.store.objects()) == 1
    assert server.get("m", "1", f"copy-{CROWD - 1}").content == data


def test_one_of_many_creations_of_the_same_name_succeeds(server: Server) -> None:
    models = at_once(lambda _number: server.kubeflow("POST", "registered_models", json={"name": "m"}))
    assert Counter(answer.status_code for answer in models) == {201: 1, 409: CROWD - 1}
    parent = server.kubeflow("GET", "registered_model", params={"name": "m"}).json()["id"]
    body = {"name": "1", "registeredModelId": parent}
    versions = at_once(lambda _number: server.kubeflow("POST", "model_versions", json=body))
    assert Counter(answer.status_code for answer in versions) == {201: 1, 409: CROWD - 1}
