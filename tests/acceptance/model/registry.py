"""What the registry should answer: plain data, and the rules of every write. Nothing here knows a protocol."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from .entities import EVERY, TYPES, UPSERTED, Value, names_repeat

MAX_NAME = 512
# What has to be referred to.
DEMANDED = {"kf.InferenceService": "registered_model_id", "kf.ServeModel": "model_version_id"}


class Refusal(Enum):
    """Why something is not done. Each door has its own words for it."""

    INVALID = "what was sent cannot be"
    REQUIRED = "something is missing in what was sent"
    MISSING = "what it is about is not there"
    EXISTS = "there is one already"
    STALE = "it was changed meanwhile"
    OWNS = "it has others"
    UNSERVABLE = "it may not be served"
    OUTSIDE = "a place is named where nothing is"
    TOO_LONG = "it is more than was said"
    DAMAGED = "it is not what its checksum says"


class Learnt(Enum):
    """What the server decides, and then has to stay by."""

    LATER = "taken from the first answer"


LATER = Learnt.LATER


@dataclass
class Draft:
    """What is to be made."""

    type: str
    name: str | None = None
    home: int | None = None
    external_id: str | None = None
    uri: str | None = None
    state: str | None = None
    properties: dict[str, Value] = field(default_factory=dict)
    custom: dict[str, Value] = field(default_factory=dict)


@dataclass
class Node(Draft):
    """What is there."""

    id: int = 0
    kind: str = ""
    revision: int = 1
    created: Any = LATER
    updated: Any = LATER
    # The time of the last change is later than this.
    updated_after: int = 0
    # What is attached to a context besides what it owns.
    members: set[int] = field(default_factory=set)
    # Digests by path.
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """An entry of the record of changes."""

    node: int
    action: str
    revision: int


class Together(list[Change]):
    """The changes of one write, whose nodes stand in no order that anybody relies on."""


class Removed(list[Change]):
    """The changes of a removal: who loses what goes may be told once for each of several batches, and what was removed last."""


def texts(value: Any) -> Iterator[str]:
    """Every text in names and values, however deep."""
    match value:
        case str():
            yield value
        case ("string", str() as text) | ("proto", (str() as text, _)):
            yield text
        case ("struct", inner):
            yield from texts(inner)
        case list():
            for inner in value:
                yield from texts(inner)
        case dict():
            for name, inner in value.items():
                yield name
                yield from texts(inner)


# A time of the server's, as it compares with those that clients say.
NOW = 1_800_000_000_000


def rank(point: dict[str, Any], batch: int) -> tuple[int, tuple[int, int], float]:
    """What the latest point of a metric is the greatest by, which was measured in that batch. A NaN is less than every number."""
    value, step, at = (point[name][1] for name in ["value", "step", "timestamp"])
    return step, (NOW, batch) if at == LATER else (at, 0), -math.inf if value != value else value


class Registry:
    """All that was written."""

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {}
        self.aliases: dict[tuple[int, str], int] = {}
        # By artifact, execution and type.
        self.events: dict[tuple[int, int, str], list[int | str]] = {}
        self.points: list[tuple[int, Value, Any, Any]] = []
        # How many batches of points there were, and in which of them the latest of a metric was measured.
        self.batch = 0
        self.timed: dict[int, int] = {}
        # Uploads that are in progress or have ended, by their ids.
        self.uploads: dict[str, Any] = {}
        # What belongs to one write stands together.
        self.changes: list[list[Change]] = []

    # What is there.

    def of(self, *types: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.type in types]

    def owned(self, home: int) -> list[Node]:
        return [node for node in self.nodes.values() if node.home == home]

    def members(self, context: int) -> list[Node]:
        """What a context owns, and what is attached to it."""
        attached = self.nodes[context].members
        return [node for node in self.nodes.values() if node.home == context or node.id in attached]

    def named(self, type_name: str, home: int | None, name: str | None) -> Node | None:
        found = [node for node in self.of(type_name) if (node.home, node.name) == (home, name)]
        return found[0] if found else None

    def below(self, node: Node) -> list[Node]:
        """The node and all that goes with it, homes before what they own."""
        found = [node]
        for each in found:
            found += self.owned(each.id)
        return found

    def versions(self, model: Node) -> list[Node]:
        return [node for node in self.owned(model.id) if node.type == "kf.ModelVersion"]

    def is_served(self, node: Node) -> bool:
        """Whether something that is live serves the version, or the model or one of its versions."""
        ids = {node.id} | ({each.id for each in self.versions(node)} if node.type == "kf.RegisteredModel" else set())
        named = lambda each, name: each.properties.get(name, ("int", None))[1] in ids
        services = [
            each for each in self.of("kf.InferenceService") if each.properties.get("desired_state") != ("string", "UNDEPLOYED")
        ]
        deployments = [each for each in self.of("kf.ServeModel") if each.state in ("NEW", "RUNNING")]
        return any(named(each, "model_version_id") for each in services + deployments) or any(
            named(each, "registered_model_id") for each in services
        )

    # What may be written. All that is wrong is named, because nobody says which of several is looked at first.

    def refusals(self, draft: Draft, *, upsert: bool = False, demands: bool = True) -> set[Refusal]:
        """What is wrong with a draft, where one of its name may be changed instead, and references may be demanded."""
        of, found = EVERY[draft.type], set()
        if of.name_required and not draft.name:
            found.add(Refusal.REQUIRED)
        if of.homes and of.kind != "artifact" and not draft.home:
            found.add(Refusal.REQUIRED)
        if draft.home and (draft.home not in self.nodes or self.nodes[draft.home].type not in of.homes):
            found.add(Refusal.MISSING)
        taken = self.named(draft.type, draft.home, draft.name)
        if draft.name and taken and not names_repeat(draft.type, bool(draft.home)):
            if not (upsert and draft.type in UPSERTED):
                found.add(Refusal.EXISTS)
            else:
                found |= self.taken(taken.kind, draft.external_id, but=taken.id)
                return found | self.odd(draft) | self.of_values(draft.type, {**taken.properties, **draft.properties})
        if demands and not DEMANDED.get(draft.type, "") in {"", *draft.properties}:
            found.add(Refusal.REQUIRED)
        found |= self.taken(of.kind, draft.external_id)
        found |= self.dangling(draft.type, draft.properties) | self.mispaired(draft)
        return found | self.odd(draft) | self.of_values(draft.type, draft.properties)

    def odd(self, draft: Draft) -> set[Refusal]:
        """Names and texts that nothing can be called or say."""
        names = [draft.name or "", draft.external_id or ""]
        said = [*names, draft.uri or "", *texts(draft.properties), *texts(draft.custom)]
        too_long = any(len(name) > MAX_NAME for name in names)
        return {Refusal.INVALID} if too_long or any("\0" in text for text in said) else set()

    def of_values(self, type_name: str, properties: dict[str, Value]) -> set[Refusal]:
        start, end = (properties.get(f"{name}_time_since_epoch", ("int", None))[1] for name in ["start", "end"])
        if type_name == "kf.ExperimentRun" and None not in (start, end) and end < start:
            return {Refusal.INVALID}
        if type_name == "kf.Metric" and "value" not in properties:
            return {Refusal.INVALID}
        return set()

    def taken(self, kind: str, external_id: str | None, but: int = 0) -> set[Refusal]:
        others = (node for node in self.nodes.values() if node.kind == kind and node.id != but)
        is_taken = external_id and any(node.external_id == external_id for node in others)
        return {Refusal.EXISTS} if is_taken else set()

    def dangling(self, type_name: str, properties: dict[str, Value]) -> set[Refusal]:
        found = set()
        for name, referred in EVERY[type_name].references.items():
            if name in properties:
                target = self.nodes.get(properties[name][1])
                if not target or target.type != referred:
                    found.add(Refusal.MISSING)
                elif type_name == "kf.ServeModel" and not servable(target):
                    found.add(Refusal.UNSERVABLE)
        return found

    def mispaired(self, draft: Draft) -> set[Refusal]:
        """A service of one model does not serve another's version."""
        service = self.nodes.get(draft.home or 0) if draft.type == "kf.ServeModel" else draft
        if draft.type not in DEMANDED or not service or "registered_model_id" not in service.properties:
            return set()
        version = self.nodes.get(draft.properties.get("model_version_id", ("int", 0))[1])
        is_other = version and version.type == "kf.ModelVersion" and version.home != service.properties["registered_model_id"][1]
        return {Refusal.INVALID} if is_other else set()

    # Writes, which the server has agreed to.

    def create(self, draft: Draft, node_id: int) -> Node:
        assert node_id not in self.nodes, f"node {node_id} was made twice"
        node = Node(**vars(replace(draft)), id=node_id, kind=EVERY[draft.type].kind)
        node.name = draft.name or (LATER if draft.type in TYPES else None)
        node.external_id = draft.external_id or None
        node.uri = draft.uri or None
        node.properties = draft.properties | self.said_by_home(draft.type, draft.home)
        if node.type == "kf.Metric":
            node.properties = {"step": ("int", 0), "timestamp": ("int", LATER)} | node.properties
            self.measure(node)
        self.nodes[node_id] = node
        self.changes.append([Change(node_id, "create", 1)])
        return node

    def said_by_home(self, type_name: str, home: int | None) -> dict[str, Value]:
        """What an artifact of a run says of it."""
        if home is None or EVERY[type_name].kind != "artifact" or self.nodes[home].type != "kf.ExperimentRun":
            return {}
        return {"experiment_run_id": ("int", home), "experiment_id": ("int", self.nodes[home].home)}

    def touch(self, node: Node, *actions: str) -> None:
        node.revision += 1
        if node.updated is not LATER:
            node.updated_after = max(node.updated_after, node.updated)
        node.updated = LATER
        if actions:
            self.changes.append([Change(node.id, action, node.revision) for action in actions])

    def update(self, node: Node, is_measured: bool = False, **changes: Any) -> None:
        """Changes a node to what is given; properties are those that it has afterwards."""
        for name, value in changes.items():
            setattr(node, name, value)
        self.touch(node, "update")
        if is_measured:
            self.measure(node)

    def measure(self, metric: Node, point: dict[str, Any] | None = None) -> None:
        """A point of a metric: that which its properties say, or one that is its latest where it has the greatest step, time and
        value."""
        latest, point = metric.properties, point or metric.properties
        value, step, at = (point[name] for name in ["value", "step", "timestamp"])
        self.points.append((metric.id, value, step, at))
        if rank(point, self.batch) >= rank(latest, self.timed.get(metric.id, 0)):
            metric.properties = latest | point
            self.timed[metric.id] = self.batch

    def attach(self, context: Node, *members: int) -> None:
        """Makes nodes members of a context; what is one already stays so."""
        new = [member for member in members if self.nodes[member].home != context.id] if members else []
        new = [member for member in new if member not in context.members]
        if new:
            context.members |= set(new)
            self.changes.append([Change(context.id, "attach", context.revision)])

    def add_event(self, key: tuple[int, int, str], path: list[int | str]) -> None:
        self.events[key] = path
        self.changes.append([Change(key[1], "event.put", self.nodes[key[1]].revision)])

    def is_below(self, node: Node, ancestor: Node) -> bool:
        """Whether a context is another, or in it or in what is in it."""
        seen, left = {ancestor.id}, [ancestor.id]
        for each in left:
            inner = {member.id for member in self.members(each) if member.kind == "context"} - seen
            seen |= inner
            left += inner
        return node.id in seen

    def delete(self, node: Node) -> None:
        gone = self.below(node)
        aliases = [name for name, version in self.aliases.items() if version == node.id]
        if aliases:
            model = self.nodes[node.home or 0]
            self.touch(model)
            self.changes.append([Change(model.id, "alias.delete", model.revision) for _ in aliases])
        ids = {each.id for each in gone}
        used = {each.home for each in gone if each.type == "kf.DataSet"}
        losers = [each for each in self.nodes.values() if each.id not in ids and (each.members & ids or each.id in used)]
        entries = [Change(each.id, "detach", each.revision) for each in losers]
        self.changes.append(Removed([*entries, *(Change(each.id, "delete", each.revision + 1) for each in reversed(gone))]))
        for each in ids:
            del self.nodes[each]
        for each in self.nodes.values():
            each.members -= ids
        self.aliases = {key: to for key, to in self.aliases.items() if to not in ids and key[0] not in ids}
        self.events = {key: path for key, path in self.events.items() if not ids & set(key[:2])}
        self.points = [point for point in self.points if point[0] not in ids]

    def point_alias(self, model: Node, alias: str, version: Node) -> None:
        if self.aliases.get((model.id, alias)) != version.id:
            self.aliases[model.id, alias] = version.id
            self.touch(model, "alias.set")

    def drop_alias(self, model: Node, alias: str) -> None:
        del self.aliases[model.id, alias]
        self.touch(model, "alias.delete")


def servable(version: Node) -> bool:
    """Whether a version may be served: not one whose origin is private or gated."""
    private, gated = (version.custom.get(name, ("string", ""))[1] for name in ["hf_private", "hf_gated"])
    return private != "true" and gated in ("", "false")
