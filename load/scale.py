#!/usr/bin/env python3
"""Measures lists of a large registry: a page of 100 versions in every order, and by filters of every kind.

The registry is filled as for `make bench`, and some versions are read back through the API. Beside the median latency of
each list stands that of a registry with one version, in the same run. The plans follow: PostgreSQL's as auto_explain logs
them while the server is asked, SQLite's by EXPLAIN QUERY PLAN of the statements that the server logs, in the interpreter's
SQLite. Fails when a list is wrong, or when a plan goes through all rows of `nodes` or `properties`, but for the one list
whose names only reading them all can tell.

Runs with the interpreter of `scripts/tools python-v1` below `scripts/with-services`: see `make scale`.
"""

import argparse
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/acceptance"))
from harness import Installation, Server, Services  # noqa: E402
from place import VERSIONS_OF_A_MODEL, fill, installation  # noqa: E402

REQUESTS = 30
# A list that is slow is not asked that often.
SECONDS = 3.0
PAGE = 100
# No index knows how names end.
UNINDEXED = "name LIKE inner"
ORDERS = ("ID", "CREATE_TIME", "LAST_UPDATE_TIME", "NAME")
# In a smaller table PostgreSQL rightly reads everything.
LEAST = 20_000

# What the version with a number has; `load/seed/versions.rs` says the same.
VALUES: dict[str, Callable[[int], object]] = {
    "stage": lambda i: f"stage-{i % 10}",
    "dataset": lambda i: f"dataset/{100000 + i * 7919 % 50000}",
    "commit": lambda i: f"commit-{10000000 + i}",
    "note": lambda i: f"as trained on host {i % 97}",
    "epochs": lambda i: i % 100,
    "bytes": lambda i: i * 7919,
    "accuracy": lambda i: (i * 7919 % 10000) / 10000,
    "loss": lambda i: (i % 1000) / 8,
    "quantised": lambda i: i % 2 == 1,
    "reviewed": lambda i: i % 10 == 0,
}


def name_of(number: int) -> str:
    # Not in the order of the ids.
    return f"v{number * 7919 % 1000003:07d}"


@dataclass
class Case:
    """A list: its query, and which versions are in it."""

    label: str
    query: dict[str, str]
    matches: Callable[[int], bool] = lambda _number: True
    # Median milliseconds before the registry was filled, and after.
    empty: float = 0.0
    full: float = 0.0
    plans: list[str] = field(default_factory=list)


def filtered(label: str, text: str, matches: Callable[[int], bool], **query: str) -> Case:
    return Case(f"{label}: {text}", {"filterQuery": text, **query}, matches)


def value(name: str, number: int):
    return VALUES[name](number)


def cases(count: int) -> list[Case]:
    orders = [
        Case(f"by {order} {direction}", {"orderBy": order, "sortOrder": direction})
        for order in ORDERS
        for direction in ("ASC", "DESC")
    ]
    some = count // 2
    text, name, large = value("commit", some), name_of(some), value("bytes", count - 50)
    return [
        *orders,
        filtered("string", f"commit = '{text}'", lambda i: i == some),
        filtered("string", "stage = 'stage-3'", lambda i: i % 10 == 3),
        filtered("string, by time", "stage = 'stage-3'", lambda i: i % 10 == 3, orderBy="LAST_UPDATE_TIME"),
        filtered("no such string", "stage = 'none'", lambda _: False),
        filtered("integer", "epochs = 42", lambda i: i % 100 == 42),
        filtered("integer", f"bytes > {large}", lambda i: i * 7919 > large),
        filtered("double", "accuracy > 0.999", lambda i: value("accuracy", i) > 0.999),
        filtered("double", "accuracy BETWEEN 0.2 AND 0.3", lambda i: 0.2 <= value("accuracy", i) <= 0.3),
        filtered("boolean", "reviewed = true", lambda i: i % 10 == 0),
        filtered("LIKE prefix", "dataset LIKE 'dataset/1234%'", lambda i: "/1234" in value("dataset", i)),
        filtered("LIKE inner", "dataset LIKE '%234%'", lambda i: "234" in value("dataset", i)),
        filtered("LIKE inner, none", "dataset LIKE '%none%'", lambda _: False),
        filtered("ILIKE", "note ILIKE '%HOST 42'", lambda i: i % 97 == 42),
        filtered("OR", f"commit = '{text}' OR bytes = 7919", lambda i: i in (some, 1)),
        filtered(
            "OR of much", "stage = 'stage-3' OR epochs = 42", lambda i: i % 10 == 3 or i % 100 == 42, orderBy="NAME"
        ),
        filtered(
            "AND",
            "stage = 'stage-3' AND accuracy > 0.99",
            lambda i: i % 10 == 3 and value("accuracy", i) > 0.99,
        ),
        filtered(
            "AND of much",
            "stage = 'stage-3' AND accuracy > 0.1",
            lambda i: i % 10 == 3 and value("accuracy", i) > 0.1,
        ),
        filtered("NOT", "NOT stage = 'stage-3'", lambda i: i % 10 != 3),
        filtered("IS NULL", "absent IS NULL AND epochs = 7", lambda i: i % 100 == 7),
        filtered("name", f"name = '{name}'", lambda i: i == some),
        filtered("name LIKE prefix", f"name LIKE '{name[:5]}%'", lambda i: name_of(i).startswith(name[:5])),
        filtered(UNINDEXED, f"name LIKE '%{name[3:]}'", lambda i: name_of(i).endswith(name[3:])),
    ]


