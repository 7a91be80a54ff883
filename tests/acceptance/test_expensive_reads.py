"""Reads that could take minutes: patterns are bounded, and what runs ends with its time or with its client."""

import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from certificates import Certificates
from cpu import is_idle
from harness import KUBEFLOW, Installation, Server, Services, eventually

# Each comparison takes a part of a second for a value this long, and there are many of them. Without the `_` in its midst the
# pattern would be found in no time.
VALUE = "a" * 400_000
MODELS = 24
PATTERN = "%" + "a" * 125 + "_" + "a" * 124 + "b%"
EXPENSIVE = " OR ".join([f"p LIKE '{PATTERN}'"] * 16)

pytestmark = pytest.mark.alone


@pytest.fixture
def busy(installation: Installation) -> Server:
    server = installation.serve(variables={"MODELPORT__DATABASE__ANSWER_TIMEOUT_MS": "2000"})
    for number in range(MODELS):
        value = {"p": {"metadataType": "MetadataStringValue", "string_value": VALUE}}
        body = {"name": f"m{number}", "customProperties": value}
        assert server.kubeflow("POST", "registered_models", json=body).status_code == 201
    return server


def test_a_pattern_is_bounded_and_the_error_tells_where(server: Server) -> None:
    long = "name LIKE '" + "a" * 257 + "'"
    many = "name LIKE '" + "%a" * 9 + "'"
    for text, what in [(long, "257 bytes, more than 256"), (many, "9 wildcards, `%` and `_`, more than 8")]:
        for operator in ("LIKE", "ILIKE"):
            text = text.replace("ILIKE", "LIKE").replace("LIKE", operator)
            refused = server.kubeflow("GET", "registered_models", params={"filterQuery": text})
            assert refused.status_code == 400
            place = len(f"name {operator} ") + 1
            assert refused.json()["message"].endswith(f"at character {place}: the pattern has {what}"), refused.text
    for allowed in ("a" * 256, "%a" * 8, "\\\\%" * 30):
        answer = server.kubeflow("GET", "registered_models", params={"filterQuery": f"name LIKE '{allowed}'"})
        assert answer.status_code == 200, answer.text


def test_an_expensive_read_ends_with_its_time(busy: Server, installation: Installation) -> None:
    start = time.monotonic()
    answer = busy.kubeflow("GET", "registered_models", params={"filterQuery": EXPENSIVE})
    assert answer.status_code == 503, answer.text
    assert 1.5 < time.monotonic() - start < 10
    eventually(lambda: is_idle(busy, installation), "the end of the statement", seconds=5)
    assert busy.kubeflow("GET", "registered_models", params={"filterQuery": "name = 'm1'"}).json()["size"] == 1
    busy.stop()


def test_expensive_reads_keep_nobody_from_reading_and_asking_whether_the_server_is_ready(busy: Server) -> None:
    def read(_number: int) -> int:
        return busy.kubeflow("GET", "registered_models", params={"filterQuery": EXPENSIVE}).status_code

    with ThreadPoolExecutor(32) as pool:
        reads = [pool.submit(read, number) for number in range(32)]
        time.sleep(0.5)
        asked = 0
        while not all(read.done() for read in reads):
            assert busy.ready() == 200
            assert busy.kubeflow("GET", "registered_models", params={"pageSize": "1"}).status_code == 200
            asked += 1
        assert asked > 0
        assert {read.result() for read in reads} == {503}
    eventually(lambda: busy.kubeflow("GET", "registered_models").status_code == 200, "an answer", seconds=30)
    busy.stop()


def test_a_client_that_disconnects_cancels_its_read(installation: Installation) -> None:
    server = installation.serve(variables={"MODELPORT__DATABASE__ANSWER_TIMEOUT_MS": "600000"})
    for number in range(MODELS):
        value = {"p": {"metadataType": "MetadataStringValue", "string_value": VALUE}}
        body = {"name": f"m{number}", "customProperties": value}
        assert server.kubeflow("POST", "registered_models", json=body).status_code == 201
    path = f"{KUBEFLOW}/registered_models?filterQuery={quote(EXPENSIVE)}"
    clients = []
    for _ in range(4):
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        clients.append(client)
    eventually(lambda: not is_idle(server, installation), "the begin of the statements")
    for client in clients:
        client.close()
    eventually(lambda: is_idle(server, installation), "the end of the statements", seconds=8)
    eventually(lambda: installation.log.read_text().count(" 499 ") >= 4, "the log of the clients that left", seconds=5)
    server.stop()


@pytest.mark.parametrize("installation", ["production"], indirect=True)
@pytest.mark.parametrize("goodbye", [True, False], ids=["with an alert", "without"])
def test_a_client_that_disconnects_over_tls_cancels_its_read(
    installation: Installation, services: Services, tmp_path: Path, goodbye: bool
) -> None:
    made = Certificates(tmp_path)
    variables = {
        "MODELPORT__EDGE__CERTIFICATE": str(made.certificate),
        "MODELPORT__EDGE__PRIVATE_KEY": str(made.key),
        "MODELPORT__DATABASE__ANSWER_TIMEOUT_MS": "600000",
        # It would wait for the table too.
        "MODELPORT__METRICS__INVENTORY_INTERVAL_SECONDS": "0",
    }
    server = installation.serve(variables=variables)
    database = urlsplit(installation.places[installation.places.index("--database-url") + 1])
    name = database.path.removeprefix("/")
    waiting = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock'"

    def reads() -> int:
        return int(subprocess.check_output(["psql", services.postgres, "-qtAc", waiting], text=True))

    # Whoever reads models waits for as long as this session has the table.
    lock = subprocess.Popen(["psql", database.geturl(), "-q"], stdin=subprocess.PIPE, text=True)
    try:
        lock.stdin.write("BEGIN; LOCK TABLE nodes IN ACCESS EXCLUSIVE MODE;\n")
        lock.stdin.flush()
        trusting = ssl.create_default_context(cafile=str(made.authority))
        plain = socket.create_connection(("127.0.0.1", server.edge_port))
        client = trusting.wrap_socket(plain, server_hostname="127.0.0.1")
        time.sleep(0.5)
        client.sendall(b"GET /models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        eventually(lambda: reads() == 1, "the begin of the statement")
        # A client that is still there is waited with.
        time.sleep(1)
        assert reads() == 1
        if goodbye:
            client.setblocking(False)
            with suppress(ssl.SSLWantReadError):
                client.unwrap()
        client.close()
        eventually(lambda: reads() == 0, "the end of the statement", seconds=8)
    finally:
        lock.communicate()
    if goodbye:
        eventually(lambda: " 499 " in installation.log.read_text(), "the log of the client that left", seconds=5)
    server.stop()
