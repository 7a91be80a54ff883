"""Executions and whole graphs, published in one request."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from . import graph
from .entities import EVERY, OWN
from .graph_rules import EVENTS
from .plans import NOBODY, drafts, pick, picks, put_back
from .publish import FLAWS, OTHERS, Happening, Ids, Options, Put
from .registry import LATER, Draft, Refusal
from .together import TogetherRules

# What belongs to pipelines is published most.
OFTEN = {
    kind: [name for name in [*EVERY, *OWN, *OWN] if EVERY[name].kind == kind]
    for kind in ["artifact", "execution", "context"]
}
Pair = tuple[Put | None, Happening | None]
options = st.builds(Options, st.booleans(), st.booleans(), st.booleans())
# Most of what is published is meant to be right, or to have one flaw.
SOUND, FLAWED, ODD = "sound", "flawed", "odd"
soundness = st.sampled_from([SOUND, FLAWED, SOUND, ODD])
NAMELESS = "no name"


class PublishRules(TogetherRules):
    """What pipelines say when a step has ended."""

    # What is published.

    def draw_put(
        self, data: st.DataObject, kind: str, options: Options, is_sound: bool, before: Put | None = None
    ) -> Put:
        """One that is there, one that is called like it or like another that is put, or a new one."""
        nodes = [node for node in self.kinds(kind) if node.properties.get("timestamp") != ("int", LATER)]
        how = data.draw(picks, f"how the {kind} is put")
        again = before if before and how % 2 else None
        node = pick(nodes, data.draw(picks, f"which {kind}")) if nodes and how < 6 and not again else None
        types = (node.type,) if node else tuple(OFTEN[kind])
        types = (again.draft.type,) if again else types
        plan = put_back(node) if node and how < 3 else drafts(types, odd=True)
        draft = data.draw(plan, kind)
        if is_sound:
            self.repair(draft)
        if not (node and how < 3):
            draft.home = self.home(draft, data.draw(st.integers(0, 8), "home"))
            self.refer(draft, data.draw(picks, "reference"))
        if is_sound and kind == "context" and not draft.name:
            draft.name = " "
        self.suffix(draft)
        put = Put(draft)
        if node and how < 3:
            put.node, draft.external_id = node.id, node.external_id
        elif node and kind == "artifact" and options.reuse_artifact:
            draft.external_id = node.external_id
        elif node and kind == "context" and options.reuse_context:
            draft.home, draft.name = node.home, node.name
        elif again:
            draft.home, draft.name = again.draft.home, again.draft.name
        return put

    def repair(self, draft: Draft) -> None:
        """Takes out what nothing can be called or say; to draw another would end the sequence when that is odd too."""
        is_odd = lambda **said: bool(self.registry.odd(Draft(draft.type, **said)))
        for name in ["name", "external_id", "uri"]:
            if is_odd(**{name: getattr(draft, name)}):
                setattr(draft, name, None)
        for name in ["properties", "custom"]:
            said = getattr(draft, name).items()
            setattr(draft, name, {key: value for key, value in said if not is_odd(**{name: {key: value}})})

    def spoil(self, data: st.DataObject, puts: list[Put]) -> None:
        """One of them cannot be so: most often a context, because what is there already is not looked at alike."""
        contexts = [put for put in puts if put.kind == "context"]
        put = data.draw(st.sampled_from([*puts, *contexts, *contexts]), "what is flawed")
        flaw = data.draw(st.sampled_from([*FLAWS, "type of another kind", NAMELESS]), "flaw")
        if flaw == NAMELESS:
            put.draft.name = put.draft.name if put.node else ""
            return
        put.flaw = flaw
        if flaw == "type of another kind":
            self.mistake(data, put)

    def mistake(self, data: st.DataObject, put: Put) -> None:
        """Takes it for one of another kind; a context for one that is there, of which nothing else is wrong."""
        put.other = data.draw(st.sampled_from(OTHERS[put.kind]), "the other type")
        if put.kind == "context":
            put.draft.properties = {}
            others = [node for node in self.registry.nodes.values() if node.kind != "context" and node.name]
            if named := [node for node in others if node.name is not LATER]:
                node = pick(named, data.draw(picks, "the other node"))
                put.other, put.called = node.type, f"{node.home}:{node.name}" if node.home else node.name

    def draw_puts(self, data: st.DataObject, kind: str, options: Options, is_sound: bool) -> list[Put]:
        puts: list[Put] = []
        how_many = st.sampled_from([2, 1, 2, 0]) if kind == "context" else st.integers(0, 2)
        for _ in range(data.draw(how_many, f"{kind}s")):
            before = puts[0] if puts and kind == "context" else None
            puts.append(self.draw_put(data, kind, options, is_sound, before))
        return puts

    def draw_end(self, data: st.DataObject, kind: str, right: list[int | None], is_sound: bool) -> int | None:
        """The id of one end of an event."""
        wrong = [] if is_sound else [None, NOBODY, self.first]
        return data.draw(st.sampled_from([*right, *wrong] or [None]), f"the event's {kind}")

    def draw_event(self, data: st.DataObject, is_sound: bool) -> Happening:
        types = st.sampled_from(EVENTS if is_sound else [*EVENTS, "UNKNOWN"])
        return Happening(data.draw(types, "event"), data.draw(st.integers(0, 3), "index"))

    def ids(self, kind: str) -> list[int | None]:
        return [node.id for node in self.kinds(kind)]

    # An execution.

    @rule(data=st.data(), options=options, how=soundness)
    def publish(self, data: st.DataObject, options: Options, how: str) -> None:
        """An execution with what it read and wrote, and the contexts of all that."""
        is_sound = how != ODD
        execution = self.draw_put(data, "execution", options, is_sound)
        pairs: list[Pair] = []
        for _ in range(data.draw(st.integers(0, 2), "pairs")):
            what = data.draw(st.sampled_from(["both", "both", "artifact", "event", "nothing"]), "what there is")
            artifact = self.draw_put(data, "artifact", options, is_sound) if what in ("both", "artifact") else None
            is_event = what == "both" or (what == "event" and self.ids("artifact"))
            event = self.draw_event(data, is_sound) if is_event else None
            if event:
                right = [None, artifact.node] if artifact else self.ids("artifact")
                event.artifact = self.draw_end(data, "artifact", right, is_sound)
                event.execution = self.draw_end(data, "execution", [None, execution.node], is_sound)
            pairs.append((artifact, event))
        contexts = self.draw_puts(data, "context", options, is_sound)
        if how != SOUND:
            self.spoil(data, [execution, *(artifact for artifact, _ in pairs if artifact), *contexts])
        if any(put.is_forced(options) and self.registry.odd(put.draft) for put in contexts):
            # It is to be left as it is, and nobody says whether what is said of it is looked at.
            return
        with self.rehearsal():
            refusals, _ = self.published(execution, pairs, contexts, options, None)
        door = self.doors.graph
        sent = [
            {name: each.message(door) if isinstance(each, Put) else each.message() for name, each in named if each}
            for named in ((("artifact", artifact), ("event", event)) for artifact, event in pairs)
        ]
        refusal, answer = door.ask(
            "PutExecution",
            execution=execution.message(door),
            artifact_event_pairs=sent,
            contexts=[put.message(door) for put in contexts],
            options={
                "reuse_context_if_already_exist": options.reuse_context,
                "reuse_artifact_if_already_exist_by_external_id": options.reuse_artifact,
                "force_reuse_context": options.force_context,
            },
        )
        what = f"publication of {execution} with {pairs} in {contexts}, {options}"
        if self.expect(refusals, refusal, graph.SAYS, what):
            _, ids = self.published(execution, pairs, contexts, options, answer)
            assert [answer.execution_id] == ids.executions
            self.check_put(ids, answer)

    def published(
        self, execution: Put, pairs: list[Pair], contexts: list[Put], options: Options, answer: Any
    ) -> tuple[set[Refusal], Ids]:
        """What an execution comes to, with the ids that were answered where it was."""
        ids, put, events = Ids(), [], []
        artifacts = [artifact for artifact, _ in pairs if artifact]
        with self.one_write():
            answered = zip(answer.artifact_ids, pairs, strict=True) if answer else []
            refusals = self.put_all(artifacts, options, [each for each, (artifact, _) in answered if artifact], put)
            refusals |= self.put_all([execution], Options(), [answer.execution_id] if answer else [], ids.executions)
            left = iter(put)
            for artifact, event in pairs:
                node = next(left) if artifact else event.artifact if event else -1
                ids.artifacts.append(node)
                ends = [(event.artifact, node), (event.execution, ids.executions[0])] if event else []
                if any(named not in (None, end) for named, end in ends) or (event and not artifact and node is None):
                    refusals.add(Refusal.INVALID)
                elif event:
                    events.append((event, node, ids.executions[0]))
            refusals |= self.happen(events)
            refusals |= self.put_contexts(contexts, options, list(answer.context_ids) if answer else [], ids.contexts)
            self.put_together(ids)
        return refusals, ids

    def check_put(self, ids: Ids, answer: Any) -> None:
        """What was put is as it should be, under the ids that were answered."""
        assert (list(answer.artifact_ids), list(answer.context_ids)) == (ids.artifacts, ids.contexts)
        for node_id in {*ids.artifacts, *ids.executions, *ids.contexts} - {-1}:
            node = self.registry.nodes[node_id]
            self.agree(node, self.doors.graph.get(node), "gRPC")

    # A graph.

    @rule(data=st.data(), options=options, how=soundness)
    def publish_graph(self, data: st.DataObject, options: Options, how: str) -> None:
        """Executions, artifacts and contexts, each context with all of the others, and events between some of them."""
        is_sound = how != ODD
        options = Options(options.reuse_context, options.reuse_artifact, is_graph=True)
        kinds = ["execution", "artifact", "context"]
        executions, artifacts, contexts = (self.draw_puts(data, kind, options, is_sound) for kind in kinds)
        drawn = [self.draw_edge(data, artifacts, executions, is_sound) for _ in range(data.draw(picks, "edges") % 3)]
        edges = [edge for edge in drawn if edge]
        if how != SOUND and (puts := [*executions, *artifacts, *contexts]):
            self.spoil(data, puts)
        with self.rehearsal():
            refusals, _ = self.put_graph(executions, artifacts, contexts, edges, options, None)
        door = self.doors.graph
        refusal, answer = door.ask(
            "PutLineageSubgraph",
            executions=[put.message(door) for put in executions],
            artifacts=[put.message(door) for put in artifacts],
            contexts=[put.message(door) for put in contexts],
            event_edges=[
                {"event": edge.message()}
                | {name: at for name, at in zip(["artifact_index", "execution_index"], edge.places) if at is not None}
                for edge in edges
            ],
            options={
                "reuse_context_if_already_exist": options.reuse_context,
                "reuse_artifact_if_already_exist_by_external_id": options.reuse_artifact,
            },
        )
        what = f"graph of {executions}, {artifacts}, {contexts}, {edges}, {options}"
        if self.expect(refusals, refusal, graph.SAYS, what):
            _, ids = self.put_graph(executions, artifacts, contexts, edges, options, answer)
            assert list(answer.execution_ids) == ids.executions
            self.check_put(ids, answer)

    def draw_edge(
        self, data: st.DataObject, artifacts: list[Put], executions: list[Put], is_sound: bool
    ) -> Happening | None:
        """An event whose ends are named by their places, their ids, or both."""
        event = self.draw_event(data, is_sound)
        places: list[int | None] = []
        for kind, puts in [("artifact", artifacts), ("execution", executions)]:
            right: list[int | None] = list(range(len(puts))) + ([None] if self.ids(kind) else [])
            wrong = [] if is_sound else [-1, len(puts), None]
            if not right + wrong:
                return None
            place = data.draw(st.sampled_from(right + wrong), f"the place of the {kind}")
            is_place = place is not None and 0 <= place < len(puts)
            ids = [None, puts[place].node] if is_place else [None] if place is not None else self.ids(kind)
            setattr(event, kind, self.draw_end(data, kind, ids, is_sound))
            places.append(place)
        event.places = (places[0], places[1])
        return event

    def put_graph(
        self,
        executions: list[Put],
        artifacts: list[Put],
        contexts: list[Put],
        edges: list[Happening],
        options: Options,
        answer: Any,
    ) -> tuple[set[Refusal], Ids]:
        """What a graph comes to, with the ids that were answered where it was."""
        ids, events = Ids(), []
        with self.one_write():
            refusals = self.put_contexts(contexts, options, list(answer.context_ids) if answer else [], ids.contexts)
            refusals |= self.put_all(artifacts, options, list(answer.artifact_ids) if answer else [], ids.artifacts)
            refusals |= self.put_all(executions, options, list(answer.execution_ids) if answer else [], ids.executions)
            self.put_together(ids)
            for edge in edges:
                ends: list[int | None] = []
                sides = [(edge.artifact, artifacts, ids.artifacts), (edge.execution, executions, ids.executions)]
                for place, (named, puts, put) in zip(edge.places, sides, strict=True):
                    is_outside = place is not None and not 0 <= place < len(puts)
                    if is_outside:
                        refusals.add(Refusal.OUTSIDE)
                    elif place is None and named is None:
                        refusals.add(Refusal.INVALID)
                    elif place is not None and named not in (None, puts[place].node):
                        refusals.add(Refusal.INVALID)
                    ends.append(named if place is None else None if is_outside else put[place])
                events.append((edge, *ends))
            refusals |= self.happen(events)
        return refusals, ids