class Postgres:
    """How plans come to be known in PostgreSQL."""

    name = "PostgreSQL"
    set_up = "production"

    def __init__(self, made: Installation):
        self.services = Services(dict(os.environ))
        self.url = made.places[3]

    def execute(self, script: str) -> None:
        command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", self.url]
        subprocess.run(command, input=script, text=True, check=True, stdout=subprocess.DEVNULL)

    def explaining(self) -> None:
        """From the next connection on, the plan of every statement is logged."""
        settings = {"auto_explain.log_min_duration": "0", "auto_explain.log_analyze": "on"}
        settings |= {"auto_explain.log_timing": "off", "session_preload_libraries": "auto_explain"}
        database = urlsplit(self.url).path.removeprefix("/")
        for key, setting in settings.items():
            self.execute(f"ALTER DATABASE {database} SET {key} = '{setting}'")

    @property
    def log(self) -> Path:
        return self.services.folder / "postgres/log"

    def plans(self, logged: str) -> list[str]:
        entries = re.findall(r"duration: [\d.]+ ms  plan:\n((?:\t.*\n)+)", logged)
        return [entry.replace("\n\t", "\n").strip() for entry in entries if "nodes" in entry or "properties" in entry]

    @staticmethod
    def goes_through_all(plan: str, versions: int) -> bool:
        # A scan that a limit ends is none of all rows.
        scans = re.finditer(
            r"Seq Scan on (?:nodes|properties)\b.*\(actual rows=(\d+) loops=(\d+)\)(?:\n +Filter: .*)?(?:\n +Rows Removed by Filter: (\d+))?",
            plan,
        )
        return any((int(found) + int(removed or 0)) * int(loops) >= versions for found, loops, removed in (scan.groups() for scan in scans))


class Sqlite:
    """How plans come to be known in SQLite."""

    name = "SQLite"
    set_up = "embedded"

    def __init__(self, made: Installation):
        self.installation = made
        self.path = made.folder / "modelport.db"
        self.log = made.log

    def explaining(self) -> None:
        self.installation.settings["MODELPORT__LOG__LEVEL"] = "warn,modelport::store::sql=trace"

    def plans(self, logged: str) -> list[str]:
        statements = re.findall(r"TRACE modelport::store::sql: (SELECT .*?) -- binds: ", logged)
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA case_sensitive_like = ON")
        plans = []
        for statement in statements:
            if "nodes" not in statement and "properties" not in statement:
                continue
            steps = connection.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?"))
            plans.append("\n".join([statement, *(f"  {step[3]}" for step in steps)]))
        connection.close()
        return plans

    @staticmethod
    def goes_through_all(plan: str, _versions: int) -> bool:
        return re.search(r"SCAN (nodes|properties|p)\b", plan) is not None


