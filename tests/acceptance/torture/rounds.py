"""Rounds: everybody writes, something breaks, all is made good, and everything is looked at."""

import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import eventually

from torture import checker, faults, invariants, rows
from torture.accounts import Accounts, peek
from torture.doors import OPERATIONS
from torture.ledger import Broken
from torture.world import World
from torture.writer import Writer

WRITERS = 4
# How many rounds one registry lives for, and how long each is written to besides its faults.
LIFE = 25
SECONDS = 0.6


class Tally:
    """What all rounds come to."""

    def __init__(self) -> None:
        self.rounds: Counter[str] = Counter()
        self.operations: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        # What else people with accounts did.
        self.others: Counter[str] = Counter()

    def lines(self, seed: int, violations: int = 0) -> list[str]:
        def each(counter: Counter[str]) -> str:
            return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))

        return [
            f"seed {seed}: {self.rounds.total()} rounds ({each(self.rounds)}), {violations} violations",
            f"operations: {self.operations.total()} ({each(self.operations)})",
            f"outcomes: {each(self.outcomes)}",
            f"faults: {each(self.faults)}",
            *([f"accounts: {each(self.others)}"] if self.others else []),
        ]


class Game:
    """The rounds of one world."""

    def __init__(self, name: str, world: World, seed: int, tally: Tally):
        self.name = name
        self.world = world
        self.seed = seed
        self.tally = tally
        self.random = random.Random(seed)
        self.writers = [Writer(f"w{each}", self.random.getrandbits(32), world.servers) for each in range(WRITERS)]
        self.accounts: Accounts | None = None
        if world.has_accounts:
            self.accounts = Accounts(world.servers()[0], self.writers, self.random.getrandbits(32), world.servers)
        self.feed = checker.Feed()
        self.read: set[str] = set()

    def play(self, number: int, last: bool) -> None:
        """One round. Raises what is broken."""
        began = time.monotonic()
        chosen = faults.choose(self.world, self.random)
        names = " and ".join(fault.name for fault in chosen)
        before = sum((writer.ledger.outcomes for writer in self.writers), Counter())
        try:
            self.write(chosen)
            written = time.monotonic()
            self.world.settle()
            quiet = time.monotonic()
            self.look(last)
        except (AssertionError, Broken) as error:
            raise Broken(f"{self.name} round {number}, seed {self.seed}, {names}: {error}{self.keep_log()}") from error
        outcomes = sum((writer.ledger.outcomes for writer in self.writers), Counter()) - before
        self.tally.rounds[self.name] += 1
        self.tally.outcomes += outcomes
        self.tally.faults.update(fault.name for fault in chosen)
        told = ("acknowledged", "tried again", "unknown", "not done", "refused")
        did = ", ".join(f"{outcomes[each]} {each}" for each in told if outcomes[each] or each != "refused")
        seconds = (written - began, quiet - written, time.monotonic() - quiet)
        took = "{:.1f} s of writes, {:.1f} s until quiet, {:.1f} s of checks".format(*seconds)
        print(f"{self.name} {number}: {names}: {did}; {took}", file=sys.stderr, flush=True)

    def write(self, chosen: list[faults.Fault]) -> None:
        others = self.accounts.workers if self.accounts else []
        for worker in [*self.writers, *others]:
            worker.stopped.clear()
        for writer in self.writers:
            writer.clocks_jumped |= any(fault.jumps for fault in chosen)
        moment = threading.Event()
        operations = [*OPERATIONS, (2, peek)] if self.accounts else OPERATIONS
        with ThreadPoolExecutor(WRITERS + len(others)) as pool:
            runs = [pool.submit(writer.work, operations) for writer in self.writers]
            runs += [pool.submit(other.work) for other in others]
            try:
                # The moments at which a fault begins and ends are what the round is about.
                moment.wait(self.random.uniform(0.1, SECONDS))
                for fault in chosen:
                    fault.begin()
                moment.wait(max(self.random.uniform(*fault.seconds) for fault in chosen))
            finally:
                # Servers come back when what they need has.
                for fault in sorted(chosen, key=lambda fault: fault.name.startswith("kill")):
                    fault.end()
                moment.wait(SECONDS / 2)
                for worker in [*self.writers, *others]:
                    worker.stopped.set()
            for run in runs:
                run.result()

    def look(self, last: bool) -> None:
        world = self.world
        server = self.random.choice(world.servers())
        found = []
        stored = rows.stored(world.database)
        known = {key for writer in self.writers for key in writer.ledger.possible}
        found += rows.unasked(stored, known | (self.accounts.keys() if self.accounts else set()))
        for writer in self.writers:
            found += checker.promises_broken(stored, server, writer)
            self.tally.operations += writer.ledger.operations
            writer.ledger.operations.clear()
        if self.accounts:
            found += self.accounts.broken(server, world.database)
        self.feed.read(server)
        found += self.feed.broken(world.database)
        found += invariants.broken(world.database)
        found += checker.unrecorded(world.database, (writer.ledger for writer in self.writers))
        world.installation.collect()
        found += checker.store_broken(world.database, world.installation.store, world.now(), self.read)
        if "panicked" in world.installation.log.read_text():
            found.append("the server panicked")
        if last:
            self.tally.others += self.accounts.outcomes() if self.accounts else Counter()
            eventually(world.verified, "the end of another verifier's lease")
            found += world.database.damage()
        if found:
            raise Broken("\n".join(found))

    def keep_log(self) -> str:
        kept = Path(tempfile.gettempdir()) / f"modelport-torture-{self.seed}.log"
        shutil.move(self.world.installation.log, kept)
        return f"\nthe server's log is {kept}"
