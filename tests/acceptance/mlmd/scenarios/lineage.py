"""What leads where."""

from google.protobuf.field_mask_pb2 import FieldMask
from scenarios.making import Event, artifact, context, execution, put, put_type
from twins import Twin, mlmd

Query = mlmd.LineageSubgraphQueryOptions
Start, End = Query.StartingNodes, Query.EndingNodes
UP, DOWN, BOTH = Query.UPSTREAM, Query.DOWNSTREAM, Query.BIDIRECTIONAL
FIELDS = [
    "artifacts", "executions", "contexts", "events", "attributions", "associations", "artifact_types",
    "execution_types", "context_types", "parent_contexts",
]  # fmt: skip
# All but the types, which other scenarios have put too.
NODES = [field for field in FIELDS if not field.endswith("_types")]


def walk(twin: Twin, start: str, of: str = "artifacts", read: list[str] = NODES, **options) -> None:
    known = {"differs": options.pop("differs")} if "differs" in options else {}
    fields = {f"starting_{of}": Start(filter_query=start), **options}
    twin("GetLineageSubgraph", lineage_subgraph_query_options=Query(**fields), read_mask=FieldMask(paths=read), **known)


def world(twin: Twin, name: str) -> None:
    """a1 → e1 → a2 → e2 → a3, a4; a2 → e3 → a5 → e4 → a3 again; a6 alone."""
    of, run, of_context = (put_type(twin, kind, name) for kind in ("Artifact", "Execution", "Context"))
    a = put(twin, *(artifact({"i": number}, type_id=of, name=f"{name} a{number}") for number in range(1, 7)))
    e = put(twin, *(execution({"i": number}, type_id=run, name=f"{name} e{number}") for number in range(1, 5)))
    c = put(twin, *(context(type_id=of_context, name=f"{name} c{number}") for number in range(1, 4)))
    events = [
        (1, 1, Event.INPUT), (2, 1, Event.OUTPUT), (2, 2, Event.DECLARED_INPUT), (3, 2, Event.DECLARED_OUTPUT), (4, 2, Event.INTERNAL_OUTPUT),
        (2, 3, Event.INTERNAL_INPUT), (2, 3, Event.INPUT), (5, 3, Event.PENDING_OUTPUT), (5, 4, Event.INPUT), (3, 4, Event.OUTPUT),
    ]  # fmt: skip
    sent = [Event(artifact_id=a[one - 1], execution_id=e[other - 1], type=kind) for one, other, kind in events]
    twin("PutEvents", events=sent)
    twin(
        "PutAttributionsAndAssociations",
        attributions=[mlmd.Attribution(artifact_id=a[0], context_id=c[0]), mlmd.Attribution(artifact_id=a[4], context_id=c[1])],
        associations=[mlmd.Association(execution_id=e[0], context_id=c[0]), mlmd.Association(execution_id=e[3], context_id=c[2])],
    )
    twin("PutParentContexts", parent_contexts=[mlmd.ParentContext(child_id=c[0], parent_id=c[1])])


def asks_where_things_lead(twin: Twin) -> None:
    world(twin, "L")
    for direction in (None, Query.DIRECTION_UNSPECIFIED, UP, DOWN, BOTH):
        way = {} if direction is None else {"direction": direction}
        for start in ("name = 'L a1'", "name = 'L a2'", "name = 'L a3'", "name = 'L a6'", "name IN ('L a1', 'L a5')"):
            for hops in ({}, {"max_num_hops": 0}, {"max_num_hops": 1}, {"max_num_hops": 2}, {"max_num_hops": 3}):
                walk(twin, start, **way, **hops)
        for start in ("name = 'L e1'", "name = 'L e4'", "name LIKE 'L e%'"):
            for hops in ({}, {"max_num_hops": 1}, {"max_num_hops": 2}):
                walk(twin, start, "executions", **way, **hops)


