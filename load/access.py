#!/usr/bin/env python3
"""Measures lists of a registry that many teams share, as each kind of principal sees it.

There are 200 workspaces with 100,000 models, of which every twentieth is restricted, and nine versions of each: a million nodes. The first
workspace has half of the models, and the others have equal parts of the rest. Fails when a list shows what it should not, or when
the median of a page of 100 takes longer than the limit.

Runs with the interpreter of `scripts/tools python-v1` below `scripts/with-services`: see `make access`.
"""

import argparse
import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/acceptance"))
from callers import API, Accounts, Caller  # noqa: E402
from harness import Installation  # noqa: E402
from place import SET_UPS, installation  # noqa: E402

WORKSPACES = 200
MODELS = 100_000
VERSIONS = 9
RESTRICTED_EVERY = 20
# Of how many models somebody is the owner, and how many are bound to somebody one by one, in the first workspace.
OWNED, BOUND = 20, 500
PAGE = 100
REQUESTS = 40
# The workspace that is looked at besides the first.
OTHER = "w7"
# The lists, and how many there are of each model.
LISTS = {
    "registered_models": 1,
    "registered_models?orderBy=LAST_UPDATE_TIME&sortOrder=DESC": 1,
    "model_versions": VERSIONS,
    "model_versions?orderBy=LAST_UPDATE_TIME&sortOrder=DESC": VERSIONS,
}
# Milliseconds.
LIMIT = 15.0
# The kind of contexts, and the types of models and versions among them.
CONTEXT, MODEL, VERSION = 2, 11, 12
# What the ids begin after, and how far that of a model is from that of the next one.
FIRST, STEP = 1_000_000, 1 + VERSIONS

# The number of a model says where it is, whether it is restricted, and what its versions are called, which are made after it.
FILL = f"""
WITH RECURSIVE counted(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM counted WHERE number < {MODELS})
INSERT INTO nodes (id, kind, type_id, name, created_at, updated_at, workspace_id, root_id, owner_id)
SELECT {FIRST} + number * {STEP}, {CONTEXT}, {MODEL}, 'model-' || number, number, number,
       CASE WHEN number % 2 = 0 THEN 1 ELSE 2 + (number / 2) % {WORKSPACES - 1} END, {FIRST} + number * {STEP}, NULL
FROM counted;
WITH RECURSIVE counted(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM counted WHERE number < {VERSIONS})
INSERT INTO nodes (id, kind, type_id, home_id, name, created_at, updated_at, workspace_id, root_id)
SELECT m.id + counted.number, {CONTEXT}, {VERSION}, m.id, 'v' || counted.number, m.created_at, m.updated_at,
       m.workspace_id, m.id
FROM nodes AS m, counted WHERE m.type_id = {MODEL} AND m.id > {FIRST};
INSERT INTO members (context_id, node_id) SELECT home_id, id FROM nodes WHERE type_id = {VERSION} AND id > {FIRST};
INSERT INTO restricted_roots (root_id) SELECT id FROM nodes WHERE type_id = {MODEL} AND id > {FIRST}
    AND (id - {FIRST}) / {STEP} / 2 % {RESTRICTED_EVERY} = 0;
UPDATE nodes SET owner_id = {{owner}} WHERE type_id = {MODEL} AND id > {FIRST} AND workspace_id = 1
    AND (id - {FIRST}) / {STEP} % {MODELS // OWNED} = 0;
INSERT INTO bindings (subject_kind, principal_id, role, scope_kind, root_id, created_at)
SELECT 'principal', {{binder}}, 'reader', 'root', id, 0 FROM nodes WHERE type_id = {MODEL} AND id > {FIRST} AND workspace_id = 1
    AND (id - {FIRST}) / {STEP} % {MODELS // BOUND} = 0;
"""


@dataclass
class Principal:
    """Somebody, and how many models of the first workspace and of another one they see."""

    label: str
    caller: Caller
    in_first: int
    in_other: int


