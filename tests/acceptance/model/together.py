"""What is put at once, done to the model: first to a copy, to know what is wrong, and then as it was answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import count

from .entities import OWN
from .graph_rules import GraphRules
from .publish import OF_PROPERTIES, Happening, Ids, Options, Put
from .registry import Change, Draft, Node, Refusal, Together

# Ids that nothing has, for what is only rehearsed.
unborn = count(10**15)


class TogetherRules(GraphRules):
    """Nodes, events and members, put by one request."""

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Whatever is done to the model meanwhile has not happened."""
        kept, self.registry = self.registry, deepcopy(self.registry)
        try:
            yield
        finally:
            self.registry = kept

    @contextmanager
    def one_write(self) -> Iterator[None]:
        """What is done to the model meanwhile stands together in the record of changes."""
        groups = self.registry.changes
        begin = len(groups)
        yield
        together = Together(change for group in groups[begin:] for change in group)
        groups[begin:] = [together] if together else []

    # Nodes. Each gives what is wrong, and leaves the ids of what was put; none for what cannot be.

    def put_all(self, puts: list[Put], options: Options, answered: list[int], placed: list[int | None]) -> set[Refusal]:
        """Nodes of one kind, one after the other; `answered` is empty where it is rehearsed."""
        refusals: set[Refusal] = set()
        known = self.outside_ids() if options.reuse_artifact else {}
        touched: set[int] = set()
        for number, put in enumerate(puts):
            node_id, draft = put.node, put.draft
            if put.kind == "artifact" and not node_id:
                node_id = known.get(draft.external_id or "")
            needs_type = options.is_graph or put.kind == "context"
            found = put.refusals(node_id is None, needs_type)
            if put.flaw == "unknown id":
                found |= self.registry.odd(draft)
            elif node_id is None:
                found |= self.refusals_of_new(draft)
            else:
                found |= self.refusals_of_put(self.registry.nodes[node_id], draft)
                found |= set() if self.registry.nodes[node_id].type == draft.type else {Refusal.INVALID}
            refusals |= found
            if found:
                placed.append(None)
            elif node_id is None:
                node = self.registry.create(draft, answered[number] if answered else next(unborn))
                node.uri = draft.uri or None
                placed.append(node.id)
                touched.add(node.id)
                if not options.is_graph and options.reuse_artifact and node.external_id:
                    known[node.external_id] = node.id
            else:
                self.put_again(self.registry.nodes[node_id], draft, touched)
                placed.append(node_id)
        return refusals

    def outside_ids(self) -> dict[str, int]:
        return {node.external_id: node.id for node in self.kinds("artifact") if node.external_id}

    def put_again(self, node: Node, draft: Draft, touched: set[int]) -> None:
        """Changes a node; what a pipeline makes is written once, as it is in the end."""
        revision = node.revision
        self.replaced(node, draft)
        if node.type in OWN and node.id in touched:
            node.revision = revision
            self.registry.changes.pop()
        touched.add(node.id)

    def put_contexts(
        self, puts: list[Put], options: Options, answered: list[int], placed: list[int | None]
    ) -> set[Refusal]:
        """Contexts, some of which are only looked for, and some made by one that comes before them."""
        refusals: set[Refusal] = set()
        found = [self.find_context(put, options) for put in puts]
        firsts = self.firsts(puts, options)
        for number, (put, there) in enumerate(zip(puts, found, strict=True)):
            if put.is_forced(options):
                refusals |= {Refusal.MISSING} if put.flaw == "unknown id" else set()
            elif there or firsts[number] != number:
                refusals |= self.registry.odd(put.draft)
                refusals |= {Refusal.INVALID} if options.is_graph and put.flaw in OF_PROPERTIES else set()
        rest = [number for number, there in enumerate(found) if there is None and firsts[number] == number]
        ids: list[int | None] = []
        left = [puts[number] for number in rest]
        refusals |= self.put_all(left, options, [answered[number] for number in rest] if answered else [], ids)
        made = dict(zip(rest, ids, strict=True))
        placed += [made[first] if there is None else there for there, first in zip(found, firsts, strict=True)]
        return refusals

    def firsts(self, puts: list[Put], options: Options) -> list[int]:
        """The place of the first of the same type and name, for each."""
        named: dict[tuple[str, int | None, str | None], int] = {}
        return [
            named.setdefault((put.draft.type, put.draft.home, put.draft.name), number)
            if options.reuse_context and put.says_what
            else number
            for number, put in enumerate(puts)
        ]

    def find_context(self, put: Put, options: Options) -> int | None:
        """The context that is used as it is; 0 for one that is to be and is not there."""
        if put.is_forced(options):
            return 0 if put.flaw == "unknown id" else put.node
        if options.reuse_context and put.says_what and put.draft.name:
            node = self.registry.named(put.draft.type, put.draft.home, put.draft.name)
            return node.id if node else None
        return None

    # Edges.

    def happen(self, events: list[tuple[Happening, int | None, int | None]]) -> set[Refusal]:
        """Events, with what they are between."""
        refusals: set[Refusal] = set()
        nodes, done = self.registry.nodes, []
        for event, artifact, execution in events:
            if event.type == "UNKNOWN":
                refusals.add(Refusal.INVALID)
            ends = [(artifact, "artifact"), (execution, "execution")]
            if None in (artifact, execution):
                # What it is between is wrong already.
                continue
            if any(end not in nodes or nodes[end].kind != kind for end, kind in ends):
                refusals.add(Refusal.INVALID)
                continue
            key = (artifact or 0, execution or 0, event.type)
            refusals |= {Refusal.EXISTS} if key in self.registry.events else set()
            self.registry.events[key] = event.path
            done.append(execution)
        for execution in dict.fromkeys(done):
            self.registry.changes.append([Change(execution, "event.put", nodes[execution].revision)])
        return refusals

    def put_together(self, ids: Ids) -> None:
        """Everything becomes a member of every context."""
        members = [node for node in [*ids.artifacts, *ids.executions] if node in self.registry.nodes]
        for context in dict.fromkeys(ids.contexts):
            if context in self.registry.nodes:
                self.registry.attach(self.registry.nodes[context], *members)
