"""What the reference implementation gets wrong."""

import random
import string

import grpc
import pytest
from calls import Calls, mlmd, service

Code = grpc.StatusCode
Field = mlmd.ListOperationOptions.OrderByField


def test_a_name_is_two_properties_where_both_maps_have_it(calls: Calls) -> None:
    type_id = calls.type("artifact", "T", p=mlmd.INT)
    made = mlmd.Artifact(type_id=type_id)
    made.properties["p"].int_value = 2**31
    made.custom_properties["p"].string_value = "custom"
    [id] = calls.call("PutArtifacts", artifacts=[made]).artifact_ids
    changed = mlmd.Artifact(id=id, custom_properties={"p": mlmd.Value(string_value="changed")})
    calls.call("PutArtifacts", artifacts=[changed], update_mask={"paths": ["custom_properties.p"]})
    [stored] = calls.call("GetArtifactsByID", artifact_ids=[id]).artifacts
    assert (stored.properties["p"].int_value, stored.custom_properties["p"].string_value) == (2**31, "changed")
    calls.call("PutArtifacts", artifacts=[mlmd.Artifact(id=id)], update_mask={"paths": ["properties.p"]})
    [stored] = calls.call("GetArtifactsByID", artifact_ids=[id]).artifacts
    assert (dict(stored.properties), list(stored.custom_properties)) == ({}, ["p"])


def test_an_empty_pair_leaves_nothing(calls: Calls) -> None:
    execution, context = calls.type("execution", "E"), calls.type("context", "C")
    pair = service.PutExecutionRequest.ArtifactAndEvent()
    answer = calls.call(
        "PutExecution",
        execution=mlmd.Execution(type_id=execution),
        artifact_event_pairs=[pair],
        contexts=[mlmd.Context(type_id=context, name="c")],
    )
    assert list(answer.artifact_ids) == [-1]
    assert not calls.call("GetArtifactsByContext", context_id=answer.context_ids[0]).artifacts
    unknown = service.PutExecutionRequest.ArtifactAndEvent(event=mlmd.Event(artifact_id=77777, type=mlmd.Event.INPUT))
    half = {"execution": mlmd.Execution(type_id=execution), "artifact_event_pairs": [unknown]}
    assert calls.code("PutExecution", **half) == Code.INVALID_ARGUMENT
    assert len(calls.call("GetExecutions").executions) == 1


def test_texts_that_do_not_compress_are_stored(calls: Calls) -> None:
    type_id = calls.type("artifact", "T", p=mlmd.STRING)
    text = "".join(random.Random(1).choices(string.ascii_letters, k=50_000))
    value = mlmd.Value(string_value=text)
    [id] = calls.call("PutArtifacts", artifacts=[mlmd.Artifact(type_id=type_id, properties={"p": value})]).artifact_ids
    [stored] = calls.call("GetArtifactsByID", artifact_ids=[id]).artifacts
    assert stored.properties["p"] == value
    calls.call("PutArtifacts", artifacts=[mlmd.Artifact(type_id=type_id, uri="s3://" + text[:7000])])
    found = calls.call("GetArtifactsByURI", uris=["s3://" + text[:7000]]).artifacts
    assert [each.uri for each in found] == ["s3://" + text[:7000]]


def test_a_name_that_is_taken_is_said_to_be(calls: Calls) -> None:
    type_id = calls.type("context", "C")
    a, b = (mlmd.Context(type_id=type_id, name=name, external_id=f"e{name}") for name in "ab")
    a.id, b.id = calls.call("PutContexts", contexts=[a, b]).context_ids
    renamed = mlmd.Context(id=b.id, type_id=type_id, name="a")
    assert calls.code("PutContexts", contexts=[renamed]) == Code.ALREADY_EXISTS
    taken = mlmd.Context(id=b.id, type_id=type_id, name="b", external_id="ea")
    assert calls.code("PutContexts", contexts=[taken]) == Code.ALREADY_EXISTS
    assert calls.code("PutArtifactType", artifact_type=mlmd.ArtifactType(name="x", external_id="e")) == Code.OK
    assert (
        calls.code("PutArtifactType", artifact_type=mlmd.ArtifactType(name="y", external_id="e")) == Code.ALREADY_EXISTS
    )
    other_kind = mlmd.ContextType(name="y", external_id="e")
    assert calls.code("PutContextType", context_type=other_kind) in {Code.OK, Code.ALREADY_EXISTS}
    assert "e" in {each.external_id for each in calls.call("GetArtifactTypes").artifact_types}


@pytest.mark.parametrize("field", [Field.ID, Field.CREATE_TIME, Field.LAST_UPDATE_TIME])
@pytest.mark.parametrize("query", ["", "properties.p.int_value >= 0 OR properties.p.int_value < 0"])
def test_pages_show_everything_once(calls: Calls, field: int, query: str) -> None:
    type_id = calls.type("artifact", "T", p=mlmd.INT)
    # Many share a time, more than a page has.
    value = {"p": mlmd.Value(int_value=1)}
    ids = calls.call("PutArtifacts", artifacts=[mlmd.Artifact(type_id=type_id, properties=value)] * 259).artifact_ids
    for ascending in [True, False]:
        options = mlmd.ListOperationOptions(max_result_size=1000, filter_query=query)
        options.order_by_field.field, options.order_by_field.is_asc = field, ascending
        shown, sizes = [], []
        while not sizes or options.next_page_token:
            page = calls.call("GetArtifacts", options=options)
            options.next_page_token = page.next_page_token
            sizes.append(len(page.artifacts))
            shown += [each.id for each in page.artifacts]
        assert sizes == [100, 100, 59]
        assert shown == sorted(ids, reverse=not ascending)


@pytest.mark.parametrize(
    "query",
    [
        "contexts_a.external_id = 'ec'",
        "state IN (ABANDONED, REFERENCE)",
        "events_0.type = PENDING_OUTPUT",
        "name LIKE 'Mixed%'",
        "NOT name LIKE 'mixed%' AND name = \"Mixed's\"",
    ],
)
def test_documented_conditions_work(calls: Calls, query: str) -> None:
    artifact, execution, context = (calls.type(kind, "T") for kind in ["artifact", "execution", "context"])
    made = mlmd.Artifact(type_id=artifact, name="Mixed's", state=mlmd.Artifact.ABANDONED)
    event = mlmd.Event(type=mlmd.Event.PENDING_OUTPUT)
    answer = calls.call(
        "PutExecution",
        execution=mlmd.Execution(type_id=execution),
        artifact_event_pairs=[service.PutExecutionRequest.ArtifactAndEvent(artifact=made, event=event)],
        contexts=[mlmd.Context(type_id=context, name="c", external_id="ec")],
    )
    calls.call("PutArtifacts", artifacts=[mlmd.Artifact(type_id=artifact, name="external_id")])
    found = calls.call("GetArtifacts", options=mlmd.ListOperationOptions(filter_query=query)).artifacts
    assert [each.id for each in found] == list(answer.artifact_ids)
