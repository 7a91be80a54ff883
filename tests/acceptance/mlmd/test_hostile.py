"""What a client may get wrong, which is said to be so, and what only looks wrong, which comes back as it went."""

import math
from collections.abc import Iterator

import grpc
import pytest
from calls import Calls, mlmd, service
from google.protobuf import any_pb2, struct_pb2

Code = grpc.StatusCode
KINDS = {"i": mlmd.INT, "d": mlmd.DOUBLE, "s": mlmd.STRING, "t": mlmd.STRUCT, "p": mlmd.PROTO, "b": mlmd.BOOLEAN}
TEXTS = [
    "",
    "a\tb\r\nc",
    "äöü 漢字 🐧 \u202e\ufeff",
    "it's",
    '"quoted"',
    "back\\slash \\' \\n",
    "%_*?",
    "__MLMD_NULL__",
    "mlmd-struct::",
    "mlmd-struct::CgYKAWESAQA",
    "'; DROP TABLE nodes; --",
    "$1 ? :x {}",
    "null",
    "external_id",
    "x" * 70_000,
]
INTS = [0, -1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63)]
DOUBLES = [0.0, -0.0, 1e-9, 1 / 3, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan]


def values(kind: str, contents: list) -> list[mlmd.Value]:
    return [mlmd.Value(**{f"{kind}_value": each}) for each in contents]


def structs() -> list[struct_pb2.Struct]:
    nested = struct_pb2.Struct()
    nested.update({"a": [1, None, [[], {}, [None, {"b": [True, "x", {"c": None}]}]]], "": -0.0, "ä'\"\\": {"n": None}})
    deep = struct_pb2.Struct()
    inner = deep
    for _ in range(20):
        inner = inner.get_or_create_struct("deeper")
    return [struct_pb2.Struct(), nested, deep]


VALUES = {
    "i": values("int", INTS),
    "d": values("double", DOUBLES),
    "s": values("string", TEXTS),
    "t": values("struct", structs()),
    "p": values("proto", [any_pb2.Any(type_url="type.x/y", value=bytes(range(256))), any_pb2.Any(type_url="type.x/y")]),
    "b": values("bool", [True, False]),
}


@pytest.mark.parametrize("kind", VALUES)
def test_values_come_back_as_they_went(calls: Calls, kind: str) -> None:
    type_id = calls.type("artifact", "T", **KINDS)
    sent = [mlmd.Artifact(type_id=type_id, properties={kind: v}, custom_properties={kind: v}) for v in VALUES[kind]]
    ids = calls.call("PutArtifacts", artifacts=sent).artifact_ids
    stored = {each.id: each for each in calls.call("GetArtifactsByID", artifact_ids=ids).artifacts}
    wrong = []
    for id, value in zip(ids, VALUES[kind], strict=True):
        for back in (stored[id].properties[kind], stored[id].custom_properties[kind]):
            # A NaN is not equal to itself; the two zeros are, and SQLite has but one.
            same = back == value or math.isnan(back.double_value) and math.isnan(value.double_value)
            if not same:
                wrong.append((value, back))
    assert not wrong


@pytest.mark.parametrize("text", [text for text in TEXTS if text and len(text) < 100])
def test_any_text_may_be_a_name_and_be_asked_for(calls: Calls, text: str) -> None:
    types = {kind: calls.type(kind, text, **{text: mlmd.STRING}) for kind in ["artifact", "execution", "context"]}
    fields = {"name": text, "external_id": text, "properties": {text: mlmd.Value(string_value=text)}}
    [artifact] = calls.call(
        "PutArtifacts", artifacts=[mlmd.Artifact(type_id=types["artifact"], uri=text, **fields)]
    ).artifact_ids
    calls.call("PutArtifacts", artifacts=[mlmd.Artifact(type_id=types["artifact"], name="another")])
    [context] = calls.call("PutContexts", contexts=[mlmd.Context(type_id=types["context"], **fields)]).context_ids
    assert calls.call("GetArtifactByTypeAndName", type_name=text, artifact_name=text).artifact.id == artifact
    assert [each.id for each in calls.call("GetArtifactsByURI", uris=[text]).artifacts] == [artifact]
    assert [each.id for each in calls.call("GetContextsByExternalIds", external_ids=[text]).contexts] == [context]
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    queries = [f"name = '{escaped}'", f"uri = '{escaped}' AND type = '{escaped}'", f"external_id IN ('{escaped}', 'z')"]
    if "`" not in text and "\\" not in text and "\n" not in text:
        queries.append(f"properties.`{text}`.string_value = '{escaped}'")
    for query in queries:
        found = calls.call("GetArtifacts", options=mlmd.ListOperationOptions(filter_query=query)).artifacts
        assert [each.id for each in found] == [artifact], query


