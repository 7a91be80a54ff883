"""With `audit.reads = "strict"` no read is lost of which a byte was sent, whenever the server is killed."""

import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
from callers import API, Accounts
from harness import Installation, Server
from torture.database import Postgres, Sqlite

LONG = "MODELPORT_TEST_LONG" in os.environ
KILLS = int(os.environ.get("MODELPORT_TEST_KILLS", 100 if LONG else 8))
SEED = int(os.environ.get("MODELPORT_TEST_SEED") or random.SystemRandom().randrange(10**9))
READERS = 4
# By what their bytes begin with, so that they are known wherever they are found.
FILES = {f"{number}.bin": f"<begin {number}>".encode() + bytes(20_000 * (number + 1)) for number in range(4)}
FOLDER = f"{API}/models/digits/versions/1/files"


class Reader(threading.Thread):
    """Somebody who reads files at whatever server runs, and counts of which bytes came, and which were asked for."""

    def __init__(self, handle: str, token: str, seed: int, servers: list[Server]):
        super().__init__(daemon=True)
        self.handle, self.servers, self.random = handle, servers, random.Random(seed)
        self.credential = {"Authorization": f"Bearer {token}"}
        self.stopped = threading.Event()
        self.came: Counter[tuple[str, str]] = Counter()
        self.asked: Counter[tuple[str, str]] = Counter()
        self.wrong: list[str] = []

    def run(self) -> None:
        while not self.stopped.is_set():
            server = self.servers[-1]
            with httpx.Client(base_url=server.url, headers=self.credential, trust_env=False, timeout=10) as client:
                try:
                    while server is self.servers[-1] and not self.stopped.is_set():
                        self.random.choice([self.whole, self.range, self.archive])(client)
                except httpx.TransportError:
                    self.stopped.wait(0.02)

    def whole(self, client: httpx.Client) -> None:
        self.one(client, {}, 200)

    def range(self, client: httpx.Client) -> None:
        first = self.random.randrange(10_000)
        self.one(client, {"Range": f"bytes={first}-{first + self.random.randrange(10_000)}"}, 206)

    def one(self, client: httpx.Client, headers: dict[str, str], status: int) -> None:
        path = self.random.choice(list(FILES))
        read = "file.download", path
        self.asked[read] += 1
        for number, _ in enumerate(self.pieces(client, f"{FOLDER}/{path}", headers, status)):
            if not number:
                self.came[read] += 1

    def archive(self, client: httpx.Client) -> None:
        self.asked.update(("archive.download", path) for path in FILES)
        received = bytearray()
        try:
            for piece in self.pieces(client, f"{FOLDER}?archive=tar", {}, 200):
                received += piece
        finally:
            self.came.update(("archive.download", path) for path, data in FILES.items() if data[:9] in received)

    def pieces(self, client: httpx.Client, url: str, headers: dict[str, str], status: int) -> Iterator[bytes]:
        with client.stream("GET", url, headers=headers) as answer:
            if answer.status_code == status:
                yield from answer.iter_raw()
            elif answer.status_code != 503:
                self.wrong.append(f"{url} was answered {answer.status_code} {answer.read()!r}")


def test_no_read_is_lost(installation: Installation, figures: list[str]) -> None:
    drawn = random.Random(SEED)
    accounts = Accounts.of(installation, {"MODELPORT__AUDIT__READS": "strict"})
    for path, data in FILES.items():
        accounts.admin.put("digits", data, path=path)
    servers = [accounts.server]
    handles = [f"reader-{number}" for number in range(READERS)]
    tokens = [accounts.service(handle, "reader").token for handle in handles]
    readers = [Reader(*each, drawn.getrandbits(32), servers) for each in zip(handles, tokens, strict=True)]
    for reader in readers:
        reader.start()
    pause = threading.Event()
    for _ in range(KILLS):
        pause.wait(drawn.uniform(0.1, 0.8))
        servers[-1].kill()
        servers.append(installation.serve())
    pause.wait(0.3)
    for reader in readers:
        reader.stopped.set()
    for reader in readers:
        reader.join(60)
    servers[-1].stop()
    assert [wrong for reader in readers for wrong in reader.wrong] == []
    recorded = entries(installation)
    # Each way has been tried.
    assert {how for reader in readers for how, _ in reader.came} == {"file.download", "archive.download"}
    for reader in readers:
        for read, came in reader.came.items():
            found = recorded[reader.handle, *read]
            assert came <= found <= reader.asked[read], (
                f"seed {SEED}: {came} of {reader.asked[read]} times bytes of {read} came to {reader.handle}, and {found} are recorded"
            )
    came, found = sum(sum(reader.came.values()) for reader in readers), sum(recorded.values())
    figures.append(f"{KILLS} kills among {came} reads of {found} that the trail has, seed {SEED}")


def entries(installation: Installation) -> Counter[tuple[str, str, str]]:
    """How many reads the trail has, by whom, how, and of what."""
    url = installation.places[3]
    database = Postgres(url) if url.startswith("postgres") else Sqlite(Path(url.removeprefix("sqlite://")))
    rows = database.rows("""
        SELECT p.handle, a.action, a.path, sum(a.requests) AS reads FROM audit a JOIN principals p ON p.id = a.principal_id
        WHERE a.outcome = 'done' AND a.path IS NOT NULL GROUP BY p.handle, a.action, a.path""")
    return Counter({(row["handle"], row["action"], row["path"]): row["reads"] for row in rows})
