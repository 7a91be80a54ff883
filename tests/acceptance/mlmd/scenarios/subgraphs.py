"""Graphs put in one call."""

from scenarios.making import Event, artifact, context, execution, get, put, put_type
from twins import Twin, service

Request = service.PutLineageSubgraphRequest
Edge, Options = Request.EventEdge, Request.Options
NONE = 10**6
IN, OUT = Event(type=Event.INPUT), Event(type=Event.OUTPUT)


class Graph:
    """Types of this scenario, and a way to put graphs of them."""

    def __init__(self, twin: Twin, name: str):
        self.twin = twin
        self.artifact, self.execution, self.context = (put_type(twin, kind, name) for kind in ("Artifact", "Execution", "Context"))

    def artifacts(self, *names: str, **fields) -> list:
        return [artifact({"s": name}, type_id=self.artifact, name=name, **fields) for name in names]

    def executions(self, *names: str, **fields) -> list:
        return [execution({"s": name}, type_id=self.execution, name=name, **fields) for name in names]

    def contexts(self, *names: str, **fields) -> list:
        return [context({"s": name}, type_id=self.context, name=name, **fields) for name in names]

    def put(self, edges: list[Edge] = [], options: dict | None = None, **nodes):  # noqa: B006
        return self.twin("PutLineageSubgraph", **nodes, event_edges=edges, options=Options(**(options or {})))

    def look(self, answer) -> None:
        twin = self.twin
        get(twin, "Artifact", *answer.artifact_ids)
        get(twin, "Execution", *answer.execution_ids)
        get(twin, "Context", *answer.context_ids)
        twin("GetEventsByArtifactIDs", artifact_ids=answer.artifact_ids)
        for id in answer.context_ids:
            twin("GetArtifactsByContext", context_id=id)
            twin("GetExecutionsByContext", context_id=id)


def asks_to_put_graphs(twin: Twin) -> None:
    graph = Graph(twin, "graph")
    graph.put()
    made = graph.put(
        [
            Edge(execution_index=0, artifact_index=0, event=IN),
            Edge(execution_index=0, artifact_index=1, event=OUT),
            Edge(execution_index=1, artifact_index=1, event=IN),
        ],
        artifacts=graph.artifacts("a", "b"),
        executions=graph.executions("e", "f"),
        contexts=graph.contexts("c", "d"),
    )
    graph.look(made)
    a, b = list(made.artifact_ids) or (0, 0)
    e, f = list(made.execution_ids) or (0, 0)
    by_id = [
        Edge(event=Event(artifact_id=a, execution_id=f, type=Event.INPUT)),
        Edge(artifact_index=0, event=Event(execution_id=e, type=Event.OUTPUT)),
        Edge(execution_index=0, event=Event(artifact_id=b, type=Event.OUTPUT)),
    ]
    graph.look(graph.put(by_id, artifacts=graph.artifacts("g"), executions=graph.executions("h")))
    changed = {"artifacts": graph.artifacts("a", id=a), "executions": graph.executions("e", id=e)}
    both = Event(artifact_id=a, execution_id=e, type=Event.DECLARED_INPUT)
    graph.look(graph.put([Edge(execution_index=0, artifact_index=0, event=both)], **changed))
    twin("GetEventsByArtifactIDs", artifact_ids=[a, b])


def asks_for_wrong_edges(twin: Twin) -> None:
    graph = Graph(twin, "wrong edges")
    made = graph.put(artifacts=graph.artifacts("a", "b"), executions=graph.executions("e"))
    a, b = list(made.artifact_ids) or (0, 0)
    [e] = list(made.execution_ids) or [0]
    new = {"artifacts": graph.artifacts("new"), "executions": graph.executions("new")}
    wrong = [
        Edge(),
        Edge(execution_index=0, artifact_index=0),
        Edge(execution_index=0, event=IN),
        Edge(artifact_index=0, event=IN),
        Edge(execution_index=1, artifact_index=0, event=IN),
        Edge(execution_index=0, artifact_index=1, event=IN),
        Edge(execution_index=-1, artifact_index=0, event=IN),
        Edge(execution_index=0, artifact_index=-1, event=IN),
        Edge(execution_index=0, artifact_index=0, event=Event()),
        Edge(execution_index=0, artifact_index=0, event=Event(type=Event.UNKNOWN)),
        Edge(execution_index=0, artifact_index=0, event=Event(artifact_id=a, type=Event.INPUT)),
        Edge(execution_index=0, artifact_index=0, event=Event(execution_id=e, type=Event.INPUT)),
    ]
    for edge in wrong:
        graph.put([edge], **new)
    stored = {"artifacts": graph.artifacts("a", id=a), "executions": graph.executions("e", id=e)}
    graph.put([Edge(execution_index=0, artifact_index=0, event=Event(artifact_id=b, type=Event.INPUT))], **stored)
    graph.put([Edge(execution_index=0, artifact_index=0, event=IN)] * 2, **new)
    # Nothing of it happened.
    twin("GetArtifactsByType", type_name="wrong edges")
    twin("GetExecutionsByType", type_name="wrong edges")


