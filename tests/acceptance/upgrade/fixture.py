"""A registry in a file: the database as SQL, the object store, and what a release answered over them."""

import io
import json
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asking import Answer, Question
from harness import ROOT, Installation, LocalStore, Services
from torture.database import Postgres, Sqlite

FOLDER = Path(__file__).parent / "before-accounts"
DATABASE, ANSWERS, NOTES, OBJECTS = "database.sql", "answers.json", "notes.json", "objects/"
# So long that what expires does not while this repository is used, in seconds.
AGES = "3155760000"
KEPT = {"MODELPORT__ARTIFACTS__UPLOAD_EXPIRY_SECONDS": AGES, "MODELPORT__JOBS__KEEP_SECONDS": AGES}
# Nothing but what is asked for happens.
STILL = KEPT | {"MODELPORT__COLLECTOR__INTERVAL_SECONDS": "0", "MODELPORT__JOBS__WORKERS": "0"}


@dataclass
class Registry:
    """What a release left behind."""

    sql: str
    objects: dict[str, bytes]
    answers: list[tuple[Question, Answer]]
    # What has to be known to continue what was begun.
    notes: dict[str, Any]

    def write(self, path: Path) -> None:
        members = {f"{OBJECTS}{name}": content for name, content in self.objects.items()}
        members |= {DATABASE: self.sql.encode(), NOTES: text(self.notes), ANSWERS: text(self.answers)}
        with tarfile.open(path, "w:gz", compresslevel=9) as archive:
            for name, content in sorted(members.items()):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))

    @classmethod
    def read(cls, path: Path) -> "Registry":
        with tarfile.open(path) as archive:
            members = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}
        found = [json.loads(members.pop(name)) for name in [ANSWERS, NOTES]]
        sql = members.pop(DATABASE).decode()
        return cls(sql, {name.removeprefix(OBJECTS): content for name, content in members.items()}, *found)


def text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=0).encode()


def database_url(installation: Installation) -> str:
    return str(installation.places[installation.places.index("--database-url") + 1])


def empty(set_up: str, folder: Path, services: Callable[[], Services]) -> Installation:
    """Where such a registry comes from or goes to, without tables."""
    installation = Installation.empty(set_up, folder, services)
    if set_up == "production":
        installation.settings["MODELPORT__ARTIFACTS__DIRECT_UPLOAD_SECONDS"] = "600"
    return installation


def database(installation: Installation) -> Sqlite | Postgres:
    url = database_url(installation)
    return Sqlite(Path(url.removeprefix("sqlite://"))) if url.startswith("sqlite") else Postgres(url)


def change(installation: Installation, statements: str) -> None:
    """Runs SQL in the database of an installation whose servers have ended."""
    url = database_url(installation)
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite://")) as connection:
            connection.executescript(statements)
        connection.close()
        return
    command = ["psql", url, "-qX", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"]
    subprocess.run(command, input=statements, text=True, check=True)


def dumped(installation: Installation) -> str:
    """The database of an installation whose servers have ended."""
    url = database_url(installation)
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite://")) as connection:
            return "\n".join(connection.iterdump())
    programs = subprocess.check_output([ROOT / "scripts/tools", "postgres"], text=True).strip()
    options = ["--inserts", "--rows-per-insert=100", "--no-owner", "--no-privileges", "--no-comments"]
    lines = subprocess.check_output([f"{programs}/pg_dump", *options, url], text=True).splitlines()
    # Settings of a session that not every release of PostgreSQL knows, and what is for psql.
    return "\n".join(line for line in lines if not line.startswith(("SET ", "\\", "--")))


def stored(installation: Installation) -> dict[str, bytes]:
    """All objects, with the id of the store."""
    store = installation.store
    if isinstance(store, LocalStore):
        paths = [path for path in store.folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(store.folder)): path.read_bytes() for path in paths}
    pages = store.client.get_paginator("list_objects_v2").paginate(Bucket=store.bucket)
    return {item["Key"]: store.bytes(item["Key"]) for page in pages for item in page["Contents"]}


def restore(registry: Registry, installation: Installation) -> None:
    """Puts a registry into an installation that is empty."""
    store = installation.store
    change(installation, registry.sql)
    if isinstance(store, LocalStore):
        for name, content in registry.objects.items():
            path = store.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return
    store.client.create_bucket(Bucket=store.bucket)
    for name, content in registry.objects.items():
        store.client.put_object(Bucket=store.bucket, Key=name, Body=content)