def mistakes(ids: dict[str, int]) -> Iterator[tuple[str, dict, Code]]:
    """Calls that are wrong, and what the answer is."""
    invalid, value = Code.INVALID_ARGUMENT, mlmd.Value
    artifact, execution, context = ids["artifact_type"], ids["execution_type"], ids["context_type"]
    for kind in ["Artifact", "Execution", "Context"]:
        field, type_of, node = f"{kind.lower()}_type", getattr(mlmd, f"{kind}Type"), getattr(mlmd, kind)
        put, many, right = f"Put{kind}s", f"{kind.lower()}s", ids[field]
        yield f"Put{kind}Type", {}, invalid
        yield f"Put{kind}Type", {field: type_of(name="")}, invalid
        yield f"Put{kind}Type", {field: type_of(name="a\0b")}, invalid
        yield f"Put{kind}Type", {field: type_of(name="n", version="\0")}, invalid
        yield f"Put{kind}Type", {field: type_of(name="n", description="\0")}, invalid
        yield f"Put{kind}Type", {field: type_of(name="n", external_id="\0")}, invalid
        yield f"Put{kind}Type", {field: type_of(name="n", properties={"\0": mlmd.INT})}, invalid
        yield f"Put{kind}Type", {field: type_of(name="n", properties={"p": mlmd.UNKNOWN})}, invalid
        yield f"Put{kind}Type", {field: type_of(name="n"), "all_fields_match": False}, Code.UNIMPLEMENTED
        yield put, {many: [node()]}, invalid
        yield put, {many: [node(type_id=right, id=0, name="n")]}, invalid
        yield put, {many: [node(type_id=right, id=-1, name="n")]}, invalid
        yield put, {many: [node(type_id=right, id=2**63 - 1, name="n")]}, invalid
        for wrong in [0, -1, 2**63 - 1, execution if kind == "Artifact" else artifact]:
            yield put, {many: [node(type_id=wrong, name="n")]}, Code.NOT_FOUND
        yield put, {many: [node(type_id=right, name="\0")]}, invalid
        yield put, {many: [node(type_id=right, name="n", external_id="\0")]}, invalid
        for properties in ["properties", "custom_properties"]:
            for wrong in [value(), value(string_value="\0"), value(proto_value=any_pb2.Any(value=b"x"))]:
                key = {"string_value": "s", "proto_value": "p"}.get(wrong.WhichOneof("value"), "i")
                yield put, {many: [node(type_id=right, name="n", **{properties: {key: wrong}})]}, invalid
        yield put, {many: [node(type_id=right, name="n", properties={"undeclared": value(int_value=1)})]}, invalid
        yield put, {many: [node(type_id=right, name="n", properties={"i": value(double_value=1)})]}, invalid
        yield put, {many: [node(type_id=right, name="n", custom_properties={"\0": value(int_value=1)})]}, invalid
        options = mlmd.ListOperationOptions
        for wrong in [
            "name",
            "name = ",
            "name == 'x'",
            "nobody = 1",
            "name = 1",
            "id = 'x'",
            "(" * 5000,
            "name = 'x",
            ";",
            "state = NOBODY",
            "name = 'x' OR",
            "events_0.type = 77",
            "id = 99999999999999999999",
            "\0",
            "NOT " * 9000,
            "name LIKE 'x\\'",
            "name = '\0'",
            "count(id) > 1",
            "id = @p",
            "id IN (SELECT 1)",
            "1 = 1; SELECT 1",
        ]:
            yield f"Get{kind}s", {"options": options(filter_query=wrong)}, invalid
        for wrong in [options(max_result_size=0), options(max_result_size=-(2**31)), options(next_page_token="%%%")]:
            yield f"Get{kind}s", {"options": wrong}, invalid
        unspecified = options(order_by_field={"field": options.OrderByField.FIELD_UNSPECIFIED})
        yield f"Get{kind}s", {"options": unspecified}, invalid
        yield f"Get{kind}sByExternalIds", {"external_ids": [""]}, invalid
        yield f"Get{kind}Type", {"type_name": "nobody"}, Code.NOT_FOUND
        yield f"Get{kind}Type", {"type_name": "\0"}, Code.NOT_FOUND
    yield "PutArtifacts", {"artifacts": [mlmd.Artifact(type_id=artifact, uri="\0")]}, invalid
    yield "PutContexts", {"contexts": [mlmd.Context(type_id=context)]}, invalid
    yield "PutContexts", {"contexts": [mlmd.Context(type_id=context, name="")]}, invalid
    for ends in [
        {},
        {"artifact_id": ids["artifact"]},
        {"artifact_id": 77777, "execution_id": ids["execution"]},
        {"artifact_id": ids["execution"], "execution_id": ids["artifact"]},
    ]:
        yield "PutEvents", {"events": [mlmd.Event(type=mlmd.Event.INPUT, **ends)]}, invalid
        yield "PutExecution", {"artifact_event_pairs": [{"event": mlmd.Event(**ends)}]}, invalid
    both = {"artifact_id": ids["artifact"], "execution_id": ids["execution"]}
    step = mlmd.Event.Path.Step(key="\0")
    for event in [mlmd.Event(**both), mlmd.Event(type=0, **both), mlmd.Event(type=3, path={"steps": [step]}, **both)]:
        yield "PutEvents", {"events": [event]}, invalid
    missing = [{"event": mlmd.Event(artifact_id=77777, type=mlmd.Event.INPUT)}]
    yield "PutExecution", {"execution": mlmd.Execution(type_id=execution), "artifact_event_pairs": missing}, invalid
    yield "PutAttributionsAndAssociations", {"attributions": [mlmd.Attribution(artifact_id=ids["artifact"])]}, invalid
    yield "PutAttributionsAndAssociations", {"associations": [mlmd.Association(execution_id=1, context_id=-5)]}, invalid
    loop = mlmd.ParentContext(child_id=ids["context"], parent_id=ids["context"])
    yield "PutParentContexts", {"parent_contexts": [loop]}, invalid
    edge = service.PutLineageSubgraphRequest.EventEdge
    event = mlmd.Event(type=mlmd.Event.INPUT)
    for index in [0, -1, 2**31 - 1]:
        wrong = edge(execution_index=index, artifact_index=index, event=event)
        yield "PutLineageSubgraph", {"event_edges": [wrong]}, Code.OUT_OF_RANGE
    yield "PutLineageSubgraph", {"event_edges": [edge(execution_index=0, artifact_index=0)]}, invalid
    yield "GetLineageSubgraph", {}, invalid
    start = {"starting_artifacts": {"filter_query": "id = 77777"}}
    yield "GetLineageSubgraph", {"lineage_subgraph_query_options": start}, Code.NOT_FOUND
    hops = {"starting_artifacts": {"filter_query": "id > 0"}, "max_num_hops": -1}
    yield "GetLineageSubgraph", {"lineage_subgraph_query_options": hops}, invalid
    yield "GetLineageGraph", {}, Code.UNIMPLEMENTED
    yield "GetParentContextsByContexts", {}, invalid
    yield "GetContextsByArtifact", {}, Code.NOT_FOUND


def test_a_clients_mistake_is_said_to_be_one(calls: Calls) -> None:
    ids = {f"{kind}_type": calls.type(kind, "T", **KINDS) for kind in ["artifact", "execution", "context"]}
    [ids["artifact"]] = calls.call("PutArtifacts", artifacts=[mlmd.Artifact(type_id=ids["artifact_type"])]).artifact_ids
    [ids["execution"]] = calls.call(
        "PutExecutions", executions=[mlmd.Execution(type_id=ids["execution_type"])]
    ).execution_ids
    [ids["context"]] = calls.call(
        "PutContexts", contexts=[mlmd.Context(type_id=ids["context_type"], name="c")]
    ).context_ids
    cases = list(mistakes(ids))
    wrong = []
    for method, fields, expected in cases:
        if (code := calls.code(method, **fields)) != expected:
            wrong.append(f"{method} {str(fields)[:300]}: {code.name}, not {expected.name}")
    assert not wrong, "\n".join(wrong)
    # All or nothing: no mistake left anything.
    for many in ["artifacts", "executions", "contexts"]:
        assert len(getattr(calls.call(f"Get{many.title()}"), many)) == 1
