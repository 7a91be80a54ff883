"""PgBouncer in transaction mode between the server and PostgreSQL: each transaction may have another session."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness import Installation, Server, Services, eventually
from pgbouncer import SESSIONS, pgbouncer

OF_DATABASE = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"


@pytest.fixture(params=["refuses", "ignores"])
def pooled(request: pytest.FixtureRequest, tmp_path: Path, services: Services) -> Iterator[Installation]:
    """An installation whose pooler refuses settings at the start of a connection, or ignores them."""
    ignored = {"ignore_startup_parameters": "extra_float_digits,options"} if request.param == "ignores" else {}
    with pgbouncer(services, **ignored) as url:
        yield from installed(tmp_path, services, url)


def installed(folder: Path, services: Services, url: str) -> Iterator[Installation]:
    with Installation.production(folder, services) as installation:
        at = installation.places.index("--database-url") + 1
        installation.direct = installation.places[at]
        installation.places[at] = urlsplit(url)._replace(path=urlsplit(installation.direct).path).geturl()
        yield installation


def sql(url: str, statement: str) -> str:
    return subprocess.check_output(["psql", url, "-qAtc", statement], text=True).strip()


def test_everything_works_through_a_pooler(pooled: Installation) -> None:
    pooled.run("migrate")
    assert "up to date" in pooled.run("migrate")
    server = pooled.serve()
    client = server.client()

    def register(number: int) -> str:
        model = client.register_model(
            f"model-{number}",
            f"s3://bucket/{number}",
            version="1",
            model_format_name="onnx",
            model_format_version="1",
            metadata={"number": number, "even": number % 2 == 0},
        )
        assert server.put(f"model-{number}", "1", "model.bin", b"x" * 100_000).status_code == 201
        assert server.get(f"model-{number}", "1", "model.bin").content == b"x" * 100_000
        return model.id

    with ThreadPoolExecutor(4 * SESSIONS) as pool:
        ids = list(pool.map(register, range(8 * SESSIONS)))
    assert len(set(ids)) == len(ids)
    found = server.kubeflow("GET", "model_versions", params={"filterQuery": "even = true", "pageSize": "1000"}).json()
    assert found["size"] == len(ids) // 2
    changes = server.http.get("/api/v1/changes", params={"limit": "1000"}).json()["items"]
    assert len({change["id"] for change in changes}) == len(changes) >= 3 * len(ids)
    assert server.http.delete("/api/v1/models/model-0", params={"recursive": "true"}).status_code == 204
    server.stop()
    log = pooled.log.read_text()
    assert "to PostgreSQL through a pooler" in log
    assert "prepared statement" not in log


def test_nothing_is_left_in_the_poolers_sessions(pooled: Installation) -> None:
    pooled.run("migrate")
    server = pooled.serve()
    for number in range(3 * SESSIONS):
        server.kubeflow("POST", "registered_models", json={"name": f"m{number}"})
    through = pooled.places[pooled.places.index("--database-url") + 1]
    expected = sql(pooled.direct, "SHOW statement_timeout; SHOW client_min_messages")
    for _ in range(2 * SESSIONS):
        assert sql(through, "SHOW statement_timeout; SHOW client_min_messages") == expected
        assert sql(through, "SELECT count(*) FROM pg_prepared_statements") == "0"
        assert sql(through, f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {OF_DATABASE}") == "0"
    server.stop()


def test_statements_end_with_their_time_through_a_pooler(pooled: Installation) -> None:
    pooled.run("migrate")
    server = pooled.serve(variables={"MODELPORT__DATABASE__ANSWER_TIMEOUT_MS": "1500"})
    assert server.kubeflow("POST", "registered_models", json={"name": "m"}).status_code == 201
    # Whoever reads the table waits for this lock, and ends by the limit of its statement.
    lock = subprocess.Popen(
        ["psql", pooled.direct, "-qc", "BEGIN; LOCK TABLE nodes IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(8)"]
    )
    try:
        assert wait_for_lock(server) == 503
        waiting = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND {OF_DATABASE}"
        eventually(lambda: sql(pooled.direct, waiting) == "0", "the end of the statement", seconds=2)
        assert lock.poll() is None
    finally:
        lock.wait(timeout=30)
    assert server.kubeflow("GET", "registered_models").json()["size"] == 1
    server.stop()


def wait_for_lock(server: Server) -> int:
    """The status of a list that met the lock."""
    for _ in range(200):
        status = server.kubeflow("GET", "registered_models").status_code
        if status != 200:
            return status
    raise AssertionError("nobody waited")


@pytest.mark.parametrize("prepared", ["auto", "on", "off"])
def test_without_a_pooler_every_setting_works(tmp_path: Path, services: Services, prepared: str) -> None:
    with Installation.production(tmp_path, services) as installation:
        installation.run("migrate")
        server = installation.serve(variables={"MODELPORT__DATABASE__PREPARED_STATEMENTS": prepared})
        assert server.put("m", "1", "f", b"bytes").status_code == 201
        assert server.kubeflow("GET", "registered_models", params={"filterQuery": "name = 'm'"}).json()["size"] == 1
        assert "to PostgreSQL through a pooler" not in installation.log.read_text()
        server.stop()
