"""Torture with accounts: writers and readers with tokens, and somebody who gives and takes their roles meanwhile.

Writers always see the workspace, so that one without a role is told 403. What readers read is restricted, and so hidden
from all others and from a reader without a role.
"""

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx
from harness import Server

from torture.database import Postgres, Sqlite
from torture.ledger import Broken, Key
from torture.readers import Reader, lost, recorded
from torture.rights import Right
from torture.writer import PASSING, Doors, Writer

API = "/api/v1"
ADMIN = "an administrator's token of the tests"
CREDENTIAL = {"Authorization": f"Bearer {ADMIN}"}
SETTINGS = {
    "MODELPORT__AUTH__MODE": "on",
    "MODELPORT__AUTH__BOOTSTRAP_TOKEN": ADMIN,
    "MODELPORT__AUDIT__READS": "strict",
}
READERS = 2
HIDDEN = "hidden"
FOLDER = f"{API}/models/{HIDDEN}/versions/1/files"
FILES = {f"{number}.bin": f"<begin {number}>".encode() + bytes(20_000 * (number + 1)) for number in range(3)}
# For how long a role stays as it is, in seconds.
PAUSES = (0.3, 1.5)


@dataclass
class Person:
    """Somebody who has a role or not."""

    handle: str
    role: str
    scope: dict[str, str]
    right: Right
    # The binding, where there is one for sure.
    binding: str | None = None
    # Whether a request whose outcome nobody knows may yet change it.
    is_unclear: bool = False

    def body(self) -> dict:
        return {"subject": {"principal": self.handle}, "role": self.role, "scope": self.scope}


class Grantor:
    """Gives and takes roles at whatever server runs."""

    def __init__(self, people: Sequence[Person], seed: int, servers: Callable[[], Sequence[Server]]):
        self.people, self.servers, self.random = people, servers, random.Random(seed)
        self.stopped = threading.Event()
        self.acknowledged: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()

    def work(self) -> None:
        while not self.stopped.is_set():
            clear = [person for person in self.people if not person.is_unclear]
            without = [person for person in clear if not person.right.is_held]
            # Most can work most of the time.
            among = without if len(without) > len(self.people) // 3 else clear
            if among:
                self.change(self.random.choice(among))
            self.stopped.wait(self.random.uniform(*PAUSES))

    def change(self, person: Person) -> None:
        """Asks until it is answered. What an attempt may have done that was not answered, it may yet do."""
        person.right.change()
        gives = not person.right.is_held
        while not self.stopped.is_set():
            if running := self.servers():
                doors = Doors(self.random.choice(running), ADMIN)
                try:
                    answer = self.send(doors.api, person, gives)
                except httpx.ConnectError:
                    pass
                except httpx.TransportError:
                    break
                else:
                    if answer.status_code in (201, 204):
                        self.acknowledged["binding.create" if gives else "binding.delete"] += 1
                        person.binding = answer.json()["id"] if gives else None
                        person.right.settle(gives)
                        return
                    if answer.status_code not in PASSING:
                        raise Broken(f"{person} was answered {answer.status_code} {answer.text}")
                    # Nobody knows what became of it.
                    break
                finally:
                    doors.close()
            self.stopped.wait(0.05)
        person.is_unclear = True

    def send(self, client: httpx.Client, person: Person, gives: bool) -> httpx.Response:
        if gives:
            self.asked["binding.create"] += 1
            return client.post(f"{API}/bindings", json=person.body())
        self.asked["binding.delete"] += 1
        return client.delete(f"{API}/bindings/{person.binding}")

    def broken(self, server: Server, database: Sqlite | Postgres) -> list[str]:
        """What of the roles is not as it was acknowledged, when nothing is under way. Settles what nobody knew."""
        found = []
        for person in self.people:
            query = {"principal": person.handle, "pageSize": "100"}
            items = server.http.get(f"{API}/bindings", params=query).raise_for_status().json()["items"]
            bound = [item["id"] for item in items if item["role"] == person.role]
            if not person.is_unclear and bound != [person.binding] * person.right.is_held:
                found.append(f"{person} has {bound}")
            person.binding = bound[0] if bound else None
            if person.is_unclear:
                person.is_unclear = False
                person.right.settle(bool(bound))
        rows = database.rows("SELECT action, count(*) AS times FROM audit WHERE action LIKE 'binding.%' GROUP BY action")
        times = {row["action"]: row["times"] for row in rows}
        for action in times.keys() | self.asked.keys():
            asked = self.asked[action]
            if not self.acknowledged[action] <= times.get(action, 0) <= asked:
                found.append(f"{action}: {self.acknowledged[action]} of {asked} acknowledged, {times} are in the trail")
        return found


