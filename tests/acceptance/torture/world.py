"""An installation under torture: replicas, the wires to what they need, their clocks and their disk."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from harness import ROOT, Installation, S3Store, Server, Services, eventually

from torture import accounts
from torture.database import Postgres, Sqlite
from torture.disk import Disk, small_disk
from torture.proxy import Proxy

SETTINGS = {
    # Collectors are at work all the time.
    "MODELPORT__COLLECTOR__INTERVAL_SECONDS": "1",
    "MODELPORT__COLLECTOR__GRACE_SECONDS": "2",
    "MODELPORT__DATABASE__ACQUIRE_TIMEOUT_MS": "1500",
    # Shorter than black holes and pauses may be.
    "MODELPORT__DATABASE__ANSWER_TIMEOUT_MS": "2500",
}
# What a server says of itself that does nothing but answer to whoever asks for it, and whose transactions have ended, those of
# callers that have left, too.
IDLE = re.compile(r"modelport_http_requests_in_flight 1\n")
BUSY = re.compile(r'modelport_database_connections{pool="\w+",state="used"} [1-9]')


class Replica:
    """A server process after the other, all with one clock."""

    def __init__(self, installation: Installation, clock: Path):
        self.installation = installation
        self.clock = clock
        self.server: Server | None = None
        self.set_clock(0)
        library = subprocess.check_output([ROOT / "scripts/tools", "faketime"], text=True).strip()
        self.variables = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set_clock(self, seconds: int) -> None:
        """Puts the clock so far from the right time, at once."""
        new = self.clock.with_suffix(".new")
        new.write_text(f"{seconds:+d}")
        new.rename(self.clock)

    def start(self) -> None:
        if self.server is None:
            self.server = self.installation.serve(variables=self.variables)

    def kill(self) -> None:
        server, self.server = self.server, None
        if server:
            server.kill()


class World:
    """What rounds are played in."""

    def __init__(self, installation: Installation, folder: Path, database: Sqlite | Postgres, replicas: int):
        self.installation = installation
        self.database = database
        self.replicas = [Replica(installation, folder / f"clock-{number}") for number in range(replicas)]
        self.services: Services | None = None
        self.wires: dict[str, Proxy] = {}
        self.disk: Disk | None = None
        self.has_accounts = bool(installation.credential)

    def start(self) -> None:
        for replica in self.replicas:
            replica.start()

    def servers(self) -> list[Server]:
        return [server for replica in self.replicas if (server := replica.server)]

    def settle(self) -> None:
        """Until nothing is under way any more."""
        self.start()
        for server in self.servers():
            eventually(lambda server=server: server.ready() == 200, "readiness")
            eventually(lambda server=server: is_idle(server), "the end of requests")
        eventually(self.database.quiet, "the end of transactions")

    def verified(self) -> bool:
        """Whether all bytes were compared with their digests, and agree. Whoever was killed doing so holds on for seconds."""
        command = ("verify", "--restart", "--mib-per-second", "0")
        process = self.installation.spawn(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output, _ = process.communicate()
        held = "another process is verifying" in output
        assert held or process.returncode == 0, output
        return not held

    def now(self) -> int:
        """The right time in milliseconds."""
        return int(time.time() * 1000)


def is_idle(server: Server) -> bool:
    metrics = server.http.get("/metrics").text
    return bool(IDLE.search(metrics)) and not BUSY.search(metrics)


def tortured(installation: Installation, has_accounts: bool) -> None:
    """Sets what makes things happen."""
    installation.settings |= SETTINGS
    if has_accounts:
        installation.settings |= accounts.SETTINGS
        installation.credential = accounts.CREDENTIAL


@contextmanager
def embedded(folder: Path, has_accounts: bool = False) -> Iterator[World]:
    """SQLite and local files, on a disk of their own."""
    with small_disk(folder / "disk", 400) as disk, Installation.embedded(disk.inside) as installation:
        installation.log = folder / "server.log"
        installation.enter = disk.enter
        installation.store.folder = disk.folder / "artifacts"
        tortured(installation, has_accounts)
        world = World(installation, folder, Sqlite(disk.inside / "modelport.db", disk.enter), 1)
        world.disk = disk
        world.start()
        yield world


@contextmanager
def production(folder: Path, services: Services, seed: int, has_accounts: bool = False) -> Iterator[World]:
    """Two replicas over PostgreSQL and MinIO, which they reach by wires."""
    with ExitStack() as stack:
        installation = stack.enter_context(Installation.production(folder, services))
        installation.run("migrate")
        url = urlsplit(installation.places[3])
        store: S3Store = installation.store
        endpoint = f"127.0.0.1:{services.s3_port()}"
        wires = {
            "database": stack.enter_context(Proxy(url.port, seed)),
            "store": stack.enter_context(Proxy(services.s3_port(), seed + 1)),
        }
        user = url.netloc.rpartition("@")[0]
        through = url._replace(netloc=f"{user}@127.0.0.1:{wires['database'].port}").geturl()
        store.url = store.url.replace(endpoint, f"127.0.0.1:{wires['store'].port}")
        installation.places = ["--data-dir", folder, "--database-url", through, "--artifact-store", store.url]
        tortured(installation, has_accounts)
        world = World(installation, folder, Postgres(url.geturl()), 2)
        world.services, world.wires = services, wires
        world.start()
        yield world
