"""What every sequence begins with, how a step is checked against the model, and what holds in the end."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from urllib.parse import quote

from harness import Server
from hypothesis.stateful import RuleBasedStateMachine

from . import checks, graph, lineage_rules, native
from .edge import Edge
from .entities import EVERY, HAS_PAGE, TYPES
from .journal import Journal
from .kubeflow import EDITIONS, Kubeflow
from .mlflow import Mlflow
from .native import Native
from .plans import NOBODY, pick
from .registry import Draft, Node, Refusal, Registry, Removed, Together
from .uploads import Uploads


def reads(look: Callable[..., None]) -> Callable[..., None]:
    """A rule that only looks. Where there are accounts, somebody looks who may not see everything."""

    @wraps(look)
    def looking(self: "Base", **drawn: Any) -> None:
        with self.as_somebody():
            look(self, **drawn)

    return looking


class Doors:
    """Every door of a server."""

    def __init__(self, server: Server):
        self.server = server
        self.kubeflow = {edition: Kubeflow(server, edition) for edition in EDITIONS}
        self.native = Native(server)
        self.uploads = Uploads(server)
        self.graph = graph.Graph(server)
        self.edge = Edge(server)
        self.mlflow = Mlflow(server)


class Base(RuleBasedStateMachine):
    """What every sequence begins with and is checked against."""

    doors: Doors
    number = 0

    def empty(self) -> None:
        """All that the sequence before has left goes."""
        kubeflow = self.doors.kubeflow["v1"]
        for name in ["kf.ServingEnvironment", "kf.RegisteredModel", "kf.Experiment"]:
            for item in kubeflow.all(f"/{TYPES[name].path}", name):
                assert kubeflow.delete(TYPES[name], item["id"], recursive=True) is None
        for item in kubeflow.all("/artifacts", ""):
            assert kubeflow.ask("DELETE", f"/artifacts/{item['id']}", params={"recursive": "true"}).status_code == 204
        self.doors.native.new_changes()
        self.registry = Registry()
        # The keys that versions have as records of the edge registry, and of which identity.
        self.keys: dict[int, tuple[str, tuple[str, ...]]] = {}
        # Names of what cannot be removed, and where the ids of this sequence begin.
        Base.number += 1
        self.number = Base.number
        _, self.first = self.doors.graph.put(Draft("Pipeline", f"begin~{self.number}"))
        self.doors.native.new_changes()

    # Helpers.

    @contextmanager
    def as_somebody(self) -> Iterator[None]:
        """Whoever looks meanwhile sees everything."""
        yield

    def expect(self, refusals: set[Refusal], refusal: Refusal | None, says: dict[Refusal, Refusal], what: str) -> bool:
        """Whether it was done, which has to be so exactly when nothing is wrong."""
        allowed = {says.get(wrong, wrong) for wrong in refusals}
        if allowed:
            assert refusal in allowed, f"{what} gives {refusal} ({Journal.answer}), not one of {allowed}"
        else:
            assert refusal is None, f"{what} gives {refusal} ({Journal.answer})"
        return refusal is None

    def own_uri(self, node: Node) -> str | None:
        """The URL that stands in for a `uri` where the bytes are here."""
        base = f"{self.doors.server.url}/api/v1/artifacts/{node.id}/files"
        match list(node.files):
            case []:
                return None
            case [path]:
                return f"{base}/{quote(path)}"
            case _:
                return base

    def agree(self, node: Node, shown: dict[str, Any] | None, door: str) -> None:
        assert shown is not None, f"{node.type} {node.id} is not shown through {door}"
        checks.agree(node, shown, self.own_uri(node), door)

    def same(self, nodes: list[Node], shown: list[dict[str, Any]], door: str) -> None:
        checks.same_nodes(nodes, shown, {node.id: self.own_uri(node) for node in nodes}, door)

    def look(self, node: Node, edition: str) -> None:
        """Through three doors."""
        door = self.doors.kubeflow[edition]
        if node.type in TYPES and node.type != "kf.ServeModel":
            self.agree(node, door.get(TYPES[node.type], node.id), edition)
        self.agree(node, self.doors.graph.get(node), "gRPC")
        lineage = self.doors.native.lineage(node.id)
        assert lineage is not None
        self.agree(node, native.seen(next(each for each in lineage["nodes"] if each["id"] == str(node.id))), "lineage")
        shown = {(int(edge["from"]), int(edge["to"]), edge["type"]) for edge in lineage["edges"]}
        expected = {edge for edge in lineage_rules.edges(self.registry) if node.id in edge[:2]}
        assert shown == expected, f"edges of {node.type} {node.id}: {shown}, not {expected}"

    def look_back(self, node: Node) -> None:
        """A node that was removed is as it was, and its edges too."""
        lineage = self.doors.native.lineage(node.id)
        assert lineage is not None
        view = next(each for each in lineage["nodes"] if each["id"] == str(node.id))
        assert view["removedAt"] >= view["updatedAt"]
        # Where bytes were, nothing is any more.
        shown = native.seen(view)
        if node.files:
            shown.pop("uri")
        self.agree(node, shown, "lineage of what was removed")

    def home(self, draft: Draft, number: int) -> int | None:
        """One that may own it, nobody's id, or none."""
        if not EVERY[draft.type].homes:
            return None
        if number == 9:
            return NOBODY
        homes = self.registry.of(*EVERY[draft.type].homes)
        if not homes or (EVERY[draft.type].kind == "artifact" and number % 3 == 0):
            return None
        return pick(homes, number).id

    def refer(self, draft: Draft, number: int) -> None:
        for property_name, referred in EVERY[draft.type].references.items():
            targets = self.registry.of(referred)
            if number < 8 and targets:
                draft.properties[property_name] = ("int", pick(targets, number).id)
            elif number == 8:
                draft.properties[property_name] = ("int", NOBODY)

    # What holds in the end.

    def teardown(self) -> None:
        if sys.exc_info()[0] or not hasattr(self, "registry"):
            # A step has failed, and says more than this would.
            return
        self.check()
        self.check_bytes()
        self.end()
        self.feed()

    def check(self) -> None:
        """Everything that is seen, by its lists, by its ids and by what it is tied to."""
        registry, door = self.registry, self.doors.kubeflow["v1alpha3"]
        for name in HAS_PAGE:
            if name != "kf.ServeModel":
                self.same(registry.of(name), door.all(f"/{TYPES[name].path}", name, pageSize="3"), "v1alpha3")
        artifacts = [node for node in registry.nodes.values() if node.kind == "artifact" and node.type in TYPES]
        self.same(artifacts, door.all("/artifacts", ""), "artifacts")
        for context in registry.of("kf.ModelVersion", "kf.ExperimentRun"):
            members = [node for node in registry.members(context.id) if node in artifacts]
            self.same(members, door.all(f"/{TYPES[context.type].path}/{context.id}/artifacts", ""), "members")
        for service in registry.of("kf.InferenceService"):
            shown = door.all(f"/inference_services/{service.id}/serves", "kf.ServeModel")
            self.same(registry.owned(service.id), shown, "serves")
        for node in registry.nodes.values():
            self.agree(node, self.doors.graph.get(node), "gRPC")
        self.check_edges()
        self.check_lineage()

    def check_edges(self) -> None:
        """What every node is tied to."""

    def check_bytes(self) -> None:
        """What lies in the store."""

    def end(self) -> None:
        """Nothing in progress continues in the next sequence."""

    def check_lineage(self) -> None:
        """Where data sets lead, and what is behind each service."""
        for type_name, direction in [("kf.DataSet", "downstream"), ("kf.InferenceService", "upstream")]:
            for node in self.registry.of(type_name):
                shown = self.doors.native.lineage(node.id, direction, 20)
                expected = lineage_rules.reach(self.registry, node, direction == "downstream", 20)
                assert shown is not None
                assert {int(each["id"]) for each in shown["nodes"]} == expected, f"{direction} of {node}"

    def feed(self) -> None:
        """Exactly one entry of each change, in order; what goes at once goes before its home, and what is put at once
        keeps the order of each node."""
        entries = self.doors.native.new_changes(limit=7)
        for group in self.registry.changes:
            if isinstance(group, Removed):
                # The removal after it may begin with the same loss, so it ends with what was removed last.
                assert group[-1] in entries, f"{group[-1]} was not recorded"
                end = entries.index(group[-1]) + 1
                now, entries = entries[:end], entries[end:]
                deletes = [change for change in now if change.action == "delete"]
                assert set(now) == set(group) and len(set(deletes)) == len(deletes), f"{now} is recorded, not {group}"
                continue
            now, entries = entries[: len(group)], entries[len(group) :]
            if all(change.action == "delete" for change in group):
                assert sorted(map(str, now)) == sorted(map(str, group)) and now[-1] == group[-1]
            elif isinstance(group, Together):
                by_node = lambda change: change.node
                assert sorted(now, key=by_node) == sorted(group, key=by_node)
            else:
                assert now == group
        assert entries == [], f"nobody did {entries}"
