"""Who reads bytes under torture, and keeps account of what the trail has to have of that."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import httpx
from harness import Server

from torture.database import Postgres, Sqlite
from torture.rights import Right

# Of whom, how, and of what; as often as it was.
Reads = Counter[tuple[str, str, str]]


class Reader:
    """Somebody who reads files at whatever server runs, and counts of which bytes came, and which were asked for.

    Each file begins with bytes of its own, so that it is known wherever it is found.
    """

    def __init__(
        self,
        handle: str,
        token: str,
        seed: int,
        servers: Callable[[], Sequence[Server]],
        folder: str,
        files: dict[str, bytes],
        right: Right | None = None,
        seconds: float = 10,
    ):
        self.handle, self.servers, self.random = handle, servers, random.Random(seed)
        self.folder, self.files, self.right = folder, files, right
        self.options = {"headers": {"Authorization": f"Bearer {token}"}, "trust_env": False, "timeout": seconds}
        self.stopped = threading.Event()
        self.came: Reads = Counter()
        self.asked: Reads = Counter()
        self.refused = 0
        self.wrong: list[str] = []

    def work(self) -> None:
        """Reads until it is told to stop."""
        while not self.stopped.is_set():
            if not (running := self.servers()):
                self.stopped.wait(0.02)
                continue
            server = self.random.choice(running)
            with httpx.Client(base_url=server.url, **self.options) as client:
                try:
                    while server in self.servers() and not self.stopped.is_set():
                        self.random.choice([self.whole, self.range, self.archive])(client)
                except httpx.TransportError:
                    self.stopped.wait(0.02)

    def whole(self, client: httpx.Client) -> None:
        self.one(client, {}, 200)

    def range(self, client: httpx.Client) -> None:
        first = self.random.randrange(10_000)
        self.one(client, {"Range": f"bytes={first}-{first + self.random.randrange(10_000)}"}, 206)

    def one(self, client: httpx.Client, headers: dict[str, str], status: int) -> None:
        path = self.random.choice(list(self.files))
        read = self.handle, "file.download", path
        self.asked[read] += 1
        for number, _ in enumerate(self.pieces(client, f"{self.folder}/{path}", headers, status)):
            if not number:
                self.came[read] += 1

    def archive(self, client: httpx.Client) -> None:
        self.asked.update((self.handle, "archive.download", path) for path in self.files)
        received = bytearray()
        try:
            for piece in self.pieces(client, f"{self.folder}?archive=tar", {}, 200):
                received += piece
        finally:
            found = [path for path, data in self.files.items() if data[:9] in received]
            self.came.update((self.handle, "archive.download", path) for path in found)

    def pieces(self, client: httpx.Client, url: str, headers: dict[str, str], status: int) -> Iterator[bytes]:
        sent = time.monotonic()
        with client.stream("GET", url, headers=headers) as answer:
            held = self.right.surely(sent, time.monotonic()) if self.right else True
            if answer.status_code == status:
                if held is False:
                    self.wrong.append(f"{self.handle} was shown {url}, which was hidden")
                yield from answer.iter_raw()
            elif answer.status_code == 404 and not held:
                self.refused += 1
                self.stopped.wait(self.random.uniform(0.02, 0.2))
            elif answer.status_code != 503:
                self.wrong.append(f"{url} was answered {answer.status_code} {answer.read()!r} to {self.handle}")


def recorded(database: Sqlite | Postgres) -> Reads:
    """How many reads the trail has."""
    rows = database.rows("""
        SELECT p.handle, a.action, a.path, sum(a.requests) AS reads FROM audit a JOIN principals p ON p.id = a.principal_id
        WHERE a.outcome = 'done' AND a.path IS NOT NULL GROUP BY p.handle, a.action, a.path""")
    return Counter({(row["handle"], row["action"], row["path"]): row["reads"] for row in rows})


def lost(readers: Sequence[Reader], found: Reads) -> list[str]:
    """Reads of which bytes came and which the trail has not, and those that it has and nobody asked for."""
    return [
        f"{reader.came[read]} of {asked} times bytes of {read} came, and {found[read]} are recorded"
        for reader in readers
        for read, asked in reader.asked.items()
        if not reader.came[read] <= found[read] <= asked
    ]
