"""Sequences of what clients may do through any door, each step held against the model."""

import sys
from typing import Any

from harness import Server
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from . import checks, graph, kubeflow, native, patches
from .entities import HAS_PAGE, TYPES, snake
from .kubeflow import EDITIONS, Kubeflow
from .native import Native
from .plans import NOBODY, changes_of, drafts, names, pick, picks
from .registry import Draft, Node, Refusal, Registry
from .values import ALIASES, WRONG_ALIASES

ORDERS = ["ID", "CREATE_TIME", "LAST_UPDATE_TIME", "NAME"]
aliases = st.sampled_from([*ALIASES, *ALIASES, *WRONG_ALIASES])
editions = st.sampled_from(EDITIONS)


class Doors:
    """Every door of a server."""

    def __init__(self, server: Server):
        self.server = server
        self.kubeflow = {edition: Kubeflow(server, edition) for edition in EDITIONS}
        self.native = Native(server)
        self.graph = graph.Graph(server)


class Machine(RuleBasedStateMachine):
    """What every sequence begins with and is held against."""

    doors: Doors
    steps = 0

    @initialize()
    def empty(self) -> None:
        """All that the sequence before has left goes."""
        kubeflow = self.doors.kubeflow["v1"]
        for name in ["kf.RegisteredModel", "kf.Experiment", "kf.ServingEnvironment"]:
            for item in kubeflow.all(f"/{TYPES[name].path}", name):
                assert kubeflow.delete(TYPES[name], item["id"], recursive=True) is None
        for item in kubeflow.all("/artifacts", ""):
            assert kubeflow.ask("DELETE", f"/artifacts/{item['id']}", params={"recursive": "true"}).status_code == 204
        self.doors.native.new_changes()
        self.registry = Registry()

    @invariant()
    def count(self) -> None:
        Machine.steps += 1

    # Helpers.

    def expect(self, wrongs: set[Refusal], refusal: Refusal | None, says: dict[Refusal, Refusal], what: str) -> bool:
        """Whether it was done, which has to be so exactly when nothing is wrong."""
        allowed = {says.get(wrong, wrong) for wrong in wrongs}
        if allowed:
            assert refusal in allowed, f"{what} gives {refusal}, not one of {allowed}"
        else:
            assert refusal is None, f"{what} gives {refusal}"
        return refusal is None

    def own_uri(self, node: Node) -> str | None:
        """The URL that stands in for a `uri` where the bytes are here."""
        base = f"{self.doors.server.url}/api/v1/artifacts/{node.id}/files"
        match list(node.files):
            case []:
                return None
            case [path]:
                return f"{base}/{path}"
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
        of = TYPES[node.type]
        if node.type != "kf.ServeModel":
            self.agree(node, door.get(of, node.id), edition)
        self.agree(node, self.doors.graph.get(node), "gRPC")
        lineage = self.doors.native.lineage(node.id)
        assert lineage is not None
        self.agree(node, native.seen(next(each for each in lineage["nodes"] if each["id"] == str(node.id))), "lineage")

    def home(self, draft: Draft, number: int) -> int | None:
        """One that may own it, nobody's id, or none."""
        if not TYPES[draft.type].homes:
            return None
        if number == 9:
            return NOBODY
        homes = self.registry.of(*TYPES[draft.type].homes)
        if not homes or (TYPES[draft.type].kind == "artifact" and number % 3 == 0):
            return None
        return pick(homes, number).id

    def refer(self, draft: Draft, number: int) -> None:
        for property_name, referred in TYPES[draft.type].references.items():
            targets = self.registry.of(referred)
            if number < 8 and targets:
                draft.properties[property_name] = ("int", pick(targets, number).id)
            elif number == 8:
                draft.properties[property_name] = ("int", NOBODY)

    # Kubeflow's door.

    @rule(draft=drafts(), home=picks, reference=picks, edition=editions, nested=st.booleans())
    def create(self, draft: Draft, home: int, reference: int, edition: str, nested: bool) -> None:
        door, of = self.doors.kubeflow[edition], TYPES[draft.type]
        draft.home = self.home(draft, home)
        if (nested or not of.home_member) and of.kind != "artifact" and of.homes and not draft.home:
            # Without it there is no path.
            draft.home = NOBODY
        self.refer(draft, reference)
        registry = self.registry
        draft.properties = {
            name: ("string", value) for name, value in of.defaults.items()
        } | draft.properties
        is_upsert = of.kind == "artifact" and bool(draft.home)
        if of.name in ("kf.ModelArtifact", "kf.ServeModel") and not is_upsert:
            draft.state = draft.state or of.state
        wrongs = registry.wrongs(draft, upsert=is_upsert)
        taken = registry.named(draft.type, draft.home, draft.name) if draft.name and is_upsert else None
        home_node = registry.nodes.get(draft.home or 0)
        refusal, shown = door.create(draft, home_node.type if home_node else "kf.ModelVersion", nested)
        if not self.expect(wrongs, refusal, kubeflow.SAYS, f"creation of {draft}"):
            return
        if taken and draft.type in ("kf.Metric", "kf.Parameter"):
            patches.upsert(registry, taken, draft)
            node = taken
        else:
            node = registry.create(draft, shown["id"])
        self.agree(node, shown, edition)

    @precondition(lambda self: self.registry.nodes)
    @rule(data=st.data(), which=picks, edition=editions, match=st.sampled_from([None, None, 0, 1, 7]))
    def patch(self, data: st.DataObject, which: int, edition: str, match: int | None) -> None:
        nodes = [node for node in self.registry.nodes.values() if node.type != "kf.ServeModel"]
        if not nodes:
            return
        node = pick(nodes, which)
        of = TYPES[node.type]
        changes = data.draw(changes_of(of), "changes")
        sent: dict[str, Any] = {
            name: None if value is None else kubeflow.member(of, name, value)
            for name in of.members
            for value in [changes["properties"].get(snake(name))]
            if snake(name) in changes["properties"]
        }
        if "external_id" in changes:
            sent["externalId"] = changes["external_id"]
        if "custom" in changes:
            custom = changes["custom"]
            sent["customProperties"] = None if custom is None else {
                name: kubeflow.written(value) for name, value in custom.items()
            }
        sent |= {name: changes[name] for name in ["uri", "state"] if name in changes}
        if of.artifact_type:
            sent["artifactType"] = of.artifact_type
        wrongs = patches.wrongs(self.registry, node, changes)
        if match:
            wrongs |= {Refusal.STALE}
        if_match = None if match is None else node.revision + match
        refusal, shown = self.doors.kubeflow[edition].patch(of, node.id, sent, if_match)
        if self.expect(wrongs, refusal, kubeflow.SAYS, f"change of {node} by {sent}"):
            patches.apply(self.registry, node, changes)
            self.agree(node, shown, edition)
        else:
            self.look(node, edition)

    @precondition(lambda self: self.registry.nodes)
    @rule(which=picks, edition=editions, recursive=st.booleans(), match=st.sampled_from([None, None, 0, 1]))
    def delete(self, which: int, edition: str, recursive: bool, match: int | None) -> None:
        node = pick(list(self.registry.nodes.values()), which)
        wrongs = {Refusal.STALE} if match else set()
        if not recursive and (self.registry.owned(node.id) or node.files):
            wrongs.add(Refusal.OWNS)
        if_match = None if match is None else node.revision + match
        refusal = self.doors.kubeflow[edition].delete(TYPES[node.type], node.id, recursive, if_match)
        if self.expect(wrongs, refusal, kubeflow.SAYS, f"removal of {node}"):
            self.registry.delete(node)
            assert self.doors.graph.get(node) is None
            assert self.doors.native.lineage(node.id) is None

    @rule(which=picks, edition=editions)
    def show(self, which: int, edition: str) -> None:
        if self.registry.nodes:
            self.look(pick(list(self.registry.nodes.values()), which), edition)

    @rule(
        type_name=st.sampled_from(HAS_PAGE),
        order=st.sampled_from(ORDERS),
        descending=st.booleans(),
        size=st.sampled_from([None, "1", "2", "100"]),
        edition=editions,
    )
    def list_all(self, type_name: str, order: str, descending: bool, size: str | None, edition: str) -> None:
        if type_name == "kf.ServeModel":
            return
        query = {"orderBy": order, "sortOrder": "DESC" if descending else "ASC", "totals": "true"}
        query |= {"pageSize": size} if size else {}
        shown = self.doors.kubeflow[edition].all(f"/{TYPES[type_name].path}", type_name, **query)
        nodes = self.registry.of(type_name)
        self.same(nodes, shown, edition)
        checks.in_order(nodes, shown, order, descending)

    @rule(type_name=st.sampled_from(HAS_PAGE), name=names, home=picks, edition=editions)
    def find(self, type_name: str, name: str, home: int, edition: str) -> None:
        of = TYPES[type_name]
        if type_name == "kf.ServeModel" or not name:
            return
        homes = self.registry.of(*of.homes)
        query = {"name": name}
        if of.homes:
            parent = pick(homes, home).id if homes else NOBODY
            query["parentResourceId"] = str(parent)
            pool = self.registry.members(parent) if homes else []
            found = [node for node in pool if node.type == type_name and node.name == name]
        else:
            found = [node for node in self.registry.of(type_name) if node.name == name]
        refusal, node_id = self.doors.kubeflow[edition].find(of, **query)
        if len(name) > 512 or "\0" in name:
            assert refusal is Refusal.INVALID
        elif len(found) == 1:
            assert (refusal, node_id) == (None, found[0].id)
        else:
            assert refusal is Refusal.MISSING

    # The native door.

    @precondition(lambda self: self.registry.of("kf.ModelVersion"))
    @rule(which=picks, alias=aliases, stranger=picks)
    def set_alias(self, which: int, alias: str, stranger: int) -> None:
        version = pick(self.registry.of("kf.ModelVersion"), which)
        model = pick(self.registry.of("kf.RegisteredModel"), stranger)
        if stranger < 6:
            model = self.registry.nodes[version.home or 0]
        wrongs = {Refusal.INVALID} if alias in WRONG_ALIASES else set()
        target = self.registry.named("kf.ModelVersion", model.id, version.name)
        wrongs |= set() if target else {Refusal.MISSING}
        refusal = self.doors.native.set_alias(str(model.name), alias, str(version.name))
        if self.expect(wrongs, refusal, native.SAYS, f"alias {alias} of {version}") and target:
            self.registry.point_alias(model, alias, target)

    @precondition(lambda self: self.registry.of("kf.RegisteredModel"))
    @rule(which=picks, alias=aliases)
    def drop_alias(self, which: int, alias: str) -> None:
        model = pick(self.registry.of("kf.RegisteredModel"), which)
        wrongs = {Refusal.INVALID} if alias in WRONG_ALIASES else set()
        wrongs |= set() if (model.id, alias) in self.registry.aliases else {Refusal.MISSING}
        if self.expect(wrongs, self.doors.native.drop_alias(str(model.name), alias), native.SAYS, f"end of {alias}"):
            self.registry.drop_alias(model, alias)

    # What holds in the end.

    def teardown(self) -> None:
        if sys.exc_info()[0] or not hasattr(self, "registry"):
            # A step has failed, and says more than this would.
            return
        registry, door = self.registry, self.doors.kubeflow["v1alpha3"]
        for name in HAS_PAGE:
            if name != "kf.ServeModel":
                self.same(registry.of(name), door.all(f"/{TYPES[name].path}", name, pageSize="3"), "v1alpha3")
        artifacts = [node for node in registry.nodes.values() if node.kind == "artifact"]
        self.same(artifacts, door.all("/artifacts", ""), "artifacts")
        for context in registry.of("kf.ModelVersion", "kf.ExperimentRun"):
            members = [node for node in registry.members(context.id) if node.kind == "artifact"]
            self.same(members, door.all(f"/{TYPES[context.type].path}/{context.id}/artifacts", ""), "members")
        for service in registry.of("kf.InferenceService"):
            self.same(registry.owned(service.id), door.all(f"/inference_services/{service.id}/serves", "kf.ServeModel"), "serves")
        for node in registry.nodes.values():
            self.agree(node, self.doors.graph.get(node), "gRPC")
        self.feed()

    def feed(self) -> None:
        """Exactly one entry of each change, in order; what goes at once goes before its home."""
        entries = self.doors.native.new_changes(limit=7)
        for group in self.registry.changes:
            now, entries = entries[: len(group)], entries[len(group) :]
            if all(change.action == "delete" for change in group):
                assert sorted(map(str, now)) == sorted(map(str, group)) and now[-1] == group[-1]
            else:
                assert now == group
        assert entries == [], f"nobody did {entries}"
