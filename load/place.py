"""The set-ups that are measured: an installation with a filled registry and a server over it."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import Installation, Server, Services

SET_UPS = ("production", "embedded")
VERSIONS_OF_A_MODEL = 100
# Of one model more, as far as there are as many of all others.
VERSIONS_OF_THE_LARGE_MODEL = 5000


@dataclass
class Place:
    """A server over a filled registry, and what is where in it."""

    set_up: str
    versions: int
    installation: Installation
    server: Server
    facts: dict[str, object]

    @property
    def database_url(self) -> str:
        return self.installation.places[3]


def installation(set_up: str, folder: Path) -> Installation:
    """SQLite with local files, or PostgreSQL with MinIO; empty, its tables made."""
    made = Installation.migrated(set_up, folder, lambda: Services(dict(os.environ)))
    # Of a line for each request most would be the log's cost.
    made.settings["MODELPORT__LOG__LEVEL"] = "warn"
    return made


def fill(program: Path, made: Installation, versions: int, *options: str) -> dict[str, object]:
    """Fills a registry with `versions` versions, as `load/seed` does; what is where."""
    url = made.places[3]
    command = [program, "--database-url", url, "--versions", str(versions), *options]
    facts = json.loads(subprocess.check_output(command, text=True))
    if url.startswith("postgres"):
        # What autovacuum does by itself a while later.
        subprocess.run(["psql", "-q", url, "-c", "VACUUM ANALYZE"], check=True)
    facts["models"] = -(-versions // VERSIONS_OF_A_MODEL)
    facts["full_models"] = max(1, versions // VERSIONS_OF_A_MODEL)
    facts["end_artifact"] = facts["first_artifact"] + facts["chains"] * facts["artifacts"]
    return facts


@contextmanager
def filled(program: Path, set_up: str, versions: int, folder: Path, *options: str) -> Iterator[Place]:
    """The set-up with a server over `versions` versions."""
    folder.mkdir(parents=True)
    made = installation(set_up, folder)
    large = min(versions, VERSIONS_OF_THE_LARGE_MODEL)
    facts = fill(program, made, versions, "--large-model", str(large), *options)
    print(f"{set_up}: {versions} versions, {facts['rows']} rows filled in {facts['seconds']:.0f} s", flush=True)
    with made:
        server = made.serve()
        yield Place(set_up, versions, made, server, facts)
        server.stop()
    if made.places[3].startswith("postgres"):
        url, _, database = made.places[3].rpartition("/")
        subprocess.run(["psql", "-q", f"{url}/postgres", "-c", f"DROP DATABASE {database}"], check=True)