def check_versions(server: Server, facts: dict[str, object], count: int) -> None:
    """Reads some versions through the API: they have to have the values that cases reckon with."""
    for number in (0, 1, VERSIONS_OF_A_MODEL - 1, VERSIONS_OF_A_MODEL, count // 2, count - 1):
        id = facts["first_version"] + number
        version = server.kubeflow("GET", f"model_versions/{id}").json()
        assert (version["name"], version["author"], version["state"]) == (name_of(number), "ada", "LIVE"), version
        given = version["customProperties"].items()
        custom = {name: next(v for k, v in p.items() if k != "metadataType") for name, p in given}
        expected = {name: of(number) for name, of in VALUES.items()}
        assert custom == {n: str(v) if type(v) is int else v for n, v in expected.items()}, custom
        model = server.kubeflow("GET", f"registered_models/{version['registeredModelId']}").json()
        assert model["name"] == f"model {number // VERSIONS_OF_A_MODEL}", model
        found = server.kubeflow("GET", "model_version", params={"name": version["name"], "parentResourceId": model["id"]})
        assert found.json() == version
        # What the server makes of it later is what it makes of its own.
        patched = server.kubeflow("PATCH", f"model_versions/{id}", json={"author": "ada"})
        assert patched.status_code == 200, patched.text
    total = server.kubeflow("GET", "model_versions", params={"pageSize": "1", "totals": "true"}).json()["totalSize"]
    assert total == count, f"{total} versions instead of {count}"


def ask(server: Server, case: Case) -> dict:
    answer = server.kubeflow("GET", "model_versions", params={"pageSize": str(PAGE), **case.query})
    assert answer.status_code == 200, f"{case.label}: {answer.text}"
    return answer.json()


def latency(server: Server, case: Case) -> float:
    """Median milliseconds of a request, once it was asked before."""
    ask(server, case)
    times: list[float] = []
    while len(times) < REQUESTS and sum(times) < SECONDS:
        started = time.perf_counter()
        ask(server, case)
        times.append(time.perf_counter() - started)
    return median(times) * 1000


def deep(server: Server, case: Case, count: int) -> Case:
    """The page in the middle of a list; a token does not depend on the page size."""
    query, left = {**case.query, "pageSize": "10000"}, count // 2
    while left > 0:
        query["nextPageToken"] = server.kubeflow("GET", "model_versions", params=query).json()["nextPageToken"]
        left -= 10000
    token = {"nextPageToken": query["nextPageToken"]}
    return Case(f"{case.label}, from the middle", {**case.query, **token}, empty=case.empty)


def measure(seed: Path, of: type[Postgres | Sqlite], folder: Path, count: int, requests: list[Case]) -> list[Case]:
    small, large = folder / "small", folder / "large"
    small.mkdir()
    with installation(of.set_up, small) as made:
        fill(seed, made, 1)
        server = made.serve()
        for case in requests:
            case.empty = latency(server, case)
        server.stop()
    large.mkdir()
    with installation(of.set_up, large) as made:
        backend = of(made)
        facts = fill(seed, made, count)
        print(f"{of.name}: {facts['rows']} rows filled in {facts['seconds']:.0f} s", flush=True)
        server = made.serve()
        check_versions(server, facts, count)
        for case in requests:
            expected = min(PAGE, sum(map(case.matches, range(count))))
            assert ask(server, case)["size"] == expected, f"{case.label}: not {expected} items"
        requests = requests + [deep(server, case, count) for case in requests if "filterQuery" not in case.query]
        for case in requests:
            case.full = latency(server, case)
        server.stop()

        backend.explaining()
        server = made.serve()
        for case in requests:
            before = backend.log.stat().st_size
            ask(server, case)
            with backend.log.open(errors="replace") as log:
                log.seek(before)
                case.plans = backend.plans(log.read())
            assert len(case.plans) >= (1 if "none" in case.label or "no such" in case.label else 2), case
        server.stop()
    return requests


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True, help="the modelport binary, of a release build")
    parser.add_argument("--seed", type=Path, required=True, help="the program that fills registries, of a release build")
    parser.add_argument("--versions", type=int, default=100_000, help="how many versions the registry has")
    options = parser.parse_args()
    if options.versions < LEAST:
        parser.error(f"--versions below {LEAST}: reading everything is the better plan then")
    os.environ["MODELPORT_BIN"] = str(options.binary.resolve())

    failures = []
    with TemporaryDirectory(prefix="modelport-scale-") as temporary:
        for backend_type in (Postgres, Sqlite):
            place = Path(temporary) / backend_type.__name__
            place.mkdir()
            measured = measure(options.seed, backend_type, place, options.versions, cases(options.versions))
            for case in measured:
                print(f"\n--- {backend_type.name}, {case.label}")
                for plan in case.plans:
                    print(plan, flush=True)
                    if backend_type.goes_through_all(plan, options.versions) and not case.label.startswith(UNINDEXED):
                        failures.append(f"{backend_type.name}, {case.label}: goes through all rows")
            print(f"\n{backend_type.name}, {options.versions} versions: median ms of a page of {PAGE}")
            print(f"{'full':>9} {'empty':>9}")
            for case in measured:
                print(f"{case.full:9.1f} {case.empty:9.1f}  {case.label}", flush=True)
            print(flush=True)
    for failure in failures:
        print(f"load/scale.py: {failure}", file=sys.stderr)
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