def asks_where_things_end(twin: Twin) -> None:
    world(twin, "E")
    for direction in (UP, DOWN, BOTH):
        for include in ({}, {"include_ending_nodes": True}):
            for start in ("name = 'E a1'", "name = 'E a3'", "name IN ('E a1', 'E a5', 'E a3')", "contexts_a.name LIKE 'E c%'"):
                for end in ("name = 'E a2'", "name = 'E a3'", "name = 'E a1'", "name IN ('E a2', 'E a5')", "name = 'none'"):
                    walk(twin, start, direction=direction, ending_artifacts=End(filter_query=end, **include))
                for end in ("name = 'E e2'", "name LIKE 'E e%'"):
                    walk(twin, start, direction=direction, ending_executions=End(filter_query=end, **include))
            walk(
                twin,
                "name = 'E e1'",
                "executions",
                direction=direction,
                ending_executions=End(filter_query="name = 'E e1'", **include),
                ending_artifacts=End(filter_query="name = 'E a5'", **include),
            )


def asks_for_wrong_ways(twin: Twin) -> None:
    world(twin, "W")
    twin("GetLineageSubgraph")
    twin("GetLineageSubgraph", lineage_subgraph_query_options=Query())
    twin("GetLineageSubgraph", lineage_subgraph_query_options=Query(starting_artifacts=Start()))
    for start in ("", "nonsense", "name = 'none'"):
        walk(twin, start)
        walk(twin, start, "executions")
    walk(twin, "last_known_state = RUNNING")
    walk(twin, "state = LIVE", "executions")
    walk(twin, "name = 'W a1'", max_num_hops=-1)
    walk(twin, "name = 'W a1'", max_num_hops=101)
    walk(twin, "name = 'W a1'", ending_artifacts=End(filter_query="nonsense"))
    walk(twin, "name = 'W a1'", ending_executions=End(filter_query="nonsense"))
    walk(twin, "name = 'W a1'", ending_artifacts=End(filter_query=""))
    walk(twin, "name = 'W a1'", ending_artifacts=End())
    walk(twin, "name = 'W a1'", ending_artifacts=End(include_ending_nodes=True))


def asks_for_parts_of_a_lineage(twin: Twin) -> None:
    world(twin, "M")
    for field in FIELDS:
        walk(twin, "name = 'M a1'", read=[field], **({"differs": "D16"} if field.endswith("_types") else {}))
    for paths in (["nonsense"], ["artifacts.name"], ["artifacts", "nonsense"], ["artifacts", "events"], [""], ["system_metadata"]):
        walk(twin, "name = 'M a1'", read=paths)
    for paths in ([], FIELDS):
        walk(twin, "name = 'M a1'", read=paths, differs="D16")


def asks_for_long_ways(twin: Twin) -> None:
    """A chain of more hops than are walked."""
    of, run = put_type(twin, "Artifact", "chain", {}), put_type(twin, "Execution", "chain", {})
    a = put(twin, *(artifact(type_id=of, name=f"chain {number}") for number in range(54)))
    e = put(twin, *(execution(type_id=run, name=f"chain {number}") for number in range(53)))
    events = [Event(artifact_id=a[number], execution_id=e[number], type=Event.INPUT) for number in range(53)]
    events += [Event(artifact_id=a[number + 1], execution_id=e[number], type=Event.OUTPUT) for number in range(53)]
    twin("PutEvents", events=events)
    for hops in ({}, {"max_num_hops": 99}, {"max_num_hops": 1000}):
        walk(twin, "name = 'chain 0'", direction=DOWN, **hops)
        walk(twin, "name = 'chain 53'", direction=UP, **hops)
        walk(twin, "name = 'chain 20'", direction=BOTH, **hops)


def asks_from_many_starts(twin: Twin) -> None:
    of = put_type(twin, "Artifact", "many starts", {})
    put(twin, *(artifact(type_id=of) for _ in range(120)))
    walk(twin, "type = 'many starts'", read=["artifacts"], differs="D17")