def asks_for_edges_to_nothing(twin: Twin) -> None:
    graph = Graph(twin, "edges to nothing")
    sides = [{"artifact_id": NONE}, {"execution_id": NONE}]
    for number, (side, other) in enumerate(zip(sides, ({"execution_index": 0}, {"artifact_index": 0}), strict=True)):
        new = {"artifacts": graph.artifacts(f"new {number}"), "executions": graph.executions(f"new {number}")}
        edge = Edge(**other, event=Event(**side, type=Event.INPUT))
        twin("PutLineageSubgraph", **new, event_edges=[edge], differs="D5", ours="INVALID_ARGUMENT")


def asks_for_wrong_nodes_in_graphs(twin: Twin) -> None:
    graph = Graph(twin, "wrong nodes")
    made = graph.put(artifacts=graph.artifacts("a"), executions=graph.executions("e"), contexts=graph.contexts("c"))
    [a], [e], [c] = (list(ids) or [0] for ids in (made.artifact_ids, made.execution_ids, made.context_ids))
    for kind, make, id in (("artifacts", artifact, a), ("executions", execution, e), ("contexts", context, c)):
        of = getattr(graph, kind.removesuffix("s"))
        name = {"artifacts": "a", "executions": "e", "contexts": "c"}[kind]
        for wrong in (
            make(),
            make(name="x"),
            make(id=id),
            make(id=id, name=name),
            make(type_id=NONE, name="x"),
            make(id=NONE, type_id=of, name="x"),
            make({"none": 1}, type_id=of, name="x"),
            make({"i": "text"}, type_id=of, name="x"),
            make(type_id=of, name=name),
        ):
            graph.put(**{kind: [make(type_id=of, name="right"), wrong]})
        twin(f"Get{kind.title()}ByType", type_name="wrong nodes")
    graph.put(contexts=[context(type_id=graph.context)])
    graph.put(contexts=[context(type_id=graph.context, name="")])


def asks_to_reuse_in_graphs(twin: Twin) -> None:
    graph = Graph(twin, "reuse")
    [a] = put(twin, *graph.artifacts("a", external_id="in a graph"))
    [c] = put(twin, *graph.contexts("c"))
    known = artifact({"s": "changed"}, type_id=graph.artifact, external_id="in a graph")
    context_again = context({"s": "changed"}, type_id=graph.context, name="c")
    by_external_id = {"reuse_artifact_if_already_exist_by_external_id": True}
    by_name = {"reuse_context_if_already_exist": True}
    graph.put(artifacts=[known])
    graph.put(artifacts=[known], options=by_name)
    graph.look(graph.put(artifacts=[known], options=by_external_id))
    graph.put(contexts=[context_again])
    graph.look(graph.put(contexts=[context_again], executions=graph.executions("e"), options=by_name))
    both = graph.put(
        [Edge(execution_index=0, artifact_index=0, event=OUT)],
        artifacts=[known, *graph.artifacts("b")],
        executions=graph.executions("f"),
        contexts=[context_again, *graph.contexts("d")],
        options=by_name | by_external_id,
    )
    graph.look(both)
    new = artifact(type_id=graph.artifact, external_id="twice in a graph")
    graph.put(artifacts=[new, new], options=by_external_id)
    graph.look(graph.put(contexts=graph.contexts("c", id=c), artifacts=graph.artifacts("a", id=a), options=by_name))
    # A given id wins over an external one.
    [b] = put(twin, *graph.artifacts("given"))
    graph.put(artifacts=[artifact(id=b, type_id=graph.artifact, external_id="in a graph")], options=by_external_id,)
    get(twin, "Artifact", a, b)