class Accounts:
    """Everybody under torture who has an account."""

    def __init__(self, server: Server, writers: Sequence[Writer], seed: int, servers: Callable[[], Sequence[Server]]):
        self.server, drawn = server, random.Random(seed)
        # Whoever makes something owns nothing by that: roles alone decide.
        self.ask("PATCH", "/workspaces/default", json={"ownerRole": "none"})
        for path, data in FILES.items():
            self.ask("PUT", f"/models/{HIDDEN}/versions/1/files/{path}", content=data)
        root = self.ask("GET", f"/models/{HIDDEN}")["id"]
        self.ask("PATCH", f"/roots/{root}", json={"restricted": True})
        people = []
        for writer in writers:
            writer.credential = self.account(writer.name)
            self.ask("POST", "/bindings", json=Person(writer.name, "viewer", {"workspace": "default"}, Right()).body())
            people.append(Person(writer.name, "maintainer", {"workspace": "default"}, Right()))
            writer.right = people[-1].right
        self.readers = []
        for handle in [f"r{number}" for number in range(READERS)]:
            people.append(Person(handle, "reader", {"root": root}, Right()))
            token, seed, right = self.account(handle), drawn.getrandbits(32), people[-1].right
            self.readers.append(Reader(handle, token, seed, servers, FOLDER, FILES, right, seconds=3))
        self.grantor = Grantor(people, drawn.getrandbits(32), servers)
        for person in people:
            self.begin(person)
        made = len(people) + len(writers)
        self.grantor.asked["binding.create"] = self.grantor.acknowledged["binding.create"] = made

    def ask(self, method: str, path: str, **options) -> dict:
        answer = self.server.http.request(method, API + path, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}

    def account(self, handle: str) -> str:
        """The token of a new account."""
        self.ask("POST", "/principals", json={"handle": handle})
        return self.ask("POST", "/tokens", json={"name": "torture", "owner": handle})["secret"]

    def begin(self, person: Person) -> None:
        """All have their roles at first."""
        person.right.change()
        person.binding = self.ask("POST", "/bindings", json=person.body())["id"]
        person.right.settle(True)

    @property
    def workers(self) -> list[Reader | Grantor]:
        return [*self.readers, self.grantor]

    def keys(self) -> set[Key]:
        """What is there besides what writers speak of."""
        files = {("file", HIDDEN, "1", path) for path in FILES}
        return files | {("model", HIDDEN), ("version", HIDDEN, "1")}

    def broken(self, server: Server, database: Sqlite | Postgres) -> list[str]:
        found = [line for reader in self.readers for line in reader.wrong] + lost(self.readers, recorded(database))
        for path, data in FILES.items():
            answer = server.http.get(f"{FOLDER}/{path}")
            if answer.status_code != 200 or answer.content != data:
                found.append(f"{path} is {hashlib.sha256(answer.content).hexdigest()}, {answer.status_code}")
        return found + self.grantor.broken(server, database)

    def outcomes(self) -> Counter[str]:
        said = {"read": sum(sum(reader.came.values()) for reader in self.readers)}
        said["hidden"] = sum(reader.refused for reader in self.readers)
        return Counter(said) + self.grantor.acknowledged


def peek(writer: Writer) -> None:
    """Writers see the workspace, and not what is restricted in it: neither its bytes, nor that it is there."""
    doors = writer.doors()
    if doors is None:
        return
    writer.ledger.operations["peek"] += 1
    for url in (f"{FOLDER}/0.bin", f"{API}/models/{HIDDEN}", f"{API}/models/{HIDDEN}/versions"):
        try:
            answer = doors.api.get(url)
        except httpx.TransportError:
            return
        if answer.status_code not in {404, *PASSING}:
            raise Broken(f"{writer.name} looked at {url}, and was told {answer.status_code} {answer.text[:200]}")
