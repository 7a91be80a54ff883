"""Somebody who writes through every door, tries again as clients do, and keeps account of what was promised."""

import hashlib
import random
import threading
import time
from collections.abc import Callable, Collection, Sequence

import httpx
from harness import Server

from torture.ledger import Broken, Change, Ledger
from torture.rights import Right

# How long a client waits for an answer, and how often it asks.
SECONDS = 3.0
ATTEMPTS = 4
# The server's own failures that a client takes for passing; a 500 is a fault of the server.
PASSING = {503}
# What bytes begin with, so that inspection never takes them for a pickle.
PLAIN = b"just some bytes: "

Send = Callable[["Doors", dict[str, str]], httpx.Response]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Doors:
    """One writer's connections to one server process."""

    def __init__(self, server: Server, token: str | None = None):
        credential = {"Authorization": f"Bearer {token}"} if token else {}
        options = {"timeout": SECONDS, "trust_env": False, "verify": False, "headers": credential}
        self.server = server
        self.api = httpx.Client(base_url=server.url, **options)
        self.grpc = f"http://127.0.0.1:{server.grpc_port}"
        self.edge = httpx.Client(base_url=f"http://127.0.0.1:{server.edge_port}", **options)

    def close(self) -> None:
        self.api.close()
        self.edge.close()


class Writer:
    """Its names begin with its own, so that nobody else changes what its ledger speaks of."""

    def __init__(self, name: str, seed: int, servers: Callable[[], Sequence[Server]]):
        self.name = name
        self.random = random.Random(seed)
        self.servers = servers
        self.ledger = Ledger()
        self.stopped = threading.Event()
        # Whether a clock was set forward, so that what is kept for a while may be gone.
        self.clocks_jumped = False
        self.pending: list = []
        self.ids: dict[tuple[str, ...], str] = {}
        self.known: dict[Server, Doors] = {}
        self.count = 0
        # Where there are accounts: a token, and whether they may write.
        self.credential: str | None = None
        self.right: Right | None = None

    def number(self) -> int:
        self.count += 1
        return self.count

    def token(self) -> str:
        return f"{self.random.getrandbits(48):012x}"

    def bytes(self) -> bytes:
        """Mostly new ones of any size; some that other writers have, too."""
        if self.random.random() < 0.2:
            return PLAIN + random.Random(self.random.randrange(4)).randbytes(30_000)
        return PLAIN + self.random.randbytes(int(10 ** self.random.uniform(0, 5.7)))

    def work(self, operations: Sequence[tuple[int, Callable[["Writer"], None]]]) -> None:
        """Does one after the other until it is told to stop."""
        weights = [weight for weight, _ in operations]
        try:
            while not self.stopped.is_set():
                ((_, operation),) = self.random.choices(operations, weights)
                operation(self)
        finally:
            for doors in self.known.values():
                doors.close()
            self.known.clear()

    def doors(self) -> Doors | None:
        """Those of a server that runs, as a load balancer chooses it."""
        running = self.servers()
        if not running:
            return None
        server = self.random.choice(running)
        if server not in self.known:
            self.known[server] = Doors(server, self.credential)
        return self.known[server]

    def perform(
        self,
        kind: str,
        change: Change,
        send: Send,
        done: Collection[int],
        done_before: Collection[int] = (),
        once: bool = False,
    ) -> httpx.Response | None:
        """Asks for a change until it is answered, or given up. `done_before` are the answers to what an earlier attempt
        may have done already. What is to be done `once` is not asked for again once it may have been done. None when nobody
        knows."""
        before = self.ledger.intend(change)
        self.ledger.operations[kind] += 1
        request = f"{self.name}-{self.number()}-{self.token()}"
        doubtful = False
        for _ in range(ATTEMPTS):
            doors = self.doors()
            if doors is not None:
                sent = time.monotonic()
                try:
                    answer = send(doors, {"X-Request-Id": request})
                except httpx.ConnectError:
                    pass
                except httpx.TransportError:
                    doubtful = True
                else:
                    if answer.status_code in done:
                        # An earlier attempt was allowed, perhaps, and this one is told of it.
                        self.check_right(sent, answer, is_done=not doubtful)
                        self.ledger.acknowledge(kind, request, change, doubtful)
                        return answer
                    if doubtful and answer.status_code in done_before:
                        break
                    if self.is_refused(sent, answer):
                        break
                    if answer.status_code not in PASSING:
                        raise Broken(f"{kind} {dict(change)} was answered {answer.status_code} {answer.text}, {request}")
                    doubtful = True
            if doubtful and once:
                break
            self.ledger.outcomes["tried again"] += 1
            self.stopped.wait(self.random.uniform(0.02, 0.3))
        if doubtful:
            self.ledger.doubt(change, before)
        else:
            self.ledger.refuse(change, before)
        return None

    def is_refused(self, sent: float, answer: httpx.Response) -> bool:
        """Whether it was refused to somebody who may not write, as far as anybody knows."""
        if self.right is None or answer.status_code != 403:
            return False
        if self.right.surely(sent, time.monotonic()):
            raise Broken(f"{self.name} was refused what they may do: {answer.request.url} {answer.text}")
        self.ledger.outcomes["refused"] += 1
        self.stopped.wait(self.random.uniform(0.02, 0.2))
        return True

    def check_right(self, sent: float, answer: httpx.Response, is_done: bool) -> None:
        """Nothing is done for somebody who surely may not write."""
        if is_done and self.right and self.right.surely(sent, time.monotonic()) is False:
            raise Broken(f"{self.name} was allowed what they may not do: {answer.request.url} {answer.status_code}")
