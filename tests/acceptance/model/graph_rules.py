"""What clients of ML Metadata do."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from . import graph
from .base import Base, reads
from .entities import EVERY, FIXED, OWN, TYPES, snake
from .plans import drafts, pick, picks, put_back
from .registry import LATER, Draft, Node, Refusal
from .values import canonical

MASKS = ["properties", "custom_properties", "uri", "external_id", "state", "", "bogus"]
EVENTS = ["INPUT", "OUTPUT", "DECLARED_INPUT", "PENDING_OUTPUT"]


class GraphRules(Base):
    """ML Metadata's door."""

    @rule(draft=drafts(tuple(EVERY), odd=True), home=picks, reference=picks)
    def put_new(self, draft: Draft, home: int, reference: int) -> None:
        draft.home = self.home(draft, min(home, 8))
        self.refer(draft, reference)
        self.suffix(draft)
        refusal, node_id = self.doors.graph.put(draft)
        if self.expect(self.refusals_of_new(draft), refusal, graph.SAYS, f"put of {draft}"):
            draft.uri = draft.uri or None
            node = self.registry.create(draft, node_id)
            self.agree(node, self.doors.graph.get(node), "gRPC")

    def refusals_of_new(self, draft: Draft) -> set[Refusal]:
        refusals = self.registry.refusals(draft, demands=False)
        if EVERY[draft.type].kind == "context" and not draft.name:
            refusals.add(Refusal.REQUIRED)
        return refusals

    def suffix(self, draft: Draft) -> None:
        """What a pipeline makes cannot be removed, so no two sequences may call it the same."""
        if draft.type in OWN:
            if draft.type != "Pipeline" and draft.name == "":
                draft.name = " "
            if draft.name and not draft.name.endswith(f"~{self.number}"):
                draft.name = draft.name[: 512 - 10 if len(draft.name) == 512 else None] + f"~{self.number}"
            if draft.external_id:
                draft.external_id = draft.external_id[: 512 - 10 if len(draft.external_id) == 512 else None]
                draft.external_id += f"~{self.number}"

    @precondition(lambda self: self.registry.nodes)
    @rule(data=st.data(), which=picks, keep=st.booleans(), lock=st.sampled_from([None, None, True, False]))
    def put_whole(self, data: st.DataObject, which: int, keep: bool, lock: bool | None) -> None:
        """Replaces a node, as a client without a mask does."""
        node = pick(list(self.registry.nodes.values()), which)
        if node.type == "kf.Metric" and node.properties["timestamp"] == ("int", LATER):
            return
        draft = data.draw(put_back(node), "put back")
        if keep:
            draft.custom = node.custom
        self.suffix(draft)
        if draft.external_id and draft.external_id == f"{node.external_id}~{self.number}":
            draft.external_id = node.external_id
        refusals = self.refusals_of_put(node, draft)
        options: dict[str, Any] = {}
        if lock is not None and node.kind == "artifact":
            self.agree(node, self.doors.graph.get(node), "gRPC")
            options["seen"] = node.updated if lock else node.updated - 1
            refusals |= set() if lock else {Refusal.STALE}
        refusal, _ = self.doors.graph.put(draft, node.id, **options)
        if self.expect(refusals, refusal, graph.SAYS, f"put of {draft} for {node}"):
            self.replaced(node, draft)
        self.agree(node, self.doors.graph.get(node), "gRPC")

    def refusals_of_put(self, node: Node, draft: Draft) -> set[Refusal]:
        registry = self.registry
        found = registry.odd(draft) | registry.taken(node.kind, draft.external_id, but=node.id)
        changed = {name: value for name, value in draft.properties.items() if node.properties.get(name) != value}
        return found | registry.dangling(node.type, changed) | registry.of_values(node.type, draft.properties)

    def replaced(self, node: Node, draft: Draft) -> None:
        point = ["value", "step", "timestamp"]
        of = lambda properties: [canonical(properties[name]) for name in point if name in properties]
        properties = dict(draft.properties)
        if node.type == "kf.Metric":
            properties = {"step": ("int", 0), "timestamp": ("int", LATER)} | properties
        shown = self.own_uri(node) if node.uri is None else node.uri
        uri = node.uri if draft.uri is not None and draft.uri == shown else draft.uri or None
        is_measured = node.type == "kf.Metric" and of(node.properties) != of(properties)
        external_id = draft.external_id or None
        self.registry.update(
            node,
            is_measured,
            external_id=external_id,
            uri=uri,
            state=draft.state,
            properties=properties,
            custom=draft.custom,
        )

    @precondition(lambda self: self.registry.nodes)
    @rule(data=st.data(), which=picks, mask=st.lists(st.sampled_from(MASKS), max_size=3), one=picks)
    def put_masked(self, data: st.DataObject, which: int, mask: list[str], one: int) -> None:
        """Changes what a mask names."""
        node = pick(list(self.registry.nodes.values()), which)
        of = EVERY[node.type]
        draft = data.draw(put_back(node), "put back")
        self.suffix(draft)
        members = [snake(name) for name in of.members if name not in FIXED]
        single = [f"properties.{pick(members, one)}"] if one % 2 else []
        paths = [*mask, *single]
        if node.type == "kf.Metric" or not paths:
            return
        state = "last_known_state" if node.kind == "execution" else "state"
        paths = [state if path == "state" else path for path in paths]
        now = Draft(**{name: getattr(node, name) for name in vars(Draft(""))})
        now.properties, now.custom = dict(node.properties), dict(node.custom)
        if "properties" in paths:
            now.properties = draft.properties
        elif single:
            name = pick(members, one)
            now.properties.pop(name, None)
            now.properties |= {name: draft.properties[name]} if name in draft.properties else {}
        if "custom_properties" in paths:
            now.custom = draft.custom
        if "external_id" in paths:
            now.external_id = draft.external_id
        if "uri" in paths and node.kind == "artifact":
            now.uri = draft.uri
        if state in paths and node.kind != "context":
            now.state = draft.state
        refusals = self.refusals_of_put(node, now)
        if self.registry.odd(draft) - refusals:
            # What is wrong is outside of the mask, and nobody says whether it is looked at.
            return
        refusal, _ = self.doors.graph.put(draft, node.id, mask=paths)
        if self.expect(refusals, refusal, graph.SAYS, f"put of {draft} by {paths} for {node}"):
            self.replaced(node, now)
        self.agree(node, self.doors.graph.get(node), "gRPC")

    @precondition(lambda self: self.registry.nodes)
    @rule(which=picks)
    def put_as_it_is(self, which: int) -> None:
        """What is put back as it was read has not changed."""
        node = pick(list(self.registry.nodes.values()), which)
        refusal, _ = self.doors.graph.ask(
            f"Put{node.kind.title()}s", **{f"{node.kind}s": [self.doors.graph.raw(node)]}
        )
        self.expect(set(), refusal, graph.SAYS, f"put of {node} as it is")
        self.agree(node, self.doors.graph.get(node), "gRPC")

    # Edges.

    @precondition(lambda self: self.kinds("artifact") and self.kinds("execution"))
    @rule(artifact=picks, execution=picks, what=st.sampled_from(EVENTS), index=st.integers(0, 3))
    def put_event(self, artifact: int, execution: int, what: str, index: int) -> None:
        key = (pick(self.kinds("artifact"), artifact).id, pick(self.kinds("execution"), execution).id, what)
        path = [graph.mlmd.Event.Path.Step(index=index), graph.mlmd.Event.Path.Step(key="k")]
        event = graph.mlmd.Event(
            artifact_id=key[0], execution_id=key[1], type=graph.mlmd.Event.Type.Value(what), path={"steps": path}
        )
        refusals = {Refusal.EXISTS} if key in self.registry.events else set()
        refusal, _ = self.doors.graph.ask("PutEvents", events=[event])
        if self.expect(refusals, refusal, graph.SAYS, f"event {key}"):
            self.registry.add_event(key, [index, "k"])

    def kinds(self, kind: str) -> list[Node]:
        return [node for node in self.registry.nodes.values() if node.kind == kind]

    @precondition(lambda self: self.kinds("context") and (self.kinds("artifact") or self.kinds("execution")))
    @rule(context=picks, member=picks, other=picks)
    def put_members(self, context: int, member: int, other: int) -> None:
        above = pick(self.kinds("context"), context)
        fields: dict[str, Any] = {}
        ids = []
        for kind, edge, number in [("artifact", "attributions", member), ("execution", "associations", other)]:
            if pool := self.kinds(kind):
                ids.append(pick(pool, number).id)
                fields[edge] = [{"context_id": above.id, f"{kind}_id": ids[-1]}]
        refusal, _ = self.doors.graph.ask("PutAttributionsAndAssociations", **fields)
        self.expect(set(), refusal, graph.SAYS, f"members {ids} of {above}")
        self.registry.attach(above, *ids)

    @precondition(lambda self: self.kinds("context"))
    @rule(parent=picks, child=picks)
    def put_parent(self, parent: int, child: int) -> None:
        above, below = pick(self.kinds("context"), parent), pick(self.kinds("context"), child)
        refusals = set()
        if self.registry.is_below(above, below):
            refusals.add(Refusal.INVALID)
        if below.id in above.members:
            refusals.add(Refusal.EXISTS)
        edge = {"parent_id": above.id, "child_id": below.id}
        refusal, _ = self.doors.graph.ask("PutParentContexts", parent_contexts=[edge])
        if self.expect(refusals, refusal, graph.SAYS, f"parent {above} of {below}"):
            self.registry.attach(above, below.id)

    @rule(type_name=st.sampled_from(sorted(EVERY)), size=st.sampled_from([None, 1, 2]), by=st.integers(0, 2))
    @reads
    def list_graph(self, type_name: str, size: int | None, by: int) -> None:
        of = EVERY[type_name]
        plural = f"{of.kind}s"
        order = graph.mlmd.ListOperationOptions.OrderByField
        options = graph.mlmd.ListOperationOptions(order_by_field={"field": pick([3, 1, 2], by), "is_asc": bool(by % 2)})
        assert order.Field.Name(3) == "ID"
        method = f"Get{plural.title()}ByType"
        if size:
            # What the sequences before have left is not gone through page by page.
            options.filter_query = f"id > {self.first}"
        extra = {"options": options} if size else {}
        found = self.doors.graph.messages(method, plural, size, type_name=type_name, **extra)
        homes = {node.id: node.home for node in self.registry.nodes.values() if node.type in TYPES}
        shown = [graph.seen(message, homes.get(message.id)) for message in found if message.id > self.first]
        self.same(self.registry.of(type_name), shown, method)

    def check_edges(self) -> None:
        """What every node is tied to, asked from both ends."""
        super().check_edges()
        ask, registry = self.doors.graph.ask, self.registry
        for context in self.kinds("context"):
            members = registry.members(context.id)
            for kind, method in [("artifact", "GetArtifactsByContext"), ("execution", "GetExecutionsByContext")]:
                _, answer = ask(method, context_id=context.id)
                ids = {each.id for each in getattr(answer, f"{kind}s")}
                assert ids == {node.id for node in members if node.kind == kind}, f"{method} of {context}"
            _, answer = ask("GetChildrenContextsByContext", context_id=context.id)
            assert {each.id for each in answer.contexts} == {node.id for node in members if node.kind == "context"}
        for kind in ["artifact", "execution"]:
            ids = [node.id for node in self.kinds(kind)]
            suffix = "ArtifactIDs" if kind == "artifact" else "ExecutionIDs"
            _, answer = ask(f"GetEventsBy{suffix}", **{f"{kind}_ids": ids})
            seen = {
                (each.artifact_id, each.execution_id, graph.mlmd.Event.Type.Name(each.type)): [
                    step.index if step.HasField("index") else step.key for step in each.path.steps
                ]
                for each in answer.events
            }
            assert len(answer.events) == len(seen) and seen == registry.events, f"events by {kind}"
