"""What the server has acknowledged to a writer, and what nobody knows: all that has to be true afterwards."""

from collections import Counter
from collections.abc import Callable, Mapping
from random import Random

# What is spoken of, as in ("file", model, version, path), and what it is like: a digest or a description. None is absent.
Key = tuple[str, ...]
State = str | None
Change = Mapping[Key, State]


class Broken(Exception):
    """A promise that the server broke."""


class Ledger:
    """One writer's. Nobody else changes what it speaks of."""

    def __init__(self) -> None:
        self.possible: dict[Key, set[State]] = {}
        # Until the round is over, an earlier attempt may still take effect: these are left alone.
        self.frozen: set[Key] = set()
        # What took place as a whole or not at all: before and after.
        self.doubtful: list[tuple[dict[Key, State], Change]] = []
        self.touched: set[Key] = set()
        # What may yet take place, however long after the request that asked for it, and what it is like then.
        self.lasting: dict[Key, State] = {}
        # By the id of the request.
        self.acknowledged: dict[str, str] = {}
        self.operations: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()

    def certain(self, kind: str, suits: Callable[[Key], bool] = lambda _key: True) -> dict[Key, str]:
        """What is there for sure, and may be changed."""
        found = {}
        for key, states in self.possible.items():
            if key[0] == kind and len(states) == 1 and not self.is_frozen(key) and suits(key):
                (state,) = states
                if state is not None:
                    found[key] = state
        return found

    def is_frozen(self, key: Key) -> bool:
        """Whether it or what owns it is left alone."""
        return any(owner in self.frozen for owner in (key, *owners(key)))

    def owned(self, owner: Key) -> list[Key]:
        return [key for key in self.possible if owner in owners(key)]

    def intend(self, change: Change) -> dict[Key, State]:
        """Before it is asked for, a change may take place. What was there, where that is known."""
        before = {}
        for key, state in change.items():
            states = self.possible.setdefault(key, {None})
            before[key] = next(iter(states)) if len(states) == 1 else None
            states.add(state)
            self.touched.add(key)
        return before

    def acknowledge(self, kind: str, request: str, change: Change, late: bool) -> None:
        """It took place; where `late`, an earlier attempt at the same may yet come after it."""
        for key, state in change.items():
            self.possible[key] = {state}
            self.lasting.pop(key, None)
        if late:
            self.frozen |= change.keys()
        self.acknowledged[request] = kind
        self.outcomes["acknowledged"] += 1

    def refuse(self, change: Change, before: dict[Key, State]) -> None:
        for key in change:
            self.possible[key] = {before[key]}
        self.outcomes["not done"] += 1

    def doubt(self, change: Change, before: dict[Key, State]) -> None:
        """Nobody knows."""
        self.frozen |= change.keys()
        self.doubtful.append((before, change))
        self.outcomes["unknown"] += 1

    def compare(self, observed: Change) -> list[str]:
        """What of the observed cannot be, and what took place in part."""
        broken = []
        for key, state in observed.items():
            if state not in self.possible[key]:
                broken.append(f"{key} is {state!r}, which should be one of {sorted(map(repr, self.possible[key]))}")
        for before, change in self.doubtful:
            differing = [key for key in change if key in observed and before[key] != change[key]]
            after = [key for key in differing if observed[key] == change[key]]
            if after and len(after) != len(differing):
                broken.append(f"one request changed {after} and not the rest of {differing}")
        return broken

    def settle(self, observed: Change) -> None:
        """What was observed is what is known from now on."""
        for key, state in observed.items():
            self.possible[key] = {state}
            if key in self.lasting:
                self.possible[key].add(self.lasting[key])
                if state == self.lasting[key]:
                    del self.lasting[key]
        self.frozen.clear()
        self.doubtful.clear()
        self.touched.clear()


def choose(random: Random, found: dict[Key, str]) -> tuple[Key, str] | None:
    """One of those, if there is one."""
    return random.choice(list(found.items())) if found else None


def owners(key: Key) -> list[Key]:
    """What takes it along when it goes."""
    kind, *names = key
    match kind:
        case "version":
            return [("model", names[0])]
        case "file" | "artifact":
            return [("version", names[0], names[1]), ("model", names[0])]
        case "alias" | "numbered":
            return [("model", names[0])]
    return []