def execute(made: Installation, script: str) -> None:
    url = made.places[3]
    if url.startswith("postgres"):
        command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", url]
        subprocess.run(command, input=f"BEGIN;{script}COMMIT;VACUUM ANALYZE;", text=True, check=True)
        return
    with sqlite3.connect(url.removeprefix("sqlite://")) as connection:
        connection.executescript(f"BEGIN;{script}COMMIT;ANALYZE;")
    connection.close()


def principals(accounts: Accounts, made: Installation) -> list[Principal]:
    """All kinds of them, and how many models they see."""
    for number in range(2, WORKSPACES + 1):
        accounts.workspace(f"w{number}")
    owner, binder = accounts.service("owner"), accounts.service("binder")
    of_three = accounts.service("reader-of-three", "reader", workspace="default")
    for slug in (OTHER, "w9"):
        accounts.bind("reader", workspace=slug, principal="reader-of-three")
    found = [accounts.admin.ask("GET", f"{API}/principals/{who.handle}", 200).json() for who in (owner, binder)]
    execute(made, FILL.format(owner=found[0]["id"], binder=found[1]["id"]))
    # Such a change makes the server forget what it remembers of who may do what.
    accounts.unbind(accounts.bind("viewer", principal="owner", workspace="w9"))
    half = MODELS // 2
    open_half = half - half // RESTRICTED_EVERY
    return [
        Principal("administrator of the registry", accounts.admin, half, PAGE),
        Principal("viewer of the registry", accounts.service("viewer", "viewer"), open_half, PAGE),
        Principal("admin of a workspace", accounts.service("admin", "admin", workspace="default"), half, 0),
        Principal("reader of three workspaces", of_three, open_half, PAGE),
        Principal("reader of another workspace", accounts.service("reader", "reader", workspace=OTHER), 0, PAGE),
        Principal(f"owner of {OWNED} models", owner, OWNED, 0),
        Principal(f"bound to {BOUND} models", binder, BOUND, 0),
        Principal("nobody's", accounts.service("stranger"), 0, 0),
    ]


def page(who: Principal, workspace: str, query: str) -> int:
    """How many are on a page of a list."""
    path = f"/w/{workspace}/api/model_registry/v1alpha3/{query}{'&' if '?' in query else '?'}pageSize={PAGE}"
    return len(who.caller.ask("GET", path, 200).json()["items"])


def latency(who: Principal, workspace: str, query: str) -> float:
    """The median of a list's page, in milliseconds."""
    times = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        page(who, workspace, query)
        times.append(time.perf_counter() - started)
    return median(times) * 1000


def measure(set_up: str, folder: Path) -> list[str]:
    """What is slower than the limit."""
    failures = []
    with installation(set_up, folder) as made:
        accounts = Accounts.of(made)
        everybody = principals(accounts, made)
        print(f"\n{set_up}: median ms of a page of {PAGE}, in the large workspace and in another", flush=True)
        for who in everybody:
            for query, each in LISTS.items():
                expected = (min(PAGE, who.in_first * each), min(PAGE, who.in_other * each))
                found = tuple(page(who, workspace, query) for workspace in ("default", OTHER))
                assert found == expected, f"{who.label}, {query}: {found} instead of {expected}"
                taken = [latency(who, workspace, query) for workspace in ("default", OTHER)]
                print(f"{taken[0]:9.1f} {taken[1]:9.1f}  {who.label}: {query}", flush=True)
                if max(taken) > LIMIT:
                    failures.append(f"{set_up}, {who.label}, {query}: {max(taken):.1f} ms")
        accounts.server.stop()
    return failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True, help="the modelport binary, of a release build")
    parser.add_argument("--set-ups", default=",".join(SET_UPS), help="which set-ups, separated by commas")
    options = parser.parse_args()
    os.environ["MODELPORT_BIN"] = str(options.binary.resolve())
    failures = []
    with TemporaryDirectory(prefix="modelport-access-") as temporary:
        for set_up in options.set_ups.split(","):
            folder = Path(temporary) / set_up
            folder.mkdir()
            failures += measure(set_up, folder)
    for failure in failures:
        print(f"load/access.py: {failure}", file=sys.stderr)
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
